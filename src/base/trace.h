/* The last few steps of each thread, kept in memory for the panic report (never written
 * anywhere else). The strings must be literals: only pointers are kept. */
#ifndef HPCBAL_BASE_TRACE_H
#define HPCBAL_BASE_TRACE_H

#include <stdint.h>

#define TRACE_LINES 32

void trace_note(const char *what, uint64_t id, int64_t value);
void trace_dump(int fd);

#endif
