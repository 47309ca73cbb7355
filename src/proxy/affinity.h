/* What of a request binds it to one of its backend's servers: the bytes by which the algorithm
 * chooses, and the sticky cookie.
 *
 * The value of that cookie is a hash of the backend's and the server's name, so the same on every
 * node and after every reload, also when the server's address is another. It says neither of
 * them, but who guesses both can see that he is right. */
#ifndef HPCBAL_PROXY_AFFINITY_H
#define HPCBAL_PROXY_AFFINITY_H

#include "http/edits.h"
#include "proxy/generation.h"

/* How the backend names what its algorithm chooses by. */
struct http_named affinity_named(const struct conf_backend *c);
/* Into the key. A field, parameter or cookie that is not there or says nothing leaves none; of
 * several the first counts. `req` NULL: in mode tcp. */
void affinity_find(const struct backend *b, const struct addr *client,
		   const struct http_request *req, struct pool_key *key);
/* Each server's value of the sticky cookie. False: the arena failed. */
bool affinity_make_values(struct backend *b, struct arena *arena);
/* The server that the request's sticky cookie names, whatever its state; NULL: none. */
struct server *affinity_bound(const struct backend *b, const struct http_request *req);
/* The cookie is no business of the servers. False: the arena failed. */
bool affinity_hide(const struct backend *b, struct http_request *req, struct arena *arena,
		   struct http_edited *edited);
/* What a response that comes from `s` has to tell a client that is bound to `bound` (NULL: to
 * nobody), as lines behind `added`: the cookie, and that no shared cache may keep it. A cookie of
 * that name which the server sets is dropped. False: the arena failed. */
bool affinity_tell(const struct backend *b, const struct server *s, const struct server *bound,
		   struct http_response *res, struct arena *arena, struct str *added);

#endif
