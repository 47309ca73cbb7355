/* The lines of a trunk: each a stream, which is a connection to whoever uses it. */
#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "upstream/h2_trunk_parts.h"

/* Who was waited for so long without a word is not asked anew on the same connection. */
#define SILENT_US (1 * CLOCK_SEC)

void h2_line_wake(struct h2_line *l)
{
	list_del(&l->woken);
	list_append(&l->trunk->woken, &l->woken);
}

void h2_trunk_flush_soon(struct h2_trunk *t)
{
	if (t->state == H2_TRUNK_OPEN || t->state == H2_TRUNK_CONNECTING)
		loop_task_queue(t->loop, &t->task);
}

void h2_trunk_unref(struct h2_trunk *t)
{
	if (--t->refs)
		return;
	must(list_empty(&t->lines));
	h2_session_free(t->origin);
	free(t);
}

void h2_line_free(struct h2_line *l)
{
	struct h2_trunk *t = l->trunk;

	h2_stream_drop(&l->h2, t->buffers);
	list_del(&l->link);
	list_del(&l->woken);
	list_del(&l->blocked);
	free(l);
	h2_trunk_unref(t);
}

/* ---- a line as a connection ---- */

enum conn_result h2_line_break(struct conn *c, int error)
{
	if (!c->error)
		c->error = error;
	return CONN_FAIL;
}

static enum conn_result line_handshake(struct conn *c)
{
	struct h2_line *l = c->state;
	struct h2_trunk *t = l->trunk;

	if (c->error)
		return CONN_FAIL;
	if (t->state == H2_TRUNK_CONNECTING)
		return CONN_AGAIN;
	if (t->state == H2_TRUNK_FOREIGN)
		return h2_line_break(c, EPROTONOSUPPORT);
	if (t->state == H2_TRUNK_OVER)
		return h2_line_break(c, ECONNRESET);
	if (l->websocket && !h2_origin_is_greeted(t->origin))
		return CONN_AGAIN;
	if (l->websocket && !h2_origin_takes_websockets(t->origin))
		return h2_line_break(c, EPROTONOSUPPORT);
	if (!l->h2.session)
		h2_origin_open(t->origin, &l->h2, t->below->facts->secure);
	return CONN_OK;
}

/* Of a tunnel only END_STREAM is an end. */
static bool closed_in_order(const struct h2_line *l)
{
	return l->trunk->ended && !l->h2.gone && !l->h2.response.upgrades;
}

/* What came before the end is given before it is told of; what is malformed is not. */
static enum conn_result line_recv(struct conn *c, void *to, size_t size, size_t *n)
{
	struct h2_line *l = c->state;

	if (l->h2.fault != REASON_COMPLETE)
		return h2_line_break(c, EPROTO);
	*n = h2_origin_take(&l->h2, to, size);
	if (*n) {
		h2_trunk_flush_soon(l->trunk);
		return CONN_OK;
	}
	if (l->h2.ended)
		return CONN_EOF;
	if (l->h2.reset)
		return closed_in_order(l) ? CONN_EOF : h2_line_break(c, ECONNRESET);
	c->can_read = false;
	return CONN_AGAIN;
}

static enum conn_result line_send(struct conn *c, const struct iovec *v, unsigned count,
				  bool more, size_t *n)
{
	struct h2_line *l = c->state;
	size_t all = 0;

	(void)more;
	for (unsigned i = 0; i < count; i++)
		all += v[i].iov_len;
	if (l->trunk->state != H2_TRUNK_OPEN)
		return h2_line_break(c, EPIPE);
	if (!h2_stream_give(&l->h2, v, count, n)) {
		if (!l->h2.begun && !l->h2.reset) /* nobody would answer */
			l->h2.fault = REASON_NO_MEMORY;
		return h2_line_break(c, EPIPE);
	}
	h2_trunk_flush_soon(l->trunk);
	c->can_write = *n == all;
	if (!c->can_write && list_empty(&l->blocked))
		list_append(&l->trunk->blocked, &l->blocked);
	return *n ? CONN_OK : CONN_AGAIN;
}

static void line_shutdown(struct conn *c)
{
	struct h2_line *l = c->state;

	if (l->trunk->state != H2_TRUNK_OPEN)
		return;
	h2_stream_end(&l->h2);
	h2_trunk_flush_soon(l->trunk);
}

/* For so long that the server may be gone for all. */
static bool was_unheard(const struct h2_line *l)
{
	const struct h2_trunk *t = l->trunk;

	return l->h2.begun && !l->h2.ended && !l->h2.reset && t->heard_at < l->began &&
	       loop_now(t->loop) - l->began >= SILENT_US;
}

static void line_close(struct conn *c, bool abort)
{
	struct h2_line *l = c->state;
	struct h2_trunk *t = l->trunk;
	bool gone;

	(void)abort;
	if (l->h2.session)
		h2_origin_leave(&l->h2);
	t->silent |= was_unheard(l);
	gone = !l->h2.session || l->h2.gone || t->state != H2_TRUNK_OPEN;
	l->conn = NULL;
	list_del(&l->blocked);
	t->n_open--;
	t->refs++;
	if (gone)
		h2_line_free(l);
	else
		h2_trunk_flush_soon(t);
	if (t->n_open == 0 && t->state != H2_TRUNK_OVER)
		t->calls->idle(t->owner);
	h2_trunk_unref(t);
}

/* What waits in its own queue, and what of its frames the server's kernel may not have. */
static size_t line_undelivered(const struct conn *c)
{
	const struct h2_line *l = c->state;
	uint64_t taken, missing;

	if (l->trunk->state != H2_TRUNK_OPEN)
		return h2_stream_waiting(&l->h2);
	taken = conn_taken(l->trunk->below);
	missing = l->h2.put_at > taken ? l->h2.put_at - taken : 0;
	missing = missing < l->h2.put ? missing : l->h2.put;
	return h2_stream_waiting(&l->h2) + (size_t)missing;
}

static const struct transport transport_line = {
	.name = "line",
	.handshake = line_handshake,
	.recv = line_recv,
	.send = line_send,
	.shutdown = line_shutdown,
	.close = line_close,
	.undelivered = line_undelivered,
};

bool h2_trunk_open(struct h2_trunk *t, struct conn *c, bool websocket,
		   void (*ready)(struct conn *c))
{
	struct h2_line *l = calloc(1, sizeof(*l));

	must(h2_trunk_room(t) > 0);
	if (!l)
		return false;
	l->trunk = t;
	l->conn = c;
	l->websocket = websocket;
	l->began = loop_now(t->loop);
	l->why = REASON_COMPLETE;
	t->refs++;
	t->n_open++;
	list_append(&t->lines, &l->link);
	list_init(&l->woken);
	list_init(&l->blocked);
	conn_open_over(c, t->below, &transport_line, ready);
	c->state = l;
	return true;
}

struct h2_line_fault h2_line_fault(const struct conn *c)
{
	const struct h2_line *l = c->state;
	struct h2_line_fault f = { .why = REASON_COMPLETE };

	if (c->transport != &transport_line || !conn_is_open(c))
		return f;
	f.unprocessed = h2_origin_was_refused(&l->h2);
	f.wants_h1 = l->h2.gone && l->h2.code == H2_HTTP_1_1_REQUIRED && !l->h2.heard;
	if (l->h2.fault != REASON_COMPLETE) {
		f.why = l->h2.fault;
	} else if (f.unprocessed) {
		f.why = REASON_SERVER_REFUSED;
	} else if (l->why != REASON_COMPLETE) {
		f.why = l->why;
		f.words = l->text;
	} else if (l->h2.gone && l->h2.reset) {
		f.why = REASON_SERVER_STREAM;
		f.words = h2_origin_code(&l->h2);
	}
	return f;
}
