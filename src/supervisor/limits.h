/* How many descriptors a proxy needs for its connections, and how many it can get. */
#ifndef HPCBAL_SUPERVISOR_LIMITS_H
#define HPCBAL_SUPERVISOR_LIMITS_H

#include <stdint.h>

/* A connection of a client needs one to a server as well; the rest is for everything else. */
uint64_t limits_files_needed(uint64_t max_connections);
/* What a child of this process can be given: the kernel's bound for root, else our own hard
 * limit. */
uint64_t limits_files_possible(void);

#endif
