/* The chunked coding (RFC 9112 7.1), strict (HTTP.md 39 to 43): a state machine that eats
 * bytes and gives out spans of data. Pure; no memory of its own but the trailer's fields. */
#ifndef HPCBAL_HTTP_H1_CHUNK_H
#define HPCBAL_HTTP_H1_CHUNK_H

#include "http/h1_parse.h"

#define H1_CHUNK_EXTENSION_MAX 4096 /* bytes of extensions in one message */
#define H1_CHUNK_LINE_MAX 1024      /* of one chunk-size line */

struct h1_chunks {
	unsigned state; /* private */
	uint64_t left;  /* of the chunk under way */
	uint64_t data_total;
	size_t extension_total, line_size, trailer_size;
	unsigned digits;
	bool done; /* the last chunk and the trailer section were read */
	/* Set between h1_chunks_init() and the first byte: a list of names that do not pass, which
	 * the head's Connection fields name (http_connection_list()) or the configuration says
	 * itself; and whether names that are not plain pass, as they do
	 * in responses. */
	struct str connection;
	bool any_name;
	/* The trailer section's field lines that may be passed on, each with CRLF, one after
	 * the other, in the arena; fields that hpcbal treats by name, fields that say how to
	 * read or to store the message, those that Connection names, and names that are not
	 * plain, are not among them. */
	struct str trailers;
	/* private: the section as it arrives, max_trailer bytes in the arena; where the line
	 * under way begins in it */
	char *trailer_buf;
	size_t max_trailer, trailer_n, trailer_line;
	unsigned max_trailer_fields, trailer_fields;
};

/* `limits` are those of the head: max_head and max_fields hold for the trailer section too. */
void h1_chunks_init(struct h1_chunks *c, const struct h1_limits *limits);

/* Eats from the front of `in`: `used` says how much. HTTP_OK: `data` (inside `in`, maybe
 * empty) is the next piece of body, or c->done is set; call again with the rest. HTTP_MORE:
 * all of `in` was eaten (used == in.n) and gave no data. HTTP_BAD: `why`; request faults
 * are REQ_CHUNK, REQ_CHUNK_EXTENSION and REQ_TRAILER…, for a response the caller maps them to
 * RES_CHUNK; NO_MEMORY when the arena failed. After HTTP_BAD or `done` it is not called
 * again. */
enum http_verdict h1_chunks_next(struct h1_chunks *c, struct str in, struct arena *arena,
				 size_t *used, struct str *data, enum reason *why);

/* The framing of a piece of `size` bytes on its way out: "1f4\r\n" into `to`. The length. */
#define H1_CHUNK_HEAD 20
size_t h1_chunk_head(char to[H1_CHUNK_HEAD], uint64_t size);

#endif
