#include "http/path.h"

#include "http/chars.h"

struct out {
	char *p;
	size_t n;
};

/* What in a path needs work. A dot segment needs a "." behind a "/", which a plain walk
 * sees. */
enum { HAS_ESCAPE = 1, HAS_DOT = 2, HAS_SLASHES = 4, HAS_BACKSLASH = 8 };

static unsigned path_survey(struct str s)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%')
			found |= HAS_ESCAPE;
		else if (s.p[i] == '\\')
			found |= HAS_BACKSLASH;
		else if (s.p[i] == '/' && i + 1 < s.n && s.p[i + 1] == '/')
			found |= HAS_SLASHES;
		else if (s.p[i] == '/' && i + 1 < s.n && s.p[i + 1] == '.')
			found |= HAS_DOT;
	}
	return found;
}

/* The byte of the escape at s.p[at], or -1. */
static int escape_value(struct str s, size_t at)
{
	int high, low;

	if (s.n - at < 3)
		return -1;
	high = http_hex_value(s.p[at + 1]);
	low = http_hex_value(s.p[at + 2]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool path_decode(struct str s, struct out *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int c;

		if (s.p[i] != '%') {
			out->p[out->n++] = s.p[i];
			continue;
		}
		c = escape_value(s, i);
		if (c <= 0)
			return false;
		if (http_char_is((char)c, CHAR_UNRESERVED)) {
			out->p[out->n++] = (char)c;
		} else {
			memcpy(out->p + out->n, s.p + i, 3);
			out->n += 3;
		}
		i += 2;
	}
	return true;
}

/* How many bytes at s.p[at] some servers take for a slash: 3 for %2F and %5C, 1 for "\". */
static size_t slash_lookalike(struct str s, size_t at)
{
	int c;

	if (s.p[at] == '\\')
		return 1;
	if (s.p[at] != '%')
		return 0;
	c = escape_value(s, at);
	return c == '/' || c == '\\' ? 3 : 0;
}

static bool is_dot_segment(struct str s)
{
	return str_eq(s, STR(".")) || str_eq(s, STR(".."));
}

/* Without the parameters behind ";", which some servers look for in what they have decoded. */
static struct str without_parameters(struct str part)
{
	for (size_t i = 0; i < part.n; i++)
		if (part.p[i] == ';' || (part.p[i] == '%' && escape_value(part, i) == ';'))
			return str_first(part, i);
	return part;
}

/* Whether a segment that is no dot segment to us would be, or hold, one to a server that
 * decodes slashes or cuts parameters. */
static bool segment_hides_dots(struct str segment)
{
	size_t start = 0;

	for (size_t i = 0; i <= segment.n; i++) {
		size_t skip = i < segment.n ? slash_lookalike(segment, i) : 0;
		struct str part;

		if (i < segment.n && skip == 0)
			continue;
		part = (struct str){ segment.p + start, i - start };
		if (is_dot_segment(without_parameters(part)))
			return true;
		i += skip ? skip - 1 : 0;
		start = i + 1;
	}
	return false;
}

static void last_segment_remove(struct out *out)
{
	while (out->n && out->p[out->n - 1] != '/')
		out->n--;
	if (out->n)
		out->n--;
}

/* In place: what is written never passes what is read. `out` ends without a slash after
 * each turn but the last (RFC 3986 5.2.4). */
static bool dots_remove(struct out *buf)
{
	struct str s = { buf->p, buf->n };
	struct out out = { buf->p, 0 };

	for (size_t i = 0; i < s.n;) {
		size_t start = i + 1, end = start;
		struct str segment;
		bool last;

		while (end < s.n && s.p[end] != '/')
			end++;
		last = end == s.n;
		segment = (struct str){ s.p + start, end - start };
		i = end;
		if (!is_dot_segment(segment)) {
			if (segment_hides_dots(segment))
				return false;
			out.p[out.n++] = '/';
			memmove(out.p + out.n, segment.p, segment.n);
			out.n += segment.n;
			continue;
		}
		if (segment.n == 2)
			last_segment_remove(&out);
		if (last)
			out.p[out.n++] = '/';
	}
	*buf = out;
	return true;
}

/* What stands at s.p[at], in plain form: so many bytes in `to`, from `used` ones. */
static size_t plain_at(struct str s, size_t at, char to[3], size_t *used)
{
	int c = s.p[at] == '%' ? escape_value(s, at) : -1;

	*used = c >= 0 ? 3 : 1;
	if (c == '?') {
		memcpy(to, "%3F", 3);
		return 3;
	}
	if (c < 0)
		c = (unsigned char)s.p[at];
	to[0] = c == '\\' ? '/' : (char)c;
	return 1;
}

struct str http_path_plain(struct str s, char *to)
{
	size_t n = 0, used;

	for (size_t i = 0; i < s.n; i += used)
		n += plain_at(s, i, to + n, &used);
	return (struct str){ to, n };
}

ptrdiff_t http_path_under(struct str path, struct str plain)
{
	size_t met = 0, used;

	for (size_t at = 0; at < path.n; at += used) {
		char piece[3];
		size_t n = plain_at(path, at, piece, &used);

		if (piece[0] == '/' && met == plain.n)
			return (ptrdiff_t)at;
		if (piece[0] == '/' && met && plain.p[met - 1] == '/')
			continue; /* repeated */
		if (!str_begins(str_from(plain, met), (struct str){ piece, n }))
			return -1;
		met += n;
	}
	return met == plain.n ? (ptrdiff_t)path.n : -1;
}

struct str http_path_inside(struct str path)
{
	char piece[3];
	size_t used;

	while (path.n && plain_at(path, 0, piece, &used) == 1 && piece[0] == '/')
		path = str_from(path, used);
	return path;
}

static struct str match_form(struct str path, char *to)
{
	struct str plain = http_path_plain(path, to);
	size_t n = 0;

	for (size_t i = 0; i < plain.n; i++)
		if (plain.p[i] != '/' || n == 0 || to[n - 1] != '/')
			to[n++] = plain.p[i];
	return (struct str){ to, n };
}

enum reason http_path_normalise(struct str raw, struct arena *arena, struct str *path,
				struct str *match)
{
	unsigned found = path_survey(raw);
	struct out out = { NULL, 0 };

	*path = *match = raw;
	if (found == 0)
		return REASON_COMPLETE;
	/* The first half for the path, the second for its match form. */
	out.p = arena_alloc(arena, 2 * raw.n);
	if (!out.p)
		return REASON_NO_MEMORY;
	if (found & (HAS_ESCAPE | HAS_DOT | HAS_BACKSLASH)) {
		if (!path_decode(raw, &out) || !dots_remove(&out))
			return REASON_REQ_PATH_ESCAPE;
		*path = (struct str){ out.p, out.n };
	}
	*match = match_form(*path, out.p + raw.n);
	if (str_eq(*path, raw))
		*path = raw;
	return REASON_COMPLETE;
}
