/* What a request has by a name that people choose: header fields, cookies, parameters of the
 * query. Pure; the values are spans into the head. */
#ifndef HPCBAL_HTTP_NAMED_H
#define HPCBAL_HTTP_NAMED_H

#include "http/message.h"

enum http_named_kind { HTTP_NAMED_FIELD, HTTP_NAMED_COOKIE, HTTP_NAMED_QUERY };

struct http_named {
	enum http_named_kind kind;
	enum http_field_id id; /* of a field that has one: quicker to compare */
	struct str name;       /* of a field in any case, of the others as it is */
};

/* Keeps `name`. */
struct http_named http_named(enum http_named_kind kind, struct str name);
/* Whether anything can have this name: fields and cookies have tokens. */
bool http_named_possible(const struct http_named *what);

struct http_named_walk {
	const struct http_named *what;
	const struct http_request *req;
	unsigned at;     /* the next field to look at */
	struct str rest; /* of the one with pairs in it */
};

/* Of Host the one value is the authority, wherever that came from (HTTP.md 22). */
void http_named_start(struct http_named_walk *w, const struct http_named *what,
		      const struct http_request *req);
/* The next value as it came, in order: a field's whole value; what is behind the "=" of a pair,
 * or nothing of a bare name. False at the end. */
bool http_named_next(struct http_named_walk *w, struct str *value);
/* How many there are, and the first of them; STR_NONE when there is none. */
unsigned http_named_first(const struct http_named *what, const struct http_request *req,
			  struct str *value);

#endif
