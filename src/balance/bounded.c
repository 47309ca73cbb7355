/* Consistent hashing with bounded loads: a key goes to the best of the servers by rendezvous
 * that has less to do than its bound, so that what is asked for by many spills over to the
 * next one, always the same. The bound is a share by weight of what all have to do, and half of
 * it again; below a few requests it says nothing, or two at a time would part already. */
#include "balance/rendezvous.h"

#define BOUND_PERCENT 150u
#define BOUND_FLOOR 8u

struct load {
	uint64_t active, weight; /* of all candidates, the new request among them */
};

static struct load sum(const struct candidate *c, unsigned n)
{
	struct load all = { .active = 1 };

	for (unsigned i = 0; i < n; i++) {
		all.active += stats_get(c[i].server->stats->active);
		all.weight += c[i].weight;
	}
	return all;
}

static bool is_overloaded(const struct candidate *c, const struct load *all)
{
	uint64_t active = stats_get(c->server->stats->active);

	return active >= BOUND_FLOOR &&
	       active * all->weight * 100 >= all->active * c->weight * BOUND_PERCENT;
}

/* The bounds together are more than there is to do, so somebody is below; but others count at
 * the same time. */
static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	const struct load all = sum(c, n);
	struct draw best = { 0 };
	bool overloaded = true;
	unsigned chosen = 0;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		struct draw d = rendezvous_draw(c[i].server->hash, c[i].weight, key->hash);
		bool over = is_overloaded(&c[i], &all);

		if (over > overloaded || (over == overloaded && i > 0 &&
					  !rendezvous_is_better(&d, &best)))
			continue;
		best = d;
		overloaded = over;
		chosen = i;
	}
	return chosen;
}

const struct balancer balance_bounded = {
	.name = "bounded",
	.keyed = true,
	.choose = choose,
};
