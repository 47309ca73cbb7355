/* A snapshot as JSON: the keys are a promise to scripts and dashboards. */
#include "admin/snapshot.h"

#include "admin/jvalue.h"
#include "admin/json_vrrp.h"
#include "admin/snapshot_data.h"
#include "admin/wrong.h"
#include "base/clock.h"

static json_t *check_json(const struct snap_server *v)
{
	if (!v->checked)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o}", "last", jvalue_instant(v->check_last_us), "status",
			 v->check_status ? jvalue_number(v->check_status) : json_null(),
			 "duration_ms",
			 v->check_last_us ? jvalue_ms(v->check_duration_us) : json_null(),
			 "reason", jvalue_text(v->check_reason));
}

static json_t *history_json(const struct snap_server *v)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < v->history.n; i++) {
		const struct board_check *c = &v->history.checks[i];

		list = jvalue_append(list, json_pack("{s:o,s:b,s:o,s:o,s:o}", "at",
						     jvalue_instant(c->at_wall_us), "ok",
						     (int)(c->ok != 0), "status",
						     c->status ? jvalue_number(c->status)
							       : json_null(),
						     "duration_ms", jvalue_ms(c->duration_us),
						     "reason", jvalue_text(c->reason)));
	}
	return list;
}

static json_t *server_json(const struct snap_server *v)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "name", v->name, "address", v->address,
			 "state", board_server_state_name(v->state), "weight",
			 jvalue_number(v->weight), "active", jvalue_number(v->active),
			 "requests_total", jvalue_number(v->requests), "check", check_json(v));
}

static json_t *taken_out_json(const struct snapshot *s, const struct snap_server *v)
{
	uint64_t until = v->admin_until_us ? s->now_us + (v->admin_until_us - s->mono_us) : 0;

	if (!v->taken_out)
		return json_null();
	return json_pack("{s:o,s:o,s:o}", "since", jvalue_instant(v->admin_since_us), "until",
			 jvalue_instant(until), "why", jvalue_text(v->admin_why));
}

static json_t *ejected_json(const struct snapshot *s, const struct snap_server *v)
{
	if (!snapshot_is_ejected(s, v))
		return json_null();
	return json_pack("{s:o,s:o}", "until",
			 jvalue_instant(s->now_us + (v->ejected_until_us - s->mono_us)), "why",
			 jvalue_text(v->eject_why));
}

/* In the list of all servers each says whose it is, and has what `servers` shows besides. */
static json_t *server_row_json(const struct snapshot *s, const struct snap_server *v)
{
	json_t *row = server_json(v);
	json_t *more = json_pack(
		"{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:b,s:b,s:o,s:o,s:o,s:o}",
		"backend", v->backend, "current", jvalue_number(v->active), "total",
		jvalue_number(v->requests), "errors", jvalue_number(v->errors), "retries",
		jvalue_number(v->retries), "retries_denied", jvalue_number(v->retries_denied),
		"http2_connections", jvalue_number(v->h2_connections), "refused_streams",
		jvalue_number(v->refused_streams),
		"weight_percent", jvalue_number(v->weight_percent), "queue",
		jvalue_number(v->queued), "max_connections",
		v->max_connections ? jvalue_number(v->max_connections) : json_null(), "backup",
		(int)v->backup, "removed", (int)v->removed, "weight_given", (int)v->weight_given,
		"asks_drain", (int)v->asks_drain, "since", jvalue_instant(v->since_us),
		"taken_out", taken_out_json(s, v), "checks", history_json(v), "ejected",
		ejected_json(s, v));

	if (!row || !more || json_object_update(row, more) != 0) {
		json_decref(row);
		row = NULL;
	}
	json_decref(more);
	return row;
}

static json_t *details_json(const struct snapshot *s, const struct snap_backend *k)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < k->n_servers; i++)
		list = jvalue_append(list, server_json(&s->servers[k->first + i]));
	return list;
}

static json_t *backends_json(const struct snapshot *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct snap_backend *k = &s->backends[i];

		list = jvalue_append(list,
				     json_pack("{s:s,s:o,s:o,s:i,s:i,s:o}", "name", k->name,
					       "queue", jvalue_number(k->queued), "balance",
					       jvalue_text(k->balance), "servers_up", (int)k->n_up,
					       "servers", (int)k->n_servers, "servers_detail",
					       details_json(s, k)));
	}
	return list;
}

static json_t *binds_json(const char *binds)
{
	struct str rest = str_of(binds), bind;
	json_t *list = json_array();

	while (str_split(&rest, '\n', &bind)) {
		if (bind.n)
			list = jvalue_append(list, json_stringn(bind.p, bind.n));
	}
	return list;
}

static json_t *frontends_json(const struct snapshot *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_frontends; i++) {
		const struct snap_frontend *f = &s->frontends[i];

		list = jvalue_append(list,
				     json_pack("{s:s,s:s,s:o,s:o,s:o}", "name", f->name, "mode",
					       f->tcp ? "tcp" : "http", "bind",
					       binds_json(f->binds), "connections",
					       jvalue_number(f->connections), "requests_total",
					       jvalue_number(f->requests)));
	}
	return list;
}

static uint64_t uptime(const struct snapshot *s)
{
	return s->now_us > s->started_us ? (s->now_us - s->started_us) / CLOCK_SEC : 0;
}

static void append_wrong(void *arg, const char *text)
{
	json_t **list = arg;

	*list = jvalue_append(*list, json_string(text));
}

static json_t *wrong_json(const struct snapshot *s)
{
	json_t *list = json_array();

	if (wrong_each(s, append_wrong, &list))
		return list;
	json_decref(list);
	return NULL;
}

static json_t *status_json(const struct snapshot *s)
{
	bool known = s->has_supervisor;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o},s:{s:o,s:o},s:o,s:o,s:o,s:o}", "node",
			 jvalue_text(s->node), "version", jvalue_text(s->version), "pid",
			 known ? json_integer(s->pid) : json_null(), "uptime_s",
			 known ? jvalue_number(uptime(s)) : json_null(), "generation",
			 known ? jvalue_number(s->generation) : json_null(), "config", "file",
			 jvalue_text(s->config_file), "sha256", jvalue_text(s->config_sha256),
			 "old_proxies", "count", jvalue_number(s->old_proxies), "connections",
			 jvalue_number(s->old_connections),
			 "vrrp", json_vrrp_list(s), "frontends", frontends_json(s), "backends",
			 backends_json(s), "wrong", wrong_json(s));
}

bool snapshot_json_status(const struct snapshot *s, FILE *out)
{
	return jvalue_print(status_json(s), out);
}

bool snapshot_json_servers(const struct snapshot *s, const char *name, FILE *out, char *why,
			   size_t why_size)
{
	struct snap_place place;
	json_t *list;

	if (!snapshot_find_place(s, name, &place, why, why_size))
		return false;
	list = json_array();
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (snapshot_in_place(s, &place, &s->servers[i]))
			list = jvalue_append(list, server_row_json(s, &s->servers[i]));
	}
	if (jvalue_print(json_pack("{s:o}", "servers", list), out))
		return true;
	snprintf(why, why_size, "the document could not be written");
	return false;
}

bool snapshot_json_version(const struct snapshot *s, const char *own, FILE *out)
{
	return jvalue_print(json_pack("{s:s,s:o}", "hpcbalctl", own, "hpcbald",
				      s ? jvalue_text(s->version) : json_null()),
			    out);
}
