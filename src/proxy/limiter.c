#include "proxy/limiter.h"

#include <stdlib.h>

#include "base/log.h"
#include "limit/exempt.h"

#define NS_PER_US 1000ull
#define NS_PER_SEC 1000000000ull
/* What a request is counted by that has the field or cookie more than once: servers differ in
 * which one they take, so it must not be a way to a fresh bucket. */
static const char more_than_one[] = "(more than one)";

/* ---- the key ---- */

/* False: the request has nothing that the limit counts by. */
static bool find_value(const struct frontend_limit *l, const struct http_request *req,
		       struct str *value)
{
	unsigned n = 1;

	*value = STR_NONE;
	if (l->named.name.n)
		n = http_named_first(&l->named, req, value);
	if (n > 1)
		*value = str_of(more_than_one);
	return n > 0;
}

/* ---- over a limit ---- */

static void tell_dry_run(struct worker *w, const struct limit_key *k, const char *key)
{
	const struct board_limit *on = k->limit->on;

	if (worker_may_tell(w, &k->limit->on->told_us))
		log_notice("limit %s/%s (dry run) would refuse %s; hpcbalctl limits shows whom "
			   "else",
			   on->frontend, on->name, key);
}

/* True: it goes through all the same. What remains of it is in `text` and the counters. */
static bool is_excused(struct worker *w, const struct limit_key *k, uint64_t now,
		       char text[BOARD_KEY_TEXT])
{
	const struct board_limits *b = limit_table_board(w->shared->limits);
	struct limit_stats *stats = &k->limit->on->stats;

	limit_key_text(b, k, text);
	limit_note_refusal(w->shared->limits, k, now);
	if (limit_is_exempt(b, k, now / NS_PER_US)) {
		stats_add(stats->exempted, 1);
		return true;
	}
	if (!k->limit->conf->dry_run) {
		stats_add(stats->refused, 1);
		return false;
	}
	stats_add(stats->would_refuse, 1);
	tell_dry_run(w, k, text);
	return true;
}

/* ---- requests ---- */

struct asking {
	struct exchange *x;
	uint64_t now, wait;            /* the longest of those that refuse */
	const struct limit *refused_by; /* the first one; NULL: none */
	unsigned n;
	struct limit_key keys[CONF_MAX_LIMITS_HERE]; /* of those that let it through */
};

static void mark(struct exchange *x, const struct limit_key *k, const char *key)
{
	struct access_limit *l;

	/* The first dry run is told of, and whoever refuses in any case. */
	if (x->limited && k->limit->conf->dry_run)
		return;
	l = arena_alloc(&x->arena, sizeof(*l));
	if (!l)
		return;
	*l = (struct access_limit){ .name = k->limit->conf->name,
				    .key = arena_str(&x->arena, str_of(key)),
				    .dry_run = k->limit->conf->dry_run };
	x->limited = l;
}

/* It was refused already: this one only says when it would let it through. */
static void over_too(struct asking *a, const struct limit_key *k, uint64_t wait)
{
	const struct board_limits *b = limit_table_board(a->x->session->worker->shared->limits);

	if (wait > a->wait && !k->limit->conf->dry_run &&
	    !limit_is_exempt(b, k, a->now / NS_PER_US))
		a->wait = wait;
}

static void over(struct asking *a, const struct limit_key *k, uint64_t wait)
{
	char text[BOARD_KEY_TEXT];

	if (a->refused_by) {
		over_too(a, k, wait);
		return;
	}
	if (is_excused(a->x->session->worker, k, a->now, text)) {
		if (k->limit->conf->dry_run)
			mark(a->x, k, text);
		return;
	}
	a->refused_by = k->limit;
	a->wait = wait;
	mark(a->x, k, text);
}

static void ask_one(struct asking *a, const struct frontend_limit *l, struct str value)
{
	struct worker *w = a->x->session->worker;
	struct limit_key *k = &a->keys[a->n];
	uint64_t wait;

	*k = limit_key_make(limit_table_board(w->shared->limits), &l->limit,
			    &a->x->session->peer, value);
	wait = limit_peek(w->shared->limits, k, a->now);
	if (wait) { /* the turn may have begun a while ago, and somebody may have waited just so */
		a->now = loop_now_exact(w->loop) * NS_PER_US;
		wait = limit_peek(w->shared->limits, k, a->now);
	}
	if (wait)
		over(a, k, wait);
	else
		a->n++;
}

/* Nothing is taken before all were asked: what one of them refuses costs nothing at another. */
static void ask_all(struct asking *a, const struct route_facts *facts)
{
	const struct frontend *f = a->x->frontend;
	struct str value;

	for (unsigned i = 0; i < f->n_rates; i++) {
		const struct frontend_limit *l = &f->rates[i];

		if (find_value(l, &a->x->req, &value) &&
		    router_limits(f->router, l->limit.index, facts))
			ask_one(a, l, value);
	}
}

/* Another worker may have been quicker since. */
static void take_all(struct asking *a)
{
	struct limit_table *t = a->x->session->worker->shared->limits;
	uint64_t wait;

	for (unsigned i = 0; i < a->n && !a->refused_by; i++)
		if (!limit_take(t, &a->keys[i], a->now, &wait))
			over(a, &a->keys[i], wait);
}

bool limiter_pass(struct exchange *x, const struct route_facts *facts)
{
	struct asking a = { .x = x, .now = loop_now(x->session->worker->loop) * NS_PER_US };

	ask_all(&a, facts);
	if (!a.refused_by)
		take_all(&a);
	if (!a.refused_by)
		return true;
	x->retry_after = (unsigned)((a.wait + NS_PER_SEC - 1) / NS_PER_SEC);
	return false;
}

/* ---- connections ---- */

static void hold_at(struct session *s, uint32_t place)
{
	if (place)
		s->holds.place[s->holds.n++] = place;
}

static void leave_all(struct session *s)
{
	struct limit_table *t = s->worker->shared->limits;

	while (s->holds.n)
		limit_release(t, s->holds.place[--s->holds.n], false);
}

void limiter_leave(struct session *s)
{
	leave_all(s);
	if (s->holds.told)
		limit_release(s->worker->shared->limits, s->holds.told, true);
}

/* For the lines of all that comes over this connection; freed with the session. */
static void mark_session(struct session *s, const struct limit_key *k, const char *key)
{
	struct str name = k->limit->conf->name;
	struct access_limit *l = malloc(sizeof(*l) + name.n + BOARD_KEY_TEXT);
	char *text = (char *)(l + 1);

	if (!l)
		return;
	memcpy(text, name.p, name.n);
	l->name = (struct str){ text, name.n };
	str_copy(text + name.n, BOARD_KEY_TEXT, str_of(key));
	l->key = str_of(text + name.n);
	l->dry_run = k->limit->conf->dry_run;
	free(s->limited);
	s->limited = l;
}

/* True: it may stay, and is counted. */
static bool admit(struct session *s, const struct limit *l, enum reason *why)
{
	struct worker *w = s->worker;
	struct limit_table *t = w->shared->limits;
	struct limit_key k = limit_key_make(limit_table_board(t), l, &s->peer, STR_NONE);
	uint64_t now = loop_now(w->loop) * NS_PER_US;
	char text[BOARD_KEY_TEXT] = "";
	enum limit_hold how;
	uint32_t place;
	bool over, excused;

	how = limit_hold(t, &k, l->conf->dry_run, now, &place, &over);
	excused = !over || is_excused(w, &k, now, text);
	if (how != LIMIT_HELD && excused) {
		limit_release(t, place, true);
		how = limit_hold(t, &k, true, now, &place, &over);
	}
	if (over && (!excused || l->conf->dry_run))
		mark_session(s, &k, text);
	if (how == LIMIT_HELD) {
		hold_at(s, place);
		return true;
	}
	s->holds.told = place;
	*why = how == LIMIT_TURNED ? REASON_LIMIT_CONNECTIONS : REASON_LIMIT_CONNECTIONS_CUT;
	return false;
}

static struct route_facts facts_of(const struct session *s)
{
	return (struct route_facts){ .src = &s->peer,
				     .dst_port = session_port(s),
				     .scratch = s->worker->scratch };
}

bool limiter_admit(struct session *s, enum reason *why)
{
	const struct frontend *f = s->frontend;
	struct route_facts facts = facts_of(s);

	for (unsigned i = 0; i < f->n_holds; i++) {
		const struct limit *l = &f->holds[i].limit;

		if (!router_limits(f->router, l->index, &facts) || admit(s, l, why))
			continue;
		leave_all(s);
		return false;
	}
	return true;
}

/* Gives up the place among the held ones, if it is there. */
static bool keeps(struct session_holds *held, uint32_t place)
{
	for (unsigned i = 0; place && i < held->n; i++)
		if (held->place[i] == place) {
			held->place[i] = held->place[--held->n];
			return true;
		}
	return false;
}

void limiter_follow(struct session *s)
{
	struct limit_table *t = s->worker->shared->limits;
	const struct frontend *f = s->frontend;
	struct session_holds held = s->holds;
	struct route_facts facts = facts_of(s);

	s->holds.n = 0;
	for (unsigned i = 0; i < f->n_holds; i++) {
		const struct limit *l = &f->holds[i].limit;
		struct limit_key k = limit_key_make(limit_table_board(t), l, &s->peer, STR_NONE);
		uint32_t place = limit_held_at(t, &k);
		bool over;

		if (!router_limits(f->router, l->index, &facts))
			continue;
		if (!keeps(&held, place))
			limit_hold(t, &k, true, loop_now(s->worker->loop) * NS_PER_US, &place,
				   &over);
		hold_at(s, place);
	}
	while (held.n)
		limit_release(t, held.place[--held.n], false);
}
