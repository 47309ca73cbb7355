/* One running child process: started by fork and exec, spoken to over a socketpair, its
 * death noticed by pidfd. The struct is the caller's and is used again for the next one. */
#ifndef HPCBAL_SUPERVISOR_CHILD_H
#define HPCBAL_SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/msg.h"
#include "net/loop.h"
#include "supervisor/mutter.h"

struct child {
	struct loop *loop;
	pid_t pid; /* 0: none runs */
	int sock;
	struct loop_fd sock_watch, pid_watch;
	bool writing; /* the socket is full; `queue` waits */
	struct list queue;
	struct mutter mutter;
	/* The descriptors of a message become the callee's. */
	void (*message)(struct child *c, struct msg *m);
	/* It is over and reaped, all it said was delivered; `status` as from waitpid(). It may be
	 * started again in here. */
	void (*gone)(struct child *c, int status);
};

struct child_spec {
	int program; /* descriptor of the binary, close-on-exec, not MSG_CHILD_FD */
	char *const *argv;
	uint64_t nofile; /* descriptors that it needs; 0: as many as we have */
	bool listen;     /* what it writes to standard output and error goes to our log */
};

/* `name` is for messages, a literal. */
void child_init(struct child *c, struct loop *l, const char *name,
		void (*message)(struct child *c, struct msg *m),
		void (*gone)(struct child *c, int status));
/* False with errno. */
bool child_start(struct child *c, const struct child_spec *spec);
/* One that runs already, of a process that had this pid before. The descriptors (`words`, the
 * pipe of what it mutters, may be -1) become the child's. False with errno, ESRCH: it is gone. */
bool child_adopt(struct child *c, pid_t pid, int sock, int words);
/* In order; what does not fit now is kept (with copies of the descriptors) and sent later.
 * Without a child it is dropped. */
void child_send(struct child *c, const struct msg *m);
void child_kill(struct child *c, int signo);
/* Ends it now and waits for that; gone() is not called. */
void child_end(struct child *c);
/* It was told to end: waits for that, `wait_us` at most, then ends it. What it said last is
 * delivered; gone() is not called. */
void child_finish(struct child *c, uint64_t wait_us);
/* "killed by SIGSEGV (core dumped)", "exited with status 3" */
void child_describe(int status, char *to, size_t size);

#endif
