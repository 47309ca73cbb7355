#include "conf/blot.h"

#include "conf/options.h"
#include "conf/scan.h"
#include "conf/syntax.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

/* What stands between two words and is no blank is a comment; it may hold an old password. */
static void blot_comments(char *p, const char *end)
{
	for (; p < end; p++)
		if (!is_space(*p))
			*p = ' ';
}

static bool blot_all_comments(struct str text, char *to)
{
	const char *from = text.p;
	struct scan scan;
	struct token t;

	scan_init(&scan, text);
	for (scan_next(&scan, &t); t.kind != SCAN_END; scan_next(&scan, &t)) {
		if (t.kind == SCAN_BAD)
			return false;
		blot_comments(to + (from - text.p), to + (t.text.p - text.p));
		from = t.text.p + t.text.n;
	}
	blot_comments(to + (from - text.p), to + text.n);
	return true;
}

/* The section that the settings inside of a group are looked up in; false: none that is known.
 * Elements of a list have no name and are of its section. */
static bool section_of(const struct syntax *y, unsigned at, enum option_section *section)
{
	const struct place *p = &y->places[at];
	const struct option *o;

	if (at == 0) {
		*section = SECTION_TOP;
		return true;
	}
	if (!section_of(y, p->parent, section))
		return false;
	if (p->name.n == 0)
		return true;
	o = option_find(*section, p->name);
	if (!o || o->sub == SECTION_TOP)
		return false;
	*section = o->sub;
	return true;
}

static bool is_secret(const struct syntax *y, const struct place *p)
{
	enum option_section section;
	const struct option *o;

	if (p->name.n == 0 || !section_of(y, p->parent, &section))
		return false;
	o = option_find(section, p->name);
	return o && o->secret;
}

/* "\x41bc" → "*" and blanks behind the closing quote. The empty text has no room for a star. */
static void blot_text(char *p, size_t n)
{
	if (n <= 2)
		return;
	memset(p, ' ', n);
	memcpy(p, "\"*\"", 3);
}

/* The texts side by side that begin at `value`. */
static void blot_value(struct str text, const char *value, char *to)
{
	struct scan scan;
	struct token t;

	scan_init(&scan, str_from(text, (size_t)(value - text.p)));
	for (scan_next(&scan, &t); t.kind == SCAN_TEXT; scan_next(&scan, &t))
		blot_text(to + (t.text.p - text.p), t.text.n);
}

static bool blot(const struct conf_source *source, const struct syntax *y, char *to)
{
	if (!blot_all_comments(source->text, to))
		return false;
	for (unsigned i = 1; i < y->n_places; i++)
		if (y->places[i].text.n && is_secret(y, &y->places[i]))
			blot_value(source->text, y->places[i].text.p, to);
	return true;
}

struct str conf_blot(const struct conf_source *source, struct arena *arena)
{
	struct str copy = STR_NONE;
	struct syntax syntax;
	struct diags diags;
	char *to = NULL;

	diags_init(&diags);
	if (syntax_read(&syntax, source, &diags))
		to = arena_alloc(arena, source->text.n + 1);
	if (to) {
		memcpy(to, source->text.p, source->text.n);
		to[source->text.n] = '\0';
		if (blot(source, &syntax, to))
			copy = (struct str){to, source->text.n};
	}
	syntax_free(&syntax);
	diags_free(&diags);
	return copy;
}
