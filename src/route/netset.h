/* Inside route/: many networks at once, as sorted ranges of addresses. In the arena given;
 * read-only once made. */
#ifndef HPCBAL_ROUTE_NETSET_H
#define HPCBAL_ROUTE_NETSET_H

#include "base/addr.h"
#include "base/arena.h"

struct netset;

/* NULL: out of memory. */
struct netset *netset_new(struct arena *a, const struct net *nets, unsigned n);
bool netset_has(const struct netset *s, const struct addr *a);

#endif
