/* The two queues of a stream: DATA → the body of an HTTP/1.1 message, and a message of HTTP/1.1 →
 * heads, DATA and trailers. */
#include <stdlib.h>

#include "http/h1_chunk.h"
#include "http/h2_session.h"

/* ---- what comes ---- */

static size_t take_frame(struct h2_stream *st, char *to, size_t room)
{
	size_t n = st->frame_n - st->frame_at;

	n = n < room ? n : room;
	memcpy(to, st->frame + st->frame_at, n);
	st->frame_at += (unsigned)n;
	return n;
}

static void frame_begin(struct h2_stream *st, struct str text)
{
	memcpy(st->frame, text.p, text.n);
	st->frame_at = 0;
	st->frame_n = (unsigned)text.n;
}

static void drop_first(struct h2_stream *st, struct buf_pool *pool)
{
	struct buf *next = st->in->next;

	buf_put(pool, &st->in);
	st->in = next;
	if (!next)
		st->in_last = NULL;
}

static size_t take_data(struct h2_stream *st, char *to, size_t room)
{
	struct buf *b = st->in;
	size_t n = b->end - b->at;

	n = n < room ? n : room;
	memcpy(to, b->bytes + b->at, n);
	b->at += n;
	if (b->at == b->end)
		drop_first(st, h2_session_buffers(st->session));
	h2_session_consumed(st->session, st, n);
	return n;
}

static size_t take_trailers(struct h2_stream *st, char *to, size_t room)
{
	struct h2_lines *t = &st->trailers;
	size_t n = t->n - t->at < room ? t->n - t->at : room;

	memcpy(to, t->text + t->at, n);
	t->at += n;
	return n;
}

/* The next piece of a body in chunks: a size line, its data, a line end; then the last chunk. */
static size_t take_chunked(struct h2_stream *st, char *to, size_t room)
{
	char head[H1_CHUNK_HEAD];
	size_t n;

	if (st->frame_at < st->frame_n)
		return take_frame(st, to, room);
	if (st->chunk_left) {
		n = take_data(st, to, room < st->chunk_left ? room : st->chunk_left);
		st->chunk_left -= n;
		if (st->chunk_left == 0)
			frame_begin(st, STR("\r\n"));
		return n;
	}
	if (st->in) {
		st->chunk_left = st->in->end - st->in->at;
		frame_begin(st, (struct str){ head, h1_chunk_head(head, st->chunk_left) });
		return take_frame(st, to, room);
	}
	if (!st->ended)
		return 0;
	if (!st->last_chunk) {
		st->last_chunk = true;
		frame_begin(st, STR("0\r\n"));
		return take_frame(st, to, room);
	}
	if (st->trailers.at < st->trailers.n)
		return take_trailers(st, to, room);
	st->end_taken = true;
	frame_begin(st, STR("\r\n"));
	return take_frame(st, to, room);
}

bool h2_stream_has_more(const struct h2_stream *st)
{
	if (st->frame_at < st->frame_n || st->in)
		return true;
	return st->chunked && st->ended && !st->end_taken;
}

size_t h2_stream_take(struct h2_stream *st, char *to, size_t room)
{
	size_t n = 0;

	while (n < room && h2_stream_has_more(st))
		n += st->chunked ? take_chunked(st, to + n, room - n)
				 : take_data(st, to + n, room - n);
	return n;
}

size_t h2_stream_untaken(const struct h2_stream *st)
{
	size_t n = 0;

	for (const struct buf *b = st->in; b; b = b->next)
		n += b->end - b->at;
	return n;
}

/* ---- what goes ---- */

/* A head comes whole in one call, in some spans; the last of these may hold more. Returns its
 * size; 0: there is no end of a head. */
static size_t gather_head(const struct iovec *v, unsigned count, struct buf *b)
{
	size_t size = 0;

	for (unsigned i = 0; i < count && size == 0; i++) {
		size_t from = b->end > 3 ? b->end - 3 : 0, n = v[i].iov_len;

		n = n < buf_room(b) ? n : buf_room(b);
		memcpy(b->bytes + b->end, v[i].iov_base, n);
		b->end += n;
		size = h2_head_size((struct str){ b->bytes + from, b->end - from });
		if (size)
			size += from;
	}
	return size;
}

/* What a configuration adds may make it larger than a buffer. */
static bool give_large_head(struct h2_stream *st, const struct iovec *v, unsigned count,
			    size_t *size)
{
	size_t all = 0, n = 0;
	char *text;
	bool good;

	for (unsigned i = 0; i < count; i++)
		all += v[i].iov_len;
	text = all > BUF_SIZE ? malloc(all) : NULL;
	if (!text)
		return false;
	for (unsigned i = 0; i < count; n += v[i++].iov_len)
		if (v[i].iov_len)
			memcpy(text + n, v[i].iov_base, v[i].iov_len);
	*size = h2_head_size((struct str){ text, all });
	good = *size && h2_session_head(st->session, st, text, *size);
	free(text);
	return good;
}

static bool give_head(struct h2_stream *st, const struct iovec *v, unsigned count, size_t *size)
{
	struct buf_pool *pool = h2_session_buffers(st->session);
	struct buf *b = buf_get(pool);
	bool good;

	if (!b)
		return false;
	*size = gather_head(v, count, b);
	if (*size)
		good = h2_session_head(st->session, st, b->bytes, *size);
	else
		good = give_large_head(st, v, count, size);
	buf_put(pool, &b);
	return good;
}

static bool lines_add(struct h2_lines *lines, struct str s)
{
	char *text = s.n ? realloc(lines->text, lines->n + s.n) : lines->text;

	if (s.n && !text)
		return false;
	lines->text = text;
	if (s.n)
		memcpy(text + lines->n, s.p, s.n);
	lines->n += s.n;
	return true;
}

static bool is_data(enum h2_response_state s)
{
	return s == H2_RESPONSE_LENGTH || s == H2_RESPONSE_CHUNK_DATA || s == H2_RESPONSE_TUNNEL;
}

/* Of one span behind the head: `taken` says how much. False: out of memory. */
static bool give_body(struct h2_stream *st, struct str in, size_t *taken)
{
	for (*taken = 0; *taken < in.n;) {
		const enum h2_response_state state = st->response.state;
		struct str data, some = str_from(in, *taken);
		bool good = true;
		size_t used;

		if (is_data(state))
			some = str_first(some, h2_session_room(st->session, st));
		if (!some.n)
			break;
		h2_response_body(&st->response, some, &used, &data);
		if (state == H2_RESPONSE_TRAILERS)
			good = lines_add(&st->out_trailers, data);
		else if (data.n)
			good = h2_session_queue(st->session, st, data);
		if (!good)
			return false;
		*taken += used;
	}
	return true;
}

static void advance(struct iovec **v, unsigned *count, size_t n)
{
	while (*count && n >= (*v)->iov_len) {
		n -= (*v)->iov_len;
		(*v)++;
		(*count)--;
	}
	if (*count) {
		(*v)->iov_base = (char *)(*v)->iov_base + n;
		(*v)->iov_len -= n;
	}
}

bool h2_stream_give(struct h2_stream *st, const struct iovec *spans, unsigned count, size_t *n)
{
	struct iovec left[IOVQ_MAX], *v = left;
	size_t some;

	*n = 0;
	if (st->reset || st->gone || st->closing || count > IOVQ_MAX)
		return false;
	memcpy(left, spans, count * sizeof(*left));
	while (count) {
		if (st->response.state != H2_RESPONSE_HEAD
			    ? !give_body(st, (struct str){ v->iov_base, v->iov_len }, &some)
			    : !give_head(st, v, count, &some))
			return false;
		if (some == 0)
			break;
		*n += some;
		advance(&v, &count, some);
	}
	h2_session_resume(st->session, st);
	return true;
}

size_t h2_stream_room(const struct h2_stream *st)
{
	return st->gone || st->closing ? 0 : h2_session_room(st->session, st);
}

size_t h2_stream_waiting(const struct h2_stream *st)
{
	return st->out ? st->out->end - st->out->at : 0;
}

void h2_stream_end(struct h2_stream *st)
{
	if (st->response.state != H2_RESPONSE_TUNNEL)
		return;
	st->response.state = H2_RESPONSE_DONE;
	h2_session_resume(st->session, st);
}

static void lines_drop(struct h2_lines *lines)
{
	free(lines->text);
	*lines = (struct h2_lines){ 0 };
}

static void drop_incoming(struct h2_stream *st, struct buf_pool *pool)
{
	buf_put(pool, &st->head);
	while (st->in)
		drop_first(st, pool);
	lines_drop(&st->trailers);
}

void h2_stream_drop(struct h2_stream *st, struct buf_pool *pool)
{
	drop_incoming(st, pool);
	buf_put(pool, &st->out);
	lines_drop(&st->out_trailers);
}

void h2_stream_leave(struct h2_stream *st, enum h2_code code)
{
	const bool done = st->response.state == H2_RESPONSE_DONE;
	const bool whole = st->begun && !st->reset && (done || code == H2_INTERNAL_ERROR);

	if (st->left)
		return;
	st->left = true;
	h2_session_forget(st->session, st);
	if (whole && !st->gone) {
		h2_session_pass_over(st->session, st, h2_stream_untaken(st));
		drop_incoming(st, h2_session_buffers(st->session));
	} else {
		h2_session_unqueue(st->session, st);
		h2_stream_drop(st, h2_session_buffers(st->session));
	}
	if (st->gone)
		return;
	st->cut = whole && !done;
	if (!whole)
		h2_session_reset(st->session, st, code);
	else if (st->cut)
		h2_session_resume(st->session, st);
	else if (st->answered && !st->ended && st->response.upgrades)
		h2_session_reset(st->session, st, H2_NO_ERROR);
}
