/* One HTTP/2 connection to a server (RFC 9113): a session (http/h2_session.h) in which we are the
 * client. A stream's `head`, `in` and `trailers` are the response's, `out` and `response` are the
 * request's. A fault of one stream is st->fault, a row of base/reason.def; the others do not
 * notice. Pure. */
#ifndef HPCBAL_HTTP_H2_ORIGIN_H
#define HPCBAL_HTTP_H2_ORIGIN_H

#include "http/h2_session.h"

/* Streams that one connection carries at most, whatever its server allows. */
#define H2_ORIGIN_STREAMS 100u

/* `calls` need stir, gone and make_accept; `limits` are those of responses. NULL: no memory. */
struct h2_session *h2_origin_new(const struct h2_limits *limits, const struct h2_owner *calls,
				void *owner, struct buf_pool *buffers, uint64_t now);
/* How many streams it may have at a time; 0: no new ones. */
unsigned h2_origin_streams(const struct h2_session *s);
/* Whether the server's SETTINGS have come, and whether they announce RFC 8441. */
bool h2_origin_is_greeted(const struct h2_session *s);
bool h2_origin_takes_websockets(const struct h2_session *s);
/* Whether the server has said GOAWAY. */
bool h2_origin_is_leaving(const struct h2_session *s);
/* Why it ended, in the words for servers; REASON_COMPLETE: it has not, by a fault. */
enum reason h2_origin_fault(const struct h2_session *s, const char **text);

/* A stream begins, all zero but what is the owner's; it has an id when the head is given. */
void h2_origin_open(struct h2_session *s, struct h2_stream *st, bool secure);
/* The response's next bytes, as HTTP/1.1 has them. 0: nothing now, or the end. */
size_t h2_origin_take(struct h2_stream *st, char *to, size_t room);
bool h2_origin_has_more(const struct h2_stream *st);
/* The owner has done with it: it is reset, unless both messages are whole. */
void h2_origin_leave(struct h2_stream *st);
/* Heads that are still here when all was sent that can be: the server allows no more streams than
 * it has, and said so after they were opened. Such a one is as good as refused by it. */
bool h2_origin_has_unsent(const struct h2_session *s);
bool h2_origin_refuse_unsent(struct h2_stream *st);
/* Whether the server has certainly not looked at its request (RFC 9113 8.7). */
bool h2_origin_was_refused(const struct h2_stream *st);
/* "CANCEL"; of static storage. */
const char *h2_origin_code(const struct h2_stream *st);

#endif
