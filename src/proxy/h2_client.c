#include "proxy/h2_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/h2_server.h"
#include "net/digest.h"
#include "proxy/exchange.h"
#include "proxy/session.h"

/* Buffers that one connection reads before others of its loop have their turn. */
#define ROUNDS 4
/* A client that does not answer our PING has had its round trip by then. */
#define LEAVE_US (1 * CLOCK_SEC)
/* Data is asked for again when no more than this of a stream is queued. */
#define QUEUED_AGAIN (BUF_SIZE / 2)

struct h2_client {
	struct session *carrier;
	struct buf_pool *buffers; /* the worker's */
	struct h2_server *server; /* NULL: it is over */
	struct list streams;      /* all whose memory is there */
	struct list woken;        /* those of them that something has happened to */
	struct list blocked;      /* those with data that there was no room for, in turn */
	struct buf *out;          /* frames on their way */
	unsigned refs;            /* of the carrier, and one of each stream */
	bool ended;               /* the client has closed its side */
	bool leaves;              /* GOAWAY is on its way, in two steps */
	bool idle_told;           /* or was sent because nothing happened */
	uint64_t settle_due, head_due, leave_due; /* 0: nothing is due */
	uint64_t idle_since;      /* no stream since then */
	uint64_t look_due;        /* at what goes out behind exchanges that are over */
	uint64_t taken, taken_at; /* what the client had got at the last look, and since when */
};

struct stream {
	struct h2_stream h2;
	struct session session;
	struct h2_client *client;
	struct list link, woken, blocked;
	bool begun;    /* its session was */
	bool released; /* and is over */
	bool told;     /* of the request's fault */
	uint64_t seen, seen_at; /* what had gone out at the last look, and since when */
};

static struct loop *loop_of(const struct h2_client *c)
{
	return c->carrier->worker->loop;
}

static const struct conf_frontend *conf_of(const struct h2_client *c)
{
	return c->carrier->frontend->conf;
}

static void unref(struct h2_client *c)
{
	if (--c->refs == 0)
		free(c);
}

static void stream_free(struct stream *st)
{
	struct h2_client *c = st->client;

	h2_stream_leave(&st->h2, H2_CANCEL);
	h2_stream_drop(&st->h2, c->buffers);
	list_del(&st->link);
	list_del(&st->woken);
	list_del(&st->blocked);
	if (list_empty(&c->streams) && c->server)
		c->idle_since = loop_now(loop_of(c));
	free(st);
	unref(c);
}

void h2_client_release(struct session *session)
{
	struct stream *st = list_of(session, struct stream, session);

	st->released = true;
	if (st->h2.gone)
		stream_free(st);
}

/* ---- a stream as a connection ---- */

static struct stream *stream_of(const struct conn *c)
{
	return list_of(list_of(c, struct session, conn), struct stream, session);
}

static void flush_soon(struct h2_client *c)
{
	loop_task_queue(loop_of(c), &c->carrier->task);
}

static enum conn_result stream_broken(struct conn *c)
{
	if (!c->error)
		c->error = ECONNRESET;
	return CONN_FAIL;
}

static enum conn_result stream_recv(struct conn *c, void *to, size_t size, size_t *n)
{
	struct stream *st = stream_of(c);

	if (st->h2.reset)
		return stream_broken(c);
	*n = h2_stream_take(&st->h2, to, size);
	if (*n) {
		flush_soon(st->client);
		return CONN_OK;
	}
	/* Where the text says itself where it ends, nobody waits for more. */
	if (st->h2.ended && st->h2.response.upgrades)
		return CONN_EOF;
	c->can_read = false;
	return CONN_AGAIN;
}

static enum conn_result stream_send(struct conn *c, const struct iovec *v, unsigned count,
				    bool more, size_t *n)
{
	struct stream *st = stream_of(c);
	size_t all = 0;

	(void)more;
	for (unsigned i = 0; i < count; i++)
		all += v[i].iov_len;
	if (!h2_stream_give(&st->h2, v, count, n))
		return stream_broken(c);
	flush_soon(st->client);
	c->can_write = *n == all;
	list_del(&st->blocked);
	if (!c->can_write)
		list_append(&st->client->blocked, &st->blocked);
	return *n ? CONN_OK : CONN_AGAIN;
}

static void stream_shutdown(struct conn *c)
{
	struct stream *st = stream_of(c);

	h2_stream_end(&st->h2);
	flush_soon(st->client);
}

static void stream_close(struct conn *c, bool abort)
{
	struct stream *st = stream_of(c);
	enum h2_code code = H2_INTERNAL_ERROR;

	if (st->h2.fault != REASON_COMPLETE)
		code = H2_PROTOCOL_ERROR;
	else if (abort)
		code = H2_CANCEL;
	h2_stream_leave(&st->h2, code);
	if (st->client->server)
		flush_soon(st->client);
}

/* What waits in its own queue, and what of its frames the client's kernel may not have. */
static size_t stream_undelivered(const struct conn *c)
{
	const struct stream *st = stream_of(c);
	const struct h2_client *client = st->client;
	uint64_t taken = conn_taken(&client->carrier->conn);
	uint64_t missing = st->h2.put_at > taken ? st->h2.put_at - taken : 0;

	missing = missing < st->h2.put ? missing : st->h2.put;
	return h2_stream_waiting(&st->h2) + (size_t)missing;
}

static const struct transport transport_stream = {
	.name = "stream",
	.recv = stream_recv,
	.send = stream_send,
	.shutdown = stream_shutdown,
	.close = stream_close,
	.undelivered = stream_undelivered,
};

/* ---- what the server tells ---- */

static struct stream *stream_of_h2(struct h2_stream *h2)
{
	return list_of(h2, struct stream, h2);
}

static struct h2_stream *on_begin(void *owner)
{
	struct h2_client *c = owner;
	struct stream *st;

	st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->client = c;
	c->refs++;
	list_append(&c->streams, &st->link);
	list_init(&st->woken);
	list_init(&st->blocked);
	return &st->h2;
}

static void wake(struct stream *st)
{
	list_del(&st->woken);
	list_append(&st->client->woken, &st->woken);
}

static void on_request(void *owner, struct h2_stream *h2)
{
	(void)owner;
	wake(stream_of_h2(h2));
}

/* Its session does not see what it does not wait for. */
static void on_stir(void *owner, struct h2_stream *h2)
{
	struct stream *st = stream_of_h2(h2);
	const struct conn *conn = &st->session.conn;

	(void)owner;
	if (!st->begun || st->released)
		return;
	if (h2->reset || h2->fault != REASON_COMPLETE || !conn->can_read)
		wake(st);
}

static void on_gone(void *owner, struct h2_stream *h2)
{
	struct stream *st = stream_of_h2(h2);

	(void)owner;
	if (st->released || (!st->begun && list_empty(&st->woken)))
		stream_free(st);
	else
		wake(st);
}

static void on_make_key(void *owner, char key[24])
{
	unsigned char bytes[16] = { 0 };
	char text[DIGEST_KEY];

	(void)owner;
	/* One that others could guess would do too: it only tells answers from echoes. */
	(void)!getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
	digest_websocket_key(bytes, text);
	memcpy(key, text, 24);
}

static const struct h2_owner calls = {
	.begin = on_begin,
	.make_key = on_make_key,
	.request = on_request,
	.stir = on_stir,
	.gone = on_gone,
};

/* ---- the streams' turn ---- */

/* One that was reset in the same breath is asked no more than why. */
static void stream_begin(struct stream *st)
{
	struct session *s = &st->session;

	st->begun = true;
	st->told = st->h2.fault != REASON_COMPLETE;
	session_start_stream(s, st->client->carrier, &transport_stream, &st->h2.head,
			     st->h2.reset ? REASON_CLIENT_ABORT_HEAD : REASON_COMPLETE);
}

static bool has_room(const struct stream *st)
{
	return h2_stream_waiting(&st->h2) <= QUEUED_AGAIN && h2_stream_room(&st->h2) > 0;
}

static void stream_run(struct stream *st)
{
	struct session *s = &st->session;
	struct h2_stream *h2 = &st->h2;

	if (!st->begun) {
		stream_begin(st);
		return;
	}
	if (st->released || s->state != SESSION_BUSY)
		return;
	s->conn.can_read |= h2->reset || h2_stream_has_more(h2) || h2->ended;
	s->conn.can_write |= h2->reset || has_room(st);
	if (h2->reset)
		stream_broken(&s->conn);
	if (h2->fault != REASON_COMPLETE && !st->told) {
		st->told = true;
		exchange_cut(s->exchange, h2->fault);
		return;
	}
	s->conn.ready(&s->conn);
}

static void run_woken(struct h2_client *c)
{
	struct list *e;

	while ((e = list_pop(&c->woken)))
		stream_run(list_of(e, struct stream, woken));
}

static struct stream *first_with_room(const struct h2_client *c)
{
	for (const struct list *e = c->blocked.next; e != &c->blocked; e = e->next) {
		struct stream *st = list_of(e, struct stream, blocked);

		if (has_room(st))
			return st;
	}
	return NULL;
}

/* The connection's window is shared: who has had some of it stands at the end again. */
static void run_blocked(struct h2_client *c)
{
	struct stream *st;

	while ((st = first_with_room(c))) {
		list_del(&st->blocked);
		stream_run(st);
	}
}

static void cut_streams(struct h2_client *c, enum reason why)
{
	struct list *e, *next;

	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);

		list_del(&st->woken);
		st->h2.reset = true;
		if (st->begun && !st->released && st->session.state == SESSION_BUSY &&
		    why != REASON_COMPLETE)
			exchange_cut(st->session.exchange, why);
		else
			stream_run(st);
	}
}

/* ---- the connection ---- */

/* The client is gone. */
static void lose(struct h2_client *c)
{
	cut_streams(c, REASON_COMPLETE);
	session_close(c->carrier);
}

/* False: the connection is broken. */
static bool flush(struct h2_client *c)
{
	struct session *s = c->carrier;
	struct iovq q;
	size_t n;

	for (;;) {
		enum conn_result r;

		if (!c->out && !h2_server_has_more(c->server))
			return true;
		if (!c->out)
			c->out = buf_get(c->buffers);
		if (!c->out)
			return false;
		if (c->out->at == c->out->end) {
			c->out->at = 0;
			c->out->end = h2_server_send(c->server, c->out->bytes, BUF_SIZE);
			if (c->out->end == 0) {
				buf_put(c->buffers, &c->out);
				return true;
			}
		}
		iovq_init(&q);
		must(iovq_add(&q, buf_unread(c->out)));
		r = conn_send(&s->conn, &q, false, &n);
		c->out->at += n;
		if (c->out->at == c->out->end)
			buf_put(c->buffers, &c->out);
		if (r == CONN_AGAIN)
			return true;
		if (r != CONN_OK)
			return false;
	}
}

static void count_flood(struct h2_client *c)
{
	struct proxy_stats *st = &c->carrier->worker->shared->board->stats;

	switch (h2_server_flood(c->server)) {
#define FLOOD(name, burst, rate, counter, what)                                                   \
	case H2_FLOOD_##name:                                                                     \
		stats_add(st->counter, 1);                                                        \
		break;
#include "http/h2_floods.def"
#undef FLOOD
	case H2_FLOODS:
		break;
	}
}

static void tell_fault(struct h2_client *c, enum reason why, const char *text)
{
	struct session *s = c->carrier;

	if (why == REASON_H2_FLOOD)
		count_flood(c);
	if (worker_may_tell(s->worker, &s->worker->shared->h2_told_at))
		log_notice("frontend %.*s, client %s: its HTTP/2 connection was ended: %s%s%s",
			   STR_ARGS(conf_of(c)->name), s->peer_host, reason_text(why),
			   *text ? ": " : "", text);
}

/* By a fault of the client's; GOAWAY goes out if it can. */
static void fail(struct h2_client *c)
{
	const char *text;
	enum reason why = h2_server_fault(c->server, &text);

	flush(c);
	why = why == REASON_COMPLETE ? REASON_H2_CONNECTION : why;
	tell_fault(c, why, text);
	cut_streams(c, why);
	session_streams_over(c->carrier, why);
}

static bool is_faulty(const struct h2_client *c)
{
	const char *text;

	return h2_server_fault(c->server, &text) != REASON_COMPLETE;
}

/* Timers that are of no use any more. */
static void timers_clear(struct h2_client *c, uint64_t now)
{
	if (h2_server_is_settled(c->server))
		c->settle_due = 0;
	if (!h2_server_in_head(c->server))
		c->head_due = 0;
	else if (!c->head_due)
		c->head_due = now + conf_of(c)->timeouts.request;
	if (c->leave_due && h2_server_left(c->server))
		c->leave_due = now;
	if (!c->out && list_empty(&c->streams))
		c->look_due = 0;
	else if (!c->look_due)
		c->look_due = now + conf_of(c)->timeouts.client / 4;
}

static void sooner(uint64_t *due, uint64_t other)
{
	if (other && other < *due)
		*due = other;
}

static void arm(struct h2_client *c)
{
	uint64_t now = loop_now(loop_of(c)), due = UINT64_MAX;

	timers_clear(c, now);
	sooner(&due, c->settle_due);
	sooner(&due, c->head_due);
	sooner(&due, c->leave_due);
	sooner(&due, c->look_due);
	if (list_empty(&c->streams) && !c->idle_told)
		sooner(&due, c->idle_since + conf_of(c)->timeouts.keep_alive);
	if (due != UINT64_MAX)
		loop_timer_set(loop_of(c), &c->carrier->timer, due);
}

/* Who does not read what he has caused is not read from. */
static bool may_read(const struct h2_client *c)
{
	return c->carrier->conn.can_read && !c->ended &&
	       !(c->out && h2_server_is_clogged(c->server));
}

/* The client has ended its side, and has all that could be sent: what is left waits for a window
 * that nobody will open any more. */
static void give_up(struct h2_client *c)
{
	struct list *e;

	for (e = c->streams.next; e != &c->streams; e = e->next) {
		struct stream *st = list_of(e, struct stream, link);

		if (st->h2.reset || (!h2_stream_waiting(&st->h2) &&
				     (list_empty(&st->blocked) || has_room(st))))
			continue;
		if (st->released)
			h2_server_reset(c->server, &st->h2, H2_CANCEL);
		st->h2.reset = true;
		wake(st);
	}
}

/* After whatever has happened. */
static void settle(struct h2_client *c)
{
	struct session *s = c->carrier;

	if (is_faulty(c)) {
		fail(c);
	} else if (!flush(c)) {
		lose(c);
	} else if (is_faulty(c)) {
		fail(c);
	} else if (!c->out && h2_server_is_over(c->server)) {
		session_streams_over(s, REASON_COMPLETE);
	} else if (c->ended && !c->out && list_empty(&c->streams)) {
		session_close(s);
	} else {
		if (c->ended && !c->out)
			give_up(c);
		if (!list_empty(&c->woken) || may_read(c) || first_with_room(c))
			flush_soon(c);
		arm(c);
	}
}

/* Nothing more will come: what is not whole never will be. */
static void client_ended(struct h2_client *c)
{
	struct list *e;

	c->ended = c->carrier->client_ended = true;
	for (e = c->streams.next; e != &c->streams; e = e->next) {
		struct stream *st = list_of(e, struct stream, link);

		if (st->h2.ended)
			continue;
		st->h2.reset = true;
		wake(st);
	}
}

static enum conn_result read_once(struct h2_client *c)
{
	struct session *s = c->carrier;
	enum conn_result r;
	size_t n;

	if (!s->in)
		s->in = buf_get(c->buffers);
	if (!s->in)
		return CONN_FAIL;
	r = conn_recv(&s->conn, s->in->bytes, BUF_SIZE, &n);
	if (r == CONN_OK &&
	    h2_server_recv(c->server, (struct str){ s->in->bytes, n }, loop_now(loop_of(c))))
		run_woken(c);
	if (r == CONN_EOF)
		client_ended(c);
	return r;
}

/* False: the connection is broken. */
static bool read_some(struct h2_client *c)
{
	struct session *s = c->carrier;
	enum conn_result r = CONN_OK;

	for (unsigned round = 0; round < ROUNDS && r == CONN_OK; round++) {
		if (!may_read(c) || is_faulty(c))
			break;
		r = read_once(c);
	}
	buf_put(c->buffers, &s->in);
	return r != CONN_FAIL;
}

void h2_client_ready(struct h2_client *c)
{
	if (!read_some(c)) {
		lose(c);
		return;
	}
	if (!is_faulty(c)) {
		run_woken(c);
		run_blocked(c);
	}
	settle(c);
}

void h2_client_run(struct h2_client *c)
{
	h2_client_ready(c);
}

/* ---- time ---- */

/* An exchange that is over watches its stream no more. */
static void look_at_stream(struct h2_client *c, struct stream *st, uint64_t now)
{
	if (!st->released && st->session.state == SESSION_BUSY)
		return;
	if (st->seen != st->h2.put + 1) {
		st->seen = st->h2.put + 1;
		st->seen_at = now;
	} else if (now - st->seen_at >= conf_of(c)->timeouts.client) {
		h2_server_reset(c->server, &st->h2, H2_CANCEL);
	}
}

/* False: the client has taken nothing of what waits for it, for too long. */
static bool look(struct h2_client *c, uint64_t now)
{
	uint64_t taken = conn_taken(&c->carrier->conn);
	struct list *e;

	for (e = c->streams.next; e != &c->streams; e = e->next)
		look_at_stream(c, list_of(e, struct stream, link), now);
	if (!c->out || taken != c->taken) {
		c->taken = taken;
		c->taken_at = now;
	}
	c->look_due = 0;
	return now - c->taken_at < conf_of(c)->timeouts.client;
}

static bool is_due(uint64_t due, uint64_t now)
{
	return due && due <= now;
}

void h2_client_timed_out(struct h2_client *c)
{
	uint64_t now = loop_now(loop_of(c));

	if (is_due(c->settle_due, now))
		h2_server_end(c->server, REASON_H2_SETTINGS_TIMEOUT);
	if (is_due(c->head_due, now))
		h2_server_end(c->server, REASON_H2_HEAD_TIMEOUT);
	if (is_due(c->leave_due, now)) {
		c->leave_due = 0;
		h2_server_leave_now(c->server);
	}
	if (is_due(c->look_due, now) && !look(c, now)) {
		lose(c);
		return;
	}
	if (list_empty(&c->streams) && !c->idle_told &&
	    is_due(c->idle_since + conf_of(c)->timeouts.keep_alive, now)) {
		c->idle_told = true;
		h2_server_leave_now(c->server);
	}
	settle(c);
}

void h2_client_leave(struct h2_client *c)
{
	if (c->leaves)
		return;
	c->leaves = true;
	c->leave_due = loop_now(loop_of(c)) + LEAVE_US;
	h2_server_leave(c->server);
	flush_soon(c);
}

/* ---- beginning and end ---- */

void h2_client_follow(struct h2_client *c)
{
	const struct conf_frontend *f = conf_of(c);
	const struct h2_limits limits = { f->max_header_size, (unsigned)f->max_headers };

	h2_server_limit(c->server, &limits);
}

struct h2_client *h2_client_new(struct session *s)
{
	const struct conf_frontend *f = s->frontend->conf;
	const struct h2_server_limits limits = { { f->max_header_size, (unsigned)f->max_headers },
						 (unsigned)f->max_streams };
	struct h2_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->carrier = s;
	c->buffers = &s->worker->buffers;
	c->refs = 1;
	list_init(&c->streams);
	list_init(&c->woken);
	list_init(&c->blocked);
	c->idle_since = c->taken_at = loop_now(s->worker->loop);
	c->settle_due = c->idle_since + f->timeouts.request;
	c->server = h2_server_new(&limits, &calls, c, c->buffers, c->idle_since);
	if (c->server)
		return c;
	free(c);
	return NULL;
}

void h2_client_begin(struct h2_client *c)
{
	struct session *s = c->carrier;

	stats_add(s->worker->shared->board->stats.h2_connections, 1);
	if (s->in &&
	    h2_server_recv(c->server, buf_unread(s->in), loop_now(loop_of(c))))
		run_woken(c);
	h2_client_ready(c);
}

void h2_client_free(struct h2_client *c)
{
	struct list *e, *next;

	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);

		list_del(&st->woken);
		if (st->begun && !st->released)
			session_close(&st->session);
		h2_stream_leave(&st->h2, H2_CANCEL);
	}
	if (!is_faulty(c))
		h2_server_leave_now(c->server);
	flush(c); /* the client may still hear of it */
	h2_server_free(c->server);
	c->server = NULL;
	buf_put(c->buffers, &c->out);
	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);

		st->h2.gone = true;
		if (!st->begun || st->released)
			stream_free(st);
	}
	unref(c);
}
