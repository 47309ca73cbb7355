/* From a request's facts to a decision: conditions compiled once when a configuration is
 * loaded, evaluated without allocation. Pure; a compiled router is immutable and shared by
 * threads (PCRE2 match data is made per call site, see route_facts.scratch). */
#ifndef HPCBAL_ROUTE_ROUTE_H
#define HPCBAL_ROUTE_ROUTE_H

#include "conf/conf.h"
#include "http/edits.h"

struct http_prefix;
struct router;         /* one frontend's compiled acls and routes */
struct router_scratch; /* what one thread needs to evaluate; make one per worker */

struct route_facts {
	const struct http_request *req; /* fields as they came, dropped ones included */
	const struct addr *src;
	uint16_t dst_port;
	bool tls;
	struct str sni;
	struct str default_host; /* for router_location(), of a request that names none */
	struct str request_id;   /* empty: it is only asked where it would go */
	struct router_scratch *scratch;
};

/* Every mistake of the conditions goes to `diags` (unknown acl or word with the nearest
 * name, bad values, unreadable file, bad expression with its place); a route that can never
 * match because an earlier one takes all it could is a warning. NULL when there was an
 * error. The router keeps pointers into `conf`. */
struct router *router_compile(const struct conf *conf, const struct conf_source *source,
			      const struct conf_frontend *frontend, struct diags *diags);
/* The same of a backend: its changes to fields, whose conditions name no acls. NULL without an
 * error: it has none. */
struct router *router_compile_backend(const struct conf_source *source,
				      const struct conf_backend *backend, struct diags *diags);
void router_free(struct router *r);

struct router_scratch *router_scratch_new(void);
void router_scratch_free(struct router_scratch *s);
/* Whether an expression gave up at a limit since this was asked last: what was decided since is
 * a guess, and nobody is to be served by it. */
bool router_gave_up(struct router_scratch *s);

/* The backend's index in the configuration, or -1: the route that matched answers by itself or
 * has a split, or none did and there is no default. `route` (may be NULL) gets the route's index,
 * -1 for the default. */
int router_decide(const struct router *r, const struct route_facts *facts, int *route);
/* How the path changes that the route takes to its servers; NULL: not at all. */
const struct http_prefix *router_prefix(const struct router *r, int route);
/* Whether the condition of this route, taken alone, is for the request. */
bool router_route_holds(const struct router *r, unsigned route, const struct route_facts *facts);
/* Tells of each host that the route's condition says outright, in lower case and not followed by a
 * port, where it does not exclude TLS; `below`: of all below it, too. */
void router_hosts(const struct router *r, unsigned route,
		  void (*tell)(void *arg, struct str host, bool below), void *arg);
/* Where the route sends the client; facts->req is there. STR_NONE when the arena failed. */
struct str router_location(const struct router *r, int route, const struct route_facts *facts,
			   struct arena *arena);
/* The changes to the request's or the response's fields, by its rules in order, into `out`, which
 * has room for CONF_MAX_HEADERS. Their number. What they say is in `arena`, which may have failed
 * then. `r` may be NULL. */
unsigned router_edits(const struct router *r, bool response, const struct route_facts *facts,
		      struct arena *arena, struct http_edit *out);
/* Whether the frontend's limit with this index is for this request; facts->req NULL: for this
 * connection. */
bool router_limits(const struct router *r, unsigned limit, const struct route_facts *facts);

#endif
