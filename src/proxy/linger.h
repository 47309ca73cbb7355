/* How long a client that has been told all is still read from, so that no reset destroys our last
 * word (RFC 9112 9.6): while that is on its way and is taken at some pace, and then as long as
 * what the client had sent before it knew may take. Pure; time, in µs, is an argument, and so is
 * how many bytes of our last word are `missing` at the other end. When connections run out,
 * whoever lingers longest goes at once (acceptor.c). */
#ifndef HPCBAL_PROXY_LINGER_H
#define HPCBAL_PROXY_LINGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So much is read in one turn at most, before others have theirs. */
#define LINGER_TURN (1u << 20)

struct linger_state {
	uint64_t until;
	uint64_t turn;  /* bytes; the caller counts them */
	uint64_t read;  /* in turns before, since our last word was there */
	size_t missing; /* when time was up last */
};

void linger_begin(struct linger_state *l, uint64_t now);
/* When to look again, if nothing comes until then. */
uint64_t linger_due(const struct linger_state *l, uint64_t now);
/* It was due. False: it is over. */
bool linger_goes_on(struct linger_state *l, uint64_t now, size_t missing);
/* A turn was read. False: it is over. */
bool linger_reads_on(struct linger_state *l, size_t missing);

#endif
