#include "http/chars.h"
#include "http/connection.h"
#include "http/fields.h"
#include "http/framing.h"
#include "http/h1_line.h"
#include "http/h1_parse.h"
#include "http/websocket.h"

static void response_init(struct http_response *res)
{
	res->status = 0;
	res->reason_phrase = STR_NONE;
	res->minor = 1;
	http_fields_init(&res->fields);
	res->framing = FRAMING_NONE;
	res->content_length = 0;
	res->has_length = res->keep_alive = res->has_date = false;
	res->upgrade_websocket = res->authenticates_connection = res->has_idle_limit = false;
	res->idle_limit = UINT64_MAX;
	res->head_size = 0;
}

static bool digits3(struct str s, unsigned *v)
{
	uint64_t n;

	if (s.n < 3 || !str_to_u64(str_first(s, 3), &n))
		return false;
	*v = (unsigned)n;
	return true;
}

/* "HTTP/1.x SP 3DIGIT [SP [phrase]]" */
static enum reason status_line_parse(struct str line, struct http_response *res)
{
	struct str rest = str_from(line, 9);

	if (line.n < 12 || !str_begins(line, STR("HTTP/1.")) || line.p[7] < '0' ||
	    line.p[7] > '9' || line.p[8] != ' ' || !digits3(rest, &res->status))
		return REASON_RES_LINE;
	res->minor = line.p[7] == '0' ? 0 : 1;
	if (rest.n > 3 && rest.p[3] != ' ')
		return REASON_RES_LINE;
	res->reason_phrase = str_from(rest, 4);
	if (h1_value_check(res->reason_phrase) != REASON_COMPLETE)
		return REASON_RES_LINE;
	return res->status < 100 || res->status > 599 ? REASON_RES_STATUS : REASON_COMPLETE;
}

/* What can be said of a first line, be it whole or not: first of all, so that the pieces in
 * which it comes make no difference, and what is no HTTP never waits for its line's end. */
static enum reason line_bytes_judge(struct h1_parser *p, struct str bytes,
				    const struct h1_limits *limits)
{
	struct str begin = STR("HTTP/1.");

	if (!str_begins(begin, str_first(bytes, begin.n)))
		return REASON_RES_LINE;
	if (bytes.n > limits->max_head)
		return h1_parser_over(p, REASON_RES_HEAD_TOO_LARGE, limits->max_head, bytes.n);
	return REASON_COMPLETE;
}

static enum http_verdict first_line_read(struct h1_parser *p, struct str in,
					 const struct h1_limits *limits,
					 struct http_response *res, enum reason *why)
{
	struct h1_line line;
	enum http_verdict v = h1_line_next(p, in, limits->relax_bare_lf, &line);

	*why = line_bytes_judge(p, v == HTTP_MORE ? in : line.whole, limits);
	if (*why == REASON_COMPLETE && v == HTTP_BAD)
		*why = REASON_RES_LINE;
	else if (*why == REASON_COMPLETE && v == HTTP_OK)
		*why = status_line_parse(line.text, res);
	p->has_first_line = v == HTTP_OK && *why == REASON_COMPLETE;
	return *why == REASON_COMPLETE ? v : HTTP_BAD;
}

struct facts {
	struct http_framing_facts framing;
	struct http_connection_facts connection;
	struct http_websocket_facts websocket;
};

static void idle_limit_read(struct http_response *res, struct str value)
{
	uint64_t seconds;

	if (!http_keep_alive_timeout(value, &seconds))
		return;
	res->has_idle_limit = true;
	if (seconds < res->idle_limit)
		res->idle_limit = seconds;
}

static void field_read(struct http_response *res, struct http_field *f, struct facts *facts)
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
	case FIELD_KEEP_ALIVE:
		idle_limit_read(res, f->value);
		break;
	case FIELD_WWW_AUTHENTICATE:
	case FIELD_PROXY_AUTHENTICATE:
		res->authenticates_connection |= http_auth_is_of_connection(f->value);
		break;
	default:
		http_websocket_read(&facts->websocket, f);
		break;
	}
}

/* HTTP.md 69 and 130. A 426 has to name what it asks for (RFC 9110 15.5.22), of which we know
 * one protocol only. */
static enum reason switch_judge(struct http_response *res, bool upgrade, struct facts *facts)
{
	struct http_websocket_facts *w = &facts->websocket;

	w->connection = facts->connection.upgrade;
	if (res->status == 101)
		res->upgrade_websocket = upgrade && http_websocket_switch_good(w, res->minor);
	else
		res->upgrade_websocket = res->status == 426 && w->listed;
	if (res->status == 101 && !res->upgrade_websocket)
		return REASON_RES_SWITCH;
	return REASON_COMPLETE;
}

static bool has_no_body(unsigned status, enum http_method method)
{
	return method == METHOD_HEAD || status < 200 || status == 204 || status == 304;
}

/* RFC 9112 6.3. A length of HEAD and 304 passes as a field; in 1xx and 204 it must not be
 * (HTTP.md 65, 66). Lengths that differ are a fault whether there is a body or not (71). */
static enum reason body_judge(struct http_response *res, enum http_method method,
			      const struct http_framing_facts *f)
{
	bool without = has_no_body(res->status, method);
	enum reason fault = http_framing_judge_response(f, &res->framing, &res->content_length);

	if (fault == REASON_RES_CODING && without)
		fault = REASON_COMPLETE; /* it says nothing about a body that is not there */
	if (fault != REASON_COMPLETE)
		return fault;
	res->has_length = f->lengths > 0 && f->codings == 0 && res->status >= 200 &&
			  res->status != 204;
	if (without)
		res->framing = FRAMING_NONE;
	return REASON_COMPLETE;
}

/* A head with both framings, or a coding in HTTP/1.0, is not to be trusted with another
 * message behind it (RFC 9112 6.1); nor is a 204 that promises a body, which may follow. */
static bool response_persists(const struct http_response *res, const struct facts *facts)
{
	if (res->framing == FRAMING_CLOSE)
		return false;
	if (facts->framing.codings && (facts->framing.lengths || res->minor == 0))
		return false;
	if (res->status == 204 && (facts->framing.codings || facts->framing.length > 0))
		return false;
	return http_connection_persists(&facts->connection, res->minor);
}

static void date_find(struct http_response *res)
{
	for (unsigned i = 0; i < res->fields.count; i++)
		if (res->fields.list[i].id == FIELD_DATE && !res->fields.list[i].drop)
			res->has_date = true;
}

static enum reason response_judge(struct h1_parser *p, struct http_response *res,
				  enum http_method method, bool upgrade)
{
	struct facts facts = { 0 };
	enum reason fault;

	for (unsigned i = 0; i < res->fields.count; i++)
		if (res->fields.list[i].id != FIELD_OTHER)
			field_read(res, &res->fields.list[i], &facts);
	fault = body_judge(res, method, &facts.framing);
	if (fault == REASON_COMPLETE && facts.connection.options > HTTP_CONNECTION_OPTIONS_MAX)
		fault = h1_parser_over(p, REASON_RES_CONNECTION, HTTP_CONNECTION_OPTIONS_MAX,
				       facts.connection.options);
	if (fault != REASON_COMPLETE)
		return fault;
	if (facts.connection.named)
		http_connection_drop_named(&res->fields);
	res->keep_alive = response_persists(res, &facts);
	date_find(res);
	return switch_judge(res, upgrade, &facts);
}

static enum reason response_reason(enum reason of_request)
{
	switch (of_request) {
	case REASON_COMPLETE:
	case REASON_NO_MEMORY:
		return of_request;
	case REASON_REQ_HEAD_TOO_LARGE:
		return REASON_RES_HEAD_TOO_LARGE;
	case REASON_REQ_TOO_MANY_FIELDS:
		return REASON_RES_TOO_MANY_FIELDS;
	default:
		return REASON_RES_FIELD;
	}
}

enum http_verdict h1_parse_response(struct h1_parser *p, struct str in,
				    const struct h1_limits *limits, struct arena *arena,
				    enum http_method method, bool upgrade,
				    struct http_response *res, enum reason *why)
{
	enum http_verdict v;

	*why = REASON_COMPLETE;
	h1_parser_follow(p, in);
	if (!p->has_first_line) {
		response_init(res);
		v = first_line_read(p, in, limits, res, why);
		if (v != HTTP_OK)
			return v;
	}
	v = h1_fields_read(p, in, limits, false, arena, &res->fields, why);
	*why = response_reason(*why);
	if (v != HTTP_OK)
		return v;
	res->head_size = p->line_at;
	*why = response_judge(p, res, method, upgrade);
	return *why == REASON_COMPLETE ? HTTP_OK : HTTP_BAD;
}
