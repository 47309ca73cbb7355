/* After a 101: bytes both ways, unread, until both sides have ended. */
#include "base/assert.h"
#include "proxy/exchange.h"

/* The log's spans point into the client's buffer, which a silent tunnel gives back. */
static bool keep_for_the_log(struct exchange *x)
{
	struct http_fields *fields = &x->req.fields;
	const struct http_field *agent = http_field_find(fields, FIELD_USER_AGENT);
	const struct http_field *referer = http_field_find(fields, FIELD_REFERER);
	struct http_field kept[2];
	unsigned n = 0;

	if (agent)
		kept[n++] = *agent;
	if (referer)
		kept[n++] = *referer;
	for (unsigned i = 0; i < n; i++) {
		kept[i].name = kept[i].line = STR_NONE;
		kept[i].value = arena_str(&x->arena, kept[i].value);
		fields->list[i] = kept[i];
	}
	fields->count = n;
	x->req.method_text = arena_str(&x->arena, x->req.method_text);
	x->req.target = arena_str(&x->arena, x->req.target);
	x->req.authority = arena_str(&x->arena, x->req.authority);
	return !arena_failed(&x->arena);
}

static bool tunnel_begin(struct exchange *x)
{
	struct session *s = x->session;

	x->tunnel = true;
	x->keep_alive = false;
	if (!keep_for_the_log(x))
		return false;
	buf_compact(s->in);
	flow_begin(&x->to_server, FRAMING_CLOSE, 0, FRAMING_CLOSE, 0);
	/* The head of the 101 waits in to_client's queue, so its buffer stays as it is. */
	flow_begin(&x->to_client, FRAMING_CLOSE, 0, FRAMING_CLOSE, 0);
	return true;
}

/* A direction as the tunnel sees it. */
struct side {
	struct flow *flow;
	struct conn *from, *to;
	struct buf **buf;
	bool *ended; /* the end of `from` was passed on to `to` */
	enum reason source_fault, sink_fault;
};

static bool side_silent(const struct side *d)
{
	return d->flow->q.bytes == 0 && (!*d->buf || (*d->buf)->at == (*d->buf)->end);
}

/* False: the tunnel has ended. `more`: there is work left for the next turn. */
static bool side_pump(struct exchange *x, struct side *d, bool *more)
{
	struct buf_pool *buffers = &x->session->worker->buffers;
	enum reason why;

	if (*d->ended)
		return true;
	if (!*d->buf) {
		if (!d->from->can_read)
			return true;
		*d->buf = buf_get(buffers);
		if (!*d->buf)
			return exchange_end(x, REASON_NO_MEMORY), false;
	}
	switch (flow_pump(d->flow, d->from, *d->buf, d->to, &x->arena, &why)) {
	case FLOW_DONE:
		conn_shutdown(d->to);
		*d->ended = true;
		break;
	case FLOW_AGAIN:
		*more = true;
		break;
	case FLOW_WAIT_READ:
	case FLOW_WAIT_WRITE:
		break;
	case FLOW_SINK_FAIL:
		return exchange_end(x, d->sink_fault), false;
	case FLOW_SOURCE_END:
	case FLOW_SOURCE_FAIL:
	case FLOW_BAD:
		return exchange_end(x, d->source_fault), false;
	}
	if (side_silent(d))
		buf_put(buffers, d->buf);
	return true;
}

enum step_result step_tunnel(struct exchange *x)
{
	struct session *s = x->session;
	struct side up = { &x->to_server,   &s->conn, &x->up->conn, &s->in, &x->server_shut,
			   REASON_TUNNEL_CLIENT_RESET, REASON_TUNNEL_SERVER_RESET };
	struct side down = { &x->to_client, &x->up->conn, &s->conn, &x->up->in, &x->client_shut,
			     REASON_TUNNEL_SERVER_RESET, REASON_TUNNEL_CLIENT_RESET };
	bool more = false;

	if (!x->tunnel && !tunnel_begin(x))
		return exchange_end(x, REASON_NO_MEMORY);
	if (!side_pump(x, &up, &more) || !side_pump(x, &down, &more))
		return STEP_GO;
	if (x->server_shut && x->client_shut) {
		exchange_release_server(x, false);
		return exchange_end(x, REASON_COMPLETE);
	}
	if (more)
		loop_task_queue(s->worker->loop, &s->task);
	return exchange_await(x, x->server_shut || x->client_shut ? WAIT_TUNNEL_FIN : WAIT_TUNNEL);
}
