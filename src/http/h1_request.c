#include "http/connection.h"
#include "http/fields.h"
#include "http/framing.h"
#include "http/chars.h"
#include "http/h1_line.h"
#include "http/h1_parse.h"
#include "http/h1_target.h"
#include "http/websocket.h"

static const struct {
	struct str name;
	enum http_method method;
} methods[] = {
	{ { "GET", 3 }, METHOD_GET },         { { "POST", 4 }, METHOD_POST },
	{ { "HEAD", 4 }, METHOD_HEAD },       { { "PUT", 3 }, METHOD_PUT },
	{ { "OPTIONS", 7 }, METHOD_OPTIONS }, { { "DELETE", 6 }, METHOD_DELETE },
	{ { "PATCH", 5 }, METHOD_PATCH },     { { "CONNECT", 7 }, METHOD_CONNECT },
	{ { "TRACE", 5 }, METHOD_TRACE },
};

static enum http_method method_classify(struct str s)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_eq(s, methods[i].name))
			return methods[i].method;
	return METHOD_OTHER;
}

static void request_init(struct http_request *req)
{
	req->method_text = req->target = req->version = STR_NONE;
	req->path = req->match_path = req->query = req->authority = STR_NONE;
	req->method = METHOD_OTHER;
	req->minor = 1;
	http_fields_init(&req->fields);
	req->framing = FRAMING_NONE;
	req->content_length = 0;
	req->keep_alive = req->expect_continue = req->te_trailers = false;
	req->upgrade_websocket = req->websocket_13 = req->authenticates_connection = false;
	req->max_forwards = HTTP_FORWARDS_ANY;
	req->head_size = 0;
}

static enum reason version_parse(struct str s, unsigned *minor)
{
	unsigned major, digit;

	if (s.n != 8 || !str_begins(s, STR("HTTP/")) || s.p[6] != '.')
		return REASON_REQ_VERSION;
	major = (unsigned char)s.p[5] - (unsigned)'0';
	digit = (unsigned char)s.p[7] - (unsigned)'0';
	if (major > 9 || digit > 9)
		return REASON_REQ_VERSION;
	if (major == 0)
		return REASON_REQ_HTTP09;
	if (major > 1)
		return REASON_REQ_VERSION_UNSUPPORTED;
	*minor = digit ? 1 : 0;
	return REASON_COMPLETE;
}

static enum reason method_parse(struct str *rest, struct http_request *req)
{
	size_t n = 0;

	while (n < rest->n && http_char_is(rest->p[n], CHAR_TOKEN))
		n++;
	req->method_text = str_first(*rest, n);
	if (n == 0 || (n < rest->n && rest->p[n] != ' '))
		return REASON_REQ_METHOD;
	if (n == rest->n)
		return REASON_REQ_LINE;
	req->method = method_classify(req->method_text);
	*rest = str_from(*rest, n + 1);
	return REASON_COMPLETE;
}

/* What there is to know of a line that is refused unread: for the log, and because whoever sent
 * HEAD waits for no body. */
static void refused_line_note(struct str line, struct http_request *req)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (method_parse(&line, req) == REASON_COMPLETE)
		str_split(&line, ' ', &req->target);
}

/* method SP target SP version, with single spaces: the first and the last decide, one
 * between them is a forbidden byte of the target. */
static enum reason request_line_parse(struct str line, struct http_request *req,
				      struct arena *arena)
{
	const char *space;
	enum reason fault;

	if (str_find_char(line, '\r') >= 0) {
		refused_line_note(line, req);
		return REASON_REQ_BARE_CR;
	}
	fault = method_parse(&line, req);
	if (fault != REASON_COMPLETE)
		return fault;
	space = line.n ? memrchr(line.p, ' ', line.n) : NULL;
	if (!space) {
		req->target = line;
		return line.n ? REASON_REQ_HTTP09 : REASON_REQ_LINE;
	}
	req->target = str_first(line, (size_t)(space - line.p));
	req->version = str_from(line, req->target.n + 1);
	fault = version_parse(req->version, &req->minor);
	return fault == REASON_COMPLETE ? h1_target_parse(req, arena) : fault;
}

static enum reason line_too_long(struct h1_parser *p, struct str bytes,
				 const struct h1_limits *limits, struct http_request *req)
{
	refused_line_note(bytes, req);
	if (bytes.n && bytes.p[bytes.n - 1] == '\r')
		bytes.n--;
	return h1_parser_over(p, REASON_REQ_LINE_TOO_LONG, limits->max_line, bytes.n);
}

/* What can be said of a first line, be it whole or not: first of all, so that the pieces in
 * which it comes make no difference. */
static enum reason line_bytes_judge(struct h1_parser *p, struct str bytes,
				    const struct h1_limits *limits, struct http_request *req)
{
	if (bytes.n && bytes.p[0] != '\r' && !http_char_is(bytes.p[0], CHAR_TOKEN))
		return REASON_REQ_METHOD;
	if (bytes.n > limits->max_line + 1 || bytes.n > limits->max_head)
		return line_too_long(p, bytes, limits, req);
	return REASON_COMPLETE;
}

static enum reason line_bare_lf(struct str bytes, struct http_request *req)
{
	refused_line_note(bytes, req);
	return REASON_REQ_BARE_LF;
}

static enum reason whole_line_judge(struct h1_parser *p, const struct h1_line *line,
				    const struct h1_limits *limits, struct arena *arena,
				    struct http_request *req)
{
	if (line->text.n == 0)
		return ++p->empty_lines > H1_EMPTY_LINES_MAX ? REASON_REQ_LINE : REASON_COMPLETE;
	if (line->text.n > limits->max_line || line->whole.n > limits->max_head)
		return line_too_long(p, line->text, limits, req);
	p->has_first_line = true;
	return request_line_parse(line->text, req, arena);
}

static enum http_verdict first_line_read(struct h1_parser *p, struct str in,
					 const struct h1_limits *limits, struct arena *arena,
					 struct http_request *req, enum reason *why)
{
	struct h1_line line;
	struct str bytes;
	enum http_verdict v;

	do {
		p->head_at = p->line_at;
		v = h1_line_next(p, in, limits->relax_bare_lf, &line);
		bytes = v == HTTP_MORE ? str_from(in, p->head_at)
				       : str_first(line.whole, line.whole.n - 1);
		*why = line_bytes_judge(p, bytes, limits, req);
		if (*why == REASON_COMPLETE && v == HTTP_BAD)
			*why = line_bare_lf(bytes, req);
		else if (*why == REASON_COMPLETE && v == HTTP_OK)
			*why = whole_line_judge(p, &line, limits, arena, req);
		if (*why != REASON_COMPLETE)
			return HTTP_BAD;
	} while (v == HTTP_OK && !p->has_first_line);
	return v;
}

/* What the fields say, before it is judged as a whole. */
struct facts {
	struct http_framing_facts framing;
	struct http_connection_facts connection;
	struct http_websocket_facts websocket;
	unsigned hosts;
	struct str host;
	bool expect_other; /* something that is not 100-continue */
	bool forwards_bad;
};

static void expect_read(struct http_request *req, struct http_field *f, struct facts *facts)
{
	struct str rest = f->value, item;
	bool expects_continue = false;

	while (http_list_next(&rest, &item)) {
		if (str_ieq(item, STR("100-continue")))
			expects_continue = true;
		else
			facts->expect_other = true;
	}
	if (!expects_continue)
		facts->expect_other = true;
	f->drop = req->minor == 0; /* RFC 9110 10.1.1: ignored */
	req->expect_continue |= expects_continue && !f->drop;
}

/* Of other methods it means nothing and passes as it came. What is left of it goes out in a
 * line of our own; more than we can count is as good as the most that we can. */
static bool forwards_read(struct http_request *req, struct http_field *f)
{
	uint64_t v = 0;

	if (req->method != METHOD_OPTIONS)
		return true;
	if (req->max_forwards != HTTP_FORWARDS_ANY || f->value.n == 0)
		return false;
	for (size_t i = 0; i < f->value.n; i++) {
		unsigned digit = (unsigned char)f->value.p[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		v = v * 10 + digit;
		v = v < UINT32_MAX ? v : UINT32_MAX; /* no request goes so far */
	}
	req->max_forwards = v;
	f->drop = true;
	return true;
}

static void field_read(struct http_request *req, struct http_field *f, struct facts *facts)
{
	switch (f->id) {
	case FIELD_CONNECTION:
		http_connection_add(&facts->connection, f->value);
		break;
	case FIELD_CONTENT_LENGTH:
		http_framing_add_length(&facts->framing, f->value);
		break;
	case FIELD_TRANSFER_ENCODING:
		http_framing_add_coding(&facts->framing, f->value);
		break;
	case FIELD_HOST:
		facts->hosts++;
		facts->host = f->value;
		break;
	case FIELD_TE:
		req->te_trailers |= req->minor > 0 && http_list_has(f->value, STR("trailers"));
		break;
	case FIELD_EXPECT:
		expect_read(req, f, facts);
		break;
	case FIELD_AUTHORIZATION:
		req->authenticates_connection |= http_auth_is_of_connection(f->value);
		break;
	case FIELD_MAX_FORWARDS:
		facts->forwards_bad |= !forwards_read(req, f);
		break;
	default:
		http_websocket_read(&facts->websocket, f);
		break;
	}
}

static enum reason upgrade_judge(struct http_request *req, struct facts *facts)
{
	facts->websocket.connection = facts->connection.upgrade;
	if (!http_websocket_request_good(&facts->websocket, req->method, req->minor))
		return REASON_REQ_UPGRADE;
	req->upgrade_websocket = true;
	req->websocket_13 = http_websocket_is_13(&facts->websocket);
	return REASON_COMPLETE;
}

static enum reason method_judge(enum http_method m)
{
	if (m == METHOD_CONNECT)
		return REASON_REQ_CONNECT;
	return m == METHOD_TRACE ? REASON_REQ_TRACE : REASON_COMPLETE;
}

static enum reason request_judge(struct h1_parser *p, struct http_request *req)
{
	struct facts facts = { 0 };
	enum reason fault;

	for (unsigned i = 0; i < req->fields.count; i++)
		if (req->fields.list[i].id != FIELD_OTHER)
			field_read(req, &req->fields.list[i], &facts);
	req->keep_alive = http_connection_persists(&facts.connection, req->minor);
	fault = http_framing_judge_request(&facts.framing, req->minor, &req->framing,
					   &req->content_length);
	if (fault == REASON_COMPLETE)
		fault = h1_target_judge_host(req, facts.hosts, facts.host);
	if (fault == REASON_COMPLETE)
		fault = method_judge(req->method);
	if (fault == REASON_COMPLETE && facts.expect_other)
		fault = REASON_REQ_EXPECT;
	if (fault == REASON_COMPLETE && facts.forwards_bad)
		fault = REASON_REQ_MAX_FORWARDS;
	if (fault == REASON_COMPLETE && facts.connection.options > HTTP_CONNECTION_OPTIONS_MAX)
		fault = h1_parser_over(p, REASON_REQ_CONNECTION, HTTP_CONNECTION_OPTIONS_MAX,
				       facts.connection.options);
	if (fault != REASON_COMPLETE)
		return fault;
	if (facts.connection.named)
		http_connection_drop_named(&req->fields);
	return facts.websocket.listed ? upgrade_judge(req, &facts) : REASON_COMPLETE;
}

enum http_verdict h1_parse_request(struct h1_parser *p, struct str in,
				   const struct h1_limits *limits, struct arena *arena,
				   struct http_request *req, enum reason *why)
{
	enum http_verdict v;

	*why = REASON_COMPLETE;
	h1_parser_follow(p, in);
	if (!p->has_first_line) {
		request_init(req);
		v = first_line_read(p, in, limits, arena, req, why);
		if (v != HTTP_OK)
			return v;
	}
	v = h1_fields_read(p, in, limits, true, arena, &req->fields, why);
	if (v != HTTP_OK)
		return v;
	req->head_size = p->line_at;
	*why = request_judge(p, req);
	return *why == REASON_COMPLETE ? HTTP_OK : HTTP_BAD;
}
