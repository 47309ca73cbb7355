/* ${…} in the addresses of redirects. */
#include "route_rig.h"

static struct rig r;

static void setup(void)
{
	rig_init(&r);
}

static void teardown(void)
{
	rig_free(&r);
}

static bool redirect(const char *to)
{
	rig_route(&r, "always");
	r.routes[r.frontend.n_routes - 1].action = CONF_ROUTE_REDIRECT;
	r.routes[r.frontend.n_routes - 1].answer.to = str_of(to);
	return rig_compile(&r);
}

static void leads(const char *head, const char *where)
{
	struct str got;

	ck_assert_int_eq(rig_ask(&r, head), 0);
	got = router_location(r.router, 0, &r.facts, &r.arena);
	ck_assert_msg(str_eq(got, str_of(where)), "%.*s, not %s", STR_ARGS(got), where);
}

static const struct {
	const char *to, *head, *where;
} cases[] = {
	{ "https://${host}${uri}", "GET /a/./b?c HTTP/1.1\nHost: x:80", "https://x/a/b?c" },
	{ "https://${host}${uri}", "GET /a HTTP/1.1\nHost: [::1]:80", "https://[::1]/a" },
	{ "https://${host}/", "GET /a HTTP/1.0", "https://default/" },
	{ "/x", "GET /a HTTP/1.1\nHost: x", "/x" },
	{ "${path}", "GET /a?b HTTP/1.1\nHost: x", "/a" },
	{ "${path}", "GET //evil.example/ HTTP/1.1\nHost: x", "/evil.example/" },
	{ "${hdr(A)}", "GET / HTTP/1.1\nHost: x\nA: ///b", "/b" },
	{ "/q${query}#top", "GET /a?b=c HTTP/1.1\nHost: x", "/q?b=c#top" },
	{ "/q${query}", "GET /a HTTP/1.1\nHost: x", "/q" },
	{ "/${query(b)}/${query(c)}", "GET /a?b=1&c=%2f HTTP/1.1\nHost: x", "/1/%2f" },
	{ "/${cookie(b)}", "GET / HTTP/1.1\nHost: x\nCookie: a=1; b=2; b=3", "/2" },
	{ "/${hdr(User-Agent)}", "GET / HTTP/1.1\nHost: x\nUser-Agent: a #\"\t\xe4",
	  "/a%20%23%22%09%E4" },
	{ "/${method}/${src}/${dst_port}/${proto}", "POST / HTTP/1.1\nHost: x",
	  "/POST/192.0.2.7/80/http" },
	{ "/$$$5${path}$", "GET /a HTTP/1.1\nHost: x", "/$$5/a$" },
	{ "/\xc3\xa4 b", "GET / HTTP/1.1\nHost: x", "/%C3%A4%20b" },
};

START_TEST(a_redirect_leads)
{
	ck_assert_msg(redirect(cases[_i].to), "%s", r.said);
	r.facts.default_host = STR("default");
	leads(cases[_i].head, cases[_i].where);
}
END_TEST

#define UNKNOWN(what, near)                                                                       \
	"test.conf:100: redirect: unknown variable \"" what "\"; the nearest is \"" near        \
	"\" (all stand in hpcbal.conf(5))\n"

static const struct {
	const char *to, *said;
} mistakes[] = {
	{ "/${hots}", UNKNOWN("${hots}", "${host}") },
	{ "/${hdr}", UNKNOWN("${hdr}", "${hdr(NAME)}") },
	{ "/${hdr()}", UNKNOWN("${hdr()}", "${hdr(NAME)}") },
	{ "/${host(a)}", UNKNOWN("${host(a)}", "${host}") },
	{ "/${cookie(a b)}", UNKNOWN("${cookie(a b)}", "${cookie(NAME)}") },
	{ "/${host", "test.conf:100: redirect: \"${host\" has no \"}\"; write it behind the "
		     "variable's name, or \"$$\" for a \"$\"\n" },
};

START_TEST(a_mistake_is_told)
{
	ck_assert(!redirect(mistakes[_i].to));
	ck_assert_str_eq(r.said, mistakes[_i].said);
}
END_TEST

START_TEST(a_text_of_too_many_parts_is_told)
{
	char to[1024] = "/";

	for (unsigned i = 0; i < 63; i++)
		strcat(to, "${path}");
	ck_assert(redirect(to));
	rig_free(&r);
	rig_init(&r);
	strcat(to, "${path}");
	ck_assert(!redirect(to));
	ck_assert_str_eq(r.said,
			 "test.conf:100: redirect: more than 64 parts; write a shorter text\n");
}
END_TEST

START_TEST(an_arena_that_failed_is_told)
{
	ck_assert(redirect("/${uri}"));
	ck_assert_int_eq(rig_ask(&r, "GET /a?b HTTP/1.1\nHost: x"), 0);
	r.arena.failed = true;
	ck_assert_ptr_null(router_location(r.router, 0, &r.facts, &r.arena).p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route template");
	TCase *t = tcase_create("template");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_redirect_leads, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(t, a_mistake_is_told, 0, sizeof(mistakes) / sizeof(mistakes[0]));
	tcase_add_test(t, a_text_of_too_many_parts_is_told);
	tcase_add_test(t, an_arena_that_failed_is_told);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
