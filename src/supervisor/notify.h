/* The notify protocol of service managers: lines of state to the socket that $NOTIFY_SOCKET
 * names. Without such a manager everything here does nothing. */
#ifndef HPCBAL_SUPERVISOR_NOTIFY_H
#define HPCBAL_SUPERVISOR_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int fd;               /* -1: nobody listens */
	uint64_t watchdog_us; /* how often WATCHDOG=1 is wanted at least; 0: not at all */
};

/* Reads the environment and clears it of these variables. False: there is a manager, but it
 * cannot be reached (errno). */
bool notify_open(struct notify *n);
/* "READY=1\nSTATUS=…" */
void notify_send(const struct notify *n, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void notify_close(struct notify *n);

#endif
