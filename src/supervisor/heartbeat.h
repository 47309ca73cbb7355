/* Judges a child by the heartbeats on its board: every thread has to turn. Pure: time and
 * beats are arguments. */
#ifndef HPCBAL_SUPERVISOR_HEARTBEAT_H
#define HPCBAL_SUPERVISOR_HEARTBEAT_H

#include <stdint.h>

#include "base/clock.h"
#include "ipc/board.h"

#define HEARTBEAT_LOOK_US (100 * CLOCK_MS)
#define HEARTBEAT_ABORT_US (2 * CLOCK_SEC)
/* Of one that is nice: on a busy machine it waits for the CPU for seconds. */
#define HEARTBEAT_NICE_ABORT_US (5 * CLOCK_SEC)
/* Behind the abort: a core takes its time on a busy machine. */
#define HEARTBEAT_KILL_US (1 * CLOCK_SEC)
/* A look that comes later than this was held up itself, and so were the child's threads,
 * maybe: they get the grace to beat once more before they are judged. */
#define HEARTBEAT_LATE_US (500 * CLOCK_MS)
#define HEARTBEAT_GRACE_US (1 * CLOCK_SEC)

/* The last beats of a child's threads. */
struct beats {
	unsigned n;
	uint64_t limit_us; /* who is older hangs */
	struct beat {
		uint64_t at_us; /* 0: it has not begun, or is over */
		const char *thread;
		int index; /* -1: there is one only */
	} beat[BOARD_WORKERS + 2];
};

/* `up_since_us`: when the child began to serve, and so the last moment for those threads to
 * have begun that always are there (of the proxy, all but the health thread); 0: it does not
 * yet. */
void beats_of_proxy(struct beats *to, const struct board_proxy *b, uint64_t up_since_us);
void beats_of_one(struct beats *to, const struct board_beat *b, uint64_t up_since_us,
		  uint64_t limit_us);
void beats_of_vrrp(struct beats *to, const struct board_vrrp *b, uint64_t up_since_us);

enum heartbeat_verdict { HEARTBEAT_FINE, HEARTBEAT_ABORT, HEARTBEAT_KILL };

struct heartbeat {
	uint64_t last_look_us;
	uint64_t grace_until_us;
	uint64_t aborted_us; /* when ABORT was told; 0: not yet */
};

/* For a new child. */
void heartbeat_reset(struct heartbeat *h, uint64_t now_us);
/* `which` (of `size` bytes) names the stale thread. ABORT is said once for each child. */
enum heartbeat_verdict heartbeat_judge(struct heartbeat *h, const struct beats *b, uint64_t now_us,
				       char *which, size_t size);

#endif
