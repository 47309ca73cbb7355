/* HTTP/1.x heads (RFC 9112 2 to 6), strict (HTTP.md 1 to 38, 65 to 80): bytes in, a verdict
 * out. Incremental: each line is looked at once, when it is whole, so that a head that
 * arrives byte by byte costs no more than one that arrives at once, and a bad first line is
 * refused before the rest has come. Pure. */
#ifndef HPCBAL_HTTP_H1_PARSE_H
#define HPCBAL_HTTP_H1_PARSE_H

#include "http/message.h"

/* Empty lines that may stand before a request (RFC 9112 2.2). */
#define H1_EMPTY_LINES_MAX 4

struct h1_limits {
	size_t max_line;    /* of the request line (414) */
	size_t max_head;    /* of all of it (431; a response: RES_HEAD_TOO_LARGE) */
	unsigned max_fields;
	bool relax_bare_lf; /* take LF for CRLF */
};

struct h1_parser {
	const char *bytes; /* where `in` was at the last call */
	size_t line_at; /* where the first line not yet parsed begins */
	size_t scan_at; /* no LF between line_at and this */
	size_t head_at; /* where the first line begins: limits count from here */
	unsigned empty_lines;
	bool has_first_line;
	bool relaxed; /* a bare LF was taken for a line's end */
	/* When HTTP_BAD is because of a limit: the limit, and how much had come of what it is
	 * about, which may not have been all. */
	size_t limit, size;
};

void h1_parser_reset(struct h1_parser *p);
/* A limit is passed: `why`, and what the parser tells of it. */
enum reason h1_parser_over(struct h1_parser *p, enum reason why, size_t limit, size_t size);
/* Called by the parsers: spans into bytes that have moved since are worth nothing. */
void h1_parser_follow(struct h1_parser *p, struct str in);

/* `in` holds all bytes of the head so far. It should begin at the same address at every call
 * for one head: when it has moved, all is read again. On HTTP_OK `req` is whole: fields
 * judged, framing decided, hop-by-hop fields marked `drop`, path normalised (into `arena`
 * where it changed). On HTTP_BAD `why` says which fault; method_text, target, minor are
 * filled as far as they were read, for the log. An arena that failed gives HTTP_BAD with
 * NO_MEMORY. */
enum http_verdict h1_parse_request(struct h1_parser *p, struct str in,
				   const struct h1_limits *limits, struct arena *arena,
				   struct http_request *req, enum reason *why);

/* The answer to a request with `method`; `upgrade` when that request asked for WebSocket.
 * Interim (1xx) heads are returned like any other, with FRAMING_NONE; the caller asks again. */
enum http_verdict h1_parse_response(struct h1_parser *p, struct str in,
				    const struct h1_limits *limits, struct arena *arena,
				    enum http_method method, bool upgrade,
				    struct http_response *res, enum reason *why);

#endif
