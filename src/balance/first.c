/* The first server in the order of the file that can take it, so that the last ones have nothing
 * to do while there is little, and may be shut down. */
#include "balance/pool.h"

static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	unsigned first = 0;

	(void)state;
	(void)key;
	for (unsigned i = 1; i < n; i++)
		if (c[i].index < c[first].index)
			first = i;
	return first;
}

const struct balancer balance_first = {
	.name = "first",
	.choose = choose,
};
