/* The connections of HTTP/2 of one worker, each shared by many streams. */
#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "upstream/upstream_parts.h"

/* A fault is told of once a minute: a server that does so does it all the time. */
#define FAULT_TOLD_US (60 * CLOCK_SEC)

struct upstream_trunk {
	struct h2_trunk *h2;
	struct upstream *home;
	struct upstream_conn *carrier; /* whose connection it is; NULL: somebody has taken it */
	struct server *server;         /* a reference */
	struct list link;              /* among those of its server; alone: it takes nobody more */
	uint64_t max_idle;             /* as its last user wanted */
	unsigned refs;                 /* of its streams, and one while it has a carrier */
	bool alone;
};

static void unref(struct upstream_trunk *t)
{
	if (--t->refs)
		return;
	list_del(&t->link);
	server_unref(t->server);
	free(t);
}

/* ---- what the trunk tells ---- */

static void on_connected(void *owner)
{
	struct upstream_trunk *t = owner;
	bool foreign = h2_trunk_state(t->h2) == H2_TRUNK_FOREIGN;

	t->home->speaks_h1[t->server->slot] = foreign;
	list_del(&t->link);
	if (foreign)
		return;
	stats_add(t->server->stats->h2_connections, 1);
	if (!t->alone)
		list_append(upstream_trunks(t->home, t->server), &t->link);
}

static void note_allowed(struct upstream_trunk *t)
{
	if (h2_trunk_allowed(t->h2))
		t->home->streams[t->server->slot] = h2_trunk_allowed(t->h2);
}

/* Who is refused goes elsewhere at once, and is to know how many fit there. */
static void on_greeted(void *owner)
{
	note_allowed(owner);
}

static void drop_carrier(struct upstream_trunk *t)
{
	struct upstream_conn *u = t->carrier;

	if (!u)
		return;
	t->carrier = NULL;
	u->under = NULL;
	h2_trunk_leave(t->h2);
	upstream_close(u);
	unref(t);
}

static void on_idle(void *owner)
{
	struct upstream_trunk *t = owner;

	if (h2_trunk_state(t->h2) == H2_TRUNK_FOREIGN) {
		drop_carrier(t);
		return;
	}
	if (t->alone || h2_trunk_state(t->h2) != H2_TRUNK_OPEN || h2_trunk_room(t->h2) == 0 ||
	    t->max_idle == 0 || !server_serves(t->server))
		h2_trunk_close(t->h2);
	else
		upstream_become_idle(t->carrier, t->max_idle);
}

static void tell_fault(struct upstream_trunk *t, enum reason why, const char *text)
{
	struct upstream *up = t->home;
	uint64_t now = loop_now(up->loop);

	stats_add(t->server->stats->response_errors, 1);
	if (up->fault_told_at && now - up->fault_told_at < FAULT_TOLD_US)
		return;
	up->fault_told_at = now;
	log_notice("server %s/%s: its HTTP/2 connection was ended: %s%s%s", t->server->backend,
		   t->server->name, reason_text(why), *text ? ": " : "", text);
}

static void on_over(void *owner, enum reason why, const char *text)
{
	struct upstream_trunk *t = owner;

	if (why != REASON_COMPLETE)
		tell_fault(t, why, text);
	list_del(&t->link);
	drop_carrier(t);
}

static const struct h2_trunk_calls calls = {
	.connected = on_connected,
	.greeted = on_greeted,
	.idle = on_idle,
	.over = on_over,
};

/* Of the connection that carries it. */
static void carrier_ready(struct upstream_conn *u)
{
	struct upstream_trunk *t = u->user;

	h2_trunk_ready(t->h2);
}

/* ---- streams ---- */

static bool fits(const struct upstream_trunk *t, const struct server *s,
		 const struct upstream_way *way)
{
	return t->server == s && t->carrier && t->carrier->way.tls == way->tls &&
	       h2_trunk_room(t->h2) > 0 &&
	       (!way->websocket || h2_trunk_may_take_websockets(t->h2));
}

/* NULL: no memory. */
static struct upstream_conn *begin_stream(struct upstream_trunk *t,
					  const struct upstream_way *way, void *user,
					  void (*ready)(struct upstream_conn *u))
{
	struct upstream_conn *u = upstream_new_conn(t->home, t->server, way, user, ready);

	if (!u)
		return NULL;
	u->way.header = 0; /* its connection has said it */
	if (!h2_trunk_open(t->h2, &u->conn, way->websocket, upstream_conn_ready)) {
		upstream_close(u);
		return NULL;
	}
	u->trunk = t;
	t->refs++;
	t->max_idle = way->idle;
	note_allowed(t);
	upstream_leave_idle(t->carrier);
	return u;
}

/* An idle connection may have been closed under us: asked before something is entrusted to it. How
 * long it was idle means nothing beside that, whatever the method: a server that ends one says by
 * GOAWAY what it has not looked at (RFC 9113 6.8). */
static bool is_usable(struct upstream_trunk *t, const struct upstream_way *way)
{
	if (!h2_trunk_is_idle(t->h2))
		return true;
	if (loop_now(t->home->loop) >= t->carrier->idle_until)
		return false;
	t->refs++;
	h2_trunk_look(t->h2);
	if (!fits(t, t->server, way)) {
		unref(t);
		return false;
	}
	t->refs--;
	return true;
}

struct upstream_conn *upstream_h2_reuse(struct upstream *up, struct server *s,
					const struct upstream_way *way, void *user,
					void (*ready)(struct upstream_conn *u))
{
	struct list *trunks = upstream_trunks(up, s), *e, *next;
	struct upstream_conn *u;

	if (way->alone || way->only_h1)
		return NULL;
	list_each_safe(e, next, trunks) {
		struct upstream_trunk *t = list_of(e, struct upstream_trunk, link);

		if (!fits(t, s, way) || h2_trunk_state(t->h2) != H2_TRUNK_OPEN ||
		    !is_usable(t, way))
			continue;
		u = begin_stream(t, way, user, ready);
		if (u) {
			u->reused = true;
			stats_add(s->stats->reuses, 1);
		}
		return u;
	}
	return NULL;
}

/* ---- a new one ---- */

static struct upstream_trunk *trunk_new(struct upstream *up, struct server *s,
					const struct upstream_way *way, struct str header)
{
	struct upstream_trunk *t = calloc(1, sizeof(*t));
	struct upstream_conn *u = t ? upstream_dial(up, s, way, header, t, carrier_ready) : NULL;

	if (!u) {
		errno = t ? errno : ENOMEM;
		free(t);
		return NULL;
	}
	list_init(&t->link);
	t->home = up;
	t->alone = way->alone;
	t->h2 = h2_trunk_new(&u->conn, up->loop, up->buffers, way->tls ? STR_NONE : header, &calls,
			     t);
	if (!t->h2) {
		upstream_close(u);
		free(t);
		errno = ENOMEM;
		return NULL;
	}
	h2_trunk_expect(t->h2, up->streams[s->slot]);
	t->server = server_ref(s);
	t->carrier = u;
	t->refs = 1;
	u->under = t;
	if (!t->alone && !up->speaks_h1[s->slot])
		list_append(upstream_trunks(up, s), &t->link);
	return t;
}

/* Who comes while one connects waits for that, as far as it has room. */
static struct upstream_trunk *connecting(struct upstream *up, const struct server *s,
					 const struct upstream_way *way)
{
	struct list *trunks = upstream_trunks(up, s), *e;

	if (way->alone)
		return NULL;
	for (e = trunks->next; e != trunks; e = e->next) {
		struct upstream_trunk *t = list_of(e, struct upstream_trunk, link);

		if (fits(t, s, way) && h2_trunk_state(t->h2) == H2_TRUNK_CONNECTING)
			return t;
	}
	return NULL;
}

struct upstream_conn *upstream_h2_connect(struct upstream *up, struct server *s,
					  const struct upstream_way *way, struct str header,
					  void *user, void (*ready)(struct upstream_conn *u))
{
	struct upstream_trunk *t = connecting(up, s, way);
	struct upstream_conn *u;

	if (!t)
		t = trunk_new(up, s, way, header);
	if (!t)
		return NULL;
	u = begin_stream(t, way, user, ready);
	if (u)
		return u;
	if (h2_trunk_is_idle(t->h2))
		h2_trunk_close(t->h2);
	errno = ENOMEM;
	return NULL;
}

/* ---- HTTP/1.1 instead ---- */

static struct upstream_conn *take_carrier(struct upstream_trunk *t)
{
	struct upstream_conn *u = t->carrier;

	if (!u || h2_trunk_state(t->h2) != H2_TRUNK_FOREIGN)
		return NULL;
	t->carrier = NULL;
	u->under = NULL;
	h2_trunk_leave(t->h2);
	unref(t);
	return u;
}

enum conn_result upstream_h2_replace(struct upstream_conn **at)
{
	struct upstream_conn *u = *at, *other = take_carrier(u->trunk);
	struct upstream_way way = u->way;

	way.only_h1 = true;
	if (!other)
		other = upstream_dial(u->home, u->server, &way, STR_NONE, u->user, u->ready);
	if (!other) {
		u->conn.error = errno;
		u->conn.facts = &conn_plain_facts; /* what carried it may be gone */
		return CONN_FAIL;
	}
	other->user = u->user;
	other->ready = u->ready;
	*at = other;
	upstream_close(u);
	return conn_connected(&other->conn);
}

/* ---- the end ---- */

void upstream_h2_left(struct upstream_conn *u)
{
	struct upstream_trunk *t = u->trunk;

	u->trunk = NULL;
	unref(t);
}

void upstream_h2_end(struct upstream_trunk *t)
{
	h2_trunk_close(t->h2);
}
