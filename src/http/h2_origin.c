/* Of a session, what is ours as the client: requests out, responses in. */
#include "http/h2_origin.h"

#include "http/h2_call.h"
#include "http/h2_session_parts.h"

/* A head that a client may send, and what is added. */
#define HEAD_SENT_MAX (1u << 18)
/* Stream ids that are left when no new one is begun any more. */
#define IDS_LEFT 1024u

/* ---- the request ---- */

static nghttp2_nv call_pair(const struct h2_field *f)
{
	nghttp2_nv pair = h2_session_pair(f->name, f->value);

	if (h2_call_is_secret(f->name))
		pair.flags |= NGHTTP2_NV_FLAG_NO_INDEX;
	return pair;
}

static bool give_head(struct h2_session *s, struct h2_stream *st, char *text, size_t size)
{
	nghttp2_data_provider body = { .source.ptr = st, .read_callback = h2_session_read };
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

/* Our first frame has forbidden it (RFC 9113 8.4). */
static void frame_begins(struct h2_session *s, const nghttp2_frame_hd *hd)
{
	if (hd->type == NGHTTP2_PUSH_PROMISE)
		h2_session_fail(s, STR("PUSH_PROMISE, although ENABLE_PUSH is 0"),
				NGHTTP2_PROTOCOL_ERROR);
}

/* nghttp2 lets no server open one. */
static struct h2_stream *stream_begins(struct h2_session *s, int32_t id)
{
	(void)s;
	(void)id;
	return NULL;
}

/* Interim heads that nobody has taken yet stand before it in the buffer. */
static bool head_begins(struct h2_session *s, struct h2_stream *st)
{
	size_t need = s->limits.max_head + H2_REPLY_ADDED;

	if (!st->head)
		st->head = buf_get(s->buffers);
	if (!st->head) {
		h2_session_no_memory(s, st);
		return false;
	}
	buf_compact(st->head);
	if (buf_room(st->head) < need) {
		h2_session_stream_fault(s, st, REASON_RES_TOO_MANY_INTERIM);
		return false;
	}
	h2_reply_begin(&s->reply, &s->limits, st->head->bytes + st->head->end,
		       buf_room(st->head), false);
	s->reply.opens = st->accept[0] != '\0';
	s->reply.to_head = st->to_head;
	return true;
}

static void trailers_begin(struct h2_session *s, struct buf *lines)
{
	h2_reply_begin(&s->reply, &s->limits, lines->bytes, BUF_SIZE, true);
}

static void field(struct h2_session *s, struct str name, struct str value)
{
	h2_reply_field(&s->reply, name, value);
}

static void head_ends(struct h2_session *s, struct h2_stream *st, bool ended)
{
	struct h2_reply *r = &s->reply;

	h2_reply_end(r, ended, str_of(st->accept));
	if (r->block.fault != REASON_COMPLETE) {
		h2_session_stream_fault(s, st, r->block.fault);
		return;
	}
	st->head->end += r->block.n;
	st->final = !h2_reply_is_interim(r);
	if (st->final && !h2_reply_opens(r)) {
		st->bodiless = h2_reply_is_bodiless(r);
		st->has_length = r->has_length;
		st->length = r->length;
		st->chunked = !r->has_length && !st->bodiless && !ended;
	}
	if (ended)
		h2_session_message_ended(s, st);
	else
		s->calls->stir(s->owner, st);
}

static void trailers_end(struct h2_session *s, bool ended)
{
	h2_reply_end(&s->reply, ended, STR_NONE);
}

/* ---- beginning ---- */

static void options(nghttp2_option *o)
{
	nghttp2_option_set_max_send_header_block_length(o, HEAD_SENT_MAX);
}

static size_t settings(const struct h2_session *s, nghttp2_settings_entry *said)
{
	said[0] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
	said[1] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
					    (uint32_t)s->limits.max_head };
	return 2;
}

static const struct h2_role role = {
	.make = nghttp2_session_client_new2,
	.options = options,
	.settings = settings,
	.bad_body = REASON_RES_H2_BODY,
	.frame_begins = frame_begins,
	.stream_begins = stream_begins,
	.head_begins = head_begins,
	.trailers_begin = trailers_begin,
	.field = field,
	.head_ends = head_ends,
	.trailers_end = trailers_end,
	.give_head = give_head,
};

struct h2_session *h2_origin_new(const struct h2_limits *limits, const struct h2_owner *calls,
				 void *owner, struct buf_pool *buffers, uint64_t now)
{
	return h2_session_new(&role, limits, H2_ORIGIN_STREAMS, calls, owner, buffers, now);
}

/* ---- what is known of it ---- */

unsigned h2_origin_streams(const struct h2_session *s)
{
	uint32_t allowed = nghttp2_session_get_remote_settings(
		s->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (s->going || s->fault != REASON_COMPLETE ||
	    nghttp2_session_get_next_stream_id(s->ng) > INT32_MAX - IDS_LEFT)
		return 0;
	return allowed < H2_ORIGIN_STREAMS ? allowed : H2_ORIGIN_STREAMS;
}

bool h2_origin_is_greeted(const struct h2_session *s)
{
	return s->greeted;
}

bool h2_origin_takes_websockets(const struct h2_session *s)
{
	return nghttp2_session_get_remote_settings(
		       s->ng, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool h2_origin_is_leaving(const struct h2_session *s)
{
	return s->going;
}

enum reason h2_origin_fault(const struct h2_session *s, const char **text)
{
	*text = s->fault == REASON_H2_SETTINGS_TIMEOUT ? "no ACK of SETTINGS" : s->text;
	if (s->fault == REASON_COMPLETE || s->fault == REASON_NO_MEMORY)
		return s->fault;
	return s->fault == REASON_H2_FLOOD ? REASON_RES_H2_FLOOD : REASON_RES_H2_CONNECTION;
}

/* ---- a stream ---- */

void h2_origin_open(struct h2_session *s, struct h2_stream *st, bool secure)
{
	st->session = s;
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

bool h2_origin_has_more(const struct h2_stream *st)
{
	if (has_head(st))
		return !lacks_end(st) || (!st->bodiless && st->length > 0);
	return lacks_end(st) ? h2_stream_untaken(st) > 1 : h2_stream_has_more(st);
}

static size_t take_head(struct h2_stream *st, char *to, size_t room)
{
	struct str t = str_first(buf_unread(st->head), room);

	memcpy(to, t.p, t.n);
	st->head->at += t.n;
	if (!has_head(st) && !h2_session_is_heading(st->session, st))
		buf_put(h2_session_buffers(st->session), &st->head);
	return t.n;
}

size_t h2_origin_take(struct h2_stream *st, char *to, size_t room)
{
	if (!h2_origin_has_more(st))
		return 0;
	if (has_head(st))
		return take_head(st, to, room);
	if (lacks_end(st) && room > h2_stream_untaken(st) - 1)
		room = h2_stream_untaken(st) - 1;
	return h2_stream_take(st, to, room);
}

void h2_origin_leave(struct h2_stream *st)
{
	if (st->left)
		return;
	st->left = true;
	h2_session_forget(st->session, st);
	h2_session_unqueue(st->session, st);
	h2_session_sent(st->session, st);
	h2_stream_drop(st, h2_session_buffers(st->session));
	if (!st->begun)
		st->gone = true;
	if (!st->gone && !(st->ended && st->answered))
		h2_session_reset(st->session, st, H2_CANCEL);
}

bool h2_origin_has_unsent(const struct h2_session *s)
{
	return s->n_unsent > 0;
}

bool h2_origin_refuse_unsent(struct h2_stream *st)
{
	if (!st->unsent)
		return false;
	h2_session_sent(st->session, st);
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
