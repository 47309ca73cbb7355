#include "http/h2_server.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/assert.h"

/* What all streams of a connection may have on their way to us: each has its own window, and
 * this one is given back at once. */
#define CONNECTION_WINDOW (1 << 20)
/* Fields of a response: those of its server, and what the configuration adds. */
#define REPLY_FIELDS 384u
/* Streams that we have ended while their clients did not know yet. */
#define LATE_IDS 64u

struct h2_server {
	nghttp2_session *ng;
	const struct h2_owner *calls;
	void *owner;
	struct buf_pool *buffers;
	struct h2_limits limits;
	struct h2_budget budget;
	uint64_t now;
	struct h2_request request; /* the header block under way */
	struct h2_stream *heading; /* its stream; NULL: there is none, or nobody reads it */
	int32_t last_id;           /* of a HEADERS frame */
	int32_t late[LATE_IDS];    /* the last ones, in a ring */
	unsigned late_at;
	bool in_head;              /* from its first frame to its last */
	bool settled;
	bool leaving, left, left_now;
	enum reason fault;
	enum h2_flood flood;
	char text[96];
	char *to; /* while frames are given */
	size_t to_n, to_room;
	uint64_t sent; /* before that */
};

struct buf_pool *h2_server_buffers(struct h2_server *s)
{
	return s->buffers;
}

/* ---- the end ---- */

static void set_fault(struct h2_server *s, enum reason why, struct str text)
{
	if (s->fault != REASON_COMPLETE)
		return;
	s->fault = why;
	str_copy(s->text, sizeof(s->text), str_first(text, sizeof(s->text) - 1));
}

static void flood(struct h2_server *s, enum h2_flood kind)
{
	if (s->fault != REASON_COMPLETE)
		return;
	s->flood = kind;
	set_fault(s, REASON_H2_FLOOD, str_of(h2_flood_text(kind)));
	nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void count(struct h2_server *s, enum h2_flood kind)
{
	if (!h2_budget_take(&s->budget, kind, s->now))
		flood(s, kind);
}

void h2_server_end(struct h2_server *s, enum reason why)
{
	uint32_t code = why == REASON_H2_SETTINGS_TIMEOUT ? NGHTTP2_SETTINGS_TIMEOUT :
			why == REASON_H2_HEAD_TIMEOUT     ? NGHTTP2_ENHANCE_YOUR_CALM :
							    NGHTTP2_NO_ERROR;

	if (why != REASON_COMPLETE)
		set_fault(s, why, STR_NONE);
	nghttp2_session_terminate_session(s->ng, code);
}

void h2_server_leave(struct h2_server *s)
{
	static const uint8_t mark[8] = { 'l', 'e', 'a', 'v', 'e' };

	if (s->leaving)
		return;
	s->leaving = true;
	nghttp2_submit_shutdown_notice(s->ng);
	nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, mark);
}

bool h2_server_left(const struct h2_server *s)
{
	return s->left;
}

void h2_server_leave_now(struct h2_server *s)
{
	if (s->left_now)
		return;
	s->left_now = true;
	nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(s->ng), NGHTTP2_NO_ERROR,
			      NULL, 0);
}

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

/* ---- frames that come ---- */

static bool is_late(const struct h2_server *s, int32_t id)
{
	for (unsigned i = 0; i < LATE_IDS; i++)
		if (s->late[i] == id)
			return true;
	return false;
}

/* nghttp2 overlooks HEADERS of streams that are over. That is right for those whose end may not
 * have reached the client yet, and no others (RFC 9113 5.1, 5.1.1). */
static void headers_begin(struct h2_server *s, const nghttp2_frame_hd *hd)
{
	const bool open = nghttp2_session_get_stream_local_close(s->ng, hd->stream_id) >= 0;

	h2_budget_fill(&s->budget, H2_FLOOD_CONTINUATION);
	s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
	if (hd->stream_id > s->last_id) {
		s->last_id = hd->stream_id;
	} else if (hd->stream_id > 0 && !open && !is_late(s, hd->stream_id)) {
		set_fault(s, REASON_H2_CONNECTION, STR("HEADERS: stream closed"));
		nghttp2_session_terminate_session(s->ng, hd->stream_id == s->last_id
								 ? NGHTTP2_STREAM_CLOSED
								 : NGHTTP2_PROTOCOL_ERROR);
	}
}

static int begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *arg)
{
	struct h2_server *s = arg;

	(void)ng;
	switch (hd->type) {
	case NGHTTP2_HEADERS:
		headers_begin(s, hd);
		break;
	case NGHTTP2_CONTINUATION:
		s->in_head = !(hd->flags & NGHTTP2_FLAG_END_HEADERS);
		count(s, H2_FLOOD_CONTINUATION);
		break;
	case NGHTTP2_DATA:
	case NGHTTP2_RST_STREAM:
		break;
	case NGHTTP2_PING:
		if (!(hd->flags & NGHTTP2_FLAG_ACK) || !s->leaving || s->left)
			count(s, H2_FLOOD_PING);
		break;
	case NGHTTP2_SETTINGS:
		count(s, H2_FLOOD_SETTINGS);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		count(s, H2_FLOOD_WINDOW);
		break;
	case NGHTTP2_PRIORITY:
		count(s, H2_FLOOD_PRIORITY);
		break;
	default:
		count(s, H2_FLOOD_OTHER);
		break;
	}
	return s->fault == REASON_COMPLETE ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* RFC 9113 5.5: frames that nobody knows mean nothing. */
static int extension_came(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd,
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
		s->late[s->late_at++ % LATE_IDS] = id;
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
	if (!st->trailers)
		st->trailers = buf_get(s->buffers);
	if (!st->trailers) {
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
		return;
	}
	s->heading = st;
	h2_request_begin(&s->request, &s->limits, st->trailers->bytes, BUF_SIZE, true);
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

static void trailers_whole(struct h2_server *s, struct h2_stream *st, bool ended)
{
	h2_request_end(&s->request, ended, NULL);
	st->trailers->end = s->request.n;
	if (s->request.fault != REASON_COMPLETE)
		stream_fault(s, st, s->request.fault);
	else
		message_ended(s, st);
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
			count(s, H2_FLOOD_EMPTY);
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

/* The window is the buffer's size, so that there is always room. */
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
	if (!st->in)
		st->in = buf_get(s->buffers);
	if (st->in && buf_room(st->in) < n)
		buf_compact(st->in);
	if (!st->in || buf_room(st->in) < n) {
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
		return 0;
	}
	memcpy(st->in->bytes + st->in->end, data, n);
	st->in->end += n;
	s->calls->stir(s->owner, st);
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
		count(s, H2_FLOOD_RESET);
	st->gone = true;
	st->reset |= !st->answered || !st->ended;
	if (s->heading == st)
		s->heading = NULL;
	s->calls->gone(s->owner, st);
	return 0;
}

bool h2_server_recv(struct h2_server *s, struct str bytes, uint64_t now)
{
	ssize_t r;

	s->now = now;
	if (s->fault != REASON_COMPLETE)
		return false;
	r = nghttp2_session_mem_recv(s->ng, (const uint8_t *)bytes.p, bytes.n);
	if (r >= 0 || s->fault != REASON_COMPLETE)
		return s->fault == REASON_COMPLETE;
	if (r == NGHTTP2_ERR_NOMEM)
		set_fault(s, REASON_NO_MEMORY, STR_NONE);
	else if (r == NGHTTP2_ERR_FLOODED)
		flood(s, H2_FLOOD_OTHER);
	else
		set_fault(s, REASON_H2_CONNECTION, str_of(nghttp2_strerror((int)r)));
	nghttp2_session_terminate_session(s->ng, NGHTTP2_PROTOCOL_ERROR);
	return false;
}

/* ---- frames that go ---- */

void h2_server_reset(struct h2_server *s, struct h2_stream *st, enum h2_code code)
{
	if (st->gone || st->closing)
		return;
	st->closing = true;
	if (!st->ended)
		s->late[s->late_at++ % LATE_IDS] = st->id;
	nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, st->id, code);
}

void h2_server_forget(struct h2_server *s, const struct h2_stream *st)
{
	if (s->heading == st)
		s->heading = NULL;
}

void h2_server_consumed(struct h2_server *s, struct h2_stream *st, size_t n)
{
	if (!st->gone)
		nghttp2_session_consume_stream(s->ng, st->id, n);
}

void h2_server_resume(struct h2_server *s, struct h2_stream *st)
{
	bool news = h2_stream_waiting(st) || st->cut || st->response.state == H2_RESPONSE_DONE;

	if (!st->deferred || st->gone || st->closing || !news)
		return;
	st->deferred = false;
	nghttp2_session_resume_data(s->ng, st->id);
}

static nghttp2_nv pair_of(struct str name, struct str value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.p,
			     .value = (uint8_t *)(uintptr_t)value.p,
			     .namelen = name.n,
			     .valuelen = value.n,
			     .flags = NGHTTP2_NV_FLAG_NONE };
}

static void trailers_submit(struct h2_server *s, struct h2_stream *st)
{
	struct buf *b = st->reply_trailers;
	char *line = b->bytes + b->at, *all = b->bytes + b->end, *end;
	nghttp2_nv pairs[REPLY_FIELDS];
	struct h2_field f;
	size_t n = 0;

	for (; n < REPLY_FIELDS && line < all; line = end + 1) {
		end = memchr(line, '\n', (size_t)(all - line));
		if (!end)
			break;
		if (h2_field_split(line, (size_t)(end - line) - (end > line && end[-1] == '\r'),
				   &f))
			pairs[n++] = pair_of(f.name, f.value);
	}
	nghttp2_submit_trailer(s->ng, st->id, pairs, n);
}

/* Whether the trailers have a line besides the empty one. */
static bool has_trailers(const struct h2_stream *st)
{
	return st->reply_trailers && st->reply_trailers->end > 2;
}

static ssize_t read_data(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_server *s = arg;
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
	struct h2_server *s = arg;
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
	}
	s->to_n += n + 9;
	st->put += n;
	st->put_at = s->sent + s->to_n;
	h2_budget_give(&s->budget, H2_FLOOD_WINDOW, 4);
	if (st->out && st->out->at == st->out->end)
		buf_put(s->buffers, &st->out);
	if (!st->left)
		s->calls->stir(s->owner, st);
	return 0;
}

/* Of a head. False: it cannot go out. */
bool h2_server_head(struct h2_server *s, struct h2_stream *st, char *text, size_t size)
{
	nghttp2_data_provider body = { .source.ptr = st, .read_callback = read_data };
	struct h2_field fields[REPLY_FIELDS];
	nghttp2_nv pairs[REPLY_FIELDS + 1];
	struct h2_head head;
	bool empty;

	if (!h2_response_head(&st->response, text, size, fields, REPLY_FIELDS, &head))
		return false;
	pairs[0] = pair_of(STR(":status"), (struct str){ head.status, 3 });
	for (unsigned i = 0; i < head.n; i++)
		pairs[i + 1] = pair_of(fields[i].name, fields[i].value);
	if (head.interim)
		return nghttp2_submit_headers(s->ng, NGHTTP2_FLAG_NONE, st->id, NULL, pairs,
					      head.n + 1, NULL) == 0;
	st->begun = true;
	empty = st->response.state == H2_RESPONSE_DONE;
	return nghttp2_submit_response(s->ng, st->id, pairs, head.n + 1,
				       empty ? NULL : &body) == 0;
}

/* Where the body was not read to its end, the client is told to keep the rest of it (RFC 9113
 * 8.1). */
static void answer_went(struct h2_server *s, struct h2_stream *st)
{
	st->answered = true;
	if (st->left && !st->ended)
		h2_server_reset(s, st, H2_NO_ERROR);
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
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);
	const bool last = f->hd.flags & NGHTTP2_FLAG_END_STREAM;

	switch (f->hd.type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
		if (st && last)
			answer_went(s, st);
		break;
	case NGHTTP2_RST_STREAM:
		if (is_provoked(f->rst_stream.error_code))
			count(s, H2_FLOOD_RESET);
		break;
	case NGHTTP2_GOAWAY:
		if (f->goaway.error_code != NGHTTP2_NO_ERROR)
			set_fault(s, REASON_H2_CONNECTION,
				  (struct str){ (const char *)f->goaway.opaque_data,
						f->goaway.opaque_data_len });
		break;
	default:
		break;
	}
	return 0;
}

/* A head that is too large for the client, or for nghttp2. */
static int frame_stayed(nghttp2_session *ng, const nghttp2_frame *f, int why, void *arg)
{
	struct h2_server *s = arg;
	struct h2_stream *st = nghttp2_session_get_stream_user_data(ng, f->hd.stream_id);

	(void)why;
	if (st && f->hd.type == NGHTTP2_HEADERS)
		h2_server_reset(s, st, H2_INTERNAL_ERROR);
	return 0;
}

size_t h2_server_send(struct h2_server *s, char *to, size_t room)
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

bool h2_server_has_more(const struct h2_server *s)
{
	return nghttp2_session_want_write(s->ng) != 0;
}

bool h2_server_is_over(const struct h2_server *s)
{
	return !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng);
}

/* ---- beginning ---- */

static bool options_make(nghttp2_option **o)
{
	if (nghttp2_option_new(o) != 0)
		return false;
	nghttp2_option_set_no_auto_window_update(*o, 1);
	nghttp2_option_set_no_http_messaging(*o, 1);
	nghttp2_option_set_no_closed_streams(*o, 1);
	/* Else they would be passed over uncounted. */
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 255; type++)
		nghttp2_option_set_user_recv_extension_type(*o, (uint8_t)type);
	return true;
}

static bool callbacks_make(nghttp2_session_callbacks **c)
{
	if (nghttp2_session_callbacks_new(c) != 0)
		return false;
	nghttp2_session_callbacks_set_on_begin_frame_callback(*c, begin_frame);
	nghttp2_session_callbacks_set_unpack_extension_callback(*c, extension_came);
	nghttp2_session_callbacks_set_on_begin_headers_callback(*c, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(*c, header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(*c, frame_came);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(*c, data_came);
	nghttp2_session_callbacks_set_on_stream_close_callback(*c, stream_closed);
	nghttp2_session_callbacks_set_send_data_callback(*c, send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(*c, frame_went);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(*c, frame_stayed);
	return true;
}

static bool session_make(struct h2_server *s)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	bool good = callbacks_make(&callbacks) && options_make(&option) &&
		    nghttp2_session_server_new2(&s->ng, callbacks, s, option) == 0;

	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return good;
}

static bool settings_submit(struct h2_server *s, unsigned max_streams)
{
	const nghttp2_settings_entry said[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)s->limits.max_head },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
	};

	return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, said,
				       sizeof(said) / sizeof(said[0])) == 0 &&
	       nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
						     CONNECTION_WINDOW) == 0;
}

struct h2_server *h2_server_new(const struct h2_server_limits *limits,
				const struct h2_owner *calls, void *owner,
				struct buf_pool *buffers, uint64_t now)
{
	struct h2_server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->calls = calls;
	s->owner = owner;
	s->buffers = buffers;
	s->limits = limits->head;
	s->now = now;
	s->fault = REASON_COMPLETE;
	h2_budget_init(&s->budget, now);
	if (!session_make(s) || !settings_submit(s, limits->max_streams)) {
		h2_server_free(s);
		return NULL;
	}
	return s;
}

void h2_server_free(struct h2_server *s)
{
	if (!s)
		return;
	nghttp2_session_del(s->ng);
	free(s);
}

void h2_server_limit(struct h2_server *s, const struct h2_limits *limits)
{
	s->limits = *limits;
}

enum reason h2_server_fault(const struct h2_server *s, const char **text)
{
	*text = s->text;
	return s->fault;
}

enum h2_flood h2_server_flood(const struct h2_server *s)
{
	return s->flood;
}

bool h2_server_is_settled(const struct h2_server *s)
{
	return s->settled;
}

bool h2_server_in_head(const struct h2_server *s)
{
	return s->in_head;
}
