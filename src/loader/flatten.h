/* One text out of a file and all that it includes, with the map of its lines. An include
 * is a line of its own, `@include "PATH"`, the path relative to the file it is in. */
#ifndef HPCBAL_LOADER_FLATTEN_H
#define HPCBAL_LOADER_FLATTEN_H

#include "conf/conf.h"

/* Fills path, text, paths and lines of `source`, in `arena`. False: `diags` says why. */
bool flatten_read(const char *path, struct arena *arena, struct conf_source *source,
		  struct diags *diags);
/* `path`, as it stands in `file`, from where this process is. NUL-terminated. */
struct str flatten_path(struct arena *arena, struct str file, struct str path);

#endif
