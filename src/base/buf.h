/* Receive buffers of one size, lent out by a pool: a connection has one only while bytes
 * are in it. Not thread-safe: a pool a thread. */
#ifndef HPCBAL_BASE_BUF_H
#define HPCBAL_BASE_BUF_H

#include "base/str.h"

#define BUF_SIZE 65536u

struct buf {
	struct buf *next; /* in the pool */
	size_t at, end;   /* bytes[at … end - 1] are not yet used up */
	char bytes[BUF_SIZE];
};

struct buf_pool {
	struct buf *free;
	unsigned n_free, keep; /* how many free ones are kept for the next */
};

void buf_pool_init(struct buf_pool *p, unsigned keep);
void buf_pool_free(struct buf_pool *p);
/* Empty; NULL when memory ran out. */
struct buf *buf_get(struct buf_pool *p);
/* Sets *b to NULL; harmless when it is NULL. */
void buf_put(struct buf_pool *p, struct buf **b);

static inline struct str buf_unread(const struct buf *b)
{
	return (struct str){ b->bytes + b->at, b->end - b->at };
}

static inline size_t buf_room(const struct buf *b)
{
	return BUF_SIZE - b->end;
}

/* Moves what is unread to the front. */
void buf_compact(struct buf *b);

#endif
