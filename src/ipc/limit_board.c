#include "ipc/limit_board.h"

#include "base/hash.h"

_Static_assert(sizeof(struct board_limits) < UINT32_MAX, "a board's size fits its head");
_Static_assert(BOARD_LIMIT_SETS % 64 == 0, "each set has its bit");

uint64_t board_limit_id(struct str frontend, struct str name)
{
	return hash_pair(frontend.n ? hash_bytes(frontend) : 1, hash_bytes(name));
}

static bool is_slot_of(const struct board_limit *l, struct str frontend, struct str name)
{
	return stats_get(l->used) && str_eq(str_of(l->name), name) &&
	       str_eq(str_of(l->frontend), frontend);
}

static int find_slot(const struct board_limits *b, struct str frontend, struct str name)
{
	int unused = -1, old = -1;

	for (int i = 0; i < BOARD_LIMITS; i++) {
		const struct board_limit *l = &b->limits[i];
		bool used = stats_get(l->used);

		if (is_slot_of(l, frontend, name))
			return i;
		if (!used && unused < 0)
			unused = i;
		if (used && old < 0 && stats_get(l->current) == BOARD_GONE)
			old = i;
	}
	return unused >= 0 ? unused : old;
}

static void give_slot(struct board_limit *l, struct str frontend, struct str name)
{
	atomic_store_explicit(&l->used, 0, memory_order_release);
	memset((char *)l + sizeof(l->used), 0, sizeof(*l) - sizeof(l->used));
	l->id = board_limit_id(frontend, name);
	str_copy(l->frontend, sizeof(l->frontend), frontend);
	str_copy(l->name, sizeof(l->name), name);
}

int board_limit_slot(struct board_limits *b, struct str frontend, struct str name)
{
	int at = -1;

	if (frontend.n < BOARD_NAME && name.n < BOARD_NAME)
		at = find_slot(b, frontend, name);
	if (at < 0)
		return -1;
	if (!is_slot_of(&b->limits[at], frontend, name))
		give_slot(&b->limits[at], frontend, name);
	if (stats_get(b->limits[at].current) != BOARD_CURRENT)
		stats_set(b->limits[at].current, BOARD_PREPARED);
	atomic_store_explicit(&b->limits[at].used, 1, memory_order_release);
	return at;
}

void board_limits_forget_prepared(struct board_limits *b)
{
	for (unsigned i = 0; i < BOARD_LIMITS; i++)
		if (stats_get(b->limits[i].current) == BOARD_PREPARED)
			stats_set(b->limits[i].current, BOARD_GONE);
}

/* ---- the death of the proxy ---- */

static void turn_close(_Atomic uint32_t *turn)
{
	if (stats_get(*turn) % 2)
		atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
}

static void set_died(struct board_limit_set *s)
{
	for (unsigned w = 0; w < BOARD_LIMIT_WAYS; w++) {
		turn_close(&s->note[w].turn);
		stats_set(s->note[w].connections, 0);
		stats_set(s->note[w].turned_away, 0);
		if (stats_get(s->arrival[w]) != BOARD_LIMIT_MOVES)
			continue;
		stats_set(s->owner[w], 0);
		stats_set(s->arrival[w], 0);
	}
}

void board_limits_died(struct board_limits *b)
{
	const struct board_limit_set *s;
	unsigned at = 0;

	while ((s = board_limit_next(b, &at)))
		set_died(&b->sets[s - b->sets]);
	for (unsigned i = 0; i < BOARD_LIMITS; i++)
		turn_close(&b->limits[i].turn);
	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++)
		turn_close(&b->exempt[i].turn);
	board_limits_forget_prepared(b);
}

/* ---- readers ---- */

const struct board_limit_set *board_limit_next(const struct board_limits *b, unsigned *at)
{
	while (*at < BOARD_LIMIT_SETS) {
		unsigned i = (*at)++;
		uint64_t bits = atomic_load_explicit(&b->touched[i / 64], memory_order_acquire);

		if (bits >> i % 64 & 1)
			return &b->sets[i];
		if (bits == 0)
			*at = (i | 63) + 1;
	}
	return NULL;
}

uint64_t board_limit_quiet(const struct board_limit *l)
{
	uint64_t depth = stats_get(l->depth_ns);

	return depth > BOARD_LIMIT_QUIET_NS ? depth : BOARD_LIMIT_QUIET_NS;
}

bool board_exemption_read(const struct board_limits *b, unsigned i, uint64_t now_us,
			  struct limit_exemption *to)
{
	const struct board_exemption *e = &b->exempt[i];

	/* Reading a turn needs no right to write it: the map may be read-only. */
	if (!atomic_load_explicit(&e->used, memory_order_acquire) ||
	    !board_read_block((_Atomic uint32_t *)(uintptr_t)&e->turn, to, &e->is, sizeof(*to)))
		return false;
	to->text[sizeof(to->text) - 1] = '\0';
	to->limit[sizeof(to->limit) - 1] = '\0';
	if (to->net.family_bytes != 4 && to->net.family_bytes != 16)
		to->net.family_bytes = 0;
	if (to->net.prefix > to->net.family_bytes * 8)
		to->net.prefix = to->net.family_bytes * 8;
	return now_us < to->until_us;
}

bool board_exempts(const struct limit_exemption *e, const struct board_limit *limit,
		   uint64_t digest, const struct addr *src)
{
	if (e->limits && e->limits != limit->id &&
	    e->limits != board_limit_id(STR_NONE, str_of(limit->name)))
		return false;
	if (src)
		return e->net.family_bytes && net_contains(&e->net, src);
	return e->digest == digest;
}
