/* Between a session and its role: the state, what the role does in it, and what both may do to
 * it. Private to http/h2_*. */
#ifndef HPCBAL_HTTP_H2_SESSION_PARTS_H
#define HPCBAL_HTTP_H2_SESSION_PARTS_H

#include <nghttp2/nghttp2.h>

#include "http/h2_reply.h"
#include "http/h2_request.h"
#include "http/h2_session.h"

/* Of a request: the client's, what the configuration adds, and our own. */
#define H2_FIELDS_MAX 1280u
/* What a role says in its first SETTINGS. */
#define H2_SETTINGS_SAID 3u

/* What is otherwise where we are the server (http/h2_server) and where we are the client
 * (http/h2_origin). Messages that come are read by these; a head goes to st->head, trailers are
 * gathered by the session. */
struct h2_role {
	int (*make)(nghttp2_session **ng, const nghttp2_session_callbacks *callbacks,
		    void *arg, const nghttp2_option *option);
	void (*options)(nghttp2_option *o); /* NULL: none of its own */
	size_t (*settings)(const struct h2_session *s, nghttp2_settings_entry *said);
	unsigned n_early;     /* streams that may be reset before the peer knows how many it has */
	bool resets_cost;     /* the peer's have a budget */
	enum reason bad_body; /* DATA that were not announced, or none that were */
	/* A frame's first bytes have come. It may find a fault in them. */
	void (*frame_begins)(struct h2_session *s, const nghttp2_frame_hd *hd);
	/* The peer opens a stream. NULL: it was refused, or cannot be. */
	struct h2_stream *(*stream_begins)(struct h2_session *s, int32_t id);
	/* A head begins. False: nobody reads it. */
	bool (*head_begins)(struct h2_session *s, struct h2_stream *st);
	void (*trailers_begin)(struct h2_session *s, struct buf *lines);
	void (*field)(struct h2_session *s, struct str name, struct str value);
	void (*head_ends)(struct h2_session *s, struct h2_stream *st, bool ended);
	void (*trailers_end)(struct h2_session *s, bool ended);
	/* The first fault of a stream, before it is reset. NULL: it is told by st->fault alone. */
	void (*fault)(struct h2_stream *st);
	/* A head on its way out. False: it cannot go out. */
	bool (*give_head)(struct h2_session *s, struct h2_stream *st, char *text, size_t size);
};

/* Where in its frames what comes is. */
struct h2_walk {
	unsigned char head[9]; /* of the next frame */
	unsigned n_head;
	size_t skip; /* bytes before that */
};

struct h2_session {
	nghttp2_session *ng;
	const struct h2_role *role;
	struct h2_walk walk;
	const struct h2_owner *calls;
	void *owner;
	struct buf_pool *buffers;
	struct h2_limits limits;
	struct h2_budget budget;
	uint64_t now;
	union { /* the header block under way, as the role reads it */
		struct h2_block block;
		struct h2_request request;
		struct h2_reply reply;
	};
	struct h2_stream *heading; /* its stream; NULL: there is none, or nobody reads it */
	struct buf *lines;         /* of trailers, while their block is under way */
	int32_t last_id;           /* of a HEADERS frame of the client's */
	int32_t served_id;         /* in our GOAWAY: what comes above is nothing to us */
	/* The last streams that we have reset: the peer may not know yet, and send on. It has
	 * no more of them on their way than it may have open, and those beyond that were refused
	 * before it knew how many. */
	int32_t *late; /* a ring */
	unsigned late_at, n_late;
	unsigned max_streams;
	unsigned n_wide;  /* streams with a wide window */
	size_t waiting;   /* of h2_stream_waiting(), of all streams */
	unsigned n_out;   /* buffers that this lies in */
	unsigned n_unsent; /* streams whose request's HEADERS are to go out */
	bool in_head;     /* from its first frame to its last */
	bool settled;     /* the peer's ACK of our SETTINGS has come */
	bool greeted;     /* its own SETTINGS have */
	bool going;       /* it has said GOAWAY */
	bool leaving, left, left_now;
	enum reason fault;
	enum h2_flood flood;
	char text[96];
	char *to; /* while frames are given */
	size_t to_n, to_room;
	uint64_t sent; /* before that */
};

/* `max_streams`: that may be open at a time. NULL: out of memory. */
struct h2_session *h2_session_new(const struct h2_role *role, const struct h2_limits *limits,
				  unsigned max_streams, const struct h2_owner *calls, void *owner,
				  struct buf_pool *buffers, uint64_t now);

/* The first fault is the one that counts. */
void h2_session_set_fault(struct h2_session *s, enum reason why, struct str text);
/* The same, and GOAWAY with `code`. */
void h2_session_fail(struct h2_session *s, struct str text, uint32_t code);
void h2_session_set_flood(struct h2_session *s, enum h2_flood kind);
/* One frame of this kind came. */
void h2_session_count(struct h2_session *s, enum h2_flood kind);

/* A stream's fault ends that stream; its owner hears of it. */
void h2_session_stream_fault(struct h2_session *s, struct h2_stream *st, enum reason why);
void h2_session_no_memory(struct h2_session *s, struct h2_stream *st);
/* A message is over: what came must be what was announced. */
void h2_session_message_ended(struct h2_session *s, struct h2_stream *st);
/* Its HEADERS need not go out any more, or have. */
void h2_session_sent(struct h2_session *s, struct h2_stream *st);
bool h2_session_is_heading(const struct h2_session *s, const struct h2_stream *st);
/* Whether nothing may come of this stream any more, as it was closed and its client knows. */
bool h2_session_is_closed(const struct h2_session *s, int32_t id);

nghttp2_nv h2_session_pair(struct str name, struct str value);
/* Reads the DATA that a stream has given. */
ssize_t h2_session_read(nghttp2_session *ng, int32_t id, uint8_t *to, size_t room,
			uint32_t *flags, nghttp2_data_source *source, void *arg);

/* h2_session_in.c, h2_session_out.c */
void h2_session_callbacks_in(nghttp2_session_callbacks *c);
void h2_session_callbacks_out(nghttp2_session_callbacks *c);

#endif
