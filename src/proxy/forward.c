#include "proxy/forward.h"

#include "base/assert.h"

/* Buffers that one flow moves before others in its loop have their turn. */
#define ROUNDS 16

void flow_init(struct flow *f, const struct h1_limits *limits)
{
	f->limits = limits;
	f->in = f->out = FRAMING_NONE;
	f->left = f->body = f->sent = 0;
	f->limit = UINT64_MAX;
	f->keep = 0;
	f->in_done = f->out_done = f->moved = f->end_follows = f->end_is_said = false;
	f->n_heads = 0;
	f->frames.on = false;
	iovq_init(&f->q);
}

void flow_begin(struct flow *f, enum http_framing in, uint64_t length, enum http_framing out,
		size_t keep)
{
	must(out != FRAMING_NONE || in == FRAMING_NONE);
	f->in = in;
	f->out = out;
	f->left = in == FRAMING_LENGTH ? length : 0;
	f->keep = keep;
	f->body = 0;
	f->out_done = f->moved = false;
	/* A last chunk is still to come behind the head, which may not be queued yet. */
	f->in_done = in == FRAMING_NONE ||
		     (in == FRAMING_LENGTH && length == 0 && out != FRAMING_CHUNKED);
	if (in == FRAMING_CHUNKED)
		h1_chunks_init(&f->chunks, f->limits);
}

/* Three spans at the most: size line, data, line end. The end of a message takes two. */
static bool has_room(const struct flow *f)
{
	return iovq_room(&f->q) >= 6 && f->n_heads < FLOW_CHUNK_HEADS;
}

static void put_data(struct flow *f, struct str data)
{
	if (data.n == 0)
		return;
	f->body += data.n;
	if (f->frames.on)
		ws_frames_pass(&f->frames, data);
	if (f->out == FRAMING_CHUNKED) {
		char *head = f->heads[f->n_heads++];

		must(iovq_add(&f->q, (struct str){ head, h1_chunk_head(head, data.n) }));
		must(iovq_add(&f->q, data));
		must(iovq_add(&f->q, STR("\r\n")));
	} else {
		must(iovq_add(&f->q, data));
	}
}

static void put_end(struct flow *f)
{
	f->in_done = true;
	if (f->out != FRAMING_CHUNKED)
		return;
	must(iovq_add(&f->q, STR("0\r\n")));
	if (f->in == FRAMING_CHUNKED)
		must(iovq_add(&f->q, f->chunks.trailers));
	must(iovq_add(&f->q, STR("\r\n")));
}

static bool fill_chunks(struct flow *f, struct buf *b, struct arena *arena, enum reason *why)
{
	while (b->at < b->end && has_room(f) && !f->in_done) {
		struct str data = STR_NONE;
		size_t used = 0;

		if (h1_chunks_next(&f->chunks, buf_unread(b), arena, &used, &data, why) ==
		    HTTP_BAD)
			return false;
		b->at += used;
		put_data(f, data);
		if (f->chunks.done)
			put_end(f);
	}
	return true;
}

static void fill_plain(struct flow *f, struct buf *b)
{
	struct str data = buf_unread(b);

	if (!has_room(f))
		return;
	if (f->in == FRAMING_LENGTH && f->left < data.n)
		data = str_first(data, (size_t)f->left);
	b->at += data.n;
	put_data(f, data);
	if (f->in != FRAMING_LENGTH)
		return;
	f->left -= data.n;
	if (f->left == 0)
		put_end(f);
}

bool flow_fill(struct flow *f, struct buf *b, struct arena *arena, enum reason *why)
{
	if (f->in_done)
		return true;
	if (f->in == FRAMING_CHUNKED) {
		if (!fill_chunks(f, b, arena, why))
			return false;
	} else {
		fill_plain(f, b);
	}
	if (f->body > f->limit) {
		*why = REASON_REQ_BODY_TOO_LARGE;
		return false;
	}
	return true;
}

static enum flow_result flow_send(struct flow *f, struct conn *to)
{
	size_t n;
	enum conn_result r;

	if (f->q.bytes == 0)
		return FLOW_DONE;
	r = conn_send(to, &f->q, f->end_follows && f->in_done, &n);
	f->sent += n;
	if (r == CONN_AGAIN)
		return FLOW_WAIT_WRITE;
	return r == CONN_OK ? FLOW_DONE : FLOW_SINK_FAIL;
}

/* All that was queued is sent: the buffer's space behind `keep` is free again. */
static void reclaim(struct flow *f, struct buf *b)
{
	f->n_heads = 0;
	if (b->at != b->end || b->at == f->keep)
		return;
	b->at = b->end = f->keep;
	f->moved = true;
}

static enum flow_result flow_recv(struct flow *f, struct conn *from, struct buf *b)
{
	size_t n;

	conn_ask_again(from);
	switch (conn_recv(from, b->bytes + b->end, buf_room(b), &n)) {
	case CONN_OK:
		b->end += n;
		return FLOW_DONE;
	case CONN_AGAIN:
		return FLOW_WAIT_READ;
	case CONN_EOF:
		if (f->in != FRAMING_CLOSE || (f->end_is_said && from->truncated))
			return FLOW_SOURCE_END;
		put_end(f);
		return FLOW_DONE;
	case CONN_FAIL:
		break;
	}
	return FLOW_SOURCE_FAIL;
}

/* An empty body behind a head that left its end no room. */
static bool nothing_to_come(const struct flow *f)
{
	return f->in == FRAMING_LENGTH && f->left == 0;
}

enum flow_result flow_pump(struct flow *f, struct conn *from, struct buf *b, struct conn *to,
			   struct arena *arena, enum reason *why)
{
	enum flow_result r;

	if (f->out_done)
		return FLOW_DONE;
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (!flow_fill(f, b, arena, why))
			return FLOW_BAD;
		r = flow_send(f, to);
		if (r != FLOW_DONE)
			return r;
		if (f->in_done) {
			f->out_done = true;
			return FLOW_DONE;
		}
		reclaim(f, b);
		if (b->at < b->end || nothing_to_come(f))
			continue;
		r = flow_recv(f, from, b);
		if (r != FLOW_DONE)
			return r;
	}
	return FLOW_AGAIN;
}
