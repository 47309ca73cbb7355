#include "route/expect.h"

#include <stdio.h>

#include "route/ask.h"

#define BLOCK 16384

/* Where a request goes, in words. */
struct outcome {
	int backend;
	const struct conf_route *split; /* NULL: none; any of its backends */
	unsigned status; /* 0: of the servers */
	char text[CONF_MAX_SPLIT * (CONF_NAME_MAX + 8) + 64];
};

/* "goes to blue or green" */
static void tell_split(const struct conf *conf, const struct conf_route *r, struct outcome *o)
{
	size_t n = 0;

	o->split = r;
	for (unsigned i = 0; i < r->n_split; i++)
		if (r->split[i].weight)
			n += (size_t)snprintf(o->text + n, sizeof(o->text) - n, "%s%.*s",
					      n ? " or " : "goes to ",
					      STR_ARGS(conf->backends[r->split[i].backend].name));
}

static struct outcome decide(const struct conf *conf, const struct conf_frontend *f,
			     const struct router *router, struct route_facts *facts, int *route)
{
	struct outcome o = {.backend = router_decide(router, facts, route)};
	const struct conf_answer *a;

	if (o.backend >= 0) {
		snprintf(o.text, sizeof(o.text), "goes to %.*s",
			 STR_ARGS(conf->backends[o.backend].name));
	} else if (*route >= 0 && f->routes[*route].action == CONF_ROUTE_SPLIT) {
		tell_split(conf, &f->routes[*route], &o);
	} else if (*route >= 0) {
		a = &f->routes[*route].answer;
		o.status = a->status;
		snprintf(o.text, sizeof(o.text), "is answered with %u", a->status);
	} else {
		o.status = 503;
		snprintf(o.text, sizeof(o.text), "is answered with 503, as nothing takes it");
	}
	return o;
}

static bool is_met(const struct conf_expect *e, const struct outcome *o)
{
	for (unsigned i = 0; o->split && i < o->split->n_split; i++)
		if (o->split->split[i].weight && (int)o->split->split[i].backend == e->backend)
			return true;
	return e->backend >= 0 ? o->backend == e->backend : o->status == e->status;
}

static void complain(const struct conf *conf, const struct conf_source *source,
		     const struct conf_frontend *f, const struct conf_expect *e,
		     const struct outcome *o, int route, struct diags *diags)
{
	struct diag_place at = {"by default_backend"};
	char due[CONF_NAME_MAX + 16];

	if (route >= 0) {
		struct diag_place line = diag_place(source, e->line, f->routes[route].line);

		snprintf(at.text, sizeof(at.text), "by the route %.400s", line.text);
	}
	if (e->backend >= 0)
		snprintf(due, sizeof(due), "%.*s", STR_ARGS(conf->backends[e->backend].name));
	else
		snprintf(due, sizeof(due), "status %u", e->status);
	diag_add(diags, source, DIAG_ERROR, e->line,
		 "expect: \"%.*s\" %s (%s), and %s is expected; mend the routes, or what is "
		 "expected",
		 STR_ARGS(str_first(e->request, 200)), o->text, at.text, due);
}

static void check_one(const struct conf *conf, const struct conf_source *source,
		      const struct conf_frontend *f, const struct router *router,
		      const struct conf_expect *e, struct arena *arena, struct diags *diags)
{
	struct route_ask ask = {.request = e->request,
				.headers = e->headers,
				.n_headers = e->n_headers,
				.from = e->from};
	const char *why = route_ask_read(&ask, arena);
	struct outcome o;
	int route;

	if (why) {
		diag_add(diags, source, DIAG_ERROR, e->line, "expect: %s", why);
		return;
	}
	if (!ask.addressed && f->n_binds)
		ask.facts.dst_port = addr_port(&f->binds[0].addr);
	ask.facts.scratch = router_scratch_new();
	if (!ask.facts.scratch) {
		diag_add(diags, source, DIAG_ERROR, e->line, "expect: out of memory");
		return;
	}
	o = decide(conf, f, router, &ask.facts, &route);
	if (!is_met(e, &o))
		complain(conf, source, f, e, &o, route, diags);
	router_scratch_free(ask.facts.scratch);
}

void expect_check(const struct conf *conf, const struct conf_source *source,
		  const struct conf_frontend *frontend, const struct router *router,
		  struct diags *diags)
{
	struct arena arena;

	arena_init(&arena, BLOCK, 0);
	for (unsigned i = 0; i < frontend->n_expects; i++) {
		check_one(conf, source, frontend, router, &frontend->expects[i], &arena, diags);
		arena_reset(&arena);
	}
	arena_free(&arena);
}
