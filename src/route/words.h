/* Inside route/: the words that conditions are made of. */
#ifndef HPCBAL_ROUTE_WORDS_H
#define HPCBAL_ROUTE_WORDS_H

#include "base/str.h"

/* What of a request is looked at. */
enum sample {
	SAMPLE_ALWAYS,
	SAMPLE_TLS,
	SAMPLE_SNI,
	SAMPLE_SRC,
	SAMPLE_DST_PORT,
	SAMPLE_METHOD,
	SAMPLE_HOST,
	SAMPLE_PATH,
	SAMPLE_HDR,
	SAMPLE_QUERY,
	SAMPLE_COOKIE
};

/* How it is compared with the values. */
enum match {
	MATCH_NONE,
	MATCH_FOUND,
	MATCH_EXACT,
	MATCH_BEG,
	MATCH_END,
	MATCH_LABELS, /* as END, but never from the middle of a host name's label */
	MATCH_SUB,
	MATCH_DIR,
	MATCH_REG,
	MATCH_NET,
	MATCH_RANGE
};

enum { WORD_ARG = 1, WORD_OPTIONAL = 2, WORD_ALONE = 4, WORD_FOLD = 8, WORD_HTTP = 16 };

struct word {
	struct str name;
	enum sample sample;
	enum match match;
	unsigned flags;
	const char *help;
};

/* "hdr(Upgrade)" and "hdr" both are the word hdr; NULL when it is none. */
const struct word *word_find(struct str token);
/* The word that is written most like it, or that does here what HAProxy's does; NULL. */
const char *word_nearest(struct str token);
/* The method of "-m": "beg" …; false when there is no such method. */
bool word_match_method(struct str name, enum match *match);

#endif
