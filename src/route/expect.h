/* A frontend's `expect`: requests, and where they have to go. Pure. */
#ifndef HPCBAL_ROUTE_EXPECT_H
#define HPCBAL_ROUTE_EXPECT_H

#include "route/route.h"

/* What goes elsewhere is an error in `diags`. */
void expect_check(const struct conf *conf, const struct conf_source *source,
		  const struct conf_frontend *frontend, const struct router *router,
		  struct diags *diags);

#endif
