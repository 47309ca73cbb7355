/* Inside route/: a condition's text in tokens. Blanks separate; "…" and '…' keep blanks
 * (and in '…' everything); a backslash takes the meaning from the blank, quote, backslash,
 * "#" or "!" behind it and is itself anywhere else, so that expressions need few of them. */
#ifndef HPCBAL_ROUTE_LEX_H
#define HPCBAL_ROUTE_LEX_H

#include "base/arena.h"

struct token {
	struct str text;
	bool quoted; /* in part or whole: never a word, an acl, an operator or a flag */
};

struct tokens {
	struct token *list;
	unsigned n;
};

/* NULL, or what is wrong (a literal). Each leading "!" is a token of its own. */
const char *lex_condition(struct str text, struct arena *arena, struct tokens *tokens);

static inline bool token_is(const struct token *t, struct str s)
{
	return !t->quoted && str_eq(t->text, s);
}

#endif
