/* The words of libconfig's language, one at a time, with their lines. The library itself
 * tells neither where a text stands nor that a number did not fit, and it opens files at
 * "@include"; so its input is read here first. Pure. */
#ifndef HPCBAL_CONF_SCAN_H
#define HPCBAL_CONF_SCAN_H

#include "base/str.h"

enum scan_kind {
	SCAN_END,
	SCAN_NAME,
	SCAN_BOOL,
	SCAN_INT, /* decimal or 0x, maybe with L */
	SCAN_FLOAT,
	SCAN_TEXT,    /* with its quotes, escapes as written */
	SCAN_MARK,    /* one of = : ; , ( ) [ ] { } */
	SCAN_INCLUDE, /* "@include" where it begins a line */
	SCAN_BAD      /* `why` says what is wrong; the scan ends here */
};

struct token {
	enum scan_kind kind;
	struct str text;
	unsigned line;
	bool attached; /* nothing stands between this word and the one before */
	const char *why;
};

struct scan {
	const char *p, *end;
	unsigned line;
	bool line_begin; /* only blanks so far */
};

void scan_init(struct scan *s, struct str text);
void scan_next(struct scan *s, struct token *t);

static inline bool token_is(const struct token *t, char mark)
{
	return t->kind == SCAN_MARK && t->text.p[0] == mark;
}

#endif
