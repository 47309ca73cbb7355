/* From the values that stand behind a word to what is compared. */
#include <stdio.h>

#include "http/path.h"
#include "route/compile.h"

/* More strings than this are looked up in a tree, more networks in sorted ranges. */
#define LIST_MAX 8

/* So many values of files are told apart, when they are wrong: maybe it is the wrong file. */
#define SAID_MAX 10

static struct str fold(struct arena *a, struct str s)
{
	struct str kept = arena_str(a, s);

	/* The copy is ours; only spans are read-only. */
	for (size_t i = 0; i < kept.n; i++)
		((char *)(uintptr_t)kept.p)[i] = str_lower_char(kept.p[i]);
	return kept;
}

static void value_say(struct parser *p, enum diag_level level, struct test *t,
		      const struct value *v, const char *why)
{
	char place[320] = "";

	if (v->file.n && ++t->n_said > SAID_MAX) {
		p->failed |= level == DIAG_ERROR;
		return;
	}
	if (v->file.n)
		snprintf(place, sizeof(place), " (line %u of %.*s)", v->line,
			 v->file.n < 256 ? (int)v->file.n : 256, v->file.p);
	parser_say(p, level, "%.*s \"%.*s\"%s: %s", STR_ARGS(t->word->name), STR_ARGS(v->text),
		   place, why);
}

static const char *path_doubt(const struct test *t, struct str v)
{
	bool from_start = t->match == MATCH_EXACT || t->match == MATCH_BEG;

	if (str_find_char(v, '?') >= 0)
		return "never matches, for a path has no query; use query(NAME)";
	if (str_find(v, STR("//")) >= 0)
		return "never matches, for repeated slashes count as one; write one";
	if (from_start && v.n && v.p[0] != '/' && !str_eq(v, STR("*")))
		return "never matches, for a path begins with \"/\"";
	return NULL;
}

static const char *host_doubt(struct str v)
{
	if (str_find_char(v, '/') >= 0)
		return "never matches, for a host holds no slash; write the name alone";
	if (condition_host(v).n != v.n)
		return "never matches, for the host is compared without its port; use dst_port";
	return NULL;
}

static const char *method_doubt(const struct test *t, struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!t->fold && v.p[i] >= 'a' && v.p[i] <= 'z')
			return "never matches a usual method, for they are in capitals; use -i";
	return NULL;
}

static const char *header_doubt(const struct test *t, struct str v)
{
	if (t->match == MATCH_EXACT && t->named.id != FIELD_HOST && str_find_char(v, ',') >= 0 &&
	    str_find_char(v, '"') < 0)
		return "never matches, for each element of a list is compared alone; use one "
		       "value for each";
	return NULL;
}

/* Why a value that can be compared can yet never match; NULL when it may. */
static const char *string_doubt(const struct test *t, struct str v)
{
	if (t->match == MATCH_REG)
		return NULL;
	switch (t->word->sample) {
	case SAMPLE_PATH:
		return path_doubt(t, v);
	case SAMPLE_HOST:
		return host_doubt(v);
	case SAMPLE_METHOD:
		return method_doubt(t, v);
	case SAMPLE_HDR:
		return header_doubt(t, v);
	default:
		return NULL;
	}
}

/* Conditions see a path decoded, so that whoever wrote an escape is understood too. */
static struct str path_value(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.n + 1);

	return to ? http_path_plain(s, to) : STR_NONE;
}

/* As conditions see it. */
static struct str value_text(struct arena *a, const struct test *t, struct str s)
{
	if (t->word->sample == SAMPLE_PATH)
		return path_value(a, s);
	if (t->word->sample == SAMPLE_HOST && s.n > 1 && s.p[s.n - 1] == '.')
		return str_first(s, s.n - 1);
	return s;
}

static void add_string(struct parser *p, struct test *t, const struct value *v)
{
	struct str text = value_text(p->c->arena, t, v->text);
	const char *doubt = string_doubt(t, text);

	if (v->text.n == 0 && t->word->sample == SAMPLE_HOST) {
		value_say(p, DIAG_ERROR, t, v, "a host is never empty");
		return;
	}
	if (!doubt && v->file.n && str_find(v->text, STR(" #")) >= 0)
		doubt = "the whole line is the value; put the comment on a line of its own";
	if (doubt)
		value_say(p, DIAG_WARNING, t, v, doubt);
	if (t->fold)
		t->v.strings[t->n++] = fold(p->c->arena, text);
	else
		t->v.strings[t->n++] = arena_str(p->c->arena, text);
}

static void add_regex(struct parser *p, struct test *t, const struct value *v)
{
	struct regex_link *link = arena_alloc(p->c->arena, sizeof(*link));
	char why[REGEX_WHY];

	if (!link)
		return;
	link->regex = regex_compile(v->text, t->fold, why);
	if (!link->regex) {
		value_say(p, DIAG_ERROR, t, v, why);
		return;
	}
	link->next = *p->c->regexes;
	*p->c->regexes = link;
	t->v.regexes[t->n++] = link->regex;
}

static void add_net(struct parser *p, struct test *t, const struct value *v)
{
	const char *why = net_parse(&t->v.nets[t->n], v->text);

	if (why)
		value_say(p, DIAG_ERROR, t, v, why);
	else
		t->n++;
}

static bool parse_port(struct str s, uint16_t *port)
{
	uint64_t value;

	if (!str_to_u64(s, &value) || value < 1 || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

static void add_range(struct parser *p, struct test *t, const struct value *v)
{
	struct port_range *r = &t->v.ranges[t->n];
	ptrdiff_t dash = str_find_char(v->text, '-');

	if (dash < 0)
		dash = str_find_char(v->text, ':');
	if (!parse_port(dash < 0 ? v->text : str_first(v->text, (size_t)dash), &r->from) ||
	    !parse_port(dash < 0 ? v->text : str_from(v->text, (size_t)dash + 1), &r->to) ||
	    r->from > r->to)
		value_say(p, DIAG_ERROR, t, v,
			  "not a port of 1 to 65535 or a range of them, as in 8000-8999");
	else
		t->n++;
}

static size_t value_size(enum match m)
{
	switch (m) {
	case MATCH_NET:
		return sizeof(struct net);
	case MATCH_RANGE:
		return sizeof(struct port_range);
	case MATCH_REG:
		return sizeof(struct regex *);
	default:
		return sizeof(struct str);
	}
}

static void add_value(struct parser *p, struct test *t, const struct value *v)
{
	switch (t->match) {
	case MATCH_NET:
		add_net(p, t, v);
		break;
	case MATCH_RANGE:
		add_range(p, t, v);
		break;
	case MATCH_REG:
		add_regex(p, t, v);
		break;
	default:
		add_string(p, t, v);
	}
}

static struct str reversed(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; p && i < s.n; i++)
		p[i] = s.p[s.n - 1 - i];
	return p ? (struct str){ p, s.n } : STR_NONE;
}

/* A domain is itself, and the end of what is below it. */
static void set_add_labels(struct compile *c, struct literals *set, struct str s)
{
	struct str back = reversed(&c->temp, s);
	char *below = arena_alloc(&c->temp, s.n + 1);

	if (!back.p || !below)
		return;
	if (s.n == 0 || s.p[0] == '.') {
		literals_add(set, back, LITERAL_PREFIX, 0);
		return;
	}
	literals_add(set, back, LITERAL_EXACT, 0);
	memcpy(below, back.p, s.n);
	below[s.n] = '.';
	literals_add(set, (struct str){ below, s.n + 1 }, LITERAL_PREFIX, 0);
}

static void set_add(struct compile *c, struct test *t, struct str s)
{
	switch (t->match) {
	case MATCH_EXACT:
		literals_add(t->set, s, LITERAL_EXACT, 0);
		break;
	case MATCH_BEG:
		literals_add(t->set, s, LITERAL_PREFIX, 0);
		break;
	case MATCH_END:
		literals_add(t->set, reversed(&c->temp, s), LITERAL_PREFIX, 0);
		break;
	default:
		set_add_labels(c, t->set, s);
	}
}

static void make_set(struct compile *c, struct test *t)
{
	if (t->n <= LIST_MAX)
		return;
	if (t->match == MATCH_NET)
		t->netset = netset_new(c->arena, t->v.nets, t->n);
	if (t->match != MATCH_EXACT && t->match != MATCH_BEG && t->match != MATCH_END &&
	    t->match != MATCH_LABELS)
		return;
	t->set = literals_new(c->arena);
	for (unsigned i = 0; t->set && i < t->n; i++)
		set_add(c, t, t->v.strings[i]);
}

void test_fill(struct parser *p, struct test *t, const struct values *values)
{
	void *list = arena_zalloc(p->c->arena, (values->n + 1) * value_size(t->match));

	if (!list)
		return;
	t->v.strings = list;
	for (unsigned i = 0; i < values->n; i++)
		add_value(p, t, &values->list[i]);
	if (t->n_said > SAID_MAX)
		parser_say(p, p->failed ? DIAG_ERROR : DIAG_WARNING,
			   "%.*s: %u more values of its files have faults like these; is it the "
			   "right file?",
			   STR_ARGS(t->word->name), t->n_said - SAID_MAX);
	make_set(p->c, t);
}
