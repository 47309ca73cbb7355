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

/* Now and then, for it is slow: a head or body is cut at each of its places. */
static inline bool fuzz_cuts_everywhere(uint8_t step, struct str in)
{
	return step % 8 == 0 && in.n <= 300;
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

/* A head that goes out, looked at by the plainest reader: lines ended by CRLF, an empty one at
 * the end and nowhere else, and no other control byte. */
static inline void fuzz_judge_head(struct str text)
{
	must(str_ends(text, STR("\r\n\r\n")));
	must(str_find(text, STR("\r\n\r\n")) == (ptrdiff_t)text.n - 4);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '\r')
			must(i + 1 < text.n && text.p[i + 1] == '\n');
		else if (c == '\n')
			must(i > 0 && text.p[i - 1] == '\r');
		else
			must((c >= 0x20 || c == '\t') && c != 0x7f);
	}
}

static inline unsigned fuzz_count_field(const struct http_fields *f, enum http_field_id id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->count; i++)
		n += f->list[i].id == id;
	return n;
}

/* How the body ends is said once and in one way. */
static inline void fuzz_judge_framing(const struct http_fields *f)
{
	unsigned lengths = fuzz_count_field(f, FIELD_CONTENT_LENGTH);
	unsigned codings = fuzz_count_field(f, FIELD_TRANSFER_ENCODING);

	must(lengths + codings <= 1);
	for (unsigned i = 0; i < f->count; i++)
		if (f->list[i].id == FIELD_TRANSFER_ENCODING)
			must(str_eq(f->list[i].value, STR("chunked")));
}

/* Two readings of the same fields. */
static inline void fuzz_same_fields(const struct http_fields *a, const struct http_fields *b)
{
	must(a->count == b->count && a->untidy == b->untidy);
	for (unsigned i = 0; i < a->count; i++) {
		must(str_eq(a->list[i].name, b->list[i].name));
		must(str_eq(a->list[i].value, b->list[i].value));
		must(str_eq(a->list[i].line, b->list[i].line));
		must(a->list[i].id == b->list[i].id && a->list[i].drop == b->list[i].drop);
	}
}

/* Whether a Connection field names this one. */
static inline bool fuzz_is_named(const struct http_fields *f, struct str name)
{
	for (unsigned i = 0; i < f->count; i++) {
		struct str rest = f->list[i].value, item;

		if (!str_ieq(f->list[i].name, STR("connection")))
			continue;
		while (str_split(&rest, ',', &item))
			if (str_ieq(str_trim(item), name))
				return true;
	}
	return false;
}

static inline bool fuzz_is_one_of(struct str name, const char *const *names)
{
	for (; *names; names++)
		if (str_ieq(name, str_of(*names)))
			return true;
	return false;
}

/* A field that Connection cannot take away (HTTP.md 53). */
static inline bool fuzz_is_kept(struct str name)
{
	static const char *const kept[] = {
		"authorization", "cookie", "expect", "forwarded", "max-forwards", "via",
		"x-real-ip", NULL
	};

	return str_ibegins(name, STR("x-forwarded-")) || fuzz_is_one_of(name, kept);
}

/* No field that is only between two neighbours may have gone on, but what hpcbal itself says
 * for an upgrade or for trailers. */
static inline bool fuzz_field_is_end_to_end(const struct http_field *f)
{
	switch (f->id) {
	case FIELD_CLOSE:
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
