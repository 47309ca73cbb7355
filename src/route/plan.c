#include "route/plan.h"

#include "route/compile.h"

/* Hosts times paths of one suite that are worth a key each. */
#define KEYS_MAX 100000
/* Suites that are compared one by one. */
#define COMPARED_MAX 256

/* What a suite asks of host and path; NULL: nothing that is literal. */
struct literal_part {
	const struct test *host, *path;
	bool whole; /* it asks nothing else */
};

static bool is_host(const struct test *t)
{
	return t->word->sample == SAMPLE_HOST && t->match == MATCH_EXACT;
}

static bool is_path(const struct test *t)
{
	return t->word->sample == SAMPLE_PATH &&
	       (t->match == MATCH_EXACT || t->match == MATCH_BEG);
}

static struct literal_part literal_part_of(const struct suite *s)
{
	struct literal_part part = { .whole = true };

	for (unsigned i = 0; i < s->n; i++) {
		const struct test *t = s->terms[i].negate ? NULL : s->terms[i].test;

		if (t && !part.host && is_host(t))
			part.host = t;
		else if (t && !part.path && is_path(t))
			part.path = t;
		else if (!t || t->word->sample != SAMPLE_ALWAYS)
			part.whole = false;
	}
	return part;
}

static size_t count_keys(const struct literal_part *part)
{
	return (size_t)(part->host ? part->host->n : 1) * (part->path ? part->path->n : 1);
}

struct key {
	struct str host, path;
	enum literal_kind kind;
	bool fold;
};

static struct key key_at(const struct literal_part *part, size_t i)
{
	unsigned n_paths = part->path ? part->path->n : 1;
	struct key k = { .kind = LITERAL_PREFIX };

	if (part->host)
		k.host = part->host->v.strings[i / n_paths];
	if (part->path) {
		k.path = part->path->v.strings[i % n_paths];
		k.kind = part->path->match == MATCH_EXACT ? LITERAL_EXACT : LITERAL_PREFIX;
		k.fold = part->path->fold;
	}
	return k;
}

static void add_key(struct plan *p, const struct key *k, uint32_t rank)
{
	struct literals **set = k->fold ? &p->folded : &p->cased;
	char *text = arena_alloc(p->temp, k->host.n + 1 + k->path.n);

	if (!*set)
		*set = literals_new(p->growing);
	if (!*set || !text) {
		p->arena->failed = true; /* the router is not to be used without this key */
		return;
	}
	if (k->host.n)
		memcpy(text, k->host.p, k->host.n);
	text[k->host.n] = '\0';
	if (k->path.n)
		memcpy(text + k->host.n + 1, k->path.p, k->path.n);
	literals_add(*set, (struct str){ text, k->host.n + 1 + k->path.n }, k->kind, rank);
	p->has_hosts |= k->host.n > 0;
}

static void add_suite_keys(struct plan *p, const struct suite *s, uint32_t rank)
{
	struct literal_part part = literal_part_of(s);
	size_t n = count_keys(&part);

	for (size_t i = 0; i < n; i++) {
		struct key k = key_at(&part, i);

		add_key(p, &k, rank);
	}
}

static bool is_literal(const struct condition *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct literal_part part = literal_part_of(&c->suites[i]);

		if (!part.whole || count_keys(&part) > KEYS_MAX)
			return false;
	}
	return true;
}

static void remember(struct plan *p, const struct suite *s, uint32_t rank)
{
	struct suite *suites;
	uint32_t *ranks;

	if (p->n_suites == COMPARED_MAX)
		return;
	suites = vector_room(p->arena, p->suites, p->n_suites, sizeof(*suites));
	ranks = vector_room(p->arena, p->ranks, p->n_suites, sizeof(*ranks));
	if (!suites || !ranks)
		return;
	p->suites = suites;
	p->ranks = ranks;
	suites[p->n_suites] = *s;
	ranks[p->n_suites++] = rank;
}

bool plan_add(struct plan *p, const struct condition *c, uint32_t rank)
{
	bool literal = is_literal(c);

	for (unsigned i = 0; i < c->n; i++) {
		struct literal_part part = literal_part_of(&c->suites[i]);

		/* A suite that is whole takes its literals, also beside others that are not. */
		if (part.whole && count_keys(&part) <= KEYS_MAX)
			add_suite_keys(p, &c->suites[i], rank);
		else
			remember(p, &c->suites[i], rank);
	}
	return literal;
}

void plan_pack(struct plan *p)
{
	if (p->cased)
		p->cased = literals_pack(p->cased, p->arena);
	if (p->folded)
		p->folded = literals_pack(p->folded, p->arena);
	p->temp = p->growing = NULL;
}

static struct str until_letter(struct str s)
{
	size_t n = 0;

	while (n < s.n && str_lower_char(s.p[n]) == s.p[n] && (s.p[n] < 'a' || s.p[n] > 'z'))
		n++;
	return str_first(s, n);
}

/* The first route whose literal takes all that the key does. */
static uint32_t covers_in(const struct literals *set, struct str host, const struct key *k,
			  bool set_folds)
{
	struct literal_walk w;

	if (!set)
		return RANK_NONE;
	literal_walk_start(set, &w);
	literal_walk_feed(&w, host);
	literal_walk_feed(&w, (struct str){ "", 1 });
	if (set_folds)
		literal_walk_feed_folded(&w, k->path);
	else if (k->fold) /* what minds the case takes all of it only without a letter */
		literal_walk_feed(&w, until_letter(k->path));
	else
		literal_walk_feed(&w, k->path);
	if (k->kind == LITERAL_EXACT && k->fold <= set_folds)
		literal_walk_end(&w);
	return w.rank;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t key_covered(const struct plan *p, const struct key *k)
{
	uint32_t rank = least(covers_in(p->cased, STR_NONE, k, false),
			      covers_in(p->folded, STR_NONE, k, true));

	if (k->host.n)
		rank = least(rank, least(covers_in(p->cased, k->host, k, false),
					 covers_in(p->folded, k->host, k, true)));
	return rank;
}

/* Of several routes that together take everything, the last is named. */
static uint32_t literals_covered(const struct plan *p, const struct suite *s)
{
	struct literal_part part = literal_part_of(s);
	size_t n = count_keys(&part);
	uint32_t last = 0;

	if (n > KEYS_MAX || n == 0)
		return RANK_NONE;
	for (size_t i = 0; i < n; i++) {
		struct key k = key_at(&part, i);
		uint32_t rank = key_covered(p, &k);

		if (rank == RANK_NONE)
			return RANK_NONE;
		last = rank > last ? rank : last;
	}
	return last;
}

static bool values_eq(const struct test *a, const struct test *b)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (a->match == MATCH_NET) {
			if (memcmp(&a->v.nets[i], &b->v.nets[i], sizeof(struct net)) != 0)
				return false;
		} else if (a->match == MATCH_RANGE) {
			if (a->v.ranges[i].from != b->v.ranges[i].from ||
			    a->v.ranges[i].to != b->v.ranges[i].to)
				return false;
		} else if (!str_eq(a->v.strings[i], b->v.strings[i])) {
			return false;
		}
	}
	return true;
}

static bool test_eq(const struct test *a, const struct test *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->word != b->word || a->match != b->match || a->fold != b->fold)
		return false;
	if (a->match == MATCH_REG || a->n != b->n)
		return false;
	return a->named.id == b->named.id &&
	       (a->named.id || str_eq(a->named.name, b->named.name)) && values_eq(a, b);
}

static bool has_term(const struct suite *s, const struct term *t)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->terms[i].negate == t->negate && s->terms[i].nested == t->nested &&
		    test_eq(s->terms[i].test, t->test))
			return true;
	return false;
}

/* All that `a` asks is asked by `b` too, so `b` can take nothing that `a` did not. */
static bool is_part_of(const struct suite *a, const struct suite *b)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!has_term(b, &a->terms[i]))
			return false;
	return true;
}

static uint32_t suite_covered(const struct plan *p, const struct suite *s)
{
	uint32_t rank = literals_covered(p, s);

	for (unsigned i = 0; rank == RANK_NONE && i < p->n_suites; i++)
		if (is_part_of(&p->suites[i], s))
			rank = p->ranks[i];
	return rank;
}

uint32_t plan_covers(const struct plan *p, const struct condition *c)
{
	uint32_t last = 0;

	for (unsigned i = 0; i < c->n; i++) {
		uint32_t rank = suite_covered(p, &c->suites[i]);

		if (rank == RANK_NONE)
			return RANK_NONE;
		last = rank > last ? rank : last;
	}
	return c->n ? last : RANK_NONE;
}

static uint32_t find_in(const struct literals *set, struct str host, struct str path, bool fold)
{
	struct literal_walk w;

	literal_walk_start(set, &w);
	literal_walk_feed_folded(&w, host);
	literal_walk_feed(&w, (struct str){ "", 1 });
	if (fold)
		literal_walk_feed_folded(&w, path);
	else
		literal_walk_feed(&w, path);
	literal_walk_end(&w);
	return w.rank;
}

uint32_t plan_find(const struct plan *p, const struct http_request *req)
{
	struct str path = req ? req->match_path : STR_NONE, host = STR_NONE;
	uint32_t rank = RANK_NONE;

	if (p->has_hosts && req)
		host = condition_host(req->authority);
	if (p->cased)
		rank = find_in(p->cased, STR_NONE, path, false);
	if (p->folded)
		rank = least(rank, find_in(p->folded, STR_NONE, path, true));
	if (host.n && p->cased)
		rank = least(rank, find_in(p->cased, host, path, false));
	if (host.n && p->folded)
		rank = least(rank, find_in(p->folded, host, path, true));
	return rank;
}
