/* Error pages: judged, and put together. */
#include "http/page.h"
#include "http_testing.h"

static const struct page_values plain = { .of = {
	[PAGE_STATUS] = STR("503"),
	[PAGE_PHRASE] = STR("Service Unavailable"),
	[PAGE_REASON] = STR("NO_SERVER"),
	[PAGE_TEXT] = STR("no server"),
	[PAGE_REQUEST_ID] = STR("abc"),
	[PAGE_NODE] = STR("lb1"),
} };

static const char *shown(struct str page, const struct page_values *values)
{
	struct str parts[PAGE_PARTS_MAX];
	unsigned n = page_parts(page, values, parts);
	size_t at = 0;

	ck_assert_uint_le(n, PAGE_PARTS_MAX);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_lt(at + parts[i].n, sizeof(flat));
		if (parts[i].n)
			memcpy(flat + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	flat[at] = '\0';
	return flat;
}

static const struct {
	const char *page, *shown;
} cases[] = {
	{ "", "" },
	{ "plain", "plain" },
	{ "${status}", "503" },
	{ "a${status}b${phrase}c", "a503bService Unavailablec" },
	{ "${reason} ${text} ${request_id}${node}", "NO_SERVER no server abclb1" },
	{ "$ $5 $$ $(x) a$", "$ $5 $$ $(x) a$" },
	{ "$${status}", "${status}" },
	{ "$$${status}", "$${status}" },
	{ "`$${a}${status}`", "`${a}503`" },
};

START_TEST(a_page_is_put_together)
{
	struct page_fault fault;

	ck_assert(page_judge(str_of(cases[_i].page), &fault));
	ck_assert_str_eq(shown(str_of(cases[_i].page), &plain), cases[_i].shown);
}
END_TEST

static void wrong(struct str page, int kind, unsigned line, const char *name)
{
	struct page_fault fault;

	ck_assert(!page_judge(page, &fault));
	ck_assert_int_eq(fault.kind, kind);
	ck_assert_uint_eq(fault.line, line);
	ck_assert(str_eq(fault.name, str_of(name)));
}

START_TEST(faults_have_a_line)
{
	char page[PAGE_PLACES_MAX * 10 + 20] = "";
	struct page_fault fault;

	wrong(STR("a\n\n${statu}"), PAGE_NO_NAME, 3, "statu");
	wrong(STR("${}"), PAGE_NO_NAME, 1, "");
	wrong(STR("${STATUS}"), PAGE_NO_NAME, 1, "STATUS");
	wrong(STR("${status}\n${status"), PAGE_NO_END, 2, "");
	for (unsigned i = 0; i < PAGE_PLACES_MAX; i++)
		strcat(page, i % 2 ? "${node}\n" : "$${");
	ck_assert(page_judge(str_of(page), &fault));
	ck_assert_str_eq(shown(str_of(page), &plain) + strlen(flat) - 4, "lb1\n");
	strcat(page, "${node}");
	wrong(str_of(page), PAGE_TOO_MANY, PAGE_PLACES_MAX / 2 + 1, "");
	shown(str_of(page), &plain);
}
END_TEST

START_TEST(no_value_gets_out_of_its_text)
{
	struct page_values html = plain, json = plain, none = plain;

	html.of[PAGE_TEXT] = json.of[PAGE_TEXT] = STR("</p>&\"'\\\n\xc3\x7f");
	ck_assert(page_escape(HTTP_FORM_HTML, &html, &arena));
	ck_assert_str_eq(shown(STR("${text}${status}"), &html),
			 "&lt;/p&gt;&amp;&quot;&#39;\\\n\xc3\x7f" "503");
	ck_assert(page_escape(HTTP_FORM_JSON, &json, &arena));
	ck_assert_str_eq(shown(STR("${text}"), &json),
			 "</p>&\\u0022'\\u005c\\u000a\\u00c3\\u007f");
	ck_assert(none.of[PAGE_NODE].p == plain.of[PAGE_NODE].p);
	arena.failed = true;
	html.of[PAGE_TEXT] = STR("<");
	ck_assert(!page_escape(HTTP_FORM_HTML, &html, &arena));
	ck_assert(page_escape(HTTP_FORM_JSON, &html, &arena)); /* there is nothing to escape */
}
END_TEST

START_TEST(those_that_are_built_in_are_sound)
{
	struct page_fault fault;

	ck_assert(page_judge(page_built_in(HTTP_FORM_HTML), &fault));
	ck_assert(page_judge(page_built_in(HTTP_FORM_JSON), &fault));
	ck_assert_str_eq(shown(page_built_in(HTTP_FORM_JSON), &plain),
			 "{\"status\":503,\"title\":\"Service Unavailable\","
			 "\"detail\":\"no server\",\"reason\":\"NO_SERVER\","
			 "\"request_id\":\"abc\"}\n");
	shown(page_built_in(HTTP_FORM_HTML), &plain);
	ck_assert_ptr_nonnull(strstr(flat, "<title>503 Service Unavailable</title>"));
	ck_assert_ptr_nonnull(strstr(flat, "<p>no server</p>"));
	ck_assert_ptr_nonnull(strstr(flat, "Request ID: abc<"));
	ck_assert(str_eq(page_type(HTTP_FORM_JSON), STR("application/json")));
	ck_assert(str_eq(page_type(HTTP_FORM_HTML), STR("text/html; charset=utf-8")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http page");
	TCase *t = tcase_create("page");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_page_is_put_together, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, faults_have_a_line);
	tcase_add_test(t, no_value_gets_out_of_its_text);
	tcase_add_test(t, those_that_are_built_in_are_sound);
	return http_run(s);
}
