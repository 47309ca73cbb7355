#include "proxy/logtext.h"

void logtext_str(struct logtext *o, struct str s)
{
	size_t room = (size_t)(o->end - o->p);
	size_t n = s.n < room ? s.n : room;

	if (n)
		memcpy(o->p, s.p, n);
	o->p += n;
}

void logtext_digits(struct logtext *o, uint64_t v, unsigned width)
{
	char digits[20];
	size_t at = sizeof(digits);

	while (v || width || at == sizeof(digits)) {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
		if (width)
			width--;
	}
	logtext_str(o, (struct str){ digits + at, sizeof(digits) - at });
}

static bool is_plain(unsigned char c, enum logtext_escape e)
{
	if (c < 0x20 || c > 0x7e || c == '"')
		return false;
	return e == LOGTEXT_HAPROXY ? c != '#' : c != '\\';
}

static const char hex_upper[] = "0123456789ABCDEF";
static const char hex_lower[] = "0123456789abcdef";

static size_t json_unit(char *to, unsigned unit)
{
	to[0] = '\\';
	to[1] = 'u';
	for (unsigned i = 0; i < 4; i++)
		to[2 + i] = hex_lower[unit >> (12 - 4 * i) & 15];
	return 6;
}

/* The code point that `s` begins with, and its length; a byte that is no UTF-8 stands for
 * itself. Overlong forms and surrogates are no UTF-8. */
static unsigned utf8_first(struct str s, size_t *n)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 1;
	unsigned code = c & (0x7fu >> size);

	*n = 1;
	if (size == 1 || size > s.n)
		return c;
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return c;
		code = code << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return c;
	*n = size;
	return code;
}

static size_t escape_json(struct str s, char *to, size_t *taken)
{
	unsigned code = utf8_first(s, taken);

	if (code == '"' || code == '\\') {
		to[0] = '\\';
		to[1] = (char)code;
		return 2;
	}
	if (code < 0x10000)
		return json_unit(to, code);
	code -= 0x10000;
	json_unit(to, 0xd800 + (code >> 10));
	json_unit(to + 6, 0xdc00 + (code & 0x3ff));
	return 12;
}

/* Writes what stands for the first byte (or character) of `s`; at most 12 bytes. */
static size_t escape_one(struct str s, enum logtext_escape e, char *to, size_t *taken)
{
	unsigned char c = (unsigned char)s.p[0];

	if (e == LOGTEXT_JSON)
		return escape_json(s, to, taken);
	*taken = 1;
	if (e == LOGTEXT_HAPROXY) {
		to[0] = '#';
		to[1] = hex_upper[c >> 4];
		to[2] = hex_upper[c & 15];
		return 3;
	}
	to[0] = '\\';
	if (c == '"' || c == '\\') {
		to[1] = (char)c;
		return 2;
	}
	to[1] = 'x';
	to[2] = hex_lower[c >> 4];
	to[3] = hex_lower[c & 15];
	return 4;
}

void logtext_escaped(struct logtext *o, struct str s, enum logtext_escape e, size_t limit)
{
	struct logtext part = *o;
	char code[12];
	size_t n, taken;

	if (limit < (size_t)(part.end - part.p))
		part.end = part.p + limit;
	while (s.n) {
		for (n = 0; n < s.n && is_plain((unsigned char)s.p[n], e); n++)
			;
		logtext_str(&part, str_first(s, n));
		s = str_from(s, n);
		if (!s.n)
			break;
		n = escape_one(s, e, code, &taken);
		if (n > (size_t)(part.end - part.p))
			break;
		logtext_str(&part, (struct str){ code, n });
		s = str_from(s, taken);
	}
	o->p = part.p;
}
