/* Which form Accept asks for (RFC 9110 12.5.1). */
#include "http/accept.h"
#include "http_testing.h"

#define HTML HTTP_FORM_HTML
#define JSON HTTP_FORM_JSON

static const struct {
	const char *accept;
	enum http_form form;
} cases[] = {
	{ "", HTML },
	{ "*/*", HTML },
	{ "text/html", HTML },
	{ "application/json", JSON },
	{ "APPLICATION/Json", JSON },
	{ "application/problem+json", JSON },
	{ "application/vnd.api+JSON", JSON },
	{ "application/+json", HTML },
	{ "application/json5", HTML },
	{ "image/png", HTML },
	{ "text/plain", HTML },
	{ "application/*", JSON },
	{ "text/*", HTML },
	{ "*/json", HTML },
	/* a browser, curl, fetch() of axios and jQuery */
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
	  HTML },
	{ "application/json, text/plain, */*", JSON },
	{ "application/json, text/javascript, */*; q=0.01", JSON },
	/* weights */
	{ "text/html;q=0.5, application/json;q=0.501", JSON },
	{ "text/html;q=0.501, application/json;q=0.5", HTML },
	{ "application/json;q=0", HTML },
	{ "text/html;q=0, */*", JSON },
	{ "text/html;q=0, application/json;q=0", HTML },
	{ "*/*;q=0", HTML },
	{ "application/json;q=0, */*", HTML },
	{ "application/json ; Q=0.2 , text/html ; q=0.1", JSON },
	/* the closest range decides, however heavy another is */
	{ "application/*;q=1, application/json;q=0.1, text/html;q=0.2", HTML },
	{ "*/*;q=1, text/*;q=0.1", JSON },
	{ "text/*;q=0.9, application/json;q=0.8", HTML },
	/* of equal weight: named more closely, then named first */
	{ "*/*, application/json", JSON },
	{ "text/*, application/json", JSON },
	{ "text/html, application/json", HTML },
	{ "application/json, text/html", JSON },
	{ "*/*, text/html, application/*", HTML },
	/* parameters */
	{ "application/json;charset=utf-8", JSON },
	{ "application/json;v=\"a,b;q=0\";q=0.9, text/html;q=0.8", JSON },
	{ "application/json;v=\"\\\",;q=0\", text/html;q=0.8", JSON },
	{ "application/json;q=0.4;ext=1, text/html;q=0.3", JSON },
	/* malformed elements are passed over */
	{ "json", HTML },
	{ "application/json;q=2", HTML },
	{ "application/json;q=1.5", HTML },
	{ "application/json;q=1.001", HTML },
	{ "application/json;q=", HTML },
	{ "application/json;q=.5", HTML },
	{ "application/json;q=0.1234", HTML },
	{ "application/json;q=0,5", HTML },
	{ "application /json", HTML },
	{ "application/js on", HTML },
	{ "application/json/x", HTML },
	{ ", ,,application/json,,", JSON },
	{ "\"application/json", HTML },
	{ "text/html;v=\", application/json", HTML },
	{ ";q=1", HTML },
	{ "application/json;q=1., text/html;q=0.9", JSON },
	{ "application/json;q=0., text/html;q=0.1", HTML },
};

START_TEST(a_value_asks_for)
{
	ck_assert_msg(http_accept_form_of(str_of(cases[_i].accept)) == cases[_i].form, "%s",
		      cases[_i].accept);
}
END_TEST

static enum http_form of_fields(const char *fields)
{
	char head[512];

	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
	request_taken(str_of(head));
	return http_accept_form(&req.fields);
}

START_TEST(several_fields_are_one_list)
{
	ck_assert_int_eq(of_fields(""), HTML);
	ck_assert_int_eq(of_fields("Accept:\r\n"), HTML);
	ck_assert_int_eq(of_fields("accept: application/json\r\n"), JSON);
	ck_assert_int_eq(of_fields("Accept: text/html;q=0.1\r\nB: c\r\n"
				   "Accept: application/json\r\n"), JSON);
	ck_assert_int_eq(of_fields("Accept: text/html\r\nAccept: application/json\r\n"), HTML);
	ck_assert_int_eq(of_fields("Accept-Language: application/json\r\n"), HTML);
	ck_assert_int_eq(of_fields("Accept: \"\r\nAccept: application/json\r\n"), JSON);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http accept");
	TCase *t = tcase_create("accept");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_value_asks_for, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, several_fields_are_one_list);
	return http_run(s);
}
