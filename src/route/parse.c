/* From a condition's text to a condition. */
#include <stdarg.h>
#include <stdio.h>

#include "route/compile.h"

void *vector_room(struct arena *a, void *list, unsigned n, size_t size)
{
	void *more;

	if (n & (n - 1)) /* room doubles at powers of two */
		return list;
	more = arena_alloc(a, (n ? n * 2 : 1) * size);
	if (more && n)
		memcpy(more, list, n * size);
	return more;
}

void parser_say(struct parser *p, enum diag_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_add(p->c->diags, p->c->source, level, p->line, "%s: %s", p->subject, text);
	if (level == DIAG_ERROR)
		p->failed = true;
}

#define parser_fail(p, ...) parser_say(p, DIAG_ERROR, __VA_ARGS__)

static const struct token *peek(const struct parser *p)
{
	return p->at < p->tokens.n ? &p->tokens.list[p->at] : NULL;
}

static bool is_or(const struct token *t)
{
	return !t->quoted && (str_ieq(t->text, STR("or")) || str_eq(t->text, STR("||")));
}

static bool is_word(const struct token *t)
{
	const struct word *w = t->quoted ? NULL : word_find(t->text);

	return w && (str_eq(t->text, w->name) || t->text.p[t->text.n - 1] == ')');
}

/* Values go on until something that can be none. */
static bool ends_values(const struct parser *p, const struct token *t, bool braced)
{
	if (token_is(t, STR("}")) || token_is(t, STR("{")) || token_is(t, STR("!")) || is_or(t))
		return true;
	if (is_word(t))
		return true;
	return !braced && !p->is_acl && !t->quoted && acl_find(p->c, t->text) >= 0;
}

static void add_value(struct parser *p, struct values *values, struct value v)
{
	struct value *list =
		vector_room(&p->c->temp, values->list, values->n, sizeof(*values->list));

	if (!list)
		return;
	values->list = list;
	values->list[values->n++] = v;
}

static bool is_text(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 0x7f)
			return false;
	return true;
}

/* One value a line, with whatever blanks around it; empty lines and those that begin with "#" are
 * passed over, as are a byte order mark and the CR of a line's end. */
static void add_file(struct parser *p, struct values *values, struct str path)
{
	const struct conf_file *file = conf_find_file(p->c->source, path);
	struct str rest, line;
	unsigned number = 0;

	if (!file) {
		parser_fail(p,
			    "the file \"%.*s\" of -f could not be read; it is to hold a value "
			    "a line",
			    STR_ARGS(path));
		return;
	}
	rest = file->content;
	if (str_begins(rest, STR("\xef\xbb\xbf")))
		rest = str_from(rest, 3);
	while (str_split(&rest, '\n', &line)) {
		number++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (!is_text(line)) {
			parser_fail(p,
				    "line %u of the file \"%.*s\" of -f has a control character; "
				    "is that a text file?",
				    number, STR_ARGS(path));
			return;
		}
		if (line.n && line.p[0] != '#')
			add_value(p, values, (struct value){ line, path, number });
	}
}

static void set_match(struct parser *p, struct test *t, struct str method)
{
	if (t->word->match == MATCH_NET || t->word->match == MATCH_RANGE)
		parser_fail(p, "%.*s takes no -m", STR_ARGS(t->word->name));
	else if (!word_match_method(method, &t->match))
		parser_fail(p,
			    "unknown method \"%.*s\" of -m; there are found, str, beg, end, "
			    "sub, dir and reg",
			    STR_ARGS(method));
}

/* A flag that has a value of its own. True when `t` was one. */
static bool read_long_flag(struct parser *p, struct test *t, struct values *values,
			   const struct token *flag)
{
	const struct token *value = peek(p);
	bool is_file = token_is(flag, STR("-f"));

	if (!is_file && !token_is(flag, STR("-m")))
		return false;
	if (!value) {
		parser_fail(p, "%.*s stands without %s", STR_ARGS(flag->text),
			    is_file ? "a file's name" : "a method");
		return true;
	}
	p->at++;
	if (is_file)
		add_file(p, values, value->text);
	else
		set_match(p, t, value->text);
	return true;
}

/* Everything that begins with "-" up to the first value, or to "--". True when -f gave
 * values, even none: an empty file is no missing value. */
static bool read_flags(struct parser *p, struct test *t, struct values *values)
{
	bool has_file = false;
	const struct token *flag;

	while (!p->failed && (flag = peek(p)) && !flag->quoted && flag->text.n > 1 &&
	       flag->text.p[0] == '-') {
		p->at++;
		if (token_is(flag, STR("--")))
			break;
		if (token_is(flag, STR("-i")))
			t->fold = true;
		else if (read_long_flag(p, t, values, flag))
			has_file |= token_is(flag, STR("-f"));
		else
			parser_fail(p,
				    "unknown flag \"%.*s\"; there are -i, -f FILE, -m METHOD, "
				    "and -- before a value that begins with \"-\"",
				    STR_ARGS(flag->text));
	}
	return has_file;
}

static void read_values(struct parser *p, const struct test *t, struct values *values, bool braced)
{
	const struct token *v;

	for (; (v = peek(p)) && !ends_values(p, v, braced); p->at++) {
		if (values->n &&
		    (token_is(v, STR("-i")) || token_is(v, STR("-f")) || token_is(v, STR("-m")))) {
			parser_fail(p,
				    "%.*s: %.*s stands behind a value; flags come first "
				    "(quote it when it is a value)",
				    STR_ARGS(t->word->name), STR_ARGS(v->text));
			return;
		}
		add_value(p, values, (struct value){ .text = v->text });
	}
}

/* "is_api" where a value was missing: most likely it was meant as one. */
static void complain_of_no_value(struct parser *p, const struct test *t)
{
	const struct token *next = peek(p);

	if (next && !token_is(next, STR("}")))
		parser_fail(p,
			    "%.*s has no value: \"%.*s\" behind it is %s; quote it when it is "
			    "a value",
			    STR_ARGS(t->word->name), STR_ARGS(next->text),
			    is_word(next)                     ? "a word"
			    : acl_find(p->c, next->text) >= 0 ? "an acl"
							      : "an operator");
	else
		parser_fail(p, "%.*s has no value; it takes one or more", STR_ARGS(t->word->name));
}

/* "hdr(X-Canary) always": behind another term it says nothing, so it was meant as a value. */
static void warn_of_always(struct parser *p, const struct test *t)
{
	const struct token *next = peek(p);

	if (next && token_is(next, STR("always")))
		parser_say(p, DIAG_WARNING,
			   "%.*s(%.*s) has no value, so that any will do, and \"always\" behind "
			   "it says nothing; when it is the value write 'always', else remove it",
			   STR_ARGS(t->word->name), STR_ARGS(t->named.name));
}

static void check_count(struct parser *p, struct test *t, const struct values *values,
			bool has_file, bool has_flags)
{
	if (p->failed)
		return;
	if (t->match == MATCH_FOUND && values->n)
		parser_fail(p, "%.*s -m found takes no values", STR_ARGS(t->word->name));
	if (values->n || has_file || t->match == MATCH_FOUND)
		return;
	if ((t->word->flags & WORD_OPTIONAL) && t->match == MATCH_EXACT && !has_flags) {
		t->match = MATCH_FOUND;
		warn_of_always(p, t);
	} else {
		complain_of_no_value(p, t);
	}
}

/* The "(NAME)" of a word. */
static void read_arg(struct parser *p, struct test *t, struct str token)
{
	const struct word *w = t->word;
	struct str arg = str_from(token, w->name.n);

	if (!(w->flags & WORD_ARG)) {
		if (arg.n)
			parser_fail(p, "%.*s takes no name in brackets", STR_ARGS(w->name));
		return;
	}
	if (arg.n < 3 || arg.p[arg.n - 1] != ')') {
		parser_fail(p, "%.*s stands with a name in brackets, as in %.*s(NAME)",
			    STR_ARGS(w->name), STR_ARGS(w->name));
		return;
	}
	arg = (struct str){ arg.p + 1, arg.n - 2 };
	t->named = http_named(w->sample == SAMPLE_HDR     ? HTTP_NAMED_FIELD
			      : w->sample == SAMPLE_QUERY ? HTTP_NAMED_QUERY
							  : HTTP_NAMED_COOKIE,
			      arena_str(p->c->arena, arg));
	if (!http_named_possible(&t->named))
		parser_fail(p, "\"%.*s\" is no name of a %s", STR_ARGS(arg),
			    w->sample == SAMPLE_HDR ? "header field" : "cookie");
}

static const struct test *read_test(struct parser *p, const struct token *token, bool braced)
{
	struct test *t = arena_zalloc(p->c->arena, sizeof(*t));
	struct values values = { 0 };
	bool has_file;
	unsigned before;

	if (!t)
		return NULL;
	t->word = word_find(token->text);
	t->match = t->word->match;
	t->fold = t->word->flags & WORD_FOLD;
	if ((t->word->flags & WORD_HTTP) && p->c->frontend->mode == CONF_MODE_TCP)
		parser_fail(p,
			    "%.*s looks at a request, and mode tcp has none; use src, dst_port "
			    "or always",
			    STR_ARGS(t->word->name));
	read_arg(p, t, token->text);
	if (p->failed || (t->word->flags & WORD_ALONE))
		return t;
	before = p->at;
	has_file = read_flags(p, t, &values);
	before = p->at - before;
	read_values(p, t, &values, braced);
	check_count(p, t, &values, has_file, before > 0);
	if (!p->failed)
		test_fill(p, t, &values);
	return t;
}

static void complain_of_unknown(struct parser *p, struct str token)
{
	const char *near_word = word_nearest(token);
	const struct conf_frontend *f = p->c->frontend;
	struct str near_acl = STR_NONE;
	unsigned best = 4;

	for (unsigned i = 0; i < f->n_acls; i++) {
		unsigned distance = str_distance(f->acls[i].name, token);

		if (distance < best && distance < token.n) {
			best = distance;
			near_acl = f->acls[i].name;
		}
	}
	if (near_acl.n && (!near_word || best <= str_distance(str_of(near_word), token)))
		parser_fail(p, "unknown acl or word \"%.*s\"; the nearest is the acl \"%.*s\"",
			    STR_ARGS(token), STR_ARGS(near_acl));
	else if (near_word)
		parser_fail(p, "unknown acl or word \"%.*s\"; use %s", STR_ARGS(token), near_word);
	else
		parser_fail(p,
			    "unknown acl or word \"%.*s\"; a term is the name of an acl here, "
			    "or a word such as path_beg with its values",
			    STR_ARGS(token));
}

/* "{ WORD VALUES }", HAProxy's unnamed acl. */
static void read_braced(struct parser *p, struct term *term)
{
	const struct token *token = peek(p);

	if (!token || token_is(token, STR("}")) || acl_find(p->c, token->text) >= 0) {
		parser_fail(p, "braces hold a word and its values, as in { path_beg /api }");
		return;
	}
	if (!is_word(token)) {
		complain_of_unknown(p, token->text);
		return;
	}
	p->at++;
	term->test = read_test(p, token, true);
	token = peek(p);
	if (p->failed)
		return;
	if (!token)
		parser_fail(p, "\"{\" is not closed by \"}\"");
	else if (!token_is(token, STR("}")))
		parser_fail(p,
			    "\"%.*s\" stands where \"}\" should; braces hold one word (quote "
			    "it when it is a value)",
			    STR_ARGS(token->text));
	p->at++;
}

static void read_acl(struct parser *p, unsigned i, struct term *term)
{
	p->c->acls[i].used = true;
	term->nested = acl_condition(p, i);
	if (!term->nested)
		p->failed = true;
}

static struct term read_term(struct parser *p)
{
	struct term term = { 0 };
	const struct token *token;
	int acl;

	for (; (token = peek(p)) && token_is(token, STR("!")); p->at++)
		term.negate = !term.negate;
	if (!token || is_or(token)) {
		parser_fail(p, "\"!\" stands without a term behind it");
		return term;
	}
	p->at++;
	acl = token->quoted ? -1 : acl_find(p->c, token->text);
	if (token_is(token, STR("{")))
		read_braced(p, &term);
	else if (acl >= 0)
		read_acl(p, (unsigned)acl, &term);
	else if (is_word(token))
		term.test = read_test(p, token, false);
	else if (token_is(token, STR("}")))
		parser_fail(p, "\"}\" closes no \"{\"");
	else if (!token->quoted && word_find(token->text))
		parser_fail(p, "\"%.*s\" opens a bracket that is not closed",
			    STR_ARGS(token->text));
	else
		complain_of_unknown(p, token->text);
	return term;
}

static void push_term(struct parser *p, struct suite *s, struct term t)
{
	struct term *list = vector_room(p->c->arena, s->terms, s->n, sizeof(*list));

	if (!list)
		return;
	s->terms = list;
	s->terms[s->n++] = t;
}

/* An acl of one suite becomes part of this one, so that nothing hides its literals. */
static void add_term(struct parser *p, struct suite *s, struct term t)
{
	const struct suite *inner = t.nested && t.nested->n == 1 ? &t.nested->suites[0] : NULL;

	if (!inner || (t.negate && inner->n != 1)) {
		push_term(p, s, t);
		return;
	}
	for (unsigned i = 0; i < inner->n; i++) {
		struct term copy = inner->terms[i];

		copy.negate ^= t.negate;
		push_term(p, s, copy);
	}
}

static void push_suite(struct parser *p, struct condition *c, struct suite s)
{
	struct suite *list = vector_room(p->c->arena, c->suites, c->n, sizeof(*list));

	if (!list)
		return;
	c->suites = list;
	c->suites[c->n++] = s;
}

/* An acl that stands alone gives its suites. */
static void add_suite(struct parser *p, struct condition *c, struct suite s)
{
	const struct condition *inner = s.n == 1 ? s.terms[0].nested : NULL;

	if (!inner || s.terms[0].negate) {
		push_suite(p, c, s);
		return;
	}
	for (unsigned i = 0; i < inner->n; i++)
		push_suite(p, c, inner->suites[i]);
}

static void read_condition(struct parser *p, struct condition *out)
{
	struct suite s = { 0 };
	const struct token *token;

	while (!p->failed && (token = peek(p))) {
		if (is_or(token)) {
			if (s.n == 0 || p->at + 1 == p->tokens.n) {
				parser_fail(p, "\"%.*s\" stands without a term %s it",
					    STR_ARGS(token->text), s.n ? "behind" : "before");
				return;
			}
			add_suite(p, out, s);
			s = (struct suite){ 0 };
			p->at++;
			continue;
		}
		add_term(p, &s, read_term(p));
	}
	if (!p->failed && s.n)
		add_suite(p, out, s);
}

bool condition_compile(struct compile *c, struct str text, unsigned line, const char *subject,
		       bool is_acl, struct condition *out)
{
	struct parser p = { .c = c, .line = line, .subject = subject, .is_acl = is_acl };
	const char *why;

	*out = (struct condition){ 0 };
	c->depth++;
	why = lex_condition(text, &c->temp, &p.tokens);
	if (why)
		parser_fail(&p, "%s", why);
	else if (p.tokens.n == 0)
		parser_fail(&p, "the condition is empty; \"always\" is every request");
	else
		read_condition(&p, out);
	if (arena_failed(c->arena) || arena_failed(&c->temp)) {
		p.failed = true;
		parser_fail(&p, "out of memory");
	}
	if (--c->depth == 0)
		arena_reset(&c->temp);
	return !p.failed;
}
