/* Conditions: the first two lines are the acls "a" and "b", each further line is a route.
 * What compiles together has to decide as its routes do one by one, and a route that was
 * said never to match must not. */
#include <stdio.h>

#include "fuzzing.h"
#include "route/route.h"

#define ROUTES_MAX 8
#define REQUESTS 4

#define FIELDS "Host: www.Example.com:8080\r\nCookie: S=1; t\r\nX-A: a, \"b,c\", d\r\nX-A:\r\n"

static const char *const heads[REQUESTS] = {
	"GET /api/v1/a.png?x=1&y HTTP/1.1\r\n" FIELDS "\r\n",
	"PUT / HTTP/1.1\r\nHost: [::1]\r\nX-B: or\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a HTTP/1.0\r\n\r\n",
};

struct bench {
	struct conf_source source;
	struct conf conf;
	struct conf_file file;
	struct conf_acl acls[2];
	struct conf_route routes[ROUTES_MAX];
	struct conf_frontend frontend;
};

static struct http_request requests[REQUESTS];
static struct router_scratch *scratch;

static void prepare(void)
{
	static struct arena arena;

	arena_init(&arena, 4096, 0);
	scratch = router_scratch_new();
	must(scratch);
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct h1_parser parser;
		enum reason why;

		h1_parser_reset(&parser);
		must(h1_parse_request(&parser, str_of(heads[i]), &fuzz_strict, &arena,
				      &requests[i], &why) == HTTP_OK);
	}
}

static struct str next_line(struct str *rest)
{
	struct str line = STR("");

	str_split(rest, '\n', &line);
	return line;
}

static void bench_init(struct bench *b, struct str in)
{
	*b = (struct bench){ .file = { .path = STR("f"),
				       .content = STR("# x\n/api\n10.0.0.0/8\n\n80\n") } };
	b->source.path = STR("fuzz");
	b->source.files = &b->file;
	b->source.n_files = 1;
	b->acls[0] = (struct conf_acl){ STR("a"), next_line(&in), 1 };
	b->acls[1] = (struct conf_acl){ STR("b"), next_line(&in), 2 };
	b->frontend = (struct conf_frontend){ .name = STR("f"),
					      .acls = b->acls,
					      .n_acls = 2,
					      .routes = b->routes,
					      .default_backend = -1 };
	while (in.n && b->frontend.n_routes < ROUTES_MAX) {
		unsigned i = b->frontend.n_routes++;

		b->routes[i] = (struct conf_route){ .when = next_line(&in), .backend = i,
						    .line = 10 + i };
	}
}

static int decide(const struct router *r, unsigned request)
{
	struct addr src;
	struct route_facts facts = { .req = &requests[request],
				     .src = &src,
				     .dst_port = 80,
				     .tls = request % 2,
				     .sni = request % 2 ? STR("a.example") : STR_NONE,
				     .scratch = scratch };
	int route, backend;

	must(!addr_parse(&src, request % 2 ? STR("[2001:db8::1]:9") : STR("10.1.2.3:9")));
	backend = router_decide(r, &facts, &route);
	must(backend == route && route < ROUTES_MAX);
	return route;
}

/* The first route that takes the request when each is compiled alone. */
static void compare(const struct bench *b, const struct router *all, const struct diags *said)
{
	int first[REQUESTS] = { -1, -1, -1, -1 };

	for (unsigned i = 0; i < b->frontend.n_routes; i++) {
		struct conf_frontend one = b->frontend;
		struct conf_route route = { .when = b->routes[i].when, .line = 10 };
		struct router *r;
		struct diags diags;

		one.routes = &route;
		one.n_routes = 1;
		diags_init(&diags);
		r = router_compile(&b->conf, &b->source, &one, &diags);
		must(r);
		for (unsigned k = 0; k < REQUESTS; k++) {
			struct route_facts none = { .scratch = scratch };

			(void)router_decide(r, &none, NULL); /* as in mode tcp */
			if (first[k] < 0 && decide(r, k) == 0)
				first[k] = (int)i;
		}
		router_free(r);
		diags_free(&diags);
	}
	for (unsigned k = 0; k < REQUESTS; k++)
		must(decide(all, k) == first[k]);
	for (size_t i = 0; i < said->count; i++)
		/* At its beginning: what is quoted further on may say the same. */
		if (str_begins(str_of(said->list[i].text), STR("route: it can never match")))
			for (unsigned k = 0; k < REQUESTS; k++)
				must(first[k] != (int)said->list[i].line - 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = fuzz_copy(data, size);
	struct router *r;
	struct diags diags;
	struct bench b;

	if (!scratch)
		prepare();
	bench_init(&b, in);
	diags_init(&diags);
	r = router_compile(&b.conf, &b.source, &b.frontend, &diags);
	must((r != NULL) == (diags.errors == 0));
	if (r)
		compare(&b, r, &diags);
	router_free(r);
	diags_free(&diags);
	fuzz_free(in);
	return 0;
}
