#include "proxy/worker.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/clock.h"
#include "http/h1_write.h"

#define BUFFERS_KEPT 128
#define TELL_AGAIN (60 * CLOCK_SEC)

struct tenancy *tenancy_new(struct worker *w, struct generation *g)
{
	struct tenancy *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->gen = g;
	t->users = 1;
	list_append(&w->tenancies, &t->link);
	return t;
}

void tenancy_leave(struct tenancy *t)
{
	must(t->users > 0);
	if (--t->users)
		return;
	list_del(&t->link);
	generation_unref(t->gen);
	free(t);
}

bool worker_may_tell(struct worker *w, _Atomic uint64_t *told_at)
{
	uint64_t now = loop_now(w->loop), before = atomic_load(told_at);

	/* Another worker's clock may be a little ahead of this one's. */
	if (before && now < before + TELL_AGAIN)
		return false;
	return atomic_compare_exchange_strong(told_at, &before, now);
}

struct str worker_date(struct worker *w)
{
	uint64_t now = loop_now(w->loop);

	if (now - w->date_at > 50 * CLOCK_MS) {
		w->date_at = now;
		http_date(clock_wall_us() / CLOCK_SEC, w->date);
	}
	return str_of(w->date);
}

void worker_unlink_session(struct worker *w, struct list *link)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->marks) {
		struct worker_mark *mark = list_of(e, struct worker_mark, link);

		if (mark->at == link)
			mark->at = link->next;
	}
	list_del(link);
}

void worker_session_opened(struct worker *w)
{
	w->n_sessions++;
	stats_add(w->shared->board->stats.connections, 1);
}

void worker_session_closed(struct worker *w)
{
	w->n_sessions--;
	stats_sub(w->shared->connections, 1);
	stats_sub(w->shared->board->stats.connections, 1);
	loop_task_queue(w->loop, &w->tidy);
}

/* Never in the way of a start: where the kernel has no random bytes yet, the clocks have to do. */
static void start_ids(struct worker *w)
{
	uint64_t random[2] = { clock_wall_us(), clock_now_us() ^ (uintptr_t)w };

	(void)!getrandom(random, sizeof(random), GRND_NONBLOCK);
	w->ids = (struct request_ids){ random[0], random[1] };
}

struct worker *worker_new(struct proxy_shared *shared, unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->index = index;
	w->shared = shared;
	list_init(&w->tenancies);
	list_init(&w->acceptors);
	list_init(&w->sessions);
	list_init(&w->lingering);
	list_init(&w->marks);
	/* So that no number comes again in the next process: no exchange takes but 1 µs. */
	w->last_exchange = clock_now_us();
	start_ids(w);
	buf_pool_init(&w->buffers, BUFFERS_KEPT);
	w->loop = loop_new();
	w->scratch = router_scratch_new();
	w->upstream = w->loop ? upstream_new(w->loop, &w->buffers, &shared->to_servers) : NULL;
	return w;
}

void worker_free(struct worker *w)
{
	if (w->now)
		tenancy_leave(w->now);
	upstream_free(w->upstream);
	router_scratch_free(w->scratch);
	buf_pool_free(&w->buffers);
	loop_free(w->loop);
	free(w);
}
