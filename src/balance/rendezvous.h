/* Rendezvous hashing, weighted: each server (or backend of a split) draws a number from the
 * key's hash and its own, and the smallest cost -log(number)/weight wins. Nothing depends on
 * the order or the count of the servers, so that one which goes moves its own keys only, and
 * two nodes with the same servers choose alike. Whole numbers only: a libm may round as it
 * likes. Pure. */
#ifndef HPCBAL_BALANCE_RENDEZVOUS_H
#define HPCBAL_BALANCE_RENDEZVOUS_H

#include "balance/pool.h"
#include "base/hash.h"

struct draw {
	uint64_t number, weight;
	uint64_t cost; /* of the number, once it was needed */
};

/* Of who has this identity, whatever that is the hash of. */
static inline struct draw rendezvous_draw(uint64_t identity, uint64_t weight, uint64_t hash)
{
	return (struct draw){ .number = hash_pair(identity, hash), .weight = weight };
}

bool rendezvous_weighs_better(struct draw *a, struct draw *b);

/* With equal weights the greater number wins as well, without a logarithm. */
static inline bool rendezvous_is_better(struct draw *a, struct draw *b)
{
	return a->weight == b->weight ? a->number > b->number : rendezvous_weighs_better(a, b);
}

#endif
