/* `limits` for people. */
#include <inttypes.h>

#include "admin/snapshot_data.h"
#include "admin/table.h"
#include "admin/text.h"

/* A screen or two; JSON has them all. */
#define ROWS 200

static bool is_wanted(const struct snap_limit *l, const char *limit)
{
	return !limit || snapshot_limit_is(l, limit);
}

static void add_limit(struct table *t, const struct snap_limit *l)
{
	table_add(t, "%s/%s", l->frontend, l->name);
	table_add(t, "%s", text_or_dash(l->by));
	if (l->connections)
		table_add(t, "%" PRIu64 " connection%s", l->connections,
			  text_plural(l->connections));
	else
		table_add(t, "%s, %" PRIu64 " at once", text_or_dash(l->rate), l->burst);
	table_add(t, "%" PRIu64, l->dry_run ? l->would_refuse : l->refused);
	table_add(t, "%" PRIu64, l->exempted);
	table_add(t, "%s", l->dry_run ? "dry run: it refuses nobody" : "-");
}

static bool print_limits(const struct snapshot *s, const char *limit, FILE *out)
{
	struct table t;

	if (!s->n_limits) {
		fputs("no frontend has limits\n", out);
		return true;
	}
	table_init(&t, "lllrrl");
	table_head(&t, "LIMIT|BY|ALLOWS|REFUSED|EXEMPTED|NOTE");
	for (unsigned i = 0; i < s->n_limits; i++)
		if (is_wanted(&s->limits[i], limit))
			add_limit(&t, &s->limits[i]);
	return table_print(&t, out);
}

static const char *let_in(char to[TEXT_TIME], const struct snapshot *s,
			  const struct snap_limit *l, const struct snap_limited *v)
{
	if (l->connections)
		return v->connections < l->connections ? "now" : "when one ends";
	return v->until_us ? text_lapse(to, v->until_us - s->mono_us) : "now";
}

static void add_limited(struct table *t, const struct snapshot *s, const struct snap_limited *v)
{
	const struct snap_limit *l = &s->limits[v->limit];
	char age[TEXT_TIME], lapse[TEXT_TIME];

	table_add(t, "%s/%s", l->frontend, l->name);
	table_add(t, "%s", v->key);
	table_add(t, "%s", v->since_us ? text_age(age, v->since_us, s->mono_us) : "-");
	table_add(t, "%" PRIu64, v->refused);
	table_add(t, "%s", let_in(lapse, s, l, v));
	if (l->connections)
		table_add(t, "%" PRIu64, v->connections);
	else
		table_add(t, "-");
	table_add(t, "%s", v->exempt ? "exempt" : l->dry_run ? "dry run" : "-");
}

static bool print_limited(const struct snapshot *s, const char *limit, FILE *out)
{
	unsigned n = 0;
	struct table t;

	table_init(&t, "llrrlrl");
	table_head(&t, "LIMITED BY|KEY|FOR|REFUSED|LET IN|OPEN|NOTE");
	for (unsigned i = 0; i < s->n_limited; i++)
		if (is_wanted(&s->limits[s->limited[i].limit], limit) && ++n <= ROWS)
			add_limited(&t, s, &s->limited[i]);
	if (n == 0) {
		table_free(&t);
		if (s->n_limits)
			fputs("\nnobody is limited now\n", out);
		return true;
	}
	fputc('\n', out);
	if (!table_print(&t, out))
		return false;
	if (n > ROWS)
		fprintf(out, "and %u more; --json lists them all\n", n - ROWS);
	return true;
}

static bool print_exempt(const struct snapshot *s, FILE *out)
{
	char lapse[TEXT_TIME];
	struct table t;

	if (!s->n_exempt)
		return true;
	table_init(&t, "lll");
	table_head(&t, "EXEMPT|FROM|FOR");
	for (unsigned i = 0; i < s->n_exempt; i++) {
		const struct limit_exemption *e = &s->exempt[i];

		table_add(&t, "%s", e->text);
		table_add(&t, "%s", *e->limit ? e->limit : "all limits");
		table_add(&t, "%s", e->until_us == UINT64_MAX
					    ? "until it is ended"
					    : text_uptime(lapse, s->mono_us, e->until_us));
	}
	fputc('\n', out);
	return table_print(&t, out);
}

bool snapshot_print_limits(const struct snapshot *s, const char *limit, FILE *out, char *why,
			   size_t why_size)
{
	if (limit && !snapshot_has_limit(s, limit, why, why_size))
		return false;
	if (print_limits(s, limit, out) && print_limited(s, limit, out) && print_exempt(s, out))
		return true;
	snprintf(why, why_size, "out of memory");
	return false;
}
