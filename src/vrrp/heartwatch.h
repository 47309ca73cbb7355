/* Whether the proxy serves, judged by the boards: since when it does not. Pure: time and what
 * the boards say are arguments. */
#ifndef HPCBAL_VRRP_HEARTWATCH_H
#define HPCBAL_VRRP_HEARTWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/board.h"

/* Its threads beat every 100 ms; one whose beat is older stands still or spins. */
#define HEARTWATCH_STALE_US 250000ull
/* A look that comes so late was held up itself, and so were the proxy's threads, maybe. */
#define HEARTWATCH_LATE_US 200000ull

struct heartwatch {
	uint64_t last_look;
	uint64_t judge_from; /* a machine that stood still begins anew here */
	uint64_t unwell_since; /* 0: it serves */
	const char *why;       /* a literal, while it does not */
};

/* One look. `running`: the supervisor calls it up. */
void heartwatch_look(struct heartwatch *h, bool running, const struct board_proxy *b,
		     uint64_t now);
/* For how long it has not served; 0: it serves. */
uint64_t heartwatch_unwell(const struct heartwatch *h, uint64_t now);

#endif
