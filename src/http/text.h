/* Text put together in a piece of memory whose size was reckoned before. */
#ifndef HPCBAL_HTTP_TEXT_H
#define HPCBAL_HTTP_TEXT_H

#include "base/arena.h"
#include "base/assert.h"
#include "base/str.h"

struct http_text {
	char *p;
	size_t n, room;
};

/* False when the arena failed. */
static inline bool http_text_init(struct http_text *t, struct arena *arena, size_t room)
{
	*t = (struct http_text){ arena_alloc(arena, room), 0, room };
	return t->p != NULL;
}

static inline void http_text_add(struct http_text *t, struct str s)
{
	must(s.n <= t->room - t->n);
	if (s.n)
		memcpy(t->p + t->n, s.p, s.n);
	t->n += s.n;
}

static inline void http_text_add_number(struct http_text *t, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	http_text_add(t, (struct str){ digits + at, sizeof(digits) - at });
}

/* What was added since `from`. */
static inline struct str http_text_since(const struct http_text *t, size_t from)
{
	return (struct str){ t->p + from, t->n - from };
}

#endif
