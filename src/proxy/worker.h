/* A worker: one thread, one loop, the sessions it accepted, and its own connections to
 * servers. Nothing of it is touched by another thread but by a letter to its loop. */
#ifndef HPCBAL_PROXY_WORKER_H
#define HPCBAL_PROXY_WORKER_H

#include <pthread.h>

#include "base/buf.h"
#include "proxy/generation.h"
#include "proxy/logger.h"
#include "upstream/upstream.h"

struct worker;

/* What the workers share. The atomics are counted across all of them. */
struct proxy_shared {
	struct board_proxy *board;
	struct logger *logger;
	_Atomic uint64_t max_connections;
	_Atomic uint64_t connections;
	struct loop *main_loop;
	/* Main thread's, called by letter. */
	void (*worker_took)(struct proxy_shared *p, struct worker *w);
	void (*worker_drained)(struct proxy_shared *p, struct worker *w);
};

/* A generation as one worker uses it: exchanges count themselves here, without atomics; the
 * worker's one reference to the generation goes with the last of them. */
struct tenancy {
	struct list link;
	struct generation *gen;
	unsigned users;  /* exchanges; the current tenancy counts one for itself */
	uint64_t cut_at; /* when what a reload removed is ended; 0: this one runs */
};

enum worker_phase { WORKER_RUNNING, WORKER_DRAINING, WORKER_OVER };

struct worker {
	unsigned index;
	pthread_t thread;
	struct loop *loop;
	struct proxy_shared *shared;
	enum worker_phase phase;
	uint64_t stop_at; /* while draining: when running exchanges are cut */

	struct tenancy *now;   /* the current one */
	struct list tenancies; /* all, the current one too */
	struct list acceptors;
	struct list sessions;
	unsigned n_sessions;
	bool accepting_paused;
	uint64_t pause_told_at; /* a pause that comes and goes is told once a minute */

	struct buf_pool buffers;
	struct upstream *upstream;
	struct router_scratch *scratch;
	struct exchange *spare; /* free ones, linked */
	unsigned n_spare;

	uint64_t date_at; /* when `date` was made */
	char date[30];
	struct loop_timer beat;
};

/* Starts the thread with its first generation. NULL: `why` says what failed. */
struct worker *worker_start(struct proxy_shared *shared, unsigned index, struct generation *g,
			    const char **why);
/* Main thread: take this generation between two turns; answered by worker_took. */
void worker_take(struct worker *w, struct generation *g);
/* Main thread: accept no more, end idle sessions, let exchanges run until `stop_at`;
 * answered by worker_drained. */
void worker_drain(struct worker *w, uint64_t stop_at);
/* Main thread, after worker_drained: joins the thread and frees it. */
void worker_join(struct worker *w);

/* ---- for the sessions of this worker ---- */

/* Text of the Date field for this second. */
struct str worker_date(struct worker *w);
void tenancy_leave(struct worker *w, struct tenancy *t);
/* A session began or ended. */
void worker_session_opened(struct worker *w);
void worker_session_closed(struct worker *w);

#endif
