/* Two drawn by weight, and of them the one with less to do for its weight: nearly as even as
 * leastconn, and two nodes that know nothing of each other do not run after the same server. */
#include <stdlib.h>

#include "balance/pool.h"
#include "base/hash.h"

struct drawing {
	uint64_t last;
};

static void *state_new(unsigned n_servers)
{
	(void)n_servers;
	return calloc(1, sizeof(struct drawing));
}

/* Below `below`, which is far less than 2^32. */
static uint64_t draw(struct drawing *d, uint64_t below)
{
	d->last = hash_mix(d->last + 0x9e3779b97f4a7c15ull);
	return (d->last >> 32) * below >> 32;
}

/* One by weight, and not `but`, which has no weight here. */
static unsigned draw_one(struct drawing *d, const struct candidate *c, unsigned n, uint64_t total,
			 unsigned but)
{
	uint64_t at = draw(d, total);

	for (unsigned i = 0; i < n; i++) {
		if (i == but)
			continue;
		if (at < c[i].weight)
			return i;
		at -= c[i].weight;
	}
	return 0;
}

static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	struct drawing *d = state;
	unsigned one, two;
	uint64_t total = 0;

	if (n == 1)
		return 0;
	if (d->last == 0) /* each node, and each start, in its own way */
		d->last = key->now;
	for (unsigned i = 0; i < n; i++)
		total += c[i].weight;
	one = draw_one(d, c, n, total, n);
	two = draw_one(d, c, n, total - c[one].weight, one);
	if (stats_get(c[two].server->stats->active) * c[one].weight <
	    stats_get(c[one].server->stats->active) * c[two].weight)
		return two;
	return one;
}

const struct balancer balance_random = {
	.name = "random",
	.state_new = state_new,
	.state_free = free,
	.choose = choose,
};
