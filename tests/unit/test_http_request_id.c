/* Ids of requests: made, and taken from what clients sent. */
#include "http/request_id.h"
#include "http_testing.h"

START_TEST(ids_are_hex_and_never_the_same)
{
	static char ids[300][REQUEST_ID_SIZE];
	struct request_ids one = { 5, 7 }, other = { 5, 8 };

	for (unsigned i = 0; i < 150; i++) {
		request_id_make(&one, ids[i]);
		request_id_make(&other, ids[150 + i]);
	}
	for (unsigned i = 0; i < 300; i++) {
		struct str id = { ids[i], REQUEST_ID_SIZE };

		for (size_t k = 0; k < id.n; k++)
			ck_assert(strchr("0123456789abcdef", id.p[k]) && id.p[k]);
		ck_assert(request_id_is_sane(id));
		for (unsigned k = 0; k < i; k++)
			ck_assert(memcmp(ids[i], ids[k], REQUEST_ID_SIZE) != 0);
	}
	/* The same counter elsewhere: told apart by the other number alone. */
	ck_assert(memcmp(ids[0], ids[150], 16) == 0);
	ck_assert(memcmp(ids[0] + 16, ids[150] + 16, 16) != 0);
}
END_TEST

static const struct {
	const char *id;
	bool sane;
} ids[] = {
	{ "a", true },
	{ "7c1b2a0e-52d0-4a5e-9d3e-0f7a9a4f2b11", true },
	{ "7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E", true },
	{ "Root=1-67891233-abcdef012345678912345678;Sampled=1", true },
	{ "dGVzdA==+/", true },
	{ "", false },
	{ "a b", false },
	{ "a,b", false },
	{ "a\"b", false },
	{ "<b>", false },
	{ "a{b}|c", false },
	{ "a\\b", false },
	{ "\xc3\xa4", false },
};

START_TEST(what_is_sane)
{
	ck_assert_int_eq(request_id_is_sane(str_of(ids[_i].id)), ids[_i].sane);
}
END_TEST

START_TEST(no_longer_than_128)
{
	char id[REQUEST_ID_MAX + 1];

	memset(id, 'a', sizeof(id));
	ck_assert(request_id_is_sane((struct str){ id, REQUEST_ID_MAX }));
	ck_assert(!request_id_is_sane((struct str){ id, REQUEST_ID_MAX + 1 }));
	id[3] = '\0';
	ck_assert(!request_id_is_sane((struct str){ id, REQUEST_ID_MAX }));
}
END_TEST

/* How many of them would go on. */
static unsigned left(const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < req.fields.count; i++)
		n += !req.fields.list[i].drop && str_ieq(req.fields.list[i].name, str_of(name));
	return n;
}

static struct str take(const char *name, const char *fields, bool believed)
{
	static char head[1024];
	struct http_field *first;
	struct str id = str_of(name);

	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n%s\r\n", fields);
	request_taken(str_of(head));
	first = request_id_find(&req.fields, http_field_classify(id), id);
	return first ? request_id_take(&req.fields, first, believed) : STR_NONE;
}

static void kept(const char *name, const char *fields, bool believed, const char *id)
{
	struct str got = take(name, fields, believed);

	ck_assert_msg(str_eq(got, str_of(id)), "%s: %.*s", fields, STR_ARGS(got));
	ck_assert_uint_eq(left(name), *id ? 1 : 0);
	ck_assert_uint_eq(left("B"), 1);
}

START_TEST(one_that_is_believed_and_sane_is_kept)
{
	kept("X-Request-ID", "x-request-id: abc\r\nX-Other: d\r\n", true, "abc");
	kept("X-Request-ID", "x-request-id: abc\r\n", false, "");
	kept("X-Request-ID", "x-request-id: a b\r\n", true, "");
	kept("X-Request-ID", "x-request-id:\r\n", true, "");
	kept("X-Request-ID", "X-Request-ID: a\r\nD: e\r\nX-Request-ID: a\r\n", true, "");
	kept("X-Request-ID", "D: e\r\n", true, "");
	kept("X-Trace", "x-trace: abc\r\n", true, "abc");
	kept("X-Trace", "X-Trace: abc\r\nX-Trace: d\r\n", true, "");
	/* Of what Connection names nothing is left to keep. */
	kept("X-Request-ID", "Connection: x-request-id\r\nX-Request-ID: a\r\n", true, "");
	take("X-Trace", "X-Trace: abc\r\nX-Request-ID: d\r\n", false);
	ck_assert_uint_eq(left("X-Request-ID"), 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http request ids");
	TCase *t = tcase_create("ids");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, ids_are_hex_and_never_the_same);
	tcase_add_loop_test(t, what_is_sane, 0, sizeof(ids) / sizeof(ids[0]));
	tcase_add_test(t, no_longer_than_128);
	tcase_add_test(t, one_that_is_believed_and_sane_is_kept);
	return http_run(s);
}
