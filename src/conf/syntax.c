#include "conf/syntax.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "conf/options.h"

#define DEPTH_MAX 32
#define PLACES_MAX 500000
#define SHOWN_MAX 40

struct reader {
	struct syntax *y;
	const struct conf_source *source;
	struct diags *diags;
	struct scan scan;
	struct token t;     /* the word to be judged next */
	unsigned last_line; /* of the word before */
	unsigned depth;
	/* The secret whose value is being read, or that was read just now: what is wrong there
	 * may be a part of it, and no message shows it. Empty: none. */
	struct str secret;
	unsigned hidden; /* so many settings deep in its value */
};

static bool read_value(struct reader *r, unsigned at);

static void advance(struct reader *r)
{
	r->last_line = r->t.line;
	scan_next(&r->scan, &r->t);
}

__attribute__((format(printf, 3, 4))) static bool fail(struct reader *r, unsigned line,
						       const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->t.kind == SCAN_BAD) /* what follows it made no sense, whatever was expected */
		diag_add(r->diags, r->source, DIAG_ERROR, r->t.line, "%s", r->t.why);
	else if (r->secret.n)
		diag_add(r->diags, r->source, DIAG_ERROR, line,
			 "the value of \"%.*s\" is malformed; write it between quotes, with a "
			 "backslash in front of each quote and backslash in it, and \";\" behind "
			 "it",
			 STR_ARGS(str_first(r->secret, SHOWN_MAX)));
	else
		diag_add(r->diags, r->source, DIAG_ERROR, line, "%s", text);
	return false;
}

#define SHOWN(t) STR_ARGS(str_first((t).text, SHOWN_MAX))

static bool place_add(struct reader *r, unsigned parent, struct str name, unsigned *at)
{
	struct syntax *y = r->y;

	if (y->n_places == PLACES_MAX)
		return fail(r, r->t.line, "more than %d settings; split the file's work",
			    PLACES_MAX);
	if (y->n_places == y->room) {
		unsigned room = y->room ? y->room * 2 : 256;
		struct place *more = realloc(y->places, room * sizeof(*more));

		if (!more)
			return fail(r, 0, "out of memory");
		y->places = more;
		y->room = room;
	}
	*at = y->n_places++;
	y->places[*at] = (struct place){ .name = name, .line = r->t.line, .parent = parent };
	return true;
}

static bool is_value(const struct token *t)
{
	return t->kind == SCAN_TEXT || t->kind == SCAN_INT || t->kind == SCAN_FLOAT ||
	       t->kind == SCAN_BOOL || token_is(t, '{') || token_is(t, '(') || token_is(t, '[');
}

static bool fail_name(struct reader *r, unsigned opened)
{
	const struct token *t = &r->t;

	if (t->kind == SCAN_END)
		return fail(r, opened, "the group that begins here is never closed; add \"}\"");
	if (t->kind == SCAN_INCLUDE)
		return fail(r, t->line,
			    "an @include was left in the text; give the file by its path");
	if (token_is(t, '}') || ((token_is(t, ')') || token_is(t, ']')) && r->depth == 0))
		return fail(r, t->line,
			    "nothing is open here that \"%.*s\" could close; remove it, "
			    "or look for a missing opening one above",
			    SHOWN(*t));
	if (token_is(t, ')') || token_is(t, ']'))
		return fail(r, t->line,
			    "\"%.*s\" inside of a group; close the group that begins in "
			    "line %u with \"}\" before it",
			    SHOWN(*t), opened);
	if ((token_is(t, ';') || token_is(t, ',')) && r->depth > 0)
		return fail(r, t->line,
			    "no setting in front of \"%.*s\"; remove it, or close the group "
			    "that begins in line %u with \"}\" before it",
			    SHOWN(*t), opened);
	if (token_is(t, ';') || token_is(t, ','))
		return fail(r, t->line, "no setting in front of \"%.*s\"; remove it", SHOWN(*t));
	if (t->kind == SCAN_BOOL || t->kind == SCAN_INT || t->kind == SCAN_FLOAT)
		return fail(r, t->line,
			    "\"%.*s\" cannot be the name of a setting; a name begins "
			    "with a letter",
			    SHOWN(*t));
	return fail(r, t->line, "%s where the name of a setting is expected; write name = value;",
		    t->kind == SCAN_TEXT ? "a text"
		    : token_is(t, '{')   ? "a group"
					 : "a list");
}

static bool fail_equals(struct reader *r, const struct token *name)
{
	return fail(r, name->line, "\"=\" is missing behind \"%.*s\"; write %.*s = value;",
		    SHOWN(*name), SHOWN(*name));
}

/* A setting, where the value of one is expected. */
static bool names_setting(const struct reader *r)
{
	struct scan ahead = r->scan;
	struct token next;

	if (r->t.kind != SCAN_NAME)
		return false;
	scan_next(&ahead, &next);
	return token_is(&next, '=');
}

static bool fail_value(struct reader *r)
{
	const struct token *t = &r->t;

	if (names_setting(r) && t->line == r->last_line)
		return fail(r, t->line,
			    "\"{\" is missing before \"%.*s\"; a group is written as "
			    "name: { %.*s = value; };",
			    SHOWN(*t), SHOWN(*t));
	if (names_setting(r))
		return fail(r, r->last_line, "a value is missing before \"%.*s\"; write one",
			    SHOWN(*t));
	if (t->kind == SCAN_NAME && (str_ieq(t->text, STR("yes")) || str_ieq(t->text, STR("on"))))
		return fail(r, t->line, "\"%.*s\" is no value; write true", SHOWN(*t));
	if (t->kind == SCAN_NAME && (str_ieq(t->text, STR("no")) || str_ieq(t->text, STR("off"))))
		return fail(r, t->line, "\"%.*s\" is no value; write false", SHOWN(*t));
	if (t->kind == SCAN_NAME)
		return fail(r, t->line, "\"%.*s\" stands without quotes; write \"%.*s\" with them",
			    SHOWN(*t), SHOWN(*t));
	if (t->kind == SCAN_END)
		return fail(r, r->last_line, "the file ends where a value is expected");
	return fail(r, r->last_line, "a value is missing before \"%.*s\"; write one", SHOWN(*t));
}

/* "5s" and "10.0.0.1:80" without quotes are a number with something stuck to it. */
static bool check_unquoted(struct reader *r, const struct token *value)
{
	struct str whole = value->text;

	if (value->kind == SCAN_TEXT || !r->t.attached || r->t.kind == SCAN_END)
		return true;
	if (r->t.kind == SCAN_MARK && !token_is(&r->t, ':'))
		return true;
	if (r->secret.n)
		return fail(r, value->line, "not shown");
	while (whole.n < SHOWN_MAX && whole.p + whole.n < r->scan.end &&
	       !memchr(" \t\r\n;,)]}\"#", whole.p[whole.n], 11))
		whole.n++;
	diag_add(r->diags, r->source, DIAG_ERROR, value->line,
		 "%.*s stands without quotes; write \"%.*s\"", STR_ARGS(whole), STR_ARGS(whole));
	return false;
}

static bool read_scalar(struct reader *r, unsigned at)
{
	struct token value = r->t;

	advance(r);
	while (value.kind == SCAN_TEXT && r->t.kind == SCAN_TEXT)
		advance(r); /* texts side by side are one */
	r->y->places[at].text = value.text;
	return check_unquoted(r, &value);
}

static bool read_setting(struct reader *r, unsigned parent)
{
	struct token name = r->t;
	unsigned at;

	advance(r);
	if (!token_is(&r->t, '=') && !token_is(&r->t, ':'))
		return fail_equals(r, &name);
	if (r->hidden == 0)
		r->secret = option_may_be_secret(name.text) ? name.text : STR_NONE;
	r->hidden += r->secret.n > 0;
	advance(r);
	if (!place_add(r, parent, name.text, &at) || !read_value(r, at))
		return false;
	r->hidden -= r->secret.n > 0;
	r->y->places[at].line = name.line;
	if (token_is(&r->t, ';') || token_is(&r->t, ',')) {
		if (r->hidden == 0)
			r->secret = STR_NONE;
		advance(r);
	}
	return true;
}

static bool read_settings(struct reader *r, unsigned parent, unsigned opened)
{
	while (r->t.kind == SCAN_NAME)
		if (!read_setting(r, parent))
			return false;
	if (r->depth == 0 ? r->t.kind == SCAN_END : token_is(&r->t, '}')) {
		if (r->hidden == 0)
			r->secret = STR_NONE;
		return true;
	}
	return fail_name(r, opened);
}

static bool fail_element(struct reader *r, unsigned opened, char close)
{
	const struct token *t = &r->t;

	if (t->kind == SCAN_END)
		return fail(r, opened, "the list that begins here is never closed; add \"%c\"",
			    close);
	if (token_is(t, ';'))
		return fail(r, t->line,
			    "\";\" inside of a list; \",\" stands between its elements, "
			    "and \"%c\" ends the list that begins in line %u",
			    close, opened);
	if (is_value(t))
		return fail(r, r->last_line,
			    "\",\" is missing behind this element of a list; "
			    "write \",\" before the next one");
	return fail(r, t->line,
		    "\"%.*s\" inside of the list that begins in line %u; close the list "
		    "with \"%c\" before it",
		    SHOWN(*t), opened, close);
}

/* Behind the opening mark, up to the closing one, which stays. */
static bool read_elements(struct reader *r, unsigned parent, unsigned opened, char close)
{
	unsigned at;

	if (token_is(&r->t, close))
		return true;
	for (;;) {
		if (close == ']' && is_value(&r->t) && r->t.kind == SCAN_MARK)
			return fail(r, r->t.line,
				    "[ ] holds plain values only; write ( ) around "
				    "lists and groups");
		if (!place_add(r, parent, STR_NONE, &at) || !read_value(r, at))
			return false;
		if (token_is(&r->t, close))
			return true;
		if (!token_is(&r->t, ','))
			return fail_element(r, opened, close);
		advance(r);
		if (token_is(&r->t, close))
			return fail(r, r->last_line,
				    "a \",\" behind the last element of a list; "
				    "remove it");
	}
}

static bool read_value(struct reader *r, unsigned at)
{
	struct token open = r->t;
	bool good;

	if (!is_value(&open))
		return fail_value(r);
	if (open.kind != SCAN_MARK)
		return read_scalar(r, at);
	if (++r->depth > DEPTH_MAX)
		return fail(r, open.line,
			    "groups and lists are nested deeper than %d; nothing needs "
			    "that",
			    DEPTH_MAX);
	advance(r);
	if (token_is(&open, '{'))
		good = read_settings(r, at, open.line);
	else
		good = read_elements(r, at, open.line, token_is(&open, '(') ? ')' : ']');
	if (!good)
		return false;
	r->depth--;
	advance(r);
	return true;
}

static bool read_all(struct reader *r)
{
	unsigned top;

	scan_init(&r->scan, r->source->text);
	scan_next(&r->scan, &r->t);
	return place_add(r, 0, STR_NONE, &top) && read_settings(r, top, 0);
}

/* Where the name stood first that the library found a second time in line `line`. */
static bool fail_duplicate(struct reader *r, unsigned line)
{
	const struct place *places = r->y->places;

	for (unsigned i = 1; i < r->y->n_places; i++) {
		if (places[i].line != line || places[i].name.n == 0)
			continue;
		for (unsigned j = 1; j < i; j++) {
			if (places[j].parent != places[i].parent ||
			    !str_eq(places[j].name, places[i].name))
				continue;
			diag_add(r->diags, r->source, DIAG_ERROR, line,
				 "\"%.*s\" is set a second time (first %s); keep one",
				 STR_ARGS(str_first(places[i].name, SHOWN_MAX)),
				 diag_place(r->source, line, places[j].line).text);
			return true;
		}
	}
	return false;
}

static bool fail_library(struct reader *r)
{
	const char *why = config_error_text(&r->y->config);
	unsigned line = (unsigned)config_error_line(&r->y->config);

	if (why && strcmp(why, "duplicate setting name") == 0 && fail_duplicate(r, line))
		return false;
	if (why && strcmp(why, "mismatched element type in array") == 0)
		why = "the elements of [ ] are not of one type; write them alike, or ( ) around "
		      "them";
	diag_add(r->diags, r->source, DIAG_ERROR, line, "%s", why ? why : "the syntax is wrong");
	return false;
}

static void attach(struct syntax *y, config_setting_t *s, unsigned *next)
{
	must(*next < y->n_places);
	config_setting_set_hook(s, &y->places[(*next)++]);
	if (!config_setting_is_aggregate(s))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		attach(y, config_setting_get_elem(s, (unsigned)i), next);
}

bool syntax_read(struct syntax *y, const struct conf_source *source, struct diags *diags)
{
	struct reader r = { .y = y, .source = source, .diags = diags };
	unsigned next = 0;

	*y = (struct syntax){ 0 };
	config_init(&y->config);
	must(source->text.p && source->text.p[source->text.n] == '\0');
	if (memchr(source->text.p, '\0', source->text.n)) {
		diag_add(diags, source, DIAG_ERROR, 0,
			 "the file holds a byte 0; is it a text file?");
		return false;
	}
	if (!read_all(&r))
		return false;
	if (!config_read_string(&y->config, source->text.p))
		return fail_library(&r);
	attach(y, config_root_setting(&y->config), &next);
	must(next == y->n_places);
	return true;
}

void syntax_free(struct syntax *y)
{
	config_destroy(&y->config);
	free(y->places);
	y->places = NULL;
}

const struct place *syntax_place(const config_setting_t *s)
{
	return config_setting_get_hook(s);
}

unsigned syntax_line(const config_setting_t *s)
{
	return syntax_place(s)->line;
}

struct str syntax_name(const config_setting_t *s)
{
	return syntax_place(s)->name;
}

struct str syntax_text(const config_setting_t *s)
{
	return str_of(config_setting_get_string(s));
}
