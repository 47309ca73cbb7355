#include "proxy/logring.h"

#include <stdlib.h>

#define LINE_HEAD sizeof(uint32_t)

bool logring_init(struct logring *r)
{
	*r = (struct logring){ .bytes = malloc(LOGRING_SIZE) };
	return r->bytes != NULL;
}

void logring_free(struct logring *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

static void copy_in(struct logring *r, uint64_t at, const void *from, size_t n)
{
	size_t offset = at & (LOGRING_SIZE - 1);
	size_t first = n < LOGRING_SIZE - offset ? n : LOGRING_SIZE - offset;

	memcpy(r->bytes + offset, from, first);
	memcpy(r->bytes, (const char *)from + first, n - first);
}

static void copy_out(const struct logring *r, uint64_t at, void *to, size_t n)
{
	size_t offset = at & (LOGRING_SIZE - 1);
	size_t first = n < LOGRING_SIZE - offset ? n : LOGRING_SIZE - offset;

	memcpy(to, r->bytes + offset, first);
	memcpy((char *)to + first, r->bytes, n - first);
}

static bool has_room(struct logring *r, uint64_t head, size_t need)
{
	if (head - r->tail_seen + need <= LOGRING_SIZE)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head - r->tail_seen + need <= LOGRING_SIZE;
}

bool logring_put(struct logring *r, struct str line)
{
	uint32_t n = line.n < LOGRING_LINE ? (uint32_t)line.n : LOGRING_LINE;
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (!has_room(r, head, LINE_HEAD + n + 1))
		return false;
	copy_in(r, head, &n, LINE_HEAD);
	copy_in(r, head + LINE_HEAD, n ? line.p : "", n);
	copy_in(r, head + LINE_HEAD + n, "\n", 1);
	/* In one order with the writer's falling asleep: see logger.c. */
	atomic_store(&r->head, head + LINE_HEAD + n + 1);
	return true;
}

bool logring_is_pressing(struct logring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - r->tail_seen <= LOGRING_SIZE / 2)
		return false;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return head - r->tail_seen > LOGRING_SIZE / 2;
}

bool logring_is_empty(struct logring *r)
{
	return atomic_load(&r->head) == atomic_load_explicit(&r->tail, memory_order_relaxed);
}

bool logbatch_take(struct logbatch *b, struct logring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	bool empty = true;

	while (tail != head) {
		uint32_t at = logbatch_bytes(b), n;

		copy_out(r, tail, &n, LINE_HEAD);
		if (b->lines == LOGBATCH_LINES || n + 1 > LOGBATCH_BYTES - at) {
			empty = false;
			break;
		}
		copy_out(r, tail + LINE_HEAD, b->bytes + at, n + 1);
		b->end[b->lines++] = at + n + 1;
		tail += LINE_HEAD + n + 1;
	}
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	return empty;
}

void logbatch_clear(struct logbatch *b)
{
	b->lines = b->done = 0;
	b->sent = 0;
}
