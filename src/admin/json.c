/* A snapshot as JSON: the keys are a promise to scripts and dashboards. */
#include "admin/snapshot.h"

#include <jansson.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"
#include "base/clock.h"

/* The functions that make values give NULL when memory runs out; json_pack() then gives NULL
 * as well, and takes care of its other arguments. */

static json_t *number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

static json_t *text(const char *t)
{
	return *t ? json_string(t) : json_null();
}

static json_t *instant(uint64_t wall_us)
{
	char t[TEXT_TIME];

	return text_iso_time(t, wall_us) ? json_string(t) : json_null();
}

static json_t *check_json(const struct snap_server *v)
{
	if (!v->checked)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o}", "last", instant(v->check_last_us), "status",
			 v->check_status ? number(v->check_status) : json_null(), "duration_ms",
			 v->check_last_us ? json_real((double)v->check_duration_us / CLOCK_MS)
					  : json_null(),
			 "reason", text(v->check_reason));
}

static json_t *server_json(const struct snap_server *v)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "name", v->name, "address", v->address,
			 "state", board_server_state_name(v->state), "weight", number(v->weight),
			 "active", number(v->active), "requests_total", number(v->requests),
			 "check", check_json(v));
}

/* In the list of all servers each says whose it is, and has what `servers` shows besides. */
static json_t *server_row_json(const struct snap_server *v)
{
	json_t *row = server_json(v);
	json_t *more = json_pack("{s:s,s:o,s:o,s:o,s:o,s:b,s:b,s:o}", "backend", v->backend,
				 "current", number(v->active), "total", number(v->requests),
				 "errors", number(v->errors), "retries", number(v->retries),
				 "backup", (int)v->backup, "removed", (int)v->removed, "since",
				 instant(v->since_us));

	if (!row || !more || json_object_update(row, more) != 0) {
		json_decref(row);
		row = NULL;
	}
	json_decref(more);
	return row;
}

/* Both references are given away. */
static json_t *append(json_t *list, json_t *item)
{
	if (list && json_array_append_new(list, item) == 0)
		return list;
	if (!list)
		json_decref(item);
	json_decref(list);
	return NULL;
}

static json_t *details_json(const struct snapshot *s, const struct snap_backend *k)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < k->n_servers; i++)
		list = append(list, server_json(&s->servers[k->first + i]));
	return list;
}

static json_t *backends_json(const struct snapshot *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_backends; i++) {
		const struct snap_backend *k = &s->backends[i];

		list = append(list, json_pack("{s:s,s:o,s:i,s:i,s:o}", "name", k->name, "balance",
					      text(k->balance), "servers_up", (int)k->n_up,
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
			list = append(list, json_stringn(bind.p, bind.n));
	}
	return list;
}

static json_t *frontends_json(const struct snapshot *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_frontends; i++) {
		const struct snap_frontend *f = &s->frontends[i];

		list = append(list, json_pack("{s:s,s:o,s:o,s:o}", "name", f->name, "bind",
					      binds_json(f->binds), "connections",
					      number(f->connections), "requests_total",
					      number(f->requests)));
	}
	return list;
}

static uint64_t uptime(const struct snapshot *s)
{
	return s->now_us > s->started_us ? (s->now_us - s->started_us) / CLOCK_SEC : 0;
}

static json_t *status_json(const struct snapshot *s)
{
	bool known = s->has_supervisor;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:{s:o,s:o},s:o,s:o,s:o}", "node", text(s->node),
			 "version", text(s->version), "pid",
			 known ? json_integer(s->pid) : json_null(), "uptime_s",
			 known ? number(uptime(s)) : json_null(), "generation",
			 known ? number(s->generation) : json_null(), "config", "file",
			 text(s->config_file), "sha256", text(s->config_sha256), "vrrp",
			 json_array(), "frontends", frontends_json(s), "backends",
			 backends_json(s));
}

/* Takes the reference. */
static bool print_json(json_t *document, FILE *out)
{
	bool good = document &&
		    json_dumpf(document, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;

	json_decref(document);
	fputs(good ? "\n" : "", out);
	return good;
}

bool snapshot_json_status(const struct snapshot *s, FILE *out)
{
	return print_json(status_json(s), out);
}

bool snapshot_json_servers(const struct snapshot *s, const char *backend, FILE *out, char *why,
			   size_t why_size)
{
	const struct snap_backend *k = NULL;
	json_t *list;

	if (backend) {
		k = snapshot_find_backend(s, backend, why, why_size);
		if (!k)
			return false;
	}
	list = json_array();
	for (unsigned i = 0; i < s->n_servers; i++) {
		if (!k || &s->backends[0] + s->servers[i].backend_index == k)
			list = append(list, server_row_json(&s->servers[i]));
	}
	if (print_json(json_pack("{s:o}", "servers", list), out))
		return true;
	snprintf(why, why_size, "the document could not be written");
	return false;
}

bool snapshot_json_version(const struct snapshot *s, const char *own, FILE *out)
{
	return print_json(json_pack("{s:s,s:o}", "hpcbalctl", own, "hpcbald",
				    s ? text(s->version) : json_null()),
			  out);
}
