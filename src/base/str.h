/* Spans: a pointer and a length, passed by value. A span owns nothing and is never
 * NUL-terminated by promise; whoever made the bytes says how long they live. */
#ifndef HPCBAL_BASE_STR_H
#define HPCBAL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf: "%.*s", STR_ARGS(s) */
#define STR_ARGS(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline struct str str_from(struct str s, size_t at)
{
	if (at >= s.n) /* also of STR_NONE, whose pointer must not be moved */
		return (struct str){ s.n ? s.p + s.n : s.p, 0 };
	return (struct str){ s.p + at, s.n - at };
}

static inline struct str str_first(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

/* A host's name without the dot that may end it, which stands for the root. */
static inline struct str str_without_root(struct str host)
{
	return host.n > 1 && host.p[host.n - 1] == '.' ? str_first(host, host.n - 1) : host;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_begins(struct str s, struct str with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

static inline bool str_ends(struct str s, struct str with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p + s.n - with.n, with.p, with.n) == 0);
}

/* ASCII case folding only: the locale is never asked. */
static inline char str_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_ieq(struct str a, struct str b);
bool str_ibegins(struct str s, struct str with);
bool str_iends(struct str s, struct str with);
/* Offset of `part` in `s`, or -1. The empty part is found at 0. */
ptrdiff_t str_find(struct str s, struct str part);
ptrdiff_t str_ifind(struct str s, struct str part);
/* Offset of the byte, or -1. */
ptrdiff_t str_find_char(struct str s, char c);
/* Without the SP and HTAB at both ends, and no other byte. */
struct str str_trim(struct str s);
/* Decimal digits only, at least one, no sign, no space; false when it does not fit. */
bool str_to_u64(struct str s, uint64_t *out);
/* The next element of a list; `rest` moves behind the separator. False when nothing is left: then
 * the element is the empty one. */
bool str_split(struct str *rest, char sep, struct str *item);
/* Copies into `to` with a closing NUL; false (and an empty string) when it does not fit. */
bool str_copy(char *to, size_t size, struct str s);
/* The edit distance of two names, for "did you mean"; names over 63 bytes are never near. */
unsigned str_distance(struct str a, struct str b);

#endif
