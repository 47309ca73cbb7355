/* A line being written into memory of fixed size: what does not fit is left out. And the three
 * ways of the access log to write what clients sent, so that it can neither end a line nor a
 * quoted text, nor move a terminal's cursor. Pure. */
#ifndef HPCBAL_PROXY_LOGTEXT_H
#define HPCBAL_PROXY_LOGTEXT_H

#include "base/str.h"

struct logtext {
	char *p, *end;
};

enum logtext_escape {
	LOGTEXT_HAPROXY, /* #22 */
	LOGTEXT_JSON,	 /* \", \u00e9; a byte that is no UTF-8 as \u00XX */
	LOGTEXT_APACHE	 /* \", \xe9 */
};

static inline void logtext_char(struct logtext *o, char c)
{
	if (o->p < o->end)
		*o->p++ = c;
}

void logtext_str(struct logtext *o, struct str s);
/* At least `width` digits, with zeros in front. */
void logtext_digits(struct logtext *o, uint64_t v, unsigned width);
/* Takes no more than `limit` bytes of the line, and never a part of an escape. */
void logtext_escaped(struct logtext *o, struct str s, enum logtext_escape e, size_t limit);

static inline void logtext_u64(struct logtext *o, uint64_t v)
{
	logtext_digits(o, v, 0);
}

#endif
