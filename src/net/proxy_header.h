/* The PROXY protocol's header, by which a proxy in front says who the client is: version 1 (a
 * line of text) and version 2 (binary), read and built. Pure: memory in, memory out.
 * Specification: haproxy.org, doc/proxy-protocol.txt. */
#ifndef HPCBAL_NET_PROXY_HEADER_H
#define HPCBAL_NET_PROXY_HEADER_H

#include "base/addr.h"
#include "base/reason.h"

/* The largest of version 2 that is read; the specification expects some 500 bytes. */
#define PROXY_HEADER_MAX 16384
/* What proxy_header_build() needs: version 2 with two paths. */
#define PROXY_HEADER_BUILT 232

enum proxy_verdict {
	PROXY_OK,
	PROXY_MORE, /* a beginning: ask again with all of it and more */
	PROXY_BAD   /* no header, or a malformed one: `why` */
};

struct proxy_header {
	/* It names nobody (UNKNOWN, LOCAL, what is not forwarded as a stream): the connection's
	 * own addresses hold. */
	bool local;
	struct addr src, dst; /* the client, and what it reached; not when `local` */
	size_t size;          /* of the header: what follows is not its */
};

/* Judges in the order of the bytes, so that the answer does not depend on the pieces in which
 * they come. `why` is REASON_COMPLETE unless the verdict is PROXY_BAD. */
enum proxy_verdict proxy_header_parse(struct str in, struct proxy_header *h, enum reason *why);
/* Writes one of `version` 1 or 2 to `to`, which has PROXY_HEADER_BUILT bytes, and returns its
 * size. `src` NULL: for a connection of our own (UNKNOWN, LOCAL). One IPv4 and one IPv6 address
 * both go as IPv6; what a version cannot say goes as unknown. */
size_t proxy_header_build(unsigned version, const struct addr *src, const struct addr *dst,
			  char *to);

#endif
