/* One run of one program: a process in a session of its own with nothing of ours but standard
 * output and error, its death noticed by pidfd, its time limited. A run is memory of its table
 * and ends with its process. */
#ifndef HPCBAL_RUNNER_RUN_H
#define HPCBAL_RUNNER_RUN_H

#include <sys/types.h>

#include "net/loop.h"
#include "runner/output.h"

#define RUN_HOW 160
#define RUN_ENVIRONMENT 16 /* beside PATH, at most */

struct run_table {
	struct loop *loop;
	struct list runs;
};

struct run;

struct run_spec {
	char *const *argv; /* argv[0]: the path. Needed during run_start() only */
	/* Behind PATH, ended by NULL; or NULL. Likewise. */
	char *const *environment;
	uint64_t timeout_us;
	int level;     /* of the log lines that it writes, or OUTPUT_SILENT */
	bool leave_it; /* what it leaves running when it ends in time may stay */
	void *owner;
	unsigned index; /* the owner's, as `owner` */
	/* Once: `how` is empty when it exited with 0, else what went wrong, in words. A run that
	 * takes too long has ended here, though its process may need a moment more. */
	void (*ended)(struct run *r, const char *how);
	/* Once, afterwards: the process is no more, the run not valid after this. May be NULL. */
	void (*gone)(struct run *r);
};

struct run {
	struct list link;
	struct loop *loop;
	struct run_spec spec;
	char *path;
	pid_t pid; /* 0: it is gone */
	struct loop_fd death;
	struct output output;
	struct loop_timer limit;
	struct loop_task end;
	int fault; /* where the process says that it could not become the program */
	uint64_t killed_us; /* when it had taken too long; else 0 */
	bool judged;
};

void run_table_init(struct run_table *t, struct loop *l);
/* Kills all that runs, with what it started; nobody is told. */
void run_table_end(struct run_table *t);

/* NULL with `how`; nobody is told. It waits for nothing: that the program is not there is said
 * by ended(). */
struct run *run_start(struct run_table *t, const struct run_spec *spec, char how[RUN_HOW]);
/* Kills it with what it started; its owner forgets it and is not told. */
void run_drop(struct run *r);

#endif
