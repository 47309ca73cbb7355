/* A route's requests, parted among several backends by weight: in turn, exactly and smoothly, all
 * workers together; or by a key of the request, so that it stays at its backend, on every node and
 * over reloads, and a change of weights moves only the difference. A backend where no server can
 * take anything is passed over while another has one; but not for who is bound to a server there
 * that still serves. */
#ifndef HPCBAL_PROXY_SPLIT_H
#define HPCBAL_PROXY_SPLIT_H

#include "proxy/generation.h"

struct split;

/* In the arena; NULL: it failed. */
struct split *split_new(const struct conf *conf, const struct conf_route *route,
			struct arena *arena);
/* An index into `backends`, the generation's. `req` NULL: in mode tcp. Any thread. */
unsigned split_choose(struct split *s, const struct backend *backends, const struct addr *client,
		      const struct http_request *req);
/* The same where a key decides. False: it would go in turn. `client` may be NULL: not known. */
bool split_by_key(const struct split *s, const struct backend *backends, const struct addr *client,
		  const struct http_request *req, unsigned *backend);

#endif
