/* The head of an HTTP/1.1 request, as hpcbal writes it, taken apart for an HTTP/2 stream to a
 * server (RFC 9113 8.3.1, RFC 8441). It is our own writing, so nothing of it is judged here; its
 * body goes the way of a response's (http/h2_response.h). Pure. */
#ifndef HPCBAL_HTTP_H2_CALL_H
#define HPCBAL_HTTP_H2_CALL_H

#include "http/h2_response.h"

struct h2_call {
	struct h2_field *fields; /* pseudo-header fields first */
	unsigned n;
	bool upgrades;  /* an extended CONNECT for a WebSocket */
	bool to_head;   /* HEAD */
	struct str key; /* of the WebSocket */
};

/* Reads a whole head, names in lower case (in place), without what belongs to HTTP/1.1
 * connections; `body` then knows what follows it. False: more than `max` fields. */
bool h2_call_read(struct h2_response *body, char *text, size_t size, bool secure,
		  struct h2_field *fields, unsigned max, struct h2_call *c);

/* What must not be put in a table that other clients' requests are packed with (RFC 7541 7.1). */
bool h2_call_is_secret(struct str name);

#endif
