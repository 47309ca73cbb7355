/* The server with the fewest running requests and tunnels for its weight. Among equals the
 * one that was chosen longest ago, so that an idle backend is used in turn. */
#include <stdlib.h>

#include "balance/pool.h"

struct leastconn {
	uint64_t turn;
	uint64_t last[]; /* the turn in which each server was chosen; 0: never */
};

static void *state_new(unsigned n_servers)
{
	return calloc(1, sizeof(struct leastconn) + n_servers * sizeof(uint64_t));
}

/* What is compared: active/weight, without a division. */
struct load {
	uint64_t active, weight, last;
};

static bool is_better(const struct load *a, const struct load *b)
{
	uint64_t mine = a->active * b->weight, other = b->active * a->weight;

	return mine != other ? mine < other : a->last < b->last;
}

static unsigned choose(void *state, const struct candidate *c, unsigned n,
		       const struct pool_key *key)
{
	struct leastconn *lc = state;
	struct load best = { 0 };
	unsigned chosen = 0;

	(void)key;
	for (unsigned i = 0; i < n; i++) {
		struct load l = {
			.active = stats_get(c[i].server->stats->active),
			.weight = c[i].weight,
			.last = lc->last[c[i].index],
		};

		if (i == 0 || is_better(&l, &best)) {
			best = l;
			chosen = i;
		}
	}
	lc->last[c[chosen].index] = ++lc->turn;
	return chosen;
}

const struct balancer balance_leastconn = {
	.name = "leastconn",
	.state_new = state_new,
	.state_free = free,
	.choose = choose,
};
