/* Between the files of http/h2_server: its state, the callbacks that nghttp2 gets, and the faults
 * that they find. */
#ifndef HPCBAL_HTTP_H2_SERVER_PARTS_H
#define HPCBAL_HTTP_H2_SERVER_PARTS_H

#include <nghttp2/nghttp2.h>

#include "http/h2_server.h"

/* Streams that we have ended while their clients did not know yet. */
#define LATE_IDS 64u

struct h2_server {
	nghttp2_session *ng;
	const struct h2_owner *calls;
	void *owner;
	struct buf_pool *buffers;
	struct h2_limits limits;
	struct h2_budget budget;
	uint64_t now;
	struct h2_request request; /* the header block under way */
	struct h2_stream *heading; /* its stream; NULL: there is none, or nobody reads it */
	int32_t last_id;           /* of a HEADERS frame */
	int32_t late[LATE_IDS];    /* the last ones, in a ring */
	unsigned late_at;
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

/* h2_server_in.c, h2_server_out.c */
void h2_server_callbacks_in(nghttp2_session_callbacks *c);
void h2_server_callbacks_out(nghttp2_session_callbacks *c);

#endif
