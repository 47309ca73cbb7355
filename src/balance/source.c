/* The same client address, the same server, for as long as that takes work: whoever was told to
 * stay is not moved because others come. */
#include "balance/rendezvous.h"

static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	struct draw best = { 0 };
	unsigned chosen = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct draw d = rendezvous_draw(c[i].server->hash, c[i].weight, key->hash);

		if (i == 0 || rendezvous_is_better(&d, &best)) {
			best = d;
			chosen = i;
		}
	}
	return chosen;
}

const struct balancer balance_source = {
	.name = "source",
	.keyed = true,
	.choose = choose,
};
