/* How long things took: a histogram with fixed bounds, as plain memory of relaxed atomics, so
 * that it can lie on a board. Adding costs two of them and no lock. Pure. */
#ifndef HPCBAL_BASE_LATENCY_H
#define HPCBAL_BASE_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

/* From 1 ms to 60 s, in µs; what took longer than the last stands behind it. */
#define LATENCY_BOUNDS 15
extern const uint32_t latency_bound_us[LATENCY_BOUNDS];

struct latency {
	_Atomic uint64_t sum_us;
	/* Each of those that took no longer than its bound, and longer than the one before. */
	_Atomic uint64_t count[LATENCY_BOUNDS + 1];
};

void latency_add(struct latency *l, uint64_t us);

#endif
