/* Forwarded and Via, against the sentences of the acceptance list (the numbers in the names). */
#include "http/hops.h"
#include "http_testing.h"

static const char *forwarded_line(const struct http_forwarded *f)
{
	static char line[512];
	struct http_text t;

	ck_assert(http_text_init(&t, &arena, http_forwarded_room(f)));
	http_forwarded_add(&t, f);
	ck_assert(str_copy(line, sizeof(line), http_text_since(&t, 0)));
	return line;
}

START_TEST(h58_forwarded_is_quoted_where_it_must_be)
{
	static const struct {
		const char *peer, *host, *by, *line;
	} cases[] = {
		{ "192.0.2.7", "a.example", "lb1",
		  "for=192.0.2.7;host=a.example;proto=http;by=\"_lb1\"" },
		{ "2001:db8::7", "a", "lb1",
		  "for=\"[2001:db8::7]\";host=a;proto=http;by=\"_lb1\"" },
		{ "::1", "[::1]:80", "lb1",
		  "for=\"[::1]\";host=\"[::1]:80\";proto=http;by=\"_lb1\"" },
		{ "192.0.2.7", "a:8080", "l.b-1_",
		  "for=192.0.2.7;host=\"a:8080\";proto=http;by=\"_l.b-1_\"" },
		{ "", "", "lb1", "for=unknown;proto=http;by=\"_lb1\"" },
		{ "192.0.2.7", "a\"b\\c;d=(e", "n",
		  "for=192.0.2.7;host=\"a\\\"b\\\\c;d=(e\";proto=http;by=\"_n\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_forwarded f = { .peer = str_of(cases[i].peer),
					    .host = str_of(cases[i].host),
					    .proto = STR("http"),
					    .by = str_of(cases[i].by) };
		char want[256];

		snprintf(want, sizeof(want), "Forwarded: %s\r\n", cases[i].line);
		ck_assert_str_eq(forwarded_line(&f), want);
	}
}
END_TEST

START_TEST(h58_the_room_holds_the_worst)
{
	struct http_forwarded f = { .peer = STR("\":\":\":\""), .host = STR("\"\"\"\"\"\"\"\""),
				    .proto = STR("\"\"\"\"\"\""), .by = STR("\"\"\"\"\"") };

	ck_assert_uint_gt(strlen(forwarded_line(&f)), 2 * 26);
}
END_TEST

START_TEST(h58_h60_a_pseudonym_is_a_token)
{
	str_is(http_pseudonym(STR("lb1.example_x-2"), &arena), "lb1.example_x-2");
	str_is(http_pseudonym(STR("rack:1 \"n\"\xe9"), &arena), "rack-1--n--");
	arena.failed = true;
	arena.limit = arena.total;
	str_is(http_pseudonym(STR("a"), &arena), "");
}
END_TEST

static unsigned times(const char *fields)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);

	request_taken((struct str){ text, (size_t)n });
	return http_via_count(&req.fields, STR("lb1"));
}

START_TEST(h60_how_often_a_node_was_passed)
{
	static const struct {
		const char *fields;
		unsigned n;
	} cases[] = {
		{ "", 0 },
		{ "Via: 1.1 lb1\r\n", 1 },
		{ "via: 1.1 LB1\r\n", 1 },
		{ "Via: 1.1 lb1:8080\r\n", 1 },
		{ "Via: HTTP/1.1\tlb1 (a node, of a pair)\r\n", 1 },
		{ "Via: 1.1 lb1(x)\r\n", 1 },
		{ "Via: 1.1 lb1, 1.0 other,2 lb1\r\nA: b\r\nVia: 1.1  lb1\r\n", 3 },
		{ "Via: 1.1 lb11, 1.1 lb, 1.1 xlb1, 1.1 lb1.example, lb1, lb1 1.1\r\n", 0 },
		{ "Via: 1.1 x (lb1), 1.1\r\nX-Via: 1.1 lb1\r\n", 0 },
		{ "Via: 1.1 x (open, 1.1 lb1\r\n", 1 }, /* a client cannot hide it */
		{ "Via: 1.1 x (a, 1.1 lb1)\r\n", 1 },
		{ "Via: 1.1 lb1!, 1.1 [lb1], 1.1 (lb1\r\n", 0 },
		{ "Via: ,, ,1.1 lb1,,\r\n", 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(times(cases[i].fields) == cases[i].n, "%s", cases[i].fields);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http hops");
	TCase *t = tcase_create("hops");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, h58_forwarded_is_quoted_where_it_must_be);
	tcase_add_test(t, h58_the_room_holds_the_worst);
	tcase_add_test(t, h58_h60_a_pseudonym_is_a_token);
	tcase_add_test(t, h60_how_often_a_node_was_passed);
	return http_run(s);
}
