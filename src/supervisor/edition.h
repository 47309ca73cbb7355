/* One configuration as the supervisor holds it: the sealed bundle, its manifest, and what
 * was opened for it. The last good one stays, so that a crashed child starts again on what
 * ran, whatever lies on disk by then. */
#ifndef HPCBAL_SUPERVISOR_EDITION_H
#define HPCBAL_SUPERVISOR_EDITION_H

#include "ipc/bundle.h"
#include "supervisor/logdest.h"
#include "supervisor/sockets.h"

struct edition {
	uint64_t number;
	int bundle; /* -1: of a program before this one, of which this knows only what it keeps */
	int brief; /* the virtual routers', unread; -1: there are none */
	int keys;  /* the keyring of the proxy, unread; -1: there is none */
	const struct manifest *m;
	size_t size;
	struct sockets sockets;
	struct logdest log;
};

/* The descriptors (`brief` and `keys` may be -1) become the edition's, also when NULL is returned
 * (`why`, a literal). */
struct edition *edition_new(int bundle, int brief, int keys, const char **why);
/* Opens sockets and log target; those binds that `old` (NULL: none) has as well share its
 * socket. False: `why` has the lines, and nothing stays open. A syslog socket that is not
 * there is no reason to refuse: it is a line, and true. */
bool edition_open(struct edition *g, const struct edition *old, struct report *why);
/* Why `g` cannot take the place of `old` in a running daemon; false when there is a line. */
bool edition_may_follow(const struct edition *g, const struct edition *old, struct report *why);
/* `g` was refused. */
void edition_drop(struct edition *g);
/* `g` runs now; `old` (NULL: none) is freed. */
void edition_settle(struct edition *g, struct edition *old);
/* The end of the last one. */
void edition_close(struct edition *g);

#endif
