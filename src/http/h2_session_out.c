/* What the peer gets: heads, data and trailers of streams → frames. */
#include "base/assert.h"
#include "http/h2_session_parts.h"

/* Buffers that the data of one connection's streams may wait in for it. */
#define OUT_BUFFERS 16u

static size_t beyond(int32_t window, size_t waiting)
{
	return window > 0 && (size_t)window > waiting ? (size_t)window - waiting : 0;
}

size_t h2_session_room(const struct h2_session *s, const struct h2_stream *st)
{
	const size_t waiting = h2_stream_waiting(st);
	size_t all = beyond(nghttp2_session_get_remote_window_size(s->ng), s->waiting);
	size_t own = beyond(nghttp2_session_get_stream_remote_window_size(s->ng, st->id), waiting);

	if (!st->out && s->n_out >= OUT_BUFFERS)
		return 0;
	own = own < BUF_SIZE - waiting ? own : BUF_SIZE - waiting;
	return own < all ? own : all;
}

bool h2_session_queue(struct h2_session *s, struct h2_stream *st, struct str data)
{
	if (!st->out) {
		st->out = buf_get(s->buffers);
		s->n_out += st->out != NULL;
	}
	if (!st->out)
		return false;
	if (buf_room(st->out) < data.n)
		buf_compact(st->out);
	must(data.n <= buf_room(st->out));
	memcpy(st->out->bytes + st->out->end, data.p, data.n);
	st->out->end += data.n;
	s->waiting += data.n;
	return true;
}

void h2_session_unqueue(struct h2_session *s, struct h2_stream *st)
{
	s->waiting -= h2_stream_waiting(st);
	s->n_out -= st->out != NULL;
	buf_put(s->buffers, &st->out);
}

void h2_session_resume(struct h2_session *s, struct h2_stream *st)
{
	bool news = h2_stream_waiting(st) || st->cut || st->response.state == H2_RESPONSE_DONE;

	if (!st->deferred || st->gone || st->closing || !news)
		return;
	st->deferred = false;
	nghttp2_session_resume_data(s->ng, st->id);
}

nghttp2_nv h2_session_pair(struct str name, struct str value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.p,
			     .value = (uint8_t *)(uintptr_t)value.p,
			     .namelen = name.n,
			     .valuelen = value.n,
			     .flags = NGHTTP2_NV_FLAG_NONE };
}

static void trailers_submit(struct h2_session *s, struct h2_stream *st)
{
	char *line = st->out_trailers.text, *all = line + st->out_trailers.n, *end;
	nghttp2_nv pairs[H2_FIELDS_MAX];
	struct h2_field f;
	size_t n = 0;

	for (; n < H2_FIELDS_MAX && line < all; line = end + 1) {
		end = memchr(line, '\n', (size_t)(all - line));
		if (!end)
			break;
		if (h2_field_split(line, (size_t)(end - line) - (end > line && end[-1] == '\r'),
				   &f))
			pairs[n++] = h2_session_pair(f.name, f.value);
	}
	nghttp2_submit_trailer(s->ng, st->id, pairs, n);
}

/* Whether the trailers have a line besides the empty one. */
static bool has_trailers(const struct h2_stream *st)
{
	return st->out_trailers.n > 2;
}

ssize_t h2_session_read(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		       nghttp2_data_source *source, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = source->ptr;
	size_t n = h2_stream_waiting(st);
	bool last = st->response.state == H2_RESPONSE_DONE && n <= room;

	(void)ng;
	(void)id;
	(void)to;
	if (n == 0 && st->cut)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM, INTERNAL_ERROR */
	if (n == 0 && !last) {
		st->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags = NGHTTP2_DATA_FLAG_NO_COPY;
	if (last) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (has_trailers(st)) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			trailers_submit(s, st);
		}
	}
	return (ssize_t)(n < room ? n : room);
}

static int send_data(nghttp2_session *ng, nghttp2_frame *f, const uint8_t *head, size_t n,
		     nghttp2_data_source *source, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = source->ptr;
	char *to = s->to + s->to_n;

	(void)ng;
	(void)f;
	if (s->to_room - s->to_n < n + 9)
		return NGHTTP2_ERR_WOULDBLOCK;
	memcpy(to, head, 9);
	if (n) {
		memcpy(to + 9, st->out->bytes + st->out->at, n);
		st->out->at += n;
		s->waiting -= n;
	}
	s->to_n += n + 9;
	st->put += n;
	st->put_at = s->sent + s->to_n;
	/* The peer gives its windows back, and may measure the road (gRPC does, with PING). */
	h2_budget_give(&s->budget, H2_FLOOD_WINDOW, 4);
	h2_budget_give(&s->budget, H2_FLOOD_PING, 1);
	if (st->out && st->out->at == st->out->end)
		h2_session_unqueue(s, st);
	return 0;
}

bool h2_session_head(struct h2_session *s, struct h2_stream *st, char *text, size_t size)
{
	return s->role->give_head(s, st, text, size);
}

void h2_session_sent(struct h2_session *s, struct h2_stream *st)
{
	s->n_unsent -= st->unsent;
	st->unsent = false;
}

static void message_went(struct h2_session *s, struct h2_stream *st)
{
	st->answered = true;
	h2_budget_give(&s->budget, H2_FLOOD_RESET, 1); /* who takes answers may change his mind */
	if (st->left && !st->ended && (st->response.upgrades || st->reset))
		h2_session_reset(s, st, H2_NO_ERROR);
}

static bool is_provoked(uint32_t code)
{
	switch (code) {
	case NGHTTP2_PROTOCOL_ERROR:
	case NGHTTP2_FLOW_CONTROL_ERROR:
	case NGHTTP2_STREAM_CLOSED:
	case NGHTTP2_FRAME_SIZE_ERROR:
	case NGHTTP2_REFUSED_STREAM:
		return true;
	default:
		return false;
	}
}

static int frame_went(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	const bool last = f->hd.flags & NGHTTP2_FLAG_END_STREAM;

	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		if (st) {
			h2_session_sent(s, st);
			st->went = true;
		}
		__attribute__((fallthrough));
	case NGHTTP2_DATA:
		if (st && last)
			message_went(s, st);
		break;
	case NGHTTP2_RST_STREAM:
		s->late[s->late_at++ % s->n_late] = f->hd.stream_id;
		if (is_provoked(f->rst_stream.error_code))
			h2_session_count(s, H2_FLOOD_RESET);
		break;
	case NGHTTP2_GOAWAY:
		if (f->goaway.error_code != NGHTTP2_NO_ERROR)
			h2_session_set_fault(s, REASON_H2_CONNECTION,
				  (struct str){ (const char *)f->goaway.opaque_data,
						f->goaway.opaque_data_len });
		break;
	default:
		break;
	}
	return 0;
}

/* A head that is too large for the peer, or for nghttp2: which itself ends a stream that this was
 * to open. */
static int frame_stayed(nghttp2_session *ng, const nghttp2_frame *f, int why, void *arg)
{
	struct h2_session *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	(void)why;
	if (st && (st->heard || st->went) && f->hd.type == NGHTTP2_HEADERS)
		h2_session_reset(s, st, H2_INTERNAL_ERROR);
	return 0;
}

size_t h2_session_send(struct h2_session *s, char *to, size_t room)
{
	const uint8_t *bytes;
	ssize_t n;

	s->to = to;
	s->to_n = 0;
	s->to_room = room;
	while (s->to_room - s->to_n >= H2_SEND_ROOM) {
		n = nghttp2_session_mem_send(s->ng, &bytes);
		if (n <= 0)
			break;
		must((size_t)n <= s->to_room - s->to_n);
		memcpy(to + s->to_n, bytes, (size_t)n);
		s->to_n += (size_t)n;
	}
	s->to = NULL;
	s->sent += s->to_n;
	return s->to_n;
}

bool h2_session_has_more(const struct h2_session *s)
{
	return nghttp2_session_want_write(s->ng) != 0;
}

void h2_session_callbacks_out(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_send_data_callback(c, send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_went);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(c, frame_stayed);
}
