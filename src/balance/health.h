/* From check results to health: rise and fall, as in HAProxy. Pure. */
#ifndef HPCBAL_BALANCE_HEALTH_H
#define HPCBAL_BALANCE_HEALTH_H

#include "balance/server.h"

struct health {
	enum server_health state;
	unsigned streak; /* results in a row that contradict `state` */
};

/* The next state after one result. From STARTING a single result decides; UP falls after
 * `fall` failures in a row, DOWN rises after `rise` successes in a row. */
struct health health_next(struct health h, bool ok, unsigned rise, unsigned fall);
/* When the first check of a server is due, so that checks are spread over the interval. */
uint64_t health_first_at(uint64_t now, uint64_t interval, uint64_t server_hash);

#endif
