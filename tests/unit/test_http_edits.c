/* request_headers and response_headers, applied to parsed heads. */
#include "http/edits.h"
#include "http_testing.h"

static void parse(const char *head)
{
	request_taken(str_of(head));
}

static const char *kept(void)
{
	static char names[256];

	names[0] = '\0';
	for (unsigned i = 0; i < req.fields.count; i++)
		if (!req.fields.list[i].drop) {
			strncat(names, req.fields.list[i].name.p, req.fields.list[i].name.n);
			strcat(names, " ");
		}
	return names;
}

static struct http_edit edit(enum http_edit_kind kind, const char *name, const char *value)
{
	return (struct http_edit){ kind, http_field_classify(str_of(name)), str_of(name),
				   str_of(value) };
}

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\nReferer: r\r\n\r\n"

static struct http_edited edited;

static void apply(const struct http_edit *edits, unsigned n)
{
	ck_assert(http_edits_apply(edits, n, &req.fields, &arena, &edited));
}

START_TEST(each_does_its_thing)
{
	const struct http_edit edits[] = { edit(HTTP_EDIT_SET, "x-A", "new"),
					   edit(HTTP_EDIT_ADD, "X-B", "4"),
					   edit(HTTP_EDIT_DELETE, "referer", ""),
					   edit(HTTP_EDIT_DELETE, "X-None", "") };

	parse(HEAD);
	apply(edits, 4);
	ck_assert_str_eq(kept(), "X-B ");
	str_is(edited.added, "x-A: new\r\nX-B: 4\r\n");
	ck_assert(http_edited_named(&edited, FIELD_REFERER));
	ck_assert(!http_edited_named(&edited, FIELD_USER_AGENT));
}
END_TEST

START_TEST(they_come_one_after_the_other)
{
	const struct http_edit edits[] = {
		edit(HTTP_EDIT_ADD, "X-A", "gone"), edit(HTTP_EDIT_SET, "x-a", "stays"),
		edit(HTTP_EDIT_ADD, "X-A", "too"),  edit(HTTP_EDIT_SET, "Via", "gone"),
		edit(HTTP_EDIT_DELETE, "via", ""),
	};

	parse(HEAD);
	apply(edits, 5);
	ck_assert_str_eq(kept(), "X-B Referer ");
	str_is(edited.added, "x-a: stays\r\nX-A: too\r\n");
}
END_TEST

START_TEST(what_is_only_added_to_is_still_ours)
{
	const struct http_edit one = edit(HTTP_EDIT_ADD, "X-Forwarded-For", "192.0.2.1");

	parse(HEAD);
	apply(&one, 1);
	ck_assert(!http_edited_named(&edited, FIELD_X_FORWARDED_FOR));
}
END_TEST

START_TEST(what_the_connection_needs_is_not_possible)
{
	static const char *const ours[] = { "Host", "content-length", "Transfer-Encoding", "TE",
					    "Connection", "Upgrade", "Keep-Alive", "Expect",
					    "Trailer", "Date", "Sec-WebSocket-Key" };
	static const char *const theirs[] = { "X-A", "Cookie", "X-Forwarded-Proto", "Via",
					      "Authorization", "Server" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		ck_assert_msg(!http_edit_possible(str_of(ours[i])), "%s", ours[i]);
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		ck_assert_msg(http_edit_possible(str_of(theirs[i])), "%s", theirs[i]);
}
END_TEST

START_TEST(a_failed_arena_is_told)
{
	const struct http_edit one = edit(HTTP_EDIT_SET, "X-A", "1");

	parse(HEAD);
	arena.failed = true;
	ck_assert(!http_edits_apply(&one, 1, &req.fields, &arena, &edited));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http edits");
	TCase *t = tcase_create("edits");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, each_does_its_thing);
	tcase_add_test(t, they_come_one_after_the_other);
	tcase_add_test(t, what_is_only_added_to_is_still_ours);
	tcase_add_test(t, what_the_connection_needs_is_not_possible);
	tcase_add_test(t, a_failed_arena_is_told);
	return http_run(s);
}
