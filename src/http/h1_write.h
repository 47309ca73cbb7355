/* Heads on their way out: kept ranges of what came in, and what hpcbal adds, as a queue of
 * spans; nothing is copied but the added bytes (into the arena). Pure. False: the queue or
 * the arena is full, the exchange must end. */
#ifndef HPCBAL_HTTP_H1_WRITE_H
#define HPCBAL_HTTP_H1_WRITE_H

#include "base/addr.h"
#include "base/iovq.h"
#include "http/edits.h"

/* What a request head says of its client to the server (HTTP.md 57, 58). */
struct h1_forwarding {
	bool on;             /* forwarded_for: the X-Forwarded fields */
	bool forwarded;      /* Forwarded, RFC 7239 */
	bool via;
	bool trusted;        /* the peer is in trusted_proxies: append, else replace */
	struct str node;     /* who we are in Forwarded and Via: a pseudonym */
	struct str peer;     /* the client's address without port; none on a unix socket */
	struct str proto;    /* "http" or "https" */
	uint16_t port;       /* the listener's; 0 on a unix socket */
	/* Host when an HTTP/1.0 client named none. An empty one is legal, but nginx answers it
	 * with 400. */
	struct str default_host;
	struct http_edited edited; /* of the configuration; what it named we do not write */
	struct str id_name, id;    /* the request's id, and its field; no name: not written */
};

/* As HTTP/1.1, origin form, with Host = req->authority, or the default. req->framing says how
 * the body will be sent; without a body a method that usually has one gets Content-Length: 0.
 * WebSocket upgrades keep Connection and Upgrade. The spans point into the bytes that `req`
 * was parsed from, and into the arena. */
bool h1_write_request(const struct http_request *req, const struct h1_forwarding *f,
		      struct iovq *out, struct arena *arena);

/* How the response's body goes to the client: as `framing` says (CLOSE for an HTTP/1.0
 * client of a body without a length). `keep_alive` false adds Connection: close; true adds
 * Connection: keep-alive for an HTTP/1.0 client. A missing Date is added (`date` is the
 * text of now, RFC 9110 5.6.7). */
struct h1_reply {
	enum http_framing framing;
	bool keep_alive;
	unsigned client_minor;
	struct str date;
	struct str added; /* whole lines, of the configuration */
	struct str id_name, id; /* as in struct h1_forwarding */
	unsigned retry_after; /* seconds, of an answer of our own; 0: none, or the reason's own */
};

/* Also false when asked to send an HTTP/1.0 client a 1xx, or a chunked body (HTTP.md 68). */
bool h1_write_response(const struct http_response *res, const struct h1_reply *r,
		       struct iovq *out, struct arena *arena);

/* What hpcbal says itself. */
struct h1_answer {
	enum reason why;
	unsigned status;
	struct str location;           /* of a redirect */
	struct str content_type;
	const struct str *body; /* spans, one after the other */
	unsigned n_body;        /* 0: no body */
	bool by_accept;         /* the client's Accept has decided what the body is */
	struct str added;       /* whole lines */
};

/* The whole of it: head and body (for HEAD its length); r->framing is not looked at. With
 * Retry-After for a 503 that is the reason's own, Allow for 405 and for OPTIONS. The spans point
 * into those of the answer and into the arena. Also false for a status 0, of reasons that have
 * none. */
bool h1_write_answer(const struct h1_answer *a, enum http_method method, const struct h1_reply *r,
		     struct iovq *out, struct arena *arena);

/* IMF-fixdate of a calendar second, into 30 bytes. */
void http_date(uint64_t wall_seconds, char to[30]);
/* "Not Found"; "" for codes without a registered phrase. */
struct str http_status_phrase(unsigned status);

#endif
