#include "http/codec.h"

#include "http/h2_request.h"

const struct codec codec_h1 = {
	.name = "HTTP/1.1",
	.parse_request = h1_parse_request,
	.parse_response = h1_parse_response,
	.write_request = h1_write_request,
	.write_response = h1_write_response,
	.write_answer = h1_write_answer,
};

static size_t limit_of(enum reason why, const struct h1_limits *limits)
{
	switch (why) {
	case REASON_REQ_HEAD_TOO_LARGE:
		return limits->max_head;
	case REASON_REQ_TOO_MANY_FIELDS:
		return limits->max_fields;
	case REASON_REQ_LINE_TOO_LONG:
		return H2_PSEUDO_MAX;
	default:
		return 0;
	}
}

static enum http_verdict h2_parse_request(struct h1_parser *p, struct str in,
					  const struct h1_limits *limits, struct arena *arena,
					  struct http_request *req, enum reason *why)
{
	enum reason fault;
	size_t size;
	bool refused = h2_refusal_read(&in, &fault, &size);
	enum http_verdict v = h1_parse_request(p, in, limits, arena, req, why);

	req->version = STR("HTTP/2.0");
	if (!refused)
		return v;
	*why = h1_parser_over(p, fault, limit_of(fault, limits), size);
	return HTTP_BAD;
}

const struct codec codec_h2 = {
	.name = "HTTP/2",
	.own_handshake = true,
	.parse_request = h2_parse_request,
	.parse_response = h1_parse_response,
	.write_request = h1_write_request,
	.write_response = h1_write_response,
	.write_answer = h1_write_answer,
};
