/* For the tests of route/: a frontend made of texts, and requests as they come off the
 * wire. Acl i stands in line 10 + i, route i in line 100 + i and has backend i. */
#ifndef HPCBAL_TESTS_ROUTE_RIG_H
#define HPCBAL_TESTS_ROUTE_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/h1_parse.h"
#include "route/route.h"

#define RIG_MAX 64

struct rig {
	struct conf_source source;
	struct conf conf;
	struct conf_frontend frontend;
	struct conf_acl acls[RIG_MAX];
	struct conf_route routes[RIG_MAX];
	struct conf_limit limits[4]; /* in line 200 and after */
	struct conf_file files[4];
	struct diags diags;
	struct router *router;
	char *said; /* the diagnostics as text */
	/* the facts of the next request */
	struct route_facts facts;
	struct addr src;
	struct http_request req;
	struct arena arena;
};

static inline void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->source.path = STR("test.conf");
	r->source.files = r->files;
	r->frontend.name = STR("front");
	r->frontend.line = 1;
	r->frontend.acls = r->acls;
	r->frontend.routes = r->routes;
	r->frontend.limits = r->limits;
	r->frontend.default_backend = -1;
	r->conf.frontends = &r->frontend;
	r->conf.n_frontends = 1;
	r->facts.scratch = router_scratch_new();
	ck_assert_ptr_nonnull(addr_parse(&r->src, STR("192.0.2.7:1234")) ? NULL : r);
	r->facts.src = &r->src;
	r->facts.dst_port = 80;
	arena_init(&r->arena, 4096, 0);
}

static inline void rig_free(struct rig *r)
{
	router_free(r->router);
	router_scratch_free(r->facts.scratch);
	diags_free(&r->diags);
	free(r->said);
	arena_free(&r->arena);
}

static inline void rig_acl(struct rig *r, const char *name, const char *text)
{
	unsigned i = r->frontend.n_acls++;

	ck_assert_uint_lt(i, RIG_MAX);
	r->acls[i] = (struct conf_acl){ str_of(name), str_of(text), 10 + i };
}

static inline void rig_route(struct rig *r, const char *when)
{
	unsigned i = r->frontend.n_routes++;

	ck_assert_uint_lt(i, RIG_MAX);
	r->routes[i] = (struct conf_route){ .when = str_of(when), .backend = i, .line = 100 + i };
}

static inline void rig_limit(struct rig *r, const char *when, unsigned connections)
{
	unsigned i = r->frontend.n_limits++;

	ck_assert_uint_lt(i, 4);
	r->limits[i] = (struct conf_limit){ .name = STR("lim"), .when = str_of(when),
					    .connections = connections, .line = 200 + i };
}

static inline void rig_file(struct rig *r, const char *path, const char *content)
{
	r->files[r->source.n_files++] =
		(struct conf_file){ .path = str_of(path), .content = str_of(content) };
}

/* Compiles and keeps what was said. */
static inline bool rig_compile(struct rig *r)
{
	r->router = router_compile(&r->conf, &r->source, &r->frontend, &r->diags);
	r->said = diags_text(&r->diags);
	return r->router != NULL;
}

/* The route that takes this head (LF for CRLF, without the empty line); -1: none. The facts stay
 * until the next one. */
static inline int rig_ask(struct rig *r, const char *head)
{
	struct h1_limits limits = { .max_line = 8192, .max_head = 16384, .max_fields = 100 };
	struct h1_parser parser = { 0 };
	enum reason why = REASON_COMPLETE;
	size_t n = 0;
	char *bytes;
	int route, backend;

	arena_reset(&r->arena);
	bytes = arena_alloc(&r->arena, 2 * strlen(head) + 4);
	ck_assert_ptr_nonnull(bytes);
	for (const char *c = head; *c; c++) {
		if (*c == '\n')
			bytes[n++] = '\r';
		bytes[n++] = *c;
	}
	memcpy(bytes + n, "\r\n\r\n", 4);
	n += 4;
	h1_parser_reset(&parser);
	ck_assert_msg(h1_parse_request(&parser, (struct str){ bytes, n }, &limits, &r->arena,
				       &r->req, &why) == HTTP_OK,
		      "\"%s\" is no request: %s", head, reason_text(why));
	r->facts.req = &r->req;
	backend = router_decide(r->router, &r->facts, &route);
	if (route < 0 || r->routes[route].action == CONF_ROUTE_BACKEND)
		ck_assert_int_eq(backend, route);
	else
		ck_assert_int_eq(backend, -1);
	return route;
}

#endif
