/* Circuit breaking from live traffic: what each exchange met with at its server goes to that one's
 * breaker (balance/breaker.h); an ejection is published on the board, logged, and an event. Any
 * worker. */
#ifndef HPCBAL_PROXY_CIRCUIT_H
#define HPCBAL_PROXY_CIRCUIT_H

#include "proxy/exchange.h"

/* The exchange gives its server back: how did it go? Called once for each server that it had. */
void circuit_judge(struct exchange *x);
/* A try failed for `why` and there will be another. */
void circuit_failed(struct exchange *x, enum reason why);

#endif
