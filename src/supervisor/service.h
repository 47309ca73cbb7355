/* A long-lived child that is started again when it dies, and that takes configurations in
 * two steps (PREPARE, COMMIT). It brings itself up on the running generation; a new one
 * comes from reload.c, which is told how each step ended. What sets one service apart from
 * another is a row of one table (service_kinds.c). */
#ifndef HPCBAL_SUPERVISOR_SERVICE_H
#define HPCBAL_SUPERVISOR_SERVICE_H

#include "ipc/board.h"
#include "ipc/control.h"
#include "supervisor/backoff.h"
#include "supervisor/child.h"
#include "supervisor/edition.h"

/* A service's number is its place in the supervisor's board. The proxy is the first: a
 * reload is decided by it. */
#define SERVICES BOARD_PROCESSES

struct service_kind {
	const char *name; /* of its role, too */
	/* Its board, which it writes, and the one it reads beside the supervisor's, in the order
	 * of control_send_boards(); both 0: it gets no boards. */
	unsigned own_board, other_board;
	unsigned second_board; /* another one that it writes; 0: none */
	bool all_boards;       /* instead, it reads all of them */
	bool beats;            /* it has no board of its own, and one for its heartbeat */
	/* Which of the manifest's listening sockets go in front of PREPARE; NULL: none. */
	bool (*listens)(const struct manifest *m, unsigned i);
	bool (*wanted)(const struct manifest *m);
	int (*carried)(const struct edition *g); /* descriptor of PREPARE; NULL: none */
	int (*secrets)(const struct edition *g); /* and a second one, which may be -1 */
	uint64_t (*files)(const struct manifest *m);
};

extern const struct service_kind service_kinds[SERVICES];

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
	/* It is gone, and will be started again unless it is not wanted any more. `how` says
	 * all that for a log: "(pid 12) killed by SIGSEGV; started again at once". */
	void (*gone)(struct service *s, const char *how);
	/* Whatever else it sends. The descriptors of the message are closed. */
	void (*said)(struct service *s, const struct msg *m);
};

struct service {
	const struct service_kind *kind;
	enum board_process slot;
	void *owner; /* for the calls */
	int program;
	bool listen; /* what it writes to standard error goes to the log */
	struct board_supervisor *board;
	/* Descriptors: own board, supervisor's, the other one, the second; or all, and the one for
	 * its heartbeat. */
	int hello[CONTROL_BOARDS + 1];
	unsigned n_hello;
	const struct service_calls *calls;

	struct child child;
	pid_t last_pid;
	enum service_step step;
	bool up;      /* it has committed a generation */
	bool by_self; /* the step is its own, on the running generation */
	bool stopping;
	const struct edition *target;  /* of the step; borrowed */
	const struct edition *running; /* borrowed; NULL: none wants it */
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
/* Forgets what was prepared for others; a child that was started only for that is ended. */
void service_abort(struct service *s);
/* It runs on its own, or waits for its restart; no step is under way, nor its end. */
bool service_is_settled(const struct service *s);
/* It takes messages of the running generation: it is up, or was told to COMMIT. */
bool service_takes_messages(const struct service *s);
/* It takes those of the generation that is on its way, too: it was told to PREPARE that. */
bool service_hears(const struct service *s);
/* The generation that the next one of it starts with; NULL: there will be no next one, and one
 * that is just coming up is ended. */
void service_set_running(struct service *s, const struct edition *g);
/* The reload to `g` is decided: it commits, if it has prepared that. One that died on the way
 * is started again, on `g`. */
void service_follow(struct service *s, const struct edition *g);
/* It runs already, on `g`, since then: the child of a program that was here before. The
 * descriptors become the child's. One that is gone is started again. */
void service_adopt(struct service *s, pid_t pid, int sock, int words, uint64_t since_us,
		   const struct edition *g);
/* Tells a child of its log target. */
void service_tell_log(struct child *c, const struct logdest *t);
/* Its log target changed. */
void service_send_log(struct service *s, const struct logdest *t);
/* Hands on a message; the descriptors stay the caller's. */
void service_send(struct service *s, const struct msg *m);
/* Clean end; gone() tells when. Called again it shortens the grace. */
void service_stop(struct service *s, uint64_t grace_us);

#endif
