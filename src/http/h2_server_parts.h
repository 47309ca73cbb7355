/* Between the files of http/h2_server: its state, the callbacks that nghttp2 gets, and the faults
 * that they find. */
#ifndef HPCBAL_HTTP_H2_SERVER_PARTS_H
#define HPCBAL_HTTP_H2_SERVER_PARTS_H

#include <nghttp2/nghttp2.h>

#include "http/h2_reply.h"
#include "http/h2_server.h"

/* Of a request: the client's, what the configuration adds, and our own. */
#define H2_FIELDS_MAX 1280u

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
	/* Of a head on its way out, by the role. False: it cannot go out. */
	bool (*head)(struct h2_server *s, struct h2_stream *st, char *text, size_t size);
	struct h2_request request; /* the header block under way */
	struct h2_reply reply;     /* the same of a server's */
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
	unsigned n_unsent; /* streams whose HEADERS are to go to the server */
	bool greeted; /* the server's SETTINGS have come */
	bool going;   /* the server has said GOAWAY */
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
/* The same of any frame but HEADERS. */
void h2_server_count_frame(struct h2_server *s, const nghttp2_frame_hd *hd);
/* DATA of a stream that is read, into its queue. */
void h2_server_data(struct h2_server *s, struct h2_stream *st, struct str data);

/* What both roles ask of nghttp2. */
bool h2_server_options(nghttp2_option **o);
nghttp2_nv h2_server_pair(struct str name, struct str value);
/* Reads the DATA that a stream has given. */
ssize_t h2_server_read(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
		       nghttp2_data_source *source, void *arg);
int h2_server_extension(nghttp2_session *ng, void **payload, const nghttp2_frame_hd *hd,
			void *arg);
bool h2_server_is_heading(const struct h2_server *s, const struct h2_stream *st);
/* Trailers, whole: into memory of their own. False: there is none. */
bool h2_server_keep_lines(struct h2_lines *to, struct str lines);
int h2_server_frame_went(nghttp2_session *ng, const nghttp2_frame *f, void *arg);

/* Whether nothing may come of this stream any more, as it was closed and its client knows. */
bool h2_server_is_closed(const struct h2_server *s, int32_t id);
/* A frame of it came all the same. */
void h2_server_closed_fault(struct h2_server *s, struct str text, uint32_t code);

/* h2_server_in.c, h2_server_out.c */
bool h2_server_answer(struct h2_server *s, struct h2_stream *st, char *text, size_t size);
void h2_server_callbacks_in(nghttp2_session_callbacks *c);
void h2_server_callbacks_out(nghttp2_session_callbacks *c);

#endif
