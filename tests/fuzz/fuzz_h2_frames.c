/* Frames of an HTTP/2 client, whatever they are: each request that comes of them is, as text, one
 * request of HTTP/1.1 and no more, or refused; its body is one body; and all that is answered is
 * made of whole frames. */
#include "fuzzing.h"
#include "base/list.h"
#include "http/codec.h"
#include "http/h1_chunk.h"
#include "http/h2_server.h"

#define HOW_LEAVE 4
#define HOW_CHUNKED 8
#define HOW_EARLY 16
#define MAX_STREAMS 20

struct stream {
	struct h2_stream h2;
	struct stream *next;
	struct h1_chunks chunks;
	uint64_t body;
	bool asked;
};

struct rig {
	struct h2_session *server;
	struct buf_pool buffers;
	struct stream *streams;
	struct h1_limits limits;
	struct arena arena;
	uint8_t how, step;
	uint64_t now;
};

static struct h2_stream *begin(void *owner)
{
	struct rig *r = owner;
	struct stream *s = calloc(1, sizeof(*s));

	must(s);
	s->next = r->streams;
	r->streams = s;
	return &s->h2;
}

static void make_key(void *owner, char key[24])
{
	(void)owner;
	memcpy(key, "AAAAAAAAAAAAAAAAAAAAAA==", 24);
}

/* As HTTP/1.1 it is exactly one head, and what it says of its body is what will come. */
static void judge_request(struct rig *r, const struct h2_stream *h2)
{
	static const struct h1_limits wide = { .max_line = BUF_SIZE, .max_head = BUF_SIZE,
					       .max_fields = 4096 };
	struct str text = buf_unread(h2->head);
	struct h1_parser parser;
	struct http_request req;
	enum http_verdict v;
	enum reason why;

	h1_parser_reset(&parser);
	v = codec_h2.parse_request(&parser, text, &wide, &r->arena, &req, &why);
	must(v != HTTP_MORE);
	if (h2->fault != REASON_COMPLETE) {
		must(v == HTTP_BAD && why == h2->fault);
		return;
	}
	fuzz_judge_head(text);
	if (v == HTTP_BAD) {
		must(reason_status(why) >= 400);
		return;
	}
	must(req.head_size == text.n && req.minor == 1);
	must((req.framing == FRAMING_CHUNKED) == h2->chunked);
	must(req.framing != FRAMING_LENGTH || req.content_length == h2->length);
	must(req.upgrade_websocket == h2->response.upgrades);
	for (unsigned i = 0; i < req.fields.count && !h2->response.upgrades; i++)
		must(req.fields.list[i].id != FIELD_CONNECTION &&
		     req.fields.list[i].id != FIELD_UPGRADE);
}

static void request(void *owner, struct h2_stream *h2)
{
	struct rig *r = owner;
	struct stream *s = list_of(h2, struct stream, h2);

	must(!s->asked);
	s->asked = true;
	judge_request(r, h2);
	h1_chunks_init(&s->chunks, &r->limits);
}

static void nothing(void *owner, struct h2_stream *h2)
{
	(void)owner;
	must(h2->session);
}

static const struct h2_owner calls = { .begin = begin, .make_key = make_key,
				       .request = request, .stir = nothing, .gone = nothing };

/* ---- the exchanges ---- */

static void judge_chunks(struct rig *r, struct stream *s, struct str in)
{
	while (in.n) {
		struct str data = STR_NONE;
		enum reason why;
		size_t used = 0;
		enum http_verdict v;

		must(!s->chunks.done);
		v = h1_chunks_next(&s->chunks, in, &r->arena, &used, &data, &why);
		if (v == HTTP_BAD) { /* only what its trailers are too much for */
			must(s->h2.trailers.n);
			s->h2.chunked = false;
			return;
		}
		s->body += data.n;
		in = str_from(in, used);
	}
}

static void take(struct rig *r, struct stream *s)
{
	char *to = malloc(r->step + 1u);
	size_t n;

	must(to);
	while ((n = h2_stream_take(&s->h2, to, r->step + 1u)) > 0) {
		must(n <= r->step + 1u);
		if (s->h2.chunked)
			judge_chunks(r, s, (struct str){ to, n });
		else
			s->body += n;
	}
	must(s->body <= s->h2.got);
	if (s->h2.chunked && s->h2.ended && s->h2.fault == REASON_COMPLETE && !s->h2.left)
		must(s->chunks.done && s->body == s->h2.got);
	free(to);
}

static void answer(struct rig *r, struct stream *s)
{
	static char length[] = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";
	static char chunked[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n";
	bool c = r->how & HOW_CHUNKED;
	struct iovec v = { c ? chunked : length, (c ? sizeof(chunked) : sizeof(length)) - 1 };
	size_t n;

	if (s->h2.begun || s->h2.left)
		return;
	if (h2_stream_give(&s->h2, &v, 1, &n))
		must(n == v.iov_len || (n < v.iov_len && !h2_stream_room(&s->h2)));
	h2_stream_leave(&s->h2, H2_INTERNAL_ERROR);
}

static void run(struct rig *r)
{
	for (struct stream *s = r->streams; s; s = s->next) {
		if (!s->asked || s->h2.left)
			continue;
		take(r, s);
		if (s->h2.fault != REASON_COMPLETE || s->h2.reset)
			h2_stream_leave(&s->h2, H2_PROTOCOL_ERROR);
		else if (s->h2.ended || (r->how & HOW_EARLY))
			answer(r, s);
	}
}

/* Whole frames, none larger than a client takes unasked. */
static void judge_frames(struct str out)
{
	while (out.n) {
		size_t n;

		must(out.n >= 9);
		n = (size_t)(unsigned char)out.p[0] << 16 | (size_t)(unsigned char)out.p[1] << 8 |
		    (unsigned char)out.p[2];
		must(n <= 16384 && out.n >= n + 9);
		out = str_from(out, n + 9);
	}
}

static void flush(struct rig *r)
{
	static char out[BUF_SIZE];
	size_t n;

	while ((n = h2_session_send(r->server, out, sizeof(out))) > 0)
		judge_frames((struct str){ out, n });
}

static void feed(struct rig *r, struct str in)
{
	while (in.n) {
		struct str piece = str_first(in, r->step % 2 ? in.n : r->step + 1u);

		r->now += 1000;
		if (!h2_session_recv(r->server, piece, r->now))
			break;
		run(r);
		flush(r);
		in = str_from(in, piece.n);
	}
	if (r->how & HOW_LEAVE) {
		h2_server_leave(r->server);
		h2_server_leave_now(r->server);
	}
	flush(r);
}

static void end(struct rig *r)
{
	struct stream *s;

	for (s = r->streams; s; s = s->next)
		h2_stream_leave(&s->h2, H2_CANCEL);
	flush(r);
	h2_session_free(r->server);
	while ((s = r->streams)) {
		r->streams = s->next;
		must(!s->h2.head && !s->h2.in && !s->h2.trailers.text);
		h2_stream_drop(&s->h2, &r->buffers);
		free(s);
	}
	buf_pool_free(&r->buffers);
	arena_free(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char settings[9] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
	struct h2_limits limits;
	struct rig r = { .now = 1000000 };
	struct str in;

	if (size < 2)
		return 0;
	r.how = data[0];
	r.step = data[1];
	r.limits = fuzz_limits(data[0]);
	limits = (struct h2_limits){ r.limits.max_head, r.limits.max_fields };
	buf_pool_init(&r.buffers, 4);
	arena_init(&r.arena, 4096, 0);
	r.server = h2_server_new(&limits, MAX_STREAMS, &calls, &r, &r.buffers, r.now);
	must(r.server);
	must(h2_session_recv(r.server, STR(H2_PREFACE), r.now));
	must(h2_session_recv(r.server, (struct str){ settings, 9 }, r.now));
	in = fuzz_copy(data + 2, size - 2);
	feed(&r, in);
	fuzz_free(in);
	end(&r);
	return 0;
}
