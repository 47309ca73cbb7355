/* Between the files of http/h2_server: its state, the callbacks that nghttp2 gets, and the faults
 * that they find. */
#ifndef HPCBAL_HTTP_H2_SERVER_PARTS_H
#define HPCBAL_HTTP_H2_SERVER_PARTS_H

#include <nghttp2/nghttp2.h>

#include "http/h2_server.h"

/* Where in its frames what comes is. */
struct h2_walk {
	unsigned char head[9]; /* of the next frame */
	unsigned n_head;
	size_t skip; /* bytes before that */
};

struct h2_server {
	nghttp2_session *ng;
	struct h2_walk walk;
	const struct h2_owner *calls;
	void *owner;
	struct buf_pool *buffers;
	struct h2_limits limits;
	struct h2_budget budget;
	uint64_t now;
	struct h2_request request; /* the header block under way */
	struct h2_stream *heading; /* its stream; NULL: there is none, or nobody reads it */
	struct buf *lines;         /* of trailers, while their block is under way */
	int32_t last_id;           /* of a HEADERS frame */
	int32_t served_id;         /* in our GOAWAY: what comes above is nothing to us */
	/* The last streams that we have reset: their client may not know yet, and send on. It has
	 * no more of them on their way than it may have open, and those beyond that were refused
	 * before it knew how many. */
	int32_t *late; /* a ring */
	unsigned late_at, n_late;
	unsigned max_streams;
	unsigned n_wide;           /* streams with a wide window */
	size_t waiting;            /* of h2_stream_waiting(), of all streams */
	unsigned n_out;            /* buffers that this lies in */
	bool in_head;              /* from its first frame to its last */
	bool settled;
	bool leaving, left, left_now;
	enum reason fault;
	enum h2_flood flood;
	char text[96];
	char *to; /* while frames are given */
	size_t to_n, to_room;
	uint64_t sent; /* before that */
};

/* The first fault is the one that counts. */
void h2_server_set_fault(struct h2_server *s, enum reason why, struct str text);
void h2_server_set_flood(struct h2_server *s, enum h2_flood kind);
/* One frame of this kind came. */
void h2_server_count(struct h2_server *s, enum h2_flood kind);

/* Whether nothing may come of this stream any more, as it was closed and its client knows. */
bool h2_server_is_closed(const struct h2_server *s, int32_t id);
/* A frame of it came all the same. */
void h2_server_closed_fault(struct h2_server *s, struct str text, uint32_t code);

/* h2_server_in.c, h2_server_out.c */
void h2_server_callbacks_in(nghttp2_session_callbacks *c);
void h2_server_callbacks_out(nghttp2_session_callbacks *c);

#endif
