/* Inside route/: a set of literal strings, each matched whole or as a beginning, with a
 * rank. One walk over a text gives the lowest rank that matches, and costs what the text's
 * own bytes cost, however many literals there are (a radix tree). Built once, packed where it
 * may be large and is walked often, then only read. Everything is in the arena given; when that
 * fails the set is useless, and arena_failed() says so. */
#ifndef HPCBAL_ROUTE_LITERALS_H
#define HPCBAL_ROUTE_LITERALS_H

#include "base/arena.h"

#define RANK_NONE UINT32_MAX

struct literals;
struct literal_node;

enum literal_kind { LITERAL_EXACT, LITERAL_PREFIX };

struct literals *literals_new(struct arena *a);
/* The bytes are copied. A literal that is there already keeps the lower rank. */
void literals_add(struct literals *l, struct str text, enum literal_kind kind, uint32_t rank);

/* The same set, in `a`, as it is quickest to walk; `l` is not needed any more. NULL, and `a` has
 * failed: out of memory. */
struct literals *literals_pack(const struct literals *l, struct arena *a);

/* A walk: the text may come in parts. */
struct literal_walk {
	const struct literal_node *node; /* NULL: no literal goes on like this */
	size_t at;                       /* in the node's own bytes */
	uint32_t rank;                   /* the lowest of the prefixes met so far */
};

void literal_walk_start(const struct literals *l, struct literal_walk *w);
void literal_walk_feed(struct literal_walk *w, struct str part);
/* The same with letters in lower case; the literals are to be so too. */
void literal_walk_feed_folded(struct literal_walk *w, struct str part);
/* From its last byte to its first. */
void literal_walk_feed_reversed(struct literal_walk *w, struct str part, bool fold);
/* The text is over: w->rank counts the exact literals too. */
void literal_walk_end(struct literal_walk *w);

#endif
