/* Sealed memory that travels as a descriptor: written once, mode 0400, never to be changed by
 * whoever holds it. */
#ifndef HPCBAL_IPC_SEALED_H
#define HPCBAL_IPC_SEALED_H

#include <stddef.h>

#include "base/str.h"

/* A new memfd with the parts one after the other. -1 with errno. `name` is for /proc. */
int sealed_make(const char *name, const struct str *parts, unsigned n);
/* One of `size` zeros, mode 0600: of all that could change, only its bytes may. -1 with errno. */
int sealed_blank(const char *name, size_t size);
/* Maps one of sealed_make() read-only and private, when it is sealed and has between `least` and
 * `most` bytes; `size` may be NULL. NULL with `why` (a literal). */
const void *sealed_map(int fd, size_t least, size_t most, size_t *size, const char **why);

#endif
