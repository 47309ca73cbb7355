#include "proxy/worker_thread.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxy/acceptor.h"
#include "proxy/exchange.h"
#include "proxy/session.h"

#define BEAT_US (100 * CLOCK_MS)
/* At what a reload removed, while there may be any. */
#define LOOK_US (1 * CLOCK_SEC)

/* ---- what a reload removed ---- */

/* When an exchange has had its time on a server that a reload removed; 0: it has none. */
static uint64_t cut_due(const struct worker *w, const struct exchange *x)
{
	uint64_t retired_at = x && x->server ? atomic_load(&x->server->retired) : 0;

	return retired_at ? retired_at + w->now->gen->conf->drain : 0;
}

/* Returns when the next one is due, 0: never. */
static uint64_t cut_due_ones(struct worker *w, uint64_t now)
{
	struct list *e, *next;
	uint64_t first = 0;

	list_each_safe(e, next, &w->sessions) {
		struct session *s = list_of(e, struct session, link);
		uint64_t due = cut_due(w, s->exchange);

		if (due && due <= now)
			exchange_cut(s->exchange, REASON_DRAIN_DEADLINE);
		else if (due && (!first || due < first))
			first = due;
	}
	return first;
}

static bool has_old_tenancies(const struct worker *w)
{
	return w->tenancies.next != w->tenancies.prev;
}

static void cut_removed(struct worker *w, uint64_t now)
{
	uint64_t due;

	if (!w->cut_at || now < w->cut_at)
		return;
	due = cut_due_ones(w, now);
	w->cut_at = 0;
	/* An exchange of an old configuration may still get to a server that is gone. */
	if (has_old_tenancies(w))
		w->cut_at = due && due < now + LOOK_US ? due : now + LOOK_US;
}

/* ---- taking a generation ---- */

struct take_letter {
	struct loop_letter letter;
	struct worker *worker;
	struct generation *gen;
};

struct answer_letter {
	struct loop_letter letter;
	struct worker *worker;
	void (*answer)(struct proxy_shared *p, struct worker *w);
};

static void answer_delivered(struct loop_letter *m)
{
	struct answer_letter *a = list_of(m, struct answer_letter, letter);

	a->answer(a->worker->shared, a->worker);
	free(a);
}

static void answer_main(struct worker *w, void (*answer)(struct proxy_shared *p, struct worker *w))
{
	struct answer_letter *a = malloc(sizeof(*a));

	must(a);
	a->worker = w;
	a->answer = answer;
	loop_post(w->shared->main_loop, &a->letter, answer_delivered);
}

static void sessions_part(struct worker *w, const struct generation *next_gen)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->sessions)
		session_part(list_of(e, struct session, link), next_gen);
}

static void sessions_follow(struct worker *w)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->sessions)
		session_follow(list_of(e, struct session, link));
}

static void take_delivered(struct loop_letter *m)
{
	struct take_letter *t = list_of(m, struct take_letter, letter);
	struct worker *w = t->worker;
	struct tenancy *old = w->now;
	struct tenancy *next = tenancy_new(w, t->gen);

	must(next);
	acceptors_part(w, t->gen);
	sessions_part(w, t->gen);
	w->now = next;
	if (!acceptors_follow(w))
		log_error("worker %u cannot watch a listening socket: out of memory or "
			  "descriptors; connections are accepted by the other workers only",
			  w->index);
	sessions_follow(w);
	upstream_prune(w->upstream);
	tenancy_leave(old);
	w->cut_at = loop_now(w->loop);
	answer_main(w, w->shared->worker_took);
	free(t);
}

void worker_take(struct worker *w, struct generation *g)
{
	struct take_letter *t = malloc(sizeof(*t));

	must(t);
	t->worker = w;
	t->gen = generation_ref(g);
	loop_post(w->loop, &t->letter, take_delivered);
}

/* ---- draining ---- */

static void drain_check(struct worker *w)
{
	if (w->phase != WORKER_DRAINING || w->n_sessions > 0)
		return;
	w->phase = WORKER_OVER;
	loop_stop(w->loop);
}

static void drain_delivered(struct loop_letter *m)
{
	struct worker *w = list_of(m, struct worker, drain.letter);
	struct list *e, *next;

	atomic_store(&w->drain.posted, false);
	if (w->phase == WORKER_RUNNING) {
		w->phase = WORKER_DRAINING;
		acceptors_close(w);
	}
	w->ends_idle = atomic_load(&w->drain.ends_idle);
	list_each_safe(e, next, &w->sessions)
		session_drain(list_of(e, struct session, link));
	w->stop_at = atomic_load(&w->drain.stop_at);
	drain_check(w);
}

void worker_drain(struct worker *w, uint64_t stop_at, bool end_idle)
{
	atomic_store(&w->drain.stop_at, stop_at);
	if (end_idle)
		atomic_store(&w->drain.ends_idle, true);
	if (!atomic_exchange(&w->drain.posted, true))
		loop_post(w->loop, &w->drain.letter, drain_delivered);
}

static void cut_all(struct worker *w)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->sessions) {
		struct session *s = list_of(e, struct session, link);

		if (s->exchange)
			exchange_cut(s->exchange, REASON_STOPPING);
	}
	/* Whoever does not even take the error answer; a carrier's end is that of others too. */
	while (!list_empty(&w->sessions))
		session_close(list_of(w->sessions.next, struct session, link));
}

/* ---- the thread ---- */

static void tidy(struct loop_task *t)
{
	struct worker *w = list_of(t, struct worker, tidy);

	acceptors_resume(w);
	drain_check(w);
}

static void beat(struct loop_timer *t)
{
	struct worker *w = list_of(t, struct worker, beat);
	uint64_t now = loop_now(w->loop);

	stats_set(w->shared->board->worker[w->index].beat_us, now);
	acceptors_resume(w);
	upstream_prune(w->upstream);
	cut_removed(w, now);
	if (w->phase == WORKER_DRAINING && now >= w->stop_at)
		cut_all(w);
	loop_timer_set(w->loop, t, now + BEAT_US);
}

/* What is freed by tasks needs its turns. */
static void settle(struct worker *w)
{
	for (unsigned i = 0; i < 8; i++)
		loop_turn(w->loop, 0);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "worker %u", w->index % BOARD_WORKERS);
	pthread_setname_np(pthread_self(), name);
	if (!acceptors_follow(w))
		log_error("worker %u cannot watch a listening socket: out of descriptors or "
			  "memory; raise LimitNOFILE", w->index);
	beat(&w->beat);
	loop_run(w->loop);
	upstream_prune_all(w->upstream);
	loop_timer_stop(&w->beat);
	settle(w);
	stats_set(w->shared->board->worker[w->index].beat_us, 0);
	answer_main(w, w->shared->worker_drained);
	return NULL;
}

struct worker *worker_start(struct proxy_shared *shared, unsigned index, struct generation *g,
			    const char **why)
{
	struct worker *w = worker_new(shared, index);

	*why = "out of memory";
	if (!w)
		return NULL;
	loop_timer_init(&w->beat, beat);
	loop_task_init(&w->tidy, tidy);
	w->now = tenancy_new(w, generation_ref(g));
	if (!w->loop || !w->scratch || !w->upstream || !w->now)
		goto fail;
	if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
		*why = "the thread could not be created";
		goto fail;
	}
	return w;
fail:
	worker_free(w);
	return NULL;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	exchange_free_spares(w);
	worker_free(w);
}
