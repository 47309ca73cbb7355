/* A header block of HTTP/2 on its way to lines of HTTP/1.1: the part in which requests
 * (http/h2_request) and responses (http/h2_reply) are alike. Pure. */
#ifndef HPCBAL_HTTP_H2_BLOCK_H
#define HPCBAL_HTTP_H2_BLOCK_H

#include "base/reason.h"
#include "base/str.h"

/* Of one block; the fields beyond are counted and not kept. */
struct h2_limits {
	size_t max_head;     /* of all fields, as RFC 9113 6.5.2 counts them */
	unsigned max_fields; /* regular ones */
};

struct h2_block {
	struct h2_limits limits;
	char *text; /* where it is written: `room` bytes, the caller's */
	size_t n, room;
	enum reason fault; /* the first; REASON_COMPLETE: none */
	bool trailers;     /* a trailer section */
	size_t size;       /* of all fields so far, for the limit */
	unsigned fields;
	bool regular; /* one has come: no pseudo-header field may follow */
};

struct h2_block h2_block_begin(const struct h2_limits *limits, char *text, size_t room,
			       bool trailers);
void h2_block_refuse(struct h2_block *b, enum reason why);
/* Counts a field. False: all together are larger than the limit. */
bool h2_block_count(struct h2_block *b, struct str name, struct str value);
/* There must be room. */
void h2_block_put(struct h2_block *b, struct str s);
void h2_block_put_line(struct h2_block *b, struct str name, struct str value);
/* What opens a WebSocket in HTTP/1.1; the last line is the key, or what it is answered with. */
void h2_block_put_upgrade(struct h2_block *b, struct str name, struct str value);

/* RFC 9113 8.2.1: a token without capital letters, which is more than it asks for. */
bool h2_name_is_good(struct str name);
bool h2_value_is_good(struct str value);

#endif
