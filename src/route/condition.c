/* Asking a compiled condition. Nothing here allocates. */
#include "route/condition.h"

#include "base/assert.h"

/* "example.com." is example.com, also to servers. */
struct str condition_host(struct str authority)
{
	size_t n = authority.n;

	while (n > 0 && authority.p[n - 1] != ':' && authority.p[n - 1] != ']')
		n--;
	if (n > 0 && authority.p[n - 1] == ':')
		authority = str_first(authority, n - 1);
	return str_without_root(authority);
}

static bool match_exact(struct str s, struct str value, bool fold)
{
	return fold ? str_ieq(s, value) : str_eq(s, value);
}

static bool match_beg(struct str s, struct str value, bool fold)
{
	return fold ? str_ibegins(s, value) : str_begins(s, value);
}

static bool match_end(struct str s, struct str value, bool fold)
{
	return fold ? str_iends(s, value) : str_ends(s, value);
}

/* "example.com" is itself and what ends with ".example.com"; ".example.com" only that. */
static bool match_labels(struct str s, struct str value, bool fold)
{
	if (!match_end(s, value, fold))
		return false;
	return s.n == value.n || value.n == 0 || value.p[0] == '.' ||
	       s.p[s.n - value.n - 1] == '.';
}

static bool match_sub(struct str s, struct str value, bool fold)
{
	return (fold ? str_ifind(s, value) : str_find(s, value)) >= 0;
}

static bool is_slash(char c)
{
	return c == '/';
}

/* The value without slashes at its ends stands in the path between slashes, or between one
 * and an end of the path. */
static bool match_dir(struct str s, struct str value, bool fold)
{
	while (value.n && is_slash(value.p[0]))
		value = str_from(value, 1);
	while (value.n && is_slash(value.p[value.n - 1]))
		value.n--;
	for (size_t at = 0; at + value.n <= s.n; at++) {
		size_t end = at + value.n;

		if (at > 0 && !is_slash(s.p[at - 1]))
			continue;
		if (end < s.n && !is_slash(s.p[end]))
			continue;
		if (match_beg(str_from(s, at), value, fold))
			return true;
	}
	return false;
}

static bool (*const matchers[])(struct str s, struct str value, bool fold) = {
	[MATCH_EXACT] = match_exact,   [MATCH_BEG] = match_beg, [MATCH_END] = match_end,
	[MATCH_LABELS] = match_labels, [MATCH_SUB] = match_sub, [MATCH_DIR] = match_dir,
};

static bool set_holds(const struct test *t, struct str s)
{
	struct literal_walk w;

	literal_walk_start(t->set, &w);
	if (t->match == MATCH_END || t->match == MATCH_LABELS)
		literal_walk_feed_reversed(&w, s, t->fold);
	else if (t->fold)
		literal_walk_feed_folded(&w, s);
	else
		literal_walk_feed(&w, s);
	literal_walk_end(&w);
	return w.rank != RANK_NONE;
}

static bool string_holds(const struct test *t, const struct route_facts *facts, struct str s)
{
	if (t->match == MATCH_FOUND)
		return true;
	if (t->set)
		return set_holds(t, s);
	for (unsigned i = 0; i < t->n; i++) {
		if (t->match == MATCH_REG ? regex_matches(t->v.regexes[i], s, facts->scratch)
					  : matchers[t->match](s, t->v.strings[i], t->fold))
			return true;
	}
	return false;
}

static bool src_holds(const struct test *t, const struct route_facts *facts)
{
	if (facts->src && t->netset)
		return netset_has(t->netset, facts->src);
	for (unsigned i = 0; facts->src && i < t->n; i++)
		if (net_contains(&t->v.nets[i], facts->src))
			return true;
	return false;
}

static bool port_holds(const struct test *t, const struct route_facts *facts)
{
	for (unsigned i = 0; i < t->n; i++)
		if (facts->dst_port >= t->v.ranges[i].from && facts->dst_port <= t->v.ranges[i].to)
			return true;
	return false;
}

/* The next element of a comma-separated list; a comma in a quoted string is none. */
static bool next_element(struct str *rest, struct str *item)
{
	bool quoted = false;

	for (size_t i = 0; i < rest->n; i++) {
		if (quoted && rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"')
			quoted = !quoted;
		else if (!quoted && rest->p[i] == ',') {
			*item = str_trim(str_first(*rest, i));
			*rest = str_from(*rest, i + 1);
			return true;
		}
	}
	*item = str_trim(*rest);
	*rest = STR_NONE;
	return item->n > 0;
}

/* Each element of the comma-separated list that all fields of this name make. An empty
 * field is one empty element. The authority is what the server gets as Host: no list. */
static bool field_holds(const struct test *t, const struct route_facts *facts, struct str value)
{
	struct str item;

	if (t->named.id == FIELD_HOST || t->match == MATCH_FOUND || value.n == 0)
		return string_holds(t, facts, value);
	while (next_element(&value, &item))
		if (item.n && string_holds(t, facts, item))
			return true;
	return false;
}

static bool named_holds(const struct test *t, const struct route_facts *facts)
{
	struct http_named_walk w;
	struct str value;

	http_named_start(&w, &t->named, facts->req);
	while (http_named_next(&w, &value))
		if (t->named.kind == HTTP_NAMED_FIELD ? field_holds(t, facts, value)
						      : string_holds(t, facts, value))
			return true;
	return false;
}

/* What a request of HTTP has; without one (mode tcp) there is nothing that could match. */
static bool http_holds(const struct test *t, const struct route_facts *facts)
{
	const struct http_request *req = facts->req;

	if (!req)
		return false;
	switch (t->word->sample) {
	case SAMPLE_METHOD:
		return string_holds(t, facts, req->method_text);
	case SAMPLE_HOST:
		return req->authority.n && string_holds(t, facts, condition_host(req->authority));
	case SAMPLE_PATH:
		return string_holds(t, facts, req->match_path);
	case SAMPLE_HDR:
	case SAMPLE_QUERY:
	case SAMPLE_COOKIE:
		return named_holds(t, facts);
	default:
		wrong("a sample that no request has");
	}
}

static bool test_holds(const struct test *t, const struct route_facts *facts)
{
	switch (t->word->sample) {
	case SAMPLE_ALWAYS:
		return true;
	case SAMPLE_TLS:
		return facts->tls;
	case SAMPLE_SNI:
		return facts->sni.n && string_holds(t, facts, facts->sni);
	case SAMPLE_SRC:
		return src_holds(t, facts);
	case SAMPLE_DST_PORT:
		return port_holds(t, facts);
	default:
		return http_holds(t, facts);
	}
}

static bool suite_holds(const struct suite *s, const struct route_facts *facts)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct term *t = &s->terms[i];
		bool holds =
			t->test ? test_holds(t->test, facts) : condition_holds(t->nested, facts);

		if (holds == t->negate)
			return false;
	}
	return true;
}

bool condition_holds(const struct condition *c, const struct route_facts *facts)
{
	for (unsigned i = 0; i < c->n; i++)
		if (suite_holds(&c->suites[i], facts))
			return true;
	return false;
}

static const struct word *test_of_request(const struct test *t)
{
	switch (t->word->sample) {
	case SAMPLE_ALWAYS:
	case SAMPLE_SRC:
	case SAMPLE_DST_PORT:
		return NULL;
	default:
		return t->word;
	}
}

const struct word *condition_of_request(const struct condition *c)
{
	const struct word *w = NULL;

	for (unsigned i = 0; i < c->n && !w; i++)
		for (unsigned k = 0; k < c->suites[i].n && !w; k++) {
			const struct term *t = &c->suites[i].terms[k];

			w = t->test ? test_of_request(t->test) : condition_of_request(t->nested);
		}
	return w;
}

static bool excludes_tls(const struct suite *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->terms[i].negate && s->terms[i].test &&
		    s->terms[i].test->word->sample == SAMPLE_TLS)
			return true;
	return false;
}

static void test_hosts(const struct test *t, void (*tell)(void *arg, struct str host, bool below),
		       void *arg)
{
	bool says = t->word->sample == SAMPLE_HOST || t->word->sample == SAMPLE_SNI;

	if (!says || (t->match != MATCH_EXACT && t->match != MATCH_LABELS))
		return;
	for (unsigned i = 0; i < t->n; i++)
		tell(arg, t->v.strings[i], t->match == MATCH_LABELS);
}

void condition_hosts(const struct condition *c,
		     void (*tell)(void *arg, struct str host, bool below), void *arg)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct suite *s = &c->suites[i];

		if (excludes_tls(s))
			continue;
		for (unsigned k = 0; k < s->n; k++)
			if (s->terms[k].test && !s->terms[k].negate)
				test_hosts(s->terms[k].test, tell, arg);
			else if (!s->terms[k].negate)
				condition_hosts(s->terms[k].nested, tell, arg);
	}
}
