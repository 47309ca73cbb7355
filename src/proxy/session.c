#include "proxy/session.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/tls.h"
#include "proxy/exchange.h"
#include "proxy/h2_client.h"
#include "proxy/limiter.h"

static void session_free(struct session *s)
{
	listener_unref(s->listener);
	tls_server_unref(s->secures);
	if (s->carrier) { /* what follows is the carrier's */
		h2_client_release(s);
		return;
	}
	free(s->reached);
	free(s->limited);
	free(s);
}

static void session_uncount(struct worker *w, struct frontend_stats *stats)
{
	stats_sub(stats->connections, 1);
	worker_session_closed(w);
}

static void stay_no_longer(struct session *s)
{
	if (s->stays)
		tenancy_leave(s->tenancy);
	s->stays = false;
}

static void end_streams(struct session *s)
{
	if (s->streams)
		h2_client_free(s->streams);
	s->streams = NULL;
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
	end_streams(s);
	upstream_close_own(&s->own);
	stay_no_longer(s);
	loop_timer_stop(&s->timer);
	conn_close(&s->conn);
	buf_put(&w->buffers, &s->in);
	worker_unlink_session(w, &s->link);
	list_del(&s->linger_link);
	limiter_leave(s);
	loop_task_queue(w->loop, &s->task);
	if (!s->carrier)
		session_uncount(w, s->stats);
}

/* ---- idle ---- */

/* Under the worker's current generation. False: it does not have this listener any more, or
 * does not speak HTTP there. */
static bool look_up_frontend(struct session *s)
{
	struct worker *w = s->worker;

	const struct frontend *f;

	if (s->tenancy == w->now)
		return true;
	f = generation_frontend(w->now->gen, s->listener);
	if (!f || f->conf->mode != CONF_MODE_HTTP)
		return false;
	s->tenancy = w->now;
	s->frontend = f;
	limiter_follow(s);
	return true;
}

/* Whether it may wait for a request that has not come yet. */
static bool may_wait(struct session *s)
{
	return worker_lets_wait(s->worker) && look_up_frontend(s);
}

static void wait_for_request(struct session *s)
{
	struct loop *l = s->worker->loop;

	s->state = SESSION_IDLE;
	loop_timer_set(l, &s->timer, loop_now(l) + s->frontend->conf->timeouts.keep_alive);
}

static bool begin_exchange(struct session *s)
{
	s->exchange = exchange_begin(s);
	stay_no_longer(s);
	if (!s->exchange) {
		session_close(s);
		return false;
	}
	s->state = SESSION_BUSY;
	return true;
}

static void start_exchange(struct session *s)
{
	if (begin_exchange(s))
		exchange_run(s->exchange);
}

/* Who is over a limit of connections is told so before he has asked for anything. */
static void turn_away(struct session *s, enum reason why)
{
	if (!begin_exchange(s))
		return;
	exchange_turn_away(s->exchange, why);
	exchange_run(s->exchange);
}

/* Its handshake came to nothing. */
static void refuse(struct session *s, enum reason why, const char *words)
{
	if (!begin_exchange(s))
		return;
	exchange_refuse(s->exchange, why, words);
	exchange_run(s->exchange);
}

/* Empty lines before a request are no part of it: who sends one behind a body, and then
 * nothing, is idle (HTTP.md 33, 36). */
static bool only_empty_lines(const struct buf *b)
{
	struct str in = buf_unread(b);

	if (in.n > 2 * H1_EMPTY_LINES_MAX)
		return false;
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] != "\r\n"[i % 2])
			return false;
	return true;
}

static bool has_request(struct session *s)
{
	size_t n;

	if (!s->in)
		return false;
	n = s->in->end - s->in->at;
	if (s->skip) {
		n = n < s->skip ? n : (size_t)s->skip;
		s->in->at += n;
		s->skip -= n;
	}
	return !only_empty_lines(s->in);
}

static void start_linger(struct session *s);

/* Without a byte on its way that would make the kernel reset the connection. */
static void leave(struct session *s)
{
	if (s->skip)
		start_linger(s);
	else
		session_close(s);
}

static enum conn_result read_some(struct session *s)
{
	enum conn_result r;
	size_t n;

	if (!s->in)
		s->in = buf_get(&s->worker->buffers);
	if (!s->in)
		return CONN_FAIL;
	if (s->in->at)
		buf_compact(s->in);
	r = conn_recv(&s->conn, s->in->bytes + s->in->end, buf_room(s->in), &n);
	if (r == CONN_OK)
		s->in->end += n;
	return r;
}

static void session_listen(struct session *s)
{
	bool came = false;

	for (;;) {
		/* What a pipelining client has sent before comes before its end. */
		if (has_request(s)) {
			start_exchange(s);
			return;
		}
		if (came)
			conn_ask_again(&s->conn);
		if (!s->conn.can_read)
			return;
		switch (read_some(s)) {
		case CONN_OK:
			came = true;
			break;
		case CONN_AGAIN:
			if (s->in->at == s->in->end)
				buf_put(&s->worker->buffers, &s->in);
			if (!may_wait(s))
				leave(s);
			return;
		case CONN_EOF:
		case CONN_FAIL:
			session_close(s);
			return;
		}
	}
}

/* ---- streams ---- */

static void stay(struct session *s)
{
	s->stays = true;
	s->tenancy->users++;
}

static void carry_streams(struct session *s)
{
	s->streams = h2_client_new(s);
	if (!s->streams) {
		session_close(s);
		return;
	}
	s->state = SESSION_CARRIER;
	if (!look_up_frontend(s))
		stay(s);
	if (s->stays || s->worker->phase != WORKER_RUNNING)
		h2_client_leave(s->streams);
	h2_client_begin(s->streams);
}

/* ---- lingering ---- */

static void linger_timer(struct session *s)
{
	struct loop *l = s->worker->loop;

	loop_timer_set(l, &s->timer, linger_due(&s->linger, loop_now(l)));
}

static void linger(struct session *s)
{
	char waste[16384];
	size_t n;

	while (s->linger.turn < LINGER_TURN) {
		switch (conn_recv(&s->conn, waste, sizeof(waste), &n)) {
		case CONN_OK:
			s->linger.turn += n;
			conn_ask_again(&s->conn);
			break;
		case CONN_AGAIN:
			linger_timer(s);
			return;
		case CONN_EOF:
		case CONN_FAIL:
			session_close(s);
			return;
		}
	}
	if (linger_reads_on(&s->linger, conn_undelivered(&s->conn)))
		loop_task_queue(s->worker->loop, &s->task);
	else
		session_close(s);
}

static void start_linger(struct session *s)
{
	struct worker *w = s->worker;

	upstream_close_own(&s->own);
	s->state = SESSION_LINGER;
	linger_begin(&s->linger, loop_now(w->loop));
	conn_shutdown(&s->conn);
	buf_put(&w->buffers, &s->in);
	list_append(&w->lingering, &s->linger_link);
	linger_timer(s); /* whoever sends without a pause sets no other */
	linger(s);
}

static void linger_timed_out(struct session *s)
{
	uint64_t now = loop_now(s->worker->loop);

	if (linger_goes_on(&s->linger, now, conn_undelivered(&s->conn)))
		linger_timer(s);
	else
		session_close(s);
}

bool session_make_room(struct worker *w, const struct frontend_stats *counted)
{
	struct list *e, *next;

	list_each_safe(e, next, &w->lingering) {
		struct session *s = list_of(e, struct session, linger_link);

		if (counted && s->stats != counted)
			continue;
		session_close(s);
		return true;
	}
	return false;
}

/* ---- the handshake ---- */

/* A generation that is left behind meanwhile stays until this is over. */
static void stay_for_handshake(struct session *s)
{
	s->stays = true;
	s->tenancy->users++;
}

static void catch_up(struct session *s)
{
	struct tenancy *began = s->tenancy;

	if (!look_up_frontend(s))
		return;
	s->stays = false;
	tenancy_leave(began);
}

static void handshake_failed(struct session *s)
{
	static const enum reason reasons[] = {
		[CONN_BROKE] = REASON_TLS_ABORT,
		[CONN_FOREIGN] = REASON_TLS_PLAIN,
		[CONN_DECLINED] = REASON_TLS_DECLINED,
		[CONN_UNTRUSTED] = REASON_TLS_CERTIFICATE,
		[CONN_DISAGREED] = REASON_TLS_FAILED,
	};
	const struct conn_facts *f = s->conn.facts;

	/* One that only looks whether somebody listens makes no noise. */
	if (f->fault == CONN_LEFT)
		session_close(s);
	else
		refuse(s, reasons[f->fault], f->words);
}

static void begin_serving(struct session *s);

static void shake_hands(struct session *s)
{
	switch (conn_handshake(&s->conn)) {
	case CONN_OK:
		begin_serving(s);
		return;
	case CONN_AGAIN:
		return;
	case CONN_EOF:
	case CONN_FAIL:
		handshake_failed(s);
		return;
	}
}

/* What came behind a PROXY header belongs to it. */
static void start_handshake(struct session *s)
{
	struct worker *w = s->worker;
	bool good = tls_accept(&s->conn, s->secures, s->in ? buf_unread(s->in) : STR_NONE);

	tls_server_unref(s->secures);
	s->secures = NULL;
	buf_put(&w->buffers, &s->in);
	if (!good) {
		session_close(s);
		return;
	}
	s->state = SESSION_HANDSHAKE;
	stay_for_handshake(s);
	loop_timer_set(w->loop, &s->timer,
		       loop_now(w->loop) + s->frontend->conf->timeouts.tls_handshake);
	shake_hands(s);
}

bool session_is_to_secure(const struct session *s)
{
	return s->secures != NULL;
}

/* ---- events ---- */

static void conn_ready(struct conn *c)
{
	struct session *s = list_of(c, struct session, conn);

	switch (s->state) {
	case SESSION_HANDSHAKE:
		shake_hands(s);
		return;
	case SESSION_IDLE:
		session_listen(s);
		return;
	case SESSION_BUSY:
		exchange_run(s->exchange);
		return;
	case SESSION_CARRIER:
		h2_client_ready(s->streams);
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
	else if (s->state == SESSION_LINGER)
		linger_timed_out(s);
	else if (s->state == SESSION_CARRIER)
		h2_client_timed_out(s->streams);
	else if (s->state == SESSION_HANDSHAKE)
		refuse(s, REASON_TLS_TIMEOUT, "");
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
	else if (s->state == SESSION_CARRIER)
		h2_client_run(s->streams);
	else
		conn_ready(&s->conn);
}

/* The first byte is the client's, or that of a PROXY header, which is an exchange's to read: its
 * ends are the same. In mode tcp the server may be the first to speak. */
static void begin_serving(struct session *s)
{
	if (s->turned_away) {
		turn_away(s, s->turned_away);
		return;
	}
	if (s->frontend->conf->mode == CONF_MODE_TCP) {
		start_exchange(s);
		return;
	}
	if (s->stays)
		catch_up(s);
	if (str_eq(s->conn.facts->protocol, STR("h2"))) {
		carry_streams(s);
		return;
	}
	wait_for_request(s);
	session_listen(s);
}

/* Who is over a limit is told so in the language that it understands. */
static void session_begin(struct session *s)
{
	enum reason why = REASON_COMPLETE;

	if (s->header_due) {
		start_exchange(s);
		return;
	}
	if (s->frontend->n_holds && !limiter_admit(s, &why))
		s->turned_away = why;
	if (s->secures && why != REASON_LIMIT_CONNECTIONS_CUT)
		start_handshake(s);
	else
		begin_serving(s);
}

static void set_peer(struct session *s, const struct addr *peer)
{
	s->peer = *peer;
	addr_format_host(peer, s->peer_host, sizeof(s->peer_host));
}

void session_start(struct worker *w, const struct frontend *f,
		   const struct generation_listener *on, int fd, const struct addr *peer)
{
	struct session *s = calloc(1, sizeof(*s));

	stats_add(f->stats->connections_total, 1);
	worker_session_opened(w);
	if (!s || !conn_open(&s->conn, w->loop, fd, conn_ready)) {
		if (!s)
			close(fd);
		free(s);
		session_uncount(w, f->stats);
		return;
	}
	s->worker = w;
	s->codec = &codec_h1;
	s->listener = listener_ref(on->listener);
	s->secures = on->tls ? tls_server_ref(on->tls) : NULL;
	s->tenancy = w->now;
	s->frontend = f;
	s->stats = f->stats;
	set_peer(s, peer);
	s->header_due = on->bind->proxy_protocol && session_peer_is_trusted(s);
	list_init(&s->own);
	loop_timer_init(&s->timer, timed_out);
	loop_task_init(&s->task, task_run);
	list_init(&s->linger_link);
	list_append(&w->sessions, &s->link);
	session_begin(s);
}

/* It sends one request, so that it has ended its side as soon as that is there; what it is about
 * otherwise, its carrier says. */
void session_start_stream(struct session *s, struct session *carrier, const struct transport *t,
			  struct buf **head, enum reason why)
{
	struct worker *w = carrier->worker;

	s->carrier = carrier;
	s->worker = w;
	s->codec = &codec_h2;
	s->listener = listener_ref(carrier->listener);
	s->tenancy = carrier->tenancy;
	s->frontend = carrier->frontend;
	s->stats = carrier->stats;
	s->reached = carrier->reached;
	s->limited = carrier->limited;
	s->local = carrier->local;
	set_peer(s, &carrier->peer);
	s->client_ended = true;
	s->in = *head;
	*head = NULL;
	list_init(&s->own);
	list_init(&s->linger_link);
	loop_timer_init(&s->timer, timed_out);
	loop_task_init(&s->task, task_run);
	conn_open_over(&s->conn, &carrier->conn, t, conn_ready);
	list_append(&w->sessions, &s->link);
	if (!begin_exchange(s))
		return;
	if (why != REASON_COMPLETE)
		exchange_note_fault(s->exchange, why);
	exchange_run(s->exchange);
}

void session_streams_over(struct session *s, enum reason why)
{
	end_streams(s);
	s->state = SESSION_IDLE;
	if (why == REASON_COMPLETE) {
		if (s->client_ended)
			session_close(s);
		else
			start_linger(s);
		return;
	}
	if (!begin_exchange(s))
		return;
	exchange_note_fault(s->exchange, why);
	exchange_run(s->exchange);
}

/* The loop may not have told yet of what the client has sent. */
static void look_once_more(struct session *s)
{
	s->conn.can_read = true;
	session_listen(s);
}

void session_drain(struct session *s)
{
	if (s->state == SESSION_CARRIER)
		h2_client_leave(s->streams);
	else if (s->state == SESSION_IDLE && s->worker->ends_idle)
		look_once_more(s);
}

void session_part(struct session *s, const struct generation *next)
{
	if (s->state == SESSION_IDLE && !generation_frontend(next, s->listener))
		look_once_more(s);
}

/* Where its listener is gone, streams that are on their way still run under what was here. */
static void carrier_follow(struct session *s)
{
	if (s->stays)
		return;
	if (look_up_frontend(s)) {
		h2_client_follow(s->streams);
		return;
	}
	stay(s);
	h2_client_leave(s->streams);
}

/* A busy one follows when its exchange is over; until then that holds its own generation. */
void session_follow(struct session *s)
{
	if (s->state == SESSION_CARRIER)
		carrier_follow(s);
	else if (s->state == SESSION_IDLE && !s->stays && !look_up_frontend(s))
		leave(s);
}

/* ---- for the exchange ---- */

bool session_take_header(struct session *s, const struct proxy_header *h)
{
	s->header_due = false;
	s->local = h->local;
	if (s->local)
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

const struct conn *session_conn(const struct session *s)
{
	return s->carrier ? &s->carrier->conn : &s->conn;
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

static void end_session(struct session *s, bool waste)
{
	if (!s->client_ended && (waste || s->conn.can_read))
		start_linger(s);
	else
		session_close(s);
}

/* Nothing has told the client yet that this connection ends: the answer to what it has sent
 * meanwhile will. */
static void leave_with_next(struct session *s)
{
	if (s->tenancy != s->worker->now)
		stay(s);
	s->conn.can_read = s->conn.can_read || !s->client_ended;
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
	if (after == SESSION_STREAMS) {
		carry_streams(s);
		return;
	}
	if (after != SESSION_KEEP) {
		end_session(s, after == SESSION_WASTE || more);
		return;
	}
	if (s->secures) {
		session_begin(s);
		return;
	}
	if (!may_wait(s))
		leave_with_next(s);
	wait_for_request(s);
	if (!more)
		buf_put(&w->buffers, &s->in);
	if (more || s->conn.can_read)
		loop_task_queue(w->loop, &s->task);
	else if (s->client_ended)
		session_close(s);
}

bool session_has_preface(const struct session *s)
{
	/* A PROXY header may have had an exchange of its own. */
	const bool first = s->requests <= (s->reached || s->local ? 1 : 0);
	const struct generation_listener *on = generation_listener(s->tenancy->gen, s->listener);

	return first && on && on->bind->h2c && !s->carrier &&
	       str_begins(buf_unread(s->in), STR("PRI * HTTP/2.0\r\n"));
}

bool session_may_go_on(const struct session *s)
{
	const struct worker *w = s->worker;

	if (s->in && !only_empty_lines(s->in))
		return true;
	return !s->client_ended && w->phase == WORKER_RUNNING &&
	       generation_frontend(w->now->gen, s->listener);
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
