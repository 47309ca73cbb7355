/* A response head: whole, in pieces of any size and moved on the way it is read alike; and
 * what goes out of a response that was taken is a strict response of the same meaning, with
 * the fields that may go on and no others. */
#include "fuzzing.h"
#include "http/h1_write.h"

#define HOW_HEAD 4
#define HOW_UPGRADE 8
#define HOW_OLD_CLIENT 16
#define HOW_CLOSE 32

struct reading {
	const struct h1_limits *limits;
	struct arena *arena;
	enum http_method method;
	bool upgrade;
	struct h1_parser parser;
	struct http_response res;
	enum http_verdict verdict;
	enum reason why;
};

static void reading_begin(struct reading *r, const struct h1_limits *limits, uint8_t how,
			  struct arena *arena)
{
	r->limits = limits;
	r->arena = arena;
	r->method = how & HOW_HEAD ? METHOD_HEAD : METHOD_GET;
	r->upgrade = how & HOW_UPGRADE;
	h1_parser_reset(&r->parser);
}

static void read_more(struct reading *r, struct str in)
{
	r->verdict = h1_parse_response(&r->parser, in, r->limits, r->arena, r->method,
				       r->upgrade, &r->res, &r->why);
	must((r->verdict == HTTP_BAD) == (r->why != REASON_COMPLETE));
	must(r->verdict != HTTP_BAD || reason_status(r->why) >= 500);
	must(r->verdict != HTTP_OK || r->res.head_size <= in.n);
}

static void read_in_steps(struct reading *r, struct str in, size_t step)
{
	for (size_t n = step < in.n ? step : in.n;; n += step) {
		read_more(r, str_first(in, n));
		if (r->verdict != HTTP_MORE || n >= in.n)
			return;
	}
}

static void same_reading(const struct reading *ra, const struct reading *rb)
{
	const struct http_response *a = &ra->res, *b = &rb->res;

	must(ra->verdict == rb->verdict && ra->why == rb->why);
	if (ra->verdict != HTTP_OK)
		return;
	must(a->status == b->status && str_eq(a->reason_phrase, b->reason_phrase));
	must(a->minor == b->minor && a->framing == b->framing);
	must(a->content_length == b->content_length && a->has_length == b->has_length);
	must(a->keep_alive == b->keep_alive && a->has_date == b->has_date);
	must(a->upgrade_websocket == b->upgrade_websocket && a->head_size == b->head_size);
	fuzz_same_fields(&a->fields, &b->fields);
}

static void cut_at(const struct reading *whole, struct str in, size_t at, uint8_t how)
{
	struct reading cut;

	reading_begin(&cut, whole->limits, how, whole->arena);
	read_more(&cut, str_first(in, at));
	if (cut.verdict == HTTP_MORE)
		read_more(&cut, in);
	same_reading(whole, &cut);
}

/* The buffer was given back and another one taken before the head was whole. */
static void move_at(const struct reading *whole, struct str in, size_t at, uint8_t how)
{
	struct str first = fuzz_copy((const uint8_t *)in.p, at);
	struct reading moved;

	reading_begin(&moved, whole->limits, how, whole->arena);
	read_more(&moved, first);
	fuzz_free(first);
	must(moved.verdict == HTTP_MORE || moved.verdict == whole->verdict);
	if (moved.verdict != HTTP_MORE)
		return;
	read_more(&moved, in);
	same_reading(whole, &moved);
}

/* The head's last byte makes it whole, and what follows it is not looked at. */
static void ends_where_it_says(const struct reading *whole, struct str in, uint8_t how)
{
	struct reading r;

	reading_begin(&r, whole->limits, how, whole->arena);
	read_more(&r, str_first(in, whole->res.head_size - 1));
	must(r.verdict == HTTP_MORE);
	read_more(&r, str_first(in, whole->res.head_size));
	same_reading(whole, &r);
}

static void read_otherwise(const struct reading *whole, struct str in, uint8_t how, uint8_t step)
{
	struct reading slow;

	reading_begin(&slow, whole->limits, how, whole->arena);
	read_in_steps(&slow, in, step + 1u);
	same_reading(whole, &slow);
	reading_begin(&slow, whole->limits, how, whole->arena);
	read_in_steps(&slow, in, 1);
	same_reading(whole, &slow);
	for (size_t at = 0; at <= in.n && fuzz_cuts_everywhere(step, in); at++)
		cut_at(whole, in, at, how);
	move_at(whole, in, in.n ? step % in.n : 0, how);
	if (whole->verdict == HTTP_OK)
		ends_where_it_says(whole, in, how);
}

/* ---- what goes out ---- */

static const char *const between_neighbours[] = {
	"connection", "close", "keep-alive", "proxy-connection", "te", "transfer-encoding",
	"upgrade", "http2-settings", "host", "content-length", NULL
};
static const char *const added[] = { "connection", "upgrade", "transfer-encoding",
				     "content-length", "date", NULL };

static bool may_go(const struct http_response *res, struct str name)
{
	if (fuzz_is_one_of(name, between_neighbours))
		return false;
	return fuzz_is_kept(name) || !fuzz_is_named(&res->fields, name);
}

/* The fields that may go on in their order, and then only what hpcbal says itself. */
static void judge_fields(const struct http_response *in, const struct http_response *out)
{
	unsigned at = 0;

	for (unsigned i = 0; i < in->fields.count; i++) {
		const struct http_field *f = &in->fields.list[i];

		if (!may_go(in, f->name))
			continue;
		must(at < out->fields.count);
		must(str_eq(f->name, out->fields.list[at].name));
		must(str_eq(f->value, out->fields.list[at].value));
		at++;
	}
	for (; at < out->fields.count; at++)
		must(fuzz_is_one_of(out->fields.list[at].name, added));
	for (unsigned i = 0; i < out->fields.count; i++)
		must(fuzz_field_is_end_to_end(&out->fields.list[i]));
	fuzz_judge_framing(&out->fields);
}

static enum http_framing framing_for(const struct http_response *res, bool old_client)
{
	if (res->framing == FRAMING_NONE || res->framing == FRAMING_LENGTH)
		return res->framing;
	return old_client ? FRAMING_CLOSE : FRAMING_CHUNKED;
}

static void same_meaning(const struct http_response *in, const struct http_response *out,
			 const struct h1_reply *reply)
{
	must(out->status == in->status && str_eq(out->reason_phrase, in->reason_phrase));
	must(out->framing == reply->framing && out->has_length == in->has_length);
	must(!in->has_length || out->content_length == in->content_length);
	must(out->upgrade_websocket == in->upgrade_websocket && out->minor == 1);
	must(out->has_date || in->status < 200);
	must(in->status < 200 || reply->framing == FRAMING_CLOSE ||
	     out->keep_alive == reply->keep_alive);
}

static void write_and_judge(const struct http_response *res, uint8_t how, struct arena *arena)
{
	bool old = how & HOW_OLD_CLIENT;
	struct h1_reply reply = { .framing = framing_for(res, old),
				  .keep_alive = !(how & HOW_CLOSE), .client_minor = !old,
				  .date = STR("Sun, 06 Nov 1994 08:49:37 GMT") };
	struct reading again;
	struct iovq out;
	struct str text;

	iovq_init(&out);
	must(h1_write_response(res, &reply, &out, arena) == !(old && res->status < 200));
	if (out.bytes == 0)
		return;
	text = fuzz_flatten(&out, arena);
	fuzz_judge_head(text);
	reading_begin(&again, &fuzz_strict, how, arena);
	read_more(&again, text);
	must(again.verdict == HTTP_OK && again.res.head_size == text.n);
	same_meaning(res, &again.res, &reply);
	judge_fields(res, &again.res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_limits limits;
	struct reading whole;
	struct arena arena;
	struct str in;

	if (size < 2)
		return 0;
	limits = fuzz_limits(data[0]);
	in = fuzz_copy(data + 2, size - 2);
	arena_init(&arena, 4096, 0);
	reading_begin(&whole, &limits, data[0], &arena);
	read_more(&whole, in);
	read_otherwise(&whole, in, data[0], data[1]);
	if (whole.verdict == HTTP_OK)
		write_and_judge(&whole.res, data[0], &arena);
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
