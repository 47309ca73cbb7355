/* What the fuzz entries of http/ share. An entry keeps promises with must(): a broken one is a
 * crash to be found. Its first byte says how the rest is to be read. */
#ifndef HPCBAL_TESTS_FUZZ_FUZZING_H
#define HPCBAL_TESTS_FUZZ_FUZZING_H

#include <stdlib.h>

#include "base/assert.h"
#include "base/iovq.h"
#include "http/h1_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits fuzz_strict = { .max_line = 65536, .max_head = 1 << 20,
					      .max_fields = 4096 };

/* Bits of the first byte, besides those that an entry gives a meaning. */
#define FUZZ_RELAX 1
#define FUZZ_SMALL 2

static inline struct h1_limits fuzz_limits(uint8_t how)
{
	struct h1_limits l = { .max_line = 64, .max_head = 256, .max_fields = 5 };

	if (!(how & FUZZ_SMALL))
		l = (struct h1_limits){ .max_line = 8192, .max_head = 16384, .max_fields = 100 };
	l.relax_bare_lf = how & FUZZ_RELAX;
	return l;
}

/* In memory of its own size, so that a read past its end is seen. */
static inline struct str fuzz_copy(const uint8_t *data, size_t size)
{
	char *p = malloc(size ? size : 1);

	must(p);
	if (size)
		memcpy(p, data, size);
	return (struct str){ p, size };
}

static inline void fuzz_free(struct str s)
{
	free((void *)(uintptr_t)s.p);
}

/* The queue's bytes, one after the other, in the arena. */
static inline struct str fuzz_flatten(const struct iovq *q, struct arena *arena)
{
	char *p = arena_alloc(arena, q->bytes);
	size_t n = 0;

	must(p);
	for (unsigned i = q->first; i < q->first + q->count; i++) {
		memcpy(p + n, q->v[i].iov_base, q->v[i].iov_len);
		n += q->v[i].iov_len;
	}
	must(n == q->bytes);
	return (struct str){ p, n };
}

/* No field that is only between two neighbours may have gone on, but what hpcbal itself says
 * for an upgrade or for trailers. */
static inline bool fuzz_field_is_end_to_end(const struct http_field *f)
{
	switch (f->id) {
	case FIELD_KEEP_ALIVE:
	case FIELD_PROXY_CONNECTION:
	case FIELD_HTTP2_SETTINGS:
		return false;
	case FIELD_CONNECTION:
		return str_eq(f->value, STR("Upgrade")) || str_eq(f->value, STR("TE")) ||
		       str_eq(f->value, STR("Upgrade, TE")) || str_eq(f->value, STR("close")) ||
		       str_eq(f->value, STR("keep-alive"));
	case FIELD_TE:
		return str_eq(f->value, STR("trailers"));
	case FIELD_UPGRADE:
		return str_eq(f->value, STR("websocket"));
	default:
		return true;
	}
}

#endif
