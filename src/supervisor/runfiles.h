/* What a running daemon leaves in the file system: the control socket, and beside it the
 * file with its process number. */
#ifndef HPCBAL_SUPERVISOR_RUNFILES_H
#define HPCBAL_SUPERVISOR_RUNFILES_H

#include <stdbool.h>

#include "supervisor/report.h"

#define RUNFILES_GROUP "hpcbal-admin" /* may use the control socket, if there is such a group */

struct runfiles {
	char socket[108];
	char pidfile[128]; /* empty: not written */
	int fd;            /* listening; -1: none */
};

void runfiles_init(struct runfiles *f);
/* Makes the directory if need be. False (and a line) also when another daemon answers there. */
bool runfiles_open(struct runfiles *f, const char *socket, struct report *why);
bool runfiles_write_pid(struct runfiles *f, struct report *why);
/* Removes both, if they are still ours. */
void runfiles_close(struct runfiles *f);

#endif
