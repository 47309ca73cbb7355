/* A response head: whole and in pieces it is judged alike; and what goes out of a response
 * that was taken is a strict response of the same meaning. */
#include "fuzzing.h"
#include "http/h1_write.h"

#define HOW_HEAD 4
#define HOW_UPGRADE 8
#define HOW_OLD_CLIENT 16
#define HOW_CLOSE 32

struct asked {
	enum http_method method;
	bool upgrade;
};

static enum http_verdict parse(struct str in, size_t step, const struct h1_limits *limits,
			       struct arena *arena, const struct asked *asked,
			       struct http_response *res, enum reason *why)
{
	enum http_verdict v = HTTP_MORE;
	struct h1_parser p;

	h1_parser_reset(&p);
	for (size_t n = step < in.n ? step : in.n; v == HTTP_MORE; n += step) {
		v = h1_parse_response(&p, str_first(in, n), limits, arena, asked->method,
				      asked->upgrade, res, why);
		if (n >= in.n)
			break;
	}
	must((v == HTTP_BAD) == (*why != REASON_COMPLETE));
	must(v != HTTP_BAD || reason_status(*why) >= 500);
	must(v != HTTP_OK || res->head_size <= in.n);
	return v;
}

static enum http_framing framing_for(const struct http_response *res, bool old_client)
{
	if (res->framing == FRAMING_NONE || res->framing == FRAMING_LENGTH)
		return res->framing;
	return old_client ? FRAMING_CLOSE : FRAMING_CHUNKED;
}

static void write_and_judge(const struct http_response *res, uint8_t how,
			    const struct asked *asked, struct arena *arena)
{
	bool old = how & HOW_OLD_CLIENT;
	struct h1_reply reply = { .framing = framing_for(res, old),
				  .keep_alive = !(how & HOW_CLOSE), .client_minor = !old,
				  .date = STR("Sun, 06 Nov 1994 08:49:37 GMT") };
	struct http_response again;
	struct iovq out;
	struct str text;
	enum reason why;

	iovq_init(&out);
	must(h1_write_response(res, &reply, &out, arena) == !(old && res->status < 200));
	if (out.bytes == 0)
		return;
	text = fuzz_flatten(&out, arena);
	must(parse(text, text.n, &fuzz_strict, arena, asked, &again, &why) == HTTP_OK);
	must(again.head_size == text.n);
	must(again.status == res->status && str_eq(again.reason_phrase, res->reason_phrase));
	must(again.framing == reply.framing && again.has_length == res->has_length);
	must(!res->has_length || again.content_length == res->content_length);
	must(again.upgrade_websocket == res->upgrade_websocket);
	must(again.has_date || res->status < 200);
	must(res->status < 200 || reply.framing == FRAMING_CLOSE ||
	     again.keep_alive == reply.keep_alive);
	for (unsigned i = 0; i < again.fields.count; i++)
		must(fuzz_field_is_end_to_end(&again.fields.list[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response res, slow;
	enum reason why, why_slow;
	enum http_verdict v;
	struct h1_limits limits;
	struct asked asked;
	struct arena arena;
	struct str in;

	if (size < 2)
		return 0;
	limits = fuzz_limits(data[0]);
	asked.method = data[0] & HOW_HEAD ? METHOD_HEAD : METHOD_GET;
	asked.upgrade = data[0] & HOW_UPGRADE;
	in = fuzz_copy(data + 2, size - 2);
	arena_init(&arena, 4096, 0);
	v = parse(in, in.n ? in.n : 1, &limits, &arena, &asked, &res, &why);
	must(parse(in, data[1] + 1u, &limits, &arena, &asked, &slow, &why_slow) == v);
	if (v == HTTP_OK) {
		must(slow.head_size == res.head_size && slow.framing == res.framing);
		write_and_judge(&res, data[0], &asked, &arena);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
