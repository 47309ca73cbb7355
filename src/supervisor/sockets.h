/* The listening sockets of one configuration. The supervisor opens them and keeps them for
 * as long as any configuration has a bind of that text: while a proxy is replaced, or a
 * configuration, connections wait in them instead of being refused. */
#ifndef HPCBAL_SUPERVISOR_SOCKETS_H
#define HPCBAL_SUPERVISOR_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/bundle.h"
#include "supervisor/report.h"

struct socket_entry {
	int fd;
	bool kept; /* it is the old set's until this one is settled */
	dev_t dev; /* of a unix socket's path, as we made it */
	ino_t ino;
};

struct sockets {
	unsigned n;
	struct socket_entry entry[MANIFEST_LISTENERS + 1]; /* as in the manifest */
};

/* Those of `old` (NULL: none) with the same text are shared, the others are opened. False:
 * nothing is left open that was not before, and `why` has a line for each that failed. */
bool sockets_open(struct sockets *s, const struct manifest *m, const struct sockets *old,
		  const struct manifest *old_m, struct report *why);
/* `s` is refused: closes what was opened for it. */
void sockets_drop(struct sockets *s, const struct manifest *m);
/* `s` takes the place of `old`: closes what only `old` had. */
void sockets_settle(struct sockets *s, const struct manifest *m, struct sockets *old,
		    const struct manifest *old_m);
/* All of them, at the end; unix sockets' paths are removed. */
void sockets_close(struct sockets *s, const struct manifest *m);

#endif
