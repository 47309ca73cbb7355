/* A listening socket as one worker watches it. */
#ifndef HPCBAL_PROXY_ACCEPTOR_H
#define HPCBAL_PROXY_ACCEPTOR_H

#include "proxy/worker.h"

/* Watches the listeners of the worker's current generation and no others. False: a
 * descriptor could not be watched. */
bool acceptors_follow(struct worker *w);
/* Before the worker takes `next`: accepts what waits on the listeners that it does not have. */
void acceptors_part(struct worker *w, const struct generation *next);
/* Accepts what already waits, then watches nothing any more. */
void acceptors_close(struct worker *w);
/* Goes on accepting when there is room again; called often. */
void acceptors_resume(struct worker *w);

#endif
