/* Who is never refused. The exemptions stand on the board; only who would be refused is looked
 * up among them. */
#ifndef HPCBAL_LIMIT_EXEMPT_H
#define HPCBAL_LIMIT_EXEMPT_H

#include "limit/key.h"

/* Any thread. */
bool limit_is_exempt(const struct board_limits *b, const struct limit_key *k, uint64_t now_us);

/* The main thread's. One of the same key and limits is replaced. False: there are too many. */
bool limit_exempt(struct board_limits *b, const struct limit_exemption *e, uint64_t now_us);
/* Ends those of this key, and of these limits (0: whichever they are of). How many there were. */
unsigned limit_enforce(struct board_limits *b, const struct limit_exemption *e, uint64_t now_us);

#endif
