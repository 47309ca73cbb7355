/* The table on the board of limits: who may come in now. One process writes it, from any of its
 * threads; time is an argument, nanoseconds of CLOCK_MONOTONIC.
 *
 * An entry belongs to its owner as long as nobody takes it over. That happens under the mutex of
 * its set: `arrival` is set to BOARD_LIMIT_MOVES (by CAS, so no take is lost), then the owner
 * and the note, then `arrival` anew. A take looks at `arrival`, then at the owner, and CASes
 * `arrival`: when the entry changed hands in between, one of the two fails, and it looks again.
 * An entry whose arrival has passed says nothing that an entry that is not there would not say;
 * so it may go. One with connections never goes. */
#ifndef HPCBAL_LIMIT_TABLE_H
#define HPCBAL_LIMIT_TABLE_H

#include "limit/key.h"

struct limit_table;

/* NULL: out of memory. The board stays the caller's. */
struct limit_table *limit_table_new(struct board_limits *b);
void limit_table_free(struct limit_table *t);
struct board_limits *limit_table_board(const struct limit_table *t);

/* For how long the key would not be let through; 0: it would. Takes nothing. */
uint64_t limit_peek(const struct limit_table *t, const struct limit_key *k, uint64_t now);
/* Takes a token. False: there is none, `wait` says for how long. */
bool limit_take(struct limit_table *t, const struct limit_key *k, uint64_t now, uint64_t *wait);

enum limit_hold {
	LIMIT_HELD,     /* counted, or there was no place to count it */
	LIMIT_TURNED,   /* the key has its connections; this one is counted among those that are
			 * being told so */
	LIMIT_TURNED_AT_ONCE /* and so many are being told already that this one is not */
};

/* So many of a key are told why before they are closed. */
#define LIMIT_TOLD_MOST 16

/* Counts a connection of the key; `place` (0: nowhere) is where. With `force` it is never turned
 * away; `over` says whether it would have been. */
enum limit_hold limit_hold(struct limit_table *t, const struct limit_key *k, bool force,
			   uint64_t now, uint32_t *place, bool *over);
/* The end of one that was held, or turned away (`told`). */
void limit_release(struct limit_table *t, uint32_t place, bool told);
/* The place of a connection of the key that is already counted there; 0: none is. */
uint32_t limit_held_at(const struct limit_table *t, const struct limit_key *k);

/* The key was refused, or would have been: for who lists. Threads that do so at once may lose one
 * of a count; the limit's own counters lose none. */
void limit_note_refusal(struct limit_table *t, const struct limit_key *k, uint64_t now);

/* For `clear`: its bucket is full, and was never empty. Connections stay. */
void limit_entry_clear(struct limit_table *t, const struct board_limit_set *s, unsigned way,
		       uint64_t now);

#endif
