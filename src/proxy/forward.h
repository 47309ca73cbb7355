/* One direction of an exchange: bytes from a connection's buffer, unframed and framed
 * again, to another connection, with as much memory as one buffer. The one rule of
 * back-pressure: nothing is read while anything waits to be sent. */
#ifndef HPCBAL_PROXY_FORWARD_H
#define HPCBAL_PROXY_FORWARD_H

#include "base/buf.h"
#include "base/iovq.h"
#include "http/h1_chunk.h"
#include "http/ws_frames.h"
#include "net/conn.h"

#define FLOW_CHUNK_HEADS 16

struct flow {
	enum http_framing in, out;
	uint64_t left;     /* of a body with a length */
	uint64_t limit;    /* most body bytes let through; UINT64_MAX: all */
	uint64_t body;     /* body bytes taken from the source */
	uint64_t sent;     /* bytes given to the sink, framing included */
	size_t keep;       /* bytes at the buffer's front that must stay */
	const struct h1_limits *limits; /* of the message's head */
	bool in_done;      /* the source's message is complete */
	bool out_done;     /* and all of it was sent */
	bool end_is_said;  /* an end that only breaks off is no end: a body that lasts until it */
	bool end_follows;  /* the sink is closed or shut in the turn in which all was sent */
	bool moved;        /* bytes of the body left the buffer: it cannot be sent again */
	struct h1_chunks chunks;
	struct ws_frames frames; /* of the data, once ws_frames_begin() was called */
	struct iovq q;     /* on its way out */
	unsigned n_heads;
	char heads[FLOW_CHUNK_HEADS][H1_CHUNK_HEAD];
};

enum flow_result {
	FLOW_DONE,       /* complete on both sides */
	FLOW_WAIT_READ,  /* the source has nothing now */
	FLOW_WAIT_WRITE, /* the sink takes nothing now */
	FLOW_AGAIN,      /* there is more to do, but others want their turn */
	FLOW_SOURCE_END, /* the source closed before its message was complete */
	FLOW_SOURCE_FAIL,
	FLOW_SINK_FAIL,
	FLOW_BAD         /* the source's framing is broken: `why` */
};

/* `limits` are those of the message's head, and hold for its trailer section too. */
void flow_init(struct flow *f, const struct h1_limits *limits);
/* What is to come: `length` for FRAMING_LENGTH. `out` is FRAMING_NONE for no body only; no
 * body gives no byte, however it is framed (HEAD). `keep`: see above. */
void flow_begin(struct flow *f, enum http_framing in, uint64_t length, enum http_framing out,
		size_t keep);
/* Takes what the buffer holds into the queue. False: FLOW_BAD, with `why`. */
bool flow_fill(struct flow *f, struct buf *b, struct arena *arena, enum reason *why);
/* Moves as much as goes. `from` may be closed already when all has been read. */
enum flow_result flow_pump(struct flow *f, struct conn *from, struct buf *b, struct conn *to,
			   struct arena *arena, enum reason *why);

#endif
