/* The seam between an exchange and the protocol that its messages are written in: HTTP/1.1,
 * and HTTP/2, whose messages have the same text here (http/h2_request). Bodies pass through
 * proxy/forward, by their framing. All functions are pure, and as their h1_ namesakes say. */
#ifndef HPCBAL_HTTP_CODEC_H
#define HPCBAL_HTTP_CODEC_H

#include "http/h1_parse.h"
#include "http/h1_write.h"

struct codec {
	const char *name;
	/* The key of a WebSocket handshake is ours, and so its answer is ours to judge. */
	bool own_handshake;
	enum http_verdict (*parse_request)(struct h1_parser *p, struct str in,
					   const struct h1_limits *limits, struct arena *arena,
					   struct http_request *req, enum reason *why);
	enum http_verdict (*parse_response)(struct h1_parser *p, struct str in,
					    const struct h1_limits *limits, struct arena *arena,
					    enum http_method method, bool upgrade,
					    struct http_response *res, enum reason *why);
	bool (*write_request)(const struct http_request *req, const struct h1_forwarding *f,
			      struct iovq *out, struct arena *arena);
	bool (*write_response)(const struct http_response *res, const struct h1_reply *r,
			       struct iovq *out, struct arena *arena);
	bool (*write_answer)(const struct h1_answer *a, enum http_method method,
			     const struct h1_reply *r, struct iovq *out, struct arena *arena);
};

extern const struct codec codec_h1, codec_h2;

#endif
