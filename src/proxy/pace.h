/* The average rate at which a client sends or takes a body, over the time in which it is
 * waited for and no other: it is not to blame for the pauses of a server. Pure; time is an
 * argument. */
#ifndef HPCBAL_PROXY_PACE_H
#define HPCBAL_PROXY_PACE_H

#include <stdint.h>

/* Waiting that is free at the beginning, in µs. */
#define PACE_GRACE_US 10000000ull

/* Zeroes are a new one. */
struct pace {
	uint64_t waited; /* µs, before `since` */
	uint64_t since;  /* it is waited for since then; 0: it is not */
};

void pace_wait(struct pace *p, uint64_t now);
void pace_stop(struct pace *p, uint64_t now);
/* While it is waited for: when that will have been too long for so many bytes, at `rate`
 * bytes a second at least. UINT64_MAX: never. */
uint64_t pace_due(const struct pace *p, uint64_t bytes, uint64_t rate);

#endif
