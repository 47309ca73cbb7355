/* The notification programs: one at a time for each virtual router, in the order in which they
 * came. */
#ifndef HPCBAL_RUNNER_NOTICES_H
#define HPCBAL_RUNNER_NOTICES_H

#include "runner/queue.h"
#include "runner/run.h"

#define NOTICES_LINE 512

struct notices {
	struct run_table *table;
	struct queue queue;
	struct list running; /* notices whose program runs */
	unsigned n_running;
	void *owner;
	void (*failed)(void *owner, const char *line); /* which one, and how */
	void (*idle)(void *owner);                     /* the last one is over */
};

void notices_init(struct notices *n, struct run_table *t, void *owner,
		  void (*failed)(void *owner, const char *line), void (*idle)(void *owner));
/* What cannot be taken is said by failed(). */
void notices_add(struct notices *n, const struct manifest_program *p, struct str arguments);
/* How many wait or run. */
unsigned notices_count(const struct notices *n);
/* Before run_table_end(). */
void notices_end(struct notices *n);

#endif
