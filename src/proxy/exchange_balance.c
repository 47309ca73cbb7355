/* Which server: the choice, and the wait for one that has all it may have. */
#include <stdlib.h>

#include "base/assert.h"
#include "proxy/affinity.h"
#include "proxy/exchange.h"

/* A place in the queue. It outlives its exchange while a letter is on its way. */
struct queue_place {
	struct waiter waiter;
	struct loop_letter letter;
	struct loop *loop;
	struct exchange *exchange; /* NULL: gone */
	bool delivered;
};

/* ---- the choice ---- */

static bool was_tried(const struct exchange *x, const struct server *s)
{
	for (unsigned i = 0; i < x->n_tried; i++)
		if (x->tried[i] == s)
			return true;
	return false;
}

/* The server where a connection is authenticated for this client, when it is of this backend. */
static struct server *own_server(struct exchange *x)
{
	struct list *own = &x->session->own, *e, *next;

	list_each_safe(e, next, own) {
		struct upstream_conn *u = list_of(e, struct upstream_conn, owned);

		if (u->authenticated && pool_has(x->backend->pool, u->server) &&
		    server_serves(u->server))
			return u->server;
	}
	return NULL;
}

static struct pool_key make_key(struct exchange *x)
{
	struct session *s = x->session;
	struct pool_key key = { .exclude = x->tried,
				.n_exclude = x->n_tried,
				.now = loop_now(s->worker->loop),
				.breaks = x->backend->conf->breaker.on,
				.fail_open = x->backend->conf->breaker.fail_open,
				.again = x->retries > 0 };

	affinity_find(x->backend, &s->peer, exchange_is_tcp(x) ? NULL : &x->req, &key);
	if (!list_empty(&s->own) && x->retries == 0)
		key.bind = own_server(x);
	if (!key.bind && x->sticky && !was_tried(x, x->sticky))
		key.bind = x->sticky;
	return key;
}

static enum step_result take(struct exchange *x, struct server *server)
{
	if (was_tried(x, server) && !x->at_once) {
		pool_release(server, loop_now(x->session->worker->loop));
		return exchange_pause(x);
	}
	x->at_once = false;
	if (x->n_tried && !was_tried(x, server))
		x->redispatched = true;
	x->server = server;
	x->server_name = x->server_name.n && str_eq(x->server_name, str_of(server->name))
				 ? x->server_name
				 : arena_str(&x->arena, str_of(server->name));
	return exchange_go(x, EXCHANGE_CONNECT);
}

/* ---- the queue ---- */

static void place_free(struct queue_place *p, struct server *given)
{
	if (given)
		pool_release(given, loop_now(p->loop));
	free(p);
}

static void called(struct loop_letter *m)
{
	struct queue_place *p = list_of(m, struct queue_place, letter);

	p->delivered = true;
	if (p->exchange)
		exchange_run(p->exchange);
	else
		place_free(p, p->waiter.given);
}

static void call(struct waiter *w)
{
	struct queue_place *p = list_of(w, struct queue_place, waiter);

	loop_post(p->loop, &p->letter, called);
}

static struct queue_place *place_new(struct exchange *x)
{
	struct queue_place *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	waiter_init(&p->waiter, call);
	p->loop = x->session->worker->loop;
	p->exchange = x;
	return p;
}

static void note_wait(struct exchange *x)
{
	x->queue_us += loop_now(x->session->worker->loop) - x->queued_at;
	x->queued_at = 0;
}

void exchange_leave_queue(struct exchange *x)
{
	struct queue_place *p = x->place;

	if (!p)
		return;
	x->place = NULL;
	note_wait(x);
	if (p->delivered)
		place_free(p, p->waiter.given);
	else if (pool_leave(&p->waiter))
		place_free(p, NULL);
	else
		p->exchange = NULL;
}

/* The place is not needed any more: a server was found. */
static enum step_result take_from_queue(struct exchange *x, struct server *server)
{
	struct queue_place *p = x->place;

	x->place = NULL;
	note_wait(x);
	place_free(p, NULL);
	return take(x, server);
}

/* Nobody is to be had now. Who was sent here again keeps his place. */
static enum step_result enqueue(struct exchange *x, const struct pool_key *key)
{
	unsigned most = x->backend->conf->max_queue;

	if (!x->place) {
		x->place = place_new(x);
		x->queued_at = key->now;
	}
	if (!x->place)
		return exchange_end(x, REASON_NO_MEMORY);
	x->place->delivered = false;
	switch (pool_wait(x->backend->pool, key, most, &x->place->waiter)) {
	case POOL_GIVEN:
		return take_from_queue(x, x->place->waiter.given);
	case POOL_WAITS:
		x->before_server = x->place->waiter.before_server;
		x->before_any = x->place->waiter.before_any;
		return exchange_go(x, EXCHANGE_QUEUE);
	case POOL_CROWDED:
		x->place->delivered = true; /* it does not wait */
		return exchange_end(x, REASON_QUEUE_FULL);
	case POOL_EMPTY:
		break;
	}
	x->place->delivered = true;
	return exchange_end(x, REASON_NO_SERVER);
}

enum step_result step_balance(struct exchange *x)
{
	const struct pool_key key = make_key(x);
	struct server *server = pool_pick(x->backend->pool, &key);

	if (!server)
		return enqueue(x, &key);
	return x->place ? take_from_queue(x, server) : take(x, server);
}

enum step_result step_queue(struct exchange *x)
{
	struct session *s = x->session;
	struct server *given;

	if (x->place->delivered) {
		given = x->place->waiter.given;
		x->place->waiter.given = NULL;
		return given ? take_from_queue(x, given) : exchange_go(x, EXCHANGE_BALANCE);
	}
	/* Its body is not read yet: only what is behind a whole request can be. */
	if (x->to_server.in_done ? !session_read_ahead(s) : conn_is_reset(&s->conn))
		return exchange_end(x, REASON_CLIENT_ABORT_QUEUE);
	return exchange_await(x, WAIT_QUEUE);
}

enum step_result step_pause(struct exchange *x)
{
	if (session_read_ahead(x->session))
		return STEP_WAIT;
	return exchange_end(x, REASON_CLIENT_ABORT_CONNECT);
}
