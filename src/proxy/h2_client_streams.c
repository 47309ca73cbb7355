/* The streams of a client's HTTP/2 connection: each is a session with one exchange, whose
 * connection is the stream. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "net/digest.h"
#include "proxy/exchange.h"
#include "proxy/h2_client_parts.h"

/* Data is asked for again when no more than this of a stream is queued. */
#define QUEUED_AGAIN (BUF_SIZE / 2)
/* Who has his answer has so long for the rest of a small request: as by HTTP/1.1, in silence. */
#define REST_US (2 * CLOCK_SEC)

struct stream {
	struct h2_stream h2;
	struct session session;
	struct h2_client *client;
	struct list link, woken, blocked;
	bool begun;    /* its session was */
	bool released; /* and is over */
	bool told;     /* of the request's fault */
	uint64_t released_at;
	uint64_t seen, seen_at; /* what had gone out at the last look, and since when */
};

static void stream_free(struct stream *st)
{
	struct h2_client *c = st->client;

	h2_stream_leave(&st->h2, H2_CANCEL);
	h2_stream_drop(&st->h2, c->buffers);
	list_del(&st->link);
	list_del(&st->woken);
	list_del(&st->blocked);
	if (list_empty(&c->streams) && c->h2) {
		c->idle_since = loop_now(h2_client_loop(c));
		h2_client_flush_soon(c); /* from here on it is idle, or over */
	}
	free(st);
	h2_client_unref(c);
}

void h2_client_release(struct session *session)
{
	struct stream *st = list_of(session, struct stream, session);
	struct h2_client *c = st->client;

	st->released = true;
	if (st->h2.gone) {
		stream_free(st);
		return;
	}
	if (!c->h2)
		return;
	st->released_at = loop_now(h2_client_loop(c));
	h2_client_look_by(c, st->released_at + REST_US);
}

/* ---- a stream as a connection ---- */

static struct stream *stream_of(const struct conn *c)
{
	return list_of(list_of(c, struct session, conn), struct stream, session);
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
		h2_client_flush_soon(st->client);
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
	h2_client_flush_soon(st->client);
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
	h2_client_flush_soon(st->client);
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
	if (st->client->h2)
		h2_client_flush_soon(st->client);
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

const struct h2_owner h2_streams_calls = {
	.begin = on_begin,
	.make_key = on_make_key,
	.request = on_request,
	.stir = on_stir,
	.gone = on_gone,
};

/* ---- the streams' turn ---- */

/* One that has its end already is asked no more than `why`. */
static void stream_begin(struct stream *st, enum reason why)
{
	struct session *s = &st->session;

	st->begun = true;
	st->told = st->h2.fault != REASON_COMPLETE;
	session_start_stream(s, st->client->carrier, &transport_stream, &st->h2.head, why);
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
		stream_begin(st, h2->reset ? REASON_CLIENT_ABORT_HEAD : REASON_COMPLETE);
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

void h2_streams_run(struct h2_client *c)
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

bool h2_streams_have_room(const struct h2_client *c)
{
	return first_with_room(c) != NULL;
}

/* The connection's window is shared: who has had some of it stands at the end again. */
void h2_streams_run_blocked(struct h2_client *c)
{
	struct stream *st;

	while ((st = first_with_room(c))) {
		list_del(&st->blocked);
		stream_run(st);
	}
}

/* By a fault of its connection. A head that is not whole is no request yet: what is told of the
 * connection tells of it, too. */
static void stream_fail(struct stream *st, enum reason why, bool waits)
{
	if (st->begun && !st->released && st->session.state == SESSION_BUSY)
		exchange_cut(st->session.exchange, why);
	else if (!st->begun && waits)
		stream_begin(st, why);
}

void h2_streams_cut(struct h2_client *c, enum reason why)
{
	struct list *e, *next;

	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);
		bool waits = !list_empty(&st->woken), left = st->h2.reset;

		list_del(&st->woken);
		st->h2.reset = true;
		if (why == REASON_COMPLETE || (left && !st->begun))
			stream_run(st);
		else
			stream_fail(st, why, waits);
	}
}

/* ---- the end ---- */

void h2_streams_client_ended(struct h2_client *c)
{
	struct list *e;

	for (e = c->streams.next; e != &c->streams; e = e->next) {
		struct stream *st = list_of(e, struct stream, link);

		if (st->h2.ended)
			continue;
		if (st->released && st->h2.answered)
			h2_session_reset(c->h2, &st->h2, H2_NO_ERROR);
		st->h2.reset = true;
		wake(st);
	}
}

void h2_streams_give_up(struct h2_client *c)
{
	struct list *e;

	for (e = c->streams.next; e != &c->streams; e = e->next) {
		struct stream *st = list_of(e, struct stream, link);

		if (st->h2.reset || (!h2_stream_waiting(&st->h2) &&
				     (list_empty(&st->blocked) || has_room(st))))
			continue;
		if (st->released)
			h2_session_reset(c->h2, &st->h2, H2_CANCEL);
		st->h2.reset = true;
		wake(st);
	}
}

/* An exchange that is over watches its stream no more. */
static void look_at(struct h2_client *c, struct stream *st, uint64_t now)
{
	if (!st->released && st->session.state == SESSION_BUSY)
		return;
	if (st->released && st->h2.answered) {
		if (now - st->released_at >= REST_US)
			h2_session_reset(c->h2, &st->h2, H2_NO_ERROR);
		else
			h2_client_look_by(c, st->released_at + REST_US);
		return;
	}
	if (st->seen != st->h2.put + 1) {
		st->seen = st->h2.put + 1;
		st->seen_at = now;
	} else if (now - st->seen_at >= h2_client_conf(c)->timeouts.client) {
		h2_session_reset(c->h2, &st->h2, H2_CANCEL);
	}
}

void h2_streams_look(struct h2_client *c, uint64_t now)
{
	struct list *e;

	for (e = c->streams.next; e != &c->streams; e = e->next)
		look_at(c, list_of(e, struct stream, link), now);
}

void h2_streams_leave(struct h2_client *c)
{
	struct list *e, *next;

	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);

		list_del(&st->woken);
		if (st->begun && !st->released)
			session_close(&st->session);
		h2_stream_leave(&st->h2, H2_CANCEL);
	}
}

void h2_streams_drop(struct h2_client *c)
{
	struct list *e, *next;

	list_each_safe(e, next, &c->streams) {
		struct stream *st = list_of(e, struct stream, link);

		st->h2.gone = true;
		if (!st->begun || st->released)
			stream_free(st);
	}
}
