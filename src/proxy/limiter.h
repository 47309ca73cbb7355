/* What the limits of a frontend do to its requests and connections. Called by the worker that
 * has them. */
#ifndef HPCBAL_PROXY_LIMITER_H
#define HPCBAL_PROXY_LIMITER_H

#include "proxy/exchange.h"

/* Asks the limits of requests. False: one refuses; x->limited says which, x->retry_after when
 * to come again. */
bool limiter_pass(struct exchange *x, const struct route_facts *facts);

/* Asks the limits of connections, once the client's address is known, and counts the session.
 * False: one refuses, for `why`. */
bool limiter_admit(struct session *s, enum reason *why);
/* The session has got another frontend, of a new generation: it is counted by the limits of
 * that one, and is turned away by none. */
void limiter_follow(struct session *s);
/* It is over. */
void limiter_leave(struct session *s);

#endif
