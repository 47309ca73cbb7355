/* The second half of an exchange: the response is read, judged, and passed on. */
#include "base/assert.h"
#include "http/connection.h"
#include "http/h1_line.h"
#include "net/digest.h"
#include "proxy/affinity.h"
#include "proxy/exchange.h"
#include "proxy/exchange_body.h"
#include "proxy/prefix.h"

#define RESPONSE_HEAD_MAX 32768u
#define RESPONSE_FIELDS_MAX 256u
const struct h1_limits exchange_response_limits = { .max_line = RESPONSE_HEAD_MAX,
						    .max_head = RESPONSE_HEAD_MAX,
						    .max_fields = RESPONSE_FIELDS_MAX };
/* RFC 9110 15.2 knows no limit; a server that never comes to its answer needs one. */
#define INTERIM_MAX 64

/* ---- the request's body, meanwhile ---- */

static bool pump_blamed(struct exchange *x, enum reason why)
{
	exchange_end(x, why);
	return false;
}

static void go_on_later(struct exchange *x)
{
	struct session *s = x->session;

	loop_task_queue(s->worker->loop, &s->task);
}

/* The server takes nothing more. It may have answered all the same; but where a kept connection
 * was broken before it took a byte, nobody has seen the request, and what there is to read is no
 * answer to it. So it is sent for the first time, whatever its method (HTTP.md 89). */
static bool sink_failed(struct exchange *x)
{
	struct upstream_conn *u = x->up;

	x->sink_broken = true;
	if (!u->reused || !upstream_is_untouched(u) || x->response_begun)
		return true;
	upstream_close(u);
	x->up = NULL;
	x->sink_broken = false;
	x->fresh_only = x->unsent = true;
	exchange_go(x, EXCHANGE_CONNECT);
	return false;
}

/* A client that waits for 100 Continue is not the one who is late. */
static enum exchange_wait body_wait(const struct exchange *x)
{
	return x->req.expect_continue && x->to_server.body == 0 && !x->continued
		       ? WAIT_SERVER_HEAD
		       : WAIT_CLIENT_READ;
}

bool exchange_pump_request(struct exchange *x, enum exchange_wait *wait)
{
	struct session *s = x->session;
	enum reason why = REASON_REQ_CHUNK;

	*wait = WAIT_SERVER_HEAD;
	if (x->to_server.out_done || x->sink_broken) {
		if (session_read_ahead(s))
			return true;
		return pump_blamed(x, x->response_begun ? REASON_CLIENT_ABORT_DATA
							: REASON_CLIENT_ABORT_WAIT);
	}
	switch (flow_pump(&x->to_server, &s->conn, s->in, &x->up->conn, &x->arena, &why)) {
	case FLOW_DONE:
		return true;
	case FLOW_WAIT_READ:
		*wait = body_wait(x);
		return true;
	case FLOW_WAIT_WRITE:
		if (conn_is_reset(&s->conn))
			return pump_blamed(x, REASON_CLIENT_ABORT_BODY);
		*wait = WAIT_SERVER_WRITE;
		return true;
	case FLOW_AGAIN:
		go_on_later(x);
		*wait = WAIT_SERVER_WRITE;
		return true;
	case FLOW_SOURCE_END:
	case FLOW_SOURCE_FAIL:
		return pump_blamed(x, REASON_CLIENT_ABORT_BODY);
	case FLOW_SINK_FAIL:
		return sink_failed(x);
	case FLOW_BAD:
		x->keep_alive &= why == REASON_REQ_BODY_TOO_LARGE; /* its framing is sound */
		return pump_blamed(x, why);
	}
	wrong("flow_pump answered what it does not know");
}

enum conn_result exchange_flush_client(struct exchange *x, bool end_follows)
{
	size_t n;
	enum conn_result r = conn_send(&x->session->conn, &x->to_client.q, end_follows, &n);

	x->to_client.sent += n;
	return r;
}

/* ---- the head ---- */

/* The server closed before a byte of its answer: it leaves, or it had given up an idle
 * connection. Whatever may be sent twice goes out again, on a new connection, to another
 * server if there is one; after a new connection failed so too, once: the request itself
 * may be what kills. */
static bool may_send_again(const struct exchange *x)
{
	return x->up->in->end == 0 && x->interim == 0 && !x->to_server.moved &&
	       (x->up->reused ? !x->fresh_only : !x->resent) &&
	       http_method_idempotent(x->req.method);
}

/* It took a new connection and broke it before the first byte: as good as not connected, for
 * every method (HTTP.md 91). */
static bool was_not_asked(const struct exchange *x)
{
	return x->sink_broken && upstream_is_untouched(x->up) && x->up->in->end == 0 &&
	       x->interim == 0;
}

/* Where its protocol knows more of its end than that it came. */
static enum reason blame(struct exchange *x, const struct h2_line_fault *f, enum reason why)
{
	if (f->words && *f->words)
		x->detail = arena_str(&x->arena, str_of(f->words)).p;
	return f->why == REASON_COMPLETE ? why : f->why;
}

/* What the server has certainly not looked at may go out again, whatever it is (RFC 9113 8.7). */
static bool may_send_anew(struct exchange *x, const struct h2_line_fault *f)
{
	bool by_h1 = f->wants_h1 && x->up->way.tls && !x->by_h1;

	if ((!f->unprocessed && !by_h1) || x->to_server.moved)
		return false;
	x->by_h1 |= by_h1;
	stats_add(x->server->stats->refused_streams, 1);
	return true;
}

static enum step_result server_gone(struct exchange *x, enum reason why)
{
	const struct h2_line_fault f = upstream_fault(x->up);
	const bool anew = may_send_anew(x, &f);
	bool again = f.why == REASON_COMPLETE && may_send_again(x);
	enum reason fault;

	if (!anew && f.why == REASON_COMPLETE && was_not_asked(x)) {
		x->sink_broken = false;
		return exchange_connect_failed(x, why);
	}
	why = blame(x, &f, why);
	/* To give up an idle connection is any server's right. */
	if (!anew && (!again || !x->up->reused))
		stats_add(x->server->stats->response_errors, 1);
	if (!anew && !again)
		return exchange_end(x, why);
	x->resent |= !anew && !x->up->reused;
	x->fresh_only |= !anew;
	x->at_once = true;
	x->sink_broken = false;
	if (!exchange_make_request(x, &fault))
		return exchange_end(x, fault);
	return exchange_retry(x, why);
}

static enum http_verdict parse_head(struct exchange *x, enum reason *why)
{
	if (x->up->in->at == x->up->in->end)
		return HTTP_MORE;
	return x->backend->codec->parse_response(&x->parser, buf_unread(x->up->in),
						 &exchange_response_limits, &x->arena,
						 x->req.method, x->req.websocket_13, &x->res, why);
}

static void reply_shape(const struct exchange *x, struct h1_reply *r)
{
	*r = (struct h1_reply){ .framing = x->res.framing,
				.keep_alive = x->keep_alive,
				.client_minor = x->req.minor,
				.date = worker_date(x->session->worker) };
	if (r->framing == FRAMING_CLOSE && x->req.minor >= 1)
		r->framing = FRAMING_CHUNKED;
	else if (r->framing == FRAMING_CHUNKED && x->req.minor == 0)
		r->framing = FRAMING_CLOSE;
}

/* Ours stands for what the server said of it, which was told the same. */
static void tell_id(struct exchange *x, struct h1_reply *r)
{
	struct http_field *said;

	r->id_name = exchange_id_name(x, x->id_told);
	r->id = x->request_id;
	said = request_id_find(&x->res.fields, x->frontend->request_id, r->id_name);
	if (said && r->id_name.n)
		request_id_take(&x->res.fields, said, false);
}

static bool write_head(struct exchange *x, struct h1_reply *r)
{
	struct http_edited edited;

	if (x->prefix && !prefix_mend(x))
		return false;
	if (x->n_res_edits && x->res.status >= 200) {
		if (!http_edits_apply(x->res_edits, x->n_res_edits, &x->res.fields, &x->arena,
				      &edited))
			return false;
		r->added = edited.added;
	}
	if (x->backend->sticky.name.n && (x->res.status >= 200 || x->res.status == 101) &&
	    !affinity_tell(x->backend, x->server, x->sticky, &x->res, &x->arena, &r->added))
		return false;
	if (x->frontend->conf->request_id.to_client &&
	    (x->res.status >= 200 || x->res.status == 101))
		tell_id(x, r);
	return x->session->codec->write_response(&x->res, r, &x->to_client.q, &x->arena);
}

/* 1xx, to those who know what it is. */
static enum step_result pass_interim(struct exchange *x)
{
	struct h1_reply r;

	stats_add(x->server->stats->code_1xx, 1);
	if (++x->interim > INTERIM_MAX)
		return exchange_end(x, h1_parser_over(&x->parser, REASON_RES_TOO_MANY_INTERIM,
						      INTERIM_MAX, x->interim));
	x->server_leaves = x->server_leaves || !x->res.keep_alive;
	x->continued |= x->res.status == 100;
	reply_shape(x, &r);
	x->up->in->at += x->res.head_size;
	h1_parser_reset(&x->parser);
	if (x->req.minor >= 1 && !write_head(x, &r)) {
		x->response_begun = true; /* half a head may be queued: nothing fits behind it */
		return exchange_end(x, REASON_NO_MEMORY);
	}
	return STEP_GO;
}

static bool may_keep_client(const struct exchange *x, const struct h1_reply *r)
{
	/* What is still to come of the request will never be read: say so. */
	return exchange_rest_is_small(x) && x->req.keep_alive && r->framing != FRAMING_CLOSE &&
	       session_may_go_on(x->session);
}

static enum step_result begin_response(struct exchange *x)
{
	struct h1_reply r;
	struct buf *in = x->up->in;

	x->response_at = loop_now(x->session->worker->loop);
	x->status = x->res.status;
	if (x->res.authenticates_connection)
		x->up->authenticated = true;
	reply_shape(x, &r);
	r.keep_alive = x->keep_alive = may_keep_client(x, &r);
	in->at += x->res.head_size;
	flow_begin(&x->to_client, x->res.framing, x->res.content_length, r.framing, 0);
	x->to_client.end_follows = !r.keep_alive && x->res.status != 101;
	x->to_client.end_is_said = x->res.status != 101;
	if (x->res.framing == FRAMING_CHUNKED) {
		x->to_client.chunks.connection = http_connection_list(&x->res.fields, &x->arena);
		x->to_client.chunks.any_name = true;
	}
	x->response_begun = true;
	x->response_from = x->to_client.sent;
	if (!write_head(x, &r))
		return exchange_end(x, REASON_NO_MEMORY);
	if (x->res.status == 101)
		return exchange_go(x, EXCHANGE_TUNNEL);
	return exchange_go(x, EXCHANGE_FORWARD);
}

/* Where the key was ours (RFC 8441 5): nobody else knows what has to be answered to it; and 2xx
 * would tell the client that its tunnel is open. */
static bool handshake_is_bad(const struct exchange *x)
{
	const struct http_field *key, *accept;
	char expected[DIGEST_ACCEPT];

	if (!x->session->codec->own_handshake || !x->req.upgrade_websocket)
		return false;
	if (x->res.status != 101)
		return x->res.status >= 200 && x->res.status < 300;
	key = http_field_find(&x->req.fields, FIELD_SEC_WEBSOCKET_KEY);
	accept = http_field_find(&x->res.fields, FIELD_SEC_WEBSOCKET_ACCEPT);
	if (!key || !accept)
		return true;
	digest_websocket_accept(key->value, expected);
	return !str_eq(accept->value, str_of(expected));
}

static enum step_result head_whole(struct exchange *x)
{
	if ((x->res.status == 101 && !x->to_server.out_done) || handshake_is_bad(x))
		return exchange_end(x, REASON_RES_SWITCH);
	if (x->res.status < 200 && x->res.status != 101)
		return pass_interim(x);
	return begin_response(x);
}

static enum step_result head_broken(struct exchange *x, enum reason why)
{
	stats_add(x->server->stats->response_errors, 1);
	return exchange_end(x, why);
}

static enum step_result read_more(struct exchange *x, enum exchange_wait wait)
{
	struct upstream_conn *u = x->up;
	size_t n;

	if (u->in->at > 0)
		buf_compact(u->in);
	if (u->in->end > 0 || x->interim > 0)
		conn_ask_again(&u->conn);
	switch (conn_recv(&u->conn, u->in->bytes + u->in->end, buf_room(u->in), &n)) {
	case CONN_OK:
		u->in->end += n;
		return STEP_GO;
	case CONN_AGAIN:
		return exchange_await(x, wait);
	case CONN_EOF:
		return server_gone(x, REASON_SERVER_CLOSED);
	case CONN_FAIL:
		break;
	}
	return server_gone(x, REASON_SERVER_RESET);
}

enum step_result step_read_response(struct exchange *x)
{
	struct upstream_conn *u = x->up;
	enum exchange_wait wait;
	enum reason why;

	if (!exchange_pump_request(x, &wait))
		return STEP_GO;
	if (!u->in)
		u->in = buf_get(&x->session->worker->buffers);
	if (!u->in)
		return exchange_end(x, REASON_NO_MEMORY);
	switch (exchange_flush_client(x, false)) { /* an interim response */
	case CONN_OK:
		break;
	case CONN_AGAIN:
		return exchange_await(x, WAIT_CLIENT_WRITE);
	case CONN_EOF:
	case CONN_FAIL:
		return exchange_end(x, REASON_CLIENT_ABORT_WAIT);
	}
	switch (parse_head(x, &why)) {
	case HTTP_OK:
		return head_whole(x);
	case HTTP_BAD:
		return head_broken(x, why);
	case HTTP_MORE:
		break;
	}
	return read_more(x, wait);
}

/* ---- the body ---- */

static bool server_may_serve_again(const struct exchange *x)
{
	const struct upstream_conn *u = x->up;

	return x->res.keep_alive && !x->server_leaves && x->to_client.in != FRAMING_CLOSE &&
	       x->to_server.out_done && !x->sink_broken && u->in->at == u->in->end;
}

static enum step_result response_done(struct exchange *x)
{
	bool stray = x->up->in->at != x->up->in->end;

	if (stray)
		stats_add(x->server->stats->response_errors, 1);
	exchange_release_server(x, server_may_serve_again(x));
	return exchange_end(x, stray ? REASON_RES_STRAY : REASON_COMPLETE);
}

static enum step_result server_cut(struct exchange *x, enum reason why)
{
	const struct h2_line_fault f = upstream_fault(x->up);
	const enum reason known = blame(x, &f, why);

	if (known != REASON_SERVER_STREAM) /* which is in front of an answer */
		why = known;
	stats_add(x->server->stats->response_errors, 1);
	return exchange_end(x, why);
}

static enum reason as_response_fault(enum reason why)
{
	switch (why) {
	case REASON_REQ_CHUNK:
	case REASON_REQ_CHUNK_EXTENSION:
	case REASON_REQ_TRAILER:
	case REASON_REQ_TRAILER_TOO_LARGE:
	case REASON_REQ_TRAILER_TOO_MANY:
		return REASON_RES_CHUNK;
	default:
		return why;
	}
}

enum step_result step_forward(struct exchange *x)
{
	enum exchange_wait wait;
	enum reason why = REASON_RES_CHUNK;

	if (!exchange_pump_request(x, &wait))
		return STEP_GO;
	switch (flow_pump(&x->to_client, &x->up->conn, x->up->in, &x->session->conn, &x->arena,
			  &why)) {
	case FLOW_DONE:
		return response_done(x);
	case FLOW_WAIT_READ: /* a server that waits for the client is not the one who is late */
		return exchange_await(x, wait == WAIT_CLIENT_READ ? wait : WAIT_SERVER_READ);
	case FLOW_WAIT_WRITE:
		return exchange_await(x, WAIT_CLIENT_WRITE);
	case FLOW_AGAIN:
		go_on_later(x);
		return exchange_await(x, WAIT_CLIENT_WRITE);
	case FLOW_SOURCE_END:
	case FLOW_SOURCE_FAIL:
		return server_cut(x, REASON_SERVER_CUT);
	case FLOW_SINK_FAIL:
		return exchange_end(x, REASON_CLIENT_ABORT_DATA);
	case FLOW_BAD:
		return server_cut(x, as_response_fault(why));
	}
	wrong("flow_pump answered what it does not know");
}

/* ---- an answer of our own, and the end ---- */

/* What has come of a body in chunks is taken before a request is answered here: if that was
 * all, the next request can follow (HTTP.md 83). One with a length needs no reading to be left
 * out (session.skip). */
static void waste_chunks(struct exchange *x)
{
	struct session *s = x->session;
	struct flow *f = &x->to_server;
	enum reason why;

	if (f->in != FRAMING_CHUNKED)
		flow_begin(f, FRAMING_CHUNKED, 0, FRAMING_CHUNKED, f->keep);
	f->limit = UINT64_MAX; /* one over the limit is whole, too */
	if (!session_read_ahead(s))
		return;
	do {
		iovq_init(&f->q);
		f->n_heads = 0;
		if (!flow_fill(f, s->in, &x->arena, &why))
			return;
	} while (!f->in_done && s->in->at < s->in->end);
}

enum step_result step_reply(struct exchange *x)
{
	struct session *s = x->session;

	if (!x->response_begun) {
		if (x->keep_alive && x->head_whole && x->req.framing == FRAMING_CHUNKED &&
		    !x->to_server.in_done)
			waste_chunks(x);
		x->keep_alive = x->keep_alive && x->head_whole && exchange_rest_is_small(x) &&
				session_may_go_on(s);
		if (!exchange_write_answer(x))
			return exchange_end(x, REASON_NO_MEMORY);
	}
	switch (exchange_flush_client(x, !x->keep_alive)) {
	case CONN_OK:
		return exchange_go(x, EXCHANGE_FINISH);
	case CONN_AGAIN:
		return exchange_await(x, WAIT_CLIENT_WRITE);
	case CONN_EOF:
	case CONN_FAIL:
		break;
	}
	return exchange_end(x, x->reason);
}

enum step_result step_finish(struct exchange *x)
{
	exchange_record(x);
	exchange_release_server(x, false);
	return STEP_OVER;
}
