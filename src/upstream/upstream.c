#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "upstream/upstream_parts.h"

#define STRAY_TOLD_US (60 * CLOCK_SEC)

struct upstream *upstream_new(struct loop *l, struct buf_pool *buffers,
			      struct upstream_limit *limit)
{
	struct upstream *up = malloc(sizeof(*up));

	if (!up)
		return NULL;
	up->loop = l;
	up->buffers = buffers;
	up->slots = 0;
	list_init(&up->aged);
	up->n_aged = 0;
	up->limit = limit;
	up->stray_told_at = 0;
	return up;
}

void upstream_free(struct upstream *up)
{
	if (!up)
		return;
	upstream_prune_all(up);
	free(up);
}

static void prepare_slot(struct upstream *up, const struct server *s)
{
	must(s->slot < CONF_MAX_SERVERS);
	while (up->slots <= s->slot) {
		list_init(&up->idle[up->slots]);
		list_init(&up->trunks[up->slots]);
		up->speaks_h1[up->slots] = false;
		up->streams[up->slots] = 0;
		up->n_idle[up->slots++] = 0;
	}
}

static struct list *idle_list(struct upstream *up, const struct server *s)
{
	prepare_slot(up, s);
	return &up->idle[s->slot];
}

struct list *upstream_trunks(struct upstream *up, const struct server *s)
{
	prepare_slot(up, s);
	return &up->trunks[s->slot];
}

static void bury(struct loop_task *t)
{
	struct upstream_conn *u = list_of(t, struct upstream_conn, burial);

	server_unref(u->server);
	free(u);
}

static bool is_idle(const struct upstream_conn *u)
{
	return !list_empty(&u->age);
}

/* It is closed, or in use again. */
void upstream_leave_idle(struct upstream_conn *u)
{
	if (!is_idle(u))
		return;
	if (list_empty(&u->owned) && !u->under)
		u->home->n_idle[u->server->slot]--;
	list_del(&u->link);
	list_del(&u->owned);
	list_del(&u->age);
	u->home->n_aged--;
	stats_sub(u->server->stats->idle, 1);
}

void upstream_close(struct upstream_conn *u)
{
	upstream_leave_idle(u);
	if (u->under) {
		upstream_h2_end(u->under);
		return;
	}
	loop_timer_stop(&u->expiry);
	buf_put(u->home->buffers, &u->in);
	if (u->counted)
		stats_sub(u->home->limit->open, 1);
	u->counted = false;
	conn_close(&u->conn);
	if (u->trunk)
		upstream_h2_left(u);
	u->user = NULL;
	loop_task_queue(u->home->loop, &u->burial);
}

/* Told once a minute: a server that does so does it all the time. */
static void tell_stray(struct upstream_conn *u)
{
	struct upstream *up = u->home;
	uint64_t now = loop_now(up->loop);

	stats_add(u->server->stats->response_errors, 1);
	if (up->stray_told_at && now - up->stray_told_at < STRAY_TOLD_US)
		return;
	up->stray_told_at = now;
	log_notice("server %s/%s sent bytes on an idle connection, which answer no request: they "
		   "are dropped and the connection is closed; mend the server",
		   u->server->backend, u->server->name);
}

static void idle_ready(struct upstream_conn *u)
{
	char bytes[64];
	size_t n;

	switch (conn_recv(&u->conn, bytes, sizeof(bytes), &n)) {
	case CONN_AGAIN: /* the transport had something to say, a ticket of TLS */
		return;
	case CONN_OK:
		tell_stray(u);
		break;
	case CONN_EOF:
	case CONN_FAIL:
		break;
	}
	upstream_close(u);
}

void upstream_conn_ready(struct conn *c)
{
	struct upstream_conn *u = list_of(c, struct upstream_conn, conn);

	if (u->user)
		u->ready(u);
	else if (conn_is_open(c) && c->can_read)
		idle_ready(u);
}

/* The timer goes on while the connection is in use (stopping it would cost a request more
 * than this); upstream_keep() sets it anew. */
static void expired(struct loop_timer *t)
{
	struct upstream_conn *u = list_of(t, struct upstream_conn, expiry);

	if (is_idle(u))
		upstream_close(u);
}

/* The loop tells of what comes, but of nothing within the turn in which the connection became
 * idle, and of what it found in this turn perhaps only after us. */
static bool is_in_doubt(const struct upstream_conn *u)
{
	return u->idle_turn == loop_turns(u->home->loop) || loop_fd_has_news(&u->conn.io);
}

/* Bytes behind an answer must never become the next one, and who has gone answers no request:
 * where the loop may not have told, the kernel is asked. */
static bool still_good(const struct upstream_conn *u)
{
	return !u->conn.can_read && (!is_in_doubt(u) || conn_is_quiet(&u->conn));
}

/* The youngest that the loop has looked at since it became idle spares a call; not far from
 * the front, or it is none of the youngest. A slot's server before `s` may have left some. */
#define LOOKS 4
static struct upstream_conn *youngest(struct list *idle, const struct server *s,
				      const struct upstream_way *way)
{
	struct upstream_conn *first = NULL;
	struct list *e = idle->next;

	for (unsigned i = 0; i < LOOKS && e != idle; i++, e = e->next) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, link);

		if (u->server != s || u->way.tls != way->tls ||
		    u->way.http2 != way->http2)
			continue;
		if (!is_in_doubt(u))
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
	upstream_leave_idle(u);
	stats_add(u->server->stats->reuses, 1);
	u->user = user;
	u->ready = ready;
	u->reused = true;
	u->sent_before = u->conn.sent;
	return u;
}

struct upstream_conn *upstream_reuse(struct upstream *up, struct server *s,
				     const struct upstream_way *way, uint64_t max_idle, void *user,
				     void (*ready)(struct upstream_conn *u))
{
	struct list *idle = idle_list(up, s);
	struct upstream_conn *u = NULL;

	if (way->http2)
		u = upstream_h2_reuse(up, s, way, user, ready);
	if (u)
		return u;
	u = youngest(idle, s, way);
	return u ? use_again(u, max_idle, user, ready) : NULL;
}

struct upstream_conn *upstream_reuse_own(struct list *own, struct server *s,
					 const struct upstream_way *way, uint64_t max_idle,
					 void *user, void (*ready)(struct upstream_conn *u))
{
	struct list *e, *next;

	list_each_safe(e, next, own) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, owned);

		if (u->server == s && u->way.tls == way->tls && u->way.header == way->header)
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

static void close_oldest(struct upstream *up)
{
	upstream_close(list_of(up->aged.next, struct upstream_conn, age));
}

/* An idle connection gives its descriptor to one that is needed. */
static bool connect_within_limit(struct upstream *up, struct conn *c, const struct addr *to)
{
	if (up->n_aged && stats_get(up->limit->open) >= stats_get(up->limit->most))
		close_oldest(up);
	while (!conn_connect(c, up->loop, to, upstream_conn_ready)) {
		if ((c->error != EMFILE && c->error != ENFILE) || !up->n_aged)
			return false;
		close_oldest(up);
	}
	return true;
}

struct upstream_conn *upstream_new_conn(struct upstream *up, struct server *s,
					const struct upstream_way *way, void *user,
					void (*ready)(struct upstream_conn *u))
{
	struct upstream_conn *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	list_init(&u->link);
	list_init(&u->owned);
	list_init(&u->age);
	loop_timer_init(&u->expiry, expired);
	loop_task_init(&u->burial, bury);
	u->conn.io.fd = -1;
	u->home = up;
	u->user = user;
	u->ready = ready;
	u->way = *way;
	u->server = server_ref(s);
	return u;
}

static bool begin_tls(struct upstream_conn *u, struct str header)
{
	const struct upstream_way *way = &u->way;
	struct str protocols = STR_NONE;

	if (!way->tls)
		return true;
	if (way->http2)
		protocols = way->only_h1 ? TLS_ALPN_H1 : TLS_ALPN_BOTH;
	return tls_connect(&u->conn, way->tls, protocols, header);
}

struct upstream_conn *upstream_dial(struct upstream *up, struct server *s,
				    const struct upstream_way *way, struct str header, void *user,
				    void (*ready)(struct upstream_conn *u))
{
	struct upstream_conn *u = upstream_new_conn(up, s, way, user, ready);
	int error = ENOMEM;

	if (u && !connect_within_limit(up, &u->conn, &s->addr)) {
		error = u->conn.error;
	} else if (u && begin_tls(u, header)) {
		stats_add(up->limit->open, 1);
		u->counted = true;
		stats_add(s->stats->connects, 1);
		return u;
	}
	if (u) { /* nobody has heard of it */
		conn_close(&u->conn);
		bury(&u->burial);
	}
	errno = error;
	return NULL;
}

struct upstream_conn *upstream_connect(struct upstream *up, struct server *s,
				       const struct upstream_way *way, struct str header,
				       void *user, void (*ready)(struct upstream_conn *u))
{
	if (way->http2 && !way->only_h1)
		return upstream_h2_connect(up, s, way, header, user, ready);
	return upstream_dial(up, s, way, header, user, ready);
}

enum conn_result upstream_connected(struct upstream_conn **u)
{
	enum conn_result r = conn_connected(&(*u)->conn);

	if (r == CONN_FAIL && (*u)->trunk && (*u)->way.tls && (*u)->conn.error == EPROTONOSUPPORT)
		return upstream_h2_replace(u);
	return r;
}

struct h2_line_fault upstream_fault(const struct upstream_conn *u)
{
	const struct h2_line_fault unknown = { .why = REASON_COMPLETE };

	return u->trunk ? h2_line_fault(&u->conn) : unknown;
}

static bool may_serve_again(const struct upstream_conn *u, uint64_t max_idle)
{
	return !u->conn.can_read && max_idle > 0 && server_serves(u->server);
}

void upstream_become_idle(struct upstream_conn *u, uint64_t max_idle)
{
	struct upstream *up = u->home;

	buf_put(up->buffers, &u->in);
	if (!u->under)
		u->user = NULL;
	u->idle_since = loop_now(up->loop);
	u->idle_until = u->idle_since + max_idle;
	u->idle_turn = loop_turns(up->loop);
	list_append(&up->aged, &u->age);
	up->n_aged++;
	stats_add(u->server->stats->idle, 1);
	loop_timer_set(up->loop, &u->expiry, u->idle_until);
}

void upstream_keep(struct upstream_conn *u, uint64_t max_idle)
{
	struct list *idle = idle_list(u->home, u->server);
	unsigned *n = &u->home->n_idle[u->server->slot];

	if (u->trunk) {
		upstream_close(u); /* its connection stays */
		return;
	}
	must(!upstream_is_own(u));
	if (*n >= UPSTREAM_IDLE_MAX || !may_serve_again(u, max_idle)) {
		upstream_close(u);
		return;
	}
	upstream_become_idle(u, max_idle);
	list_push(idle, &u->link);
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
	if (u->trunk) {
		upstream_close(u); /* its connection stays */
		return;
	}
	must(upstream_is_own(u));
	if (!may_serve_again(u, max_idle)) {
		upstream_close(u);
		return;
	}
	make_room(own, u->server);
	upstream_become_idle(u, max_idle);
	list_push(own, &u->owned);
}

void upstream_prune(struct upstream *up)
{
	struct list *e, *next;
	unsigned give_up = 0, i = 0;

	/* Another worker needed more than there are and had no idle ones itself. */
	if (stats_get(up->limit->open) > stats_get(up->limit->most))
		give_up = (up->n_aged + 1) / 2;
	list_each_safe(e, next, &up->aged) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, age);

		if (i++ < give_up || !server_serves(u->server))
			upstream_close(u);
	}
}

void upstream_prune_all(struct upstream *up)
{
	while (up->n_aged)
		close_oldest(up);
}
