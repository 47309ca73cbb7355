#include "balance/queue.h"

#include <stdlib.h>

#include "balance/pool_inside.h"
#include "base/assert.h"

struct queue *queue_new(void)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	list_init(&q->anyone);
	atomic_init(&q->references, 1);
	return q;
}

struct queue *queue_ref(struct queue *q)
{
	unsigned before = atomic_fetch_add_explicit(&q->references, 1, memory_order_relaxed);

	must(before > 0);
	return q;
}

void queue_unref(struct queue *q)
{
	unsigned before;

	if (!q)
		return;
	before = atomic_fetch_sub_explicit(&q->references, 1, memory_order_acq_rel);
	must(before > 0);
	if (before > 1)
		return;
	must(list_empty(&q->anyone));
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void waiter_init(struct waiter *w, void (*call)(struct waiter *w))
{
	*w = (struct waiter){ .call = call };
	list_init(&w->link);
}

/* ---- in and out, under the lock ---- */

/* As many in the server's list or in that of any as are shown. */
static void count(struct queue *q, const struct waiter *w, bool in)
{
	_Atomic uint64_t *shown = w->bound ? &w->bound->stats->queued : q->shown;

	if (in)
		atomic_fetch_add(&q->waiting, 1);
	else
		atomic_fetch_sub(&q->waiting, 1);
	if (shown && in)
		stats_add(*shown, 1);
	else if (shown)
		stats_sub(*shown, 1);
}

/* Behind all with a smaller ticket: nearly always at the end. */
static void insert(struct list *l, struct waiter *w)
{
	struct list *at = l;

	while (at->prev != l && list_of(at->prev, struct waiter, link)->ticket > w->ticket)
		at = at->prev;
	list_add_before(at, &w->link);
}

static void enter(struct queue *q, struct waiter *w, struct server *bound)
{
	w->bound = bound ? server_ref(bound) : NULL;
	if (!w->ticket) {
		w->ticket = ++q->last_ticket;
		w->before_server = bound ? stats_get(bound->stats->queued) : 0;
		w->before_any = !bound && q->shown ? stats_get(*q->shown) : 0;
	}
	insert(bound ? &bound->bound : &q->anyone, w);
	count(q, w, true);
}

static void leave(struct queue *q, struct waiter *w)
{
	list_del(&w->link);
	count(q, w, false);
	server_unref(w->bound);
	w->bound = NULL;
}

/* `s` NULL: choose anew. */
static void call(struct queue *q, struct waiter *w, struct server *s)
{
	leave(q, w);
	w->given = s ? pool_count(w->pool, &w->key, s) : NULL;
	w->called = true;
	w->call(w);
}

/* ---- who gets a place ---- */

/* The first of those for any server that came before `ticket` and gets one. Those of one pool
 * who have tried nothing yet are alike: when one gets nothing, none does. */
static bool serve_anyone(struct queue *q, uint64_t ticket, uint64_t now)
{
	const struct pool *in_vain = NULL;
	struct list *e, *next;
	struct server *s;

	list_each_safe(e, next, &q->anyone) {
		struct waiter *w = list_of(e, struct waiter, link);

		if (w->ticket > ticket)
			return false;
		if (w->pool == in_vain && !w->key.n_exclude)
			continue;
		w->key.now = now;
		switch (pool_choose(w->pool, &w->key, &s)) {
		case CHOICE_MADE:
			call(q, w, s);
			return true;
		case CHOICE_NONE:
			call(q, w, NULL);
			break;
		case CHOICE_FULL:
			if (!w->key.n_exclude)
				in_vain = w->pool;
			break;
		}
	}
	return false;
}

/* Whoever is bound by the client goes there as long as it serves; whom the key sent there only
 * chooses anew when another would. */
static bool still_waits_for(const struct waiter *w, struct server *s, uint64_t now)
{
	if (w->key.breaks && server_is_ejected(s, now))
		return false;
	return w->key.bind == s ? server_serves(s) : server_eligible(s);
}

static void dismiss(struct queue *q, struct server *s, uint64_t now)
{
	struct list *e, *next;

	list_each_safe(e, next, &s->bound) {
		struct waiter *w = list_of(e, struct waiter, link);

		if (!still_waits_for(w, s, now))
			call(q, w, NULL);
	}
}

void queue_serve(struct queue *q, struct server *s, uint64_t now)
{
	while (server_has_room(s)) {
		struct waiter *w = list_empty(&s->bound)
					   ? NULL
					   : list_of(s->bound.next, struct waiter, link);

		if (serve_anyone(q, w ? w->ticket : UINT64_MAX, now))
			continue;
		if (!w)
			return;
		w->key.now = now;
		call(q, w, still_waits_for(w, s, now) ? s : NULL);
	}
}

/* Between a release and its lock a place is free that somebody waits for. */
void pool_serve_others(struct pool *p, uint64_t now)
{
	for (unsigned i = 0; i < p->n; i++)
		queue_serve(p->queue, p->servers[i], now);
}

/* ---- for all ---- */

enum pool_wait pool_wait(struct pool *p, const struct pool_key *key, unsigned most,
			 struct waiter *w)
{
	struct queue *q = p->queue;
	enum pool_wait answer = POOL_WAITS;
	struct server *s;

	must(list_empty(&w->link));
	w->pool = p;
	w->key = *key;
	w->called = false;
	w->given = NULL;
	pthread_mutex_lock(&q->lock);
	/* Before the look at the places: see `waiting`. */
	if (atomic_fetch_add(&q->waiting, 1) > 0)
		pool_serve_others(p, key->now);
	if (atomic_load(&q->waiting) > most)
		answer = POOL_CROWDED;
	switch (pool_choose(p, key, &s)) {
	case CHOICE_MADE:
		w->given = pool_count(p, key, s);
		answer = POOL_GIVEN;
		break;
	case CHOICE_NONE:
		answer = POOL_EMPTY;
		break;
	case CHOICE_FULL:
		if (answer == POOL_WAITS)
			enter(q, w, s);
		break;
	}
	atomic_fetch_sub(&q->waiting, 1);
	pthread_mutex_unlock(&q->lock);
	return answer;
}

bool pool_leave(struct waiter *w)
{
	struct queue *q = w->pool->queue;
	bool waited;

	pthread_mutex_lock(&q->lock);
	waited = !w->called;
	if (waited)
		leave(q, w);
	pthread_mutex_unlock(&q->lock);
	return waited;
}

void pool_stir(struct server *s, uint64_t now)
{
	struct queue *q = s->queue;

	if (!q || atomic_load(&q->waiting) == 0)
		return;
	pthread_mutex_lock(&q->lock);
	dismiss(q, s, now);
	queue_serve(q, s, now);
	/* Also where none of them has room: perhaps none is left. */
	while (serve_anyone(q, UINT64_MAX, now))
		;
	pthread_mutex_unlock(&q->lock);
}

void pool_show_queue(struct pool *p, _Atomic uint64_t *shown)
{
	struct queue *q = p->queue;

	pthread_mutex_lock(&q->lock);
	q->shown = shown;
	pthread_mutex_unlock(&q->lock);
}
