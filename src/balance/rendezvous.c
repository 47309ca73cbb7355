#include "balance/rendezvous.h"

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

bool rendezvous_weighs_better(struct draw *a, struct draw *b)
{
	uint64_t mine, other;

	if (!a->cost)
		a->cost = minus_log2(a->number);
	if (!b->cost)
		b->cost = minus_log2(b->number);
	mine = a->cost * b->weight;
	other = b->cost * a->weight;
	return mine != other ? mine < other : a->number > b->number;
}
