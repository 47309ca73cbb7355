/* What each word of conditions means. */
#include "route_rig.h"

#include <time.h>

struct word_case {
	const char *when;
	const char *head; /* NULL: "GET / HTTP/1.1", Host: example.com */
	bool holds;
};

#define REQ(target, fields) "GET " target " HTTP/1.1\nHost: example.com" fields

static const struct word_case cases[] = {
	/* path: all of it, normalised, without the query */
	{ "path /a", REQ("/a", ""), true },
	{ "path /a", REQ("/a?x=/b", ""), true },
	{ "path /a", REQ("/a/", ""), false },
	{ "path /a", REQ("/ab", ""), false },
	{ "path /a", REQ("/A", ""), false },
	{ "path -i /a", REQ("/A", ""), true },
	{ "path -i /A", REQ("/a", ""), true },
	{ "path /x /a", REQ("/a", ""), true },
	{ "path /a", REQ("/%61", ""), true },
	{ "path /a", REQ("/b/../a", ""), true },
	{ "path /a/b", REQ("/a//b", ""), true },
	{ "path /a", REQ("//a", ""), true },
	{ "path *", "OPTIONS * HTTP/1.1\nHost: example.com", true },
	{ "path /", "GET http://example.com HTTP/1.1\nHost: example.com", true },
	{ "path_beg /api", REQ("/api/users", ""), true },
	{ "path_beg /api", REQ("/api", ""), true },
	{ "path_beg /api", REQ("/apis", ""), true },
	{ "path_beg /api/", REQ("/apis", ""), false },
	{ "path_beg /api", REQ("/v1/api", ""), false },
	{ "path_beg /api", REQ("/API", ""), false },
	{ "path_beg -i /api", REQ("/Api/x", ""), true },
	{ "path_beg /admin", REQ("/x/..//%61dmin", ""), true },
	{ "path_beg /a%2fb", REQ("/a%2Fb/c", ""), true },
	{ "path_beg /a%2Fb", REQ("/a%2fb/c", ""), true },
	{ "path_beg /a%2Fb", REQ("/a/b/c", ""), true },
	{ "path_beg /admin", REQ("/%2Fadmin", ""), true },
	{ "path_beg /admin", REQ("/%5cadmin/x", ""), true },
	{ "path_beg /admin", REQ("/\\admin", ""), true },
	{ "path_beg /a/b", REQ("/a%2Fb", ""), true },
	{ "path_beg /a:b", REQ("/a%3Ab", ""), true },
	{ "path_beg /a%3ab", REQ("/a:b", ""), true },
	{ "path /100%", REQ("/100%25", ""), true },
	{ "path /100%25", REQ("/100%25", ""), true },
	{ "path /a%3fb", REQ("/a%3Fb", ""), true },
	{ "path -i /A%2Fb", REQ("/a/B", ""), true },
	{ "path_dir admin", REQ("/a%2fadmin%2fb", ""), true },
	{ "path_reg ^/a/b$", REQ("/a%2Fb", ""), true },
	{ "path_beg /", REQ("/", ""), true },
	{ "path_end .png .jpg", REQ("/a.jpg?v=1", ""), true },
	{ "path_end .png .jpg", REQ("/a.JPG", ""), false },
	{ "path_end -i .png .jpg", REQ("/a.JPG", ""), true },
	{ "path_end .png", REQ("/a.png/b", ""), false },
	{ "path_sub ../ xy", REQ("/axyb", ""), true },
	{ "path_sub xy", REQ("/x/y", ""), false },
	{ "path_sub -i XY", REQ("/axyb", ""), true },
	{ "path_sub xy", REQ("/a?q=xy", ""), false },
	/* path_dir: between slashes, with or without slashes in the value */
	{ "path_dir img", REQ("/img/a", ""), true },
	{ "path_dir img", REQ("/a/img", ""), true },
	{ "path_dir img", REQ("/a/img/b", ""), true },
	{ "path_dir img", REQ("/img", ""), true },
	{ "path_dir img", REQ("/imgs/a", ""), false },
	{ "path_dir img", REQ("/a/bimg/c", ""), false },
	{ "path_dir img", REQ("/imgs/img", ""), true },
	{ "path_dir /img/", REQ("/a/img", ""), true },
	{ "path_dir a/b", REQ("/x/a/b/c", ""), true },
	{ "path_dir a/b", REQ("/x/a/bc", ""), false },
	{ "path_dir -i IMG", REQ("/a/img/b", ""), true },
	{ "path_reg ^/v[0-9]+/", REQ("/v12/x", ""), true },
	{ "path_reg ^/v[0-9]+/", REQ("/vx/x", ""), false },
	{ "path_reg ^/v\\d+/ ^/w", REQ("/wx", ""), true },
	{ "path_reg ^/v\\d+/", REQ("/v1/", ""), true },
	{ "path_reg X$", REQ("/x", ""), false },
	{ "path_reg -i X$", REQ("/x", ""), true },
	{ "path_reg (a|b)(c)\\2", REQ("/bcc", ""), true },
	/* a line end in the path is a byte like others (HTTP.md 37) */
	{ "path_reg ^/a/.*$", REQ("/a/b%0Ac", ""), true },
	{ "path_reg ^/a/.+c$", REQ("/a/%0d%0ac", ""), true },
	{ "path_reg ^/a/b$", REQ("/a/b%0a", ""), false },
	{ "path -m sub dmi", REQ("/admin", ""), true },
	{ "path -m found", REQ("/", ""), true },

	/* hdr(N): each element of each field of this name */
	{ "hdr(X-A) b", REQ("/", "\nX-A: b"), true },
	{ "hdr(x-a) b", REQ("/", "\nX-A: b"), true },
	{ "hdr(X-A) B", REQ("/", "\nX-A: b"), false },
	{ "hdr(X-A) -i B", REQ("/", "\nX-A: b"), true },
	{ "hdr(X-A) b", REQ("/", "\nX-A: a, b ,c"), true },
	{ "hdr(X-A) b", REQ("/", "\nX-A: a\nX-B: b\nx-a: c,b"), true },
	{ "hdr(X-A) b", REQ("/", "\nX-A: ab"), false },
	{ "hdr(X-A) b", REQ("/", "\nX-A: \"a,b\""), false },
	{ "hdr(X-A) \\\"a,b\\\"", REQ("/", "\nX-A: x, \"a,b\""), true },
	{ "hdr(X-A)", REQ("/", "\nX-A: b"), true },
	{ "hdr(X-A)", REQ("/", "\nX-A:"), true },
	{ "hdr(X-A)", REQ("/", "\nX-AA: b"), false },
	{ "!hdr(X-A)", REQ("/", ""), true },
	{ "hdr(X-A) -m found", REQ("/", "\nX-A: b"), true },
	{ "hdr(X-A) ''", REQ("/", "\nX-A:"), true },
	{ "hdr(X-A) ''", REQ("/", "\nX-A: a,,b"), false },
	{ "hdr(X-A) -- -i", REQ("/", "\nX-A: -i"), true },
	{ "hdr(Host) example.com", NULL, true },
	{ "hdr(host) Example.com", NULL, false },
	{ "hdr(host) -i Example.com", NULL, true },
	{ "hdr(host) b:8", "GET http://b:8/ HTTP/1.0", true },
	{ "hdr(Upgrade) -i websocket",
	  REQ("/ws", "\nConnection: Upgrade\nUpgrade: WebSocket\n"
		     "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
	  true },
	{ "hdr(Upgrade) -i websocket", REQ("/ws", ""), false },
	{ "hdr(Connection) -i upgrade", REQ("/", "\nConnection: keep-alive, Upgrade"), true },
	{ "hdr_beg(User-Agent) curl/", REQ("/", "\nUser-Agent: curl/8"), true },
	{ "hdr_beg(User-Agent) curl/", REQ("/", "\nUser-Agent: xcurl/8"), false },
	{ "hdr_end(X-A) yz", REQ("/", "\nX-A: xyz, q"), true },
	{ "hdr_end(X-A) yz", REQ("/", "\nX-A: xyzz"), false },
	{ "hdr_end(host) ample.com", NULL, true },
	{ "hdr_sub(User-Agent) -i BOT", REQ("/", "\nUser-Agent: a bot b"), true },
	{ "hdr_sub(User-Agent) bot", REQ("/", "\nUser-Agent: a Bot b"), false },
	{ "hdr_reg(X-A) ^[0-9]+$", REQ("/", "\nX-A: a, 12"), true },
	{ "hdr_reg(X-A) ^[0-9]+$", REQ("/", "\nX-A: 12b"), false },

	/* host: without the port, letters never matter */
	{ "host example.com", NULL, true },
	{ "host EXAMPLE.com", NULL, true },
	{ "host example.com", "GET / HTTP/1.1\nHost: Example.Com:8080", true },
	{ "host example.com", "GET / HTTP/1.1\nHost: example.com.", true },
	{ "host example.com", "GET / HTTP/1.1\nHost: example.com.:80", true },
	{ "host example.com.", NULL, true },
	{ "host example.com", "GET / HTTP/1.1\nHost: example.com..", false },
	{ "host_end com", "GET / HTTP/1.1\nHost: example.com.", true },
	{ "host .", "GET / HTTP/1.1\nHost: .", true },
	{ "host example", NULL, false },
	{ "host ample.com", NULL, false },
	{ "host [::1]", "GET / HTTP/1.1\nHost: [::1]:80", true },
	{ "host [::1]", "GET / HTTP/1.1\nHost: [::1]", true },
	{ "host a b example.com", NULL, true },
	{ "host b", "GET http://b:8/ HTTP/1.0", true },
	{ "host b", "GET / HTTP/1.0", false },
	{ "!host b", "GET / HTTP/1.0", true },
	{ "host_end example.com", NULL, true },
	{ "host_end example.com", "GET / HTTP/1.1\nHost: www.Example.com:81", true },
	{ "host_end example.com", "GET / HTTP/1.1\nHost: badexample.com", false },
	{ "host_end .example.com", "GET / HTTP/1.1\nHost: www.example.com", true },
	{ "host_end .example.com", NULL, false },
	{ "host_end com", NULL, true },

	{ "method GET", NULL, true },
	{ "method POST GET", NULL, true },
	{ "method POST", NULL, false },
	{ "method PROPFIND", "PROPFIND / HTTP/1.1\nHost: a", true },
	{ "method GE", NULL, false },
	{ "method -i get", NULL, true },

	/* query: as it was sent, any occurrence */
	{ "query(a) 1", REQ("/?a=1", ""), true },
	{ "query(a) 1", REQ("/?b=2&a=1&c=3", ""), true },
	{ "query(a) 1", REQ("/?a=2&a=1", ""), true },
	{ "query(a) 1", REQ("/?b=2;a=1", ""), true },
	{ "query(a) 1", REQ("/?aa=1", ""), false },
	{ "query(a) 1", REQ("/?A=1", ""), false },
	{ "query(a) 1", REQ("/?a=12", ""), false },
	{ "query(a) %31", REQ("/?a=%31", ""), true },
	{ "query(a) x=y", REQ("/?a=x=y", ""), true },
	{ "query(a)", REQ("/?a=", ""), true },
	{ "query(a)", REQ("/?a", ""), true },
	{ "query(a)", REQ("/?b=a", ""), false },
	{ "query(a)", REQ("/a=1", ""), false },
	{ "query(a) -m beg x", REQ("/?a=xyz", ""), true },
	{ "query(a) -i X", REQ("/?a=x", ""), true },

	{ "cookie(S) 1", REQ("/", "\nCookie: S=1"), true },
	{ "cookie(S) 1", REQ("/", "\nCookie: a=b; S=1; c=d"), true },
	{ "cookie(S) 1", REQ("/", "\nCookie: a=b\nCookie: S=1"), true },
	{ "cookie(S) 1", REQ("/", "\nCookie: s=1"), false },
	{ "cookie(S) 1", REQ("/", "\nCookie: SS=1; XS=1"), false },
	{ "cookie(S) 1", REQ("/", "\nX-Cookie: S=1"), false },
	{ "cookie(S)", REQ("/", "\nCookie: a=b; S=x"), true },
	{ "cookie(S)", REQ("/", "\nCookie: a=S"), false },

	/* the client is 192.0.2.7, the port 80, there is no TLS */
	{ "src 192.0.2.7", NULL, true },
	{ "src 192.0.2.8", NULL, false },
	{ "src 10.0.0.0/8 192.0.2.0/24", NULL, true },
	{ "src 10.0.0.0/8", NULL, false },
	{ "src 0.0.0.0/0", NULL, true },
	{ "src ::/0", NULL, false },
	{ "dst_port 80", NULL, true },
	{ "dst_port 8080 443", NULL, false },
	{ "dst_port 70-90", NULL, true },
	{ "dst_port 70:80", NULL, true },
	{ "dst_port 81-90", NULL, false },
	{ "tls", NULL, false },
	{ "!tls", NULL, true },
	{ "sni example.com", NULL, false },
	{ "sni", NULL, false },
	{ "always", NULL, true },
	{ "!always", NULL, false },

	/* and, or, not */
	{ "path_beg / method GET", NULL, true },
	{ "path_beg / method POST", NULL, false },
	{ "method POST or path_beg /", NULL, true },
	{ "method POST || path_beg /", NULL, true },
	{ "method POST OR path_beg /", NULL, true },
	{ "method GET path_beg /x or method GET path_beg /", NULL, true },
	{ "method GET or always path /x", NULL, true },
	{ "always path /x or method POST", NULL, false },
	{ "!method GET", NULL, false },
	{ "! method POST", NULL, true },
	{ "!!method GET", NULL, true },
	{ "path / !method POST", NULL, true },
	{ "path / !method GET", NULL, false },
	{ "{ path / } { method GET }", NULL, true },
	{ "{ path / } !{ method GET }", NULL, false },
	{ "!{ path /x } or { method POST }", NULL, true },
	{ "{ method POST } or tls or { path_beg / }", NULL, true },
	{ "hdr(X-A) 'a b'", REQ("/", "\nX-A: a b"), true },
	{ "hdr(X-A) a\\ b", REQ("/", "\nX-A: a b"), true },
	{ "hdr(X-A) \"a b\"", REQ("/", "\nX-A: a b"), true },
	{ "hdr(X-A) \"path\"", REQ("/", "\nX-A: path"), true },
	{ "hdr(X-A) 'or'", REQ("/", "\nX-A: or"), true },
	{ "hdr(X-A) '!a'", REQ("/", "\nX-A: !a"), true },
	{ "hdr(X-A) \\!a", REQ("/", "\nX-A: !a"), true },
	{ "hdr(X-A) a\\\\b", REQ("/", "\nX-A: a\\b"), true },
	{ "hdr(X-A) 'a\\b'", REQ("/", "\nX-A: a\\b"), true },
	{ "hdr(X-A) '}' x", REQ("/", "\nX-A: }"), true },
	{ "\t path\n/ \r\n", NULL, true },
};

START_TEST(words)
{
	const struct word_case *c = &cases[_i];
	struct rig r;

	rig_init(&r);
	rig_route(&r, c->when);
	ck_assert_msg(rig_compile(&r), "%s: %s", c->when, r.said);
	ck_assert_msg((rig_ask(&r, c->head ? c->head : REQ("/", "")) == 0) == c->holds, "%s on %s",
		      c->when, c->head ? c->head : "GET /");
	rig_free(&r);
}
END_TEST

/* An acl around it changes nothing, nor does an answer that the plan cannot give. */
START_TEST(words_as_acls)
{
	const struct word_case *c = &cases[_i];
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "x", c->when);
	rig_route(&r, "!x");
	rig_route(&r, "x dst_port 1-65535");
	ck_assert_msg(rig_compile(&r), "%s: %s", c->when, r.said);
	ck_assert_msg(rig_ask(&r, c->head ? c->head : REQ("/", "")) == c->holds, "%s on %s",
		      c->when, c->head ? c->head : "GET /");
	rig_free(&r);
}
END_TEST

START_TEST(facts_of_the_connection)
{
	struct rig r;

	rig_init(&r);
	rig_route(&r, "sni a.example");
	rig_route(&r, "sni");
	rig_route(&r, "tls");
	rig_route(&r, "src 2001:db8::/32");
	rig_route(&r, "dst_port 8000-8999");
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), -1);
	r.facts.dst_port = 8999;
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 4);
	ck_assert_ptr_null(addr_parse(&r.src, STR("[2001:db8::9]:1")));
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 3);
	r.facts.tls = true;
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 2);
	r.facts.sni = STR("b.example");
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 1);
	r.facts.sni = STR("A.example");
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 0);
	rig_free(&r);
}
END_TEST

START_TEST(mapped_client_is_ipv4)
{
	struct rig r;

	rig_init(&r);
	rig_route(&r, "src 192.0.2.0/24");
	ck_assert(rig_compile(&r));
	ck_assert_ptr_null(addr_parse(&r.src, STR("[::ffff:192.0.2.9]:1")));
	ck_assert_int_eq(rig_ask(&r, REQ("/", "")), 0);
	rig_free(&r);
}
END_TEST

/* In mode tcp there is no request: what looks at one is a mistake, the rest is asked without. */
START_TEST(h148_mode_tcp_has_no_request)
{
	static const char *const wrong[] = {
		"path_beg /",   "hdr(Host) a",   "method GET",       "cookie(a) b",
		"query(b)",     "host a",        "host_end a",       "path_reg ^/x",
		"hdr_sub(a) b", "path_end .php", "always or path /", "src 10.0.0.1 !path /a",
	};
	struct rig r;
	int route;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		rig_init(&r);
		r.frontend.mode = CONF_MODE_TCP;
		rig_route(&r, wrong[i]);
		ck_assert(!rig_compile(&r));
		ck_assert_msg(strstr(r.said, "looks at a request, and mode tcp has none"), "%s",
			      r.said);
		rig_free(&r);
	}
	rig_init(&r);
	r.frontend.mode = CONF_MODE_TCP;
	rig_route(&r, "src 10.0.0.0/8");
	rig_route(&r, "dst_port 443");
	rig_route(&r, "tls or sni a");
	rig_route(&r, "always");
	ck_assert(rig_compile(&r));
	r.facts.req = NULL;
	ck_assert_int_eq(router_decide(r.router, &r.facts, &route), 3);
	r.facts.dst_port = 443;
	ck_assert_int_eq(router_decide(r.router, &r.facts, &route), 1);
	rig_free(&r);
}
END_TEST

/* A hundred values are looked up in a tree; each word means the same there. */
START_TEST(many_values)
{
	static const char *const lists[] = { "path",     "path_beg",        "path_end",
					     "hdr(X-A)", "hdr_end(X-A) -i", "host",
					     "host_end", "path -i",         "path_end -i",
					     "host_end" };
	static const struct {
		const char *head;
		int holds; /* bit i: lists[i] */
	} asks[] = {
		{ REQ("/n17", ""), 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8 },
		{ REQ("/N17", ""), 1 << 7 | 1 << 8 },
		{ REQ("/n17/x", ""), 1 << 1 },
		{ REQ("/x/n17", ""), 1 << 2 | 1 << 8 },
		{ REQ("/", "\nX-A: q, /n17"), 1 << 3 | 1 << 4 },
		{ REQ("/", "\nX-A: q, a/N17"), 1 << 4 },
		{ "GET / HTTP/1.1\nHost: n17", 1 << 5 | 1 << 6 | 1 << 9 },
		{ "GET / HTTP/1.1\nHost: www.N17", 1 << 6 | 1 << 9 },
		{ "GET / HTTP/1.1\nHost: wwwn17", 0 },
		{ REQ("/n", ""), 0 },
	};
	char text[2048];
	struct rig r;

	for (unsigned w = 0; w < 10; w++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", lists[w]);

		for (unsigned i = 10; i < 110; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %sn%u",
					      lists[w][0] == 'h' && lists[w][1] == 'o' ? "" : "/",
					      i);
		rig_init(&r);
		rig_route(&r, text);
		ck_assert_msg(rig_compile(&r), "%s", r.said);
		for (unsigned a = 0; a < sizeof(asks) / sizeof(asks[0]); a++)
			ck_assert_msg((rig_ask(&r, asks[a].head) == 0) == (asks[a].holds >> w & 1),
				      "%s on %s", lists[w], asks[a].head);
		rig_free(&r);
	}
}
END_TEST

/* An expression that would go on for ever gives up, and tells: what it says is a guess. */
START_TEST(h37_an_expression_that_spins_gives_up)
{
	struct rig r;
	char head[128] = "GET /";
	clock_t before;
	int n = 5;

	rig_init(&r);
	rig_route(&r, "path_reg ^/(a+)+$");
	rig_route(&r, "always");
	ck_assert(rig_compile(&r));
	for (int i = 0; i < 60; i++)
		head[n++] = 'a';
	snprintf(head + n, sizeof(head) - (size_t)n, "b HTTP/1.1\nHost: a");
	before = clock();
	for (int i = 0; i < 20; i++) /* 25 ms each with PCRE2's own limit */
		ck_assert_int_eq(rig_ask(&r, head), 1);
	ck_assert(router_gave_up(r.facts.scratch) && !router_gave_up(r.facts.scratch));
	ck_assert_int_eq(rig_ask(&r, "GET /aaab HTTP/1.1\nHost: a"), 1);
	ck_assert_int_eq(rig_ask(&r, "GET /aaa HTTP/1.1\nHost: a"), 0);
	ck_assert(!router_gave_up(r.facts.scratch));
	ck_assert_msg(clock() - before < CLOCKS_PER_SEC / 5, "%ld ms of CPU",
		      (long)((clock() - before) * 1000 / CLOCKS_PER_SEC));
	rig_free(&r);
}
END_TEST

START_TEST(first_route_wins)
{
	struct rig r;

	rig_init(&r);
	rig_acl(&r, "is_auth", "path_beg /auth");
	rig_acl(&r, "is_dashboard", "path_beg /dashboard");
	rig_acl(&r, "is_api", "path_beg /api");
	rig_acl(&r, "is_ws", "hdr(Upgrade) -i websocket");
	rig_route(&r, "is_auth");
	rig_route(&r, "is_api");
	rig_route(&r, "is_ws");
	r.frontend.default_backend = 9;
	ck_assert_msg(rig_compile(&r), "%s", r.said);
	ck_assert_str_eq(r.said, "test.conf:11: warning: acl \"is_dashboard\": no route asks for "
				 "it; remove it, or the route is missing\n");
#define WS                                                                                        \
	"\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n"                  \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	ck_assert_int_eq(rig_ask(&r, REQ("/auth/login", "")), 0);
	ck_assert_int_eq(rig_ask(&r, REQ("/api/health", "")), 1);
	ck_assert_int_eq(rig_ask(&r, REQ("/api/socket", WS)), 1);
	ck_assert_int_eq(rig_ask(&r, REQ("/chat", WS)), 2);
	r.facts.req = &r.req;
	rig_free(&r);
}
END_TEST

START_TEST(default_backend)
{
	struct rig r;
	int route = 5;

	rig_init(&r);
	rig_route(&r, "path /x");
	r.frontend.default_backend = 7;
	ck_assert(rig_compile(&r));
	r.facts.req = NULL;
	ck_assert_int_eq(router_decide(r.router, &r.facts, &route), 7);
	ck_assert_int_eq(route, -1);
	ck_assert_int_eq(router_decide(r.router, &r.facts, NULL), 7);
	rig_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("route words");
	TCase *t = tcase_create("words");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, words, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_loop_test(t, words_as_acls, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, facts_of_the_connection);
	tcase_add_test(t, mapped_client_is_ipv4);
	tcase_add_test(t, h148_mode_tcp_has_no_request);
	tcase_add_test(t, many_values);
	tcase_add_test(t, h37_an_expression_that_spins_gives_up);
	tcase_add_test(t, first_route_wins);
	tcase_add_test(t, default_backend);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
