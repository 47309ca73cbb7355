/* Bytes on their way out: a queue of spans that are kept elsewhere (a receive buffer, an
 * exchange's arena, literals). Adjacent spans join. The bytes must stay until they are sent. */
#ifndef HPCBAL_BASE_IOVQ_H
#define HPCBAL_BASE_IOVQ_H

#include <sys/uio.h>

#include "base/str.h"

#define IOVQ_MAX 128

struct iovq {
	unsigned first, count; /* v[first] … v[first + count - 1] are queued */
	size_t bytes;
	struct iovec v[IOVQ_MAX];
};

static inline void iovq_init(struct iovq *q)
{
	q->first = q->count = 0;
	q->bytes = 0;
}

/* How many more spans are sure to fit. */
static inline unsigned iovq_room(const struct iovq *q)
{
	return IOVQ_MAX - q->first - q->count;
}

/* False when the queue is full; then nothing was added. */
bool iovq_add(struct iovq *q, struct str s);
/* In front of all that waits. */
bool iovq_add_first(struct iovq *q, struct str s);
/* `n` bytes were sent. */
void iovq_sent(struct iovq *q, size_t n);

#endif
