/* What a client of HTTP/2 sends: frames → heads and bodies of its streams. */
#include <stdlib.h>

#include "http/h2_server_parts.h"

/* A stream's fault ends that stream; its owner hears of it. */
static void stream_fault(struct h2_server *s, struct h2_stream *st, enum reason why)
{
	if (st->fault == REASON_COMPLETE) {
		st->fault = why;
		if (st->head && buf_room(st->head) >= H2_REFUSAL)
			st->head->end = h2_request_refuse(st->head->bytes, st->head->end, why);
	}
	h2_server_reset(s, st, H2_PROTOCOL_ERROR);
	s->calls->stir(s->owner, st);
}

static bool is_late(const struct h2_server *s, int32_t id)
{
	for (unsigned i = 0; i < s->n_late; i++)
		if (s->late[i] == id)
			return true;
	return false;
}

/* nghttp2 overlooks HEADERS and DATA of streams that are over. That is right for those whose end
 * may not have reached the client yet, and no others (RFC 9113 5.1). */
bool h2_server_is_closed(const struct h2_server *s, int32_t id)
{
	return (id & 1) && id <= s->last_id && id <= s->served_id &&
	       nghttp2_session_get_stream_local_close(s->ng, id) < 0 && !is_late(s, id);
}

void h2_server_closed_fault(struct h2_server *s, struct str text, uint32_t code)
{
	h2_server_set_fault(s, REASON_H2_CONNECTION, text);
	nghttp2_session_terminate_session(s->ng, code);
}

static void headers_begin(struct h2_server *s, const nghttp2_frame_hd *hd)
{
	h2_budget_fill(&s->budget, H2_FLOOD_CONTINUATION);
	s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
	/* One below the last may never have been open (RFC 9113 5.1.1). */
	if (h2_server_is_closed(s, hd->stream_id))
		h2_server_closed_fault(s, STR("HEADERS: stream closed"),
				       hd->stream_id == s->last_id ? NGHTTP2_STREAM_CLOSED
								   : NGHTTP2_PROTOCOL_ERROR);
	if (hd->stream_id > s->last_id)
		s->last_id = hd->stream_id;
}

/* RFC 9218 7.1, which browsers send with their requests. */
#define PRIORITY_UPDATE 0x10

void h2_server_count_frame(struct h2_server *s, const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_CONTINUATION:
		s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
		h2_server_count(s, H2_FLOOD_CONTINUATION);
		break;
	case NGHTTP2_DATA:
	case NGHTTP2_RST_STREAM:
		break;
	case NGHTTP2_PING:
		if (!(hd->flags & NGHTTP2_FLAG_ACK) || !s->leaving || s->left)
			h2_server_count(s, H2_FLOOD_PING);
		break;
	case NGHTTP2_SETTINGS:
		h2_server_count(s, H2_FLOOD_SETTINGS);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		h2_server_count(s, H2_FLOOD_WINDOW);
		break;
	case NGHTTP2_PRIORITY:
	case PRIORITY_UPDATE:
		h2_server_count(s, H2_FLOOD_PRIORITY);
		break;
	default:
		h2_server_count(s, H2_FLOOD_OTHER);
		break;
	}
}

static int begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
	struct h2_server *s = arg;

	(void)ng;
	if (hd->type == NGHTTP2_HEADERS)
		headers_begin(s, hd);
	else
		h2_server_count_frame(s, hd);
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* RFC 9113 5.5: frames that nobody knows mean nothing. */
int h2_server_extension(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd,
			void *arg)
{
	(void)ng;
	(void)payload;
	(void)hd;
	(void)arg;
	return NGHTTP2_ERR_CANCEL;
}

static void request_begin(struct h2_server *s, int32_t id)
{
	struct h2_stream *st = s->fault == REASON_COMPLETE ? s->calls->begin(s->owner) : NULL;

	s->heading = NULL;
	if (st)
		st->head = buf_get(s->buffers);
	if (!st) {
		nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
		return;
	}
	st->server = s;
	st->id = id;
	st->fault = REASON_COMPLETE;
	nghttp2_session_set_stream_user_data(s->ng, id, st);
	if (!st->head) {
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
		return;
	}
	s->heading = st;
	h2_request_begin(&s->request, &s->limits, st->head->bytes, BUF_SIZE, false);
}

/* Of a message whose head has come. */
static void trailers_begin(struct h2_server *s, struct h2_stream *st)
{
	s->heading = NULL;
	if (!st || st->left || st->closing)
		return;
	if (!s->lines)
		s->lines = buf_get(s->buffers);
	if (!s->lines) {
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
		return;
	}
	s->heading = st;
	h2_request_begin(&s->request, &s->limits, s->lines->bytes, BUF_SIZE, true);
}

static int begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_server *s = arg;

	if (f->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (f->headers.cat == NGHTTP2_HCAT_REQUEST)
		request_begin(s, f->hd.stream_id);
	else
		trailers_begin(s, nghttp2_session_get_stream_user_data(ng, f->hd.stream_id));
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
		h2_request_field(&s->request, (struct str){ (const char *)name, name_n },
				 (struct str){ (const char *)value, value_n });
	return 0;
}

/* A message is over: what came must be what was announced. */
static void message_ended(struct h2_server *s, struct h2_stream *st)
{
	st->ended = true;
	if (st->has_length && st->got != st->length)
		stream_fault(s, st, REASON_H2_LENGTH);
	else
		s->calls->stir(s->owner, st);
}

static void head_whole(struct h2_server *s, struct h2_stream *st, bool ended)
{
	struct h2_request *r = &s->request;
	char key[24] = "";

	if (r->protocol.n)
		s->calls->make_key(s->owner, key);
	h2_request_end(r, ended, key);
	st->head->end = r->n;
	st->fault = r->fault;
	st->ended = ended;
	st->has_length = r->length_known;
	st->length = r->length;
	st->chunked = !r->has_length && !ended && !r->upgrade;
	h2_response_init(&st->response, str_eq(r->method, STR("HEAD")), r->upgrade);
	s->calls->request(s->owner, st);
}

bool h2_server_keep_lines(struct h2_lines *to, struct str lines)
{
	if (!lines.n)
		return true;
	free(to->text);
	*to = (struct h2_lines){ .text = malloc(lines.n), .n = lines.n };
	if (to->text)
		memcpy(to->text, lines.p, lines.n);
	return to->text != NULL;
}

static void trailers_whole(struct h2_server *s, struct h2_stream *st, bool ended)
{
	h2_request_end(&s->request, ended, NULL);
	if (s->request.fault != REASON_COMPLETE)
		stream_fault(s, st, s->request.fault);
	else if (!h2_server_keep_lines(&st->trailers,
				       (struct str){ s->lines->bytes, s->request.n }))
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
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
	if (s->request.trailers)
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
			if (st && !st->closing)
				message_ended(s, st);
		} else if (f->hd.length == f->data.padlen) {
			h2_server_count(s, H2_FLOOD_EMPTY);
		}
		break;
	case NGHTTP2_SETTINGS:
		s->settled |= (f->hd.flags & NGHTTP2_FLAG_ACK) != 0;
		break;
	case NGHTTP2_PING:
		s->left |= s->leaving && (f->hd.flags & NGHTTP2_FLAG_ACK);
		break;
	default:
		break;
	}
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* A stream begins with the window that HTTP/2 has by itself, less than a buffer. Of those that
 * send more than that some get a wide one, so that their clients need not wait for each buffer:
 * few, since what they send lies here when their servers do not take it. */
#define WIDE_WINDOW (4 * 65535)
#define WIDE_STREAMS 4u

static void widen(struct h2_server *s, struct h2_stream *st)
{
	if (st->wide || st->got < 65535 || s->n_wide == WIDE_STREAMS)
		return;
	st->wide = true;
	s->n_wide++;
	nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, st->id, WIDE_WINDOW);
}

/* As much as the window lets come. */
static bool data_keep(struct h2_server *s, struct h2_stream *st, struct str data)
{
	while (data.n) {
		struct buf *b = st->in_last;
		size_t n;

		if (b && b == st->in && buf_room(b) < data.n)
			buf_compact(b);
		if (!b || !buf_room(b)) {
			b = buf_get(s->buffers);
			if (!b)
				return false;
			b->next = NULL;
			*(st->in ? &st->in_last->next : &st->in) = b;
			st->in_last = b;
		}
		n = buf_room(b) < data.n ? buf_room(b) : data.n;
		memcpy(b->bytes + b->end, data.p, n);
		b->end += n;
		data = str_from(data, n);
	}
	return true;
}

void h2_server_data(struct h2_server *s, struct h2_stream *st, struct str data)
{
	if (!data_keep(s, st, data)) {
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
		return;
	}
	widen(s, st);
	s->calls->stir(s->owner, st);
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
	if (st->has_length && st->got > st->length) {
		stream_fault(s, st, REASON_H2_LENGTH);
		return 0;
	}
	h2_server_data(s, st, (struct str){ (const char *)data, n });
	return 0;
}

static int stream_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	(void)code;
	if (!st)
		return 0;
	if (!st->answered && !st->closing)
		h2_server_count(s, H2_FLOOD_RESET);
	h2_server_unqueue(s, st);
	s->n_wide -= st->wide;
	st->gone = true;
	st->reset |= !st->answered || !st->ended;
	if (s->heading == st)
		s->heading = NULL;
	s->calls->gone(s->owner, st);
	return 0;
}

void h2_server_callbacks_in(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
	nghttp2_session_callbacks_set_unpack_extension_callback(c, h2_server_extension);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_came);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_came);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
}
