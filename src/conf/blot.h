/* A configuration's text without what only its user may know, for the bundle: the proxy, which
 * strangers talk to, parses it again and makes the same of it. */
#ifndef HPCBAL_CONF_BLOT_H
#define HPCBAL_CONF_BLOT_H

#include "conf/conf.h"

/* The text of `source`, in `arena`, of the same length and with the same lines: comments are
 * blanks, and each text that the value of a secret is made of (see options.h) is one star, so
 * that not even its length is told. STR_NONE: a mistake of syntax, or no memory. Pure. */
struct str conf_blot(const struct conf_source *source, struct arena *arena);

#endif
