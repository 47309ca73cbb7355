/* Hashing that is the same on every node and in every version: consistent balancing and
 * the identity of servers on the boards depend on it. Not for secrets, but for hash_keyed(). */
#ifndef HPCBAL_BASE_HASH_H
#define HPCBAL_BASE_HASH_H

#include "base/str.h"

/* FNV-1a, 64 bit, then mixed (the finaliser of MurmurHash3). */
uint64_t hash_bytes(struct str s);
uint64_t hash_mix(uint64_t x);
/* SipHash-2-4: who does not know the key can neither aim at a place of a table nor tell from the
 * hash what was hashed. */
uint64_t hash_keyed(const uint64_t key[2], struct str s);

static inline uint64_t hash_pair(uint64_t a, uint64_t b)
{
	return hash_mix(a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2)));
}

#endif
