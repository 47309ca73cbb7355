#include "proxy/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "proxy/exchange.h"

/* How long, and for how many bytes, a client may go on sending after our last word. */
#define LINGER_US (5 * CLOCK_SEC)
#define LINGER_BYTES (1u << 20)

static void session_free(struct session *s)
{
	listener_unref(s->listener);
	free(s->reached);
	free(s);
}

void session_close(struct session *s)
{
	struct worker *w = s->worker;

	if (s->state == SESSION_OVER)
		return;
	s->state = SESSION_OVER;
	if (s->exchange)
		exchange_drop(s->exchange);
	s->exchange = NULL;
	upstream_close_own(&s->own);
	loop_timer_stop(&s->timer);
	conn_close(&s->conn);
	buf_put(&w->buffers, &s->in);
	list_del(&s->link);
	stats_sub(s->stats->connections, 1);
	loop_task_queue(w->loop, &s->task);
	worker_session_closed(w);
}

/* ---- idle ---- */

/* Under the worker's current generation. False: it does not have this listener any more. */
static bool look_up_frontend(struct session *s)
{
	struct worker *w = s->worker;

	if (s->tenancy == w->now)
		return true;
	s->tenancy = w->now;
	s->frontend = generation_frontend(w->now->gen, s->listener);
	return s->frontend != NULL;
}

static void wait_for_request(struct session *s)
{
	struct loop *l = s->worker->loop;

	s->state = SESSION_IDLE;
	loop_timer_set(l, &s->timer, loop_now(l) + s->frontend->conf->timeouts.keep_alive);
}

static void start_exchange(struct session *s)
{
	s->exchange = exchange_begin(s);
	if (!s->exchange) {
		session_close(s);
		return;
	}
	s->state = SESSION_BUSY;
	exchange_run(s->exchange);
}

static void session_listen(struct session *s)
{
	struct worker *w = s->worker;
	size_t n;

	/* What a pipelining client has sent before comes before its end. */
	if (s->in && s->in->at < s->in->end) {
		start_exchange(s);
		return;
	}
	if (!s->conn.can_read)
		return;
	if (!s->in)
		s->in = buf_get(&w->buffers);
	if (!s->in) {
		session_close(s);
		return;
	}
	switch (conn_recv(&s->conn, s->in->bytes + s->in->end, buf_room(s->in), &n)) {
	case CONN_OK:
		s->in->end += n;
		start_exchange(s);
		return;
	case CONN_AGAIN:
		buf_put(&w->buffers, &s->in);
		return;
	case CONN_EOF:
	case CONN_FAIL:
		session_close(s);
		return;
	}
}

/* ---- lingering ---- */

static void linger(struct session *s)
{
	char waste[16384];
	size_t n;

	for (;;) {
		switch (conn_recv(&s->conn, waste, sizeof(waste), &n)) {
		case CONN_OK:
			s->lingered += n;
			if (s->lingered < LINGER_BYTES)
				continue;
			session_close(s);
			return;
		case CONN_AGAIN:
			return;
		case CONN_EOF:
		case CONN_FAIL:
			session_close(s);
			return;
		}
	}
}

static void start_linger(struct session *s)
{
	struct loop *l = s->worker->loop;

	s->state = SESSION_LINGER;
	conn_shutdown(&s->conn);
	buf_put(&s->worker->buffers, &s->in);
	loop_timer_set(l, &s->timer, loop_now(l) + LINGER_US);
	linger(s);
}

/* ---- events ---- */

static void conn_ready(struct conn *c)
{
	struct session *s = list_of(c, struct session, conn);

	switch (s->state) {
	case SESSION_IDLE:
		session_listen(s);
		return;
	case SESSION_BUSY:
		exchange_run(s->exchange);
		return;
	case SESSION_LINGER:
		linger(s);
		return;
	case SESSION_OVER:
		return;
	}
}

static void timed_out(struct loop_timer *t)
{
	struct session *s = list_of(t, struct session, timer);

	if (s->state == SESSION_BUSY)
		exchange_timed_out(s->exchange);
	else
		session_close(s);
}

static void task_run(struct loop_task *t)
{
	struct session *s = list_of(t, struct session, task);

	if (s->state == SESSION_OVER)
		session_free(s);
	else if (s->state == SESSION_BUSY)
		exchange_run(s->exchange);
	else
		conn_ready(&s->conn);
}

/* The first byte is the client's, or that of a PROXY header, which is an exchange's to read: its
 * ends are the same. */
static void session_begin(struct session *s)
{
	if (s->header_due) {
		start_exchange(s);
		return;
	}
	wait_for_request(s);
	session_listen(s);
}

static void set_peer(struct session *s, const struct addr *peer)
{
	s->peer = *peer;
	addr_format_host(peer, s->peer_host, sizeof(s->peer_host));
}

void session_start(struct worker *w, struct listener *l, const struct frontend *f,
		   const struct conf_bind *bind, int fd, const struct addr *peer)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s || !conn_open(&s->conn, w->loop, fd, conn_ready)) {
		if (!s)
			close(fd);
		free(s);
		return;
	}
	s->worker = w;
	s->codec = &codec_h1;
	s->listener = listener_ref(l);
	s->tenancy = w->now;
	s->frontend = f;
	s->stats = f->stats;
	set_peer(s, peer);
	s->header_due = bind->proxy_protocol && session_peer_is_trusted(s);
	list_init(&s->own);
	loop_timer_init(&s->timer, timed_out);
	loop_task_init(&s->task, task_run);
	list_append(&w->sessions, &s->link);
	stats_add(s->stats->connections, 1);
	stats_add(s->stats->connections_total, 1);
	worker_session_opened(w);
	session_begin(s);
}

void session_drain(struct session *s)
{
	if (s->state == SESSION_IDLE && !s->conn.can_read && !s->in)
		session_close(s);
}

/* A busy one follows when its exchange is over; until then that holds its own generation. */
void session_follow(struct session *s)
{
	if (s->state == SESSION_IDLE && !look_up_frontend(s))
		session_close(s);
}

/* ---- for the exchange ---- */

bool session_take_header(struct session *s, const struct proxy_header *h)
{
	s->header_due = false;
	if (h->local)
		return true;
	s->reached = malloc(sizeof(*s->reached));
	if (!s->reached)
		return false;
	*s->reached = h->dst;
	set_peer(s, &h->src);
	return true;
}

bool session_peer_is_trusted(const struct session *s)
{
	const struct conf_frontend *c = s->frontend->conf;

	for (unsigned i = 0; i < c->n_trusted; i++)
		if (net_contains(&c->trusted_proxies[i], &s->peer))
			return true;
	return false;
}

uint16_t session_port(const struct session *s)
{
	return addr_port(s->reached ? s->reached : &s->listener->addr);
}

void session_reached(const struct session *s, struct addr *to)
{
	*to = (struct addr){ .len = sizeof(to->u) };
	if (s->reached)
		*to = *s->reached;
	else if (getsockname(s->conn.io.fd, &to->u.sa, &to->len) < 0)
		to->len = 0;
}

void session_next(struct session *s, enum session_after after)
{
	struct worker *w = s->worker;
	bool more = s->in && s->in->at < s->in->end;

	s->exchange = NULL;
	s->requests++;
	if (!conn_is_open(&s->conn)) {
		session_close(s);
		return;
	}
	if (after != SESSION_KEEP || w->phase != WORKER_RUNNING || !look_up_frontend(s)) {
		if (!s->client_ended && (after == SESSION_WASTE || more || s->conn.can_read))
			start_linger(s);
		else
			session_close(s);
		return;
	}
	wait_for_request(s);
	if (!more)
		buf_put(&w->buffers, &s->in);
	if (more || s->conn.can_read)
		loop_task_queue(w->loop, &s->task);
	else if (s->client_ended)
		session_close(s);
}

bool session_read_ahead(struct session *s)
{
	size_t n;

	while (s->conn.can_read && !s->client_ended && s->in && buf_room(s->in) > 0) {
		switch (conn_recv(&s->conn, s->in->bytes + s->in->end, buf_room(s->in), &n)) {
		case CONN_OK:
			s->in->end += n;
			break;
		case CONN_AGAIN:
			return true;
		case CONN_EOF:
			s->client_ended = true;
			return !s->frontend->conf->abort_on_close;
		case CONN_FAIL:
			return false;
		}
	}
	/* Behind an end, or before a full buffer, nothing is read that could tell. */
	return !s->conn.can_read || !conn_is_reset(&s->conn);
}
