/* Where log lines go, opened. The supervisor opens it and hands it to the children, who
 * open nothing. */
#ifndef HPCBAL_SUPERVISOR_LOGDEST_H
#define HPCBAL_SUPERVISOR_LOGDEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

struct logdest {
	enum log_kind kind; /* that was wanted */
	int fd;             /* -1: none, or not reached now */
	int facility;
};

/* `target` is the manifest's: a path (a syslog socket), "file:/PATH", "stderr", "none". False:
 * `why` says what is wrong and what to do. */
bool logdest_open(struct logdest *t, const char *target, int facility, char *why, size_t size);
void logdest_close(struct logdest *t);
/* True when a syslog socket is wanted but was not there. */
bool logdest_missing(const struct logdest *t);
/* This process's own lines go there from now on. */
void logdest_use(const struct logdest *t);

#endif
