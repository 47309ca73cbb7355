/* Frames of an HTTP/2 server, whatever they are, to requests of which some are open: what comes
 * of each stream is, as text, the interim heads and one response of HTTP/1.1 and no more, with
 * one body as long as it says, or the stream is refused or cut; and all that goes out is made of
 * whole frames. */
#include "fuzzing.h"
#include "http/codec.h"
#include "http/h1_chunk.h"
#include "http/h2_origin.h"

#define HOW_BODY 4      /* requests with a body in chunks, and trailers */
#define HOW_WEBSOCKET 8
#define HOW_HEAD 16
#define HOW_LEAVE 32    /* a stream is left before its response is whole */
#define STREAMS 4

struct stream {
	struct h2_stream h2;
	struct h1_parser parser;
	struct http_response res;
	struct h1_chunks chunks;
	char *text; /* that has been taken and not been used up */
	size_t n;
	uint64_t body;
	struct iovec rest; /* of the request */
	bool final, whole;
};

struct rig {
	struct h2_session *origin;
	struct buf_pool buffers;
	struct stream streams[STREAMS];
	struct arena arena;
	uint8_t how, step;
	uint64_t now;
};

static const struct h1_limits limits = { .max_line = 8192, .max_head = 8192, .max_fields = 64 };

static void nothing(void *owner, struct h2_stream *h2)
{
	(void)owner;
	must(h2->session);
}

static void make_accept(void *owner, struct str key, char to[29])
{
	(void)owner;
	must(key.n == 24);
	memcpy(to, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 29);
}

static const struct h2_owner calls = { .stir = nothing, .gone = nothing,
				       .make_accept = make_accept };

/* ---- the requests ---- */

/* The body waits for a window. */
static void give(struct stream *s)
{
	size_t n;

	if (!s->rest.iov_len || s->h2.left || !h2_stream_give(&s->h2, &s->rest, 1, &n))
		return;
	s->rest.iov_base = (char *)s->rest.iov_base + n;
	s->rest.iov_len -= n;
}

static void ask(struct rig *r, struct stream *s)
{
	static char get[] = "GET /a HTTP/1.1\r\nHost: a\r\nCookie: b\r\nX-A: 1\r\n\r\n";
	static char head[] = "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n";
	static char post[] = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
			     "TE: trailers\r\nConnection: TE\r\n\r\n"
			     "5\r\nhello\r\n0\r\nX-T: v\r\n\r\n";
	static char websocket[] = "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
				  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
	struct iovec v = { get, sizeof(get) - 1 };

	if (r->how & HOW_WEBSOCKET)
		v = (struct iovec){ websocket, sizeof(websocket) - 1 };
	else if (r->how & HOW_HEAD)
		v = (struct iovec){ head, sizeof(head) - 1 };
	else if (r->how & HOW_BODY)
		v = (struct iovec){ post, sizeof(post) - 1 };
	h2_origin_open(r->origin, &s->h2, false);
	h1_parser_reset(&s->parser);
	s->rest = v;
	give(s);
	must(s->h2.begun);
}

/* ---- the responses ---- */

static void head_read(struct rig *r, struct stream *s)
{
	enum http_method m = r->how & HOW_HEAD && !(r->how & HOW_WEBSOCKET) ? METHOD_HEAD
									    : METHOD_GET;
	enum http_verdict v;
	enum reason why;

	v = codec_h1.parse_response(&s->parser, (struct str){ s->text, s->n }, &fuzz_strict,
				    &r->arena, m, r->how & HOW_WEBSOCKET, &s->res, &why);
	must(v != HTTP_BAD);
	if (v == HTTP_MORE)
		return;
	must(s->res.minor == 1 && s->res.framing != FRAMING_CLOSE);
	must(s->res.keep_alive || s->res.status == 204); /* of which HTTP/1.1 wants no length */
	must(s->res.status != 101 || r->how & HOW_WEBSOCKET);
	s->final = s->res.status >= 200 || s->res.status == 101;
	s->n -= s->res.head_size;
	memmove(s->text, s->text + s->res.head_size, s->n);
	h1_parser_reset(&s->parser);
	h1_chunks_init(&s->chunks, &fuzz_strict);
	s->whole = s->final && s->res.status != 101 &&
		   (s->res.framing == FRAMING_NONE ||
		    (s->res.framing == FRAMING_LENGTH && s->res.content_length == 0));
	must(!s->whole || s->h2.ended);
}

static void chunks_read(struct rig *r, struct stream *s)
{
	struct str in = { s->text, s->n };

	while (in.n) {
		struct str data = STR_NONE;
		enum reason why;
		size_t used = 0;

		must(!s->chunks.done);
		if (h1_chunks_next(&s->chunks, in, &r->arena, &used, &data, &why) == HTTP_BAD) {
			must(s->h2.trailers.n); /* not every field may be one */
			s->whole = true;
			s->h2.got = s->body;
			break;
		}
		s->body += data.n;
		in = str_from(in, used);
	}
	s->n = 0;
	s->whole |= s->chunks.done;
	must(!s->chunks.done || s->h2.ended);
}

static void body_read(struct rig *r, struct stream *s)
{
	if (s->res.status != 101 && s->res.framing == FRAMING_CHUNKED) {
		chunks_read(r, s);
		return;
	}
	s->body += s->n;
	s->n = 0;
	if (s->res.status == 101)
		return;
	must(s->res.framing == FRAMING_LENGTH && s->body <= s->res.content_length);
	s->whole = s->body == s->res.content_length;
	must(!s->whole || s->h2.ended);
}

static void judge(struct rig *r, struct stream *s)
{
	size_t before;

	do {
		before = s->n;
		if (!s->final)
			head_read(r, s);
	} while (!s->final && s->n && s->n != before);
	if (s->final && s->n && !s->whole)
		body_read(r, s);
	must(!s->whole || s->n == 0);
}

static void take(struct rig *r, struct stream *s)
{
	char piece[257];
	size_t n;

	while (s->h2.fault == REASON_COMPLETE &&
	       (n = h2_origin_take(&s->h2, piece, r->step % 256 + 1u)) > 0) {
		s->text = realloc(s->text, s->n + n);
		must(s->text);
		memcpy(s->text + s->n, piece, n);
		s->n += n;
		judge(r, s);
	}
	must(s->body <= s->h2.got);
	if (s->h2.ended && s->h2.fault == REASON_COMPLETE && s->final && s->res.status != 101)
		must(s->whole && s->body == s->h2.got);
}

static void run(struct rig *r)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		struct stream *s = &r->streams[i];

		if (s->h2.left)
			continue;
		give(s);
		must(!h2_origin_was_refused(&s->h2) || (!s->final && s->n == 0));
		take(r, s);
		if (s->h2.fault != REASON_COMPLETE || s->h2.ended || s->h2.reset ||
		    (r->how & HOW_LEAVE && s->final && i == 1))
			h2_origin_leave(&s->h2);
	}
}

/* Whole frames, none larger than a server takes unasked. */
static void judge_frames(struct str out)
{
	if (out.n >= 24 && str_begins(out, STR(H2_PREFACE)))
		out = str_from(out, sizeof(H2_PREFACE) - 1);
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

	while ((n = h2_session_send(r->origin, out, sizeof(out))) > 0)
		judge_frames((struct str){ out, n });
}

static void feed(struct rig *r, struct str in)
{
	while (in.n) {
		struct str piece = str_first(in, r->step % 2 ? in.n : r->step + 1u);

		r->now += 1000;
		if (!h2_session_recv(r->origin, piece, r->now))
			break;
		run(r);
		flush(r);
		must(h2_origin_streams(r->origin) <= H2_ORIGIN_STREAMS);
		in = str_from(in, piece.n);
	}
	run(r);
	flush(r);
}

static void end(struct rig *r)
{
	for (unsigned i = 0; i < STREAMS; i++)
		h2_origin_leave(&r->streams[i].h2);
	h2_session_end(r->origin, REASON_COMPLETE);
	flush(r);
	h2_session_free(r->origin);
	for (unsigned i = 0; i < STREAMS; i++) {
		must(!r->streams[i].h2.head && !r->streams[i].h2.in);
		must(!r->streams[i].h2.out);
		free(r->streams[i].text);
	}
	buf_pool_free(&r->buffers);
	arena_free(&r->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rig r;
	struct h2_limits most = { limits.max_head, limits.max_fields };
	struct str in;

	if (size < 2)
		return 0;
	r = (struct rig){ .now = 1000000, .how = data[0], .step = data[1] };
	buf_pool_init(&r.buffers, 4);
	arena_init(&r.arena, 4096, 0);
	r.origin = h2_origin_new(&most, &calls, &r, &r.buffers, r.now);
	must(r.origin);
	for (unsigned i = 0; i < STREAMS; i++)
		ask(&r, &r.streams[i]);
	flush(&r);
	in = fuzz_copy(data + 2, size - 2);
	feed(&r, in);
	fuzz_free(in);
	end(&r);
	return 0;
}
