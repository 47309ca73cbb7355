/* What a configuration names outside of itself, for the loader to fetch before
 * conf_parse(): hosts of servers, value files of conditions, error pages, certificates and keys.
 * Pure. */
#ifndef HPCBAL_CONF_WANTS_H
#define HPCBAL_CONF_WANTS_H

#include "conf/conf.h"

struct wants {
	/* The spans live until the call returns; the same one may come several times. */
	void (*host)(struct wants *w, struct str host, unsigned line);
	void (*file)(struct wants *w, struct str path, unsigned line);
	void (*page)(struct wants *w, struct str path, unsigned line);
	void (*secret)(struct wants *w, struct str path, unsigned line); /* certificate or key */
};

/* False: the text has a mistake of syntax, which conf_parse() will tell. */
bool wants_read(struct wants *w, const struct conf_source *source);

#endif
