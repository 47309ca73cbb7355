/* A connection to a server that speaks HTTP/2, with its socket: it carries lines, each a stream
 * that is a connection to whoever uses it. Belongs to one loop's thread.
 *
 * Its owner has the connection below (`conn`), opens it, passes on when it is ready, and closes
 * it when told `over`; lines may outlive that. A trunk begins while that still connects. */
#ifndef HPCBAL_UPSTREAM_H2_TRUNK_H
#define HPCBAL_UPSTREAM_H2_TRUNK_H

#include "base/buf.h"
#include "base/reason.h"
#include "net/conn.h"

struct h2_trunk;

enum h2_trunk_state {
	H2_TRUNK_CONNECTING,
	H2_TRUNK_OPEN,
	H2_TRUNK_FOREIGN, /* connected, and HTTP/1.1 was agreed on: it carries nothing */
	H2_TRUNK_OVER
};

struct h2_trunk_calls {
	/* It became H2_TRUNK_OPEN or _FOREIGN; before its lines hear of it. */
	void (*connected)(void *owner);
	/* The server's SETTINGS have come: h2_trunk_allowed() is known, before a line hears of
	 * what it does with streams beyond that. NULL: nobody asks. */
	void (*greeted)(void *owner);
	/* The last line was closed. */
	void (*idle)(void *owner);
	/* It is over: the owner closes the connection below and leaves the trunk, which is
	 * not called any more. `why` and `text` say by which fault of the server's, if any. */
	void (*over)(void *owner, enum reason why, const char *text);
};

/* `preface` goes in front of all (a PROXY header; not where TLS has it). NULL: no memory. */
struct h2_trunk *h2_trunk_new(struct conn *below, struct loop *l, struct buf_pool *buffers,
			      struct str preface, const struct h2_trunk_calls *calls, void *owner);
/* The owner has done with it, and it is over or foreign. */
void h2_trunk_leave(struct h2_trunk *t);
/* The connection below is ready for something. */
void h2_trunk_ready(struct h2_trunk *t);
/* Ends it in order, what its lines have under way excepted: now, or, when this is called by one
 * of its own lines, a little later. */
void h2_trunk_close(struct h2_trunk *t);

enum h2_trunk_state h2_trunk_state(const struct h2_trunk *t);
/* How many lines more it takes: for requests, and while it connects for waiting. */
unsigned h2_trunk_room(const struct h2_trunk *t);
/* What the server allows, and 0 while that is not known; `expected` is what is taken for it until
 * then, 0: nothing is known. */
unsigned h2_trunk_allowed(const struct h2_trunk *t);
void h2_trunk_expect(struct h2_trunk *t, unsigned expected);
bool h2_trunk_is_idle(const struct h2_trunk *t);
/* Reads what has come, so that a server that has left is noticed. */
void h2_trunk_look(struct h2_trunk *t);
/* Whether a WebSocket can pass (RFC 8441): true also while that is not known. */
bool h2_trunk_may_take_websockets(const struct h2_trunk *t);

/* `c` becomes a line; within h2_trunk_room(). It is connected (conn_connected()) when the trunk
 * is, and, for a WebSocket, when the server has announced that it takes such; where that or HTTP/2
 * is not to be had the error is EPROTONOSUPPORT. False: no memory. */
bool h2_trunk_open(struct h2_trunk *t, struct conn *c, bool websocket,
		   void (*ready)(struct conn *c));

/* Of a line that is broken. */
struct h2_line_fault {
	enum reason why;   /* REASON_COMPLETE: nothing is known but the errno */
	const char *words; /* more of it, or NULL; as long as the line is open */
	bool unprocessed;  /* the server has not looked at the request (RFC 9113 8.7) */
	bool wants_h1;     /* it wants it by HTTP/1.1 */
};
struct h2_line_fault h2_line_fault(const struct conn *c);

#endif
