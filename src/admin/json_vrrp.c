/* Virtual routers as JSON: the keys are a promise to scripts and dashboards. */
#include "admin/json_vrrp.h"

#include "admin/jvalue.h"
#include "admin/snapshot_data.h"

/* Takes `more`; its keys come behind those of `row`. */
static json_t *extend(json_t *row, json_t *more)
{
	bool good = row && more && json_object_update(row, more) == 0;

	json_decref(more);
	if (good)
		return row;
	json_decref(row);
	return NULL;
}

static json_t *written_json(const struct router_facts *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_addresses; i++)
		list = jvalue_append(list, json_string(f->addresses[i].text));
	return list;
}

/* What `status` says of one; `vrrp` says it too, and more behind it. */
static json_t *router_json(const struct snapshot *s, const struct snap_router *r)
{
	const struct router_facts *f = &r->facts;
	json_t *row;

	row = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "name", f->name, "state",
			board_router_state_name(r->state), "since",
			jvalue_instant(f->since_wall_us), "priority", jvalue_number(f->priority),
			"effective_priority", jvalue_number(f->effective_priority), "interface",
			jvalue_text(f->interface), "virtual_router_id", jvalue_number(f->vrid),
			"addresses", written_json(f), "master", jvalue_text(f->master), "demoted",
			(int)(f->demoted || f->demoting));
	return extend(row,
		      json_pack("{s:o,s:o,s:o,s:o,s:b}", "reason", jvalue_text(f->why), "faults",
				jvalue_text(f->faults), "rival",
				r->both_master ? jvalue_text(f->rival) : json_null(), "version",
				jvalue_number(f->version), "live", (int)s->vrrp_live));
}

json_t *json_vrrp_list(const struct snapshot *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_routers; i++)
		list = jvalue_append(list, router_json(s, &s->routers[i]));
	return list;
}

/* Null: until promoted, or not demoted. */
static json_t *until_json(const struct snapshot *s, uint64_t until_us)
{
	return until_us == UINT64_MAX ? json_null() : jvalue_instant(snapshot_wall(s, until_us));
}

static json_t *facts_json(const struct snapshot *s, const struct router_facts *f)
{
	bool foreign = *f->foreign != '\0';

	return json_pack(
		"{s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "interval_ms", jvalue_ms(f->interval_us),
		"source", jvalue_text(f->source), "advertised_priority",
		jvalue_number(f->advertised_priority), "master_priority",
		*f->master ? jvalue_number(f->master_priority) : json_null(), "demoting",
		(int)(f->demoting != 0), "demoted_until", until_json(s, f->demoted_until_us),
		"foreign", jvalue_text(f->foreign), "foreign_heard",
		foreign ? jvalue_instant(snapshot_wall(s, f->foreign_heard_us)) : json_null());
}

static json_t *addresses_json(const struct router_facts *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_addresses; i++)
		list = jvalue_append(
			list,
			json_pack("{s:s,s:b,s:o,s:b}", "address", f->addresses[i].text, "held",
				  (int)(f->addresses[i].held != 0), "prefix",
				  f->addresses[i].held ? jvalue_number(f->addresses[i].prefix)
						       : json_null(),
				  "advertised", (int)(f->addresses[i].advertised != 0)));
	return list;
}

static json_t *peers_json(const struct snapshot *s, const struct router_facts *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_peers; i++)
		list = jvalue_append(
			list, json_pack("{s:o,s:o,s:o,s:o,s:o}", "address",
					jvalue_text(f->peers[i].address), "priority",
					jvalue_number(f->peers[i].priority), "interval_ms",
					jvalue_ms(f->peers[i].interval_us), "heard",
					jvalue_instant(snapshot_wall(s, f->peers[i].heard_us)),
					"advertisements", jvalue_number(f->peers[i].adverts)));
	return list;
}

static json_t *tracks_json(const struct router_facts *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_tracks; i++)
		list = jvalue_append(list,
				     json_pack("{s:s,s:b,s:I,s:o}", "what", f->tracks[i].what,
					       "up", (int)(f->tracks[i].up != 0), "weight",
					       (json_int_t)f->tracks[i].weight, "reason",
					       jvalue_text(f->tracks[i].why)));
	return list;
}

static json_t *put(json_t *object, const char *key, uint64_t value)
{
	if (object && json_object_set_new(object, key, jvalue_number(value)) == 0)
		return object;
	json_decref(object);
	return NULL;
}

#define STATS_GAUGE(name, help) o = put(o, #name, st->name);
#define STATS_COUNTER(name, help) o = put(o, #name, st->name);

static json_t *counters_json(const struct snap_router_stats *st)
{
	json_t *o = json_object();

#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
	return o;
}

static json_t *discards_json(const struct snapshot *s, const struct snap_router *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_discards; i++) {
		if (!r->discards[i])
			continue;
		list = jvalue_append(list, json_pack("{s:s,s:o,s:o}", "reason", s->discard_name[i],
						     "text", jvalue_text(s->discard_text[i]),
						     "packets", jvalue_number(r->discards[i])));
	}
	return list;
}

static json_t *block_json(const struct snapshot *s, const struct snap_router *r)
{
	json_t *row = extend(router_json(s, r), facts_json(s, &r->facts));

	return extend(row, json_pack("{s:o,s:o,s:o,s:o,s:o}", "addresses_detail",
				     addresses_json(&r->facts), "peers", peers_json(s, &r->facts),
				     "trackers", tracks_json(&r->facts), "counters",
				     counters_json(&r->stats), "discards", discards_json(s, r)));
}

bool snapshot_json_vrrp(const struct snapshot *s, const char *instance, FILE *out, char *why,
			size_t why_size)
{
	const struct snap_router *only = NULL;
	json_t *list;

	if (instance) {
		only = snapshot_find_router(s, instance, why, why_size);
		if (!only)
			return false;
	}
	list = json_array();
	for (unsigned i = 0; i < s->n_routers; i++)
		if (!only || only == &s->routers[i])
			list = jvalue_append(list, block_json(s, &s->routers[i]));
	if (jvalue_print(json_pack("{s:o}", "vrrp", list), out))
		return true;
	snprintf(why, why_size, "the document could not be written");
	return false;
}
