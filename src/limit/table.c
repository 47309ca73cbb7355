#include "limit/table.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"

#define STRIPES 64
/* An entry that is used again while it is being given away is left; so often another is tried. */
#define GIVES 64

struct limit_table {
	struct board_limits *board;
	pthread_mutex_t stripes[STRIPES];
};

/* One entry. */
struct entry {
	struct board_limit_set *set;
	unsigned way;
};

struct limit_table *limit_table_new(struct board_limits *b)
{
	struct limit_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->board = b;
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_init(&t->stripes[i], NULL);
	return t;
}

void limit_table_free(struct limit_table *t)
{
	for (unsigned i = 0; t && i < STRIPES; i++)
		pthread_mutex_destroy(&t->stripes[i]);
	free(t);
}

struct board_limits *limit_table_board(const struct limit_table *t)
{
	return t->board;
}

/* ---- finding ---- */

static struct board_limit_set *set_of(const struct limit_table *t, const struct limit_key *k)
{
	return &t->board->sets[k->owner % BOARD_LIMIT_SETS];
}

static bool find(struct board_limit_set *s, uint64_t owner, struct entry *e)
{
	e->set = s;
	for (e->way = 0; e->way < BOARD_LIMIT_WAYS; e->way++)
		if (atomic_load_explicit(&s->owner[e->way], memory_order_acquire) == owner)
			return true;
	return false;
}

static bool swap(const struct entry *e, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(&e->set->arrival[e->way], &from, to,
						       memory_order_acq_rel,
						       memory_order_acquire);
}

static pthread_mutex_t *stripe_of(struct limit_table *t, const struct board_limit_set *s)
{
	return &t->stripes[(size_t)(s - t->board->sets) % STRIPES];
}

/* ---- giving an entry to a key; under the mutex of the set ---- */

static bool is_pinned(const struct board_limit_note *n)
{
	return stats_get(n->connections) || stats_get(n->turned_away);
}

/* The one that is nobody's, or else the one that loses least, and its arrival. False: all have
 * connections. */
static bool choose(const struct board_limit_set *s, unsigned *way, uint64_t *arrival)
{
	*arrival = BOARD_LIMIT_MOVES;
	for (unsigned w = 0; w < BOARD_LIMIT_WAYS; w++) {
		bool owned = stats_get(s->owner[w]) != 0;
		uint64_t at = atomic_load_explicit(&s->arrival[w], memory_order_acquire);

		if (is_pinned(&s->note[w]) || (owned && at >= *arrival))
			continue;
		*way = w;
		*arrival = at;
		if (!owned)
			break;
	}
	return *arrival != BOARD_LIMIT_MOVES;
}

static void write_note(const struct limit_table *t, struct board_limit_note *n,
		       const struct limit_key *k)
{
	struct board_key key = { .limit = k->limit->id };

	limit_key_text(t->board, k, key.text);
	if (!k->src)
		key.digest = limit_digest(t->board, k->value);
	board_write_block(&n->turn, &n->key, &key, sizeof(key));
	stats_set(n->refused, 0);
	stats_set(n->since, 0);
	stats_set(n->last, 0);
}

/* False: it was used since it was chosen, and may cost more now than another one. */
static bool give(struct limit_table *t, const struct entry *e, const struct limit_key *k,
		 uint64_t was, uint64_t now)
{
	_Atomic uint64_t *arrival = &e->set->arrival[e->way];

	if (!swap(e, was, BOARD_LIMIT_MOVES))
		return false;
	if (was > now && stats_get(e->set->owner[e->way]))
		stats_add(t->board->evicted, 1);
	write_note(t, &e->set->note[e->way], k);
	atomic_store_explicit(&e->set->owner[e->way], k->owner, memory_order_release);
	/* Never the value that a take may have seen before. */
	atomic_store_explicit(arrival, now - (was == now), memory_order_release);
	return true;
}

static void touch(struct limit_table *t, const struct board_limit_set *s)
{
	size_t i = (size_t)(s - t->board->sets);

	atomic_fetch_or_explicit(&t->board->touched[i / 64], 1ull << i % 64,
				 memory_order_release);
}

/* False: there is no entry to be had. */
static bool find_or_give(struct limit_table *t, const struct limit_key *k, uint64_t now,
			 struct entry *e)
{
	struct board_limit_set *s = set_of(t, k);

	for (unsigned i = 0; i < GIVES; i++) {
		uint64_t arrival;

		if (find(s, k->owner, e))
			return true;
		if (!choose(s, &e->way, &arrival))
			break;
		touch(t, s);
		if (give(t, e, k, arrival, now))
			return true;
	}
	stats_add(t->board->untracked, 1);
	return false;
}

/* ---- requests ---- */

/* The entry of the key, and its arrival, which no one was just about to move. */
static bool look(const struct limit_table *t, const struct limit_key *k, struct entry *e,
		 uint64_t *arrival)
{
	if (!find(set_of(t, k), k->owner, e))
		return false;
	*arrival = atomic_load_explicit(&e->set->arrival[e->way], memory_order_acquire);
	return *arrival != BOARD_LIMIT_MOVES &&
	       atomic_load_explicit(&e->set->owner[e->way], memory_order_acquire) == k->owner;
}

uint64_t limit_peek(const struct limit_table *t, const struct limit_key *k, uint64_t now)
{
	const struct gcra *rate = &k->limit->rate;
	struct entry e;
	uint64_t arrival, next;

	if (!look(t, k, &e, &arrival) || gcra_ask(rate, arrival, now, &next))
		return 0;
	if (next != arrival)
		swap(&e, arrival, next);
	return gcra_wait(rate, arrival, now);
}

static bool make(struct limit_table *t, const struct limit_key *k, uint64_t now)
{
	pthread_mutex_t *stripe = stripe_of(t, set_of(t, k));
	struct entry e;
	bool made;

	pthread_mutex_lock(stripe);
	made = find_or_give(t, k, now, &e);
	pthread_mutex_unlock(stripe);
	return made;
}

bool limit_take(struct limit_table *t, const struct limit_key *k, uint64_t now, uint64_t *wait)
{
	const struct gcra *rate = &k->limit->rate;
	struct entry e;
	uint64_t arrival, next;

	for (;;) {
		if (!look(t, k, &e, &arrival)) {
			if (!make(t, k, now))
				return true;
			continue;
		}
		if (!gcra_ask(rate, arrival, now, &next)) {
			*wait = gcra_wait(rate, arrival, now);
			return false;
		}
		if (swap(&e, arrival, next))
			return true;
	}
}

/* ---- connections ---- */

static uint32_t place_of(const struct limit_table *t, const struct entry *e)
{
	return (uint32_t)(e->set - t->board->sets) * BOARD_LIMIT_WAYS + e->way + 1;
}

static enum limit_hold count(const struct limit_key *k, struct board_limit_note *n, bool force,
			     bool *over)
{
	*over = stats_get(n->connections) >= k->limit->conf->connections;
	if (!*over || force) {
		stats_add(n->connections, 1);
		return LIMIT_HELD;
	}
	if (stats_get(n->turned_away) >= LIMIT_TOLD_MOST)
		return LIMIT_TURNED_AT_ONCE;
	stats_add(n->turned_away, 1);
	return LIMIT_TURNED;
}

enum limit_hold limit_hold(struct limit_table *t, const struct limit_key *k, bool force,
			   uint64_t now, uint32_t *place, bool *over)
{
	pthread_mutex_t *stripe = stripe_of(t, set_of(t, k));
	enum limit_hold how = LIMIT_HELD;
	struct entry e;

	*place = 0;
	*over = false;
	pthread_mutex_lock(stripe);
	if (find_or_give(t, k, now, &e)) {
		how = count(k, &e.set->note[e.way], force, over);
		if (how != LIMIT_TURNED_AT_ONCE)
			*place = place_of(t, &e);
	}
	pthread_mutex_unlock(stripe);
	return how;
}

void limit_release(struct limit_table *t, uint32_t place, bool told)
{
	struct board_limit_note *n;

	if (!place)
		return;
	place--;
	n = &t->board->sets[place / BOARD_LIMIT_WAYS].note[place % BOARD_LIMIT_WAYS];
	if (told)
		stats_sub(n->turned_away, 1);
	else
		stats_sub(n->connections, 1);
}

uint32_t limit_held_at(const struct limit_table *t, const struct limit_key *k)
{
	struct entry e;

	return find(set_of(t, k), k->owner, &e) && stats_get(e.set->note[e.way].connections)
		       ? place_of(t, &e)
		       : 0;
}

/* ---- for who lists and clears ---- */

void limit_note_refusal(struct limit_table *t, const struct limit_key *k, uint64_t now)
{
	struct board_limit_note *n;
	struct entry e;
	uint64_t last;

	if (!find(set_of(t, k), k->owner, &e))
		return;
	n = &e.set->note[e.way];
	last = stats_get(n->last);
	if (!last || now > last + board_limit_quiet(k->limit->on)) {
		stats_set(n->refused, 0);
		stats_set(n->since, now);
	}
	stats_add(n->refused, 1);
	stats_set(n->last, now);
}

void limit_entry_clear(struct limit_table *t, const struct board_limit_set *s, unsigned way,
		       uint64_t now)
{
	struct board_limit_set *set = &t->board->sets[s - t->board->sets];
	pthread_mutex_t *stripe = stripe_of(t, s);

	must(way < BOARD_LIMIT_WAYS);
	pthread_mutex_lock(stripe);
	atomic_store_explicit(&set->arrival[way], now, memory_order_release);
	stats_set(set->note[way].refused, 0);
	stats_set(set->note[way].last, 0);
	pthread_mutex_unlock(stripe);
}
