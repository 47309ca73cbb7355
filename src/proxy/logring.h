/* A ring of log lines from one worker (one thread puts) to the writer (one thread takes), and
 * the batch that the writer takes lines into. Neither side ever waits for the other. */
#ifndef HPCBAL_PROXY_LOGRING_H
#define HPCBAL_PROXY_LOGRING_H

#include <stdatomic.h>

#include "base/str.h"

#define LOGRING_SIZE (256u * 1024) /* a power of two */
#define LOGRING_LINE 16384u	   /* a longer line is cut */

/* Each line is its length and its bytes, behind it a line end. `head` and `tail` count bytes
 * without end; the worker writes head, the writer tail. */
struct logring {
	_Atomic uint64_t head __attribute__((aligned(64)));
	uint64_t tail_seen; /* the worker's copy: it looks for the real one when it needs room */
	_Atomic uint64_t tail __attribute__((aligned(64)));
	char *bytes __attribute__((aligned(64)));
};

#define LOGBATCH_BYTES (64u * 1024)
#define LOGBATCH_LINES 256u

/* Whole lines on their way out, one behind the other. */
struct logbatch {
	char bytes[LOGBATCH_BYTES];
	uint32_t end[LOGBATCH_LINES]; /* of each line, its line end included */
	unsigned lines;
	unsigned done; /* lines that are out */
	uint32_t sent; /* bytes that are out */
};

/* False when memory runs out. */
bool logring_init(struct logring *r);
void logring_free(struct logring *r);
/* The worker: false when there is no room; nothing was added then. */
bool logring_put(struct logring *r, struct str line);
/* The worker: more than half is used. */
bool logring_is_pressing(struct logring *r);
/* The writer. */
bool logring_is_empty(struct logring *r);

/* Adds what fits. True when the ring is empty now, false when the batch is full. */
bool logbatch_take(struct logbatch *b, struct logring *r);
void logbatch_clear(struct logbatch *b);

static inline uint32_t logbatch_bytes(const struct logbatch *b)
{
	return b->lines ? b->end[b->lines - 1] : 0;
}

/* Where the first line begins that is not out. */
static inline uint32_t logbatch_line_start(const struct logbatch *b)
{
	return b->done ? b->end[b->done - 1] : 0;
}

#endif
