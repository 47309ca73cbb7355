#include "balance/pool.h"

#include <stdlib.h>

#include "balance/pool_inside.h"
#include "base/assert.h"

static void pool_free(struct pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		server_unref(p->servers[i]);
	if (p->state && p->balancer->state_free)
		p->balancer->state_free(p->state);
	if (p->turns)
		balance_roundrobin.state_free(p->turns);
	queue_unref(p->queue);
	free(p->servers);
	free(p->backup);
	free(p->candidates);
	free(p);
}

static bool pool_allocate(struct pool *p, unsigned n)
{
	p->servers = calloc(n + 1, sizeof(*p->servers));
	p->backup = calloc(n + 1, sizeof(*p->backup));
	p->candidates = calloc(n + 1, sizeof(*p->candidates));
	if (p->balancer->state_new)
		p->state = p->balancer->state_new(n);
	if (p->balancer->keyed)
		p->turns = balance_roundrobin.state_new(n);
	return p->servers && p->backup && p->candidates &&
	       (p->state || !p->balancer->state_new) && (p->turns || !p->balancer->keyed);
}

/* That of the servers which another configuration has, too. Those that are new to it join. */
static struct queue *join_queue(struct server *const *servers, unsigned n)
{
	struct queue *q = NULL;

	for (unsigned i = 0; i < n && !q; i++)
		q = servers[i]->queue ? queue_ref(servers[i]->queue) : NULL;
	if (!q)
		q = queue_new();
	for (unsigned i = 0; i < n && q; i++)
		if (!servers[i]->queue)
			servers[i]->queue = queue_ref(q);
	return q;
}

struct pool *pool_new(const struct balancer *b, struct server *const *servers, const bool *backup,
		      unsigned n)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->balancer = b;
	atomic_init(&p->references, 1);
	p->queue = join_queue(servers, n);
	if (!p->queue || !pool_allocate(p, n)) {
		pool_free(p);
		return NULL;
	}
	for (; p->n < n; p->n++) {
		p->servers[p->n] = server_ref(servers[p->n]);
		p->backup[p->n] = backup && backup[p->n];
	}
	return p;
}

void pool_use_all_backups(struct pool *p)
{
	p->all_backups = true;
}

struct pool *pool_ref(struct pool *p)
{
	unsigned before = atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);

	must(before > 0);
	return p;
}

void pool_unref(struct pool *p)
{
	unsigned before;

	if (!p)
		return;
	before = atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel);
	must(before > 0);
	if (before == 1)
		pool_free(p);
}

static bool is_excluded(const struct server *s, const struct pool_key *key)
{
	for (unsigned i = 0; i < key->n_exclude; i++)
		if (key->exclude[i] == s)
			return true;
	return false;
}

/* Brings those to the front that are not excluded and, with `avoid`, not avoided either.
 * Returns how many. A swap and no overwriting: all of them may be needed yet. */
static unsigned sort_out(struct pool *p, unsigned n, const struct pool_key *key, bool avoid)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		struct candidate c = p->candidates[i];

		if (is_excluded(c.server, key) || (avoid && server_is_avoided(c.server, key->now)))
			continue;
		p->candidates[i] = p->candidates[good];
		p->candidates[good++] = c;
	}
	return good;
}

/* Those of one kind that may be chosen. When each of them was tried already, all of them:
 * trying again is better than not trying. */
static unsigned gather(struct pool *p, const struct pool_key *key, bool backup, bool ejected)
{
	unsigned n = 0, good;
	bool avoid = false;

	for (unsigned i = 0; i < p->n; i++) {
		struct candidate c = { p->servers[i], i, server_weight(p->servers[i], key->now) };

		if (p->backup[i] != backup || c.weight == 0)
			continue;
		if (!ejected && server_is_ejected(c.server, key->now))
			continue;
		avoid = avoid || server_is_avoided(c.server, key->now);
		p->candidates[n++] = c;
	}
	if (key->n_exclude == 0 && !avoid)
		return n;
	good = sort_out(p, n, key, avoid);
	if (!good && avoid)
		good = sort_out(p, n, key, false);
	return good ? good : n;
}

/* No other server is eligible. */
static unsigned gather_backups(struct pool *p, const struct pool_key *key, bool ejected)
{
	unsigned n = gather(p, key, true, ejected);

	if (n < 2 || p->all_backups)
		return n;
	for (unsigned i = 1; i < n; i++)
		if (p->candidates[i].index < p->candidates[0].index)
			p->candidates[0] = p->candidates[i];
	return 1;
}

/* The first kind of which there is one. */
static unsigned gather_any(struct pool *p, const struct pool_key *key)
{
	bool all = !key->breaks;
	unsigned n = gather(p, key, false, all);

	if (n == 0)
		n = gather_backups(p, key, all);
	if (n == 0 && key->breaks && key->fail_open)
		n = gather(p, key, false, true);
	if (n == 0 && key->breaks && key->fail_open)
		n = gather_backups(p, key, true);
	return n;
}

static struct server *choose(struct pool *p, unsigned n, const struct pool_key *key)
{
	bool in_turn = p->turns && !key->has_hash;
	const struct balancer *b = in_turn ? &balance_roundrobin : p->balancer;
	unsigned chosen = b->choose(in_turn ? p->turns : p->state, p->candidates, n, key);

	must(chosen < n);
	return p->candidates[chosen].server;
}

/* Who is bound waits for his server, and everybody else for any: those that are full are nobody's
 * choice as long as there is another. */
static unsigned keep_with_room(struct pool *p, unsigned n)
{
	unsigned good = 0;

	while (good < n && server_has_room(p->candidates[good].server))
		good++;
	for (unsigned i = good + 1; i < n; i++)
		if (server_has_room(p->candidates[i].server))
			p->candidates[good++] = p->candidates[i];
	return good;
}

/* To whom its client is bound, unless that is gone. */
static bool pool_binds(const struct pool *p, const struct pool_key *key)
{
	return key->bind && pool_has(p, key->bind) && server_serves(key->bind) &&
	       !(key->breaks && server_is_ejected(key->bind, key->now));
}

static enum pool_choice chosen(struct server *one, struct server **s)
{
	*s = one;
	return server_has_room(one) ? CHOICE_MADE : CHOICE_FULL;
}

enum pool_choice pool_choose(struct pool *p, const struct pool_key *key, struct server **s)
{
	unsigned n;

	*s = NULL;
	if (pool_binds(p, key))
		return chosen(key->bind, s);
	n = gather_any(p, key);
	if (n == 0)
		return CHOICE_NONE;
	if (p->balancer->keyed && key->has_hash)
		return chosen(choose(p, n, key), s);
	n = keep_with_room(p, n);
	return n ? chosen(choose(p, n, key), s) : CHOICE_FULL;
}

struct server *pool_count(struct pool *p, const struct pool_key *key, struct server *s)
{
	stats_add(s->stats->active, 1);
	if (!key->again)
		budget_request(&p->budget, key->now);
	return server_ref(s);
}

struct server *pool_pick(struct pool *p, const struct pool_key *key)
{
	struct server *s;

	pthread_mutex_lock(&p->queue->lock);
	if (atomic_load(&p->queue->waiting))
		pool_serve_others(p, key->now);
	s = pool_choose(p, key, &s) == CHOICE_MADE ? pool_count(p, key, s) : NULL;
	pthread_mutex_unlock(&p->queue->lock);
	return s;
}

bool pool_has(const struct pool *p, const struct server *s)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->servers[i] == s)
			return true;
	return false;
}

bool pool_may_retry(struct pool *p, uint64_t now, unsigned percent)
{
	bool may;

	pthread_mutex_lock(&p->queue->lock);
	may = budget_retry(&p->budget, now, percent);
	pthread_mutex_unlock(&p->queue->lock);
	return may;
}

/* The count and the look at who waits are in one order with those of the waiter. */
void pool_release(struct server *s, uint64_t now)
{
	uint64_t before = atomic_fetch_sub(&s->stats->active, 1);
	struct queue *q = s->queue;

	must(before > 0);
	if (q && atomic_load(&q->waiting)) {
		pthread_mutex_lock(&q->lock);
		queue_serve(q, s, now);
		pthread_mutex_unlock(&q->lock);
	}
	server_unref(s);
}

unsigned pool_others(const struct pool *p, const struct server *s, uint64_t now)
{
	bool backup = false;
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		if (p->servers[i] == s)
			backup = p->backup[i];
	for (unsigned i = 0; i < p->n; i++)
		n += p->servers[i] != s && p->backup[i] == backup &&
		     server_eligible(p->servers[i]) && !server_is_ejected(p->servers[i], now);
	return n;
}

unsigned pool_size(const struct pool *p)
{
	return p->n;
}

struct server *pool_server(const struct pool *p, unsigned i)
{
	must(i < p->n);
	return p->servers[i];
}

unsigned pool_eligible(const struct pool *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += server_eligible(p->servers[i]);
	return n;
}

const struct balancer *balancer_of(enum conf_balance kind)
{
	switch (kind) {
	case CONF_BALANCE_ROUNDROBIN:
		return &balance_roundrobin;
	case CONF_BALANCE_LEASTCONN:
		return &balance_leastconn;
	case CONF_BALANCE_SOURCE:
		return &balance_source;
	case CONF_BALANCE_RANDOM:
		return &balance_random;
	case CONF_BALANCE_FIRST:
		return &balance_first;
	case CONF_BALANCE_URI:
	case CONF_BALANCE_HDR:
	case CONF_BALANCE_QUERY:
	case CONF_BALANCE_COOKIE:
		return &balance_bounded;
	}
	wrong("no such balancing algorithm");
}
