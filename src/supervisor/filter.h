/* The system calls that a role may make. Programs built with a sanitizer, which needs more,
 * are linked with filter_none.c instead. */
#ifndef HPCBAL_SUPERVISOR_FILTER_H
#define HPCBAL_SUPERVISOR_FILTER_H

#include <stdbool.h>

/* Anything else is answered with EPERM and logged by the kernel's audit. False: `why` (of
 * `size` bytes) says what failed. */
bool filter_proxy(char *why, int size);
bool filter_vrrp(char *why, int size);
bool filter_admin(char *why, int size);

#endif
