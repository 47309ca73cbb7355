/* A long-lived child that is started again when it dies, and that takes configurations in
 * two steps (PREPARE, COMMIT). It brings itself up on the running generation; a new one
 * comes from reload.c, which is told how each step ended. */
#ifndef HPCBAL_SUPERVISOR_SERVICE_H
#define HPCBAL_SUPERVISOR_SERVICE_H

#include "ipc/board.h"
#include "supervisor/backoff.h"
#include "supervisor/child.h"
#include "supervisor/edition.h"

enum service_step { SERVICE_IDLE, SERVICE_PREPARING, SERVICE_PREPARED, SERVICE_COMMITTING };

struct service;

struct service_calls {
	/* Of what service_prepare() and service_commit() began. */
	void (*prepared)(struct service *s);
	void (*committed)(struct service *s);
	/* It refused, did not answer in time, or died: that step is over. */
	void (*failed)(struct service *s, const char *why);
	/* It came up on the running generation by itself, or gave up trying for now. */
	void (*settled)(struct service *s);
	/* It is gone, and will be started again unless service_stop() was called. `how` says
	 * all that for a log: "(pid 12) killed by SIGSEGV; started again at once". */
	void (*gone)(struct service *s, const char *how);
	/* LOG_LOST and EVENT. */
	void (*said)(struct service *s, const struct msg *m);
};

struct service {
	const char *name; /* "proxy" */
	int program;
	bool listen; /* what it writes to standard error goes to the log */
	enum board_process slot;
	struct board_supervisor *board;
	int hello[3]; /* descriptors: own board, supervisor's board, the other one */
	const struct service_calls *calls;

	struct child child;
	pid_t last_pid;
	enum service_step step;
	bool up;      /* it has committed a generation */
	bool by_self; /* the step is its own, on the running generation */
	bool stopping;
	const struct edition *target;  /* of the step; borrowed */
	const struct edition *running; /* borrowed; NULL before the first */
	uint64_t up_since_us;
	struct backoff backoff;
	struct loop_timer answer; /* deadline of the step, or of the end */
	struct loop_timer restart;
};

/* After the members above `child` were set. */
void service_init(struct service *s, struct loop *l);
/* Starts it if it does not run, and has it prepare `g`. It must be settled. */
void service_prepare(struct service *s, const struct edition *g);
void service_commit(struct service *s);
/* Forgets what was prepared; a child that was started only for that is ended. */
void service_abort(struct service *s);
/* It runs on its own, or waits for its restart; no step is under way. */
bool service_is_settled(const struct service *s);
/* The generation that the next one of it starts with. */
void service_set_running(struct service *s, const struct edition *g);
/* Its log target changed. */
void service_send_log(struct service *s, const struct logdest *t);
/* Clean end; gone() tells when. Called again it shortens the grace. */
void service_stop(struct service *s, uint64_t grace_us);

#endif
