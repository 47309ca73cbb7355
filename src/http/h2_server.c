/* Of a session, what is ours as the server: requests in, responses out. */
#include "http/h2_server.h"

#include "http/h2_session_parts.h"

/* Fields of a response: those of its server, and what the configuration adds. */
#define REPLY_FIELDS 384u
/* Streams that are refused before their client knows how many it may have. */
#define EARLY_STREAMS 256u

/* ---- what comes ---- */

/* One below the last may never have been open (RFC 9113 5.1.1). */
static void frame_begins(struct h2_session *s, const nghttp2_frame_hd *hd)
{
	if (hd->type != NGHTTP2_HEADERS)
		return;
	if (h2_session_is_closed(s, hd->stream_id))
		h2_session_fail(s, STR("HEADERS: stream closed"),
				hd->stream_id == s->last_id ? NGHTTP2_STREAM_CLOSED
							    : NGHTTP2_PROTOCOL_ERROR);
	if (hd->stream_id > s->last_id)
		s->last_id = hd->stream_id;
}

static struct h2_stream *stream_begins(struct h2_session *s, int32_t id)
{
	struct h2_stream *st = s->fault == REASON_COMPLETE ? s->calls->begin(s->owner) : NULL;

	if (st)
		st->head = buf_get(s->buffers);
	if (!st) {
		nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
		return NULL;
	}
	st->session = s;
	st->id = id;
	st->fault = REASON_COMPLETE;
	nghttp2_session_set_stream_user_data(s->ng, id, st);
	if (!st->head)
		h2_session_reset(s, st, H2_INTERNAL_ERROR);
	return st;
}

static bool head_begins(struct h2_session *s, struct h2_stream *st)
{
	h2_request_begin(&s->request, &s->limits, st->head->bytes, BUF_SIZE, false);
	return true;
}

static void trailers_begin(struct h2_session *s, struct buf *lines)
{
	h2_request_begin(&s->request, &s->limits, lines->bytes, BUF_SIZE, true);
}

static void field(struct h2_session *s, struct str name, struct str value)
{
	h2_request_field(&s->request, name, value);
}

static void head_ends(struct h2_session *s, struct h2_stream *st, bool ended)
{
	struct h2_request *r = &s->request;
	char key[24] = "";

	if (r->protocol.n)
		s->calls->make_key(s->owner, key);
	h2_request_end(r, ended, key);
	st->head->end = r->block.n;
	st->fault = r->block.fault;
	st->final = true;
	st->ended = ended;
	st->has_length = r->length_known;
	st->length = r->length;
	st->chunked = !r->has_length && !ended && !r->upgrade;
	h2_response_init(&st->response, str_eq(r->method, STR("HEAD")), r->upgrade);
	s->calls->request(s->owner, st);
}

static void trailers_end(struct h2_session *s, bool ended)
{
	h2_request_end(&s->request, ended, NULL);
}

/* Where nobody has read the head yet, it is refused. */
static void fault(struct h2_stream *st)
{
	if (st->head && buf_room(st->head) >= H2_REFUSAL)
		st->head->end = h2_request_refuse(st->head->bytes, st->head->end, st->fault);
}

/* ---- what goes ---- */

static bool give_head(struct h2_session *s, struct h2_stream *st, char *text, size_t size)
{
	nghttp2_data_provider body = { .source.ptr = st, .read_callback = h2_session_read };
	struct h2_field fields[REPLY_FIELDS];
	nghttp2_nv pairs[REPLY_FIELDS + 1];
	struct h2_head head;
	bool empty;

	if (!h2_response_head(&st->response, text, size, fields, REPLY_FIELDS, &head))
		return false;
	pairs[0] = h2_session_pair(STR(":status"), (struct str){ head.status, 3 });
	for (unsigned i = 0; i < head.n; i++)
		pairs[i + 1] = h2_session_pair(fields[i].name, fields[i].value);
	if (head.interim)
		return nghttp2_submit_headers(s->ng, NGHTTP2_FLAG_NONE, st->id, NULL, pairs,
					      head.n + 1, NULL) == 0;
	st->begun = true;
	empty = st->response.state == H2_RESPONSE_DONE;
	return nghttp2_submit_response(s->ng, st->id, pairs, head.n + 1,
				       empty ? NULL : &body) == 0;
}

/* ---- beginning and end ---- */

static size_t settings(const struct h2_session *s, nghttp2_settings_entry *said)
{
	said[0] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
					    s->max_streams };
	said[1] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
					    (uint32_t)s->limits.max_head };
	said[2] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 };
	return 3;
}

static const struct h2_role role = {
	.make = nghttp2_session_server_new2,
	.settings = settings,
	.n_early = EARLY_STREAMS,
	.resets_cost = true,
	.bad_body = REASON_H2_LENGTH,
	.frame_begins = frame_begins,
	.stream_begins = stream_begins,
	.head_begins = head_begins,
	.trailers_begin = trailers_begin,
	.field = field,
	.head_ends = head_ends,
	.trailers_end = trailers_end,
	.fault = fault,
	.give_head = give_head,
};

struct h2_session *h2_server_new(const struct h2_limits *limits, unsigned max_streams,
				 const struct h2_owner *calls, void *owner,
				 struct buf_pool *buffers, uint64_t now)
{
	struct h2_session *s =
		h2_session_new(&role, limits, max_streams, calls, owner, buffers, now);

	if (s)
		s->walk.skip = sizeof(H2_PREFACE) - 1;
	return s;
}

void h2_server_leave(struct h2_session *s)
{
	static const uint8_t mark[8] = { 'l', 'e', 'a', 'v', 'e' };

	if (s->leaving)
		return;
	s->leaving = true;
	nghttp2_submit_shutdown_notice(s->ng);
	nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, mark);
}

bool h2_server_left(const struct h2_session *s)
{
	return s->left;
}

void h2_server_leave_now(struct h2_session *s)
{
	if (s->left_now)
		return;
	s->left_now = true;
	s->served_id = nghttp2_session_get_last_proc_stream_id(s->ng);
	nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, s->served_id, NGHTTP2_NO_ERROR, NULL, 0);
}
