/* The commands sessions and kill: who waits for them at the control socket, and their way through
 * the workers, one after the other and piece by piece (proxy/walk.h). What a client does not read
 * is not asked for, and one that does not read for long loses its answer. Main thread. */
#ifndef HPCBAL_PROXY_ROSTER_H
#define HPCBAL_PROXY_ROSTER_H

#include "base/clock.h"
#include "conf/conf.h"
#include "net/loop.h"

struct worker;

#define ROSTER_PATIENCE_US (30 * CLOCK_SEC)

struct roster {
	struct loop *loop;
	struct worker *const *workers;
	const unsigned *n_workers;
	struct list asks;
	unsigned n_asks;
	uint64_t patience_us; /* how long a client may leave its answer unread */
	bool stopping;
};

/* What is pointed to is the caller's and stays. */
void roster_init(struct roster *r, struct loop *l, struct worker *const *workers,
		 const unsigned *n_workers);
/* `fd`, a client's, becomes the roster's. `request`: the command's words, separated by NUL:
 * "sessions" or "kill", then any of "id=ID", "backend=NAME", "server=NAME", "age=MICROSECONDS".
 * `conf` is the running one. */
void roster_command(struct roster *r, const struct conf *conf, int fd, struct str request);
/* The workers are about to stop: no more commands; those under way end with their next piece. */
void roster_stop(struct roster *r);
/* After the workers' end: whoever still waits hears so. */
void roster_close(struct roster *r);

#endif
