/* The tracking scripts: starts each when it is due and says how it went. */
#ifndef HPCBAL_RUNNER_SCRIPTS_H
#define HPCBAL_RUNNER_SCRIPTS_H

#include "runner/run.h"
#include "runner/schedule.h"

struct scripts {
	struct run_table *table;
	const struct programs *programs; /* borrowed; NULL: none yet */
	struct schedule schedule;
	struct run *run[MANIFEST_PROGRAMS]; /* NULL: it does not run */
	struct loop_timer due;
	void *owner;
	/* `how` as in struct run_spec. */
	void (*result)(void *owner, unsigned index, const char *how);
};

void scripts_init(struct scripts *s, struct run_table *t, void *owner,
		  void (*result)(void *owner, unsigned index, const char *how));
/* From the programs `old` to `new`, which stays until the next call. What runs and is not in both
 * is killed. */
void scripts_renew(struct scripts *s, const struct programs *old, const struct programs *new);
/* Kills what runs, and starts none any more. */
void scripts_stop(struct scripts *s);

#endif
