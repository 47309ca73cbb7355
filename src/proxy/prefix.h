/* A route's prefix, on the way there and back (http/prefix.h). */
#ifndef HPCBAL_PROXY_PREFIX_H
#define HPCBAL_PROXY_PREFIX_H

#include "proxy/exchange.h"

/* The path that the server is to be asked for; one that is not under the route's prefix stays as
 * it is, and then the exchange has none. What is to be told of it goes to `edits`, which has room
 * for one. Their number. The arena may have failed then. */
unsigned prefix_begin(struct exchange *x, struct str *path, struct http_edit *edits);
/* The response's fields, for an exchange that has a prefix. False: out of memory. */
bool prefix_mend(struct exchange *x);

#endif
