/* The fields of an HTTP/2 response (RFC 9113 8.1 to 8.3, RFC 8441), one by one as HPACK gives
 * them, → the head of an HTTP/1.1 response that says the same. What is malformed is refused, so
 * that no byte of a field can be taken for anything but itself; what is merely bad is left to
 * the parser of HTTP/1.1, which reads the text. Pure. */
#ifndef HPCBAL_HTTP_H2_REPLY_H
#define HPCBAL_HTTP_H2_REPLY_H

#include "http/h2_block.h"

struct h2_reply {
	struct h2_block block;
	bool opens;      /* 2xx would open a WebSocket: it is written as 101 */
	bool to_head;    /* it answers a HEAD */
	unsigned status; /* 0: none yet */
	bool has_length;
	uint64_t length; /* of Content-Length, when there is one */
};

/* Bytes that a head may have besides those of its fields. */
#define H2_REPLY_ADDED 256u

/* The room must be for limits->max_head and H2_REPLY_ADDED bytes. The caller sets `opens` and
 * `to_head` then, where they hold. */
void h2_reply_begin(struct h2_reply *r, const struct h2_limits *limits, char *text, size_t room,
		    bool trailers);
void h2_reply_field(struct h2_reply *r, struct str name, struct str value);
/* The block is whole. `ended`: no body follows. `accept` is what the key of the WebSocket is
 * answered with, as our own parser expects it. */
void h2_reply_end(struct h2_reply *r, bool ended, struct str accept);

static inline bool h2_reply_is_interim(const struct h2_reply *r)
{
	return r->status < 200;
}

static inline bool h2_reply_opens(const struct h2_reply *r)
{
	return r->opens && r->status >= 200 && r->status < 300;
}

/* Whether no DATA may follow, however long the head says that it would be. */
static inline bool h2_reply_is_bodiless(const struct h2_reply *r)
{
	return r->to_head || r->status == 204 || r->status == 304;
}

#endif
