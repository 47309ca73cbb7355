/* How many of a backend's requests may be sent again: a share of those of the last seconds, so
 * that retries never multiply the traffic of servers that are in trouble already (HTTP.md 90).
 * Pure; time is an argument. Its pool's mutex guards it. */
#ifndef HPCBAL_BALANCE_BUDGET_H
#define HPCBAL_BALANCE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* Whole seconds that are looked at, the current one among them. */
#define BUDGET_SECONDS 10
/* So many retries within them are allowed also to a backend that is hardly used. */
#define BUDGET_FLOOR 10

struct budget {
	uint64_t second; /* the current one */
	uint32_t requests[BUDGET_SECONDS], retries[BUDGET_SECONDS]; /* of each, in a ring */
};

/* Zeroes are a new one. Times are µs of one clock; threads may come a little late. */
void budget_request(struct budget *b, uint64_t now);
/* Whether one more retry keeps within `percent` of the requests, or the floor. True counts it. */
bool budget_retry(struct budget *b, uint64_t now, unsigned percent);

#endif
