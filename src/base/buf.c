#include "base/buf.h"

#include <stdlib.h>

void buf_pool_init(struct buf_pool *p, unsigned keep)
{
	*p = (struct buf_pool){ .keep = keep };
}

void buf_pool_free(struct buf_pool *p)
{
	while (p->free) {
		struct buf *b = p->free;

		p->free = b->next;
		free(b);
	}
	p->n_free = 0;
}

struct buf *buf_get(struct buf_pool *p)
{
	struct buf *b = p->free;

	if (b) {
		p->free = b->next;
		p->n_free--;
	} else {
		b = malloc(sizeof(*b));
		if (!b)
			return NULL;
	}
	b->at = b->end = 0;
	return b;
}

void buf_put(struct buf_pool *p, struct buf **b)
{
	struct buf *back = *b;

	*b = NULL;
	if (!back)
		return;
	if (p->n_free >= p->keep) {
		free(back);
		return;
	}
	back->next = p->free;
	p->free = back;
	p->n_free++;
}

void buf_compact(struct buf *b)
{
	if (b->at == 0)
		return;
	memmove(b->bytes, b->bytes + b->at, b->end - b->at);
	b->end -= b->at;
	b->at = 0;
}
