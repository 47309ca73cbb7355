/* A long-lived child's side of its socket to the supervisor. */
#ifndef HPCBAL_IPC_SERVE_H
#define HPCBAL_IPC_SERVE_H

#include <limits.h>
#include <stdbool.h>

#include "ipc/msg.h"

/* First of all: the socket does not block, and signals do not end the process. The supervisor
 * says when to stop; a signal to the whole group or session is not for its children. */
void serve_begin(int sock);
/* Hands over the messages that are there, `most` of them at most. A descriptor that `handle`
 * keeps it sets to -1 in the message; the others are closed behind it. False: the supervisor is
 * gone. */
#define SERVE_ALL UINT_MAX
bool serve_read(int sock, unsigned most, void (*handle)(void *arg, struct msg *m), void *arg);

#endif
