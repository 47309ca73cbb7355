#include "proxy/acceptor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proxy/session.h"

/* Connections taken in one turn: enough to be cheap, few enough to share. */
#define ACCEPTS 16
/* The most that is taken from a queue whose socket is about to be given up. */
#define ACCEPTS_LAST 4096

struct acceptor {
	struct list link;
	struct worker *worker;
	struct listener *listener; /* a reference */
	const struct frontend *frontend; /* in the worker's current generation */
	const struct generation_listener *here; /* too */
	struct loop_fd io;
	unsigned burst; /* how many are likely to wait: spares the call that says there are none */
};

static void acceptor_ready(struct loop_fd *io, unsigned what);

static const char *all_is_full(const struct acceptor *a)
{
	const struct worker *w = a->worker;

	return stats_get(w->shared->max_connections) < w->now->gen->conf->max_connections
		       ? "there are as many connections as the limit of open files allows, "
			 "which is too low for proxy.max_connections; raise it "
			 "(LimitNOFILE=, ulimit -n)"
		       : "all frontends together have proxy.max_connections connections";
}

/* A place for one more, under both limits; it is taken before there is anybody to sit there, so
 * that no limit is passed however long a worker stands still in between. Whoever only lingers
 * makes room. Returns what keeps it from accepting, or NULL. */
static const char *take_place(struct acceptor *a)
{
	struct proxy_shared *p = a->worker->shared;
	struct frontend_stats *f = a->frontend->stats;
	uint64_t limit = a->frontend->conf->max_connections;

	while (!stats_add_below(&p->connections, stats_get(p->max_connections)))
		if (!session_make_room(a->worker, NULL))
			return all_is_full(a);
	while (!stats_add_below(&f->connections, limit ? limit : UINT64_MAX))
		if (!session_make_room(a->worker, f)) {
			stats_sub(p->connections, 1);
			return "the frontend has as many connections as its "
			       "max_connections allows";
		}
	return NULL;
}

static void leave_place(struct acceptor *a)
{
	stats_sub(a->frontend->stats->connections, 1);
	stats_sub(a->worker->shared->connections, 1);
}

/* Near a limit the workers accept one after the other: a place that one takes for a connection
 * which does not come is to keep no other from accepting. */
static bool is_near_limit(const struct acceptor *a)
{
	const struct proxy_shared *p = a->worker->shared;
	uint64_t limit = a->frontend->conf->max_connections;

	return stats_get(p->connections) + BOARD_WORKERS >= stats_get(p->max_connections) ||
	       (limit && stats_get(a->frontend->stats->connections) + BOARD_WORKERS >= limit);
}

static bool has_room(struct acceptor *a)
{
	if (take_place(a))
		return false;
	leave_place(a);
	return true;
}

static bool watch(struct acceptor *a)
{
	return a->io.event || loop_fd_add(a->worker->loop, &a->io, a->listener->fd, LOOP_READ,
					  acceptor_ready);
}

/* Connections wait in the socket's queue; acceptors_resume() looks again. */
static void pause_accepting(struct acceptor *a, const char *why)
{
	struct worker *w = a->worker;

	loop_fd_del(&a->io);
	w->accepting_paused = true;
	stats_add(w->shared->board->stats.accept_pauses, 1);
	if (worker_may_tell(w, &w->shared->pause_told_at))
		log_warn("accepting on %s is paused: %s; connections wait in its queue",
			 a->listener->text, why);
}

/* A peer that was gone before it was accepted is no fault of ours. */
static bool accept_goes_on(struct acceptor *a, int error)
{
	switch (error) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
		return true;
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		pause_accepting(a, "out of file descriptors; raise the limit (LimitNOFILE) or "
				   "lower proxy.max_connections");
		return false;
	default:
		pause_accepting(a, strerror(error));
		return false;
	}
}

/* Accepts one, which has its place then. -1: there may be none, or it was not to be. */
static int admit(struct acceptor *a, struct addr *peer, bool *more)
{
	const char *limit = take_place(a);
	int fd;

	*more = false;
	if (limit) {
		pause_accepting(a, limit);
		return -1;
	}
	peer->len = sizeof(peer->u);
	fd = accept4(a->listener->fd, &peer->u.sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	*more = fd >= 0 || accept_goes_on(a, errno);
	if (fd < 0)
		leave_place(a);
	return fd;
}

/* True: there may be more to accept. */
static bool accept_one(struct acceptor *a)
{
	struct proxy_shared *p = a->worker->shared;
	bool near_limit = is_near_limit(a), more;
	struct addr peer;
	int fd;

	if (near_limit)
		pthread_mutex_lock(&p->last_places);
	fd = admit(a, &peer, &more);
	if (near_limit)
		pthread_mutex_unlock(&p->last_places);
	if (fd >= 0)
		session_start(a->worker, a->frontend, a->here, fd, &peer);
	return more;
}

static void acceptor_ready(struct loop_fd *io, unsigned what)
{
	struct acceptor *a = list_of(io, struct acceptor, io);

	(void)what;
	for (unsigned i = 0; i < a->burst; i++)
		if (!accept_one(a)) {
			a->burst = a->burst > 1 ? a->burst / 2 : 1;
			return;
		}
	if (a->burst < ACCEPTS)
		a->burst *= 2;
}

static void acceptor_free(struct acceptor *a)
{
	loop_fd_del(&a->io);
	list_del(&a->link);
	listener_unwatch(a->listener);
	listener_unref(a->listener);
	free(a);
}

static struct acceptor *find(struct worker *w, const struct listener *l)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->acceptors) {
		struct acceptor *a = list_of(e, struct acceptor, link);

		if (a->listener == l)
			return a;
	}
	return NULL;
}

static bool add(struct worker *w, struct listener *l)
{
	struct acceptor *a = calloc(1, sizeof(*a));

	if (!a)
		return false;
	a->worker = w;
	a->listener = listener_ref(l);
	listener_watch(l);
	a->io.fd = -1;
	a->burst = 1;
	a->frontend = generation_frontend(w->now->gen, l);
	a->here = generation_listener(w->now->gen, l);
	list_append(&w->acceptors, &a->link);
	return watch(a);
}

/* What waits in the queue of a socket that is given up was taken by the kernel in our name. */
static void accept_last(struct acceptor *a)
{
	for (unsigned i = 0; i < ACCEPTS_LAST && accept_one(a); i++)
		;
}

void acceptors_part(struct worker *w, const struct generation *next_gen)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->acceptors) {
		struct acceptor *a = list_of(e, struct acceptor, link);

		if (!generation_frontend(next_gen, a->listener))
			accept_last(a);
	}
}

bool acceptors_follow(struct worker *w)
{
	const struct generation *g = w->now->gen;
	struct list *e, *next;
	bool good = true;

	list_each_safe(e, next, &w->acceptors) {
		struct acceptor *a = list_of(e, struct acceptor, link);

		a->frontend = generation_frontend(g, a->listener);
		a->here = generation_listener(g, a->listener);
		if (!a->frontend)
			acceptor_free(a);
	}
	for (unsigned i = 0; i < g->n_listeners; i++)
		if (!find(w, g->listeners[i].listener))
			good = add(w, g->listeners[i].listener) && good;
	return good;
}

void acceptors_close(struct worker *w)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->acceptors) {
		struct acceptor *a = list_of(e, struct acceptor, link);

		accept_last(a);
		acceptor_free(a);
	}
	w->accepting_paused = false;
}

void acceptors_resume(struct worker *w)
{
	struct list *e, *next;

	if (!w->accepting_paused)
		return;
	w->accepting_paused = false;
	pthread_mutex_lock(&w->shared->last_places);
	list_each_safe(e, next, &w->acceptors) {
		struct acceptor *a = list_of(e, struct acceptor, link);

		if (!has_room(a) || !watch(a))
			w->accepting_paused = true;
	}
	pthread_mutex_unlock(&w->shared->last_places);
}
