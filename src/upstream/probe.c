#include "upstream/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/clock.h"
#include "http/ws_frames.h"
#include "net/proxy_header.h"
#include "upstream/h2_trunk.h"
#include "upstream/http_check.h"

/* So long the other side's Close is waited for. */
#define PARTING_US CLOCK_SEC

/* The request, an answer's fields and trailers, and its body once more. */
#define ARENA_MAX 131072

struct probe {
	const struct probe_kind *kind;
	const struct conf_check *check;
	struct addr addr; /* with the check's port */
	struct loop *loop;
	struct tls_client *tls; /* borrowed; NULL: plain */
	struct conn conn;
	/* Over HTTP/2 what is said goes by a line of a trunk, which `conn` carries. */
	struct h2_trunk *trunk;
	struct conn line;
	struct buf_pool buffers;
	bool lined, by_h1;
	struct loop_timer timer;
	struct loop_task end; /* tells the result, and frees */
	uint64_t began;
	bool sending, finished, said_who;
	bool parting; /* judged; the other side's Close, or its end, is waited for */
	struct ws_frames frames;
	struct arena arena;
	struct iovq out;
	struct probe_result result;
	void (*done)(void *arg, const struct probe_result *r);
	void *arg;
	struct http_check http;
	size_t n;
	char in[HTTP_CHECK_IN];
};

/* ---- in words ---- */

static void format_time(char *to, size_t size, uint64_t us)
{
	if (us % CLOCK_SEC == 0)
		snprintf(to, size, "%llus", (unsigned long long)(us / CLOCK_SEC));
	else
		snprintf(to, size, "%llums", (unsigned long long)(us / CLOCK_MS));
}

static const char *format_error(int error, char *to, size_t size)
{
	const char *text;

	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case ECONNRESET:
	case EPIPE:
		return "connection reset";
	default:
		text = strerror_r(error, to, size);
		if (text != to)
			snprintf(to, size, "%s", text);
		to[0] = str_lower_char(to[0]);
		return to;
	}
}

/* What the check is said on. */
static struct conn *road(struct probe *p)
{
	return p->lined ? &p->line : &p->conn;
}

/* ---- the end ---- */

/* A trunk says goodbye, and closes what carries it. */
static void hang_up(struct probe *p)
{
	conn_close(&p->line);
	if (!p->trunk)
		conn_close(&p->conn);
}

static void probe_free(struct probe *p)
{
	buf_pool_free(&p->buffers);
	arena_free(&p->arena);
	free(p);
}

static void end_run(struct loop_task *t)
{
	struct probe *p = list_of(t, struct probe, end);

	p->done(p->arg, &p->result);
	probe_free(p);
}

/* The result is filled but for the time. Told at the end of the turn: never from inside
 * probe_start(), and never while the connection's callback is on the stack. */
static void probe_end(struct probe *p)
{
	if (p->finished)
		return;
	p->finished = true;
	if (!p->parting)
		p->result.duration_us = loop_now_exact(p->loop) - p->began;
	hang_up(p);
	loop_timer_stop(&p->timer);
	loop_task_queue(p->loop, &p->end);
}

static void probe_fail(struct probe *p, const char *why)
{
	if (p->parting) { /* however it goes away, it was good */
		probe_end(p);
		return;
	}
	p->result.ok = false;
	str_copy(p->result.reason, sizeof(p->result.reason), str_of(why));
	probe_end(p);
}

/* Errors that are ours and not the server's. */
static bool is_own_error(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
	       error == EADDRNOTAVAIL;
}

static void probe_fail_errno(struct probe *p, int error)
{
	char text[96];

	p->result.unasked = !p->parting && is_own_error(error);
	probe_fail(p, format_error(error, text, sizeof(text)));
}

static void timer_fired(struct loop_timer *t)
{
	struct probe *p = list_of(t, struct probe, timer);
	char time[32], why[64];

	format_time(time, sizeof(time), p->check->timeout);
	snprintf(why, sizeof(why),
		 p->conn.connecting ? "no connection within %s" : "no answer within %s", time);
	probe_fail(p, why);
}

/* ---- tcp ---- */

static struct str tcp_request(struct probe *p)
{
	(void)p;
	return STR_NONE;
}

static bool tcp_judge(struct probe *p, struct str in, bool ended, struct probe_result *result)
{
	(void)in;
	(void)ended;
	result->ok = true;
	snprintf(result->reason, sizeof(result->reason), "connected in %llu ms",
		 (unsigned long long)((loop_now_exact(p->loop) - p->began) / CLOCK_MS));
	return true;
}

/* ---- http ---- */

static struct str http_request(struct probe *p)
{
	return http_check_request(&p->http, &p->addr);
}

static bool http_judge(struct probe *p, struct str in, bool ended, struct probe_result *result)
{
	return http_check_judge(&p->http, in, ended, loop_now_exact(p->loop) - p->began, result);
}

static const struct probe_kind kinds[] = {
	[CONF_CHECK_TCP] = { "tcp", tcp_request, tcp_judge, false },
	[CONF_CHECK_HTTP] = { "http", http_request, http_judge, false },
	[CONF_CHECK_WEBSOCKET] = { "websocket", http_request, http_judge, true },
};

/* ---- the road: connect, send, receive ---- */

static void pass_frames(struct probe *p, struct str bytes)
{
	ws_frames_pass(&p->frames, bytes);
	if (p->frames.closed)
		probe_end(p);
}

/* Close is said at once; the other side has a moment to say it too (RFC 6455 7.1.1). */
static void part(struct probe *p)
{
	uint64_t now = loop_now_exact(p->loop);
	uint64_t latest = p->began + p->check->timeout;
	size_t sent;

	p->parting = true;
	p->result.duration_us = now - p->began;
	loop_timer_set(p->loop, &p->timer,
		       latest < now + PARTING_US ? latest : now + PARTING_US);
	iovq_add(&p->out, WS_CLOSE_NORMAL_OF_CLIENT);
	(void)conn_send(road(p), &p->out, false, &sent);
	ws_frames_begin(&p->frames);
	pass_frames(p, http_check_rest(&p->http, (struct str){ p->in, p->n }));
	p->n = 0;
}

static bool judged(struct probe *p, bool ended)
{
	if (!p->kind->judge(p, (struct str){ p->in, p->n }, ended, &p->result))
		return false;
	if (p->result.ok && p->result.status == 101 && p->kind->closes_websocket)
		part(p);
	else
		probe_end(p);
	return true;
}

static void receive_parting(struct probe *p)
{
	while (!p->finished) {
		size_t n = 0;
		enum conn_result r = conn_recv(road(p), p->in, sizeof(p->in), &n);

		pass_frames(p, (struct str){ p->in, n });
		if (r == CONN_AGAIN)
			return;
		if (r != CONN_OK)
			probe_end(p);
	}
}

/* Of HTTP/2 more is known than an errno. */
static void probe_fail_broken(struct probe *p)
{
	const struct h2_line_fault f = h2_line_fault(road(p));
	char why[PROBE_REASON];

	if (!p->lined || f.why == REASON_COMPLETE) {
		probe_fail_errno(p, road(p)->error);
		return;
	}
	snprintf(why, sizeof(why), "%s%s%s", reason_text(f.why), f.words ? ": " : "",
		 f.words ? f.words : "");
	probe_fail(p, why);
}

/* What failed while sending may have been answered before: the answer is read first. */
static void receive(struct probe *p)
{
	while (!p->parting) {
		size_t n = 0;
		enum conn_result r = conn_recv(road(p), p->in + p->n, sizeof(p->in) - p->n, &n);

		p->n += n;
		if (r == CONN_AGAIN)
			return;
		if (r == CONN_FAIL) {
			probe_fail_broken(p);
			return;
		}
		if (judged(p, r == CONN_EOF || p->n == sizeof(p->in)) && !p->parting)
			return;
	}
	receive_parting(p);
}

/* A check is a connection of our own, which the header says (HTTP.md 147). */
static struct str who_text(struct probe *p)
{
	char *to = p->check->send_proxy ? arena_alloc(&p->arena, PROXY_HEADER_BUILT) : NULL;

	if (!to)
		return STR_NONE;
	p->said_who = true;
	return (struct str){ to, proxy_header_build(p->check->send_proxy, NULL, NULL, to) };
}

/* Over TLS it stood in front of the handshake. */
static void say_who(struct probe *p)
{
	if (!p->said_who)
		iovq_add(&p->out, who_text(p));
}

static void probe_fail_connect(struct probe *p)
{
	char why[PROBE_REASON];

	if (!p->conn.facts->fault && road(p)->error == EPROTONOSUPPORT) {
		probe_fail(p, "it takes no WebSocket over HTTP/2");
		return;
	}
	if (!p->conn.facts->fault) {
		probe_fail_errno(p, road(p)->error);
		return;
	}
	snprintf(why, sizeof(why), "TLS: %s", p->conn.facts->words);
	probe_fail(p, why);
}

static bool go_by_h1(struct probe *p);

static bool connected(struct probe *p)
{
	struct str request;
	size_t sent;

	switch (conn_connected(road(p))) {
	case CONN_OK:
		break;
	case CONN_AGAIN:
		return false;
	default:
		if (p->lined && p->tls && road(p)->error == EPROTONOSUPPORT)
			return go_by_h1(p) && connected(p);
		probe_fail_connect(p);
		return false;
	}
	if (p->check->send_proxy)
		say_who(p);
	request = p->kind->request(p);
	if (arena_failed(&p->arena)) {
		probe_fail_errno(p, ENOMEM);
		return false;
	}
	if (request.n == 0) {
		(void)conn_send(road(p), &p->out, true, &sent);
		judged(p, true);
		return false;
	}
	iovq_add(&p->out, request);
	p->sending = true;
	return true;
}

/* What it is said on is ready for something. */
static void run(struct probe *p)
{
	struct conn *c;
	size_t sent;

	if (p->finished || (!p->sending && !connected(p)))
		return;
	c = road(p);
	if (p->out.bytes && conn_send(c, &p->out, false, &sent) == CONN_FAIL && !c->can_read) {
		probe_fail_errno(p, c->error);
		return;
	}
	receive(p);
}

static void conn_ready(struct conn *c)
{
	struct probe *p = list_of(c, struct probe, conn);

	if (p->trunk)
		h2_trunk_ready(p->trunk);
	else
		run(p);
}

/* ---- HTTP/2 ---- */

static void line_ready(struct conn *c)
{
	run(list_of(c, struct probe, line));
}

static void dial(struct probe *p);

static void on_trunk(void *owner)
{
	(void)owner;
}

static void on_idle(void *owner)
{
	struct probe *p = owner;

	if (p->trunk)
		h2_trunk_close(p->trunk);
}

static void on_over(void *owner, enum reason why, const char *text)
{
	struct probe *p = owner;

	(void)why;
	(void)text;
	conn_close(&p->conn);
	h2_trunk_leave(p->trunk);
	p->trunk = NULL;
	if (p->by_h1 && !p->finished)
		dial(p);
}

static const struct h2_trunk_calls trunk_calls = {
	.connected = on_trunk,
	.idle = on_idle,
	.over = on_over,
};

/* ---- beginning ---- */

static bool wants_h2(const struct probe *p)
{
	return p->check->http2 && p->check->kind != CONF_CHECK_TCP && !p->by_h1;
}

static bool dial_trunk(struct probe *p)
{
	struct str preface = p->tls || !p->check->send_proxy ? STR_NONE : who_text(p);
	bool websocket = p->check->kind == CONF_CHECK_WEBSOCKET;

	p->trunk = h2_trunk_new(&p->conn, p->loop, &p->buffers, preface, &trunk_calls, p);
	if (!p->trunk)
		return false;
	p->lined = h2_trunk_open(p->trunk, &p->line, websocket, line_ready);
	return p->lined;
}

static void dial(struct probe *p)
{
	struct str protocols = STR_NONE;

	if (p->check->http2 && p->check->kind != CONF_CHECK_TCP)
		protocols = p->by_h1 ? TLS_ALPN_H1 : TLS_ALPN_BOTH;
	if (!conn_connect(&p->conn, p->loop, &p->addr, conn_ready))
		probe_fail_errno(p, p->conn.error);
	else if (p->tls && !tls_connect(&p->conn, p->tls, protocols, who_text(p)))
		probe_fail_errno(p, ENOMEM);
	else if (wants_h2(p) && !dial_trunk(p))
		probe_fail_errno(p, ENOMEM);
}

/* TLS agreed on that; or HTTP/2 can do it not, so that it is begun again. False: not yet. */
static bool go_by_h1(struct probe *p)
{
	bool agreed = h2_trunk_state(p->trunk) == H2_TRUNK_FOREIGN;

	p->by_h1 = true;
	p->lined = false;
	if (agreed) {
		struct h2_trunk *t = p->trunk;

		p->trunk = NULL;
		conn_close(&p->line);
		h2_trunk_leave(t);
		return true;
	}
	conn_close(&p->line);
	return false;
}

struct probe *probe_start(struct loop *l, const struct conf_check *check, const struct addr *addr,
			  struct tls_client *tls,
			  void (*done)(void *arg, const struct probe_result *r), void *arg)
{
	struct probe *p = malloc(sizeof(*p));
	unsigned char random[16] = { 0 };

	must(check->kind != CONF_CHECK_NONE);
	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct probe, in));
	p->kind = &kinds[check->kind];
	p->check = check;
	p->addr = *addr;
	if (check->port)
		addr_set_port(&p->addr, check->port);
	p->loop = l;
	p->done = done;
	p->arg = arg;
	p->began = loop_now_exact(l);
	arena_init(&p->arena, 1024, ARENA_MAX);
	iovq_init(&p->out);
	/* A key that others could guess would do too: it only tells answers from echoes. */
	(void)!getrandom(random, sizeof(random), GRND_NONBLOCK);
	http_check_init(&p->http, check, &p->arena, random);
	loop_task_init(&p->end, end_run);
	loop_timer_init(&p->timer, timer_fired);
	loop_timer_set(l, &p->timer, p->began + check->timeout);
	buf_pool_init(&p->buffers, 0);
	p->line.io.fd = -1;
	p->tls = check->tls ? tls : NULL;
	dial(p);
	return p;
}

void probe_cancel(struct probe *p)
{
	if (!p)
		return;
	p->finished = true;
	hang_up(p);
	loop_timer_stop(&p->timer);
	loop_task_cancel(&p->end);
	probe_free(p);
}
