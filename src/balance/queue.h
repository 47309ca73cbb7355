/* Where requests wait for a server that has all it may have at the same time (max_connections).
 * Each waits for one server, which its key or its client is bound to, or for any of its pool;
 * whoever came first goes first, for every place that one of them can have. A place that becomes
 * free is given to its waiter by whoever freed it, in whatever thread; so nobody who comes later
 * takes it in between, and nobody has to look.
 *
 * One queue a backend, shared by its pools of all configurations and by its servers: a limit
 * holds for a server whatever configuration a request began with. Its mutex is that of the
 * choice, too (pool.h). Counted. */
#ifndef HPCBAL_BALANCE_QUEUE_H
#define HPCBAL_BALANCE_QUEUE_H

#include <pthread.h>

#include "balance/pool.h"

struct queue {
	pthread_mutex_t lock;
	/* Of all kinds. Written under the lock; who frees a place looks at it without, in one
	 * order with its count: either that one sees the waiter, or the waiter sees the place. */
	_Atomic unsigned waiting;
	struct list anyone;   /* of struct waiter, for any server; the longest wait first */
	uint64_t last_ticket;
	_Atomic uint64_t *shown; /* how long `anyone` is, for others to see; NULL: nobody looks */
	_Atomic unsigned references;
};

/* One request that waits; the waiter's own memory. Its thread alone calls pool_wait() and
 * pool_leave(). */
struct waiter {
	/* under the lock */
	struct list link; /* in queue.anyone, or in its server's list; alone: it does not wait */
	struct pool *pool;
	struct pool_key key; /* what that points to has to stay */
	struct server *bound; /* a reference; NULL: any */
	uint64_t ticket; /* 0: none yet. It keeps its place when it has to choose anew */
	/* How many stood there before it when it came: who waited for its server, or for any. */
	uint64_t before_server, before_any;
	bool called;
	struct server *given; /* once it was called: counted there, with a reference; NULL: nobody
			       * is left to wait for, choose anew */
	/* Tells the waiter's thread that it was called. Any thread, under the lock: it may post a
	 * letter, no more. */
	void (*call)(struct waiter *w);
};

struct queue *queue_new(void); /* NULL: out of memory */
struct queue *queue_ref(struct queue *q);
void queue_unref(struct queue *q);

void waiter_init(struct waiter *w, void (*call)(struct waiter *w));

enum pool_wait {
	POOL_GIVEN, /* w->given, as by pool_pick() */
	POOL_WAITS, /* it will be called */
	POOL_EMPTY, /* no server is eligible */
	POOL_CROWDED /* `most` wait already */
};

/* After pool_pick() found nobody: waits in the pool's queue. The pool and the key's lists have to
 * stay as long as it does. */
enum pool_wait pool_wait(struct pool *p, const struct pool_key *key, unsigned most,
			 struct waiter *w);
/* It waits no longer. False: it was called already (what it was given is still its own), and
 * `call` has been carried out. */
bool pool_leave(struct waiter *w);
/* Something about `s` has changed that may let others have it, or never again: its health, what
 * administrators say, its weight or limit. Any thread. */
void pool_stir(struct server *s, uint64_t now);
/* How many wait for any server of the pool's backend is written there. */
void pool_show_queue(struct pool *p, _Atomic uint64_t *shown);

#endif
