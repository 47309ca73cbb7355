/* A snapshot for people. */
#include "admin/snapshot.h"

#include <inttypes.h>
#include <stdarg.h>

#include "admin/snapshot_data.h"
#include "admin/table.h"
#include "admin/text.h"
#include "base/clock.h"

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* What is wrong: one line a thing. */

struct wrong {
	FILE *out;
	unsigned count;
};

__attribute__((format(printf, 2, 3))) static void tell(struct wrong *w, const char *fmt, ...)
{
	va_list ap;

	fputs(w->count++ ? "  " : "what is wrong:\n  ", w->out);
	va_start(ap, fmt);
	vfprintf(w->out, fmt, ap);
	va_end(ap);
	fputc('\n', w->out);
}

static void tell_process(struct wrong *w, const struct snapshot *s)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];
	const char *end = *p->last_end ? p->last_end : "how is not known";
	char age[TEXT_TIME];

	if (!s->has_supervisor) {
		tell(w, "the supervisor's board is missing");
		return;
	}
	if (p->pid <= 0)
		tell(w, "the proxy is not running: no request is answered; the last one ended: %s",
		     end);
	else if (!p->running)
		tell(w, "the proxy (pid %" PRId32 ") has been starting for %s", p->pid,
		     text_age(age, p->started_us, s->now_us));
	if (p->restarts)
		tell(w, "the proxy was started again %" PRIu64 " time%s; the last one ended: %s",
		     p->restarts, plural(p->restarts), end);
	if (p->running && s->has_proxy && s->proxy_generation != s->generation)
		tell(w, "the proxy still runs configuration %" PRIu64 ", not %" PRIu64,
		     s->proxy_generation, s->generation);
}

static void tell_down(struct wrong *w, const struct snapshot *s, const struct snap_server *v)
{
	char age[TEXT_TIME], since[TEXT_TIME];

	if (v->state != BOARD_SERVER_DOWN)
		return;
	tell(w, "%s/%s is DOWN since %s (%s ago): %s", v->backend, v->name,
	     text_local_time(since, v->since_us), text_age(age, v->since_us, s->now_us),
	     *v->check_reason ? v->check_reason : "no reason was given");
}

static void tell_backend(struct wrong *w, const struct snapshot *s, const struct snap_backend *k)
{
	if (!k->n_up && k->n_servers)
		tell(w, "%s has no server up: its requests are answered with 503", k->name);
	for (unsigned i = 0; i < k->n_servers; i++)
		tell_down(w, s, &s->servers[k->first + i]);
}

static void tell_losses(struct wrong *w, const struct snapshot *s)
{
	if (s->log_dropped)
		tell(w, "%" PRIu64 " access log line%s dropped: the log's target is too slow, "
		     "full, or gone",
		     s->log_dropped, s->log_dropped == 1 ? " was" : "s were");
	if (s->accept_pauses)
		tell(w, "accepting was paused %" PRIu64 " time%s, out of descriptors or at "
		     "max_connections",
		     s->accept_pauses, plural(s->accept_pauses));
}

static void print_wrong(const struct snapshot *s, FILE *out)
{
	struct wrong w = { .out = out };

	tell_process(&w, s);
	for (unsigned i = 0; i < s->n_backends; i++)
		tell_backend(&w, s, &s->backends[i]);
	tell_losses(&w, s);
	if (!w.count)
		fputs("all is well\n", out);
}

/* The screen. */

static void print_head(const struct snapshot *s, FILE *out)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];
	char age[TEXT_TIME], when[TEXT_TIME];

	if (!s->has_supervisor)
		return;
	fprintf(out, "node      %s: hpcbal %s, pid %" PRId32 ", up %s\n", or_dash(s->node),
		or_dash(s->version), s->pid, text_uptime(age, s->started_us, s->now_us));
	fprintf(out, "config    %s: generation %" PRIu64 ", loaded %s (%s ago)\n",
		or_dash(s->config_file), s->generation, text_local_time(when, s->loaded_us),
		text_age(age, s->loaded_us, s->now_us));
	if (p->pid > 0)
		fprintf(out, "proxy     %s, pid %" PRId32 ", up %s",
			p->running ? "running" : "starting", p->pid,
			text_uptime(age, p->started_us, s->now_us));
	else
		fputs("proxy     not running", out);
	fprintf(out, ", %" PRIu64 " worker%s, %" PRIu64 " connection%s, %" PRIu64 " restart%s\n",
		s->n_workers, plural(s->n_workers), s->connections, plural(s->connections),
		p->restarts, plural(p->restarts));
}

/* Binds stand below each other in their column, the numbers beside the first. */
static void add_frontend(struct table *t, const struct snap_frontend *f)
{
	struct str rest = str_of(f->binds), bind = STR("-");

	str_split(&rest, '\n', &bind);
	table_add(t, "%s", f->name);
	table_add(t, "%.*s", STR_ARGS(bind));
	table_add(t, "%" PRIu64, f->connections);
	table_add(t, "%" PRIu64, f->requests);
	while (str_split(&rest, '\n', &bind)) {
		if (!bind.n)
			continue;
		table_add(t, "%s", "");
		table_add(t, "%.*s", STR_ARGS(bind));
		table_add(t, "%s", "");
		table_add(t, "%s", "");
	}
}

static bool print_frontends(const struct snapshot *s, FILE *out)
{
	struct table t;

	if (!s->n_frontends)
		return true;
	table_init(&t, "llrr");
	table_head(&t, "FRONTEND|BIND|CONNECTIONS|REQUESTS");
	for (unsigned i = 0; i < s->n_frontends; i++)
		add_frontend(&t, &s->frontends[i]);
	fputc('\n', out);
	return table_print(&t, out);
}

static bool print_backends(const struct snapshot *s, FILE *out)
{
	struct table t;

	if (!s->n_backends)
		return true;
	table_init(&t, "lrlrr");
	table_head(&t, "BACKEND|UP|BALANCE|ACTIVE|REQUESTS");
	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct snap_backend *k = &s->backends[i];

		table_add(&t, "%s", k->name);
		table_add(&t, "%u/%u", k->n_up, k->n_servers);
		table_add(&t, "%s", or_dash(k->balance));
		table_add(&t, "%" PRIu64, k->active);
		table_add(&t, "%" PRIu64, k->requests);
	}
	fputc('\n', out);
	return table_print(&t, out);
}

bool snapshot_print_status(const struct snapshot *s, FILE *out)
{
	bool good;

	print_head(s, out);
	good = print_frontends(s, out) && print_backends(s, out);
	fputs(s->n_frontends || s->n_backends ? "\n" : "", out);
	print_wrong(s, out);
	return good;
}

/* `servers`. */

static void add_check(struct table *t, const struct snapshot *s, const struct snap_server *v)
{
	char age[TEXT_TIME], status[16] = "";
	const char *reason = v->check_reason;

	if (v->removed) {
		table_add(t, "removed by a reload; ends what runs there");
		return;
	}
	if (!v->checked || !v->check_last_us) {
		table_add(t, v->checked ? "not yet" : "no check");
		return;
	}
	if (!*reason && v->check_status) {
		snprintf(status, sizeof(status), "status %u", v->check_status % 1000);
		reason = status;
	}
	table_add(t, "%s %s ago in %" PRIu64 ".%u ms%s%s", v->check_ok ? "passed" : "failed",
		  text_age(age, v->check_last_us, s->now_us),
		  (uint64_t)(v->check_duration_us / CLOCK_MS),
		  (unsigned)(v->check_duration_us % CLOCK_MS / 100), *reason ? ": " : "", reason);
}

static void add_server(struct table *t, const struct snapshot *s, const struct snap_server *v)
{
	char age[TEXT_TIME];

	table_add(t, "%s/%s%s", v->backend, v->name, v->backup ? " (backup)" : "");
	table_add(t, "%s", or_dash(v->address));
	table_add(t, "%s", board_server_state_name(v->state));
	table_add(t, "%s", v->since_us ? text_age(age, v->since_us, s->now_us) : "-");
	table_add(t, "%" PRIu32, v->weight);
	table_add(t, "%" PRIu64, v->active);
	table_add(t, "%" PRIu64, v->requests);
	table_add(t, "%" PRIu64, v->errors);
	table_add(t, "%" PRIu64, v->retries);
	add_check(t, s, v);
}

bool snapshot_print_servers(const struct snapshot *s, const char *backend, FILE *out, char *why,
			    size_t why_size)
{
	const struct snap_backend *k = NULL;
	struct table t;

	if (backend) {
		k = snapshot_find_backend(s, backend, why, why_size);
		if (!k)
			return false;
	}
	table_init(&t, "lllrrrrrrl");
	table_head(&t, "SERVER|ADDRESS|STATE|FOR|WEIGHT|ACTIVE|TOTAL|ERRORS|RETRIES|CHECK");
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (!k || &s->backends[0] + s->servers[i].backend_index == k)
			add_server(&t, s, &s->servers[i]);
	}
	if (table_print(&t, out))
		return true;
	snprintf(why, why_size, "out of memory");
	return false;
}
