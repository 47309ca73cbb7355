#include "ctl/top_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/text.h"
#include "ctl/top_grid.h"

#define EVENTS_SHOWN 20
#define NUMBER_TEXT 32
#define ALL_TEXT 512
#define DATE_LENGTH 11 /* "2026-02-06 " */

/* ---- numbers ---- */

/* Short: "-" for what is not known, "0.25", "12.5", "830", "12k", "3.4M". */
static const char *number(char to[NUMBER_TEXT], double v)
{
	if (v < 0)
		snprintf(to, NUMBER_TEXT, "-");
	else if (v < 0.005)
		snprintf(to, NUMBER_TEXT, "0");
	else if (v < 10)
		snprintf(to, NUMBER_TEXT, "%.2f", v);
	else if (v < 100)
		snprintf(to, NUMBER_TEXT, "%.1f", v);
	else if (v < 1e4)
		snprintf(to, NUMBER_TEXT, "%.0f", v);
	else if (v < 1e6)
		snprintf(to, NUMBER_TEXT, "%.0fk", v / 1e3);
	else
		snprintf(to, NUMBER_TEXT, "%.1fM", v < 1e18 ? v / 1e6 : 1e12);
	return to;
}

static const char *bytes(char to[NUMBER_TEXT], double v)
{
	char text[TEXT_BYTES];

	snprintf(to, NUMBER_TEXT, "%s",
		 v < 0 ? "-" : text_bytes(text, v < 1e18 ? (uint64_t)v : UINT64_MAX));
	return to;
}

static const char *lapse(char to[TEXT_TIME], double us)
{
	return us < 0 ? "-" : text_lapse(to, (uint64_t)us);
}

static void add_number(struct grid *g, enum top_look look, double v)
{
	char text[NUMBER_TEXT];

	grid_add(g, v > 0 ? look : TOP_PLAIN, "%s", number(text, v));
}

static void add_count(struct grid *g, uint64_t n)
{
	grid_add(g, TOP_PLAIN, "%" PRIu64, n);
}

static void add_queue(struct grid *g, uint64_t n)
{
	grid_add(g, n ? TOP_WARN : TOP_PLAIN, "%" PRIu64, n);
}

static void add_times(struct grid *g, const struct rate_times *t)
{
	char text[TEXT_TIME];

	grid_add(g, TOP_PLAIN, "%s", lapse(text, t->p50));
	grid_add(g, TOP_PLAIN, "%s", lapse(text, t->p95));
	grid_add(g, TOP_PLAIN, "%s", lapse(text, t->p99));
}

static void add_flow(struct grid *g, const struct rate_flow *f)
{
	add_number(g, TOP_PLAIN, f->requests);
	add_number(g, TOP_WARN, f->client_errors);
	add_number(g, TOP_BAD, f->server_errors);
}

static void lay(struct grid *g, unsigned width, struct top_lines *to)
{
	top_lines_add(to, TOP_PLAIN, "%s", "");
	grid_lay(g, width, to);
}

/* ---- what is looked at, in which order ---- */

struct order {
	const struct snapshot *s;
	const struct top_rates *r;
	const struct top_view *v;
};

static bool is_shown(const struct order *o, const char *backend)
{
	return str_ifind(str_of(backend), str_of(o->v->filter)) >= 0;
}

/* Greater first. */
static int compare(double a, double b)
{
	return a > b ? -1 : a < b;
}

/* How bad that is. */
static double badness(const struct snapshot *s, const struct snap_server *v)
{
	if (v->state == BOARD_SERVER_DOWN)
		return 3;
	if (v->state != BOARD_SERVER_UP)
		return 1;
	return snapshot_is_ejected(s, v) ? 2 : 0;
}

static int compare_servers(const struct order *o, unsigned a, unsigned b)
{
	const struct snap_server *va = &o->s->servers[a], *vb = &o->s->servers[b];
	const struct rate_server *ra = &o->r->servers[a], *rb = &o->r->servers[b];

	switch (o->v->sort) {
	case TOP_BY_REQUESTS:
		return compare(ra->requests, rb->requests);
	case TOP_BY_ACTIVE:
		return compare((double)va->active, (double)vb->active);
	case TOP_BY_QUEUE:
		return compare((double)va->queued, (double)vb->queued);
	case TOP_BY_ERRORS:
		return compare(ra->errors, rb->errors);
	case TOP_BY_STATE:
		return compare(badness(o->s, va), badness(o->s, vb));
	case TOP_BY_NAME:
		return strcmp(va->backend, vb->backend) ? strcmp(va->backend, vb->backend)
							: strcmp(va->name, vb->name);
	case TOP_BY_FILE:
	case TOP_SORTS:
	default:
		return 0;
	}
}

static int compare_backends(const struct order *o, unsigned a, unsigned b)
{
	const struct snap_backend *ka = &o->s->backends[a], *kb = &o->s->backends[b];
	const struct rate_flow *ra = &o->r->backends[a], *rb = &o->r->backends[b];

	switch (o->v->sort) {
	case TOP_BY_REQUESTS:
		return compare(ra->requests, rb->requests);
	case TOP_BY_ACTIVE:
		return compare((double)ka->active, (double)kb->active);
	case TOP_BY_QUEUE:
		return compare((double)ka->queued, (double)kb->queued);
	case TOP_BY_ERRORS:
		return compare(ra->server_errors, rb->server_errors);
	case TOP_BY_STATE: /* none up, then the share that is missing */
		return compare(1 - (double)ka->n_up / (ka->n_servers ? ka->n_servers : 1),
			       1 - (double)kb->n_up / (kb->n_servers ? kb->n_servers : 1));
	case TOP_BY_NAME:
		return strcmp(ka->name, kb->name);
	case TOP_BY_FILE:
	case TOP_SORTS:
	default:
		return 0;
	}
}

/* Equal ones keep their order. */
static int settle(const struct order *o, int found, unsigned a, unsigned b)
{
	if (!found)
		found = a < b ? -1 : a > b;
	return o->v->reverse ? -found : found;
}

static int by_server(const void *pa, const void *pb, void *arg)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	return settle(arg, compare_servers(arg, a, b), a, b);
}

static int by_backend(const void *pa, const void *pb, void *arg)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	return settle(arg, compare_backends(arg, a, b), a, b);
}

/* ---- all together ---- */

static void add_all(struct top_lines *to, const struct snapshot *s, const struct top_rates *r,
		    unsigned width)
{
	char rate[3][NUMBER_TEXT], flow[2][NUMBER_TEXT], time[3][TEXT_TIME], text[ALL_TEXT];

	snprintf(text, sizeof(text),
		 "%s requests/s, %s 4xx/s, %s 5xx/s; %" PRIu64 " connection%s; "
		 "latency p50 %s, p95 %s, p99 %s; in %s/s, out %s/s",
		 number(rate[0], r->all.requests), number(rate[1], r->all.client_errors),
		 number(rate[2], r->all.server_errors), s->connections,
		 text_plural(s->connections), lapse(time[0], r->all_times.p50),
		 lapse(time[1], r->all_times.p95), lapse(time[2], r->all_times.p99),
		 bytes(flow[0], r->all.in), bytes(flow[1], r->all.out));
	top_lines_wrap(to, TOP_PLAIN, width, "  ", text);
}

/* ---- virtual routers ---- */

static enum top_look look_of_router(const struct snapshot *s, const struct snap_router *r)
{
	if (!s->vrrp_live || r->both_master || r->state == BOARD_ROUTER_FAULT)
		return TOP_BAD;
	if (r->facts.demoted || r->facts.demoting || r->state == BOARD_ROUTER_INIT)
		return TOP_WARN;
	return r->state == BOARD_ROUTER_MASTER ? TOP_GOOD : TOP_PLAIN;
}

static void add_addresses(struct grid *g, const struct router_facts *f)
{
	char text[512] = "-";
	size_t n = 0;

	for (unsigned i = 0; i < f->n_addresses && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      f->addresses[i].text);
	grid_add(g, TOP_PLAIN, "%s", text);
}

static void add_routers(struct top_lines *to, const struct snapshot *s, unsigned width)
{
	static const struct grid_column columns[] = {
		{"INSTANCE", false, 0}, {"STATE", false, 0},  {"FOR", true, 2},
		{"PRIORITY", true, 4},  {"MASTER", false, 3}, {"ADDRESSES", false, 1},
	};
	char age[TEXT_TIME];
	struct grid g;

	if (!s->n_routers)
		return;
	grid_init(&g, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; i < s->n_routers; i++) {
		const struct snap_router *r = &s->routers[i];
		const struct router_facts *f = &r->facts;

		grid_add(&g, TOP_PLAIN, "%s", f->name);
		grid_add(&g, look_of_router(s, r), "%s%s%s%s", s->vrrp_live ? "" : "was ",
			 r->both_master ? "BOTH " : "", board_router_state_name(r->state),
			 f->demoted || f->demoting ? " (demoted)" : "");
		grid_add(&g, TOP_PLAIN, "%s",
			 f->since_wall_us ? text_age(age, f->since_wall_us, s->now_us) : "-");
		grid_add(&g, TOP_PLAIN, "%" PRIu32 "/%" PRIu32, f->priority,
			 f->effective_priority);
		grid_add(&g, TOP_PLAIN, "%s", text_or_dash(f->master));
		add_addresses(&g, f);
	}
	lay(&g, width, to);
}

/* ---- frontends and backends ---- */

static void add_frontends(struct top_lines *to, const struct snapshot *s,
			  const struct top_rates *r, unsigned width)
{
	static const struct grid_column columns[] = {
		{"FRONTEND", false, 0}, {"CONN", true, 1}, {"REQ/s", true, 0}, {"4XX/s", true, 5},
		{"5XX/s", true, 2},     {"IN/s", true, 4}, {"OUT/s", true, 3}, {"BIND", false, 6},
	};
	char text[NUMBER_TEXT];
	struct grid g;

	if (!s->n_frontends)
		return;
	grid_init(&g, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; i < s->n_frontends; i++) {
		const struct snap_frontend *f = &s->frontends[i];
		char binds[BOARD_BINDS_TEXT];

		snprintf(binds, sizeof(binds), "%s", f->binds);
		for (char *p = binds; (p = strchr(p, '\n'));)
			*p = ' ';
		grid_add(&g, TOP_PLAIN, "%s", f->name);
		add_count(&g, f->connections);
		add_flow(&g, &r->frontends[i]);
		grid_add(&g, TOP_PLAIN, "%s", bytes(text, r->frontends[i].in));
		grid_add(&g, TOP_PLAIN, "%s", bytes(text, r->frontends[i].out));
		grid_add(&g, TOP_PLAIN, "%s", text_or_dash(binds));
	}
	lay(&g, width, to);
}

static enum top_look look_of_backend(const struct snap_backend *k)
{
	if (k->n_up == k->n_servers)
		return k->n_servers ? TOP_GOOD : TOP_PLAIN;
	return k->n_up ? TOP_WARN : TOP_BAD;
}

static void add_backend(struct grid *g, const struct order *o, unsigned i)
{
	const struct snap_backend *k = &o->s->backends[i];

	grid_add(g, TOP_PLAIN, "%s", k->name);
	grid_add(g, look_of_backend(k), "%u/%u", k->n_up, k->n_servers);
	add_count(g, k->active);
	add_queue(g, k->queued);
	add_flow(g, &o->r->backends[i]);
	add_times(g, &o->r->times[i]);
	grid_add(g, TOP_PLAIN, "%s", text_or_dash(k->balance));
}

static void add_backends(struct top_lines *to, struct order *o, unsigned width)
{
	static const struct grid_column columns[] = {
		{"BACKEND", false, 0}, {"UP", true, 0},       {"ACTIVE", true, 4},
		{"QUEUE", true, 3},    {"REQ/s", true, 0},    {"4XX/s", true, 7},
		{"5XX/s", true, 1},    {"P50", true, 6},      {"P95", true, 2},
		{"P99", true, 5},      {"BALANCE", false, 8},
	};
	unsigned list[BOARD_BACKENDS], n = 0;
	struct grid g;

	for (unsigned i = 0; i < o->s->n_backends; i++)
		if (is_shown(o, o->s->backends[i].name))
			list[n++] = i;
	if (!n)
		return;
	qsort_r(list, n, sizeof(list[0]), by_backend, o);
	grid_init(&g, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; i < n; i++)
		add_backend(&g, o, list[i]);
	lay(&g, width, to);
}

/* ---- servers ---- */

static enum top_look look_of_server(const struct snapshot *s, const struct snap_server *v)
{
	double bad = badness(s, v);

	return bad > 2 ? TOP_BAD : bad > 0 ? TOP_WARN : TOP_GOOD;
}

static void add_server(struct grid *g, const struct order *o, unsigned i)
{
	const struct snap_server *v = &o->s->servers[i];
	char text[TEXT_OUT];

	grid_add(g, TOP_PLAIN, "%s/%s%s", v->backend, v->name, v->backup ? " (backup)" : "");
	grid_add(g, look_of_server(o->s, v), "%s", board_server_state_name(v->state));
	grid_add(g, TOP_PLAIN, "%s",
		 v->since_us ? text_age(text, v->since_us, o->s->now_us) : "-");
	grid_add(g, v->weight_given || v->weight_percent < 100 ? TOP_WARN : TOP_PLAIN, "%s",
		 text_weight(text, v));
	add_count(g, v->active);
	add_queue(g, v->queued);
	add_number(g, TOP_PLAIN, o->r->servers[i].requests);
	add_number(g, TOP_BAD, o->r->servers[i].errors);
	grid_add(g, TOP_PLAIN, "%s", text_server_check(text, o->s, v));
}

static void add_servers(struct top_lines *to, struct order *o, unsigned width)
{
	static const struct grid_column columns[] = {
		{"SERVER", false, 0}, {"STATE", false, 0}, {"FOR", true, 6},
		{"WEIGHT", true, 7},  {"ACTIVE", true, 2}, {"QUEUE", true, 5},
		{"REQ/s", true, 1},   {"ERR/s", true, 3},  {"CHECK", false, 4},
	};
	unsigned list[BOARD_SERVERS], n = 0;
	struct grid g;

	for (unsigned i = 0; i < o->s->n_servers; i++)
		if (is_shown(o, o->s->servers[i].backend))
			list[n++] = i;
	if (!n)
		return;
	qsort_r(list, n, sizeof(list[0]), by_server, o);
	grid_init(&g, columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned i = 0; i < n; i++)
		add_server(&g, o, list[i]);
	lay(&g, width, to);
}

/* ---- events ---- */

/* The date is left out where it is today's. */
static const char *text_when(char to[TEXT_TIME], const struct snapshot *s, uint64_t wall_us)
{
	char today[TEXT_TIME];

	text_local_time(today, s->now_us);
	text_local_time(to, wall_us);
	return strlen(to) > DATE_LENGTH && strncmp(to, today, DATE_LENGTH) == 0 ? to + DATE_LENGTH
										: to;
}

/* The newest on top: what just happened is to be seen first. */
static void add_events(struct top_lines *to, const struct snapshot *s, unsigned width)
{
	char time[TEXT_TIME], text[TEXT_TIME + sizeof(struct event_line)];

	if (!s->n_events)
		return;
	top_lines_add(to, TOP_PLAIN, "%s", "");
	top_lines_add(to, TOP_HEAD, "EVENTS, the newest first");
	for (unsigned i = 0; i < s->n_events && i < EVENTS_SHOWN; i++) {
		const struct event_line *e = &s->events[s->n_events - 1 - i];

		snprintf(text, sizeof(text), "%s %s: %s", text_when(time, s, e->wall_us), e->who,
			 e->text);
		top_lines_wrap(to, TOP_PLAIN, width, "  ", text);
	}
}

void top_tables(struct top_lines *to, const struct snapshot *s, const struct top_rates *r,
		const struct top_view *v, unsigned width)
{
	struct order o = {s, r, v};
	size_t before;

	add_all(to, s, r, width);
	add_routers(to, s, width);
	add_frontends(to, s, r, width);
	before = to->n;
	add_backends(to, &o, width);
	add_servers(to, &o, width);
	if (to->n == before && *v->filter)
		top_lines_add(to, TOP_WARN, "no backend has \"%s\" in its name", v->filter);
	add_events(to, s, width);
}
