/* Inside route/: a condition as it is compiled, and how it is asked. A condition is an OR
 * of suites, a suite an AND of terms, a term a test or another condition, maybe negated. */
#ifndef HPCBAL_ROUTE_CONDITION_H
#define HPCBAL_ROUTE_CONDITION_H

#include "http/named.h"
#include "route/literals.h"
#include "route/netset.h"
#include "route/regex.h"
#include "route/route.h"
#include "route/words.h"

struct port_range {
	uint16_t from, to;
};

/* A word with its values. Read-only once compiled. */
struct test {
	const struct word *word;
	struct http_named named; /* of hdr(), query(), cookie() */
	enum match match;
	bool fold;
	unsigned n; /* values */
	unsigned n_said; /* that something is wrong with, of files; while it is compiled */
	union {
		struct str *strings;
		struct net *nets;
		struct port_range *ranges;
		struct regex **regexes;
	} v;
	/* The same again when they are many: strings (reversed for ends), or networks. */
	struct literals *set;
	struct netset *netset;
};

struct condition;

struct term {
	bool negate;
	const struct test *test; /* or */
	const struct condition *nested;
};

struct suite {
	unsigned n;
	struct term *terms;
};

struct condition {
	unsigned n;
	struct suite *suites;
};

bool condition_holds(const struct condition *c, const struct route_facts *facts);
/* A word in it that asks for something of a request; NULL: a connection is enough. */
const struct word *condition_of_request(const struct condition *c);
/* Tells of each host that it says outright, as `host`, `host_end` and `sni` do, where TLS is not
 * excluded beside it; `below`: of all below it, too. */
void condition_hosts(const struct condition *c,
		     void (*tell)(void *arg, struct str host, bool below), void *arg);
/* The authority without its port, and without the dot that may end a name. */
struct str condition_host(struct str authority);

#endif
