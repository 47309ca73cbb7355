/* The external checks of servers: a program run each time somebody asks, told by arguments and
 * environment what to check, as by HAProxy. One of a server at a time, and so many together that
 * no number of servers brings the machine down. */
#ifndef HPCBAL_RUNNER_CHECKS_H
#define HPCBAL_RUNNER_CHECKS_H

#include "ipc/bundle.h"
#include "ipc/msg.h"
#include "runner/run.h"

#define CHECKS_NUMBER 24
#define CHECKS_WORDS (RUN_HOW + OUTPUT_FIRST + 4)

struct checks {
	struct run_table *table;
	struct list running;
	unsigned n;
	void *owner;
	/* Once for each checks_ask(), maybe from inside it. `check` and `number` are as asked. */
	void (*answer)(void *owner, uint64_t check, const char *number, enum msg_verdict verdict,
		       const char *words);
};

void checks_init(struct checks *c, struct run_table *t, void *owner,
		 void (*answer)(void *owner, uint64_t check, const char *number,
				enum msg_verdict verdict, const char *words));
/* `what` is copied. A number that is too long is cut. */
void checks_ask(struct checks *c, uint64_t check, struct str number,
		const struct manifest_program *program, const struct manifest_check *what);
/* Kills what runs; nobody is told. Before run_table_end(). */
void checks_stop(struct checks *c);

#endif
