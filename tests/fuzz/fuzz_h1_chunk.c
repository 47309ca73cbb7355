/* A chunked body: whole and in pieces it gives the same data; and coded anew it gives the
 * same data and trailers again. */
#include "fuzzing.h"
#include "http/h1_chunk.h"

struct decoded {
	struct h1_chunks chunks;
	enum http_verdict verdict;
	struct str body;
	size_t eaten;
};

static struct decoded decode(struct str in, size_t step, struct arena *arena)
{
	struct decoded d = { .verdict = HTTP_MORE };
	char *body = arena_alloc(arena, in.n);

	must(body);
	h1_chunks_init(&d.chunks);
	while (d.eaten < in.n && d.verdict != HTTP_BAD && !d.chunks.done) {
		struct str piece = str_first(str_from(in, d.eaten), step), data;
		enum reason why;
		size_t used;

		d.verdict = h1_chunks_next(&d.chunks, piece, arena, &used, &data, &why);
		must((d.verdict == HTTP_BAD) == (why != REASON_COMPLETE));
		must(used <= piece.n && (d.verdict != HTTP_MORE || used == piece.n));
		must(d.verdict == HTTP_BAD || used > 0);
		must(data.n == 0 || (data.p >= piece.p && data.p + data.n <= piece.p + used));
		if (data.n)
			memcpy(body + d.body.n, data.p, data.n);
		d.body.n += data.n;
		d.eaten += used;
	}
	d.body.p = body;
	must(d.verdict == HTTP_BAD || d.body.n == d.chunks.data_total);
	return d;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoded whole, slow, again;
	struct arena arena;
	struct str in, text;

	if (size < 2)
		return 0;
	in = fuzz_copy(data + 1, size - 1);
	arena_init(&arena, 4096, 0);
	whole = decode(in, in.n, &arena);
	slow = decode(in, data[0] + 1u, &arena);
	must((whole.verdict == HTTP_BAD) == (slow.verdict == HTTP_BAD));
	must(whole.chunks.done == slow.chunks.done && str_eq(whole.body, slow.body));
	if (whole.chunks.done) {
		must(whole.eaten == slow.eaten);
		must(str_eq(whole.chunks.trailers, slow.chunks.trailers));
		text = encode(&whole, &arena);
		again = decode(text, text.n, &arena);
		must(again.chunks.done && again.eaten == text.n);
		must(str_eq(again.body, whole.body));
		must(str_eq(again.chunks.trailers, whole.chunks.trailers));
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
