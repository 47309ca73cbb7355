/* Inside route/: the routes that only ask for literal hosts and paths, all in one walk. A
 * rank is a route's place in the file. */
#ifndef HPCBAL_ROUTE_PLAN_H
#define HPCBAL_ROUTE_PLAN_H

#include "route/condition.h"

struct plan {
	struct arena *arena, *temp;
	struct arena *growing; /* of the sets, until plan_pack() */
	/* Keys are a host (empty: any), a NUL, and a path; `folded`: paths whose case does
	 * not matter. NULL when there are none. */
	struct literals *cased, *folded;
	bool has_hosts;
	/* The other routes' suites, to find those that an earlier one makes useless. */
	struct suite *suites;
	uint32_t *ranks;
	unsigned n_suites;
};

/* Takes the routes in the order of their ranks. True: the plan answers for this route, and
 * the condition need not be asked. */
bool plan_add(struct plan *p, const struct condition *c, uint32_t rank);
/* The route (of those added before) that takes all that this condition could, or
 * RANK_NONE. */
uint32_t plan_covers(const struct plan *p, const struct condition *c);
/* All routes are there. The arenas that are not the plan's own are not needed any more. */
void plan_pack(struct plan *p);
/* The first route that takes it, of those that the plan answers for. `req` may be NULL. */
uint32_t plan_find(const struct plan *p, const struct http_request *req);

#endif
