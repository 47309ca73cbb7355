/* One HTTP/2 connection of a client (RFC 9113): a session (http/h2_session.h) in which we are the
 * server. A stream's `head`, `in` and `trailers` are the request's, `out` and `response` the
 * response's. Pure. */
#ifndef HPCBAL_HTTP_H2_SERVER_H
#define HPCBAL_HTTP_H2_SERVER_H

#include "http/h2_session.h"

/* `calls` need all but make_accept. NULL: out of memory. */
struct h2_session *h2_server_new(const struct h2_limits *limits, unsigned max_streams,
				 const struct h2_owner *calls, void *owner,
				 struct buf_pool *buffers, uint64_t now);

/* The first step of a graceful end (RFC 9113 6.8): GOAWAY with 2^31-1, and a PING. */
void h2_server_leave(struct h2_session *s);
/* Whether that was answered; then, or when that lasts, the second: GOAWAY with the last id. */
bool h2_server_left(const struct h2_session *s);
void h2_server_leave_now(struct h2_session *s);

#endif
