#include "http/h2_session.h"

#include <stdlib.h>

#include "http/h2_session_parts.h"

/* What all streams of a connection may have on their way to us: each has its own window, and
 * this one is given back at once. */
#define CONNECTION_WINDOW (1 << 20)
/* Frames but DATA that wait for a client to read, besides some for each of its streams. */
#define FRAMES_WAITING 200u

struct buf_pool *h2_session_buffers(struct h2_session *s)
{
	return s->buffers;
}

/* ---- the end ---- */

void h2_session_set_fault(struct h2_session *s, enum reason why, struct str text)
{
	if (s->fault != REASON_COMPLETE)
		return;
	s->fault = why;
	str_copy(s->text, sizeof(s->text), str_first(text, sizeof(s->text) - 1));
}

void h2_session_fail(struct h2_session *s, struct str text, uint32_t code)
{
	h2_session_set_fault(s, REASON_H2_CONNECTION, text);
	nghttp2_session_terminate_session(s->ng, code);
}

void h2_session_set_flood(struct h2_session *s, enum h2_flood kind)
{
	if (s->fault != REASON_COMPLETE)
		return;
	s->flood = kind;
	h2_session_set_fault(s, REASON_H2_FLOOD, str_of(h2_flood_text(kind)));
	nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM);
}

void h2_session_count(struct h2_session *s, enum h2_flood kind)
{
	if (!h2_budget_take(&s->budget, kind, s->now))
		h2_session_set_flood(s, kind);
}

void h2_session_end(struct h2_session *s, enum reason why)
{
	uint32_t code = why == REASON_H2_SETTINGS_TIMEOUT ? NGHTTP2_SETTINGS_TIMEOUT :
			why == REASON_H2_HEAD_TIMEOUT     ? NGHTTP2_ENHANCE_YOUR_CALM :
							    NGHTTP2_NO_ERROR;

	if (why != REASON_COMPLETE)
		h2_session_set_fault(s, why, STR_NONE);
	nghttp2_session_terminate_session(s->ng, code);
}

/* ---- what comes ---- */

/* nghttp2 says nothing of DATA that it overlooks. So before the last byte of a head of DATA goes
 * to it, its stream is looked at. Returns how many bytes come before that, or all there are. */
static size_t walk(struct h2_walk *w, struct str in, int32_t *data_of)
{
	const unsigned char *h = w->head;
	size_t at = 0;

	*data_of = 0;
	while (at < in.n) {
		if (w->skip) {
			size_t n = w->skip < in.n - at ? w->skip : in.n - at;

			w->skip -= n;
			at += n;
			continue;
		}
		w->head[w->n_head++] = (unsigned char)in.p[at];
		if (w->n_head < sizeof(w->head)) {
			at++;
			continue;
		}
		w->n_head = 0;
		w->skip = 1u + ((size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2]);
		if (h[3] != NGHTTP2_DATA)
			continue;
		*data_of = (int32_t)((uint32_t)(h[5] & 0x7f) << 24 | (uint32_t)h[6] << 16 |
				     (uint32_t)h[7] << 8 | h[8]);
		break;
	}
	return at;
}

/* Whether the DATA that walk() has found is none, and does not end its stream either. */
static bool is_empty(const struct h2_walk *w)
{
	return w->skip == 1 && !(w->head[4] & NGHTTP2_FLAG_END_STREAM);
}

/* Of nghttp2. */
static ssize_t take(struct h2_session *s, struct str bytes)
{
	int32_t data_of;
	ssize_t r = 0;

	while (bytes.n && r >= 0) {
		size_t n = walk(&s->walk, bytes, &data_of);

		if (n)
			r = nghttp2_session_mem_recv(s->ng, (const uint8_t *)bytes.p, n);
		bytes = str_from(bytes, n);
		if (r >= 0 && h2_session_is_closed(s, data_of))
			h2_session_fail(s, STR("DATA: stream closed"), NGHTTP2_STREAM_CLOSED);
		if (r >= 0 && data_of && is_empty(&s->walk))
			h2_session_count(s, H2_FLOOD_EMPTY);
		if (s->fault != REASON_COMPLETE)
			break;
	}
	return r;
}

bool h2_session_recv(struct h2_session *s, struct str bytes, uint64_t now)
{
	ssize_t r;

	s->now = now;
	if (s->fault != REASON_COMPLETE)
		return false;
	r = take(s, bytes);
	if (r >= 0 || s->fault != REASON_COMPLETE)
		return s->fault == REASON_COMPLETE;
	if (r == NGHTTP2_ERR_NOMEM)
		h2_session_set_fault(s, REASON_NO_MEMORY, STR_NONE);
	else if (r == NGHTTP2_ERR_FLOODED)
		h2_session_set_flood(s, H2_FLOOD_OTHER);
	else
		h2_session_set_fault(s, REASON_H2_CONNECTION, str_of(nghttp2_strerror((int)r)));
	nghttp2_session_terminate_session(s->ng, NGHTTP2_PROTOCOL_ERROR);
	return false;
}

bool h2_session_is_clogged(const struct h2_session *s)
{
	return nghttp2_session_get_outbound_queue_size(s->ng) >
	       FRAMES_WAITING + (size_t)4 * s->max_streams;
}

bool h2_session_is_over(const struct h2_session *s)
{
	return !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng);
}

/* ---- streams ---- */

void h2_session_reset(struct h2_session *s, struct h2_stream *st, enum h2_code code)
{
	if (st->gone || st->closing)
		return;
	st->closing = true;
	nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, st->id, code);
}

bool h2_session_is_heading(const struct h2_session *s, const struct h2_stream *st)
{
	return s->heading == st;
}

void h2_session_forget(struct h2_session *s, const struct h2_stream *st)
{
	if (s->heading == st)
		s->heading = NULL;
}

void h2_session_consumed(struct h2_session *s, struct h2_stream *st, size_t n)
{
	if (!st->gone)
		nghttp2_session_consume_stream(s->ng, st->id, n);
}

/* ---- beginning ---- */

static bool options_make(const struct h2_role *role, nghttp2_option **o)
{
	if (nghttp2_option_new(o) != 0)
		return false;
	nghttp2_option_set_no_auto_window_update(*o, 1);
	nghttp2_option_set_no_http_messaging(*o, 1);
	nghttp2_option_set_no_closed_streams(*o, 1);
	/* Else they would be passed over uncounted. */
	for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= 255; type++)
		nghttp2_option_set_user_recv_extension_type(*o, (uint8_t)type);
	if (role->options)
		role->options(*o);
	return true;
}

static bool session_make(struct h2_session *s)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	bool good = nghttp2_session_callbacks_new(&callbacks) == 0 &&
		    options_make(s->role, &option);

	if (good) {
		h2_session_callbacks_in(callbacks);
		h2_session_callbacks_out(callbacks);
		good = s->role->make(&s->ng, callbacks, s, option) == 0;
	}
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	return good;
}

static bool settings_submit(struct h2_session *s)
{
	nghttp2_settings_entry said[H2_SETTINGS_SAID];
	size_t n = s->role->settings(s, said);

	return nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, said, n) == 0 &&
	       nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0,
						     CONNECTION_WINDOW) == 0;
}

struct h2_session *h2_session_new(const struct h2_role *role, const struct h2_limits *limits,
				  unsigned max_streams, const struct h2_owner *calls, void *owner,
				  struct buf_pool *buffers, uint64_t now)
{
	struct h2_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->role = role;
	s->calls = calls;
	s->owner = owner;
	s->buffers = buffers;
	s->limits = *limits;
	s->now = now;
	s->fault = REASON_COMPLETE;
	s->served_id = INT32_MAX;
	s->max_streams = max_streams;
	s->n_late = max_streams + role->n_early;
	s->late = calloc(s->n_late, sizeof(*s->late));
	h2_budget_init(&s->budget, now);
	if (s->late && session_make(s) && settings_submit(s))
		return s;
	h2_session_free(s);
	return NULL;
}

void h2_session_free(struct h2_session *s)
{
	if (!s)
		return;
	nghttp2_session_del(s->ng);
	buf_put(s->buffers, &s->lines);
	free(s->late);
	free(s);
}

void h2_session_limit(struct h2_session *s, const struct h2_limits *limits)
{
	s->limits = *limits;
}

enum reason h2_session_fault(const struct h2_session *s, const char **text)
{
	*text = s->text;
	return s->fault;
}

enum h2_flood h2_session_flood(const struct h2_session *s)
{
	return s->flood;
}

bool h2_session_is_settled(const struct h2_session *s)
{
	return s->settled;
}

bool h2_session_in_head(const struct h2_session *s)
{
	return s->in_head;
}
