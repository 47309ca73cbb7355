/* A request as somebody describes it, to see where it would go: "GET http://www.example.org/x",
 * fields, an address. It is read by the parser that reads clients' requests, so it is refused and
 * normalised as theirs are. Pure. */
#ifndef HPCBAL_ROUTE_ASK_H
#define HPCBAL_ROUTE_ASK_H

#include "route/route.h"

struct route_ask {
	/* what is described */
	struct str request;        /* METHOD, a blank, a path or an address */
	const struct str *headers; /* "Name: value"; a Host there comes before the address's */
	unsigned n_headers;
	struct str from; /* the client's address; empty: from nowhere that is known */
	/* what it comes to */
	struct http_request req;
	struct addr src;
	bool addressed;           /* it names a host, and so the port in facts.dst_port */
	struct route_facts facts; /* scratch is the caller's to add */
};

/* The texts of `a` stay with the caller; the head is put together in `arena`. NULL, or what is
 * wrong with it, a text there. */
const char *route_ask_read(struct route_ask *a, struct arena *arena);

#endif
