/* What sessions and kill answer: a row a session, printed when all are there, oldest first; how
 * many were ended. Takes the bodies of the packets l and n (ipc/control.h) and trusts none. */
#ifndef HPCBAL_ADMIN_SESSIONS_H
#define HPCBAL_ADMIN_SESSIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/str.h"

struct sessions; /* what was told so far */

/* NULL: out of memory. */
struct sessions *sessions_new(void);
void sessions_free(struct sessions *l);
/* A client_request's tell(), with the struct sessions as `arg`. What cannot be read is dropped. */
void sessions_tell(void *arg, char kind, struct str body);
/* At the end of the answer. False: out of memory. */
bool sessions_print(struct sessions *l, bool json, FILE *out);
/* Likewise, of kill. */
bool sessions_print_killed(const struct sessions *l, bool json, FILE *out);

#endif
