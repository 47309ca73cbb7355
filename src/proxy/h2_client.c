#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxy/h2_client_parts.h"

/* Buffers that one connection reads before others of its loop have their turn. */
#define ROUNDS 4
/* A client that does not answer our PING has had its round trip by then. */
#define LEAVE_US (1 * CLOCK_SEC)

void h2_client_unref(struct h2_client *c)
{
	if (--c->refs == 0)
		free(c);
}

/* The client is gone. */
static void lose(struct h2_client *c)
{
	h2_streams_cut(c, REASON_COMPLETE);
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

		if (!c->out && !h2_session_has_more(c->h2))
			return true;
		if (!c->out)
			c->out = buf_get(c->buffers);
		if (!c->out)
			return false;
		if (c->out->at == c->out->end) {
			c->out->at = 0;
			c->out->end = h2_session_send(c->h2, c->out->bytes, BUF_SIZE);
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

	switch (h2_session_flood(c->h2)) {
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
			   STR_ARGS(h2_client_conf(c)->name), s->peer_host, reason_text(why),
			   *text ? ": " : "", text);
}

/* By a fault of the client's; GOAWAY goes out if it can. */
static void fail(struct h2_client *c)
{
	const char *text;
	enum reason why = h2_session_fault(c->h2, &text);

	flush(c);
	why = why == REASON_COMPLETE ? REASON_H2_CONNECTION : why;
	tell_fault(c, why, text);
	h2_streams_cut(c, why);
	session_streams_over(c->carrier, why);
}

static bool is_faulty(const struct h2_client *c)
{
	const char *text;

	return h2_session_fault(c->h2, &text) != REASON_COMPLETE;
}

/* Timers that are of no use any more. */
static void timers_clear(struct h2_client *c, uint64_t now)
{
	if (h2_session_is_settled(c->h2))
		c->settle_due = 0;
	if (!h2_session_in_head(c->h2))
		c->head_due = 0;
	else if (!c->head_due)
		c->head_due = now + h2_client_conf(c)->timeouts.request;
	if (c->leave_due && h2_server_left(c->h2))
		c->leave_due = now;
	if (!c->out && list_empty(&c->streams))
		c->look_due = 0;
	else if (!c->look_due)
		c->look_due = now + h2_client_conf(c)->timeouts.client / 4;
}

static void sooner(uint64_t *due, uint64_t other)
{
	if (other && other < *due)
		*due = other;
}

static void arm(struct h2_client *c)
{
	uint64_t now = loop_now(h2_client_loop(c)), due = UINT64_MAX;

	timers_clear(c, now);
	sooner(&due, c->settle_due);
	sooner(&due, c->head_due);
	sooner(&due, c->leave_due);
	sooner(&due, c->look_due);
	if (list_empty(&c->streams) && !c->idle_told)
		sooner(&due, c->idle_since + h2_client_conf(c)->timeouts.keep_alive);
	if (due != UINT64_MAX)
		loop_timer_set(h2_client_loop(c), &c->carrier->timer, due);
}

/* Who does not read what he has caused is not read from. */
static bool may_read(const struct h2_client *c)
{
	return c->carrier->conn.can_read && !c->ended &&
	       !(c->out && h2_session_is_clogged(c->h2));
}

/* One that came in the same edge as what was read has no other. A call more, so not in every
 * turn: an idle client would not be missed for long, nor would one whose answer is written. */
static void look_for_reset(struct h2_client *c)
{
	conn_ask_again(&c->carrier->conn);
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
	} else if (!c->out && h2_session_is_over(c->h2)) {
		session_streams_over(s, REASON_COMPLETE);
	} else if (c->ended && !c->out && list_empty(&c->streams)) {
		session_close(s);
	} else {
		if (c->ended && !c->out)
			h2_streams_give_up(c);
		if (list_empty(&c->streams))
			look_for_reset(c);
		if (!list_empty(&c->woken) || may_read(c) || h2_streams_have_room(c))
			h2_client_flush_soon(c);
		arm(c);
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
	if (r == CONN_OK && h2_session_recv(c->h2, (struct str){ s->in->bytes, n },
					   loop_now(h2_client_loop(c))))
		h2_streams_run(c);
	if (r == CONN_EOF) {
		c->ended = s->client_ended = true;
		h2_streams_client_ended(c);
	}
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
		h2_streams_run(c);
		h2_streams_run_blocked(c);
	}
	settle(c);
}

void h2_client_run(struct h2_client *c)
{
	h2_client_ready(c);
}

/* ---- time ---- */

/* False: the client has taken nothing of what waits for it, for too long. */
static bool look(struct h2_client *c, uint64_t now)
{
	uint64_t taken = conn_taken(&c->carrier->conn);

	c->look_due = 0;
	h2_streams_look(c, now);
	look_for_reset(c);
	if (!c->out || taken != c->taken) {
		c->taken = taken;
		c->taken_at = now;
	}
	return now - c->taken_at < h2_client_conf(c)->timeouts.client;
}

static bool is_due(uint64_t due, uint64_t now)
{
	return due && due <= now;
}

void h2_client_timed_out(struct h2_client *c)
{
	uint64_t now = loop_now(h2_client_loop(c));

	if (is_due(c->settle_due, now))
		h2_session_end(c->h2, REASON_H2_SETTINGS_TIMEOUT);
	if (is_due(c->head_due, now))
		h2_session_end(c->h2, REASON_H2_HEAD_TIMEOUT);
	if (is_due(c->leave_due, now)) {
		c->leave_due = 0;
		h2_server_leave_now(c->h2);
	}
	if (is_due(c->look_due, now) && !look(c, now)) {
		lose(c);
		return;
	}
	if (list_empty(&c->streams) && !c->idle_told &&
	    is_due(c->idle_since + h2_client_conf(c)->timeouts.keep_alive, now)) {
		c->idle_told = true;
		h2_server_leave_now(c->h2);
	}
	settle(c);
}

void h2_client_leave(struct h2_client *c)
{
	if (c->leaves)
		return;
	c->leaves = true;
	c->leave_due = loop_now(h2_client_loop(c)) + LEAVE_US;
	h2_server_leave(c->h2);
	h2_client_flush_soon(c);
}

/* ---- beginning and end ---- */

void h2_client_follow(struct h2_client *c)
{
	const struct conf_frontend *f = h2_client_conf(c);
	const struct h2_limits limits = { f->max_header_size, (unsigned)f->max_headers };

	h2_session_limit(c->h2, &limits);
}

struct h2_client *h2_client_new(struct session *s)
{
	const struct conf_frontend *f = s->frontend->conf;
	const struct h2_limits limits = { f->max_header_size, (unsigned)f->max_headers };
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
	c->h2 = h2_server_new(&limits, (unsigned)f->max_streams, &h2_streams_calls, c,
			      c->buffers, c->idle_since);
	if (c->h2)
		return c;
	free(c);
	return NULL;
}

void h2_client_begin(struct h2_client *c)
{
	struct session *s = c->carrier;

	stats_add(s->worker->shared->board->stats.h2_connections, 1);
	if (s->in && h2_session_recv(c->h2, buf_unread(s->in), loop_now(h2_client_loop(c))))
		h2_streams_run(c);
	h2_client_ready(c);
}

void h2_client_free(struct h2_client *c)
{
	h2_streams_leave(c);
	if (!is_faulty(c))
		h2_server_leave_now(c->h2);
	flush(c); /* the client may still hear of it */
	h2_session_free(c->h2);
	c->h2 = NULL;
	buf_put(c->buffers, &c->out);
	h2_streams_drop(c);
	h2_client_unref(c);
}
