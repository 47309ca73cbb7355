/* One HTTP/2 connection (RFC 9113), without its socket: bytes in, calls of its owner, bytes out.
 * Of a client (http/h2_server) or to a server (http/h2_origin). The one user of nghttp2, which
 * does HPACK, the states of streams and the arithmetic of windows. Pure: `now` in µs is an
 * argument. Belongs to one thread. */
#ifndef HPCBAL_HTTP_H2_SESSION_H
#define HPCBAL_HTTP_H2_SESSION_H

#include "base/buf.h"
#include "base/iovq.h"
#include "http/h2_block.h"
#include "http/h2_budget.h"
#include "http/h2_response.h"

/* RFC 9113 7. */
enum h2_code {
	H2_NO_ERROR = 0,
	H2_PROTOCOL_ERROR = 1,
	H2_INTERNAL_ERROR = 2,
	H2_REFUSED_STREAM = 7,
	H2_CANCEL = 8,
	H2_HTTP_1_1_REQUIRED = 13,
};

/* The bytes that begin every connection (RFC 9113 3.4). */
#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct h2_session;

/* Lines of text, as long as they are: malloc(). */
struct h2_lines {
	char *text;
	size_t at, n;
};

/* A stream: the message that comes, as the bytes of HTTP/1.1, and the one that goes. Its owner's,
 * from `begin` or h2_origin_open() until it is `gone` and the owner has left it. */
struct h2_stream {
	struct h2_session *session;
	int32_t id;
	struct buf *head;     /* of the message that comes, until it is taken away */
	struct buf *in;       /* DATA that nobody has taken, by `next`; NULL: none */
	struct buf *in_last;
	struct h2_lines trailers;
	struct buf *out;      /* DATA on its way; NULL: none */
	char frame[24];       /* of the chunked coding, about to be taken */
	unsigned frame_at, frame_n;
	size_t chunk_left;
	uint64_t length, got; /* Content-Length; DATA so far */
	uint64_t put;         /* bytes of DATA that went out */
	uint64_t put_at;      /* bytes of the connection, all frames, when the last of them had */
	struct h2_response response; /* the message that goes, as far as it was given */
	struct h2_lines out_trailers;
	enum reason fault;    /* of the message that comes; REASON_COMPLETE: none */
	uint32_t code;        /* that it was closed with (RFC 9113 7) */
	bool has_length, chunked;
	bool wide;       /* has a wide window (h2_session_in.c) */
	bool heard;      /* HEADERS have come, be they interim */
	bool final;      /* and those of the message itself, whole */
	bool ended;      /* the peer's END_STREAM has come */
	bool last_chunk; /* the line of the last chunk was taken */
	bool end_taken;  /* and all behind it */
	bool reset;      /* the peer's RST_STREAM, or the end of the connection */
	bool begun;      /* a head was submitted, that is not interim */
	bool went;       /* HEADERS have gone out */
	bool answered;   /* END_STREAM has */
	bool deferred;   /* nghttp2 waits for data */
	bool left;       /* by its owner: nobody takes anything any more */
	bool gone;       /* nghttp2 has no part in it any more */
	bool cut;        /* what goes will never be whole: RST_STREAM behind what there is */
	bool closing;    /* RST_STREAM was submitted */
	/* Of one to a server (http/h2_origin.h). */
	bool unsent;     /* its HEADERS are to go out */
	bool bodiless;   /* no DATA may follow those of the answer */
	bool to_head;    /* it answers a HEAD */
	bool secure;     /* of the connection: https */
	char accept[29]; /* of a WebSocket handshake, in words; else empty */
};

/* None of these may call back but to change what is theirs. */
struct h2_owner {
	/* A request begins. NULL: it is refused. All zero but what is the owner's. */
	struct h2_stream *(*begin)(void *owner);
	/* For a WebSocket handshake (RFC 6455 4.1): 16 bytes by chance, in base64. */
	void (*make_key)(void *owner, char key[24]);
	/* Its head is whole, in st->head. */
	void (*request)(void *owner, struct h2_stream *st);
	/* Something came, or there is room again. */
	void (*stir)(void *owner, struct h2_stream *st);
	/* nghttp2 has done with it: st->gone. */
	void (*gone)(void *owner, struct h2_stream *st);
	/* To a server: what it would answer to the key of a WebSocket (RFC 6455 4.2.2). */
	void (*make_accept)(void *owner, struct str key, char to[29]);
};

/* The owner has left all streams before. */
void h2_session_free(struct h2_session *s);
/* For messages to come. */
void h2_session_limit(struct h2_session *s, const struct h2_limits *limits);

/* Takes all of the bytes. False: the connection ends; what is to be said of that is to be sent. */
bool h2_session_recv(struct h2_session *s, struct str bytes, uint64_t now);
/* Gives what is to be sent, as much as there is and fits; 0: nothing now. */
#define H2_SEND_ROOM (16384u + 9u)
size_t h2_session_send(struct h2_session *s, char *to, size_t room);
/* So much that is no data waits to be sent that the peer is to read before it is heard again:
 * else one who asks for answers and takes none would be owed more and more of them. */
bool h2_session_is_clogged(const struct h2_session *s);
/* Whether there is any. */
bool h2_session_has_more(const struct h2_session *s);
/* Neither side has anything left to say. */
bool h2_session_is_over(const struct h2_session *s);

/* Why it ends: REASON_COMPLETE until it does by a fault. `text` says more, or is empty. */
enum reason h2_session_fault(const struct h2_session *s, const char **text);
/* The kind, when that is REASON_H2_FLOOD. */
enum h2_flood h2_session_flood(const struct h2_session *s);
/* Ends it with GOAWAY: at once, all streams too. H2_SETTINGS_TIMEOUT and the like. */
void h2_session_end(struct h2_session *s, enum reason why);
/* Whether our SETTINGS were acknowledged; whether a header block is under way. */
bool h2_session_is_settled(const struct h2_session *s);
bool h2_session_in_head(const struct h2_session *s);

/* ---- a stream: http/h2_stream.c ---- */

/* The message's next bytes, as HTTP/1.1 has them, behind the head. 0: nothing now, or the end. */
size_t h2_stream_take(struct h2_stream *st, char *to, size_t room);
bool h2_stream_has_more(const struct h2_stream *st);
/* DATA that has come and that nobody has taken. */
size_t h2_stream_untaken(const struct h2_stream *st);
/* Of the message that goes: `n` says how many were taken. False: nothing of it can go out. */
bool h2_stream_give(struct h2_stream *st, const struct iovec *v, unsigned count, size_t *n);
/* How much data would be taken of it now. No more than the peer has opened windows for: so what
 * that does not take stays where it comes from, and what was taken goes out as soon as the
 * connection is free, in few buffers. What gives room: its windows, and h2_session_send(). */
size_t h2_stream_room(const struct h2_stream *st);
/* What was given and has not gone out. */
size_t h2_stream_waiting(const struct h2_stream *st);
/* The end of what a tunnel says. */
void h2_stream_end(struct h2_stream *st);
/* The owner has done with it. What was given whole goes out; else it is reset, with `code`. A
 * request that has not come whole by then is passed over: the owner resets it (NO_ERROR, RFC 9113
 * 8.1) when that takes too long, for there are clients, as curl 7.88, that lose an answer when
 * RST_STREAM comes with it. */
void h2_stream_leave(struct h2_stream *st, enum h2_code code);

/* Before its memory is freed; its session may be gone. */
void h2_stream_drop(struct h2_stream *st, struct buf_pool *pool);

/* ---- between the two ---- */

bool h2_session_head(struct h2_session *s, struct h2_stream *st, char *text, size_t size);
/* It is left: DATA that nobody will take. */
void h2_session_pass_over(struct h2_session *s, struct h2_stream *st, size_t n);
/* It is left: a header block of it that is under way is read by nobody. */
void h2_session_forget(struct h2_session *s, const struct h2_stream *st);
void h2_session_resume(struct h2_session *s, struct h2_stream *st);
size_t h2_session_room(const struct h2_session *s, const struct h2_stream *st);
/* Data for it. False: out of memory. */
bool h2_session_queue(struct h2_session *s, struct h2_stream *st, struct str data);
/* What is queued will not go out. */
void h2_session_unqueue(struct h2_session *s, struct h2_stream *st);
void h2_session_consumed(struct h2_session *s, struct h2_stream *st, size_t n);
void h2_session_reset(struct h2_session *s, struct h2_stream *st, enum h2_code code);
struct buf_pool *h2_session_buffers(struct h2_session *s);

#endif
