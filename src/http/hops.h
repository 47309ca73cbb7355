/* What a request says of the way that it came: Forwarded (RFC 7239) and Via (RFC 9110 7.6.3).
 * Pure. */
#ifndef HPCBAL_HTTP_HOPS_H
#define HPCBAL_HTTP_HOPS_H

#include "http/message.h"
#include "http/text.h"

/* A node among others without its address: a token that is an obfuscated identifier, too, when
 * "_" stands in front of it. Letters, digits, ".", "_" and "-" of `node`; "-" for the rest. */
struct str http_pseudonym(struct str node, struct arena *arena);

struct http_forwarded {
	struct str peer;  /* the client's address without a port or brackets; empty: unknown */
	struct str host;  /* as it was asked for; empty: left out */
	struct str proto; /* "http" or "https" */
	struct str by;    /* a pseudonym */
};

/* Bytes that http_forwarded_add() needs at most. */
size_t http_forwarded_room(const struct http_forwarded *f);
/* The whole line with CRLF. */
void http_forwarded_add(struct http_text *t, const struct http_forwarded *f);

/* How often the Via fields name this pseudonym, in any case, with or without a port. */
unsigned http_via_count(const struct http_fields *fields, struct str pseudonym);

#endif
