/* A stream connection: a descriptor registered once (an accepted one again when it is full for
 * the first time), edge-triggered, with its readiness kept here, under a transport (plain; TLS:
 * net/tls.h; a stream of HTTP/2) that is the only one to know how bytes are moved. Belongs to
 * one loop's thread. */
#ifndef HPCBAL_NET_CONN_H
#define HPCBAL_NET_CONN_H

#include "base/addr.h"
#include "base/iovq.h"
#include "net/loop.h"

enum conn_result {
	CONN_OK,    /* some bytes were moved */
	CONN_AGAIN, /* nothing now: `ready` will be called */
	CONN_EOF,   /* recv: the peer closed its side in order */
	CONN_FAIL   /* broken: conn->error is the errno */
};

struct conn;

/* Why a handshake came to nothing. */
enum conn_fault {
	CONN_FINE,
	CONN_LEFT,      /* the peer went without having said anything */
	CONN_BROKE,     /* it went in the middle */
	CONN_FOREIGN,   /* it speaks plain HTTP: the connection is plain from now on */
	CONN_DECLINED,  /* it gave up by itself, and said so */
	CONN_UNTRUSTED, /* its certificate is not good, or missing */
	CONN_DISAGREED  /* anything else: no common version, nonsense, no memory */
};

/* What is known of a connection besides its bytes. The spans live as long as it is open. */
struct conn_facts {
	bool secure;
	struct str scheme;      /* "http", "https" */
	struct str server_name; /* that the peer asked for (SNI), in lower case; empty: none */
	struct str protocol;    /* that was agreed on (ALPN); empty: none */
	struct str subject;     /* of the peer's certificate, verified (RFC 4514); empty: none */
	const char *version;    /* "TLSv1.3"; NULL: plain */
	bool resumed;
	enum conn_fault fault;
	const char *words; /* about the fault; never NULL */
};

/* The seam between connections and what carries them. */
struct transport {
	const char *name;
	/* Before the first byte; again after CONN_AGAIN, when `ready` was called. CONN_FAIL:
	 * the facts say why. */
	enum conn_result (*handshake)(struct conn *c);
	enum conn_result (*recv)(struct conn *c, void *to, size_t size, size_t *n);
	enum conn_result (*send)(struct conn *c, const struct iovec *v, unsigned count, bool more,
				 size_t *n);
	void (*shutdown)(struct conn *c); /* ends our side */
	void (*free)(struct conn *c);     /* the transport's own state, before the close */
	/* Both NULL where the descriptor is the connection's own. */
	void (*close)(struct conn *c, bool abort);
	size_t (*undelivered)(const struct conn *c);
};

extern const struct transport transport_plain;
extern const struct conn_facts conn_plain_facts;

struct conn {
	struct loop_fd io;
	const struct transport *transport;
	void *state; /* the transport's own */
	const struct conn_facts *facts;
	struct loop *loop;
	void (*ready)(struct conn *c); /* can_read or can_write became true */
	bool can_read, can_write; /* nobody has seen EAGAIN since the last edge */
	bool told_of_write;       /* the loop tells when it can be written to */
	bool hangup;              /* the peer closed its side: read to the end */
	bool cut_short;           /* the last read was, so nobody saw EAGAIN: conn_ask_again() */
	bool connecting;          /* until conn_connected() */
	bool stirred;             /* the loop told of something since conn_is_reset() asked */
	bool shut;                /* our side was ended */
	bool truncated;           /* the end that was read was not said by the peer itself */
	int error;                /* the first: 0, or an errno */
	uint64_t received, sent;  /* bytes */
};

/* Takes over the descriptor (non-blocking; TCP_NODELAY comes with its listener). False: not
 * registered, the descriptor is closed. */
bool conn_open(struct conn *c, struct loop *l, int fd, void (*ready)(struct conn *c));
/* Opens a socket and starts connecting. False: c->error has the errno, nothing is open. */
bool conn_connect(struct conn *c, struct loop *l, const struct addr *to,
		  void (*ready)(struct conn *c));
/* One of many that `on`, which stays their owner's, carries: `t` sets can_read and calls `ready`.
 * It is known by the descriptor, but neither in the loop nor closed with it. */
void conn_open_over(struct conn *c, const struct conn *on, const struct transport *t,
		    void (*ready)(struct conn *c));
/* After `ready`: CONN_OK connected, handshake and all, CONN_AGAIN still under way, CONN_FAIL with
 * the errno, or 0 and the fault of the facts. */
enum conn_result conn_connected(struct conn *c);
/* Of an accepted one, until it is not CONN_AGAIN: after that bytes can be moved. */
enum conn_result conn_handshake(struct conn *c);
enum conn_result conn_recv(struct conn *c, void *to, size_t size, size_t *n);
/* Before waiting for the rest of something: a short read is taken for the last one, but a
 * reset that came in the same edge as its data has no edge of its own (libevent tells both
 * alike). The next conn_recv() looks once more. */
void conn_ask_again(struct conn *c);
/* Whether the kernel has nothing for us to read, not even an end: asks it. Of one that is carried
 * by another it knows nothing. */
bool conn_is_quiet(const struct conn *c);
/* Whether the peer has reset it, for who does not read now: unread bytes, or an end that was
 * read, hide a reset from conn_recv(). Asks the kernel only when the loop told of anything. */
bool conn_is_reset(struct conn *c);
/* Sends from the front of the queue until it is empty (CONN_OK) or the socket is full
 * (CONN_AGAIN). `sent` counts what went. `end_follows`: once the queue is empty the connection
 * is closed or shut in the same turn, so that its last bytes may wait to share a packet with
 * the end. */
enum conn_result conn_send(struct conn *c, struct iovq *q, bool end_follows, size_t *sent);
/* Bytes that were sent and that the peer's kernel has not taken: a close with bytes that nobody
 * has read here would destroy them. */
size_t conn_undelivered(const struct conn *c);
/* Bytes that the peer has got, of those that were sent: progress that the kernel's buffer
 * hides, which takes no more for seconds when a slow peer has megabytes in it. */
uint64_t conn_taken(const struct conn *c);
void conn_shutdown(struct conn *c);
/* Out of the loop and closed; harmless when it is not open. */
void conn_close(struct conn *c);
/* Closes with a reset, so that the peer sees an abort and no end. */
void conn_abort(struct conn *c);
/* For transports: the system calls of the plain one, on any connection. */
enum conn_result conn_raw_recv(struct conn *c, void *to, size_t size, size_t *n);
enum conn_result conn_raw_send(struct conn *c, const struct iovec *v, unsigned count, bool more,
			       size_t *n);
/* For transports: it is broken; the first errno is kept. CONN_FAIL. */
enum conn_result conn_break(struct conn *c, int error);

static inline bool conn_is_open(const struct conn *c)
{
	return c->io.fd >= 0;
}

#endif
