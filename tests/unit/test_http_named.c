/* Values by name, from parsed heads. */
#include "http/named.h"
#include "http_testing.h"

static void parse(const char *head)
{
	request_taken(str_of(head));
}

/* All values, "|" behind each. */
static void has(enum http_named_kind kind, const char *name, const char *want)
{
	struct http_named what = http_named(kind, str_of(name));
	struct http_named_walk w;
	char got[256] = "";
	struct str value;

	http_named_start(&w, &what, &req);
	while (http_named_next(&w, &value)) {
		strncat(got, value.p, value.n);
		strcat(got, "|");
	}
	ck_assert_str_eq(got, want);
	ck_assert(!http_named_next(&w, &value));
}

START_TEST(fields)
{
	parse("GET http://b/ HTTP/1.1\r\nHost: b\r\nX-A: 1, 2\r\nx-a: \r\nUser-Agent: u\r\n"
	      "X-A: 3\r\n\r\n");
	has(HTTP_NAMED_FIELD, "X-a", "1, 2||3|");
	has(HTTP_NAMED_FIELD, "user-agent", "u|");
	has(HTTP_NAMED_FIELD, "host", "b|");
	has(HTTP_NAMED_FIELD, "X-B", "");
	parse("GET / HTTP/1.0\r\n\r\n");
	has(HTTP_NAMED_FIELD, "Host", "");
}
END_TEST

START_TEST(cookies)
{
	parse("GET /?s=no HTTP/1.1\r\nHost: a\r\nCookie: s=1; S=2;s=3;ss=4; s ; s=\r\nX: s=no\r\n"
	      "Cookie: t=s; s=a=b\r\nCookie: \r\n\r\n");
	has(HTTP_NAMED_COOKIE, "s", "1|3|||a=b|");
	has(HTTP_NAMED_COOKIE, "S", "2|");
	has(HTTP_NAMED_COOKIE, "x", "");
}
END_TEST

START_TEST(parameters)
{
	parse("GET /a=0?a=1&b=2;a=%33&aa=4&a&a=x=y& HTTP/1.1\r\nHost: a\r\nCookie: a=no\r\n\r\n");
	has(HTTP_NAMED_QUERY, "a", "1|%33||x=y|");
	has(HTTP_NAMED_QUERY, "b", "2|");
	has(HTTP_NAMED_QUERY, "c", "");
	parse("GET /a=0 HTTP/1.1\r\nHost: a\r\n\r\n");
	has(HTTP_NAMED_QUERY, "a", "");
	parse("GET /? HTTP/1.1\r\nHost: a\r\n\r\n");
	has(HTTP_NAMED_QUERY, "a", "");
}
END_TEST

START_TEST(the_first_and_how_many)
{
	struct http_named what = http_named(HTTP_NAMED_COOKIE, STR("s"));
	struct str value;

	parse("GET / HTTP/1.1\r\nHost: a\r\nCookie: s=1; s=2\r\n\r\n");
	ck_assert_uint_eq(http_named_first(&what, &req, &value), 2);
	ck_assert(str_eq(value, STR("1")));
	parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_uint_eq(http_named_first(&what, &req, &value), 0);
	ck_assert_uint_eq(value.n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http named");
	TCase *t = tcase_create("named");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, fields);
	tcase_add_test(t, cookies);
	tcase_add_test(t, parameters);
	tcase_add_test(t, the_first_and_how_many);
	return http_run(s);
}
