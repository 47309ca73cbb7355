#include "conf/scan.h"

void scan_init(struct scan *s, struct str text)
{
	*s = (struct scan){ text.p, text.p + text.n, 1, true };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool in_name(char c)
{
	return begins_name(c) || is_digit(c) || c == '-' || c == '_';
}

static char at(const struct scan *s, size_t ahead)
{
	return ahead < (size_t)(s->end - s->p) ? s->p[ahead] : '\0';
}

static void bad(struct token *t, const char *why)
{
	t->kind = SCAN_BAD;
	t->why = why;
}

static void newline(struct scan *s)
{
	s->p++;
	s->line++;
	s->line_begin = true;
}

static void skip_line(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

/* False: the comment is never closed. */
static bool skip_comment(struct scan *s)
{
	for (s->p += 2; s->p < s->end;) {
		if (at(s, 0) == '*' && at(s, 1) == '/') {
			s->p += 2;
			return true;
		}
		if (*s->p == '\n')
			newline(s);
		else
			s->p++;
	}
	return false;
}

/* Blanks and comments. False when a comment is never closed; `t` then says so. */
static bool skip_blank(struct scan *s, struct token *t)
{
	while (s->p < s->end) {
		char c = *s->p;

		if (c == '\n') {
			newline(s);
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			s->p++;
		} else if (c == '#' || (c == '/' && at(s, 1) == '/')) {
			skip_line(s);
		} else if (c == '/' && at(s, 1) == '*') {
			t->line = s->line;
			if (!skip_comment(s)) {
				bad(t, "the comment that begins here is never closed; end it with "
				       "*/");
				return false;
			}
			s->line_begin = false;
		} else {
			break;
		}
	}
	return true;
}

static void scan_text(struct scan *s, struct token *t)
{
	for (s->p++; s->p < s->end && *s->p != '"' && *s->p != '\n'; s->p++) {
		if (*s->p != '\\' || s->end - s->p < 2)
			continue;
		if (at(s, 1) == 'x' && at(s, 2) == '0' && at(s, 3) == '0') {
			bad(t, "a text cannot hold the byte 0; leave out \\x00");
			return;
		}
		if (at(s, 1) != '\n')
			s->p++;
	}
	if (s->p >= s->end || *s->p != '"') {
		bad(t, "the text that begins here is not closed on its line; end it with \"");
		return;
	}
	s->p++;
	t->kind = SCAN_TEXT;
}

static void scan_name(struct scan *s, struct token *t)
{
	while (s->p < s->end && in_name(*s->p))
		s->p++;
	t->text.n = (size_t)(s->p - t->text.p);
	t->kind = str_ieq(t->text, STR("true")) || str_ieq(t->text, STR("false")) ? SCAN_BOOL
										  : SCAN_NAME;
}

static void skip_digits(struct scan *s)
{
	while (s->p < s->end && is_digit(*s->p))
		s->p++;
}

static void scan_exponent(struct scan *s)
{
	size_t sign = at(s, 1) == '-' || at(s, 1) == '+';

	if ((at(s, 0) != 'e' && at(s, 0) != 'E') || !is_digit(at(s, 1 + sign)))
		return;
	s->p += 1 + sign;
	skip_digits(s);
}

static void scan_long(struct scan *s)
{
	for (int i = 0; i < 2 && at(s, 0) == 'L'; i++)
		s->p++;
}

static void scan_number(struct scan *s, struct token *t)
{
	t->kind = SCAN_INT;
	if (at(s, 0) == '0' && (at(s, 1) == 'x' || at(s, 1) == 'X') && is_hex(at(s, 2))) {
		for (s->p += 2; s->p < s->end && is_hex(*s->p);)
			s->p++;
		scan_long(s);
		return;
	}
	if (*s->p == '-' || *s->p == '+')
		s->p++;
	skip_digits(s);
	if (at(s, 0) == '.') {
		t->kind = SCAN_FLOAT;
		s->p++;
		skip_digits(s);
		scan_exponent(s);
	} else {
		scan_long(s);
	}
}

static bool begins_number(const struct scan *s)
{
	size_t sign = at(s, 0) == '-' || at(s, 0) == '+';

	return is_digit(at(s, sign)) || (at(s, sign) == '.' && is_digit(at(s, sign + 1)));
}

static const char *stray(const struct scan *s)
{
	unsigned char c = (unsigned char)*s->p;

	if (c == '@')
		return "\"@include\" stands at the beginning of a line of its own";
	if (c == '\'')
		return "a text stands in double quotes; write \"…\"";
	if (c == '.')
		return "a name holds no dots; write a group, outer: { inner = …; };";
	if (c == 0xef && (unsigned char)at(s, 1) == 0xbb)
		return "the file begins with a byte order mark; save it as UTF-8 without one";
	if (c >= 0x80)
		return "a letter outside ASCII stands outside of quotes; write it between quotes";
	if (c < 0x20 || c == 0x7f)
		return "a control character; is this a text file?";
	return "this character has no meaning here; texts stand in double quotes";
}

/* Only what the library would take for it: what is left is a stray "@". */
static bool begins_include(const struct scan *s)
{
	static const struct str word = { "@include", 8 };
	struct str rest = { s->p, (size_t)(s->end - s->p) };

	return s->line_begin && str_begins(rest, word) && !in_name(at(s, word.n));
}

static void scan_word(struct scan *s, struct token *t)
{
	char c = *s->p;

	if (c == '"') {
		scan_text(s, t);
	} else if (begins_name(c)) {
		scan_name(s, t);
	} else if (begins_number(s)) {
		scan_number(s, t);
	} else if (memchr("=:;,()[]{}", c, 10)) {
		t->kind = SCAN_MARK;
		s->p++;
	} else if (begins_include(s)) {
		t->kind = SCAN_INCLUDE;
		s->p += 8;
	} else {
		bad(t, stray(s));
	}
}

void scan_next(struct scan *s, struct token *t)
{
	const char *from = s->p;

	*t = (struct token){ .kind = SCAN_END };
	if (!skip_blank(s, t))
		return;
	t->text.p = s->p;
	t->line = s->line;
	t->attached = s->p == from && from != NULL;
	if (s->p >= s->end)
		return;
	scan_word(s, t);
	s->line_begin = false;
	t->text.n = (size_t)(s->p - t->text.p);
}
