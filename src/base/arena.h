/* A region of memory that is given back all at once: what one exchange needs, or one
 * configuration. Owned by whoever called arena_init(); no thread safety. When memory
 * runs out (or `limit` is passed) the arena remembers it: arena_alloc() gives NULL and
 * arena_failed() stays true until the next reset, so callers may check once at the end. */
#ifndef HPCBAL_BASE_ARENA_H
#define HPCBAL_BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t block_size;
	size_t limit; /* bytes in all, 0: none */
	size_t total;
	bool failed;
};

void arena_init(struct arena *a, size_t block_size, size_t limit);
/* Frees all blocks but the first one made, which stays for the next use. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
/* Aligned for any object; not cleared. */
void *arena_alloc(struct arena *a, size_t n);
/* Cleared. */
void *arena_zalloc(struct arena *a, size_t n);
/* The copy has a NUL behind it that `n` does not count. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool arena_failed(const struct arena *a)
{
	return a->failed;
}

#endif
