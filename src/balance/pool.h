/* The servers of one backend and the algorithm that chooses among them. One short mutex
 * guards the choice and the count that goes with it, so that roundrobin, leastconn and each
 * server's limit are exact across workers. Backup servers are asked only when no other is
 * eligible: the first of them that is, or all. */
#ifndef HPCBAL_BALANCE_POOL_H
#define HPCBAL_BALANCE_POOL_H

#include "balance/server.h"

struct pool;

/* What a request has to say about the choice. */
struct pool_key {
	uint64_t hash; /* of the bytes that an algorithm with a key chooses by */
	bool has_hash; /* else the request has none, and goes in turn */
	struct server *const *exclude; /* tried already; passed over while another is eligible */
	unsigned n_exclude;
	uint64_t now; /* µs, of the clock of server_avoid() */
	bool breaks;    /* the backend has a breaker: who is ejected is passed over… */
	bool fail_open; /* …unless there is nobody else */
	bool again;   /* this request had a server before: it is no new one for the budget */
	struct server *bind; /* its client is bound to that one while it serves; NULL: to none */
};

/* Who may be chosen. */
struct candidate {
	struct server *server;
	unsigned index;  /* its place in the pool */
	uint64_t weight; /* never 0 */
};

/* The algorithm's seam: all the candidates are eligible and not excluded; returns the place of
 * one in `c`. Called under the pool's mutex. */
struct balancer {
	const char *name;
	bool keyed; /* chooses by key->hash, and is not asked where there is none */
	void *(*state_new)(unsigned n_servers); /* may be NULL, and may return NULL */
	void (*state_free)(void *state);
	unsigned (*choose)(void *state, const struct candidate *c, unsigned n,
			   const struct pool_key *key);
};

extern const struct balancer balance_roundrobin; /* smooth, weighted */
extern const struct balancer balance_leastconn;  /* active/weight, ties in turn */
extern const struct balancer balance_random;     /* two by weight, the less busy of them */
extern const struct balancer balance_first;      /* the first in the order of the file */
extern const struct balancer balance_source;     /* rendezvous hashing, weighted */
extern const struct balancer balance_bounded;    /* the same, past those that are overloaded */
const struct balancer *balancer_of(enum conf_balance kind);

/* Takes a reference to each server. `backup[i]`: servers[i] is one. */
struct pool *pool_new(const struct balancer *b, struct server *const *servers,
		      const bool *backup, unsigned n);
/* The algorithm chooses among all eligible backups. Before any other thread knows the pool. */
void pool_use_all_backups(struct pool *p);
struct pool *pool_ref(struct pool *p);
void pool_unref(struct pool *p);

/* A server with its `active` already counted and a reference taken, or NULL: none is eligible, or
 * the one that it has to be, or each, is full (balance/queue.h). Any thread. Those that could not
 * be connected just now come behind the others, and behind them those that are excluded: when
 * there is no other, one of them is chosen again. */
struct server *pool_pick(struct pool *p, const struct pool_key *key);
bool pool_has(const struct pool *p, const struct server *s);
/* Whether the budget allows a request of this pool another try (balance/budget.h); true counts
 * it. Any thread. */
bool pool_may_retry(struct pool *p, uint64_t now, unsigned percent);
/* Gives back what pool_pick() took, to whoever waits for it. Any thread, any pool: the count is
 * the server's. */
void pool_release(struct server *s, uint64_t now);

/* How many others of its kind (backup or not) could take work now, and are not ejected. */
unsigned pool_others(const struct pool *p, const struct server *s, uint64_t now);
unsigned pool_size(const struct pool *p);
struct server *pool_server(const struct pool *p, unsigned i); /* borrowed */
unsigned pool_eligible(const struct pool *p);

#endif
