/* The fields of an HTTP/2 response (RFC 9113 8.1 to 8.3, RFC 8441), one by one as HPACK gives
 * them, → the head of an HTTP/1.1 response that says the same. What is malformed is refused, so
 * that no byte of a field can be taken for anything but itself; what is merely bad is left to
 * the parser of HTTP/1.1, which reads the text. Pure. */
#ifndef HPCBAL_HTTP_H2_REPLY_H
#define HPCBAL_HTTP_H2_REPLY_H

#include "http/h2_request.h"

struct h2_reply {
	struct h2_limits limits;
	char *text; /* where it is written: `room` bytes, the caller's */
	size_t n, room;
	enum reason fault; /* the first; REASON_COMPLETE: none */
	bool trailers;     /* a trailer section */
	bool opens;        /* 2xx would open a WebSocket: it is written as 101 */
	bool to_head;      /* it answers a HEAD */
	size_t size;       /* of all fields so far, for the limit */
	unsigned fields;
	bool regular;      /* one has come: no pseudo-header field may follow */
	unsigned status;   /* 0: none yet */
	bool has_length;
	uint64_t length;   /* of Content-Length, when there is one */
};

/* Bytes that a head may have besides those of its fields. */
#define H2_REPLY_ADDED 256u

/* `like` has limits, opens and to_head; the rest is set here. The room must be for
 * limits.max_head and H2_REPLY_ADDED bytes. */
void h2_reply_begin(struct h2_reply *r, const struct h2_reply *like, char *text, size_t room,
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
