#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/digest.h"
#include "upstream/h2_trunk_parts.h"

/* Buffers that one connection reads before others of its loop have their turn. */
#define ROUNDS 4
/* A server that has not acknowledged our SETTINGS by then speaks something else. */
#define SETTLE_US (10 * CLOCK_SEC)
/* Data is asked for again when so much of a line's queue has gone out. */
#define ROOM_AGAIN (BUF_SIZE / 2)
/* What a response's head may be: as of HTTP/1.1 (proxy/exchange_response.c). */
#define RESPONSE_HEAD_MAX 32768u
#define RESPONSE_FIELDS_MAX 256u
/* How many may wait for one that still connects: what RFC 9113 6.5.2 wants to be allowed at
 * least. */
#define WAITING_MAX 100u

/* ---- what the origin tells ---- */

static struct h2_line *line_of(struct h2_stream *h2)
{
	return list_of(h2, struct h2_line, h2);
}

/* Its user does not see what he does not wait for. */
static void on_stir(void *owner, struct h2_stream *h2)
{
	struct h2_line *l = line_of(h2);
	const struct conn *c = l->conn;

	(void)owner;
	if (c && (h2->reset || h2->fault != REASON_COMPLETE || !c->can_read))
		h2_line_wake(l);
}

static void on_gone(void *owner, struct h2_stream *h2)
{
	(void)owner;
	h2_line_wake(line_of(h2));
}

static void on_make_accept(void *owner, struct str key, char to[29])
{
	char text[DIGEST_ACCEPT];

	_Static_assert(DIGEST_ACCEPT == 29, "an accept, in words");
	(void)owner;
	digest_websocket_accept(key, text);
	memcpy(to, text, sizeof(text));
}

static const struct h2_owner calls = {
	.stir = on_stir,
	.gone = on_gone,
	.make_accept = on_make_accept,
};

/* ---- the lines' turn ---- */

static void line_run(struct h2_line *l)
{
	struct h2_stream *h2 = &l->h2;
	struct conn *c = l->conn;

	if (!c) {
		if (h2->gone)
			h2_line_free(l);
		return;
	}
	c->can_read |= h2->reset || h2->fault != REASON_COMPLETE || h2->ended ||
		       (h2->session && h2_origin_has_more(h2));
	c->can_write |= h2->reset || list_empty(&l->blocked);
	c->ready(c);
}

static void run_woken(struct h2_trunk *t)
{
	struct list *e;

	while ((e = list_pop(&t->woken)))
		line_run(list_of(e, struct h2_line, woken));
}

/* Room comes with windows, and with what has gone out, of any line. */
static void wake_blocked(struct h2_trunk *t)
{
	struct list *e, *next;

	list_each_safe(e, next, &t->blocked) {
		struct h2_line *l = list_of(e, struct h2_line, blocked);

		if (h2_stream_waiting(&l->h2) > ROOM_AGAIN || !h2_stream_room(&l->h2))
			continue;
		list_del(&l->blocked);
		h2_line_wake(l);
	}
}

static void wake_all(struct h2_trunk *t)
{
	for (struct list *e = t->lines.next; e != &t->lines; e = e->next)
		h2_line_wake(list_of(e, struct h2_line, link));
}

/* Nothing more will come or go. */
static void cut_lines(struct h2_trunk *t, enum reason why, const char *text)
{
	struct list *e;

	for (e = t->lines.next; e != &t->lines; e = e->next) {
		struct h2_line *l = list_of(e, struct h2_line, link);

		l->h2.reset |= !l->h2.ended || !l->h2.answered;
		l->why = why;
		str_copy(l->text, sizeof(l->text), str_of(text));
		if (l->conn && !l->h2.session)
			h2_line_break(l->conn, t->below->error ? t->below->error : ECONNRESET);
		if (!l->conn)
			l->h2.gone = true;
	}
	wake_all(t);
	run_woken(t);
	for (e = t->lines.next; e != &t->lines; e = e->next) {
		struct h2_line *l = list_of(e, struct h2_line, link);

		if (l->conn) /* they are those of the connection below */
			l->conn->facts = &conn_plain_facts;
	}
}

/* ---- the connection ---- */

/* False: the connection is broken. */
static bool flush(struct h2_trunk *t)
{
	struct iovq q;
	size_t n;

	for (;;) {
		enum conn_result r;

		if (!t->out && !h2_session_has_more(t->origin))
			return true;
		if (!t->out)
			t->out = buf_get(t->buffers);
		if (!t->out)
			return false;
		if (t->out->at == t->out->end) {
			t->out->at = 0;
			t->out->end = h2_session_send(t->origin, t->out->bytes, BUF_SIZE);
			if (t->out->end == 0) {
				buf_put(t->buffers, &t->out);
				return true;
			}
		}
		iovq_init(&q);
		must(iovq_add(&q, buf_unread(t->out)));
		r = conn_send(t->below, &q, false, &n);
		t->out->at += n;
		if (t->out->at == t->out->end)
			buf_put(t->buffers, &t->out);
		if (r == CONN_AGAIN)
			return true;
		if (r != CONN_OK)
			return false;
	}
}

static enum conn_result read_once(struct h2_trunk *t)
{
	enum conn_result r;
	size_t n;

	if (!t->in)
		t->in = buf_get(t->buffers);
	if (!t->in)
		return CONN_FAIL;
	r = conn_recv(t->below, t->in->bytes, BUF_SIZE, &n);
	if (r == CONN_OK) {
		t->heard_at = loop_now(t->loop);
		h2_session_recv(t->origin, (struct str){ t->in->bytes, n }, t->heard_at);
	}
	t->ended |= r == CONN_EOF;
	return r;
}

static bool is_faulty(const struct h2_trunk *t)
{
	const char *text;

	return h2_origin_fault(t->origin, &text) != REASON_COMPLETE;
}

static void read_some(struct h2_trunk *t)
{
	enum conn_result r = CONN_OK;

	for (unsigned round = 0; round < ROUNDS && r == CONN_OK; round++) {
		if (!t->below->can_read || t->ended || t->broken || is_faulty(t))
			break;
		r = read_once(t);
	}
	buf_put(t->buffers, &t->in);
	t->broken |= r == CONN_FAIL;
	if (t->below->can_read && !t->ended && !t->broken)
		h2_trunk_flush_soon(t);
}

/* The last of it: nothing may touch it afterwards. */
static void finish(struct h2_trunk *t)
{
	enum reason why = REASON_COMPLETE;
	const char *text = "";

	t->busy++;
	if (t->origin)
		why = h2_origin_fault(t->origin, &text);
	if (t->origin && !t->broken) {
		h2_session_end(t->origin, REASON_COMPLETE);
		flush(t); /* the server may still hear of it */
	}
	t->state = H2_TRUNK_OVER;
	loop_timer_stop(&t->timer);
	loop_task_cancel(&t->task);
	cut_lines(t, why, text);
	buf_put(t->buffers, &t->out);
	t->busy--;
	t->calls->over(t->owner, why, text);
}

static bool is_done(const struct h2_trunk *t)
{
	if (t->ending || t->broken || t->ended || is_faulty(t))
		return true;
	if (!t->out && h2_session_is_over(t->origin))
		return true;
	return t->n_open == 0 && (t->silent || h2_origin_is_leaving(t->origin));
}

static void look_for_greeting(struct h2_trunk *t)
{
	if (t->greeted || !h2_origin_is_greeted(t->origin))
		return;
	t->greeted = true;
	if (t->calls->greeted)
		t->calls->greeted(t->owner);
	wake_all(t);
}

/* A server that has closed may have said why, and what it has left undone. */
static void flush_or_break(struct h2_trunk *t)
{
	if (t->broken || flush(t))
		return;
	read_some(t);
	run_woken(t);
	t->broken = true;
}

/* They go elsewhere, instead of waiting for others to end. */
static void refuse_unsent(struct h2_trunk *t)
{
	for (struct list *e = t->lines.next; e != &t->lines; e = e->next) {
		struct h2_line *l = list_of(e, struct h2_line, link);

		if (l->h2.session && h2_origin_refuse_unsent(&l->h2))
			h2_line_wake(l);
	}
}

/* Who still waits is to hear of a reset that came in the same edge as what was read. */
static void look_for_reset(struct h2_trunk *t)
{
	if (t->n_open == 0)
		return;
	conn_ask_again(t->below);
	if (t->below->can_read && !t->ended && !t->broken)
		h2_trunk_flush_soon(t);
}

static void run_open(struct h2_trunk *t)
{
	t->busy++;
	read_some(t);
	look_for_greeting(t);
	run_woken(t);
	look_for_reset(t);
	flush_or_break(t);
	if (!t->out && !t->broken && h2_origin_has_unsent(t->origin))
		refuse_unsent(t);
	wake_blocked(t);
	if (h2_session_is_settled(t->origin))
		loop_timer_stop(&t->timer);
	if (!list_empty(&t->woken))
		h2_trunk_flush_soon(t);
	t->busy--;
	if (is_done(t))
		finish(t);
}

/* ---- connecting ---- */

static void become_open(struct h2_trunk *t)
{
	const struct h2_limits limits = { RESPONSE_HEAD_MAX, RESPONSE_FIELDS_MAX };
	uint64_t now = loop_now(t->loop);

	t->origin = h2_origin_new(&limits, &calls, t, t->buffers, now);
	if (!t->origin) {
		t->below->error = ENOMEM;
		finish(t);
		return;
	}
	t->state = H2_TRUNK_OPEN;
	t->heard_at = now;
	loop_timer_set(t->loop, &t->timer, now + SETTLE_US);
	t->busy++;
	t->calls->connected(t->owner);
	wake_all(t);
	t->busy--;
	run_open(t);
}

static void become_foreign(struct h2_trunk *t)
{
	t->state = H2_TRUNK_FOREIGN;
	t->refs++;
	t->calls->connected(t->owner);
	wake_all(t);
	run_woken(t);
	h2_trunk_unref(t);
}

static void run_connecting(struct h2_trunk *t)
{
	switch (conn_connected(t->below)) {
	case CONN_AGAIN:
		break;
	case CONN_OK:
		if (t->below->facts->secure &&
		    !str_eq(t->below->facts->protocol, STR("h2")))
			become_foreign(t);
		else
			become_open(t);
		break;
	case CONN_EOF:
	case CONN_FAIL:
		finish(t);
		break;
	}
}

void h2_trunk_ready(struct h2_trunk *t)
{
	if (t->busy) /* it will come to that by itself */
		return;
	if (t->state == H2_TRUNK_CONNECTING && t->ending)
		finish(t);
	else if (t->state == H2_TRUNK_CONNECTING)
		run_connecting(t);
	else if (t->state == H2_TRUNK_OPEN)
		run_open(t);
}

static void task_run(struct loop_task *task)
{
	h2_trunk_ready(list_of(task, struct h2_trunk, task));
}

static void unsettled(struct loop_timer *timer)
{
	struct h2_trunk *t = list_of(timer, struct h2_trunk, timer);

	if (t->state != H2_TRUNK_OPEN || h2_session_is_settled(t->origin))
		return;
	h2_session_end(t->origin, REASON_H2_SETTINGS_TIMEOUT);
	h2_trunk_ready(t);
}

void h2_trunk_look(struct h2_trunk *t)
{
	if (t->state != H2_TRUNK_OPEN || t->busy)
		return;
	t->below->can_read |= !conn_is_quiet(t->below);
	if (t->below->can_read)
		run_open(t);
}

/* ---- beginning and end ---- */

struct h2_trunk *h2_trunk_new(struct conn *below, struct loop *l, struct buf_pool *buffers,
			      struct str preface, const struct h2_trunk_calls *owner_calls,
			      void *owner)
{
	struct h2_trunk *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->below = below;
	t->loop = l;
	t->buffers = buffers;
	t->calls = owner_calls;
	t->owner = owner;
	t->refs = 1;
	list_init(&t->lines);
	list_init(&t->woken);
	list_init(&t->blocked);
	loop_task_init(&t->task, task_run);
	loop_timer_init(&t->timer, unsettled);
	if (!preface.n)
		return t;
	t->out = buf_get(buffers);
	if (!t->out) {
		free(t);
		return NULL;
	}
	memcpy(t->out->bytes, preface.p, preface.n);
	t->out->end = preface.n;
	return t;
}

void h2_trunk_leave(struct h2_trunk *t)
{
	if (t->state != H2_TRUNK_FOREIGN)
		t->state = H2_TRUNK_OVER;
	loop_timer_stop(&t->timer);
	loop_task_cancel(&t->task);
	buf_put(t->buffers, &t->out);
	h2_trunk_unref(t);
}

void h2_trunk_close(struct h2_trunk *t)
{
	t->ending = true;
	if (!t->busy && t->state != H2_TRUNK_OVER)
		finish(t);
}

/* ---- what is known of it ---- */

enum h2_trunk_state h2_trunk_state(const struct h2_trunk *t)
{
	return t->state;
}

unsigned h2_trunk_room(const struct h2_trunk *t)
{
	unsigned most = 0;

	if (t->ending || t->ended || t->broken || t->silent)
		return 0;
	if (t->state == H2_TRUNK_OPEN)
		most = h2_origin_streams(t->origin);
	if (t->state == H2_TRUNK_CONNECTING ||
	    (t->state == H2_TRUNK_OPEN && !h2_origin_is_greeted(t->origin)))
		most = t->expected ? t->expected : WAITING_MAX;
	return most > t->n_open ? most - t->n_open : 0;
}

unsigned h2_trunk_allowed(const struct h2_trunk *t)
{
	return t->state == H2_TRUNK_OPEN && h2_origin_is_greeted(t->origin)
		       ? h2_origin_streams(t->origin)
		       : 0;
}

void h2_trunk_expect(struct h2_trunk *t, unsigned expected)
{
	t->expected = expected;
}

bool h2_trunk_is_idle(const struct h2_trunk *t)
{
	return t->n_open == 0;
}

bool h2_trunk_may_take_websockets(const struct h2_trunk *t)
{
	return t->state == H2_TRUNK_CONNECTING || !h2_origin_is_greeted(t->origin) ||
	       h2_origin_takes_websockets(t->origin);
}
