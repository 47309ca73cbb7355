/* Rendezvous hashing, weighted: each server draws a number from the client's hash and its
 * own, and the smallest cost -log(number)/weight wins. Nothing depends on the order or the
 * count of the servers, so that one which goes moves its own clients only, and two nodes
 * with the same servers choose alike. Whole numbers only: a libm may round as it likes. */
#include "balance/pool.h"
#include "base/hash.h"

#define LOG_BITS 20

/* -log2(u / 2^64), with LOG_BITS bits behind the point, never 0; it never grows when u
 * does. */
static uint64_t minus_log2(uint64_t u)
{
	unsigned zeros;
	uint64_t mantissa, fraction = 0;

	if (u == 0)
		return 64ull << LOG_BITS;
	zeros = (unsigned)__builtin_clzll(u);
	mantissa = (u << zeros) >> 32; /* 1.0 is 2^31 */
	for (unsigned bit = 0; bit < LOG_BITS; bit++) {
		uint64_t carry;

		mantissa = (mantissa * mantissa) >> 31;
		carry = mantissa >> 32;
		mantissa >>= carry; /* no branch: it could not be predicted */
		fraction = fraction << 1 | carry;
	}
	return ((uint64_t)(zeros + 1) << LOG_BITS) - fraction;
}

struct draw {
	uint64_t number, weight;
	uint64_t cost; /* minus_log2(number), once it was needed */
};

/* With equal weights the greater number wins as well, without a logarithm. */
static bool is_better(struct draw *a, struct draw *b)
{
	uint64_t mine, other;

	if (a->weight == b->weight)
		return a->number > b->number;
	if (!a->cost)
		a->cost = minus_log2(a->number);
	if (!b->cost)
		b->cost = minus_log2(b->number);
	mine = a->cost * b->weight;
	other = b->cost * a->weight;
	return mine != other ? mine < other : a->number > b->number;
}

static unsigned choose(void *state, struct server *const *candidates, const unsigned *index,
		       unsigned n, const struct pool_key *key)
{
	struct draw best = { 0 };
	unsigned chosen = 0;

	(void)state;
	(void)index;
	for (unsigned i = 0; i < n; i++) {
		struct draw d = {
			.number = hash_pair(candidates[i]->hash, key->hash),
			.weight =
				atomic_load_explicit(&candidates[i]->weight, memory_order_relaxed),
		};

		if (i == 0 || is_better(&d, &best)) {
			best = d;
			chosen = i;
		}
	}
	return chosen;
}

const struct balancer balance_source = {
	.name = "source",
	.choose = choose,
};
