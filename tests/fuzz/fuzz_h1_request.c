/* A request head: whole, in pieces of any size and moved on the way it is read alike; and what
 * goes out of a request that was taken is a strict request of the same meaning, with the
 * fields that may go on and no others. */
#include "fuzzing.h"
#include "http/authority.h"
#include "http/h1_write.h"
#include "http/hops.h"

#define HOW_TRUSTED 4
#define HOW_FORWARDED 8
#define HOW_HOPS 16

struct reading {
	const struct h1_limits *limits;
	struct arena *arena;
	struct h1_parser parser;
	struct http_request req;
	enum http_verdict verdict;
	enum reason why;
};

static void reading_begin(struct reading *r, const struct h1_limits *limits, struct arena *arena)
{
	r->limits = limits;
	r->arena = arena;
	h1_parser_reset(&r->parser);
}

static void read_more(struct reading *r, struct str in)
{
	r->verdict = h1_parse_request(&r->parser, in, r->limits, r->arena, &r->req, &r->why);
	must((r->verdict == HTTP_BAD) == (r->why != REASON_COMPLETE));
	must(r->verdict != HTTP_BAD || reason_status(r->why) >= 400);
	must(r->verdict != HTTP_OK || r->req.head_size <= in.n);
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
	const struct http_request *a = &ra->req, *b = &rb->req;

	must(ra->verdict == rb->verdict && ra->why == rb->why);
	if (ra->verdict != HTTP_OK)
		return;
	must(str_eq(a->method_text, b->method_text) && a->method == b->method);
	must(str_eq(a->target, b->target) && str_eq(a->path, b->path));
	must(str_eq(a->match_path, b->match_path) && str_eq(a->query, b->query));
	must(str_eq(a->authority, b->authority) && a->minor == b->minor);
	must(a->framing == b->framing && a->content_length == b->content_length);
	must(a->keep_alive == b->keep_alive && a->expect_continue == b->expect_continue);
	must(a->te_trailers == b->te_trailers && a->upgrade_websocket == b->upgrade_websocket);
	must(a->head_size == b->head_size);
	fuzz_same_fields(&a->fields, &b->fields);
}

static void cut_at(const struct reading *whole, struct str in, size_t at)
{
	struct reading cut;

	reading_begin(&cut, whole->limits, whole->arena);
	read_more(&cut, str_first(in, at));
	if (cut.verdict == HTTP_MORE)
		read_more(&cut, in);
	same_reading(whole, &cut);
}

/* The buffer was given back and another one taken before the head was whole. */
static void move_at(const struct reading *whole, struct str in, size_t at)
{
	struct str first = fuzz_copy((const uint8_t *)in.p, at);
	struct reading moved;

	reading_begin(&moved, whole->limits, whole->arena);
	read_more(&moved, first);
	fuzz_free(first);
	must(moved.verdict == HTTP_MORE || moved.verdict == whole->verdict);
	if (moved.verdict != HTTP_MORE)
		return;
	read_more(&moved, in);
	same_reading(whole, &moved);
}

/* The head's last byte makes it whole, and what follows it is not looked at. */
static void ends_where_it_says(const struct reading *whole, struct str in)
{
	struct reading r;

	reading_begin(&r, whole->limits, whole->arena);
	read_more(&r, str_first(in, whole->req.head_size - 1));
	must(r.verdict == HTTP_MORE);
	read_more(&r, str_first(in, whole->req.head_size));
	same_reading(whole, &r);
}

static void read_otherwise(const struct reading *whole, struct str in, uint8_t step)
{
	struct reading slow;

	reading_begin(&slow, whole->limits, whole->arena);
	read_in_steps(&slow, in, step + 1u);
	same_reading(whole, &slow);
	reading_begin(&slow, whole->limits, whole->arena);
	read_in_steps(&slow, in, 1);
	same_reading(whole, &slow);
	for (size_t at = 0; at <= in.n && fuzz_cuts_everywhere(step, in); at++)
		cut_at(whole, in, at);
	move_at(whole, in, in.n ? step % in.n : 0);
	if (whole->verdict == HTTP_OK)
		ends_where_it_says(whole, in);
}

/* ---- what was taken ---- */

static void judge_path(const struct http_request *req)
{
	struct str rest = req->path, segment;

	must(req->query.n == 0 || req->query.p[0] == '?');
	if (str_eq(req->path, STR("*"))) {
		must(req->method == METHOD_OPTIONS && str_eq(req->match_path, STR("*")));
		return;
	}
	must(req->path.n && req->path.p[0] == '/' && req->match_path.p[0] == '/');
	must(str_find(req->match_path, STR("//")) < 0);
	while (str_split(&rest, '/', &segment))
		must(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
}

static void judge_taken(const struct http_request *req, const struct h1_limits *limits)
{
	struct http_authority a;

	must(req->framing != FRAMING_CLOSE && req->minor <= 1);
	must(req->framing == FRAMING_LENGTH || req->content_length == 0);
	must(req->content_length <= INT64_MAX);
	must(req->fields.count <= limits->max_fields);
	must(req->method != METHOD_CONNECT && req->method != METHOD_TRACE);
	must(req->authority.n == 0 || http_authority_parse(req->authority, &a));
	must(req->authority.n || req->minor == 0);
	judge_path(req);
}

/* ---- what goes out ---- */

static const char *const between_neighbours[] = {
	"connection", "close", "keep-alive", "proxy-connection", "te", "transfer-encoding",
	"upgrade", "http2-settings", "host", "content-length", NULL
};
static const char *const of_proxies[] = {
	"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
	"forwarded", "x-forwarded-protocol", "x-forwarded-ssl", "x-real-ip", NULL
};

/* HTTP.md 52 to 57, said once more. */
static bool may_go(const struct http_request *req, struct str name, bool trusted)
{
	for (size_t i = 0; i < name.n; i++)
		if (!strchr("-0123456789abcdefghijklmnopqrstuvwxyz", str_lower_char(name.p[i])))
			return false;
	if (fuzz_is_one_of(name, between_neighbours))
		return false;
	if (req->minor == 0 && str_ieq(name, STR("expect")))
		return false;
	if (req->method == METHOD_OPTIONS && str_ieq(name, STR("max-forwards")))
		return false;
	if (!trusted && fuzz_is_one_of(name, of_proxies))
		return false;
	return fuzz_is_kept(name) || !fuzz_is_named(&req->fields, name);
}

/* Host, the fields that may go on in their order, and then only what hpcbal says itself. */
static void judge_fields(const struct http_request *in, const struct http_request *out,
			 const struct h1_forwarding *fw)
{
	unsigned at = 1;

	must(out->fields.count && out->fields.list[0].id == FIELD_HOST);
	for (unsigned i = 0; i < in->fields.count; i++) {
		const struct http_field *f = &in->fields.list[i];

		if (!may_go(in, f->name, fw->trusted))
			continue;
		must(at < out->fields.count);
		must(str_eq(f->name, out->fields.list[at].name));
		must(str_eq(f->value, out->fields.list[at].value));
		at++;
	}
	for (; at < out->fields.count; at++) {
		const struct http_field *f = &out->fields.list[at];

		must(fuzz_is_one_of(f->name, between_neighbours) || f->id == FIELD_MAX_FORWARDS ||
		     (fw->on && str_begins(f->name, STR("X-Forwarded-"))) ||
		     (fw->forwarded && f->id == FIELD_FORWARDED) ||
		     (fw->via && f->id == FIELD_VIA));
	}
	must(http_via_count(&out->fields, fw->node) ==
	     http_via_count(&in->fields, fw->node) + fw->via);
	for (unsigned i = 0; i < out->fields.count; i++)
		must(fuzz_field_is_end_to_end(&out->fields.list[i]));
}

static void same_meaning(const struct http_request *in, const struct http_request *out,
			 struct str host)
{
	must(str_eq(in->method_text, out->method_text) && in->method == out->method);
	must(str_eq(in->path, out->path) && str_eq(in->match_path, out->match_path));
	must(str_eq(in->query, out->query) && str_eq(host, out->authority));
	must(out->minor == 1 && out->keep_alive);
	must(in->upgrade_websocket == out->upgrade_websocket);
	must(in->te_trailers == out->te_trailers);
	/* One less, but for none and for nothing said. */
	must(out->max_forwards + (in->max_forwards + 1 > 1) == in->max_forwards);
	must(in->expect_continue == out->expect_continue);
	must(in->content_length == out->content_length);
	must(in->framing == out->framing ||
	     (in->framing == FRAMING_NONE && out->framing == FRAMING_LENGTH));
	must(fuzz_count_field(&out->fields, FIELD_HOST) == 1);
	fuzz_judge_framing(&out->fields);
}

static struct str write(const struct http_request *req, const struct h1_forwarding *fw,
			struct arena *arena)
{
	struct iovq out;

	iovq_init(&out);
	must(h1_write_request(req, fw, &out, arena));
	return fuzz_flatten(&out, arena);
}

static void write_and_judge(const struct http_request *req, uint8_t how, struct arena *arena)
{
	struct h1_forwarding fw = { .on = how & HOW_FORWARDED, .trusted = how & HOW_TRUSTED,
				    .forwarded = how & HOW_HOPS, .via = how & HOW_HOPS,
				    .node = STR("lb1"), .peer = STR("2001:db8::1"),
				    .proto = STR("https"), .port = 443,
				    .default_host = STR("vhost:8") };
	struct str text = write(req, &fw, arena);
	struct reading again;

	fuzz_judge_head(text);
	reading_begin(&again, &fuzz_strict, arena);
	read_more(&again, text);
	must(again.verdict == HTTP_OK && again.req.head_size == text.n);
	same_meaning(req, &again.req, req->authority.n ? req->authority : fw.default_host);
	judge_fields(req, &again.req, &fw);
	/* What we send on is what the next of us would send on. */
	if (!fw.on && !fw.via && req->max_forwards == HTTP_FORWARDS_ANY)
		must(str_eq(write(&again.req, &fw, arena), text));
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
	reading_begin(&whole, &limits, &arena);
	read_more(&whole, in);
	read_otherwise(&whole, in, data[1]);
	if (whole.verdict == HTTP_OK) {
		judge_taken(&whole.req, &limits);
		write_and_judge(&whole.req, data[0], &arena);
	}
	arena_free(&arena);
	fuzz_free(in);
	return 0;
}
