#include "proxy/health.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/health.h"
#include "balance/queue.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "upstream/probe.h"

#define BEAT_US (100 * CLOCK_MS)
/* What the board says of a server is believed when it was checked so recently. */
#define BELIEVED_US (60 * CLOCK_SEC)

/* A check's settings with their texts, in one piece of memory. */
struct settings {
	struct conf_check check;
	uint64_t external;
	struct tls_client *tls; /* a reference, or NULL */
	char bytes[];
};

/* One server that is watched. Health thread only. */
struct check {
	struct healthd *health;
	struct server *server; /* a reference */
	struct board_server *slot;
	struct settings *settings;
	struct settings *outdated; /* what a running probe still looks at */
	struct probe *probe;       /* NULL: none is running */
	struct external *external; /* likewise */
	struct loop_timer timer;
	uint64_t due; /* of the next probe; meaningless while `fresh` */
	struct health state;
	bool draining; /* it asks for that */
	uint64_t round; /* that it came with */
	bool undecided; /* its first result has not come */
	bool fresh;     /* it has not found its place in the interval */
	bool listed;    /* while a new list is compared with the old */
};

/* One healthd_watch() whose `decided` was not called yet. */
struct round {
	struct list link;
	uint64_t number;
	struct loop *back;
	struct loop_letter letter;
	void (*decided)(void *arg, uint64_t round);
	void *arg;
};

struct healthd {
	struct loop *loop;
	pthread_t thread;
	struct board_proxy *board;
	void (*event)(void *arg, const char *line);
	void *arg;
	uint64_t n_rounds; /* main thread */
	_Atomic bool hushed;

	/* health thread */
	struct loop_timer beat;
	struct loop_letter stop;
	struct list rounds;
	struct check *checks[BOARD_SERVERS]; /* by the server's slot */
	bool cannot_ask[2];                  /* and that was said; [1]: of external ones */
	struct externals externals;
};

/* ---- settings ---- */

static struct str settings_keep(char **at, struct str s)
{
	struct str kept = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static struct settings *settings_new(const struct health_target *t)
{
	const struct conf_check *c = t->check;
	size_t ranges = c->n_expect * sizeof(*c->expect);
	size_t texts = c->method.n + c->path.n + c->host.n + c->fields.n + c->body.n +
		       c->drain_header.n + c->external.n;
	struct settings *s = malloc(sizeof(*s) + ranges + texts);
	char *at;

	must(s);
	s->check = *c;
	s->external = t->external;
	s->tls = t->tls ? tls_client_ref(t->tls) : NULL;
	at = s->bytes;
	/* The ranges first: they have to be aligned. */
	s->check.expect = (void *)settings_keep(&at, (struct str){ (void *)c->expect, ranges }).p;
	s->check.method = settings_keep(&at, c->method);
	s->check.path = settings_keep(&at, c->path);
	s->check.host = settings_keep(&at, c->host);
	s->check.fields = settings_keep(&at, c->fields);
	s->check.body = settings_keep(&at, c->body);
	s->check.drain_header = settings_keep(&at, c->drain_header);
	s->check.external = settings_keep(&at, c->external);
	return s;
}

static void settings_free(struct settings *s)
{
	if (!s)
		return;
	tls_client_unref(s->tls);
	free(s);
}

/* ---- rounds ---- */

static void decided_deliver(struct loop_letter *m)
{
	struct round *r = list_of(m, struct round, letter);

	r->decided(r->arg, r->number);
	free(r);
}

/* A round waits for what came with it or before, and is still watched. */
static bool round_is_decided(const struct healthd *h, const struct round *r)
{
	for (unsigned i = 0; i < BOARD_SERVERS; i++) {
		const struct check *c = h->checks[i];

		if (c && c->undecided && c->round <= r->number)
			return false;
	}
	return true;
}

static void rounds_tell(struct healthd *h)
{
	struct list *e, *next;

	list_each_safe(e, next, &h->rounds)
	{
		struct round *r = list_of(e, struct round, link);

		if (!round_is_decided(h, r))
			continue;
		list_del(e);
		loop_post(r->back, &r->letter, decided_deliver);
	}
}

/* ---- what others see ---- */

static void publish_state(struct check *c, bool changed)
{
	static const enum board_server_state states[] = {
		[SERVER_STARTING] = BOARD_SERVER_STARTING,
		[SERVER_UP] = BOARD_SERVER_UP,
		[SERVER_DOWN] = BOARD_SERVER_DOWN,
	};

	stats_set(c->slot->health, states[c->state.state]);
	stats_set(c->slot->streak, c->state.streak);
	if (changed || stats_get(c->slot->since_wall_us) == 0)
		stats_set(c->slot->since_wall_us, clock_wall_us());
}

static void publish_result(struct check *c, const struct probe_result *r)
{
	struct board_server *b = c->slot;
	struct board_check result = { .at_wall_us = clock_wall_us(),
				      .duration_us = r->duration_us,
				      .status = r->status,
				      .ok = r->ok };

	snprintf(result.reason, sizeof(result.reason), "%.*s", BOARD_CHECK_TEXT - 1, r->reason);
	board_add_check(b, &result);
	stats_add(c->server->stats->checks, 1);
	if (!r->ok && !r->unasked)
		stats_add(c->server->stats->check_failures, 1);
	stats_set(b->check_last_wall_us, result.at_wall_us);
	stats_set(b->check_duration_us, r->duration_us);
	stats_set(b->check_status, r->status);
	stats_set(b->check_ok, r->ok);
	board_write_text(&b->check_turn, b->check_reason, sizeof(b->check_reason),
			 str_of(r->reason));
}

struct tally {
	unsigned up, starting, all;
};

static struct tally tally_backend(const struct healthd *h, const char *backend)
{
	struct tally t = { 0 };

	for (unsigned i = 0; i < BOARD_SERVERS; i++) {
		const struct check *c = h->checks[i];

		if (!c || strcmp(c->server->backend, backend) != 0)
			continue;
		t.all++;
		t.up += c->state.state == SERVER_UP && !c->draining;
		t.starting += c->state.state == SERVER_STARTING;
	}
	return t;
}

/* "503, expected 200-399 (3 failures in a row, 12 ms)" */
static void format_why(char *to, size_t size, const struct probe_result *r, bool first,
		       unsigned in_a_row)
{
	char count[64], time[32] = "";

	if (first)
		snprintf(count, sizeof(count), "first check");
	else if (in_a_row == 1)
		snprintf(count, sizeof(count), r->ok ? "1 success" : "1 failure");
	else
		snprintf(count, sizeof(count), "%u %s in a row", in_a_row,
			 r->ok ? "successes" : "failures");
	if (!r->ok)
		snprintf(time, sizeof(time), ", %llu ms",
			 (unsigned long long)(r->duration_us / CLOCK_MS));
	snprintf(to, size, "%s (%s%s)", r->reason, count, time);
}

static void report(struct check *c, enum server_health from, const char *why)
{
	struct tally t = tally_backend(c->health, c->server->backend);
	bool up = c->state.state == SERVER_UP;
	int level = LOG_NOTICE;
	char line[512];

	snprintf(line, sizeof(line), "server %s/%s is %s: %s; %u of %u servers of %s are up",
		 c->server->backend, c->server->name, server_health_name(c->state.state), why,
		 t.up, t.all, c->server->backend);
	if (!up)
		level = t.up || t.starting ? LOG_WARNING : LOG_ERR;
	else if (from == SERVER_STARTING)
		level = LOG_INFO;
	log_msg(level, "%s", line);
	c->health->event(c->health->arg, line);
}

void health_begin_slow_start(struct server *s, uint64_t now)
{
	struct board_server *on = s->owner;

	stats_set(on->back_since_us, now);
	if (stats_get(on->slow_start_us))
		stats_add(on->stats.slow_starts, 1);
	server_begin_slow_start(s, now);
}

/* The one place where a watched server's state changes. `why` NULL: nobody is told. */
static void check_set_state(struct check *c, struct health to, const char *why)
{
	enum server_health from = c->state.state;
	bool changed = from != to.state;

	c->state = to;
	if (from == SERVER_DOWN && to.state == SERVER_UP)
		health_begin_slow_start(c->server, loop_now_exact(c->health->loop));
	server_set_health(c->server, to.state);
	if (changed)
		pool_stir(c->server, loop_now_exact(c->health->loop));
	publish_state(c, changed && why);
	if (!changed || !why || atomic_load(&c->health->hushed))
		return;
	if (from != SERVER_STARTING)
		stats_add(c->server->stats->transitions, 1);
	report(c, from, why);
}

static void report_draining(struct check *c, const char *why)
{
	struct tally t = tally_backend(c->health, c->server->backend);
	char line[512];

	snprintf(line, sizeof(line), "server %s/%s %s: %s; %u of %u servers of %s are up",
		 c->server->backend, c->server->name,
		 c->draining ? "is DRAIN" : "is UP again and takes new requests", why, t.up, t.all,
		 c->server->backend);
	log_msg(t.up ? LOG_NOTICE : LOG_WARNING, "%s", line);
	c->health->event(c->health->arg, line);
}

/* The one place where it changes that a server asks to be drained. `why` NULL: nobody is told. */
static void check_set_draining(struct check *c, bool on, const char *why)
{
	bool changed = c->draining != on;

	c->draining = on;
	server_set_draining(c->server, on);
	stats_set(c->slot->draining, on);
	if (changed)
		pool_stir(c->server, loop_now_exact(c->health->loop));
	if (!changed || !why || atomic_load(&c->health->hushed))
		return;
	stats_set(c->slot->since_wall_us, clock_wall_us());
	report_draining(c, why);
}

static void check_decide(struct check *c)
{
	if (!c->undecided)
		return;
	c->undecided = false;
	rounds_tell(c->health);
}

/* ---- one check after the other ---- */

static void check_start(struct check *c);

static void timer_fired(struct loop_timer *t)
{
	check_start(list_of(t, struct check, timer));
}

/* The first check comes at once; from then on each server has its own place in the
 * interval, so that they do not all ask at the same moment. While results contradict the state
 * checks come faster, and behind that the server goes back to a place of its own. */
static void check_schedule(struct check *c)
{
	const struct conf_check *s = &c->settings->check;
	uint64_t now = loop_now(c->health->loop);
	bool fast = c->state.streak > 0 && s->fast_interval && s->fast_interval < s->interval;

	if (fast)
		c->due = now + s->fast_interval;
	else if (c->fresh)
		c->due = health_first_at(now, s->interval, c->server->hash);
	else
		c->due += s->interval;
	if (c->due < now)
		c->due = now;
	c->fresh = fast;
	loop_timer_set(c->health->loop, &c->timer, c->due);
}

/* Said once, until one could be made again. Nobody runs programs for a proxy that leaves, and
 * its successor's checks are what counts. */
static void report_unasked(struct check *c, const struct probe_result *r)
{
	bool external = c->settings->check.kind == CONF_CHECK_EXTERNAL;

	if (r->unasked && !c->health->cannot_ask[external] && !atomic_load(&c->health->hushed))
		log_error("health check of server %s/%s could not be made: %s; its state stays. "
			  "%s",
			  c->server->backend, c->server->name, r->reason,
			  external ? "See what hpcbalctl status says of the runner"
				   : "Raise the limit of open files, or lower max_connections");
	c->health->cannot_ask[external] = r->unasked;
}

static void check_judge(struct check *c, const struct probe_result *r)
{
	const struct conf_check *s = &c->settings->check;
	bool first = c->state.state == SERVER_STARTING;
	char why[256];

	report_unasked(c, r);
	if (r->unasked && !first)
		return;
	format_why(why, sizeof(why), r, first, c->state.streak + 1);
	if (r->ok) /* before it is up for a moment without that */
		server_set_draining(c->server, r->drain);
	check_set_state(c, health_next(c->state, r->ok, s->rise, s->fall), why);
	/* A check that fails says nothing of it, until the server is down. */
	if (c->state.state == SERVER_DOWN)
		check_set_draining(c, false, NULL);
	else if (r->ok)
		check_set_draining(c, r->drain, r->reason);
}

static void probe_done(void *arg, const struct probe_result *r)
{
	struct check *c = arg;

	c->probe = NULL;
	c->external = NULL;
	settings_free(c->outdated);
	c->outdated = NULL;
	publish_result(c, r);
	check_judge(c, r);
	check_schedule(c);
	check_decide(c);
}

static bool is_running(const struct check *c)
{
	return c->probe || c->external;
}

static void check_start(struct check *c)
{
	static const struct probe_result no_memory = { .unasked = true,
						       .reason = "out of memory" };

	const struct settings *s = c->settings;

	if (s->check.kind == CONF_CHECK_EXTERNAL)
		c->external = external_start(&c->health->externals, s->external, s->check.timeout,
					     probe_done, c);
	else
		c->probe = probe_start(c->health->loop, &s->check, &c->server->addr, s->tls,
				       probe_done, c);
	if (!is_running(c))
		probe_done(c, &no_memory);
}

/* ---- the list ---- */

static void check_stop(struct check *c)
{
	probe_cancel(c->probe);
	external_cancel(c->external);
	c->probe = NULL;
	c->external = NULL;
	settings_free(c->outdated);
	c->outdated = NULL;
	loop_timer_stop(&c->timer);
}

static void check_free(struct check *c)
{
	check_stop(c);
	c->health->checks[c->server->slot] = NULL;
	server_unref(c->server);
	settings_free(c->settings);
	free(c);
}

static bool is_checked(const struct settings *s)
{
	return s->check.kind != CONF_CHECK_NONE;
}

/* What a proxy before this one found out. */
static bool board_knows(const struct check *c)
{
	uint64_t last = stats_get(c->slot->check_last_wall_us), now = clock_wall_us();
	uint32_t health = stats_get(c->slot->health);

	if (!last || !stats_get(c->slot->checked) ||
	    (health != BOARD_SERVER_UP && health != BOARD_SERVER_DOWN))
		return false;
	return last >= now || now - last < BELIEVED_US + 3 * c->settings->check.interval;
}

static void check_begin(struct check *c)
{
	bool drains = board_knows(c) && stats_get(c->slot->draining) == 1;

	check_set_draining(c, drains && is_checked(c->settings), NULL);
	if (!is_checked(c->settings)) {
		check_set_state(c, (struct health){ SERVER_UP, 0 }, NULL);
	} else if (board_knows(c)) {
		enum server_health was =
			stats_get(c->slot->health) == BOARD_SERVER_UP ? SERVER_UP : SERVER_DOWN;

		check_set_state(c, (struct health){ was, stats_get(c->slot->streak) }, NULL);
		check_schedule(c);
	} else {
		c->undecided = true;
		check_set_state(c, (struct health){ SERVER_STARTING, 0 }, NULL);
		stats_set(c->slot->since_wall_us, clock_wall_us());
		check_start(c);
	}
	stats_set(c->slot->checked, is_checked(c->settings));
}

static void check_new(struct healthd *h, struct server *server, struct settings *settings,
		      uint64_t round)
{
	struct check *c = calloc(1, sizeof(*c));

	must(c && server->owner);
	c->health = h;
	c->server = server;
	c->slot = server->owner;
	c->settings = settings;
	c->round = round;
	c->listed = c->fresh = true;
	loop_timer_init(&c->timer, timer_fired);
	h->checks[server->slot] = c;
	check_begin(c);
}

static void settings_replace(struct check *c, struct settings *to)
{
	if (is_running(c) && !c->outdated)
		c->outdated = c->settings;
	else
		settings_free(c->settings);
	c->settings = to;
}

/* The same server with other settings, or the same ones. */
static void check_change(struct check *c, struct settings *to)
{
	bool was_checked = is_checked(c->settings);
	uint64_t soonest = loop_now(c->health->loop) + to->check.interval;

	settings_replace(c, to);
	stats_set(c->slot->checked, is_checked(to));
	if (!is_checked(to)) {
		check_stop(c);
		check_set_state(c, (struct health){ SERVER_UP, 0 }, "it is not checked any more");
		check_set_draining(c, false, "it is not checked any more");
		check_decide(c);
	} else if (!was_checked) {
		c->fresh = true;
		check_start(c);
	} else if (!is_running(c) && c->due > soonest) {
		c->due = soonest;
		loop_timer_set(c->health->loop, &c->timer, c->due);
	}
}

/* A new list on its way to the health thread. */
struct watch {
	struct loop_letter letter;
	struct healthd *health;
	struct round *round;
	unsigned n;
	struct {
		struct server *server; /* a reference */
		struct settings *settings;
	} targets[];
};

static void watch_take(struct healthd *h, struct server *server, struct settings *settings,
		       uint64_t round)
{
	struct check *c = h->checks[server->slot];

	if (c && c->server != server) {
		check_free(c);
		c = NULL;
	}
	if (!c) {
		check_new(h, server, settings, round);
		return;
	}
	server_unref(server); /* it has one already */
	c->listed = true;
	check_change(c, settings);
}

static void watch_deliver(struct loop_letter *m)
{
	struct watch *w = list_of(m, struct watch, letter);
	struct healthd *h = w->health;

	for (unsigned i = 0; i < BOARD_SERVERS; i++)
		if (h->checks[i])
			h->checks[i]->listed = false;
	for (unsigned i = 0; i < w->n; i++)
		watch_take(h, w->targets[i].server, w->targets[i].settings, w->round->number);
	for (unsigned i = 0; i < BOARD_SERVERS; i++)
		if (h->checks[i] && !h->checks[i]->listed)
			check_free(h->checks[i]);
	list_append(&h->rounds, &w->round->link);
	rounds_tell(h);
	free(w);
}

uint64_t healthd_watch(struct healthd *h, const struct health_target *targets, unsigned n,
		       struct loop *back, void (*decided)(void *arg, uint64_t round), void *arg)
{
	struct watch *w = malloc(sizeof(*w) + n * sizeof(w->targets[0]));
	struct round *r = malloc(sizeof(*r));

	must(w && r);
	*r = (struct round){
		.number = ++h->n_rounds, .back = back, .decided = decided, .arg = arg
	};
	w->health = h;
	w->round = r;
	w->n = n;
	for (unsigned i = 0; i < n; i++) {
		must(targets[i].server->slot < BOARD_SERVERS);
		w->targets[i].server = server_ref(targets[i].server);
		w->targets[i].settings = settings_new(&targets[i]);
	}
	loop_post(h->loop, &w->letter, watch_deliver);
	return h->n_rounds;
}

/* ---- what comes back of external checks ---- */

struct answer {
	struct loop_letter letter;
	struct healthd *health;
	uint64_t number;
	char verdict;
	size_t n;
	char words[];
};

static void answer_deliver(struct loop_letter *m)
{
	struct answer *a = list_of(m, struct answer, letter);

	externals_answer(&a->health->externals, a->number, a->verdict,
			 (struct str){ a->words, a->n });
	free(a);
}

void healthd_answer(struct healthd *h, uint64_t number, char verdict, struct str words)
{
	struct answer *a = malloc(sizeof(*a) + words.n);

	if (!a)
		return; /* its time limit ends it */
	a->health = h;
	a->number = number;
	a->verdict = verdict;
	a->n = words.n;
	if (words.n)
		memcpy(a->words, words.p, words.n);
	loop_post(h->loop, &a->letter, answer_deliver);
}

/* ---- the thread ---- */

static void beat_fired(struct loop_timer *t)
{
	struct healthd *h = list_of(t, struct healthd, beat);
	uint64_t now = loop_now(h->loop);

	stats_set(h->board->health_beat_us, now);
	loop_timer_set(h->loop, &h->beat, now + BEAT_US);
}

static void stop_deliver(struct loop_letter *m)
{
	loop_stop(list_of(m, struct healthd, stop)->loop);
}

static void *health_main(void *arg)
{
	struct healthd *h = arg;

	/* By itself: of another thread it takes a file, which the filter keeps shut. */
	pthread_setname_np(pthread_self(), "health");
	beat_fired(&h->beat);
	loop_run(h->loop);
	stats_set(h->board->health_beat_us, 0);
	return NULL;
}

/* Signals are the main thread's. */
static bool thread_start(struct healthd *h)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&h->thread, NULL, health_main, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

struct healthd *healthd_start(struct board_proxy *board,
			      void (*event)(void *arg, const char *line), external_ask *ask,
			      void *arg)
{
	struct healthd *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->board = board;
	h->event = event;
	h->arg = arg;
	list_init(&h->rounds);
	loop_timer_init(&h->beat, beat_fired);
	h->loop = loop_new();
	externals_init(&h->externals, h->loop, ask, arg);
	if (h->loop && thread_start(h))
		return h;
	loop_free(h->loop);
	free(h);
	return NULL;
}

void healthd_hush(struct healthd *h)
{
	atomic_store(&h->hushed, true);
}

void healthd_stop(struct healthd *h)
{
	struct list *e;

	loop_post(h->loop, &h->stop, stop_deliver);
	pthread_join(h->thread, NULL);
	for (unsigned i = 0; i < BOARD_SERVERS; i++)
		if (h->checks[i])
			check_free(h->checks[i]);
	while ((e = list_pop(&h->rounds)))
		free(list_of(e, struct round, link));
	externals_end(&h->externals);
	loop_timer_stop(&h->beat);
	loop_free(h->loop);
	free(h);
}
