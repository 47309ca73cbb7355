#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	_Alignas(max_align_t) char bytes[];
};

#define ALIGN(n) (((n) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1))

void arena_init(struct arena *a, size_t block_size, size_t limit)
{
	*a = (struct arena){ .block_size = block_size, .limit = limit };
}

static void blocks_free(struct arena_block *b)
{
	while (b) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
}

void arena_reset(struct arena *a)
{
	while (a->blocks && a->blocks->next) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	/* A first block that one large object took is not worth keeping. */
	if (a->blocks && a->blocks->size > a->block_size) {
		free(a->blocks);
		a->blocks = NULL;
	}
	if (a->blocks)
		a->blocks->used = 0;
	a->total = 0;
	a->failed = false;
}

void arena_free(struct arena *a)
{
	blocks_free(a->blocks);
	a->blocks = NULL;
	a->total = 0;
}

static struct arena_block *block_add(struct arena *a, size_t n)
{
	size_t size = n > a->block_size ? n : a->block_size;
	struct arena_block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (a->failed || n > SIZE_MAX / 2 || (a->limit && n > a->limit - a->total))
		goto fail;
	n = ALIGN(n ? n : 1);
	if (!b || b->size - b->used < n)
		b = block_add(a, n);
	if (!b)
		goto fail;
	p = b->bytes + b->used;
	b->used += n;
	a->total = a->limit && a->total + n > a->limit ? a->limit : a->total + n;
	return p;
fail:
	a->failed = true;
	return NULL;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	return p ? memset(p, 0, n) : NULL;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (!p)
		return STR_NONE;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct str){ p, s.n };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	struct str s = STR_NONE;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (p) {
		vsnprintf(p, (size_t)n + 1, fmt, again);
		s = (struct str){ p, (size_t)n };
	}
	va_end(again);
	va_end(ap);
	return s;
}
