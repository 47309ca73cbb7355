/* Rendezvous hashing, weighted: each server draws a number from the client's hash and its
 * own, and the smallest cost -log(number)/weight wins. Nothing depends on the order or the
 * count of the servers, so that one which goes moves its own clients only, and two nodes
 * with the same servers choose alike. Whole numbers only: a libm may round as it likes. */
#include "balance/pool.h"
#include "base/hash.h"

#define LOG_BITS 24

/* -log2(u / 2^64), with LOG_BITS bits behind the point, rounded down; it never grows when
 * u does. */
static uint64_t minus_log2(uint64_t u)
{
	unsigned zeros;
	uint64_t mantissa, fraction = 0;

	if (u == 0)
		return 64ull << LOG_BITS;
	zeros = (unsigned)__builtin_clzll(u);
	mantissa = (u << zeros) >> 32; /* 1.0 is 2^31 */
	for (unsigned bit = 0; bit < LOG_BITS; bit++) {
		mantissa = (mantissa * mantissa) >> 31;
		fraction <<= 1;
		if (mantissa >> 32) {
			mantissa >>= 1;
			fraction |= 1;
		}
	}
	return ((uint64_t)(zeros + 1) << LOG_BITS) - fraction;
}

struct draw {
	uint64_t number, weight;
};

/* With equal weights the greater number wins as well, without a logarithm. */
static bool is_better(const struct draw *a, const struct draw *b)
{
	if (a->weight != b->weight) {
		uint64_t mine = minus_log2(a->number) * b->weight;
		uint64_t other = minus_log2(b->number) * a->weight;

		if (mine != other)
			return mine < other;
	}
	return a->number > b->number;
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
