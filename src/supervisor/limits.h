/* How many descriptors a proxy can get (base/files.h says how many it needs). */
#ifndef HPCBAL_SUPERVISOR_LIMITS_H
#define HPCBAL_SUPERVISOR_LIMITS_H

#include <stdint.h>

/* What a child of this process can be given: the kernel's bound when we may raise limits
 * (CAP_SYS_RESOURCE), else our own hard limit. */
uint64_t limits_files_possible(void);

#endif
