#include "route/lex.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool takes_backslash(char c)
{
	return is_blank(c) || (c && strchr("\\\"'#!", c));
}

struct lexer {
	struct str text;
	size_t at;
	char *out; /* what the quotes and backslashes leave */
};

/* One token without its quotes. */
static const char *read_token(struct lexer *l, struct token *t)
{
	char quote = 0;

	*t = (struct token){ .text = { l->out, 0 } };
	for (; l->at < l->text.n; l->at++) {
		char c = l->text.p[l->at];

		if (!quote && is_blank(c))
			break;
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? 0 : c;
			t->quoted = true;
			continue;
		}
		if (c == '\\' && quote != '\'' && l->at + 1 < l->text.n &&
		    takes_backslash(l->text.p[l->at + 1])) {
			c = l->text.p[++l->at];
			t->quoted = true;
		}
		*l->out++ = c;
	}
	t->text.n = (size_t)(l->out - t->text.p);
	return quote ? "a quote is opened and not closed" : NULL;
}

const char *lex_condition(struct str text, struct arena *arena, struct tokens *tokens)
{
	struct lexer l = { .text = text, .out = arena_alloc(arena, text.n + 1) };

	tokens->n = 0;
	tokens->list = arena_alloc(arena, (text.n + 1) * sizeof(*tokens->list));
	if (!l.out || !tokens->list)
		return "out of memory";
	while (l.at < text.n) {
		const char *why;

		if (is_blank(text.p[l.at])) {
			l.at++;
			continue;
		}
		if (text.p[l.at] == '!') {
			tokens->list[tokens->n++] = (struct token){ .text = STR("!") };
			l.at++;
			continue;
		}
		why = read_token(&l, &tokens->list[tokens->n++]);
		if (why)
			return why;
	}
	return NULL;
}
