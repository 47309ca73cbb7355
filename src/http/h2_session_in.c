/* What the peer sends: frames → heads, bodies and trailers of streams. */
#include <stdlib.h>

#include "http/h2_session_parts.h"

/* ---- faults ---- */

void h2_session_stream_fault(struct h2_session *s, struct h2_stream *st, enum reason why)
{
	if (st->fault == REASON_COMPLETE) {
		st->fault = why;
		if (s->role->fault)
			s->role->fault(st);
	}
	h2_session_reset(s, st, why == REASON_NO_MEMORY ? H2_INTERNAL_ERROR : H2_PROTOCOL_ERROR);
	s->calls->stir(s->owner, st);
}

void h2_session_no_memory(struct h2_session *s, struct h2_stream *st)
{
	h2_session_stream_fault(s, st, REASON_NO_MEMORY);
}

static bool is_late(const struct h2_session *s, int32_t id)
{
	for (unsigned i = 0; i < s->n_late; i++)
		if (s->late[i] == id)
			return true;
	return false;
}

/* nghttp2 overlooks HEADERS and DATA of streams that are over. That is right for those whose end
 * may not have reached the client yet, and no others (RFC 9113 5.1). */
bool h2_session_is_closed(const struct h2_session *s, int32_t id)
{
	return (id & 1) && id <= s->last_id && id <= s->served_id &&
	       nghttp2_session_get_stream_local_close(s->ng, id) < 0 && !is_late(s, id);
}

/* ---- frames ---- */

/* RFC 9218 7.1, which browsers send with their requests. */
#define PRIORITY_UPDATE 0x10

static void count_frame(struct h2_session *s, const nghttp2_frame_hd *hd)
{
	switch (hd->type) {
	case NGHTTP2_HEADERS:
		h2_budget_fill(&s->budget, H2_FLOOD_CONTINUATION);
		s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
		break;
	case NGHTTP2_CONTINUATION:
		s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
		h2_session_count(s, H2_FLOOD_CONTINUATION);
		break;
	case NGHTTP2_DATA:
	case NGHTTP2_RST_STREAM:
		break;
	case NGHTTP2_PING:
		if (!(hd->flags & NGHTTP2_FLAG_ACK) || !s->leaving || s->left)
			h2_session_count(s, H2_FLOOD_PING);
		break;
	case NGHTTP2_SETTINGS:
		h2_session_count(s, H2_FLOOD_SETTINGS);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		h2_session_count(s, H2_FLOOD_WINDOW);
		break;
	case NGHTTP2_PRIORITY:
	case PRIORITY_UPDATE:
		h2_session_count(s, H2_FLOOD_PRIORITY);
		break;
	default:
		h2_session_count(s, H2_FLOOD_OTHER);
		break;
	}
}

static int begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
	struct h2_session *s = arg;

	(void)ng;
	count_frame(s, hd);
	s->role->frame_begins(s, hd);
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* RFC 9113 5.5: frames that nobody knows mean nothing. */
static int extension(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd, void *arg)
{
	(void)ng;
	(void)payload;
	(void)hd;
	(void)arg;
	return NGHTTP2_ERR_CANCEL;
}

/* ---- header blocks ---- */

static bool trailers_begin(struct h2_session *s, struct h2_stream *st)
{
	if (!s->lines)
		s->lines = buf_get(s->buffers);
	if (s->lines)
		s->role->trailers_begin(s, s->lines);
	else
		h2_session_no_memory(s, st);
	return s->lines != NULL;
}

static int begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st;

	s->heading = NULL;
	if (f->hd.type != NGHTTP2_HEADERS)
		return 0;
	st = f->headers.cat == NGHTTP2_HCAT_REQUEST
		     ? s->role->stream_begins(s, f->hd.stream_id)
		     : nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	if (!st || st->left || st->closing)
		return 0;
	st->heard = true;
	if (st->final ? trailers_begin(s, st) : s->role->head_begins(s, st))
		s->heading = st;
	return 0;
}

static int header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
		  size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2_session *s = arg;

	(void)ng;
	(void)f;
	(void)flags;
	if (s->heading)
		s->role->field(s, (struct str){ (const char *)name, name_n },
			       (struct str){ (const char *)value, value_n });
	return 0;
}

void h2_session_message_ended(struct h2_session *s, struct h2_stream *st)
{
	if (!st->final || (st->has_length && !st->bodiless && st->got != st->length)) {
		h2_session_stream_fault(s, st, s->role->bad_body);
		return;
	}
	st->ended = true;
	s->calls->stir(s->owner, st);
}

/* Into memory of their own. False: there is none. */
static bool keep_lines(struct h2_lines *to, struct str lines)
{
	if (!lines.n)
		return true;
	free(to->text);
	*to = (struct h2_lines){ .text = malloc(lines.n), .n = lines.n };
	if (to->text)
		memcpy(to->text, lines.p, lines.n);
	return to->text != NULL;
}

static void trailers_whole(struct h2_session *s, struct h2_stream *st, bool ended)
{
	s->role->trailers_end(s, ended);
	if (s->block.fault != REASON_COMPLETE)
		h2_session_stream_fault(s, st, s->block.fault);
	else if (!keep_lines(&st->trailers, (struct str){ s->lines->bytes, s->block.n }))
		h2_session_no_memory(s, st);
	else
		h2_session_message_ended(s, st);
	buf_put(s->buffers, &s->lines);
}

static void headers_whole(struct h2_session *s, const nghttp2_frame *f)
{
	struct h2_stream *st = s->heading;
	bool ended = f->hd.flags & NGHTTP2_FLAG_END_STREAM;

	s->heading = NULL;
	s->in_head = false;
	if (!st)
		return;
	if (s->block.trailers)
		trailers_whole(s, st, ended);
	else
		s->role->head_ends(s, st, ended);
}

/* ---- whole frames ---- */

static void data_whole(struct h2_session *s, const nghttp2_frame *f)
{
	struct h2_stream *st = nghttp2_session_get_stream_user_data(s->ng, f->hd.stream_id);

	if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		if (st && !st->closing)
			h2_session_message_ended(s, st);
	} else if (f->hd.length && f->hd.length == f->data.padlen) {
		h2_session_count(s, H2_FLOOD_EMPTY);
	}
}

static int frame_came(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;
	const bool ack = f->hd.flags & NGHTTP2_FLAG_ACK;

	(void)ng;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		headers_whole(s, f);
		break;
	case NGHTTP2_DATA:
		data_whole(s, f);
		break;
	case NGHTTP2_SETTINGS:
		s->settled |= ack;
		s->greeted |= !ack;
		break;
	case NGHTTP2_PING:
		s->left |= s->leaving && ack;
		break;
	case NGHTTP2_GOAWAY:
		s->going = true;
		break;
	default:
		break;
	}
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* A stream begins with the window that HTTP/2 has by itself, less than a buffer. Of those that
 * send more than that some get a wide one, so that their peers need not wait for each buffer:
 * few, since what they send lies here when nobody takes it. */
#define WIDE_WINDOW (4 * 65535)
#define WIDE_STREAMS 4u

static void widen(struct h2_session *s, struct h2_stream *st)
{
	if (st->wide || st->got < 65535 || s->n_wide == WIDE_STREAMS)
		return;
	st->wide = true;
	s->n_wide++;
	nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, st->id, WIDE_WINDOW);
}

/* As much as the window lets come. */
static bool data_keep(struct h2_session *s, struct h2_stream *st, struct str data)
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

/* So much of a body that nobody reads is let come, as by HTTP/1.1. */
#define REST_MOST 65536u

/* Of more there comes what the window has room for. */
void h2_session_pass_over(struct h2_session *s, struct h2_stream *st, size_t n)
{
	if (st->has_length && st->length - st->got <= REST_MOST)
		h2_session_consumed(s, st, n);
}

static int data_came(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
		     size_t n, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	(void)flags;
	nghttp2_session_consume_connection(ng, n);
	if (!st || st->closing)
		return 0;
	st->got += n;
	if (!st->final || st->bodiless || (st->has_length && st->got > st->length)) {
		h2_session_stream_fault(s, st, s->role->bad_body);
	} else if (st->left) {
		h2_session_pass_over(s, st, n);
	} else if (!data_keep(s, st, (struct str){ (const char *)data, n })) {
		h2_session_no_memory(s, st);
	} else {
		widen(s, st);
		s->calls->stir(s->owner, st);
	}
	return 0;
}

static int stream_closed(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, id);

	if (!st)
		return 0;
	if (s->role->resets_cost && !st->answered && !st->closing)
		h2_session_count(s, H2_FLOOD_RESET);
	h2_session_unqueue(s, st);
	h2_session_sent(s, st);
	s->n_wide -= st->wide;
	st->code = code;
	st->gone = true;
	st->reset |= !st->answered || !st->ended;
	if (s->heading == st)
		s->heading = NULL;
	s->calls->gone(s->owner, st);
	return 0;
}

void h2_session_callbacks_in(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, begin_frame);
	nghttp2_session_callbacks_set_unpack_extension_callback(c, extension);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_came);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data_came);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, stream_closed);
}
