/* What of a request binds it to one of its backend's servers: the bytes by which the algorithm
 * chooses. */
#ifndef HPCBAL_PROXY_AFFINITY_H
#define HPCBAL_PROXY_AFFINITY_H

#include "proxy/generation.h"

/* How the backend names what its algorithm chooses by. */
struct http_named affinity_named(const struct conf_backend *c);
/* Into the key. A field, parameter or cookie that is not there or says nothing leaves none; of
 * several the first counts. `req` NULL: in mode tcp. */
void affinity_find(const struct backend *b, const struct addr *client,
		   const struct http_request *req, struct pool_key *key);

#endif
