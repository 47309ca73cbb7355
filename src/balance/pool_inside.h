/* What pool.c and queue.c share. Private to balance/. */
#ifndef HPCBAL_BALANCE_POOL_INSIDE_H
#define HPCBAL_BALANCE_POOL_INSIDE_H

#include "balance/budget.h"
#include "balance/queue.h"

struct pool {
	/* constant */
	const struct balancer *balancer;
	unsigned n;
	struct server **servers;
	bool *backup, all_backups;
	struct queue *queue;

	/* under the queue's lock: the algorithm's state, and where a choice is prepared */
	void *state;
	void *turns; /* of roundrobin, for requests without the key; NULL: it has none */
	struct budget budget;
	struct candidate *candidates;

	_Atomic unsigned references;
};

enum pool_choice {
	CHOICE_MADE, /* `s` has a place */
	CHOICE_FULL, /* `s` is who has to be waited for; NULL: any */
	CHOICE_NONE
};

/* Under the lock. Counts nothing. */
enum pool_choice pool_choose(struct pool *p, const struct pool_key *key, struct server **s);
/* Takes the chosen one: counted, with a reference. */
struct server *pool_count(struct pool *p, const struct pool_key *key, struct server *s);
/* Gives places that are free to those who wait for `s`, or for any. */
void queue_serve(struct queue *q, struct server *s, uint64_t now);
/* The same for all servers of the pool, before somebody who comes later chooses. */
void pool_serve_others(struct pool *p, uint64_t now);

#endif
