/* Connections to servers, of one worker: opened when a request is there to send, kept idle
 * for the next one, never shared between threads. A connection that is idle and hears
 * anything at all (bytes, the end, an error) is closed.
 *
 * What decides who may reuse one (HTTP.md 94) is its server, an object that stands for backend,
 * name, address and port together, so that another address is another object; its TLS, an object
 * that stands for name, files and settings; and whether it
 * speaks for one client: because it began with a PROXY header that names him, or carries what
 * he has authenticated (HTTP.md 95). Such a one is kept in the client's own list, for nobody
 * else, and goes with it.
 *
 * Where a server speaks HTTP/2 a connection is a stream of one that many share (upstream_h2.c). */
#ifndef HPCBAL_UPSTREAM_UPSTREAM_H
#define HPCBAL_UPSTREAM_UPSTREAM_H

#include "balance/server.h"
#include "base/buf.h"
#include "net/tls.h"
#include "upstream/h2_trunk.h"

/* Idle connections kept to one server by one worker. */
#define UPSTREAM_IDLE_MAX 256
/* Idle connections of a client's own. */
#define UPSTREAM_OWN_MAX 4

struct upstream;

/* Descriptors for connections to servers, busy and idle ones, of all workers together. When
 * they are used up, idle ones are closed: everybody who was let in gets one. */
struct upstream_limit {
	_Atomic uint64_t open, most;
};

/* How a server is to be spoken to. */
struct upstream_way {
	struct tls_client *tls; /* NULL: plain */
	unsigned header;        /* version of the PROXY header; 0: none */
	uint64_t idle;  /* with http2: so long one without streams is kept, µs */
	bool http2;     /* HTTP/2, where TLS agrees on it; without TLS from the first byte */
	bool only_h1;   /* with http2: this time HTTP/1.1, if TLS agrees on that */
	bool alone;     /* with http2: on a connection that carries nothing else */
	bool websocket; /* with http2: it asks for one */
};

struct upstream_trunk;

struct upstream_conn {
	struct conn conn;
	struct upstream *home;
	struct server *server; /* a reference */
	struct buf *in;        /* the user's; NULL while idle */
	void *user;            /* who hears `ready`; NULL while idle */
	void (*ready)(struct upstream_conn *u);
	struct list link;      /* among the idle ones of its server that are nobody's own */
	struct loop_timer expiry;
	struct loop_task burial;
	uint64_t idle_since, idle_until;
	uint64_t idle_turn; /* loop_turns() at idle_since */
	uint64_t sent_before; /* conn.sent when its user got it */
	struct list owned;  /* while idle, in the list of the client that it belongs to */
	struct list age;    /* among all idle ones of the worker, longest idle first */
	struct upstream_way way; /* that it began with; its TLS lives in `conn` */
	struct upstream_trunk *trunk; /* it is a stream of that; NULL: it is none */
	struct upstream_trunk *under; /* it carries that; NULL: it carries none */
	bool counted;                 /* in limit->open */
	bool authenticated; /* it may be, for the client that used it: set by its user, for good */
	bool reused;
};

static inline bool upstream_is_own(const struct upstream_conn *u)
{
	return u->way.header || u->authenticated;
}

/* Nothing of what its user has to send has left: the server cannot have acted on it. */
static inline bool upstream_is_untouched(const struct upstream_conn *u)
{
	return u->conn.sent == u->sent_before;
}

/* `buffers` is the worker's, `limit` all workers'; both must outlive it. NULL: out of memory. */
struct upstream *upstream_new(struct loop *l, struct buf_pool *buffers,
			      struct upstream_limit *limit);
/* All must be idle or closed by now. */
void upstream_free(struct upstream *up);

/* An idle connection, of the same TLS and without a PROXY header, that was idle for less than
 * `max_idle` µs, or NULL. Or a stream of one that speaks HTTP/2, however long that was idle. */
struct upstream_conn *upstream_reuse(struct upstream *up, struct server *s,
				     const struct upstream_way *way, uint64_t max_idle, void *user,
				     void (*ready)(struct upstream_conn *u));
/* Starts connecting; `ready` is called when that succeeded or failed (upstream_connected()). In
 * front of TLS and HTTP/2 goes `header`, the text of the PROXY header; elsewhere the user sends
 * it. NULL with errno. */
struct upstream_conn *upstream_connect(struct upstream *up, struct server *s,
				       const struct upstream_way *way, struct str header,
				       void *user, void (*ready)(struct upstream_conn *u));
/* After `ready`, as conn_connected(). Another connection may take its place: one of HTTP/1.1,
 * where that is what the server has agreed on, or what it takes WebSockets by. */
enum conn_result upstream_connected(struct upstream_conn **u);
/* What is known of one that is broken, besides its errno. */
struct h2_line_fault upstream_fault(const struct upstream_conn *u);
/* Gives a connection back for reuse, for at most `max_idle` µs; closes it when its server
 * does not serve or enough are kept. */
void upstream_keep(struct upstream_conn *u, uint64_t max_idle);
/* The same of one that is somebody's own: `own` is its client's list. Of two to one server the
 * older goes, and of too many the oldest. */
void upstream_keep_own(struct upstream_conn *u, uint64_t max_idle, struct list *own);
/* As upstream_reuse(), from the client's own, with the same header, too. One that is
 * authenticated also when it was idle for longer: on another the client would be nobody. */
struct upstream_conn *upstream_reuse_own(struct list *own, struct server *s,
					 const struct upstream_way *way, uint64_t max_idle,
					 void *user, void (*ready)(struct upstream_conn *u));
/* The client is gone: closes what is idle of its own. */
void upstream_close_own(struct list *own);
/* Closes it now; its memory goes at the end of the turn. */
void upstream_close(struct upstream_conn *u);
/* Closes the idle connections of servers that do not serve: retired, not UP, in maintenance. */
void upstream_prune(struct upstream *up);
/* Closes all idle ones. */
void upstream_prune_all(struct upstream *up);

#endif
