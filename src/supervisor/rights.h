/* What a process may do, by role: one table (rights.c). Taken in this order, before the
 * first thread: scheduling class and memory lock, user, capabilities, no_new_privs,
 * seccomp. */
#ifndef HPCBAL_SUPERVISOR_RIGHTS_H
#define HPCBAL_SUPERVISOR_RIGHTS_H

#include <stdbool.h>

enum role {
	ROLE_LOADER,
	ROLE_PROXY,
	ROLE_VRRP,
	ROLE_RUNNER,
	ROLE_ADMIN,
	ROLE_TRIAL,
	ROLE_COUNT
};

const char *role_name(enum role r); /* "proxy" */
/* False: `why` (of `size` bytes) says which step failed and what to do. When the program
 * was not started as root the user stays as it is; a capability that the role cannot do
 * without it must have then, too. */
bool rights_take(enum role r, char *why, int size);

#endif
