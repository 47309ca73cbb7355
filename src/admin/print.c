/* A snapshot for people. */
#include "admin/snapshot.h"

#include <inttypes.h>

#include "admin/print_vrrp.h"
#include "admin/snapshot_data.h"
#include "admin/table.h"
#include "admin/text.h"
#include "admin/wrong.h"
#include "base/clock.h"

/* The screen. */

static void print_process(const struct snapshot *s, const char *name, const struct snap_process *p,
			  FILE *out)
{
	char age[TEXT_TIME];

	if (p->pid > 0)
		fprintf(out, "%-9s %s, pid %" PRId32 ", up %s", name,
			p->running ? "running" : "starting", p->pid,
			text_uptime(age, p->started_us, s->now_us));
	else
		fprintf(out, "%-9s not running", name);
}

static void print_restarts(const struct snap_process *p, FILE *out)
{
	fprintf(out, ", %" PRIu64 " restart%s\n", p->restarts, text_plural(p->restarts));
}

static void print_head(const struct snapshot *s, FILE *out)
{
	const struct snap_process *p = &s->process[BOARD_PROXY];
	char age[TEXT_TIME], when[TEXT_TIME];

	if (!s->has_supervisor)
		return;
	fprintf(out, "node      %s: hpcbal %s, pid %" PRId32 ", up %s\n", text_or_dash(s->node),
		text_or_dash(s->version), s->pid, text_uptime(age, s->started_us, s->now_us));
	fprintf(out, "config    %s: generation %" PRIu64 ", loaded %s (%s ago)\n",
		text_or_dash(s->config_file), s->generation, text_local_time(when, s->loaded_us),
		text_age(age, s->loaded_us, s->now_us));
	print_process(s, "proxy", p, out);
	fprintf(out, ", %" PRIu64 " worker%s, %" PRIu64 " connection%s", s->n_workers,
		text_plural(s->n_workers), s->connections, text_plural(s->connections));
	print_restarts(p, out);
	if (s->old_proxies)
		fprintf(out, "%-9s %" PRIu64 " connection%s end%s in an old proxy, from before an "
			     "upgrade\n",
			"", s->old_connections, text_plural(s->old_connections),
			s->old_connections == 1 ? "s" : "");
	if (s->n_routers || s->process[BOARD_VRRP].pid > 0) {
		print_process(s, "vrrp", &s->process[BOARD_VRRP], out);
		print_restarts(&s->process[BOARD_VRRP], out);
	}
	if (s->process[BOARD_RUNNER].pid > 0) {
		print_process(s, "runner", &s->process[BOARD_RUNNER], out);
		print_restarts(&s->process[BOARD_RUNNER], out);
	}
	if (*s->admin_listen) {
		print_process(s, "admin", &s->process[BOARD_ADMIN], out);
		fprintf(out, ", at %s", s->admin_listen);
		print_restarts(&s->process[BOARD_ADMIN], out);
	}
}

/* Binds stand below each other in their column, the numbers beside the first. */
static void add_frontend(struct table *t, const struct snap_frontend *f)
{
	struct str rest = str_of(f->binds), bind = STR("-");

	str_split(&rest, '\n', &bind);
	table_add(t, "%s", f->name);
	table_add(t, "%s", f->tcp ? "tcp" : "http");
	table_add(t, "%.*s", STR_ARGS(bind));
	table_add(t, "%" PRIu64, f->connections);
	table_add(t, "%" PRIu64, f->requests);
	while (str_split(&rest, '\n', &bind)) {
		if (!bind.n)
			continue;
		table_add(t, "%s", "");
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
	table_init(&t, "lllrr");
	table_head(&t, "FRONTEND|MODE|BIND|CONNECTIONS|REQUESTS");
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
	table_init(&t, "lrlrrr");
	table_head(&t, "BACKEND|UP|BALANCE|ACTIVE|QUEUE|REQUESTS");
	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct snap_backend *k = &s->backends[i];

		table_add(&t, "%s", k->name);
		table_add(&t, "%u/%u", k->n_up, k->n_servers);
		table_add(&t, "%s", text_or_dash(k->balance));
		table_add(&t, "%" PRIu64, k->active);
		table_add(&t, "%" PRIu64, k->queued);
		table_add(&t, "%" PRIu64, k->requests);
	}
	fputc('\n', out);
	return table_print(&t, out);
}

bool snapshot_print_status(const struct snapshot *s, FILE *out)
{
	bool good;

	print_head(s, out);
	good = print_vrrp_table(s, out) && print_frontends(s, out) && print_backends(s, out);
	fputs(s->n_routers || s->n_frontends || s->n_backends ? "\n" : "", out);
	wrong_print(s, out);
	return good;
}

/* `servers`. */

/* How its last check ended, or what is more to be known. */
const char *text_server_check(char to[TEXT_OUT], const struct snapshot *s,
			      const struct snap_server *v)
{
	char age[TEXT_TIME], status[16] = "";
	const char *reason = v->check_reason;

	if (v->removed) {
		snprintf(to, TEXT_OUT, "removed by a reload; ends what runs there");
		return to;
	}
	if (v->taken_out)
		return text_taken_out(to, s, v);
	if (snapshot_is_ejected(s, v)) {
		snprintf(to, TEXT_OUT, "ejected for %s more: %s",
			 text_age(age, s->mono_us, v->ejected_until_us), v->eject_why);
		return to;
	}
	if (!v->checked || !v->check_last_us) {
		snprintf(to, TEXT_OUT, v->checked ? "not yet" : "no check");
		return to;
	}
	if (!*reason && v->check_status) {
		snprintf(status, sizeof(status), "status %u", v->check_status % 1000);
		reason = status;
	}
	snprintf(to, TEXT_OUT, "%s %s ago in %" PRIu64 ".%u ms%s%s",
		 v->check_ok ? "passed" : "failed", text_age(age, v->check_last_us, s->now_us),
		 (uint64_t)(v->check_duration_us / CLOCK_MS),
		 (unsigned)(v->check_duration_us % CLOCK_MS / 100), *reason ? ": " : "", reason);
	return to;
}

const char *text_weight(char to[TEXT_OUT], const struct snap_server *v)
{
	char percent[16] = "";

	if (v->weight_percent < 100)
		snprintf(percent, sizeof(percent), "%" PRIu32 "%%", v->weight_percent);
	if (!v->weight_given && !*percent)
		snprintf(to, TEXT_OUT, "%" PRIu32, v->weight);
	else
		snprintf(to, TEXT_OUT, "%" PRIu32 " (%s%s%s)", v->weight,
			 v->weight_given ? "by hand" : "", v->weight_given && *percent ? ", " : "",
			 percent);
	return to;
}

static void add_server(struct table *t, const struct snapshot *s, const struct snap_server *v)
{
	char age[TEXT_TIME], text[TEXT_OUT];

	table_add(t, "%s/%s%s", v->backend, v->name, v->backup ? " (backup)" : "");
	table_add(t, "%s", text_or_dash(v->address));
	table_add(t, "%s", board_server_state_name(v->state));
	table_add(t, "%s", v->since_us ? text_age(age, v->since_us, s->now_us) : "-");
	table_add(t, "%s", text_weight(text, v));
	if (v->max_connections)
		table_add(t, "%" PRIu64 "/%" PRIu32, v->active, v->max_connections);
	else
		table_add(t, "%" PRIu64, v->active);
	table_add(t, "%" PRIu64, v->queued);
	table_add(t, "%" PRIu64, v->requests);
	table_add(t, "%" PRIu64, v->errors);
	table_add(t, "%" PRIu64, v->retries);
	table_add(t, "%s", text_server_check(text, s, v));
}

/* Who waits for any server is in no row of one. */
static void print_queues(const struct snapshot *s, const struct snap_place *only, FILE *out)
{
	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct snap_backend *k = &s->backends[i];

		if (k->queued_for_any && (!only->backend || only->backend == k))
			fprintf(out, "%s: waiting for any server: %" PRIu64 "\n", k->name,
				k->queued_for_any);
	}
}

static bool print_history(const struct snap_server *v, FILE *out)
{
	char time[TEXT_TIME];
	struct table t;

	if (!v->history.n) {
		fprintf(out, "\nno check has ended yet\n");
		return true;
	}
	table_init(&t, "llrrl");
	table_head(&t, "CHECKED|RESULT|STATUS|MS|REASON");
	for (unsigned i = 0; i < v->history.n; i++) {
		const struct board_check *c = &v->history.checks[i];

		table_add(&t, "%s", text_local_time(time, c->at_wall_us));
		table_add(&t, c->ok ? "passed" : "failed");
		if (c->status)
			table_add(&t, "%u", c->status % 1000);
		else
			table_add(&t, "-");
		table_add(&t, "%" PRIu64 ".%u", (uint64_t)(c->duration_us / CLOCK_MS),
			  (unsigned)(c->duration_us % CLOCK_MS / 100));
		table_add(&t, "%s", text_or_dash(c->reason));
	}
	fputc('\n', out);
	return table_print(&t, out);
}

bool snapshot_print_servers(const struct snapshot *s, const char *name, FILE *out, char *why,
			    size_t why_size)
{
	struct snap_place place;
	struct table t;
	bool good;

	if (!snapshot_find_place(s, name, &place, why, why_size))
		return false;
	table_init(&t, "lllrrrrrrrl");
	table_head(&t, "SERVER|ADDRESS|STATE|FOR|WEIGHT|ACTIVE|QUEUE|TOTAL|ERRORS|RETRIES|CHECK");
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (snapshot_in_place(s, &place, &s->servers[i]))
			add_server(&t, s, &s->servers[i]);
	}
	good = table_print(&t, out);
	if (good)
		print_queues(s, &place, out);
	for (unsigned i = 0; good && place.server && i < s->n_servers; i++)
		if (s->servers[i].checked && snapshot_in_place(s, &place, &s->servers[i]))
			good = print_history(&s->servers[i], out);
	if (!good)
		snprintf(why, why_size, "out of memory");
	return good;
}
