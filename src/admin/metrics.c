/* A snapshot as metrics in Prometheus' text format (version 0.0.4). One row a metric. No
 * series is printed twice, whatever stands on the boards: a scraper would drop them all. */
#include <inttypes.h>

#include "admin/snapshot_data.h"
#include "base/clock.h"

struct writer {
	FILE *out;
	const struct metric *metric;
	unsigned samples; /* of this metric */
};

struct metric {
	const char *name, *type, *help;
	void (*collect)(struct writer *w, const struct snapshot *s);
};

/* Up to so many labels with a value each. */
#define LABELS 3
struct labels {
	const char *name[LABELS], *value[LABELS];
};

static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* All but the value. The head is printed only when something stands below it. */
static void put_name(struct writer *w, const char *suffix, struct labels l)
{
	const struct metric *m = w->metric;

	if (!w->samples++)
		fprintf(w->out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			m->type);
	fprintf(w->out, "%s%s", m->name, suffix);
	for (unsigned i = 0; i < LABELS && l.name[i]; i++) {
		fprintf(w->out, "%s%s=\"", i ? "," : "{", l.name[i]);
		put_escaped(w->out, l.value[i]);
		fputc('"', w->out);
	}
	fputs(l.name[0] ? "} " : " ", w->out);
}

static void put_part(struct writer *w, const char *suffix, struct labels l, uint64_t value)
{
	put_name(w, suffix, l);
	fprintf(w->out, "%" PRIu64 "\n", value);
}

static void put(struct writer *w, struct labels l, uint64_t value)
{
	put_part(w, "", l, value);
}

static struct labels none(void)
{
	return (struct labels){{NULL}, {NULL}};
}

static struct labels one(const char *name, const char *value)
{
	return (struct labels){{name}, {value}};
}

static struct labels two(const char *name, const char *value, const char *other,
			 const char *other_value)
{
	return (struct labels){{name, other}, {value, other_value}};
}

static struct labels three(const char *name, const char *value, const char *other,
			   const char *other_value, const char *third, const char *third_value)
{
	return (struct labels){{name, other, third}, {value, other_value, third_value}};
}

static void collect_build(struct writer *w, const struct snapshot *s)
{
	if (s->has_supervisor)
		put(w, two("version", s->version, "node", s->node), 1);
}

static void collect_generation(struct writer *w, const struct snapshot *s)
{
	if (s->has_supervisor)
		put(w, none(), s->generation);
}

static void collect_reload_refused(struct writer *w, const struct snapshot *s)
{
	if (s->has_supervisor)
		put(w, none(), s->refused_us != 0);
}

static void collect_restarts(struct writer *w, const struct snapshot *s)
{
	static const char *const names[BOARD_PROCESSES] = {"proxy", "vrrp", "runner", "admin"};

	for (unsigned i = 0; i < BOARD_PROCESSES && s->has_supervisor; i++)
		put(w, one("process", names[i]), s->process[i].restarts);
}

static void collect_old_proxies(struct writer *w, const struct snapshot *s)
{
	if (s->has_supervisor)
		put(w, none(), s->old_proxies);
}

static void collect_old_connections(struct writer *w, const struct snapshot *s)
{
	if (s->has_supervisor)
		put(w, none(), s->old_connections);
}

static void collect_certificates(struct writer *w, const struct snapshot *s)
{
	for (uint32_t i = 0; s->has_proxy && i < s->certificates.n; i++)
		if (s->certificates.list[i].ends > 0)
			put(w, one("file", s->certificates.list[i].file),
			    (uint64_t)s->certificates.list[i].ends);
}

static void collect_log_dropped(struct writer *w, const struct snapshot *s)
{
	if (s->has_proxy)
		put(w, none(), s->log_dropped);
}

static void collect_http2_connections(struct writer *w, const struct snapshot *s)
{
	if (s->has_proxy)
		put(w, none(), s->h2_connections);
}

static void collect_http2_floods(struct writer *w, const struct snapshot *s)
{
	const struct snap_floods *f = &s->h2_floods;

	if (!s->has_proxy)
		return;
	put(w, one("kind", "reset"), f->reset);
	put(w, one("kind", "continuation"), f->continuation);
	put(w, one("kind", "ping"), f->ping);
	put(w, one("kind", "settings"), f->settings);
	put(w, one("kind", "empty"), f->empty);
	put(w, one("kind", "window"), f->window);
	put(w, one("kind", "priority"), f->priority);
	put(w, one("kind", "other"), f->other);
}

/* ---- frontends ---- */

/* The next one from `*i` on whose name was not there before. */
static const struct snap_frontend *next_frontend(const struct snapshot *s, unsigned *i)
{
	while (*i < s->n_frontends) {
		const struct snap_frontend *f = &s->frontends[*i];
		unsigned k = 0;

		while (strcmp(s->frontends[k].name, f->name) != 0)
			k++;
		if (k == (*i)++)
			return f;
	}
	return NULL;
}

static const struct snap_backend *next_backend(const struct snapshot *s, unsigned *i)
{
	while (*i < s->n_backends) {
		const struct snap_backend *b = &s->backends[*i];
		unsigned k = 0;

		while (strcmp(s->backends[k].name, b->name) != 0)
			k++;
		if (k == (*i)++ && *b->name)
			return b;
	}
	return NULL;
}

static void collect_frontend_connections(struct writer *w, const struct snapshot *s)
{
	const struct snap_frontend *f;

	for (unsigned i = 0; (f = next_frontend(s, &i));)
		put(w, one("frontend", f->name), f->connections);
}

/* A series is there from the beginning, so that its first request is seen as a step. */
static void put_road(struct writer *w, const struct snapshot *s, const struct snap_frontend *f,
		     const char *backend, unsigned slot)
{
	const struct snap_road *road = &s->roads[f->slot][slot];

	for (unsigned i = 0; road->open && i < BOARD_CODES; i++)
		put(w, three("frontend", f->name, "backend", backend, "code", snap_codes[i]),
		    road->codes[i]);
}

/* Requests that came to no backend have an empty one, which is the same as none. */
static void collect_requests(struct writer *w, const struct snapshot *s)
{
	const struct snap_frontend *f;
	const struct snap_backend *k;

	for (unsigned i = 0; (f = next_frontend(s, &i));) {
		for (unsigned n = 0; (k = next_backend(s, &n));)
			put_road(w, s, f, k->name, k->slot);
		put_road(w, s, f, "", BOARD_NOWHERE);
	}
}

static void collect_bytes(struct writer *w, const struct snapshot *s)
{
	const struct snap_frontend *f;

	for (unsigned i = 0; (f = next_frontend(s, &i));) {
		put(w, two("frontend", f->name, "direction", "in"), f->bytes_in);
		put(w, two("frontend", f->name, "direction", "out"), f->bytes_out);
	}
}

/* ---- backends ---- */

/* Cumulative, with the bounds in seconds. */
static void put_durations(struct writer *w, const struct snap_backend *k)
{
	uint64_t total = 0;
	char le[32];

	for (unsigned i = 0; i < LATENCY_BOUNDS; i++) {
		total += k->latency[i];
		snprintf(le, sizeof(le), "%g", (double)latency_bound_us[i] / CLOCK_SEC);
		put_part(w, "_bucket", two("backend", k->name, "le", le), total);
	}
	total += k->latency[LATENCY_BOUNDS];
	put_part(w, "_bucket", two("backend", k->name, "le", "+Inf"), total);
	put_name(w, "_sum", one("backend", k->name));
	fprintf(w->out, "%.6f\n", (double)k->latency_sum_us / CLOCK_SEC);
	put_part(w, "_count", one("backend", k->name), total);
}

static void collect_durations(struct writer *w, const struct snapshot *s)
{
	const struct snap_backend *k;

	for (unsigned i = 0; (k = next_backend(s, &i));)
		put_durations(w, k);
}

/* ---- servers ---- */

static bool is_repeated(const struct snapshot *s, unsigned i)
{
	const struct snap_server *v = &s->servers[i];
	unsigned k = i;

	/* Servers of one backend stand together. */
	while (k-- > 0 && s->servers[k].backend_index == v->backend_index)
		if (strcmp(s->servers[k].name, v->name) == 0)
			return true;
	return false;
}

/* The next one from `*i` on. Removed ones are left out: one of the same name may have taken their
 * place. */
static const struct snap_server *next_server(const struct snapshot *s, unsigned *i)
{
	while (*i < s->n_servers) {
		const struct snap_server *v = &s->servers[*i];
		bool good = !v->removed && v->backend_index < s->n_backends && !is_repeated(s, *i);

		(*i)++;
		if (good)
			return v;
	}
	return NULL;
}

static void each_server(struct writer *w, const struct snapshot *s,
			uint64_t (*value)(const struct snap_server *v))
{
	const struct snap_server *v;

	for (unsigned i = 0; (v = next_server(s, &i));)
		put(w, two("backend", v->backend, "server", v->name), value(v));
}

static uint64_t server_up(const struct snap_server *v)
{
	return v->state == BOARD_SERVER_UP && v->weight > 0;
}

static uint64_t server_connections(const struct snap_server *v)
{
	return v->active + v->idle;
}

static uint64_t server_requests(const struct snap_server *v)
{
	return v->requests;
}

static uint64_t server_retries(const struct snap_server *v)
{
	return v->retries;
}

static uint64_t server_retries_denied(const struct snap_server *v)
{
	return v->retries_denied;
}

static uint64_t server_h2_connections(const struct snap_server *v)
{
	return v->h2_connections;
}

static uint64_t server_refused_streams(const struct snap_server *v)
{
	return v->refused_streams;
}

static uint64_t server_check_failures(const struct snap_server *v)
{
	return v->check_failures;
}

static void collect_server_up(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_up);
}

static void collect_server_connections(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_connections);
}

static uint64_t server_queue(const struct snap_server *v)
{
	return v->queued;
}

static void collect_server_queue(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_queue);
}

/* Another one before it has the name, too: the board is broken. */
static bool is_second(const struct snapshot *s, unsigned backend)
{
	for (unsigned i = 0; i < backend; i++)
		if (strcmp(s->backends[i].name, s->backends[backend].name) == 0)
			return true;
	return false;
}

static void collect_backend_queue(struct writer *w, const struct snapshot *s)
{
	for (unsigned i = 0; i < s->n_backends; i++)
		if (!is_second(s, i))
			put(w, one("backend", s->backends[i].name), s->backends[i].queued);
}

static void collect_server_requests(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_requests);
}

static void collect_retries(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_retries);
}

static void collect_retries_denied(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_retries_denied);
}

static void collect_server_h2(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_h2_connections);
}

static void collect_refused_streams(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_refused_streams);
}

static uint64_t server_ejections(const struct snap_server *v)
{
	return v->ejections;
}

static void collect_ejections(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_ejections);
}

static void collect_ejected(struct writer *w, const struct snapshot *s)
{
	const struct snap_server *v;

	for (unsigned i = 0; (v = next_server(s, &i));)
		put(w, two("backend", v->backend, "server", v->name), snapshot_is_ejected(s, v));
}

static uint64_t server_weight(const struct snap_server *v)
{
	return v->weight;
}

static void collect_weight(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_weight);
}

static uint64_t server_slow_starts(const struct snap_server *v)
{
	return v->slow_starts;
}

static void collect_slow_starts(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_slow_starts);
}

static void collect_weight_ratio(struct writer *w, const struct snapshot *s)
{
	const struct snap_server *v;

	for (unsigned i = 0; (v = next_server(s, &i));) {
		put_name(w, "", two("backend", v->backend, "server", v->name));
		fprintf(w->out, "%.2f\n", (double)v->weight_percent / 100);
	}
}

static void collect_check_failures(struct writer *w, const struct snapshot *s)
{
	each_server(w, s, server_check_failures);
}

/* ---- limits ---- */

static bool is_limit_repeated(const struct snapshot *s, unsigned i)
{
	unsigned k = i;

	while (k-- > 0)
		if (strcmp(s->limits[k].name, s->limits[i].name) == 0 &&
		    strcmp(s->limits[k].frontend, s->limits[i].frontend) == 0)
			return true;
	return false;
}

static void each_limit(struct writer *w, const struct snapshot *s,
		       uint64_t (*value)(const struct snap_limit *l))
{
	for (unsigned i = 0; i < s->n_limits; i++) {
		const struct snap_limit *l = &s->limits[i];

		if (!is_limit_repeated(s, i))
			put(w, two("frontend", l->frontend, "limit", l->name), value(l));
	}
}

static uint64_t limit_refused(const struct snap_limit *l)
{
	return l->refused;
}

static uint64_t limit_would_refuse(const struct snap_limit *l)
{
	return l->would_refuse;
}

static uint64_t limit_exempted(const struct snap_limit *l)
{
	return l->exempted;
}

static void collect_limit_refused(struct writer *w, const struct snapshot *s)
{
	each_limit(w, s, limit_refused);
}

static void collect_limit_would_refuse(struct writer *w, const struct snapshot *s)
{
	each_limit(w, s, limit_would_refuse);
}

static void collect_limit_exempted(struct writer *w, const struct snapshot *s)
{
	each_limit(w, s, limit_exempted);
}

static void collect_limit_evicted(struct writer *w, const struct snapshot *s)
{
	if (s->has_limits && s->n_limits)
		put(w, none(), s->limits_evicted);
}

/* ---- virtual routers ---- */

static const struct snap_router *next_router(const struct snapshot *s, unsigned *i)
{
	while (*i < s->n_routers) {
		const struct snap_router *r = &s->routers[*i];
		unsigned k = 0;

		while (strcmp(s->routers[k].facts.name, r->facts.name) != 0)
			k++;
		if (k == (*i)++)
			return r;
	}
	return NULL;
}

/* Of a process that does not run nobody knows the state: all are 0 then. */
static void collect_state(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		for (unsigned k = BOARD_ROUTER_INIT; k <= BOARD_ROUTER_FAULT; k++)
			put(w,
			    two("instance", r->facts.name, "state",
				board_router_state_name((enum board_router_state)k)),
			    s->vrrp_live && r->state == k);
}

static void collect_transitions(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		put(w, one("instance", r->facts.name), r->stats.transitions);
}

static void collect_priority(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		put(w, one("instance", r->facts.name), r->facts.effective_priority);
}

static void collect_advertisements(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));) {
		put(w, two("instance", r->facts.name, "direction", "sent"), r->stats.adverts_sent);
		put(w, two("instance", r->facts.name, "direction", "received"),
		    r->stats.adverts_received);
	}
}

static void collect_both_master(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		put(w, one("instance", r->facts.name), r->both_master);
}

static void collect_send_failures(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		put(w, one("instance", r->facts.name), r->stats.send_failures);
}

static bool has_reason(const struct snapshot *s, unsigned i)
{
	unsigned k = 0;

	while (strcmp(s->discard_name[k], s->discard_name[i]) != 0)
		k++;
	return k == i;
}

static void collect_discards(struct writer *w, const struct snapshot *s)
{
	const struct snap_router *r;

	for (unsigned i = 0; (r = next_router(s, &i));)
		for (unsigned k = 0; k < s->n_discards; k++)
			if (has_reason(s, k))
				put(w,
				    two("instance", r->facts.name, "reason", s->discard_name[k]),
				    r->discards[k]);
}

static const struct metric metrics[] = {
	{"hpcbal_build_info", "gauge", "Always 1; what runs, and where.", collect_build},
	{"hpcbal_config_generation", "gauge", "Configurations since the daemon's start.",
	 collect_generation},
	{"hpcbal_config_reload_refused", "gauge",
	 "1: the last reload was refused, and the configuration from before goes on.",
	 collect_reload_refused},
	{"hpcbal_process_restarts_total", "counter", "Processes started again after they died.",
	 collect_restarts},
	{"hpcbal_old_proxies", "gauge", "Proxies from before an upgrade that end what runs there.",
	 collect_old_proxies},
	{"hpcbal_old_connections", "gauge",
	 "Client connections that end in old proxies; no other gauge has them.",
	 collect_old_connections},
	{"hpcbal_frontend_connections", "gauge", "Client connections open now.",
	 collect_frontend_connections},
	{"hpcbal_requests_total", "counter", "Requests by the code of their answer.",
	 collect_requests},
	{"hpcbal_request_duration_seconds", "histogram",
	 "From a request's whole head to the last byte of its response; of a tunnel, and in mode "
	 "tcp, until the way was open.",
	 collect_durations},
	{"hpcbal_bytes_total", "counter",
	 "Bytes received from clients (in) and sent to them (out).", collect_bytes},
	{"hpcbal_server_up", "gauge", "1 while the server takes new requests.", collect_server_up},
	{"hpcbal_server_connections", "gauge",
	 "Connections to the server: with a request or tunnel, and idle ones.",
	 collect_server_connections},
	{"hpcbal_backend_queue", "gauge",
	 "Requests that wait for a server of the backend with a free place.",
	 collect_backend_queue},
	{"hpcbal_server_queue", "gauge", "Those of them that wait for this server and no other.",
	 collect_server_queue},
	{"hpcbal_server_requests_total", "counter",
	 "Requests sent to the server, retries included.", collect_server_requests},
	{"hpcbal_server_retries_total", "counter",
	 "Requests that left the server for another try.", collect_retries},
	{"hpcbal_server_retries_denied_total", "counter",
	 "Requests that the retry budget denied another try.", collect_retries_denied},
	{"hpcbal_server_http2_connections_total", "counter",
	 "Connections to the server that spoke HTTP/2.", collect_server_h2},
	{"hpcbal_server_refused_streams_total", "counter",
	 "Requests that the server left unprocessed (HTTP/2) and that went out anew.",
	 collect_refused_streams},
	{"hpcbal_server_check_failures_total", "counter", "Health checks that failed.",
	 collect_check_failures},
	{"hpcbal_server_ejections_total", "counter", "Times that its breaker ejected a server.",
	 collect_ejections},
	{"hpcbal_server_ejected", "gauge", "1 while its breaker ejects the server.",
	 collect_ejected},
	{"hpcbal_server_weight", "gauge", "Its share of new requests: configured, or by hand.",
	 collect_weight},
	{"hpcbal_server_weight_ratio", "gauge",
	 "The part of its weight that it has now: less than 1 in a slow start.",
	 collect_weight_ratio},
	{"hpcbal_server_slow_starts_total", "counter", "Slow starts that the server began.",
	 collect_slow_starts},
	{"hpcbal_limit_refused_total", "counter", "Requests or connections that a limit refused.",
	 collect_limit_refused},
	{"hpcbal_limit_would_refuse_total", "counter",
	 "Requests or connections that a limit let through in its dry run.",
	 collect_limit_would_refuse},
	{"hpcbal_limit_exempted_total", "counter",
	 "Requests or connections that a limit let through by an exemption.",
	 collect_limit_exempted},
	{"hpcbal_limit_evicted_total", "counter",
	 "Keys of limits whose count was lost because there were too many.",
	 collect_limit_evicted},
	{"hpcbal_certificate_expiry_seconds", "gauge",
	 "When a certificate that clients get expires, in seconds since 1970.",
	 collect_certificates},
	{"hpcbal_vrrp_state", "gauge", "1 for the state that the virtual router is in.",
	 collect_state},
	{"hpcbal_vrrp_transitions_total", "counter", "Changes of state.", collect_transitions},
	{"hpcbal_vrrp_priority", "gauge", "The priority with all weights.", collect_priority},
	{"hpcbal_vrrp_advertisements_total", "counter",
	 "Advertisements sent, and received and taken.", collect_advertisements},
	{"hpcbal_vrrp_both_master", "gauge", "1 while this node and another one are both master.",
	 collect_both_master},
	{"hpcbal_vrrp_send_failures_total", "counter", "Advertisements that could not be sent.",
	 collect_send_failures},
	{"hpcbal_vrrp_discarded_total", "counter", "Received packets that were not taken.",
	 collect_discards},
	{"hpcbal_http2_connections_total", "counter", "Client connections that spoke HTTP/2.",
	 collect_http2_connections},
	{"hpcbal_http2_floods_total", "counter",
	 "HTTP/2 connections closed for more frames of a kind than any client needs.",
	 collect_http2_floods},
	{"hpcbal_log_dropped_total", "counter", "Access log lines dropped.", collect_log_dropped},
};

void snapshot_print_metrics(const struct snapshot *s, FILE *out)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		struct writer w = {out, &metrics[i], 0};

		metrics[i].collect(&w, s);
	}
}
