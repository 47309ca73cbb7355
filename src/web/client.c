#include "web/client.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define ARENA_BLOCK 4096
#define ARENA_MAX (64u << 10)

static const struct h1_limits limits = {
	.max_line = CLIENT_REQUEST_MAX,
	.max_head = CLIENT_REQUEST_MAX,
	.max_fields = 100,
};

static void enter(struct web_client *c, enum client_state state, uint64_t time)
{
	uint64_t now = loop_now(c->server->loop);

	c->state = state;
	c->since_us = now;
	loop_timer_set(c->server->loop, &c->deadline, now + time);
}

static void drop_document(struct web_client *c)
{
	c->server->held -= c->document.n;
	document_free(&c->document);
}

/* ---- steps: true when there may be more to do at once ---- */

static bool begin_answer(struct web_client *c)
{
	struct reply_form f = {
		.method = c->req.method,
		.client_minor = c->req.minor,
		.close = c->close,
		.wall_seconds = clock_wall_us() / CLOCK_SEC,
	};

	c->server->held += c->document.n;
	reply_write(&c->document, &f, c->head, &c->out);
	enter(c, CLIENT_WRITING, CLIENT_ANSWER_US);
	return true;
}

/* A body is not waited for: what has one is no question. */
static bool answer(struct web_client *c)
{
	c->close = !c->req.keep_alive || c->req.framing != FRAMING_NONE || c->server->stopping;
	c->n -= c->req.head_size;
	document_make(&c->document, &c->server->boards, &c->req, c->local);
	c->server->alive(c->server);
	if (c->server->held + c->document.n > SERVER_HELD_MAX)
		document_put_off(&c->document);
	memmove(c->in, c->in + c->req.head_size, c->n);
	return begin_answer(c);
}

static bool refuse(struct web_client *c, enum reason why)
{
	c->close = true;
	c->req.method = METHOD_OTHER;
	document_refuse(&c->document, why);
	return begin_answer(c);
}

static bool take_bytes(struct web_client *c)
{
	size_t got;

	switch (conn_recv(&c->conn, c->in + c->n, sizeof(c->in) - c->n, &got)) {
	case CONN_OK:
		if (c->state == CLIENT_IDLE)
			enter(c, CLIENT_READING, CLIENT_REQUEST_US);
		c->n += got;
		return true;
	case CONN_AGAIN:
		return false;
	default:
		client_end(c);
		return false;
	}
}

static bool read_request(struct web_client *c)
{
	struct str in = {c->in, c->n};
	enum reason why;

	if (!c->n)
		return take_bytes(c);
	switch (h1_parse_request(&c->parser, in, &limits, &c->arena, &c->req, &why)) {
	case HTTP_OK:
		return answer(c);
	case HTTP_BAD:
		return refuse(c, why);
	default:
		break;
	}
	if (c->n == sizeof(c->in))
		return refuse(c, REASON_REQ_HEAD_TOO_LARGE);
	conn_ask_again(&c->conn);
	return take_bytes(c);
}

/* The next request waits for the next turn, so that nobody who asks without end keeps the
 * others from being heard. */
static void end_answer(struct web_client *c)
{
	drop_document(c);
	if (c->close) {
		conn_shutdown(&c->conn);
		enter(c, CLIENT_LINGERING, CLIENT_LINGER_US);
	} else {
		arena_reset(&c->arena);
		h1_parser_reset(&c->parser);
		enter(c, CLIENT_IDLE, CLIENT_IDLE_US);
		if (c->n)
			enter(c, CLIENT_READING, CLIENT_REQUEST_US);
	}
	if (c->server->stopping)
		client_end(c);
	else
		loop_task_queue(c->server->loop, &c->again);
}

static bool write_answer(struct web_client *c)
{
	size_t sent;

	switch (conn_send(&c->conn, &c->out, c->close, &sent)) {
	case CONN_OK:
		end_answer(c);
		return false;
	case CONN_AGAIN:
		return false;
	default:
		client_end(c);
		return false;
	}
}

/* Until the client has closed too: a close with unread bytes would destroy the answer. */
static bool linger(struct web_client *c)
{
	size_t n;
	enum conn_result r = conn_recv(&c->conn, c->in, sizeof(c->in), &n);

	if (r != CONN_OK && r != CONN_AGAIN)
		client_end(c);
	return r == CONN_OK;
}

static bool step(struct web_client *c)
{
	switch (c->state) {
	case CLIENT_WRITING:
		return write_answer(c);
	case CLIENT_LINGERING:
		return linger(c);
	default:
		return read_request(c);
	}
}

static void run(struct web_client *c)
{
	while (conn_is_open(&c->conn) && step(c))
		;
}

static void conn_ready(struct conn *conn)
{
	run(list_of(conn, struct web_client, conn));
}

static void run_again(struct loop_task *t)
{
	run(list_of(t, struct web_client, again));
}

/* ---- its end ---- */

static void time_is_over(struct loop_timer *t)
{
	client_end(list_of(t, struct web_client, deadline));
}

static void bury(struct loop_task *t)
{
	struct web_client *c = list_of(t, struct web_client, bury);

	arena_free(&c->arena);
	free(c);
}

void client_end(struct web_client *c)
{
	struct web_server *s = c->server;

	if (!conn_is_open(&c->conn))
		return;
	conn_close(&c->conn);
	drop_document(c);
	loop_timer_stop(&c->deadline);
	loop_task_cancel(&c->again);
	list_del(&c->link);
	s->n_clients--;
	loop_task_queue(s->loop, &c->bury);
	if (s->stopping && !s->n_clients)
		s->idle(s);
}

/* ---- its beginning ---- */

/* A browser does not come to a unix socket, and who passes it on has names of his own. */
static bool came_to_loopback(int fd)
{
	struct addr a = {.len = sizeof(a.u)};

	if (getsockname(fd, &a.u.sa, &a.len) != 0)
		return true;
	if (a.u.sa.sa_family == AF_INET)
		return (ntohl(a.u.in.sin_addr.s_addr) >> 24) == 127;
	return a.u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a.u.in6.sin6_addr);
}

void client_begin(struct web_server *s, int fd, const struct addr *peer)
{
	struct web_client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return;
	}
	c->server = s;
	c->host = addr_hash_host(peer);
	c->local = came_to_loopback(fd);
	loop_timer_init(&c->deadline, time_is_over);
	loop_task_init(&c->again, run_again);
	loop_task_init(&c->bury, bury);
	arena_init(&c->arena, ARENA_BLOCK, ARENA_MAX);
	h1_parser_reset(&c->parser);
	if (!conn_open(&c->conn, s->loop, fd, conn_ready)) {
		free(c);
		return;
	}
	list_append(&s->clients, &c->link);
	s->n_clients++;
	enter(c, CLIENT_IDLE, CLIENT_FIRST_US);
	run(c);
}
