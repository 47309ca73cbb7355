/* Who holds an address that is in use, as far as /proc tells: for an error text. */
#ifndef HPCBAL_SUPERVISOR_HOLDER_H
#define HPCBAL_SUPERVISOR_HOLDER_H

#include <stddef.h>

#include "base/addr.h"

/* "; nginx (pid 812) listens there: stop it or take another address". */
void holder_describe(const struct addr *a, char *to, size_t size);

#endif
