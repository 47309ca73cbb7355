/* An HTTP message head as spans into the bytes it was parsed from. Nothing is copied: the
 * bytes must stay where they are for as long as the head is used. Pure. */
#ifndef HPCBAL_HTTP_MESSAGE_H
#define HPCBAL_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/reason.h"
#include "base/str.h"

/* Parsers answer: whole; not yet; never (the reason beside it). */
enum http_verdict { HTTP_OK, HTTP_MORE, HTTP_BAD };

enum http_method {
	METHOD_OTHER, /* a valid token that has no meaning here */
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_CONNECT,
	METHOD_TRACE
};

/* RFC 9110 9.2.2: may be sent twice. */
bool http_method_idempotent(enum http_method m);

/* Fields that hpcbal treats by name; rows in http/fields.def. */
enum http_field_id {
	FIELD_OTHER,
#define FIELD(id, name, flags) FIELD_##id,
#include "http/fields.def"
#undef FIELD
	FIELD_COUNT
};

struct http_field {
	struct str name, value; /* value trimmed */
	struct str line;        /* the whole line with its line end */
	enum http_field_id id;
	bool drop; /* not forwarded: hop-by-hop, named by Connection, forged… */
};

#define HTTP_FIELDS_INLINE 64

struct http_fields {
	struct http_field *list; /* fixed[] until it is too small, then from the arena */
	unsigned count, room;
	bool untidy; /* some line ended by a bare LF, which was relaxed, or has blanks around its
		      * value that are to be trimmed: it must not go on so */
	struct http_field fixed[HTTP_FIELDS_INLINE];
};

/* RFC 9112 6.3: how the body's end is found. */
enum http_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

#define HTTP_FORWARDS_ANY UINT64_MAX /* nothing was said */

struct http_request {
	struct str method_text;
	enum http_method method;
	struct str target;    /* as it came */
	struct str version;   /* as it came */
	struct str path;      /* normalised (RFC 3986 6.2.2, HTTP.md 37); "*" for OPTIONS * */
	struct str match_path; /* what conditions see of it: decoded, repeated slashes as one */
	struct str query;     /* with its "?", or empty */
	struct str authority; /* of the target, else Host; what conditions see */
	unsigned minor;       /* 0 or 1: HTTP/1.minor as it is served */
	struct http_fields fields;
	enum http_framing framing; /* never CLOSE */
	uint64_t content_length;
	bool keep_alive;     /* the client lets the connection live */
	bool expect_continue;
	bool te_trailers;    /* and trailers will reach the client */
	bool upgrade_websocket; /* a valid WebSocket handshake (RFC 6455 4.1) */
	bool authenticates_connection; /* NTLM or Negotiate (HTTP.md 95) */
	bool websocket_13;      /* of version 13: a 101 to it opens a tunnel */
	uint64_t max_forwards; /* of OPTIONS (RFC 9110 7.6.2); at 0 it goes no further */
	size_t head_size;    /* bytes: from the front of `in`, so with empty lines before it,
			      * to the final line end */
};

struct http_response {
	unsigned status;
	struct str reason_phrase;
	unsigned minor;
	struct http_fields fields;
	enum http_framing framing;
	uint64_t content_length; /* when framing is LENGTH, or has_length */
	bool has_length; /* for HEAD and 304 the field passes although there is no body */
	bool keep_alive;
	bool has_date;
	bool upgrade_websocket; /* a 101 that matches RFC 6455, or a 426 that asks for that */
	bool authenticates_connection; /* NTLM or Negotiate (HTTP.md 95) */
	bool has_idle_limit; /* it announces in its Keep-Alive field */
	uint64_t idle_limit; /* so many seconds until it closes */
	size_t head_size;
};

/* The first field with this id, or name (any case); NULL when there is none. */
const struct http_field *http_field_find(const struct http_fields *f, enum http_field_id id);
const struct http_field *http_field_find_name(const struct http_fields *f, struct str name);
/* The next element of a comma-separated list (RFC 9110 5.6.1), empty ones passed over;
 * quoted strings are not taken apart. False at the end. */
bool http_list_next(struct str *rest, struct str *item);

#endif
