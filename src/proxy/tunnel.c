/* After a 101, and in mode tcp from the beginning: bytes both ways, unread, until both sides have
 * ended. */
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
	x->req.version = arena_str(&x->arena, x->req.version);
	x->req.authority = arena_str(&x->arena, x->req.authority);
	return !arena_failed(&x->arena);
}

static bool tunnel_begin(struct exchange *x)
{
	struct session *s = x->session;

	x->tunnel = true;
	x->keep_alive = false;
	if (x->head_whole && !keep_for_the_log(x))
		return false;
	if (s->in)
		buf_compact(s->in);
	x->to_server.limit = UINT64_MAX; /* max_body_size was the request's */
	flow_begin(&x->to_server, FRAMING_CLOSE, 0, FRAMING_CLOSE, 0);
	/* The head of the 101 waits in to_client's queue, so its buffer stays as it is. */
	flow_begin(&x->to_client, FRAMING_CLOSE, 0, FRAMING_CLOSE, 0);
	if (x->head_whole) {
		ws_frames_begin(&x->to_server.frames);
		ws_frames_begin(&x->to_client.frames);
	}
	return true;
}

/* ---- the end ---- */

/* Whoever was told the end of the other side in order has all that there was, and keeps that end:
 * but not when the other side was reset. */
static void side_cut(struct conn *c, bool reset, bool told)
{
	if (reset || !(c->shut || told))
		conn_abort(c);
	else
		conn_close(c);
}

void tunnel_cut(struct exchange *x)
{
	bool reset = x->reason == REASON_TUNNEL_CLIENT_RESET ||
		     x->reason == REASON_TUNNEL_SERVER_RESET;

	if (x->up)
		side_cut(&x->up->conn, reset, x->server_told);
	if (!x->client_told)
		side_cut(&x->session->conn, reset, false);
}

/* Only between two frames, behind all that waits, and when it goes at once: a Close that the
 * other side could take for something else is worse than none (HTTP.md 143). */
static bool say_close(struct flow *f, struct conn *to, struct str close)
{
	size_t n;

	if (to->shut || !ws_frames_between(&f->frames) || !iovq_add(&f->q, close))
		return false;
	conn_send(to, &f->q, true, &n);
	f->sent += n;
	return f->q.bytes == 0;
}

void tunnel_take_leave(struct exchange *x)
{
	x->client_told = say_close(&x->to_client, &x->session->conn, WS_CLOSE_OF_SERVER);
	x->server_told = say_close(&x->to_server, &x->up->conn, WS_CLOSE_OF_CLIENT);
}

/* ---- a direction ---- */

struct side {
	struct flow *flow;
	struct conn *from, *to;
	struct buf **buf;
	bool *ended;  /* the end of `from` was passed on to `to` */
	bool *broken; /* `to` takes nothing more */
	bool *source_broken;
	enum reason source_fault, sink_fault;
};

enum side_result {
	SIDE_STILL, /* nothing to do until the source speaks; or it has ended */
	SIDE_FULL,  /* the sink takes nothing now */
	SIDE_MORE,  /* there is work left for the next turn */
	SIDE_OVER   /* the exchange has ended */
};

static bool side_silent(const struct side *d)
{
	return d->flow->q.bytes == 0 && (!*d->buf || (*d->buf)->at == (*d->buf)->end);
}

/* There is something to do: the buffer, which an idle side does not have. */
static bool side_has_work(struct exchange *x, struct side *d)
{
	if (*d->ended || *d->broken)
		return false;
	if (*d->buf)
		return true;
	if (!d->from->can_read && d->flow->q.bytes == 0)
		return false;
	*d->buf = buf_get(&x->session->worker->buffers);
	if (!*d->buf)
		exchange_end(x, REASON_NO_MEMORY);
	return *d->buf != NULL;
}

static enum side_result side_pump(struct exchange *x, struct side *d)
{
	enum side_result result = SIDE_STILL;
	enum reason why;

	if (!side_has_work(x, d))
		return x->ended ? SIDE_OVER : SIDE_STILL;
	switch (flow_pump(d->flow, d->from, *d->buf, d->to, &x->arena, &why)) {
	case FLOW_DONE:
		if (*d->source_broken) { /* the write that failed was told of the reset */
			exchange_end(x, d->source_fault);
			return SIDE_OVER;
		}
		conn_shutdown(d->to);
		*d->ended = true;
		break;
	case FLOW_AGAIN:
		result = SIDE_MORE;
		break;
	case FLOW_WAIT_READ:
		break;
	case FLOW_WAIT_WRITE:
		result = SIDE_FULL;
		break;
	case FLOW_SINK_FAIL:
		*d->broken = true;
		break;
	case FLOW_SOURCE_END:
	case FLOW_SOURCE_FAIL:
	case FLOW_BAD:
		exchange_end(x, d->source_fault);
		return SIDE_OVER;
	}
	if (side_silent(d))
		buf_put(&x->session->worker->buffers, d->buf);
	return result;
}

/* What a side sent before it broke is passed on first. */
static bool side_is_gone(const struct side *d, enum side_result other)
{
	return *d->broken && other == SIDE_STILL;
}

/* Nothing is read of a client that has ended its side, or whose server takes nothing; of a server
 * there may be words left that the client has not taken yet, so that only its end counts. */
static bool was_reset(struct exchange *x, enum side_result to_server)
{
	enum reason why;

	if ((x->server_shut || to_server == SIDE_FULL) && conn_is_reset(&x->session->conn))
		why = REASON_TUNNEL_CLIENT_RESET;
	else if (x->client_shut && conn_is_reset(&x->up->conn))
		why = REASON_TUNNEL_SERVER_RESET;
	else
		return false;
	exchange_end(x, why);
	return true;
}

static struct side side_up(struct exchange *x)
{
	return (struct side){
		.flow = &x->to_server,
		.from = &x->session->conn,
		.to = &x->up->conn,
		.buf = &x->session->in,
		.ended = &x->server_shut,
		.broken = &x->sink_broken,
		.source_broken = &x->client_broken,
		.source_fault = REASON_TUNNEL_CLIENT_RESET,
		.sink_fault = REASON_TUNNEL_SERVER_RESET,
	};
}

static struct side side_down(struct exchange *x)
{
	return (struct side){
		.flow = &x->to_client,
		.from = &x->up->conn,
		.to = &x->session->conn,
		.buf = &x->up->in,
		.ended = &x->client_shut,
		.broken = &x->client_broken,
		.source_broken = &x->sink_broken,
		.source_fault = REASON_TUNNEL_SERVER_RESET,
		.sink_fault = REASON_TUNNEL_CLIENT_RESET,
	};
}

enum step_result step_tunnel(struct exchange *x)
{
	struct session *s = x->session;
	struct side up = side_up(x), down = side_down(x);
	enum side_result to_server, to_client;

	if (!x->tunnel && !tunnel_begin(x))
		return exchange_end(x, REASON_NO_MEMORY);
	to_server = side_pump(x, &up);
	to_client = to_server == SIDE_OVER ? SIDE_OVER : side_pump(x, &down);
	if (x->client_broken && to_server == SIDE_STILL)
		to_server = side_pump(x, &up);
	if (to_server == SIDE_OVER || to_client == SIDE_OVER)
		return STEP_GO;
	if (x->server_shut && x->client_shut) {
		s->client_ended = true;
		exchange_release_server(x, false);
		return exchange_end(x, REASON_COMPLETE);
	}
	if (was_reset(x, to_server))
		return STEP_GO;
	if (side_is_gone(&up, to_client))
		return exchange_end(x, up.sink_fault);
	if (side_is_gone(&down, to_server))
		return exchange_end(x, down.sink_fault);
	if (to_server == SIDE_MORE || to_client == SIDE_MORE)
		loop_task_queue(s->worker->loop, &s->task);
	return exchange_await(x, x->server_shut || x->client_shut ? WAIT_TUNNEL_FIN : WAIT_TUNNEL);
}
