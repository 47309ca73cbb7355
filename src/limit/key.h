/* What a limit counts apart: a client's address, a value, or nothing. */
#ifndef HPCBAL_LIMIT_KEY_H
#define HPCBAL_LIMIT_KEY_H

#include "limit/limit.h"

struct limit_key {
	const struct limit *limit;
	uint64_t owner;         /* whose entry it is: never 0 */
	const struct addr *src; /* by src; else NULL */
	struct str value;       /* by hdr or cookie, as it came */
};

/* The hash of a value alone, by which it is known to those who must not see it. */
uint64_t limit_digest(const struct board_limits *b, struct str value);

/* `src` and `value` have to stay. What is not of the limit's kind is not looked at: a key of
 * "route" is made of neither. */
struct limit_key limit_key_make(const struct board_limits *b, const struct limit *l,
				const struct addr *src, struct str value);
/* For the board and the log: an address or network; a value, unless it is a secret, with a
 * digest in place of what is too long or not printable; "all" of a route. Returns the length. */
size_t limit_key_text(const struct board_limits *b, const struct limit_key *k,
		      char to[BOARD_KEY_TEXT]);
/* "#0123456789abcdef", the digest as it stands in a text; false: `text` is none. */
bool limit_read_digest(struct str text, uint64_t *digest);

#endif
