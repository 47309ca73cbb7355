/* What a worker has: one loop, the sessions it accepted, its own connections to servers.
 * Nothing of it is touched by another thread but by a letter to its loop (worker_thread.h). */
#ifndef HPCBAL_PROXY_WORKER_H
#define HPCBAL_PROXY_WORKER_H

#include <pthread.h>

#include "base/buf.h"
#include "http/request_id.h"
#include "limit/table.h"
#include "proxy/generation.h"
#include "proxy/logger.h"
#include "upstream/upstream.h"

struct worker;

/* What the workers share. The atomics are counted across all of them. */
struct proxy_shared {
	struct board_proxy *board;
	struct limit_table *limits;
	struct logger *logger;
	_Atomic uint64_t max_connections;
	_Atomic uint64_t connections; /* and places held for one (acceptor.c) */
	struct upstream_limit to_servers;
	pthread_mutex_t last_places; /* held by who accepts near a limit of connections */
	_Atomic uint64_t pause_told_at, relax_told_at, over_told_at; /* worker_may_tell() */
	_Atomic uint64_t h2_told_at;
	struct loop *main_loop;
	/* Main thread's, called by letter. */
	/* Any thread: a line for the events. A server may have been ejected before. */
	void (*event)(struct proxy_shared *p, const char *line);
	void (*worker_took)(struct proxy_shared *p, struct worker *w);
	void (*worker_drained)(struct proxy_shared *p, struct worker *w);
};

/* A generation as one worker uses it: exchanges count themselves here, without atomics; the
 * worker's one reference to the generation goes with the last of them. */
struct tenancy {
	struct list link;
	struct generation *gen;
	unsigned users; /* exchanges; the current tenancy counts one for itself */
};

/* The place of a walk over the sessions that goes on later: it moves on when the session there
 * ends. */
struct worker_mark {
	struct list link; /* in worker.marks */
	struct list *at;  /* a session's link, or the list itself: the end */
};

enum worker_phase { WORKER_RUNNING, WORKER_DRAINING, WORKER_OVER };

struct worker {
	unsigned index;
	pthread_t thread;
	struct loop *loop;
	struct proxy_shared *shared;
	enum worker_phase phase;
	bool ends_idle;   /* while draining: who has nothing to ask is not waited for */
	uint64_t stop_at; /* while draining: when running exchanges are cut */
	/* What the main thread wants: the newest, of orders that nobody may ever open. */
	struct {
		struct loop_letter letter;
		_Atomic bool posted, ends_idle;
		_Atomic uint64_t stop_at;
	} drain;

	struct tenancy *now;   /* the current one */
	struct list tenancies; /* all, the current one too */
	uint64_t cut_at;       /* when to look for what a reload removed; 0: there is nothing */
	struct list acceptors;
	struct list sessions;
	struct list marks; /* of walks over them */
	unsigned n_sessions;
	struct list lingering; /* the sessions that have said all, longest first */
	struct request_ids ids;
	uint64_t last_exchange; /* the number of the last one that began (proxy/walk.h) */
	bool accepting_paused;

	struct buf_pool buffers;
	struct upstream *upstream;
	struct router_scratch *scratch;
	struct exchange *spare; /* free ones, linked */
	unsigned n_spare;

	uint64_t date_at; /* when `date` was made */
	char date[30];
	struct loop_timer beat;
	struct loop_task tidy; /* at the end of a turn in which a session ended */
};

/* Whether a client that was not told of an end may ask once more. */
static inline bool worker_lets_wait(const struct worker *w)
{
	return w->phase == WORKER_RUNNING || !w->ends_idle;
}

/* NULL: out of memory. The tasks and timers are set by its thread's part. */
struct worker *worker_new(struct proxy_shared *shared, unsigned index);
/* All sessions must be over. */
void worker_free(struct worker *w);

/* What comes again and again is told once a minute, by one of the workers: true for it. */
bool worker_may_tell(struct worker *w, _Atomic uint64_t *told_at);

/* Text of the Date field for this second. */
struct str worker_date(struct worker *w);
/* NULL: out of memory. Takes over the reference to `g`. */
struct tenancy *tenancy_new(struct worker *w, struct generation *g);
void tenancy_leave(struct tenancy *t);
/* Takes a session out of the list of them. */
void worker_unlink_session(struct worker *w, struct list *link);
/* A session began, in a place that `connections` has counted already; or ended. */
void worker_session_opened(struct worker *w);
void worker_session_closed(struct worker *w);

#endif
