#include "proxy/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/prefix.h"
#include "proxy/affinity.h"
#include "proxy/split.h"
#include "route/ask.h"

#define HEADERS_MAX 24
#define OTHERS_MAX 100
#define SHOWN(s) STR_ARGS(str_first(s, 200))

struct explain {
	const struct generation *g;
	uint64_t now;
	FILE *out;
	const struct frontend *frontend;
	struct route_ask ask;
	struct str headers[HEADERS_MAX];
	struct str frontend_name;
	struct arena arena;
};

/* ---- the command ---- */

static bool take_option(struct explain *e, struct str word)
{
	if (str_begins(word, STR("from="))) {
		e->ask.from = str_from(word, 5);
	} else if (str_begins(word, STR("frontend="))) {
		e->frontend_name = str_from(word, 9);
	} else if (str_begins(word, STR("header=")) && e->ask.n_headers < HEADERS_MAX) {
		e->headers[e->ask.n_headers++] = str_from(word, 7);
	} else {
		fprintf(e->out, "\"%.*s\" is nothing that explain knows, or one too many\n",
			SHOWN(word));
		return false;
	}
	return true;
}

static bool read_words(struct explain *e, struct str rest)
{
	struct str word = STR_NONE, method = STR_NONE, url = STR_NONE;

	str_split(&rest, '\0', &word);
	str_split(&rest, '\0', &method);
	str_split(&rest, '\0', &url);
	e->ask.request = arena_printf(&e->arena, "%.*s %.*s", STR_ARGS(method), STR_ARGS(url));
	if (!e->ask.request.p)
		return false;
	e->ask.headers = e->headers;
	while (str_split(&rest, '\0', &word))
		if (!take_option(e, word))
			return false;
	return true;
}

/* ---- which frontend ---- */

static bool listens_at(const struct conf_frontend *f, uint16_t port)
{
	for (unsigned i = 0; i < f->n_binds; i++)
		if (addr_port(&f->binds[i].addr) == port)
			return true;
	return false;
}

/* The one that is named; else of the address's port; else the first of HTTP. */
static const struct frontend *choose_frontend(const struct explain *e)
{
	const struct frontend *first = NULL;

	for (unsigned i = 0; i < e->g->conf->n_frontends; i++) {
		const struct frontend *f = &e->g->frontends[i];

		if (e->frontend_name.n) {
			if (str_eq(f->conf->name, e->frontend_name))
				return f;
			continue;
		}
		if (f->conf->mode != CONF_MODE_HTTP)
			continue;
		if (e->ask.addressed && listens_at(f->conf, e->ask.facts.dst_port))
			return f;
		first = first ? first : f;
	}
	return first;
}

static bool find_frontend(struct explain *e)
{
	e->frontend = choose_frontend(e);
	if (e->frontend && e->frontend->conf->mode == CONF_MODE_HTTP) {
		if (!listens_at(e->frontend->conf, e->ask.facts.dst_port) &&
		    e->frontend->conf->n_binds)
			e->ask.facts.dst_port = addr_port(&e->frontend->conf->binds[0].addr);
		return true;
	}
	fprintf(e->out,
		e->frontend ? "%.*s has mode tcp, where there are no requests\n"
			    : "there is no frontend \"%.*s\" of HTTP\n",
		SHOWN(e->frontend_name));
	return false;
}

/* ---- what it says ---- */

/* "split: blue 95 %, green 5 %, by cookie(user)" */
static void print_split(const struct explain *e, const struct conf_route *r)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < r->n_split; i++)
		sum += r->split[i].weight;
	fprintf(e->out, "split: ");
	for (unsigned i = 0; i < r->n_split; i++)
		fprintf(e->out, "%s%.*s %.4g %%", i ? ", " : "",
			STR_ARGS(e->g->conf->backends[r->split[i].backend].name),
			100.0 * r->split[i].weight / sum);
	if (r->split_text.n)
		fprintf(e->out, ", by %.*s", STR_ARGS(r->split_text));
	else
		fprintf(e->out, ", in turn");
}

/* What the server is asked for instead. */
static void print_prefix(const struct explain *e, unsigned i)
{
	const struct http_prefix *p = router_prefix(e->frontend->router, (int)i);
	struct str path;

	if (!p)
		return;
	if (http_prefix_to_server(p, e->ask.req.path, (struct arena *)(uintptr_t)&e->arena, &path))
		fprintf(e->out, ", as %.*s", SHOWN(path));
	else
		fprintf(e->out, ", as it is: not under %.*s",
			STR_ARGS(p->client.n ? p->client : STR("/")));
}

static void print_action(const struct explain *e, const struct conf_route *r, unsigned i)
{
	struct str to;

	switch (r->action) {
	case CONF_ROUTE_BACKEND:
		fprintf(e->out, "%.*s", STR_ARGS(e->g->conf->backends[r->backend].name));
		print_prefix(e, i);
		break;
	case CONF_ROUTE_SPLIT:
		print_split(e, r);
		print_prefix(e, i);
		break;
	case CONF_ROUTE_REDIRECT:
		to = router_location(e->frontend->router, (int)i, &e->ask.facts,
				     (struct arena *)(uintptr_t)&e->arena);
		fprintf(e->out, "%u to %.*s", r->answer.status, STR_ARGS(to));
		break;
	case CONF_ROUTE_DENY:
		fprintf(e->out, "deny with %u", r->answer.status);
		break;
	case CONF_ROUTE_RESPOND:
		fprintf(e->out, "respond with %u", r->answer.status);
		break;
	}
}

static void print_route(const struct explain *e, unsigned i, const char *verdict)
{
	const struct conf_route *r = &e->frontend->conf->routes[i];

	fprintf(e->out, "  route %s: %s: %.*s -> ",
		diag_place(&e->g->source, e->frontend->conf->line, r->line).text, verdict,
		SHOWN(r->when));
	print_action(e, r, i);
	fputc('\n', e->out);
}

/* All that hold, and as many of the others as people read. */
static void print_routes(const struct explain *e, int taken)
{
	unsigned others = 0;

	for (unsigned i = 0; i < e->frontend->conf->n_routes; i++) {
		bool holds = router_route_holds(e->frontend->router, i, &e->ask.facts);

		if ((int)i == taken)
			print_route(e, i, "takes it");
		else if (holds)
			print_route(e, i, "would take it, but comes later");
		else if (others++ < OTHERS_MAX)
			print_route(e, i, "is not for it");
	}
	if (others > OTHERS_MAX)
		fprintf(e->out, "  %u more routes are not for it\n", others - OTHERS_MAX);
}

static void print_limits(const struct explain *e)
{
	const struct conf_frontend *f = e->frontend->conf;

	for (unsigned i = 0; i < f->n_limits; i++)
		fprintf(e->out, "  limit %.*s: %s\n", STR_ARGS(f->limits[i].name),
			router_limits(e->frontend->router, i, &e->ask.facts) ? "counts it"
									     : "is not for it");
}

static const char *why_not(const struct explain *e, struct server *s)
{
	const struct board_server *on = s->owner;

	switch (stats_get(on->admin)) {
	case BOARD_ADMIN_DRAIN:
		return "drained by hand";
	case BOARD_ADMIN_MAINT:
		return "in maintenance by hand";
	default:
		break;
	}
	if (stats_get(on->health) != BOARD_SERVER_UP)
		return stats_get(on->health) == BOARD_SERVER_DOWN ? "down" : "not checked yet";
	if (stats_get(on->draining))
		return "it asks to be drained, in answers to its checks";
	if (server_is_ejected(s, e->now))
		return "ejected by its breaker";
	if (!stats_get(on->weight))
		return "its weight is 0";
	if (!server_has_room(s))
		return "has its max_connections: requests wait";
	if (server_is_avoided(s, e->now))
		return "could not be connected a moment ago: others come first";
	return NULL;
}

/* ", of which it has 12 % now (slow start)", or nothing. */
static const char *slow_start(struct server *s, uint64_t now, char to[64])
{
	uint64_t whole = stats_get(s->weight) * (uint64_t)SERVER_WEIGHT_WHOLE;
	uint64_t has = server_weight(s, now);

	*to = '\0';
	if (has && has < whole)
		snprintf(to, 64, ", of which it has %u %% now (slow start)",
			 (unsigned)(has * 100 / whole));
	return to;
}

static void print_server(const struct explain *e, const struct conf_server *c, struct server *s)
{
	const struct board_server *on = s->owner;
	char reason[BOARD_TEXT] = "", slow[64];
	const char *why = why_not(e, s);

	fprintf(e->out, "  server %.*s: %s", STR_ARGS(c->name), why ? why : "can take it");
	if (why && stats_get(on->health) == BOARD_SERVER_DOWN &&
	    board_read_text((_Atomic uint32_t *)(uintptr_t)&on->check_turn, reason, sizeof(reason),
			    on->check_reason, sizeof(on->check_reason)) &&
	    *reason)
		fprintf(e->out, ": %s", reason);
	fprintf(e->out, " (%s, weight %u%s, running there: %" PRIu64 "%s)\n", s->address_text,
		(unsigned)stats_get(on->weight), slow_start(s, e->now, slow),
		stats_get(s->stats->active),
		c->backup ? ", backup: when no other can" : "");
}

/* The sticky cookie of a request that somebody describes. */
static void print_bound(const struct explain *e, const struct backend *b)
{
	const struct server *s;

	if (!b->sticky.name.n)
		return;
	s = affinity_bound(b, &e->ask.req);
	fprintf(e->out, "  its cookie %.*s %s%s\n", STR_ARGS(b->sticky.name),
		s ? "binds it to server " : "binds it to no server", s ? s->name : "");
}

static void print_backend(const struct explain *e, const struct backend *b, bool by_default)
{
	fprintf(e->out, "backend %.*s%s: balance %.*s\n", STR_ARGS(b->conf->name),
		by_default ? ", the default" : "", STR_ARGS(b->conf->balance_text));
	print_bound(e, b);
	for (unsigned i = 0; i < b->conf->n_servers; i++)
		print_server(e, &b->conf->servers[i], b->servers[i]);
	if (!pool_eligible(b->pool))
		fprintf(e->out, "no server can take it: it is answered with 503\n");
}

/* The one that this request's key leads to, or all that it may be. */
static void print_parts(const struct explain *e, int route)
{
	const struct conf_route *r = &e->frontend->conf->routes[route];
	unsigned chosen;

	if (r->action != CONF_ROUTE_SPLIT)
		return;
	if (split_by_key(e->frontend->splits[route], e->g->backends, e->ask.facts.src,
			 &e->ask.req, &chosen)) {
		fprintf(e->out, "its %.*s leads to %.*s\n", STR_ARGS(r->split_text),
			STR_ARGS(e->g->conf->backends[chosen].name));
		print_backend(e, &e->g->backends[chosen], false);
		return;
	}
	if (r->split_text.n)
		fprintf(e->out, "it has no %.*s: it goes in turn\n", STR_ARGS(r->split_text));
	for (unsigned i = 0; i < r->n_split; i++)
		if (r->split[i].weight)
			print_backend(e, &e->g->backends[r->split[i].backend], false);
}

static void print_decision(struct explain *e)
{
	int route, backend = router_decide(e->frontend->router, &e->ask.facts, &route);

	fprintf(e->out, "frontend %.*s, port %u: %.*s %.*s%.*s, host %.*s\n",
		STR_ARGS(e->frontend->conf->name), e->ask.facts.dst_port,
		STR_ARGS(e->ask.req.method_text), SHOWN(e->ask.req.path), SHOWN(e->ask.req.query),
		SHOWN(e->ask.req.authority));
	if (!e->ask.facts.src)
		fprintf(e->out, "  no address was given (--from): no src is true\n");
	print_limits(e);
	print_routes(e, route);
	if (router_gave_up(e->ask.facts.scratch))
		fprintf(e->out, "it is too much for an expression: it is refused with %u\n",
			reason_status(REASON_REQ_EXPRESSION));
	else if (backend >= 0)
		print_backend(e, &e->g->backends[backend], route < 0);
	else if (route >= 0)
		print_parts(e, route);
	else
		fprintf(e->out, "nothing takes it: it is answered with 503\n");
}

static bool explain(struct explain *e, struct str request)
{
	const char *why;

	if (!read_words(e, request))
		return false;
	why = route_ask_read(&e->ask, &e->arena);
	if (why) {
		fprintf(e->out, "%s\n", why);
		return false;
	}
	if (!find_frontend(e))
		return false;
	e->ask.facts.scratch = router_scratch_new();
	if (!e->ask.facts.scratch)
		return false;
	print_decision(e);
	router_scratch_free(e->ask.facts.scratch);
	return true;
}

enum control_exit explain_command(const struct generation *g, struct str request, uint64_t now,
				  char **text)
{
	struct explain *e = calloc(1, sizeof(*e));
	bool good = false;
	size_t n;

	*text = NULL;
	if (!e)
		return CONTROL_REFUSED;
	e->g = g;
	e->now = now;
	e->out = open_memstream(text, &n);
	arena_init(&e->arena, 16384, 0);
	if (e->out) {
		good = explain(e, request);
		fclose(e->out);
	}
	arena_free(&e->arena);
	free(e);
	return good ? CONTROL_DONE : CONTROL_REFUSED;
}
