/* What is said about conditions that are wrong, or can never match. */
#include "route_rig.h"

struct fault_case {
	const char *when;
	const char *said; /* behind "test.conf:LINE: SUBJECT: " */
};

static const struct fault_case faults[] = {
	{ "", "the condition is empty; \"always\" is every request" },
	{ " \t", "the condition is empty; \"always\" is every request" },
	{ "is_apl", "unknown acl or word \"is_apl\"; the nearest is the acl \"is_api\"" },
	{ "pth_beg /x", "unknown acl or word \"pth_beg\"; use path_beg" },
	{ "hdr_bg(x) y", "unknown acl or word \"hdr_bg(x)\"; use hdr_beg" },
	{ "ssl_fc", "unknown acl or word \"ssl_fc\"; use tls" },
	{ "is_api and is_ws",
	  "unknown acl or word \"and\"; use nothing: terms side by side mean AND" },
	{ "is_api not is_ws", "unknown acl or word \"not\"; use !" },
	{ "zzzzzzzzzzz", "unknown acl or word \"zzzzzzzzzzz\"; a term is the name of an acl here, "
			 "or a word such as path_beg with its values" },
	{ "or is_api", "\"or\" stands without a term before it" },
	{ "is_api or", "\"or\" stands without a term behind it" },
	{ "is_api or or is_ws", "\"or\" stands without a term before it" },
	{ "is_api || || is_ws", "\"||\" stands without a term before it" },
	{ "!", "\"!\" stands without a term behind it" },
	{ "! or is_api", "\"!\" stands without a term behind it" },
	{ "path_beg", "path_beg has no value; it takes one or more" },
	{ "path_beg or is_api",
	  "path_beg has no value: \"or\" behind it is an operator; quote it when it is a value" },
	{ "path_beg is_api",
	  "path_beg has no value: \"is_api\" behind it is an acl; quote it when it is a value" },
	{ "hdr(X) -i is_api",
	  "hdr has no value: \"is_api\" behind it is an acl; quote it when it is a value" },
	{ "method host",
	  "method has no value: \"host\" behind it is a word; quote it when it is a value" },
	{ "hdr(X) -i", "hdr has no value; it takes one or more" },
	{ "hdr_beg(X)", "hdr_beg has no value; it takes one or more" },
	{ "hdr x", "hdr stands with a name in brackets, as in hdr(NAME)" },
	{ "hdr() x", "hdr stands with a name in brackets, as in hdr(NAME)" },
	{ "hdr(X x", "\"hdr(X\" opens a bracket that is not closed" },
	{ "hdr(X,1) x", "\"X,1\" is no name of a header field" },
	{ "cookie(a=b) x", "\"a=b\" is no name of a cookie" },
	{ "path(x) /a", "path takes no name in brackets" },
	{ "path_beg -x /a", "unknown flag \"-x\"; there are -i, -f FILE, -m METHOD, and -- before "
			    "a value that begins with \"-\"" },
	{ "path_beg /a -i", "path_beg: -i stands behind a value; flags come first (quote it when "
			    "it is a value)" },
	{ "path -m nose /a",
	  "unknown method \"nose\" of -m; there are found, str, beg, end, sub, dir and reg" },
	{ "path -m", "-m stands without a method" },
	{ "src -m str 1.2.3.4", "src takes no -m" },
	{ "hdr(X) -m found x", "hdr -m found takes no values" },
	{ "path -f", "-f stands without a file's name" },
	{ "path -f /nowhere",
	  "the file \"/nowhere\" of -f could not be read; it is to hold a value a line" },
	{ "path_beg 'a", "a quote is opened and not closed" },
	{ "path_beg \"a", "a quote is opened and not closed" },
	{ "{ path_beg /a", "\"{\" is not closed by \"}\"" },
	{ "{ path_beg /a path_end b }", "\"path_end\" stands where \"}\" should; braces hold one "
					"word (quote it when it is a value)" },
	{ "{ is_api }", "braces hold a word and its values, as in { path_beg /api }" },
	{ "{ }", "braces hold a word and its values, as in { path_beg /api }" },
	{ "{", "braces hold a word and its values, as in { path_beg /api }" },
	{ "{ path_bag /a }", "unknown acl or word \"path_bag\"; use path_beg" },
	{ "is_api }", "\"}\" closes no \"{\"" },
	{ "tls x", "unknown acl or word \"x\"; a term is the name of an acl here, or a word such "
		   "as path_beg with its values" },
	{ "path_reg a(b", "path_reg \"a(b\": missing closing parenthesis at character 4" },
	{ "path_reg ^/ok *x",
	  "path_reg \"*x\": quantifier does not follow a repeatable item at character 1" },
	{ "dst_port 0", "dst_port \"0\": not a port of 1 to 65535 or a range of them, as in "
			"8000-8999" },
	{ "dst_port 90-80", "dst_port \"90-80\": not a port of 1 to 65535 or a range of them, as "
			    "in 8000-8999" },
	{ "dst_port 65536", "dst_port \"65536\": not a port of 1 to 65535 or a range of them, as "
			    "in 8000-8999" },
	{ "host ''", "host \"\": a host is never empty" },
};

static void setup(struct rig *r)
{
	rig_init(r);
	rig_acl(r, "is_api", "path_beg /api");
	rig_acl(r, "is_ws", "hdr(Upgrade) -i websocket");
}

START_TEST(fault)
{
	char expected[1024];
	struct rig r;

	setup(&r);
	rig_route(&r, faults[_i].when);
	ck_assert_msg(!rig_compile(&r), "%s is taken", faults[_i].when);
	snprintf(expected, sizeof(expected), "test.conf:100: route: %s\n", faults[_i].said);
	ck_assert_str_eq(r.said, expected);
	rig_free(&r);
}
END_TEST

START_TEST(every_value_is_judged)
{
	struct rig r;

	setup(&r);
	rig_route(&r, "src 10.0.0.0/8 10.0.0.0/33 nowhere");
	rig_route(&r, "path /fine");
	rig_route(&r, "path_bag /x");
	ck_assert(!rig_compile(&r));
	ck_assert_uint_eq(r.diags.errors, 3);
	ck_assert_uint_eq(r.diags.warnings, 0);
	ck_assert_uint_eq(r.diags.list[0].line, 100);
	ck_assert_uint_eq(r.diags.list[1].line, 100);
	ck_assert_uint_eq(r.diags.list[2].line, 102);
	ck_assert_ptr_nonnull(strstr(r.said, "src \"10.0.0.0/33\": "));
	ck_assert_ptr_nonnull(strstr(r.said, "src \"nowhere\": "));
	rig_free(&r);
}
END_TEST

START_TEST(value_files)
{
	struct rig r;

	rig_init(&r);
	rig_file(&r, "/lists/paths", "# ours\n/a\r\n\n  /b \n#/c\n#\n/d");
	rig_file(&r, "/lists/empty", "# nothing yet\n");
	rig_route(&r, "path -f /lists/paths /x");
	rig_route(&r, "path -i -f /lists/paths -f /lists/empty");
	rig_route(&r, "path -f /lists/empty");
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_int_eq(rig_ask(&r, "GET /a HTTP/1.1\nHost: a"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET /b HTTP/1.1\nHost: a"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET /d HTTP/1.1\nHost: a"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET /x HTTP/1.1\nHost: a"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET /D HTTP/1.1\nHost: a"), 1);
	ck_assert_int_eq(rig_ask(&r, "GET /X HTTP/1.1\nHost: a"), -1);
	ck_assert_int_eq(rig_ask(&r, "GET /c HTTP/1.1\nHost: a"), -1);
	rig_free(&r);
}
END_TEST

START_TEST(value_file_with_a_fault)
{
	struct rig r;

	rig_init(&r);
	rig_file(&r, "/lists/nets", "10.0.0.0/8\n\n# x\n10.0.0.0/40\n");
	rig_route(&r, "src -f /lists/nets");
	ck_assert(!rig_compile(&r));
	ck_assert_uint_eq(r.diags.errors, 1);
	ck_assert_ptr_nonnull(strstr(
		r.said, "test.conf:100: route: src \"10.0.0.0/40\" (line 4 of /lists/nets): "));
	rig_free(&r);
}
END_TEST

START_TEST(acl_faults_name_the_acl)
{
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "good", "path_beg /a");
	rig_acl(&r, "bad", "path_bag /a");
	rig_acl(&r, "tls", "path_beg /a");
	rig_acl(&r, "good", "path_beg /b");
	rig_acl(&r, "or", "path_beg /b");
	rig_acl(&r, "src", "always");
	rig_route(&r, "good");
	rig_route(&r, "bad");
	ck_assert(!rig_compile(&r));
	diags_sort(&r.diags);
	free(r.said);
	r.said = diags_text(&r.diags);
	ck_assert_str_eq(
		r.said,
		"test.conf:11: acl \"bad\": unknown acl or word \"path_bag\"; use path_beg\n"
		"test.conf:12: acl \"tls\": this is a word of conditions; choose another "
		"name\n"
		"test.conf:13: acl \"good\": there is another acl of this name; choose "
		"another name, or join them with \"or\"\n"
		"test.conf:14: acl \"or\": this is a word of conditions; choose another "
		"name\n"
		"test.conf:15: acl \"src\": this is a word of conditions; choose another "
		"name\n");
	rig_free(&r);
}
END_TEST

/* In an acl, as in HAProxy, the name of an acl is a value where a value may stand. */
START_TEST(acl_names_are_values_in_acls)
{
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "websocket", "hdr(X-Up) -i websocket");
	rig_acl(&r, "GET", "method GET");
	rig_acl(&r, "both", "websocket GET");
	rig_acl(&r, "either", "websocket or !GET");
	rig_route(&r, "both");
	rig_route(&r, "{ hdr(X-Up) GET }");
	rig_route(&r, "either");
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_int_eq(rig_ask(&r, "GET / HTTP/1.1\nHost: a\nX-Up: WebSocket"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET / HTTP/1.1\nHost: a\nX-Up: GET"), 1);
	ck_assert_int_eq(rig_ask(&r, "PUT / HTTP/1.1\nHost: a\nX-Up: websocket"), 2);
	ck_assert_int_eq(rig_ask(&r, "PUT / HTTP/1.1\nHost: a"), 2);
	ck_assert_int_eq(rig_ask(&r, "GET / HTTP/1.1\nHost: a"), -1);
	rig_free(&r);
}
END_TEST

START_TEST(acls_that_stand_on_acls)
{
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "api", "v1 or v2");
	rig_acl(&r, "v1", "path_beg /v1");
	rig_acl(&r, "v2", "path_beg /v2 host b");
	rig_acl(&r, "neither", "!api !x");
	rig_acl(&r, "x", "hdr(X)");
	rig_route(&r, "api x");
	rig_route(&r, "!api x");
	rig_route(&r, "neither");
	rig_route(&r, "api");
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_str_eq(r.said, "");
	ck_assert_int_eq(rig_ask(&r, "GET /v1 HTTP/1.1\nHost: a\nX: 1"), 0);
	ck_assert_int_eq(rig_ask(&r, "GET /v2 HTTP/1.1\nHost: a\nX: 1"), 1);
	ck_assert_int_eq(rig_ask(&r, "GET /v2 HTTP/1.1\nHost: a"), 2);
	ck_assert_int_eq(rig_ask(&r, "GET /v2 HTTP/1.1\nHost: b"), 3);
	ck_assert_int_eq(rig_ask(&r, "GET /v1 HTTP/1.1\nHost: b"), 3);
	rig_free(&r);
}
END_TEST

START_TEST(acl_on_itself)
{
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "a", "b or path /x");
	rig_acl(&r, "b", "c");
	rig_acl(&r, "c", "!a");
	rig_route(&r, "a");
	ck_assert(!rig_compile(&r));
	ck_assert_str_eq(r.said, "test.conf:12: acl \"c\": the acl \"a\" stands on itself; write "
				 "out one of them\n");
	rig_free(&r);
}
END_TEST

START_TEST(acls_too_deep)
{
	struct rig r;
	char names[20][16], texts[20][16];

	rig_init(&r);
	for (int i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "a%d", i);
		snprintf(texts[i], sizeof(texts[i]), "!a%d", i + 1);
		rig_acl(&r, names[i], i < 19 ? texts[i] : "always");
	}
	rig_route(&r, "a0");
	ck_assert(!rig_compile(&r));
	ck_assert_uint_eq(r.diags.errors, 1);
	ck_assert_ptr_nonnull(strstr(r.said, "stands on too many others"));
	rig_free(&r);
}
END_TEST

struct doubt_case {
	const char *when;
	const char *said;
};

static const struct doubt_case doubts[] = {
	{ "path_beg api", "path_beg \"api\": never matches, for a path begins with \"/\"" },
	{ "path *a", "path \"*a\": never matches, for a path begins with \"/\"" },
	{ "path_end .php?", "path_end \".php?\": never matches, for a path has no query; use "
			    "query(NAME)" },
	{ "path_sub a//b", "path_sub \"a//b\": never matches, for repeated slashes count as one; "
			   "write one" },
	{ "host a:80", "host \"a:80\": never matches, for the host is compared without its port; "
		       "use dst_port" },
	{ "host http://a",
	  "host \"http://a\": never matches, for a host holds no slash; write the "
	  "name alone" },
	{ "method get", "method \"get\": never matches a usual method, for they are in capitals; "
			"use -i" },
	{ "hdr(X) always",
	  "hdr(X) has no value, so that any will do, and \"always\" behind it says nothing; "
	  "when it is the value write 'always', else remove it" },
	{ "hdr(X) a,b",
	  "hdr \"a,b\": never matches, for each element of a list is compared alone; "
	  "use one value for each" },
};

START_TEST(doubt)
{
	char expected[1024];
	struct rig r;

	rig_init(&r);
	rig_route(&r, doubts[_i].when);
	ck_assert(rig_compile(&r));
	snprintf(expected, sizeof(expected), "test.conf:100: warning: route: %s\n",
		 doubts[_i].said);
	ck_assert_str_eq(r.said, expected);
	rig_free(&r);
}
END_TEST

/* Routes in order; which of them can never match, and because of which. */
struct cover_case {
	const char *routes[4];
	int covered, by; /* -1: none */
};

static const struct cover_case covers[] = {
	{ { "path_beg /api", "path_beg /api/v2" }, 1, 0 },
	{ { "path_beg /api/v2", "path_beg /api" }, -1, -1 },
	{ { "path_beg /api", "path /api/x" }, 1, 0 },
	{ { "path_beg /api", "path /api" }, 1, 0 },
	{ { "path /api", "path /api" }, 1, 0 },
	{ { "path /api", "path_beg /api" }, -1, -1 },
	{ { "path_beg /api", "path_beg /api" }, 1, 0 },
	{ { "path_beg /api", "path_beg /b /api/x" }, -1, -1 },
	{ { "path_beg /api", "path_beg /b", "path_beg /api/x /b/x" }, 2, 1 },
	{ { "path_beg /api or path_beg /b", "path_beg /api/x /b/x" }, 1, 0 },
	{ { "path_beg /api", "path_beg /api/x is_ws" }, 1, 0 },
	{ { "path_beg /api is_ws", "path_beg /api/x" }, -1, -1 },
	{ { "path_beg /api is_ws", "path_beg /api is_ws method GET" }, 1, 0 },
	{ { "path_beg /api is_ws", "is_ws path_beg /api" }, 1, 0 },
	{ { "path_beg /api", "path_end .x" }, -1, -1 },
	{ { "path_beg /api", "!path_beg /api/x" }, -1, -1 },
	{ { "always", "path_beg /api" }, 1, 0 },
	{ { "always", "is_ws" }, 1, 0 },
	{ { "always", "path -i /a" }, 1, 0 },
	{ { "path_beg /", "is_ws" }, -1, -1 }, /* OPTIONS * */
	{ { "path_beg /", "path_beg /x" }, 1, 0 },
	{ { "path_beg -i /api", "path_beg /API/x" }, 1, 0 },
	{ { "path_beg -i /api", "path -i /API" }, 1, 0 },
	{ { "path_beg /api", "path_beg -i /api/x" }, -1, -1 },
	{ { "path_beg /1", "path_beg -i /12/x" }, 1, 0 },
	{ { "path /12", "path -i /12" }, -1, -1 },
	{ { "host a", "host a path_beg /x" }, 1, 0 },
	{ { "host a", "host A" }, 1, 0 },
	{ { "host a path_beg /x", "host a" }, -1, -1 },
	{ { "host a", "path_beg /x" }, -1, -1 },
	{ { "path_beg /x", "host a path_beg /x/y" }, 1, 0 },
	{ { "host a b", "host b path /x is_ws" }, 1, 0 },
	{ { "host a", "host a b" }, -1, -1 },
	{ { "is_ws", "is_ws" }, 1, 0 },
	{ { "is_ws", "hdr(upgrade) -i WebSocket" }, 1, 0 },
	{ { "is_ws", "hdr(upgrade) WebSocket" }, -1, -1 },
	{ { "is_ws", "!is_ws" }, -1, -1 },
	{ { "!is_ws", "!is_ws tls" }, 1, 0 },
	{ { "is_ws or tls", "method GET tls or is_ws method PUT" }, 1, 0 },
	{ { "src 10.0.0.0/8", "src 10.0.0.0/8" }, 1, 0 },
	{ { "src 10.0.0.0/8", "src 10.0.0.0/9" }, -1, -1 },
	{ { "dst_port 80-90", "dst_port 80:90" }, 1, 0 },
	{ { "dst_port 80-90", "dst_port 80-91" }, -1, -1 },
	{ { "hdr(X) a", "hdr(Y) a" }, -1, -1 },
	{ { "path_sub a", "path_end a" }, -1, -1 },
};

START_TEST(cover)
{
	const struct cover_case *c = &covers[_i];
	char expected[256] = "";
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "is_ws", "hdr(Upgrade) -i websocket");
	for (unsigned i = 0; i < 4 && c->routes[i]; i++)
		rig_route(&r, c->routes[i]);
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	if (c->covered >= 0)
		snprintf(expected, sizeof(expected),
			 "test.conf:%d: warning: route: it can never match, because the route in "
			 "line %d takes all of it before; put this one first, or remove it\n",
			 100 + c->covered, 100 + c->by);
	/* An acl that no route asks for is another matter. */
	ck_assert_msg(strstr(r.said, expected) && r.diags.warnings <= 2, "%s: %s", c->routes[1],
		      r.said);
	ck_assert_msg((c->covered >= 0) == (strstr(r.said, "can never match") != NULL), "%s: %s",
		      c->routes[1], r.said);
	rig_free(&r);
}
END_TEST

START_TEST(limits_have_conditions_as_routes_have)
{
	struct rig r;

	setup(&r);
	rig_limit(&r, "is_api !src 10.0.0.0/8", 0);
	rig_limit(&r, NULL, 0);
	rig_limit(&r, "is_ws or method POST", 0);
	rig_limit(&r, "src 192.0.2.0/24 or dst_port 443", 9);
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_str_eq(r.said, ""); /* the acls are used */
	rig_ask(&r, "GET /api HTTP/1.1\nHost: a");
	ck_assert(router_limits(r.router, 0, &r.facts));
	ck_assert(router_limits(r.router, 1, &r.facts));
	ck_assert(!router_limits(r.router, 2, &r.facts));
	ck_assert(router_limits(r.router, 3, &r.facts));
	rig_ask(&r, "POST / HTTP/1.1\nHost: a");
	ck_assert(!router_limits(r.router, 0, &r.facts));
	ck_assert(router_limits(r.router, 2, &r.facts));
	r.facts.req = NULL; /* a connection */
	ck_assert(router_limits(r.router, 3, &r.facts));
	ck_assert_ptr_null(addr_parse(&r.src, STR("198.51.100.1:1")));
	ck_assert(!router_limits(r.router, 3, &r.facts));
	r.facts.dst_port = 443;
	ck_assert(router_limits(r.router, 3, &r.facts));
	rig_free(&r);
}
END_TEST

START_TEST(limits_of_connections_cannot_ask_for_a_request)
{
	static const char *const when[] = { "path /a", "src 10.0.0.1 or is_api", "!is_api",
					    "is_any" };
	struct rig r;

	for (size_t i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		setup(&r);
		rig_acl(&r, "is_any", "src 10.0.0.1 or is_api");
		rig_limit(&r, when[i], 9);
		ck_assert_msg(!rig_compile(&r), "%s is taken", when[i]);
		ck_assert_ptr_nonnull(strstr(r.said, "test.conf:200: limit \"lim\": its condition "
						     "asks for \"path"));
		rig_free(&r);
	}
}
END_TEST

START_TEST(no_routes)
{
	struct rig r;
	int route;

	rig_init(&r);
	r.frontend.default_backend = 3;
	ck_assert(rig_compile(&r));
	ck_assert_int_eq(router_decide(r.router, &r.facts, &route), 3);
	ck_assert_int_eq(route, -1);
	rig_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route grammar");
	TCase *t = tcase_create("grammar");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, fault, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_loop_test(t, doubt, 0, sizeof(doubts) / sizeof(doubts[0]));
	tcase_add_loop_test(t, cover, 0, sizeof(covers) / sizeof(covers[0]));
	tcase_add_test(t, every_value_is_judged);
	tcase_add_test(t, value_files);
	tcase_add_test(t, value_file_with_a_fault);
	tcase_add_test(t, acl_faults_name_the_acl);
	tcase_add_test(t, acl_names_are_values_in_acls);
	tcase_add_test(t, acls_that_stand_on_acls);
	tcase_add_test(t, acl_on_itself);
	tcase_add_test(t, acls_too_deep);
	tcase_add_test(t, no_routes);
	tcase_add_test(t, limits_have_conditions_as_routes_have);
	tcase_add_test(t, limits_of_connections_cannot_ask_for_a_request);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
