/* Looks now and then whether a file that the running configuration was made of has changed. */
#ifndef HPCBAL_SUPERVISOR_FILEWATCH_H
#define HPCBAL_SUPERVISOR_FILEWATCH_H

#include "ipc/bundle.h"

#define FILEWATCH_US 2000000ull

struct filewatch {
	uint64_t next;    /* when to look again */
	uint64_t pending; /* how the files were at the last look, when not as they were read */
	uint64_t told;    /* the same, when that was answered last */
};

/* The path of one that has changed and now stays as it is; NULL: there is nothing to do. Each
 * change is told once, so that one that cannot be taken is not tried for ever. */
const char *filewatch_look(struct filewatch *w, const struct manifest *m, uint64_t now);

#endif
