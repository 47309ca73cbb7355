#include "http/h2_block.h"

#include <string.h>

#include "base/assert.h"
#include "http/chars.h"

/* RFC 9113 6.5.2: what a field counts besides its bytes. */
#define FIELD_OVERHEAD 32

struct h2_block h2_block_begin(const struct h2_limits *limits, char *text, size_t room,
			       bool trailers)
{
	return (struct h2_block){ .limits = *limits,
				  .text = text,
				  .room = room,
				  .trailers = trailers,
				  .fault = REASON_COMPLETE };
}

void h2_block_refuse(struct h2_block *b, enum reason why)
{
	if (b->fault == REASON_COMPLETE)
		b->fault = why;
}

bool h2_block_count(struct h2_block *b, struct str name, struct str value)
{
	b->size += name.n + value.n + FIELD_OVERHEAD;
	return b->size <= b->limits.max_head;
}

void h2_block_put(struct h2_block *b, struct str s)
{
	must(s.n <= b->room - b->n);
	if (s.n)
		memcpy(b->text + b->n, s.p, s.n);
	b->n += s.n;
}

void h2_block_put_line(struct h2_block *b, struct str name, struct str value)
{
	h2_block_put(b, name);
	h2_block_put(b, STR(": "));
	h2_block_put(b, value);
	h2_block_put(b, STR("\r\n"));
}

void h2_block_put_upgrade(struct h2_block *b, struct str name, struct str value)
{
	h2_block_put_line(b, STR("upgrade"), STR("websocket"));
	h2_block_put_line(b, STR("connection"), STR("Upgrade"));
	h2_block_put_line(b, name, value);
}

bool h2_name_is_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_TOKEN) || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.n > 0;
}

bool h2_value_is_good(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!http_char_is(s.p[i], CHAR_VALUE))
			return false;
	return s.n == 0 || (!http_char_blank(s.p[0]) && !http_char_blank(s.p[s.n - 1]));
}
