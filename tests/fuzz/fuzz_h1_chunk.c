/* A chunked body: whole and in pieces of any size it gives the same data, and the same fault at
 * the same byte; the plainest reader finds the same data; and coded anew it gives the same data
 * and trailers again. */
#include "fuzzing.h"
#include "http/h1_chunk.h"

static const struct h1_limits limits = { .max_head = 8192, .max_fields = 64 };

struct decoded {
	struct h1_chunks chunks;
	enum http_verdict verdict;
	enum reason why;
	struct str body;
	size_t eaten;
};

static void decoding_begin(struct decoded *d, struct str in, struct arena *arena)
{
	*d = (struct decoded){ .verdict = HTTP_MORE };
	d->body.p = arena_alloc(arena, in.n);
	must(d->body.p);
	h1_chunks_init(&d->chunks, &limits);
}

/* Goes on to `end` of the body, in steps. */
static void decode_to(struct decoded *d, struct str in, size_t end, size_t step,
		      struct arena *arena)
{
	while (d->eaten < end && d->verdict != HTTP_BAD && !d->chunks.done) {
		size_t left = end - d->eaten, used;
		struct str piece = { in.p + d->eaten, left < step ? left : step }, data;

		d->verdict = h1_chunks_next(&d->chunks, piece, arena, &used, &data, &d->why);
		must((d->verdict == HTTP_BAD) == (d->why != REASON_COMPLETE));
		must(used <= piece.n && (d->verdict != HTTP_MORE || used == piece.n));
		must(d->verdict == HTTP_BAD || used > 0);
		must(data.n == 0 || (data.p >= piece.p && data.p + data.n <= piece.p + used));
		if (data.n)
			memcpy((char *)(uintptr_t)d->body.p + d->body.n, data.p, data.n);
		d->body.n += data.n;
		d->eaten += used;
	}
	must(d->verdict == HTTP_BAD || d->body.n == d->chunks.data_total);
}

static struct decoded decode(struct str in, size_t step, struct arena *arena)
{
	struct decoded d;

	decoding_begin(&d, in, arena);
	decode_to(&d, in, in.n, step, arena);
	return d;
}

static void same(const struct decoded *a, const struct decoded *b)
{
	must((a->verdict == HTTP_BAD) == (b->verdict == HTTP_BAD) && a->why == b->why);
	must(a->chunks.done == b->chunks.done && a->eaten == b->eaten);
	must(str_eq(a->body, b->body));
	must(!a->chunks.done || str_eq(a->chunks.trailers, b->chunks.trailers));
}

/* Each chunk as one who only knows good ones would take it: the digits up to the first byte
 * that is none, the line's end, so much data, CRLF. */
static void read_plainly(const struct decoded *d, struct str in)
{
	struct str body = d->body;

	for (;;) {
		ptrdiff_t end = str_find(in, STR("\r\n"));
		uint64_t size = strtoull(in.p, NULL, 16);

		must(end > 0 && strchr("0123456789abcdefABCDEF", in.p[0]));
		in = str_from(in, (size_t)end + 2);
		if (size == 0)
			break;
		must(size <= in.n && str_begins(body, str_first(in, size)));
		body = str_from(body, size);
		in = str_from(in, size);
		must(str_begins(in, STR("\r\n")));
		in = str_from(in, 2);
	}
	must(body.n == 0);
	must(str_begins(in, STR("\r\n")) || str_find(in, STR("\r\n\r\n")) > 0);
}

static void judge_trailers(struct str trailers)
{
	static const char *const forbidden[] = {
		"content-length", "transfer-encoding", "host", "connection", "trailer", "te",
		"authorization", "cookie", "set-cookie", "content-type", "content-encoding",
		"content-range", "cache-control", "expect", "x-forwarded-for", "forwarded", NULL
	};
	struct str line;

	must(trailers.n == 0 || str_ends(trailers, STR("\r\n")));
	must(trailers.n <= limits.max_head);
	while (trailers.n) {
		ptrdiff_t end = str_find(trailers, STR("\r\n")), colon;

		line = str_first(trailers, (size_t)end);
		trailers = str_from(trailers, (size_t)end + 2);
		colon = str_find_char(line, ':');
		must(colon > 0 && !fuzz_is_one_of(str_first(line, (size_t)colon), forbidden));
		for (size_t i = 0; i < line.n; i++)
			must((unsigned char)line.p[i] >= ' ' || line.p[i] == '\t');
	}
}

static size_t put(char *to, struct str s)
{
	if (s.n)
		memcpy(to, s.p, s.n);
	return s.n;
}

static struct str encode(const struct decoded *d, struct arena *arena)
{
	char *text = arena_alloc(arena, d->body.n + d->chunks.trailers.n + 64);
	size_t n = 0;

	must(text);
	if (d->body.n) {
		n += h1_chunk_head(text, d->body.n);
		n += put(text + n, d->body);
		n += put(text + n, STR("\r\n"));
	}
	n += put(text + n, STR("0\r\n"));
	n += put(text + n, d->chunks.trailers);
	n += put(text + n, STR("\r\n"));
	return (struct str){ text, n };
}

static void read_otherwise(const struct decoded *whole, struct str in, uint8_t step,
			   struct arena *arena)
{
	struct decoded slow = decode(in, step + 1u, arena);

	same(whole, &slow);
	slow = decode(in, 1, arena);
	same(whole, &slow);
	for (size_t at = 0; at <= in.n && fuzz_cuts_everywhere(step, in); at++) {
		decoding_begin(&slow, in, arena);
		decode_to(&slow, in, at, in.n, arena);
		decode_to(&slow, in, in.n, in.n, arena);
		same(whole, &slow);
	}
}

static void encode_and_decode(const struct decoded *whole, struct arena *arena)
{
	struct str text = encode(whole, arena);
	struct decoded again = decode(text, text.n, arena);

	must(again.chunks.done && again.eaten == text.n);
	must(str_eq(again.body, whole->body));
	must(str_eq(again.chunks.trailers, whole->chunks.trailers));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoded whole;
	struct arena arena;
	struct str in;

	if (size < 2)
		return 0;
	in = fuzz_copy(data + 1, size - 1);
	arena_init(&arena, 4096, 0);
	whole = decode(in, in.n, &arena);
	read_otherwise(&whole, in, data[0], &arena);
	if (whole.chunks.done) {
		read_plainly(&whole, arena_str(&arena, str_first(in, whole.eaten)));
		judge_trailers(whole.chunks.trailers);
		encode_and_decode(&whole, &arena);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
