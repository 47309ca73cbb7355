#include "http/h2_origin.h"

#include <stdlib.h>

#include "base/assert.h"
#include "http/h2_call.h"
#include "http/h2_server_parts.h"

/* As of clients: each stream has its own window, and this one is given back at once. */
#define CONNECTION_WINDOW (1 << 20)
/* A head that a client may send, and what is added. */
#define HEAD_SENT_MAX (1u << 18)
/* Stream ids that are left when no new one is begun any more. */
#define IDS_LEFT 1024u

/* ---- the request ---- */

static nghttp2_nv call_pair(const struct h2_field *f)
{
	nghttp2_nv pair = h2_server_pair(f->name, f->value);

	if (h2_call_is_secret(f->name))
		pair.flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	return pair;
}

static void no_more_unsent(struct h2_server *s, struct h2_stream *st)
{
	s->n_unsent -= st->unsent;
	st->unsent = false;
}

static bool ask(struct h2_server *s, struct h2_stream *st, char *text, size_t size)
{
	nghttp2_data_provider body = { .source.ptr = st, .read_callback = h2_server_read };
	struct h2_field fields[H2_FIELDS_MAX];
	nghttp2_nv pairs[H2_FIELDS_MAX];
	struct h2_call call;

	if (!h2_call_read(&st->response, text, size, st->secure, fields, H2_FIELDS_MAX, &call))
		return false;
	for (unsigned i = 0; i < call.n; i++)
		pairs[i] = call_pair(&fields[i]);
	if (call.upgrades)
		s->calls->make_accept(s->owner, call.key, st->accept);
	st->response.upgrades = call.upgrades;
	st->to_head = call.to_head;
	st->id = nghttp2_submit_request(s->ng, NULL, pairs, call.n,
					st->response.state == H2_RESPONSE_DONE ? NULL : &body,
					st);
	st->begun = st->unsent = st->id > 0;
	s->n_unsent += st->unsent;
	st->gone = !st->begun;
	return st->begun;
}

/* ---- what comes ---- */

static void stream_fault(struct h2_server *s, struct h2_stream *st, enum reason why)
{
	if (st->fault == REASON_COMPLETE)
		st->fault = why;
	h2_server_reset(s, st, H2_PROTOCOL_ERROR);
	s->calls->stir(s->owner, st);
}

static void fail(struct h2_server *s, const char *words)
{
	h2_server_set_fault(s, REASON_H2_CONNECTION, str_of(words));
	nghttp2_session_terminate_session(s->ng, NGHTTP2_PROTOCOL_ERROR);
}

static int begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
	struct h2_server *s = arg;

	(void)ng;
	switch (hd->type) {
	case NGHTTP2_HEADERS:
		h2_budget_fill(&s->budget, H2_FLOOD_CONTINUATION);
		s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
		break;
	case NGHTTP2_PUSH_PROMISE: /* our first frame has forbidden it (RFC 9113 8.4) */
		fail(s, "PUSH_PROMISE, although ENABLE_PUSH is 0");
		break;
	default:
		h2_server_count_frame(s, hd);
		break;
	}
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Interim heads that nobody has taken yet stand before it in the buffer. */
static void head_begin(struct h2_server *s, struct h2_stream *st)
{
	const struct h2_reply like = { .limits = s->limits,
				       .opens = st->accept[0] != '\0',
				       .to_head = st->to_head };
	size_t need = s->limits.max_head + H2_REPLY_ADDED;

	if (!st->head)
		st->head = buf_get(s->buffers);
	if (!st->head) {
		stream_fault(s, st, REASON_NO_MEMORY);
		return;
	}
	buf_compact(st->head);
	if (buf_room(st->head) < need) {
		stream_fault(s, st, REASON_RES_TOO_MANY_INTERIM);
		return;
	}
	s->heading = st;
	h2_reply_begin(&s->reply, &like, st->head->bytes + st->head->end, buf_room(st->head),
		       false);
}

static void trailers_begin(struct h2_server *s, struct h2_stream *st)
{
	const struct h2_reply like = { .limits = s->limits };

	if (!s->lines)
		s->lines = buf_get(s->buffers);
	if (!s->lines) {
		stream_fault(s, st, REASON_NO_MEMORY);
		return;
	}
	s->heading = st;
	h2_reply_begin(&s->reply, &like, s->lines->bytes, BUF_SIZE, true);
}

static int begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	s->heading = NULL;
	if (f->hd.type != NGHTTP2_HEADERS || !st || st->left || st->closing)
		return 0;
	st->heard = true;
	if (st->final)
		trailers_begin(s, st);
	else
		head_begin(s, st);
	return 0;
}

static int header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
		  size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2_server *s = arg;

	(void)ng;
	(void)f;
	(void)flags;
	if (s->heading)
		h2_reply_field(&s->reply, (struct str){ (const char *)name, name_n },
			       (struct str){ (const char *)value, value_n });
	return 0;
}

/* The response is over: what came must be what was announced. */
static void message_ended(struct h2_server *s, struct h2_stream *st)
{
	if (!st->final || (st->has_length && !st->bodiless && st->got != st->length)) {
		stream_fault(s, st, REASON_RES_H2_BODY);
		return;
	}
	st->ended = true;
	s->calls->stir(s->owner, st);
}

static void head_whole(struct h2_server *s, struct h2_stream *st, bool ended)
{
	struct h2_reply *r = &s->reply;

	h2_reply_end(r, ended, str_of(st->accept));
	if (r->fault != REASON_COMPLETE) {
		stream_fault(s, st, r->fault);
		return;
	}
	st->head->end += r->n;
	st->final = !h2_reply_is_interim(r);
	if (st->final && !h2_reply_opens(r)) {
		st->bodiless = h2_reply_is_bodiless(r);
		st->has_length = r->has_length;
		st->length = r->length;
		st->chunked = !r->has_length && !st->bodiless && !ended;
	}
	if (ended)
		message_ended(s, st);
	else
		s->calls->stir(s->owner, st);
}

static void trailers_whole(struct h2_server *s, struct h2_stream *st, bool ended)
{
	h2_reply_end(&s->reply, ended, STR_NONE);
	if (s->reply.fault != REASON_COMPLETE)
		stream_fault(s, st, s->reply.fault);
	else if (!h2_server_keep_lines(&st->trailers,
				       (struct str){ s->lines->bytes, s->reply.n }))
		stream_fault(s, st, REASON_NO_MEMORY);
	else
		message_ended(s, st);
	buf_put(s->buffers, &s->lines);
}

static void headers_whole(struct h2_server *s, const nghttp2_frame *f)
{
	struct h2_stream *st = s->heading;
	bool ended = f->hd.flags & NGHTTP2_FLAG_END_STREAM;

	s->heading = NULL;
	s->in_head = false;
	if (!st)
		return;
	if (s->reply.trailers)
		trailers_whole(s, st, ended);
	else
		head_whole(s, st, ended);
}

static int frame_came(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st;

	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		headers_whole(s, f);
		break;
	case NGHTTP2_DATA:
		st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
		if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			if (st && !st->left && !st->closing)
				message_ended(s, st);
		} else if (f->hd.length == f->data.padlen) {
			h2_server_count(s, H2_FLOOD_EMPTY);
		}
		break;
	case NGHTTP2_SETTINGS:
		s->settled |= (f->hd.flags & NGHTTP2_FLAG_ACK) != 0;
		s->greeted |= (f->hd.flags & NGHTTP2_FLAG_ACK) == 0;
		break;
	case NGHTTP2_GOAWAY:
		s->going = true;
		break;
	default:
		break;
	}
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int data_came(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
		     size_t n, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	nghttp2_session_consume_connection(ng, n);
	if (!st || st->left || st->closing)
		return 0;
	st->got += n;
	if (!st->final || st->bodiless || (st->has_length && st->got > st->length))
		stream_fault(s, st, REASON_RES_H2_BODY);
	else
		h2_server_data(s, st, (struct str){ (const char *)data, n });
	return 0;
}

static int stream_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (!st)
		return 0;
	h2_server_unqueue(s, st);
	no_more_unsent(s, st);
	s->n_wide -= st->wide;
	st->code = code;
	st->gone = true;
	st->reset |= !st->answered || !st->ended;
	if (s->heading == st)
		s->heading = NULL;
	s->calls->gone(s->owner, st);
	return 0;
}

/* ---- what goes ---- */

static int frame_went(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	if (st && f->hd.type == NGHTTP2_HEADERS) {
		no_more_unsent(s, st);
		st->went = true;
	}
	return h2_server_frame_went(ng, f, arg);
}

/* One whose head could not go is closed by nghttp2 itself. */
static int frame_stayed(nghttp2_session *ng, const nghttp2_frame *f, int why, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	(void)why;
	if (st && st->went && f->hd.type == NGHTTP2_HEADERS)
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
	return 0;
}

/* ---- beginning ---- */

static void callbacks_set(nghttp2_session_callbacks *c)
{
	h2_server_callbacks_out(c);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_went);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(c, frame_stayed);
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
	nghttp2_session_callbacks_set_unpack_extension_callback(c, h2_server_extension);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_came);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_came);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
}

static bool session_make(struct h2_server *s)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	bool good = nghttp2_session_callbacks_new(&callbacks) == 0 && h2_server_options(&option);

	if (good) {
		nghttp2_option_set_max_send_header_block_length(option, HEAD_SENT_MAX);
		callbacks_set(callbacks);
		good = nghttp2_session_client_new2(&s->ng, callbacks, s, option) == 0;
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return good;
}

static bool settings_submit(struct h2_server *s)
{
	const nghttp2_settings_entry said[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)s->limits.max_head },
	};

	return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, said,
				       sizeof(said) / sizeof(said[0])) == 0 &&
	       nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
						     CONNECTION_WINDOW) == 0;
}

struct h2_server *h2_origin_new(const struct h2_limits *limits, const struct h2_owner *calls,
				void *owner, struct buf_pool *buffers, uint64_t now)
{
	struct h2_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->calls = calls;
	s->owner = owner;
	s->buffers = buffers;
	s->limits = *limits;
	s->head = ask;
	s->now = now;
	s->fault = REASON_COMPLETE;
	s->served_id = INT32_MAX;
	s->max_streams = s->n_late = H2_ORIGIN_STREAMS;
	s->late = calloc(s->n_late, sizeof(*s->late));
	h2_budget_init(&s->budget, now);
	if (s->late && session_make(s) && settings_submit(s))
		return s;
	h2_server_free(s);
	return NULL;
}

/* ---- what is known of it ---- */

unsigned h2_origin_streams(const struct h2_server *s)
{
	uint32_t allowed = nghttp2_session_get_remote_settings(
		s->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (s->going || s->fault != REASON_COMPLETE ||
	    nghttp2_session_get_next_stream_id(s->ng) > INT32_MAX - IDS_LEFT)
		return 0;
	return allowed < H2_ORIGIN_STREAMS ? allowed : H2_ORIGIN_STREAMS;
}

bool h2_origin_is_greeted(const struct h2_server *s)
{
	return s->greeted;
}

bool h2_origin_takes_websockets(const struct h2_server *s)
{
	return nghttp2_session_get_remote_settings(
		       s->ng, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool h2_origin_is_leaving(const struct h2_server *s)
{
	return s->going;
}

enum reason h2_origin_fault(const struct h2_server *s, const char **text)
{
	*text = s->fault == REASON_H2_SETTINGS_TIMEOUT ? "no ACK of SETTINGS" : s->text;
	if (s->fault == REASON_COMPLETE || s->fault == REASON_NO_MEMORY)
		return s->fault;
	return s->fault == REASON_H2_FLOOD ? REASON_RES_H2_FLOOD : REASON_RES_H2_CONNECTION;
}

/* ---- a stream ---- */

void h2_origin_open(struct h2_server *s, struct h2_stream *st, bool secure)
{
	st->server = s;
	st->fault = REASON_COMPLETE;
	st->secure = secure;
	h2_response_init(&st->response, false, false);
}

static bool has_head(const struct h2_stream *st)
{
	return st->head && st->head->at < st->head->end;
}

/* What was announced is there, but for the word that it is all. */
static bool lacks_end(const struct h2_stream *st)
{
	return st->final && !st->ended &&
	       (st->bodiless || (st->has_length && st->got == st->length));
}

static size_t data_waiting(const struct h2_stream *st)
{
	size_t n = 0;

	for (const struct buf *b = st->in; b; b = b->next)
		n += b->end - b->at;
	return n;
}

bool h2_origin_has_more(const struct h2_stream *st)
{
	if (has_head(st))
		return !lacks_end(st) || (!st->bodiless && st->length > 0);
	return lacks_end(st) ? data_waiting(st) > 1 : h2_stream_has_more(st);
}

static size_t take_head(struct h2_stream *st, char *to, size_t room)
{
	struct str t = str_first(buf_unread(st->head), room);

	memcpy(to, t.p, t.n);
	st->head->at += t.n;
	if (!has_head(st) && !h2_server_is_heading(st->server, st))
		buf_put(h2_server_buffers(st->server), &st->head);
	return t.n;
}

size_t h2_origin_take(struct h2_stream *st, char *to, size_t room)
{
	if (!h2_origin_has_more(st))
		return 0;
	if (has_head(st))
		return take_head(st, to, room);
	if (lacks_end(st) && room > data_waiting(st) - 1)
		room = data_waiting(st) - 1;
	return h2_stream_take(st, to, room);
}

void h2_origin_leave(struct h2_stream *st)
{
	if (st->left)
		return;
	st->left = true;
	h2_server_forget(st->server, st);
	h2_server_unqueue(st->server, st);
	no_more_unsent(st->server, st);
	h2_stream_drop(st, h2_server_buffers(st->server));
	if (!st->begun)
		st->gone = true;
	if (!st->gone && !(st->ended && st->answered))
		h2_server_reset(st->server, st, H2_CANCEL);
}

bool h2_origin_has_unsent(const struct h2_server *s)
{
	return s->n_unsent > 0;
}

bool h2_origin_refuse_unsent(struct h2_stream *st)
{
	if (!st->unsent)
		return false;
	no_more_unsent(st->server, st);
	return st->reset = true;
}

bool h2_origin_was_refused(const struct h2_stream *st)
{
	return st->reset && !st->heard && st->fault == REASON_COMPLETE &&
	       (!st->went || (st->gone && st->code == H2_REFUSED_STREAM));
}

const char *h2_origin_code(const struct h2_stream *st)
{
	return nghttp2_http2_strerror(st->code);
}
