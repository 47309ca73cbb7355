/* A session: one client connection, and at most one exchange on it at a time; or, with HTTP/2,
 * one stream and its only exchange, while the connection's own session carries the streams.
 * While it waits for a request it holds no buffer and no exchange. Belongs to its worker. */
#ifndef HPCBAL_PROXY_SESSION_H
#define HPCBAL_PROXY_SESSION_H

#include "http/codec.h"
#include "net/proxy_header.h"
#include "proxy/accesslog.h"
#include "proxy/linger.h"
#include "proxy/worker.h"

enum session_state {
	SESSION_HANDSHAKE, /* before the first byte of a request can come */
	SESSION_IDLE,   /* waits for the first byte of a request */
	SESSION_BUSY,   /* runs an exchange */
	SESSION_CARRIER, /* carries streams, which are sessions of their own (h2_client.h) */
	SESSION_LINGER, /* has said all; reads what still comes, so that no reset destroys it */
	SESSION_OVER    /* closed; freed at the end of the turn */
};

/* Where this connection is counted by the limits of its frontend (limit_hold()). */
struct session_holds {
	uint32_t place[CONF_MAX_HOLDS];
	uint32_t told; /* as one that was turned away; 0: it was not */
	unsigned n;
};

struct session {
	struct list link; /* in worker.sessions */
	struct list linger_link; /* in worker.lingering, while it does */
	struct conn conn;
	const struct codec *codec; /* what the client speaks */
	struct h2_client *streams; /* of a carrier */
	struct session *carrier;   /* of a stream: counted and limited there; it outlives it */
	struct worker *worker;
	struct listener *listener; /* a reference */
	struct tenancy *tenancy;   /* where `frontend` was looked up; exchanges count there */
	const struct frontend *frontend;
	struct frontend_stats *stats; /* where this connection was counted */
	struct addr peer; /* the client: of the connection, or as a PROXY header says */
	char peer_host[48];
	struct tls_server *secures; /* a reference, until the handshake begins; NULL: plain */
	enum reason turned_away; /* by a limit, which is said after the handshake */
	struct addr *reached; /* what the client came to, by a PROXY header; NULL: without one */
	struct buf *in;
	struct list own; /* idle connections to servers that speak for this client (upstream.h) */
	struct exchange *exchange;
	struct loop_timer timer;
	struct loop_task task; /* goes on with work cut short; frees the session */
	struct linger_state linger;
	uint64_t skip; /* bytes of the last request's body that are to come and nobody wants */
	unsigned requests;
	struct session_holds holds;
	struct access_limit *limited; /* by dry_run; for all of its requests; NULL: not */
	enum session_state state;
	bool client_ended; /* the client has closed its side */
	bool header_due;   /* a PROXY header comes before all else */
	bool local;        /* one came that names nobody */
	bool stays;        /* counts in `tenancy`: for a handshake, or, when a reload removed its
			    * listener, for one more request that was here before */
};

/* A connection was accepted: takes over its descriptor, and its place under the limits of
 * connections (acceptor.c), which it leaves when it is over or cannot begin. */
void session_start(struct worker *w, const struct frontend *f,
		   const struct generation_listener *on, int fd, const struct addr *peer);
/* A stream has begun, whose session `s` is zero and stays the stream's owner's. Takes over the
 * buffer with its request's head. When `why` is not REASON_COMPLETE it ends with that at once. */
void session_start_stream(struct session *s, struct session *carrier, const struct transport *t,
			  struct buf **head, enum reason why);
/* A carrier's streams are over: by a fault, which gets its line in the log, or in order. */
void session_streams_over(struct session *s, enum reason why);
/* Ends it at once, whatever it does. */
void session_close(struct session *s);
/* The worker drains: one that carries streams says GOAWAY, one that is idle ends if the worker
 * ends those, any other after its exchange. What the client has sent before is answered all the
 * same (HTTP.md 98). */
void session_drain(struct session *s);
/* The worker is about to take `next`: a request that has come over a listener which that does
 * not have is begun before. */
void session_part(struct session *s, const struct generation *next);
/* Closes the one that lingers longest; with `counted`, of those that are counted there. False:
 * there is none. */
bool session_make_room(struct worker *w, const struct frontend_stats *counted);
/* The worker has a new generation: the next request runs under it. */
void session_follow(struct session *s);

/* ---- for its exchange ---- */

enum session_after {
	SESSION_KEEP,  /* another request may follow */
	SESSION_STREAMS, /* it speaks HTTP/2 from here on */
	SESSION_CLOSE, /* the client itself said that there would be no more */
	SESSION_WASTE  /* it may still be sending what nobody will read */
};

/* Whether HTTP/2 may be what has come first, and its listener speaks that unasked. */
bool session_has_preface(const struct session *s);
/* The PROXY header that was due has come. False: out of memory. */
bool session_take_header(struct session *s, const struct proxy_header *h);
/* A handshake comes next: what the PROXY header names is not served before. */
bool session_is_to_secure(const struct session *s);
/* One of the frontend's trusted_proxies. */
bool session_peer_is_trusted(const struct session *s);
/* What the client is connected by; of a stream it is its carrier's. */
const struct conn *session_conn(const struct session *s);
/* The port that the client came to. */
uint16_t session_port(const struct session *s);
/* The address that the client came to, with its port; len 0: the kernel does not say. */
void session_reached(const struct session *s, struct addr *to);
/* The exchange is over, and about to be freed. */
void session_next(struct session *s, enum session_after after);
/* Whether a request may follow the one that was read. While the worker stops, or when its
 * listener was removed, only one that has come already may, in part at least: what is behind
 * an answer that says close is no request (HTTP.md 84, 98). */
bool session_may_go_on(const struct session *s);
/* Reads ahead while the exchange waits for the server, to see an end or a reset. False: the
 * client is gone. */
bool session_read_ahead(struct session *s);

#endif
