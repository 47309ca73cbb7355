#include "limit/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "limit/exempt.h"

#define WORDS 5
#define SHOWN(s) STR_ARGS(str_first(s, 64))

struct words {
	unsigned n;
	struct str word[WORDS];
};

/* What a LIMIT names. */
struct scope {
	uint64_t id; /* as in struct limit_exemption; 0: all */
	struct str name;
	bool secret;
};

__attribute__((format(printf, 3, 4))) static void say(struct limit_answer *a,
						      enum control_exit status, const char *fmt,
						      ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
	a->status = status;
}

/* ---- which limit ---- */

static bool is_current(const struct board_limit *l)
{
	return stats_get(l->used) && stats_get(l->current) == BOARD_CURRENT;
}

/* False: none has that name. */
static bool find_scope(const struct board_limits *b, struct str word, struct scope *scope)
{
	ptrdiff_t slash = str_find_char(word, '/');
	struct str frontend = slash < 0 ? STR_NONE : str_first(word, (size_t)slash);
	struct str name = slash < 0 ? word : str_from(word, (size_t)slash + 1);
	bool found = false;

	*scope = (struct scope){ .id = board_limit_id(frontend, name), .name = word };
	for (unsigned i = 0; i < BOARD_LIMITS; i++) {
		const struct board_limit *l = &b->limits[i];

		if (!is_current(l) || !str_eq(str_of(l->name), name) ||
		    (slash >= 0 && !str_eq(str_of(l->frontend), frontend)))
			continue;
		found = true;
		scope->secret |= stats_get(l->secret) != 0;
	}
	return found;
}

static void refuse_scope(const struct board_limits *b, struct str word, struct limit_answer *a)
{
	const size_t size = sizeof(a->text);
	unsigned known = 0;
	size_t n;

	say(a, CONTROL_REFUSED, "no limit is called \"%.*s\"", SHOWN(word));
	n = strlen(a->text);
	for (unsigned i = 0; i < BOARD_LIMITS && n < size; i++)
		if (is_current(&b->limits[i]))
			n += (size_t)snprintf(a->text + n, size - n, "%s%s/%s",
					      known++ ? ", " : "; there are ",
					      b->limits[i].frontend, b->limits[i].name);
	if (!known)
		snprintf(a->text + n, size - n, "; this configuration has none");
}

/* ---- which key ---- */

/* Both readings of a word: an address or network, and a value. */
static void read_key(const struct board_limits *b, struct str word, struct limit_exemption *e)
{
	struct addr first;

	if (net_parse(&e->net, word)) {
		e->net.family_bytes = 0;
	} else {
		first = net_addr(&e->net);
		net_of(&e->net, &first, e->net.prefix, e->net.prefix);
	}
	if (!limit_read_digest(word, &e->digest))
		e->digest = limit_digest(b, word);
}

/* What was typed may be a credential: it is only kept when it is known to be none. */
static void name_key(const struct scope *scope, struct str word, struct limit_exemption *e)
{
	bool shows = scope->id && !scope->secret && word.n < sizeof(e->text);

	if (e->net.family_bytes)
		net_format(&e->net, e->text, sizeof(e->text));
	else if (shows)
		str_copy(e->text, sizeof(e->text), word);
	else
		snprintf(e->text, sizeof(e->text), "#%016" PRIx64, e->digest);
}

static bool is_key_of(const struct board_key *key, struct str word,
		      const struct limit_exemption *e)
{
	struct addr given, own;
	struct net net;

	if (key->digest)
		return key->digest == e->digest;
	if (!e->net.family_bytes || net_parse(&net, str_of(key->text)))
		return str_eq(str_of(key->text), word);
	given = net_addr(&e->net);
	own = net_addr(&net);
	return net_contains(&e->net, &own) || net_contains(&net, &given);
}

/* ---- clear ---- */

struct clear {
	const struct scope *scope;
	struct str word; /* the key; n 0: all */
	struct limit_exemption key;
	uint64_t now;
};

static bool is_of_scope(const struct board_limits *b, const struct scope *scope, uint64_t limit)
{
	if (!scope->id || scope->id == limit)
		return true;
	for (unsigned i = 0; i < BOARD_LIMITS; i++)
		if (stats_get(b->limits[i].used) && b->limits[i].id == limit)
			return scope->id == board_limit_id(STR_NONE, str_of(b->limits[i].name));
	return false;
}

static bool clear_entry(struct limit_table *t, const struct clear *c,
			const struct board_limit_set *s, unsigned way)
{
	const struct board_limit_note *n = &s->note[way];
	struct board_key key;

	if (!stats_get(s->owner[way]) ||
	    !board_read_block((_Atomic uint32_t *)(uintptr_t)&n->turn, &key, &n->key, sizeof(key)))
		return false;
	if (!is_of_scope(limit_table_board(t), c->scope, key.limit) ||
	    (c->word.n && !is_key_of(&key, c->word, &c->key)))
		return false;
	if (stats_get(s->arrival[way]) <= c->now && !stats_get(n->refused))
		return false;
	limit_entry_clear(t, s, way, c->now);
	return true;
}

static unsigned clear_all(struct limit_table *t, const struct clear *c)
{
	const struct board_limit_set *s;
	unsigned at = 0, n = 0;

	while ((s = board_limit_next(limit_table_board(t), &at)))
		for (unsigned w = 0; w < BOARD_LIMIT_WAYS; w++)
			n += clear_entry(t, c, s, w);
	return n;
}

static void run_clear(struct limit_table *t, const struct words *w, uint64_t now_us,
		      struct limit_answer *a)
{
	const struct board_limits *b = limit_table_board(t);
	struct scope scope = { 0 };
	struct clear c = { .scope = &scope, .now = now_us * 1000 };
	bool named = w->n && find_scope(b, w->word[0], &scope);
	unsigned n;

	if (w->n == 2 && !named) {
		refuse_scope(b, w->word[0], a);
		return;
	}
	if (w->n && !named)
		scope = (struct scope){ 0 };
	if (w->n > named)
		c.word = w->word[w->n - 1];
	read_key(b, c.word, &c.key);
	n = clear_all(t, &c);
	if (n || !c.word.n)
		say(a, CONTROL_DONE, "cleared %u key%s%s%.*s", n, n == 1 ? "" : "s",
		    named ? " of " : "", STR_ARGS(scope.name));
	else
		say(a, CONTROL_REFUSED, "nothing is counted of the key \"%.*s\"%s", SHOWN(c.word),
		    named ? " by this limit" : ", and no limit has that name");
}

/* ---- exempt and enforce ---- */

/* False: the answer is given. */
static bool read_exemption(const struct board_limits *b, const struct words *w,
			   struct scope *scope, struct limit_exemption *e,
			   struct limit_answer *a)
{
	*scope = (struct scope){ 0 };
	*e = (struct limit_exemption){ .until_us = UINT64_MAX };
	if (w->n == 2 && !find_scope(b, w->word[1], scope)) {
		refuse_scope(b, w->word[1], a);
		return false;
	}
	e->limits = scope->id;
	str_copy(e->limit, sizeof(e->limit), scope->name);
	read_key(b, w->word[0], e);
	name_key(scope, w->word[0], e);
	return true;
}

/* Whether all that it could be exempt from counts by addresses, which it is none of. */
static bool is_nobodys_key(const struct board_limits *b, const struct scope *scope,
			   const struct limit_exemption *e)
{
	bool any = false;

	for (unsigned i = 0; i < BOARD_LIMITS && !e->net.family_bytes; i++) {
		const struct board_limit *l = &b->limits[i];

		if (!is_current(l) || !is_of_scope(b, scope, l->id))
			continue;
		if (!str_begins(str_of(l->by), STR("src")))
			return false;
		any = true;
	}
	return any;
}

static void run_exempt(struct limit_table *t, const struct words *w, uint64_t now_us,
		       struct limit_answer *a)
{
	struct words rest = { .n = w->n - 1 };
	struct limit_exemption e;
	struct scope scope;
	uint64_t us;

	memcpy(rest.word, w->word + 1, rest.n * sizeof(rest.word[0]));
	if (!str_to_u64(w->word[0], &us)) {
		say(a, CONTROL_USAGE, "exempt takes a time in microseconds");
		return;
	}
	if (!read_exemption(limit_table_board(t), &rest, &scope, &e, a))
		return;
	if (is_nobodys_key(limit_table_board(t), &scope, &e)) {
		say(a, CONTROL_REFUSED,
		    "\"%.*s\" is no address and no network, and %s by nothing else; write one as "
		    "in 198.51.100.7 or 198.51.100.0/24",
		    SHOWN(rest.word[0]), *e.limit ? "this limit counts" : "all limits count");
		return;
	}
	if (us && us < UINT64_MAX - now_us)
		e.until_us = now_us + us;
	if (!limit_exempt(limit_table_board(t), &e, now_us)) {
		say(a, CONTROL_REFUSED,
		    "%d keys are exempt already, and that is all there is room for; end one with "
		    "hpcbalctl limits enforce KEY, or exempt a network",
		    BOARD_EXEMPTIONS);
		return;
	}
	say(a, CONTROL_DONE, "%s is exempt from %s%s", e.text,
	    *e.limit ? "the limit " : "all limits", e.limit);
}

static void run_enforce(struct limit_table *t, const struct words *w, uint64_t now_us,
			struct limit_answer *a)
{
	struct limit_exemption e;
	struct scope scope;

	if (!read_exemption(limit_table_board(t), w, &scope, &e, a))
		return;
	if (limit_enforce(limit_table_board(t), &e, now_us))
		say(a, CONTROL_DONE, "%s is exempt no more", e.text);
	else
		say(a, CONTROL_REFUSED,
		    "\"%.*s\" is not exempt%s%s; hpcbalctl limits shows who is, and from what",
		    SHOWN(w->word[0]), *e.limit ? " from the limit " : "", e.limit);
}

/* ---- the words ---- */

static const struct verb {
	const char *name;
	unsigned least, most; /* words behind it */
	void (*run)(struct limit_table *t, const struct words *w, uint64_t now_us,
		    struct limit_answer *a);
} verbs[] = {
	{ "clear", 0, 2, run_clear },
	{ "exempt", 2, 3, run_exempt },
	{ "enforce", 1, 2, run_enforce },
};

void limit_command(struct limit_table *t, struct str request, uint64_t now_us,
		   struct limit_answer *a)
{
	struct words w = { 0 };
	struct str verb = STR_NONE, word;

	str_split(&request, '\0', &word);
	str_split(&request, '\0', &verb);
	while (w.n < WORDS && str_split(&request, '\0', &word))
		w.word[w.n++] = word;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!str_eq(verb, str_of(verbs[i].name)))
			continue;
		if (w.n < verbs[i].least || w.n > verbs[i].most)
			break;
		verbs[i].run(t, &w, now_us, a);
		return;
	}
	say(a, CONTROL_USAGE,
	    "limits knows clear [LIMIT] [KEY], exempt KEY [LIMIT] and enforce KEY [LIMIT]");
}
