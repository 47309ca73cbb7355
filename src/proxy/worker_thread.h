/* A worker's thread: its start, its end, and the letters by which the main thread speaks to
 * it. */
#ifndef HPCBAL_PROXY_WORKER_THREAD_H
#define HPCBAL_PROXY_WORKER_THREAD_H

#include "proxy/worker.h"

/* Starts the thread with its first generation. NULL: `why` says what failed. */
struct worker *worker_start(struct proxy_shared *shared, unsigned index, struct generation *g,
			    const char **why);
/* Main thread: take this generation between two turns; answered by worker_took. */
void worker_take(struct worker *w, struct generation *g);
/* Main thread: accept no more, end idle sessions now (`end_idle`) or with their next answer,
 * let exchanges run until `stop_at`; answered by worker_drained. */
void worker_drain(struct worker *w, uint64_t stop_at, bool end_idle);
/* Main thread, after worker_drained: joins the thread and frees it. */
void worker_join(struct worker *w);

#endif
