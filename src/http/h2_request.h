/* The fields of an HTTP/2 request (RFC 9113 8.1 to 8.3, RFC 8441), one by one as HPACK gives
 * them, → the head of an HTTP/1.1 request that says the same. What is malformed is refused, so
 * that no byte of a field can be taken for anything but itself (HTTP.md 101 to 110); what is
 * merely bad is left to the parser of HTTP/1.1, which reads the text. Pure. */
#ifndef HPCBAL_HTTP_H2_REQUEST_H
#define HPCBAL_HTTP_H2_REQUEST_H

#include "http/h2_block.h"
#include "http/message.h"

/* All pseudo-header fields together, so that there is room to write them in order. */
#define H2_PSEUDO_MAX 28000u
/* Bytes that a head may have besides those of its fields, each of which takes no more than it
 * counts under h2_limits. */
#define H2_REQUEST_ADDED 1024u

struct h2_request {
	struct h2_block block;
	unsigned pseudo; /* 1 << each that has come */
	struct str method, scheme, path, authority, protocol; /* at the end of the room first */
	size_t tail; /* where they begin there */
	size_t cookie_end; /* where the next crumb goes; 0: there is none */
	bool https, has_host, upgrade, has_length, length_known;
	uint64_t length; /* of Content-Length, when length_known */
};

void h2_request_begin(struct h2_request *r, const struct h2_limits *limits, char *text,
		      size_t room, bool trailers);
void h2_request_field(struct h2_request *r, struct str name, struct str value);
/* The block is whole. `ended`: no body follows. The text is then complete; of a head that is
 * refused it is what h2_refusal_read() reads. `key`: 24 letters, fresh for
 * each handshake; else nobody looks at it. */
void h2_request_end(struct h2_request *r, bool ended, const char *key);

/* Of a head that was good, before anybody has read it: it is refused all the same. The size of the
 * text, which needs H2_REFUSAL bytes of room. */
#define H2_REFUSAL 6u /* NUL, the reason, the size in four bytes */
size_t h2_request_refuse(char *text, size_t n, enum reason why);
/* Whether the text is that of a head that was refused; then the line behind says, for the log,
 * what is known of it, as a request line of HTTP/1.1. */
bool h2_refusal_read(struct str *text, enum reason *why, size_t *size);

#endif
