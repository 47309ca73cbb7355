/* Smooth weighted roundrobin: each server gains its weight a turn, the richest is chosen
 * and pays what all gained. Weights 5:1:1 give a a b a c a a, never five in a row. */
#include <stdlib.h>

#include "balance/pool.h"

static void *state_new(unsigned n_servers)
{
	return calloc(n_servers ? n_servers : 1, sizeof(int64_t));
}

static unsigned choose(void *state, struct server *const *candidates, const unsigned *index,
		       unsigned n, const struct pool_key *key)
{
	int64_t *credit = state, total = 0;
	unsigned best = 0;

	(void)key;
	for (unsigned i = 0; i < n; i++) {
		int64_t weight =
			atomic_load_explicit(&candidates[i]->weight, memory_order_relaxed);

		credit[index[i]] += weight;
		total += weight;
		if (credit[index[i]] > credit[index[best]])
			best = i;
	}
	credit[index[best]] -= total;
	return best;
}

const struct balancer balance_roundrobin = {
	.name = "roundrobin",
	.state_new = state_new,
	.state_free = free,
	.choose = choose,
};
