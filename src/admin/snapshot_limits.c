/* What the board of limits says. */
#include <stdlib.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"

#define NS_PER_US 1000u

#define CLEAN(text) clean((text), sizeof(text))

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	text_clean(text, false);
}

/* Reading a turn needs no right to write it: the map may be read-only. */
static _Atomic uint32_t *turn_of(const _Atomic uint32_t *turn)
{
	return (_Atomic uint32_t *)(uintptr_t)turn;
}

/* ---- the limits ---- */

static void take_limit(struct snap_limit *l, const struct board_limit *from)
{
	l->id = from->id;
	l->order = stats_get(from->order);
	l->step_ns = stats_get(from->step_ns);
	l->depth_ns = stats_get(from->depth_ns);
	l->connections = stats_get(from->connections);
	l->burst = stats_get(from->burst);
	l->dry_run = stats_get(from->dry_run) != 0;
	l->refused = stats_get(from->stats.refused);
	l->would_refuse = stats_get(from->stats.would_refuse);
	l->exempted = stats_get(from->stats.exempted);
	board_text(l->frontend, sizeof(l->frontend), from->frontend, sizeof(from->frontend));
	board_text(l->name, sizeof(l->name), from->name, sizeof(from->name));
	board_read_text(turn_of(&from->turn), l->by, sizeof(l->by), from->by, sizeof(from->by));
	board_read_text(turn_of(&from->turn), l->rate, sizeof(l->rate), from->rate,
			sizeof(from->rate));
	CLEAN(l->frontend);
	CLEAN(l->name);
	CLEAN(l->by);
	CLEAN(l->rate);
}

static int compare_limits(const void *pa, const void *pb)
{
	const struct snap_limit *a = pa, *b = pb;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->slot < b->slot ? -1 : a->slot > b->slot;
}

static void take_limits(struct snapshot *s, const struct board_limits *b)
{
	for (unsigned i = 0; i < BOARD_LIMITS; i++) {
		const struct board_limit *from = &b->limits[i];

		if (!atomic_load_explicit(&from->used, memory_order_acquire) ||
		    stats_get(from->current) != BOARD_CURRENT)
			continue;
		s->limits[s->n_limits].slot = i;
		take_limit(&s->limits[s->n_limits++], from);
	}
	qsort(s->limits, s->n_limits, sizeof(s->limits[0]), compare_limits);
}

/* ---- the exemptions ---- */

static void take_exemptions(struct snapshot *s, const struct board_limits *b)
{
	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++) {
		struct limit_exemption *e = &s->exempt[s->n_exempt];

		if (!board_exemption_read(b, i, s->mono_us, e))
			continue;
		CLEAN(e->text);
		CLEAN(e->limit);
		s->n_exempt++;
	}
}

static bool is_exempt(const struct snapshot *s, const struct board_limits *b,
		      const struct snap_limit *l, const struct board_key *key)
{
	struct addr src;
	struct net net;
	bool is_src = !key->digest && !net_parse(&net, str_of(key->text));

	if (is_src)
		src = net_addr(&net);
	for (unsigned i = 0; i < s->n_exempt; i++)
		if (board_exempts(&s->exempt[i], &b->limits[l->slot], key->digest,
				  is_src ? &src : NULL))
			return true;
	return false;
}

/* ---- who is limited ---- */

static const struct snap_limit *limit_of(const struct snapshot *s, uint64_t id)
{
	for (unsigned i = 0; i < s->n_limits; i++)
		if (s->limits[i].id == id)
			return &s->limits[i];
	return NULL;
}

static bool was_refused_lately(const struct snapshot *s, const struct board_limits *b,
			       const struct snap_limit *l, const struct board_limit_note *n)
{
	uint64_t last_us = stats_get(n->last) / NS_PER_US;

	return stats_get(n->refused) && last_us &&
	       snapshot_lately(s, last_us, board_limit_quiet(&b->limits[l->slot]) / NS_PER_US);
}

/* When there is a token, from when the bucket is full. */
static uint64_t until_of(const struct snapshot *s, const struct snap_limit *l, uint64_t arrival)
{
	uint64_t at;

	if (!l->step_ns || arrival == BOARD_LIMIT_MOVES || l->depth_ns < l->step_ns)
		return 0;
	at = arrival - (l->depth_ns - l->step_ns);
	return arrival > l->depth_ns && at / NS_PER_US > s->mono_us ? at / NS_PER_US : 0;
}

/* False: out of memory. */
static bool add_limited(struct snapshot *s, const struct snap_limited *v)
{
	struct snap_limited *more;

	if ((s->n_limited & (s->n_limited - 1)) == 0) { /* room doubles at powers of two */
		more = realloc(s->limited, (s->n_limited ? 2 * s->n_limited : 1) * sizeof(*more));
		if (!more)
			return false;
		s->limited = more;
	}
	s->limited[s->n_limited++] = *v;
	return true;
}

static bool take_entry(struct snapshot *s, const struct board_limits *b,
		       const struct board_limit_set *set, unsigned way)
{
	const struct board_limit_note *n = &set->note[way];
	const struct snap_limit *l;
	struct snap_limited v = { 0 };
	struct board_key key;
	bool lately;

	if (!stats_get(set->owner[way]) ||
	    (!stats_get(n->refused) && !stats_get(n->connections)) ||
	    !board_read_block(turn_of(&n->turn), &key, &n->key, sizeof(key)))
		return true;
	l = limit_of(s, key.limit);
	v.connections = stats_get(n->connections);
	lately = l && was_refused_lately(s, b, l, n);
	if (!l || (!lately && !(l->connections && v.connections >= l->connections)))
		return true;
	CLEAN(key.text);
	memcpy(v.key, key.text, sizeof(v.key));
	v.limit = (unsigned)(l - s->limits);
	v.refused = lately ? stats_get(n->refused) : 0;
	v.since_us = lately ? stats_get(n->since) / NS_PER_US : 0;
	v.last_us = lately ? stats_get(n->last) / NS_PER_US : 0;
	v.until_us = until_of(s, l, stats_get(set->arrival[way]));
	v.exempt = is_exempt(s, b, l, &key);
	return add_limited(s, &v);
}

/* In the order of the limits; who was refused most comes first. */
static int compare_limited(const void *pa, const void *pb)
{
	const struct snap_limited *a = pa, *b = pb;

	if (a->limit != b->limit)
		return a->limit < b->limit ? -1 : 1;
	if (a->refused != b->refused)
		return a->refused > b->refused ? -1 : 1;
	return strcmp(a->key, b->key);
}

static bool take_limited(struct snapshot *s, const struct board_limits *b)
{
	const struct board_limit_set *set;
	unsigned at = 0;

	while ((set = board_limit_next(b, &at)))
		for (unsigned w = 0; w < BOARD_LIMIT_WAYS; w++)
			if (!take_entry(s, b, set, w))
				return false;
	if (s->n_limited)
		qsort(s->limited, s->n_limited, sizeof(s->limited[0]), compare_limited);
	return true;
}

bool snapshot_add_limits(struct snapshot *s, const struct board_limits *b)
{
	if (!b)
		return true;
	s->has_limits = true;
	s->limits_evicted = stats_get(b->evicted);
	s->limits_untracked = stats_get(b->untracked);
	take_limits(s, b);
	take_exemptions(s, b);
	return take_limited(s, b);
}
