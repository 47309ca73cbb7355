/* The external checks that the health thread asks the runner for, by way of the main thread and
 * the supervisor: which are asked for, which wait for their turn, and what comes back. Everything
 * in the thread of the loop. */
#ifndef HPCBAL_PROXY_EXTERNAL_H
#define HPCBAL_PROXY_EXTERNAL_H

#include "upstream/probe.h"

/* Who is not answered so long after the program should have ended was not heard. */
#define EXTERNAL_MARGIN_US 1000000ull

/* `check` is MSG_PROGRAM() of the check; `number` tells this asking from every other. It must not
 * wait. */
typedef void external_ask(void *arg, uint64_t check, uint64_t number);

struct externals {
	struct loop *loop;
	struct list waiting, asked;
	unsigned n_asked; /* MANIFEST_CHECKS_AT_ONCE at most, which is what the runner takes */
	uint64_t number;
	external_ask *ask;
	void *arg;
};

struct external;

void externals_init(struct externals *x, struct loop *l, external_ask *ask, void *arg);
/* After everything was cancelled. */
void externals_end(struct externals *x);

/* The time limit begins when the runner is asked, which is when fewer than so many are. `done` is
 * called once, never from inside here. NULL: out of memory. */
struct external *external_start(struct externals *x, uint64_t check, uint64_t timeout_us,
				void (*done)(void *arg, const struct probe_result *r), void *arg);
/* `done` is not called any more; the runner goes on with it, and its place stays taken. */
void external_cancel(struct external *e);
/* What came back; of an asking that is over it is nothing. `words` may be any bytes. */
void externals_answer(struct externals *x, uint64_t number, char verdict, struct str words);

#endif
