/* Smooth weighted roundrobin: each server gains its weight a turn, the richest is chosen
 * and pays what all gained. Weights 5:1:1 give a a b a c a a, never five in a row. */
#include <stdlib.h>

#include "balance/pool.h"

static void *state_new(unsigned n_servers)
{
	return calloc(n_servers ? n_servers : 1, sizeof(int64_t));
}

static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	int64_t *credit = state, total = 0;
	unsigned best = 0;

	(void)key;
	for (unsigned i = 0; i < n; i++) {
		credit[c[i].index] += (int64_t)c[i].weight;
		total += (int64_t)c[i].weight;
		if (credit[c[i].index] > credit[c[best].index])
			best = i;
	}
	credit[c[best].index] -= total;
	return best;
}

const struct balancer balance_roundrobin = {
	.name = "roundrobin",
	.state_new = state_new,
	.state_free = free,
	.choose = choose,
};
