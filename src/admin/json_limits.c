/* `limits` as JSON. */
#include "admin/jvalue.h"
#include "admin/snapshot_data.h"

static bool is_wanted(const struct snap_limit *l, const char *limit)
{
	return !limit || snapshot_limit_is(l, limit);
}

static json_t *number_or_null(uint64_t v)
{
	return v ? jvalue_number(v) : json_null();
}

static json_t *limit_json(const struct snap_limit *l)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o}", "frontend", l->frontend,
			 "name", l->name, "by", jvalue_text(l->by), "rate", jvalue_text(l->rate),
			 "burst", l->connections ? json_null() : number_or_null(l->burst),
			 "connections", number_or_null(l->connections), "dry_run",
			 (int)l->dry_run, "refused_total", jvalue_number(l->refused),
			 "would_refuse_total", jvalue_number(l->would_refuse), "exempted_total",
			 jvalue_number(l->exempted));
}

static json_t *limited_json(const struct snapshot *s, const struct snap_limited *v)
{
	const struct snap_limit *l = &s->limits[v->limit];

	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:b,s:b}", "frontend", l->frontend,
			 "limit", l->name, "key", v->key, "since",
			 jvalue_instant(snapshot_wall(s, v->since_us)), "last",
			 jvalue_instant(snapshot_wall(s, v->last_us)), "until",
			 jvalue_instant(snapshot_wall(s, v->until_us)), "refused",
			 jvalue_number(v->refused), "connections",
			 l->connections ? jvalue_number(v->connections) : json_null(), "dry_run",
			 (int)l->dry_run, "exempt", (int)v->exempt);
}

static json_t *exempt_json(const struct snapshot *s, const struct limit_exemption *e)
{
	uint64_t until = e->until_us == UINT64_MAX ? 0 : snapshot_wall(s, e->until_us);

	return json_pack("{s:s,s:o,s:o}", "key", e->text, "limit", jvalue_text(e->limit), "until",
			 jvalue_instant(until));
}

bool snapshot_json_limits(const struct snapshot *s, const char *limit, FILE *out, char *why,
			  size_t why_size)
{
	json_t *limits, *limited, *exempt;

	if (limit && !snapshot_has_limit(s, limit, why, why_size))
		return false;
	limits = json_array();
	limited = json_array();
	exempt = json_array();
	for (unsigned i = 0; i < s->n_limits; i++)
		if (is_wanted(&s->limits[i], limit))
			limits = jvalue_append(limits, limit_json(&s->limits[i]));
	for (unsigned i = 0; i < s->n_limited; i++)
		if (is_wanted(&s->limits[s->limited[i].limit], limit))
			limited = jvalue_append(limited, limited_json(s, &s->limited[i]));
	for (unsigned i = 0; i < s->n_exempt; i++)
		exempt = jvalue_append(exempt, exempt_json(s, &s->exempt[i]));
	if (jvalue_print(json_pack("{s:o,s:o,s:o,s:o,s:o}", "limits", limits, "limited", limited,
				   "exempt", exempt, "evicted_total",
				   jvalue_number(s->limits_evicted), "untracked_total",
				   jvalue_number(s->limits_untracked)),
			 out))
		return true;
	snprintf(why, why_size, "the document could not be written");
	return false;
}
