/* Which byte may stand where (RFC 9110 5.6, RFC 9112 2 and 3, RFC 3986 2): one table. */
#ifndef HPCBAL_HTTP_CHARS_H
#define HPCBAL_HTTP_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CHAR_TOKEN = 1,      /* tchar */
	CHAR_PLAIN = 2,      /* A-Z a-z 0-9 - : field names that mean the same everywhere */
	CHAR_TARGET = 4,     /* 0x21 to 0x7E without '#' */
	CHAR_UNRESERVED = 8, /* RFC 3986 2.3 */
	CHAR_HOST = 16,      /* reg-name without escapes and the comma */
	CHAR_VALUE = 32,     /* field-vchar, SP, HTAB */
	CHAR_BASE64 = 64,
	CHAR_QUOTED = 128 /* qdtext */
};

extern const uint8_t http_chars[256];

static inline bool http_char_is(char c, unsigned kinds)
{
	return (http_chars[(unsigned char)c] & kinds) != 0;
}

static inline bool http_char_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* 0 to 15, or -1. */
static inline int http_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
