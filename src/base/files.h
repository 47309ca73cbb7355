/* How the open files of the proxy process are shared out. Each client may need a second
 * descriptor, to a server, and each server one for its check; the rest of the process (listening
 * sockets, log, boards, loops, a reload's second set) has some of its own. Pure. */
#ifndef HPCBAL_BASE_FILES_H
#define HPCBAL_BASE_FILES_H

#include <stdint.h>

/* How many so many connections of clients need. */
uint64_t files_needed(uint64_t clients, uint64_t servers);
/* How many connections of clients so many files are enough for, so that whoever is let in is
 * served; 1 at least. */
uint64_t files_for_clients(uint64_t files, uint64_t servers);
/* How many are left for connections to servers, idle ones too, beside so many clients. */
uint64_t files_for_servers(uint64_t files, uint64_t servers, uint64_t clients);

#endif
