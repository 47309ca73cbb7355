/* A token bucket in one number: the instant at which the bucket is full again (the generic cell
 * rate algorithm of ITU-T I.371 calls it the theoretical arrival time). Each request lets that
 * instant move by one step; so far as `depth` may it lie ahead. Hence in any time there are at
 * most time / step + depth / step requests. Pure; nanoseconds. */
#ifndef HPCBAL_LIMIT_GCRA_H
#define HPCBAL_LIMIT_GCRA_H

#include <stdbool.h>
#include <stdint.h>

struct gcra {
	uint64_t step;  /* the time of one token; rounded up, so that the rate never is */
	uint64_t depth; /* of all tokens of a full bucket */
};

/* Whether there is a token at `now`. `next` is what `arrival` has to become in either case:
 * without a token it only differs when the bucket was emptied under a slower rate, which a
 * reload has replaced. */
static inline bool gcra_ask(const struct gcra *g, uint64_t arrival, uint64_t now, uint64_t *next)
{
	uint64_t most = now + g->depth, from = arrival < now ? now : arrival;

	if (from > most)
		from = most;
	*next = from + g->step;
	if (*next <= most)
		return true;
	*next = from;
	return false;
}

/* How long until there is one; 0: there is. */
static inline uint64_t gcra_wait(const struct gcra *g, uint64_t arrival, uint64_t now)
{
	uint64_t next;

	if (gcra_ask(g, arrival, now, &next))
		return 0;
	return next + g->step - (now + g->depth);
}

#endif
