/* The programs that the runner may run, gathered for the manifest. */
#ifndef HPCBAL_LOADER_PROGRAMS_H
#define HPCBAL_LOADER_PROGRAMS_H

#include "conf/conf.h"
#include "ipc/brief.h"
#include "ipc/bundle.h"

#define PROGRAMS_NONE BRIEF_NONE

struct programs_list {
	const struct conf_source *source;
	struct diags *diags;
	struct manifest *m; /* comes cleared */
	bool full;          /* said already */
};

/* Its index in the manifest; PROGRAMS_NONE when it has no place there, and that was said. Equal
 * programs share a place: those of the same kind with the same path and times. `p` has all but the
 * path. Each is looked at on the disk once; what is wrong is added to the list's diags. */
uint32_t programs_add(struct programs_list *l, struct manifest_program *p, struct str path,
		      unsigned line);

#endif
