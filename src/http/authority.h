/* host[:port] of Host and of absolute targets (RFC 9110 7.2, RFC 3986 3.2). Pure. */
#ifndef HPCBAL_HTTP_AUTHORITY_H
#define HPCBAL_HTTP_AUTHORITY_H

#include "base/str.h"

struct http_authority {
	struct str host; /* an IPv6 address with its brackets */
	uint16_t port;   /* 0: none was given */
};

/* False for anything else: userinfo, comma, space, an escape, an empty host, an empty or bad
 * port. */
bool http_authority_parse(struct str text, struct http_authority *a);
/* The same place: any case, and no port equal to the default one. */
bool http_authority_same(const struct http_authority *a, const struct http_authority *b,
			 uint16_t default_port);

#endif
