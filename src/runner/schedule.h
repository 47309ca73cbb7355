/* When which tracking script is due. Pure: the time is an argument. Scripts are named by their
 * index in the manifest. Times in µs. */
#ifndef HPCBAL_RUNNER_SCHEDULE_H
#define HPCBAL_RUNNER_SCHEDULE_H

#include "runner/programs.h"

/* Between the first starts of scripts that begin together: longer than a tick of the loop. */
#define SCHEDULE_SPREAD_US 10000ull
#define SCHEDULE_NEVER UINT64_MAX

struct schedule {
	struct {
		uint64_t interval, due; /* interval 0: it is no script */
		bool running, missed; /* missed: it was due while it ran */
	} of[MANIFEST_PROGRAMS];
};

/* From the programs `old` to the programs `new`; zeroed at first. A script that is in both goes
 * on as if nothing had been, the others are due now. `from[i]` is where script i of the new
 * ones was before, or -1. */
void schedule_renew(struct schedule *s, const struct programs *old, const struct programs *new,
		    uint64_t now, int from[MANIFEST_PROGRAMS]);
void schedule_clear(struct schedule *s);

/* BUSY: it is due, but its last run is still there; this one is left out. */
enum schedule_word { SCHEDULE_NOTHING, SCHEDULE_START, SCHEDULE_BUSY };
/* Call it until it says NOTHING. A script that is started runs until schedule_ended(). One that
 * took too long and was `killed` is due again at once when it was left out meanwhile: so one that
 * hangs is found at fault once a timeout, though its timeout be its interval. */
enum schedule_word schedule_take(struct schedule *s, uint64_t now, unsigned *which);
void schedule_ended(struct schedule *s, unsigned which, bool killed);
/* When to ask again; SCHEDULE_NEVER without scripts. */
uint64_t schedule_next(const struct schedule *s);

#endif
