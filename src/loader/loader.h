/* Reads a configuration from disk, judges it whole, and bundles it. Short-lived: it runs
 * as a child of its own for the supervisor, or inside `hpcbald --check` and
 * `hpcbalctl check`. */
#ifndef HPCBAL_LOADER_LOADER_H
#define HPCBAL_LOADER_LOADER_H

#include <stdio.h>

#include "conf/conf.h"

/* The role: sends MSG_BUNDLE (with the warnings) or MSG_FAULTS, returns the exit status. */
int loader_main(int sock, const char *path);
/* Prints every error and warning; 0 when there was no error, else 1. With none at all one
 * line says that the file is good and what it holds. */
int loader_check(const char *path, FILE *out);

/* Reads the file with all that it names into `source` (allocated in `arena`): @include
 * flattened, value files, host names resolved. False: `diags` says why. */
bool loader_read(const char *path, struct arena *arena, struct conf_source *source,
		 struct diags *diags);

#endif
