/* An HTTP/1.1 response, as hpcbal writes it, taken apart again for an HTTP/2 stream: heads, data,
 * trailers. It is our own writing, so nothing of it is judged here. Pure. */
#ifndef HPCBAL_HTTP_H2_RESPONSE_H
#define HPCBAL_HTTP_H2_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum h2_response_state {
	H2_RESPONSE_HEAD,
	H2_RESPONSE_LENGTH,     /* `left` bytes of data are to come */
	H2_RESPONSE_CHUNK_LINE,
	H2_RESPONSE_CHUNK_DATA, /* too */
	H2_RESPONSE_CHUNK_END,
	H2_RESPONSE_TRAILERS,
	H2_RESPONSE_TUNNEL,     /* all that comes is data */
	H2_RESPONSE_DONE
};

struct h2_response {
	enum h2_response_state state;
	bool to_head;  /* the request was a HEAD */
	bool upgrades; /* it was an extended CONNECT: 101 opens a tunnel */
	uint64_t left;
	unsigned line; /* bytes of the trailer under way, without its end */
};

static inline void h2_response_init(struct h2_response *r, bool to_head, bool upgrades)
{
	*r = (struct h2_response){ .to_head = to_head, .upgrades = upgrades };
}

/* The bytes of the head at the front, with the empty line; 0: it is not whole. */
size_t h2_head_size(struct str text);

struct h2_field {
	struct str name, value;
};

struct h2_head {
	char status[3]; /* as the client gets it: 200 for the 101 of a tunnel */
	bool interim;   /* another head follows */
	struct h2_field *fields;
	unsigned n;
};

/* Reads a whole head: its fields, names in lower case (in place), without those that belong to
 * HTTP/1.1 connections, and what follows it. False: more than `max` fields. */
bool h2_response_head(struct h2_response *r, char *text, size_t size, struct h2_field *fields,
		      unsigned max, struct h2_head *head);

/* Eats from the front of the body: `used`, and `data` within that, which may be empty. In
 * H2_RESPONSE_TRAILERS that is a field line with its end, or a piece of one. */
void h2_response_body(struct h2_response *r, struct str in, size_t *used, struct str *data);

/* Of a line "name: value"; false when it has no colon. */
bool h2_field_split(char *line, size_t size, struct h2_field *f);

#endif
