#include "upstream/http_check.h"

#include <stdio.h>

#include "base/clock.h"

#define FIELDS_MAX 200

static const struct h1_limits limits = { .max_line = HTTP_CHECK_IN,
					 .max_head = HTTP_CHECK_IN,
					 .max_fields = FIELDS_MAX };

void http_check_init(struct http_check *h, const struct conf_check *check, struct arena *arena,
		     const unsigned char random[16])
{
	*h = (struct http_check){ .check = check, .arena = arena };
	digest_websocket_key(random, h->key);
	h1_parser_reset(&h->parser);
}

static bool is_websocket(const struct http_check *h)
{
	return h->check->kind == CONF_CHECK_WEBSOCKET;
}

struct str http_check_rest(const struct http_check *h, struct str in)
{
	return str_from(in, h->head_at + h->response.head_size);
}

/* ---- the request ---- */

/* Whether the check's own fields have one of this name; `with` is "Name:". */
static bool has_own_field(const struct conf_check *c, struct str with)
{
	struct str rest = c->fields, line;

	while (str_split(&rest, '\n', &line))
		if (str_ibegins(line, with))
			return true;
	return false;
}

/* Methods whose requests have a body as a rule say that theirs is empty (RFC 9110 8.6). */
static const char *length_of(struct str method)
{
	bool body = str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) ||
		    str_eq(method, STR("PATCH"));

	return body ? "Content-Length: 0\r\n" : "";
}

struct str http_check_request(const struct http_check *h, const struct addr *addr)
{
	const struct conf_check *c = h->check;
	bool agent = has_own_field(c, STR("User-Agent:"));
	bool accept = has_own_field(c, STR("Accept:"));
	struct str connection = STR("Connection: close\r\n");
	char address[ADDR_TEXT];

	if (addr->u.sa.sa_family == AF_UNIX)
		snprintf(address, sizeof(address), "localhost");
	else
		addr_format(addr, address, sizeof(address));
	if (is_websocket(h))
		connection = arena_printf(h->arena,
					  "Connection: Upgrade\r\nUpgrade: websocket\r\n"
					  "Sec-WebSocket-Version: 13\r\n"
					  "Sec-WebSocket-Key: %s\r\n", h->key);
	return arena_printf(h->arena,
			    "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n%s%s%s%.*s"
			    "%.*s\r\n",
			    STR_ARGS(c->method), STR_ARGS(c->path),
			    STR_ARGS(c->host.n ? c->host : str_of(address)),
			    agent ? "" : "User-Agent: hpcbal-check\r\n",
			    accept ? "" : "Accept: */*\r\n", length_of(c->method),
			    STR_ARGS(c->fields), STR_ARGS(connection));
}

/* ---- the head ---- */

/* "200-399,404", cut when it does not fit. */
static void format_expect(char *to, size_t size, const struct conf_check *check)
{
	size_t n = 0;

	to[0] = '\0';
	for (unsigned i = 0; i < check->n_expect && n < size; i++) {
		const struct conf_status_range *r = &check->expect[i];
		const char *comma = i ? "," : "";

		if (r->from == r->to)
			n += (size_t)snprintf(to + n, size - n, "%s%u", comma, r->from);
		else
			n += (size_t)snprintf(to + n, size - n, "%s%u-%u", comma, r->from, r->to);
	}
}

static bool is_expected(const struct conf_check *c, unsigned status)
{
	for (unsigned i = 0; i < c->n_expect; i++)
		if (status >= c->expect[i].from && status <= c->expect[i].to)
			return true;
	return false;
}

static bool good(const struct http_check *h, uint64_t us, struct probe_result *result)
{
	result->ok = true;
	snprintf(result->reason, sizeof(result->reason), "%u in %llu ms", h->response.status,
		 (unsigned long long)(us / CLOCK_MS));
	return true;
}

static bool bad(const char *why, struct probe_result *result)
{
	result->ok = false;
	str_copy(result->reason, sizeof(result->reason), str_of(why));
	return true;
}

static bool unexpected(const struct http_check *h, struct probe_result *result)
{
	char expected[64];

	format_expect(expected, sizeof(expected), h->check);
	result->ok = false;
	snprintf(result->reason, sizeof(result->reason), "%u, expected %s", h->response.status,
		 expected);
	return true;
}

static enum http_method method_of(const struct conf_check *c)
{
	return str_eq(c->method, STR("HEAD")) ? METHOD_HEAD : METHOD_GET;
}

/* "Name" or "Name: value", whose value is a whole one or one of a list. */
static bool has_field(const struct http_fields *fields, struct str wanted)
{
	struct str value = wanted, name, rest, item;

	str_split(&value, ':', &name);
	value = str_trim(value);
	for (unsigned i = 0; i < fields->count; i++) {
		const struct http_field *f = &fields->list[i];

		if (!str_ieq(f->name, name))
			continue;
		if (!value.n || str_ieq(f->value, value))
			return true;
		for (rest = f->value; http_list_next(&rest, &item);)
			if (str_ieq(item, value))
				return true;
	}
	return false;
}

/* Whether it asks to be drained, which it does alive and well. */
static bool asks_drain(const struct http_check *h, bool is_good, uint64_t us,
		       struct probe_result *result)
{
	const struct conf_check *c = h->check;
	bool status = c->drain_status == h->response.status;

	if (!status && !(is_good && c->drain_header.n &&
			 has_field(&h->response.fields, c->drain_header)))
		return false;
	result->ok = result->drain = true;
	if (status)
		snprintf(result->reason, sizeof(result->reason),
			 "asks to be drained: %u in %llu ms", h->response.status,
			 (unsigned long long)(us / CLOCK_MS));
	else
		snprintf(result->reason, sizeof(result->reason),
			 "asks to be drained: \"%.*s\", %u in %llu ms",
			 STR_ARGS(str_first(c->drain_header, 60)), h->response.status,
			 (unsigned long long)(us / CLOCK_MS));
	return true;
}

static bool judge_switch(const struct http_check *h, uint64_t us, struct probe_result *result)
{
	const struct http_field *accept = http_field_find_name(&h->response.fields,
							       STR("Sec-WebSocket-Accept"));
	char right[DIGEST_ACCEPT];

	result->status = h->response.status;
	if (asks_drain(h, h->response.status == 101, us, result))
		return true;
	if (h->response.status != 101) {
		result->ok = false;
		snprintf(result->reason, sizeof(result->reason), "%u, expected 101",
			 h->response.status);
		return true;
	}
	digest_websocket_accept(str_of(h->key), right);
	if (accept && str_eq(accept->value, str_of(right)))
		return good(h, us, result);
	return bad("101, but its Sec-WebSocket-Accept is not what the key asks for", result);
}

/* The final head is there. True: it decides. */
static bool judge_status(struct http_check *h, uint64_t us, struct probe_result *result)
{
	result->status = h->response.status;
	if (asks_drain(h, is_expected(h->check, h->response.status), us, result))
		return true;
	if (!is_expected(h->check, h->response.status))
		return unexpected(h, result);
	if (!h->check->body.n)
		return good(h, us, result);
	h->text = arena_alloc(h->arena, HTTP_CHECK_IN);
	if (!h->text)
		return bad("out of memory", result);
	h->has_head = true;
	h->head_at += h->response.head_size;
	h1_chunks_init(&h->chunks, &limits);
	h->chunks.any_name = true;
	return false;
}

/* One head; true when it decides. A 1xx does not, and `head_at` passes it. */
static bool judge_head(struct http_check *h, struct str in, bool *more, uint64_t us,
		       struct probe_result *result)
{
	enum reason why = REASON_COMPLETE;

	switch (h1_parse_response(&h->parser, str_from(in, h->head_at), &limits, h->arena,
				  method_of(h->check), is_websocket(h), &h->response, &why)) {
	case HTTP_MORE:
		*more = true;
		return false;
	case HTTP_BAD:
		result->ok = false;
		snprintf(result->reason, sizeof(result->reason), "answer is not HTTP: %s",
			 reason_text(why));
		return true;
	case HTTP_OK:
		break;
	}
	if (is_websocket(h) && (h->response.status >= 200 || h->response.status == 101))
		return judge_switch(h, us, result);
	if (h->response.status >= 200)
		return judge_status(h, us, result);
	h->head_at += h->response.head_size;
	h1_parser_reset(&h->parser);
	return false;
}

/* ---- the body ---- */

/* Only what has come since, and as much before it as the text may have begun in. */
static bool find_text(struct http_check *h, struct str data)
{
	struct str want = h->check->body;
	size_t from = h->n_text < want.n ? 0 : h->n_text - want.n;

	if (data.n)
		memcpy(h->text + h->n_text, data.p, data.n);
	h->n_text += data.n;
	return str_find((struct str){ h->text + from, h->n_text - from }, want) >= 0;
}

enum piece { PIECE_MORE, PIECE_FOUND, PIECE_END, PIECE_BAD };

static enum piece read_chunks(struct http_check *h, struct str in)
{
	enum reason why;

	while (in.n) {
		struct str data = STR_NONE;
		size_t used = 0;
		enum http_verdict v =
			h1_chunks_next(&h->chunks, in, h->arena, &used, &data, &why);

		h->body_seen += used;
		in = str_from(in, used);
		if (v == HTTP_BAD)
			return PIECE_BAD;
		if (v == HTTP_OK && find_text(h, data))
			return PIECE_FOUND;
		if (h->chunks.done)
			return PIECE_END;
	}
	return PIECE_MORE;
}

static enum piece read_body(struct http_check *h, struct str in)
{
	struct str fresh = str_from(in, h->head_at + (size_t)h->body_seen);
	uint64_t left;

	switch (h->response.framing) {
	case FRAMING_CHUNKED:
		return read_chunks(h, fresh);
	case FRAMING_LENGTH:
		left = h->response.content_length - h->body_seen;
		fresh = str_first(fresh, left < fresh.n ? (size_t)left : fresh.n);
		break;
	case FRAMING_CLOSE:
		break;
	default:
		return PIECE_END;
	}
	h->body_seen += fresh.n;
	if (find_text(h, fresh))
		return PIECE_FOUND;
	return h->response.framing == FRAMING_LENGTH &&
			       h->body_seen == h->response.content_length
		       ? PIECE_END
		       : PIECE_MORE;
}

static bool without_text(const struct http_check *h, bool whole, struct probe_result *result)
{
	result->ok = false;
	snprintf(result->reason, sizeof(result->reason), "%u, but \"%.*s\" is not in %s",
		 h->response.status, STR_ARGS(str_first(h->check->body, 40)),
		 whole ? "its body" : "the first 16 KiB of the answer");
	return true;
}

static bool judge_body(struct http_check *h, struct str in, bool ended, uint64_t us,
		       struct probe_result *result)
{
	enum piece p = read_body(h, in);

	if (p == PIECE_MORE && !ended)
		return false;
	switch (p) {
	case PIECE_FOUND:
		return good(h, us, result);
	case PIECE_BAD:
		return bad("the chunks of its answer are malformed", result);
	case PIECE_END:
		return without_text(h, true, result);
	case PIECE_MORE:
		break;
	}
	if (in.n == HTTP_CHECK_IN || h->response.framing == FRAMING_CLOSE)
		return without_text(h, in.n < HTTP_CHECK_IN, result);
	return bad("closed in the middle of its answer", result);
}

bool http_check_judge(struct http_check *h, struct str in, bool ended, uint64_t elapsed_us,
		      struct probe_result *result)
{
	bool more = in.n == h->head_at;

	while (!h->has_head && !more)
		if (judge_head(h, in, &more, elapsed_us, result))
			return true;
	if (h->has_head)
		return judge_body(h, in, ended, elapsed_us, result);
	if (!ended)
		return false;
	return bad(in.n == HTTP_CHECK_IN ? "answer is not HTTP: its head has no end"
		   : in.n                ? "closed in the middle of its answer"
					 : "closed without an answer",
		   result);
}
