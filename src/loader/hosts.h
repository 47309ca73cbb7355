/* The hosts that the routes of a configuration ask for where clients come over TLS: for each there
 * has to be a certificate. */
#ifndef HPCBAL_LOADER_HOSTS_H
#define HPCBAL_LOADER_HOSTS_H

#include "conf/conf.h"

struct router;

struct hosts_one {
	struct str name; /* in lower case */
	bool below;      /* as host_end says it */
	unsigned frontend, line; /* of the route */
};

struct hosts {
	struct arena *arena;
	unsigned n, room;
	struct hosts_one *list; /* in the order of frontends and routes */
};

/* Adds those of the frontend, whose router it is; they stay when that is freed. What there is no
 * memory for is missing. */
void hosts_gather(struct hosts *h, const struct conf *conf, unsigned frontend,
		  const struct router *r);

#endif
