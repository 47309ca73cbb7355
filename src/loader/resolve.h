/* Host names → addresses, once, while a configuration is loaded; the running program never
 * asks a name server. */
#ifndef HPCBAL_LOADER_RESOLVE_H
#define HPCBAL_LOADER_RESOLVE_H

#include "conf/conf.h"

/* All names together may take this long. */
#define RESOLVE_LIMIT_S 10

/* Asks for all at once; a name without an answer keeps addr.len 0 and gets its `why`. Of
 * several addresses the lowest is taken, so that every load and every node take the same. */
void resolve_names(struct conf_name *names, unsigned n);

#endif
