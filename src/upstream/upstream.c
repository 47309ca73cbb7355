#include "upstream/upstream.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"

struct upstream {
	struct loop *loop;
	struct buf_pool *buffers;
	struct list idle[CONF_MAX_SERVERS]; /* by server->slot, last used first */
	unsigned n_idle[CONF_MAX_SERVERS];
	unsigned slots; /* no slot from here on was ever used */
	struct list own; /* idle ones that belong to one client each */
};

struct upstream *upstream_new(struct loop *l, struct buf_pool *buffers)
{
	struct upstream *up = malloc(sizeof(*up));

	if (!up)
		return NULL;
	up->loop = l;
	up->buffers = buffers;
	up->slots = 0;
	list_init(&up->own);
	return up;
}

void upstream_free(struct upstream *up)
{
	if (!up)
		return;
	upstream_prune_all(up);
	free(up);
}

static struct list *idle_list(struct upstream *up, const struct server *s)
{
	must(s->slot < CONF_MAX_SERVERS);
	while (up->slots <= s->slot) {
		list_init(&up->idle[up->slots]);
		up->n_idle[up->slots++] = 0;
	}
	return &up->idle[s->slot];
}

static void bury(struct loop_task *t)
{
	struct upstream_conn *u = list_of(t, struct upstream_conn, burial);

	server_unref(u->server);
	free(u);
}

/* It is closed, or in use again. */
static void leave_idle(struct upstream_conn *u)
{
	if (list_empty(&u->link))
		return;
	if (list_empty(&u->owned))
		u->home->n_idle[u->server->slot]--;
	list_del(&u->link);
	list_del(&u->owned);
	stats_sub(u->server->stats->idle, 1);
}

void upstream_close(struct upstream_conn *u)
{
	leave_idle(u);
	loop_timer_stop(&u->expiry);
	buf_put(u->home->buffers, &u->in);
	conn_close(&u->conn);
	u->user = NULL;
	loop_task_queue(u->home->loop, &u->burial);
}

static void conn_ready(struct conn *c)
{
	struct upstream_conn *u = list_of(c, struct upstream_conn, conn);

	if (u->user)
		u->ready(u);
	else if (conn_is_open(c) && c->can_read)
		upstream_close(u);
}

/* The timer goes on while the connection is in use (stopping it would cost a request more
 * than this); upstream_keep() sets it anew. */
static void expired(struct loop_timer *t)
{
	struct upstream_conn *u = list_of(t, struct upstream_conn, expiry);

	if (!list_empty(&u->link))
		upstream_close(u);
}

/* Bytes behind an answer must never become the next one. The loop tells of them, but not
 * within the turn in which the connection became idle: then the kernel is asked. */
static bool still_good(struct upstream_conn *u)
{
	struct upstream *up = u->home;

	return !u->conn.can_read &&
	       (u->idle_turn != loop_turns(up->loop) || conn_is_quiet(&u->conn));
}

/* The youngest that the loop has looked at since it became idle spares a call; not far from
 * the front, or it is none of the youngest. A slot's server before `s` may have left some. */
#define LOOKS 4
static struct upstream_conn *youngest(struct upstream *up, struct list *idle,
				      const struct server *s)
{
	struct upstream_conn *first = NULL;
	struct list *e = idle->next;

	for (unsigned i = 0; i < LOOKS && e != idle; i++, e = e->next) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, link);

		if (u->server != s)
			continue;
		if (u->idle_turn != loop_turns(up->loop))
			return u;
		if (!first)
			first = u;
	}
	return first;
}

static struct upstream_conn *use_again(struct upstream_conn *u, uint64_t max_idle, void *user,
				       void (*ready)(struct upstream_conn *u))
{
	uint64_t now = loop_now(u->home->loop);

	if (now - u->idle_since >= max_idle)
		return NULL;
	/* Its timer is late by a tick at most, but its server need not be. */
	if (now >= u->idle_until || !still_good(u)) {
		upstream_close(u);
		return NULL;
	}
	leave_idle(u);
	stats_add(u->server->stats->reuses, 1);
	u->user = user;
	u->ready = ready;
	u->reused = true;
	return u;
}

struct upstream_conn *upstream_reuse(struct upstream *up, struct server *s, uint64_t max_idle,
				     void *user, void (*ready)(struct upstream_conn *u))
{
	struct list *idle = idle_list(up, s);
	struct upstream_conn *u;

	u = youngest(up, idle, s);
	return u ? use_again(u, max_idle, user, ready) : NULL;
}

struct upstream_conn *upstream_reuse_own(struct list *own, struct server *s, unsigned header,
					 uint64_t max_idle, void *user,
					 void (*ready)(struct upstream_conn *u))
{
	struct list *e, *next;

	list_each_safe(e, next, own) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, owned);

		if (u->server == s && u->header == header)
			return use_again(u, u->authenticated ? UINT64_MAX : max_idle, user, ready);
	}
	return NULL;
}

void upstream_close_own(struct list *own)
{
	struct list *e, *next;

	list_each_safe(e, next, own)
		upstream_close(list_of(e, struct upstream_conn, owned));
}

struct upstream_conn *upstream_connect(struct upstream *up, struct server *s, void *user,
				       void (*ready)(struct upstream_conn *u))
{
	struct upstream_conn *u = calloc(1, sizeof(*u));

	if (!u) {
		errno = ENOMEM;
		return NULL;
	}
	list_init(&u->link);
	list_init(&u->owned);
	loop_timer_init(&u->expiry, expired);
	loop_task_init(&u->burial, bury);
	u->home = up;
	u->user = user;
	u->ready = ready;
	if (!conn_connect(&u->conn, up->loop, &s->addr, conn_ready)) {
		errno = u->conn.error;
		free(u);
		return NULL;
	}
	u->server = server_ref(s);
	stats_add(s->stats->connects, 1);
	return u;
}

static bool may_serve_again(const struct upstream_conn *u, uint64_t max_idle)
{
	return !u->conn.can_read && max_idle > 0 && server_serves(u->server);
}

static void become_idle(struct upstream_conn *u, uint64_t max_idle, struct list *among)
{
	struct upstream *up = u->home;

	buf_put(up->buffers, &u->in);
	u->user = NULL;
	u->idle_since = loop_now(up->loop);
	u->idle_until = u->idle_since + max_idle;
	u->idle_turn = loop_turns(up->loop);
	list_push(among, &u->link);
	stats_add(u->server->stats->idle, 1);
	loop_timer_set(up->loop, &u->expiry, u->idle_until);
}

void upstream_keep(struct upstream_conn *u, uint64_t max_idle)
{
	struct list *idle = idle_list(u->home, u->server);
	unsigned *n = &u->home->n_idle[u->server->slot];

	must(!upstream_is_own(u));
	if (*n >= UPSTREAM_IDLE_MAX || !may_serve_again(u, max_idle)) {
		upstream_close(u);
		return;
	}
	become_idle(u, max_idle, idle);
	++*n;
}

static void make_room(struct list *own, const struct server *s)
{
	struct list *e, *next;
	unsigned n = 0;

	list_each_safe(e, next, own) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, owned);

		if (u->server == s || ++n == UPSTREAM_OWN_MAX)
			upstream_close(u);
	}
}

void upstream_keep_own(struct upstream_conn *u, uint64_t max_idle, struct list *own)
{
	must(upstream_is_own(u));
	if (!may_serve_again(u, max_idle)) {
		upstream_close(u);
		return;
	}
	make_room(own, u->server);
	become_idle(u, max_idle, &u->home->own);
	list_push(own, &u->owned);
}

static void prune_list(struct list *idle, bool all)
{
	struct list *e, *next;

	list_each_safe(e, next, idle) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, link);

		if (all || !server_serves(u->server))
			upstream_close(u);
	}
}

static void prune(struct upstream *up, bool all)
{
	for (unsigned slot = 0; slot < up->slots; slot++)
		prune_list(&up->idle[slot], all);
	prune_list(&up->own, all);
}

void upstream_prune(struct upstream *up)
{
	prune(up, false);
}

void upstream_prune_all(struct upstream *up)
{
	prune(up, true);
}
