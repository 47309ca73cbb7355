/* A request head: whole and in pieces it is judged alike; and what goes out of a request that
 * was taken is a strict request of the same meaning. */
#include "fuzzing.h"
#include "http/h1_write.h"

#define HOW_TRUSTED 4
#define HOW_FORWARDED 8

static enum http_verdict parse(struct str in, size_t step, const struct h1_limits *limits,
			       struct arena *arena, struct http_request *req, enum reason *why)
{
	enum http_verdict v = HTTP_MORE;
	struct h1_parser p;

	h1_parser_reset(&p);
	for (size_t n = step < in.n ? step : in.n; v == HTTP_MORE; n += step) {
		v = h1_parse_request(&p, str_first(in, n), limits, arena, req, why);
		if (n >= in.n)
			break;
	}
	must((v == HTTP_BAD) == (*why != REASON_COMPLETE));
	must(v != HTTP_BAD || reason_status(*why) >= 400);
	must(v != HTTP_OK || req->head_size <= in.n);
	return v;
}

static void fields_judge(const struct http_request *in, const struct http_request *out,
			 bool trusted)
{
	for (unsigned i = 0; i < out->fields.count; i++) {
		const struct http_field *f = &out->fields.list[i];

		must(fuzz_field_is_end_to_end(f));
		must(!memchr(f->name.p, '_', f->name.n));
		if (!trusted)
			must(f->id != FIELD_FORWARDED && f->id != FIELD_X_REAL_IP);
	}
	must(out->fields.count <= in->fields.count + 10);
}

static void same_meaning(const struct http_request *in, const struct http_request *out)
{
	must(str_eq(in->method_text, out->method_text) && in->method == out->method);
	must(str_eq(in->path, out->path) && str_eq(in->match_path, out->match_path));
	must(str_eq(in->query, out->query) && str_eq(in->authority, out->authority));
	must(out->minor == 1);
	must(in->upgrade_websocket == out->upgrade_websocket);
	must(in->te_trailers == out->te_trailers);
	must(in->expect_continue == out->expect_continue);
	must(in->content_length == out->content_length);
	must(in->framing == out->framing ||
	     (in->framing == FRAMING_NONE && out->framing == FRAMING_LENGTH));
}

static void write_and_judge(const struct http_request *req, uint8_t how, struct arena *arena)
{
	struct h1_forwarding fw = { .on = how & HOW_FORWARDED, .trusted = how & HOW_TRUSTED,
				    .peer = STR("2001:db8::1"), .proto = STR("https"),
				    .port = 443 };
	struct http_request again;
	struct iovq out;
	struct str text;
	enum reason why;

	iovq_init(&out);
	must(h1_write_request(req, &fw, &out, arena));
	if (req->authority.n == 0) /* HTTP/1.0: an empty Host goes out, and is not taken in */
		return;
	text = fuzz_flatten(&out, arena);
	must(parse(text, text.n, &fuzz_strict, arena, &again, &why) == HTTP_OK);
	must(again.head_size == text.n);
	same_meaning(req, &again);
	fields_judge(req, &again, fw.trusted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request req, slow;
	enum reason why, why_slow;
	enum http_verdict v;
	struct h1_limits limits;
	struct arena arena;
	struct str in;

	if (size < 2)
		return 0;
	limits = fuzz_limits(data[0]);
	in = fuzz_copy(data + 2, size - 2);
	arena_init(&arena, 4096, 0);
	v = parse(in, in.n ? in.n : 1, &limits, &arena, &req, &why);
	must(parse(in, data[1] + 1u, &limits, &arena, &slow, &why_slow) == v);
	if (v == HTTP_OK) {
		must(slow.head_size == req.head_size && slow.fields.count == req.fields.count);
		write_and_judge(&req, data[0], &arena);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
