/* A body on its way from one connection to another, unframed and framed again: whatever comes,
 * and in whatever pieces, the sink gets the body that the source's framing says, framed as it was
 * promised, and its end only when the source's end has come. The first bytes say how. */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzzing.h"
#include "proxy/forward.h"

#define HOW_OUT_CHUNKED 4
#define HOW_LIMIT 8

#define LIMIT 100
#define TEXT_MAX 65536

static const struct h1_limits limits = { .max_head = 8192, .max_fields = 64 };

struct decoded {
	struct h1_chunks chunks;
	enum http_verdict verdict;
	enum reason why;
	struct str body;
	size_t eaten;
};

static void decode(struct decoded *d, struct str in, struct arena *arena)
{
	char *body = arena_alloc(arena, in.n);

	must(body);
	*d = (struct decoded){ .verdict = HTTP_MORE, .body = { body, 0 } };
	h1_chunks_init(&d->chunks, &limits);
	while (d->eaten < in.n && d->verdict != HTTP_BAD && !d->chunks.done) {
		struct str data;
		size_t used;

		d->verdict = h1_chunks_next(&d->chunks, str_from(in, d->eaten), arena, &used,
					    &data, &d->why);
		if (data.n)
			memcpy(body + d->body.n, data.p, data.n);
		d->body.n += data.n;
		d->eaten += used;
	}
}

/* ---- the way ---- */

struct way {
	struct conn from, to;
	int source, sink;
	struct buf *buf;
	struct flow flow;
	enum flow_result result;
	enum reason why;
	char out[TEXT_MAX];
	size_t out_n;
};

static void never(struct conn *c)
{
	(void)c;
}

static int pair_open(struct conn *c, struct loop *l)
{
	int fd[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	must(conn_open(c, l, fd[0], never));
	return fd[1];
}

static void way_open(struct way *w, const uint8_t *how)
{
	static const enum http_framing ins[4] = { FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE,
						  FRAMING_CHUNKED };
	static struct loop *loop;
	static struct buf_pool pool;
	enum http_framing in = ins[how[0] % 4];
	size_t keep = how[2] * 256u;

	if (!loop) {
		loop = loop_new();
		must(loop);
		buf_pool_init(&pool, 1);
	}
	w->source = pair_open(&w->from, loop);
	w->sink = pair_open(&w->to, loop);
	if (!w->buf)
		w->buf = buf_get(&pool);
	must(w->buf);
	w->buf->at = w->buf->end = keep;
	flow_init(&w->flow, &limits);
	if (how[0] & HOW_LIMIT)
		w->flow.limit = LIMIT;
	flow_begin(&w->flow, in, how[3],
		   how[0] & HOW_OUT_CHUNKED ? FRAMING_CHUNKED :
		   in == FRAMING_CHUNKED    ? FRAMING_CLOSE : in, keep);
	w->out_n = 0;
}

static void way_close(struct way *w)
{
	conn_close(&w->from);
	conn_close(&w->to);
	close(w->source);
	close(w->sink);
}

static void hear(struct way *w)
{
	ssize_t n;

	while ((n = recv(w->sink, w->out + w->out_n, sizeof(w->out) - w->out_n, 0)) > 0)
		w->out_n += (size_t)n;
}

static void pump(struct way *w, struct arena *arena)
{
	do {
		w->from.can_read = w->to.can_write = true;
		w->result = flow_pump(&w->flow, &w->from, w->buf, &w->to, arena, &w->why);
		hear(w);
	} while (w->result == FLOW_AGAIN || w->result == FLOW_WAIT_WRITE);
}

static void go(struct way *w, struct str in, size_t step, struct arena *arena)
{
	pump(w, arena);
	while (in.n && w->result == FLOW_WAIT_READ) {
		struct str piece = str_first(in, step);

		must(send(w->source, piece.p, piece.n, MSG_NOSIGNAL) == (ssize_t)piece.n);
		in = str_from(in, piece.n);
		pump(w, arena);
	}
	shutdown(w->source, SHUT_WR);
	if (w->result == FLOW_WAIT_READ)
		pump(w, arena);
}

/* ---- what is to come of it ---- */

struct expected {
	enum flow_result result;
	enum reason why;
	struct str body, trailers;
};

static void expect(struct expected *e, const struct flow *f, struct str in, uint64_t length,
		   struct arena *arena)
{
	struct decoded d;

	*e = (struct expected){ .result = FLOW_DONE, .body = in };
	if (f->in == FRAMING_LENGTH) {
		e->body = str_first(in, length);
		e->result = in.n < length ? FLOW_SOURCE_END : FLOW_DONE;
	} else if (f->in == FRAMING_CHUNKED) {
		decode(&d, in, arena);
		e->body = d.body;
		e->trailers = d.chunks.trailers;
		e->why = d.why;
		e->result = d.verdict == HTTP_BAD ? FLOW_BAD :
			    d.chunks.done	  ? FLOW_DONE : FLOW_SOURCE_END;
	}
}

/* Nothing goes that is over the limit; another fault may be found before it. */
static void judge_limit(const struct way *w, const struct expected *e, struct str got)
{
	must(w->result == FLOW_BAD && got.n <= LIMIT);
	must(w->why == REASON_REQ_BODY_TOO_LARGE ||
	     (e->result == FLOW_BAD && w->why == e->why));
}

static void judge(const struct way *w, const struct expected *e, struct arena *arena)
{
	struct str out = { w->out, w->out_n }, got = out;
	struct decoded d = { .chunks.done = w->result == FLOW_DONE };

	if (w->flow.out == FRAMING_CHUNKED) {
		decode(&d, out, arena);
		got = d.body;
		must(d.verdict != HTTP_BAD && d.eaten == out.n);
	}
	must(str_begins(e->body, got) && d.chunks.done == (w->result == FLOW_DONE));
	if (e->body.n > w->flow.limit) {
		judge_limit(w, e, got);
		return;
	}
	must(w->result == e->result && (w->result != FLOW_BAD || w->why == e->why));
	if (w->result != FLOW_DONE)
		return;
	must(str_eq(got, e->body) && w->flow.body == e->body.n && w->flow.sent == out.n);
	if (w->flow.out == FRAMING_CHUNKED && w->flow.in == FRAMING_CHUNKED)
		must(str_eq(d.chunks.trailers, e->trailers));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct way w;
	struct expected e;
	struct arena arena;
	struct str in;

	if (size < 4 || size > 4096)
		return 0;
	arena_init(&arena, 4096, 0);
	in = fuzz_copy(data + 4, size - 4);
	way_open(&w, data);
	go(&w, in, data[1] + 1u, &arena);
	expect(&e, &w.flow, in, data[3], &arena);
	judge(&w, &e, &arena);
	way_close(&w);
	fuzz_free(in);
	arena_free(&arena);
	return 0;
}
