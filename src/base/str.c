#include "base/str.h"

bool str_ieq(struct str a, struct str b)
{
	return a.n == b.n && str_ibegins(a, b);
}

bool str_ibegins(struct str s, struct str with)
{
	if (s.n < with.n)
		return false;
	for (size_t i = 0; i < with.n; i++)
		if (str_lower_char(s.p[i]) != str_lower_char(with.p[i]))
			return false;
	return true;
}

bool str_iends(struct str s, struct str with)
{
	return s.n >= with.n && str_ibegins(str_from(s, s.n - with.n), with);
}

ptrdiff_t str_find(struct str s, struct str part)
{
	const char *at;

	if (part.n == 0)
		return 0;
	if (s.n < part.n)
		return -1;
	at = memmem(s.p, s.n, part.p, part.n);
	return at ? at - s.p : -1;
}

ptrdiff_t str_ifind(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_ibegins(str_from(s, i), part))
			return (ptrdiff_t)i;
	return -1;
}

ptrdiff_t str_find_char(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_to_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool str_split(struct str *rest, char sep, struct str *item)
{
	ptrdiff_t at;

	if (rest->n == 0) {
		*item = STR_NONE;
		return false;
	}
	at = str_find_char(*rest, sep);
	if (at < 0) {
		*item = *rest;
		*rest = str_from(*rest, rest->n);
	} else {
		*item = str_first(*rest, (size_t)at);
		*rest = str_from(*rest, (size_t)at + 1);
	}
	return true;
}

bool str_copy(char *to, size_t size, struct str s)
{
	bool fits = s.n < size;
	size_t n = fits ? s.n : 0;

	if (n)
		memcpy(to, s.p, n);
	if (size)
		to[n] = '\0';
	return fits;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned str_distance(struct str a, struct str b)
{
	unsigned row[64];

	if (a.n >= 64 || b.n >= 64)
		return 64;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			unsigned above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1,
				       diagonal + (a.p[i - 1] != b.p[j - 1]));
			diagonal = above;
		}
	}
	return row[b.n];
}
