/* One event loop a thread, over one libevent base without locks. It gives readiness of
 * descriptors, coarse timers, tasks for the end of the turn, and a mailbox by which other
 * threads speak to it. Everything but loop_post() belongs to the loop's own thread. The
 * clock is read once a turn. */
#ifndef HPCBAL_NET_LOOP_H
#define HPCBAL_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct event;

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Turns until loop_stop(), which may have been called before; what was posted or deferred by then
 * is still carried out. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Its own thread, after loop_run(): delivers the letters of those who have ended since. */
void loop_deliver(struct loop *l);
/* One turn, sleeping at most `wait_us`; for tests and for shutting down. Of the descriptors that
 * are ready it hears as many as 100 ms suffice for, and the others in the next; so with tasks. */
#define LOOP_FOREVER UINT64_MAX
void loop_turn(struct loop *l, uint64_t wait_us);
/* µs, CLOCK_MONOTONIC, read once a turn. */
uint64_t loop_now(struct loop *l);
/* How many turns there were: two things that happen at the same count have had no look at the
 * descriptors between them. */
uint64_t loop_turns(const struct loop *l);
/* Reads the clock again now. */
uint64_t loop_now_exact(struct loop *l);

enum loop_what {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_CLOSED = 4, /* the peer closed its side */
	LOOP_EDGE = 8    /* edge-triggered; else level-triggered */
};

/* Owned by the caller; must stay until loop_fd_del(), which comes before close(). */
struct loop_fd {
	int fd; /* -1: not in a loop */
	struct loop *loop;
	struct event *event;
	void (*ready)(struct loop_fd *f, unsigned what);
};

/* False: out of memory or the kernel refused (errno). */
bool loop_fd_add(struct loop *l, struct loop_fd *f, int fd, unsigned what,
		 void (*ready)(struct loop_fd *f, unsigned what));
/* Watches for `what` instead; false as above, then it is watched for nothing. */
bool loop_fd_change(struct loop *l, struct loop_fd *f, unsigned what);
void loop_fd_del(struct loop_fd *f);
/* Whether this turn's look at the descriptors found something that `ready` is still to hear. */
bool loop_fd_has_news(const struct loop_fd *f);

/* A timer fires once, up to LOOP_TICK_US late and never early. Setting it again is cheap
 * (later: one store), so timeouts may be set per request. */
#define LOOP_TICK_US 8000ull
struct loop_timer {
	struct list link;
	struct loop *loop; /* NULL: not set */
	uint64_t due, slot_due;
	void (*fire)(struct loop_timer *t);
};

void loop_timer_init(struct loop_timer *t, void (*fire)(struct loop_timer *t));
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t due_us);
void loop_timer_stop(struct loop_timer *t);

/* A task runs once at the end of this turn; one that is queued while tasks run waits for
 * the next turn, which then does not sleep; so do those that this turn has no time for. This is
 * where memory is freed (no callback ever frees what is still on the stack) and where work that
 * was cut short for fairness goes on. */
struct loop_task {
	struct list link;
	void (*run)(struct loop_task *t);
};

void loop_task_init(struct loop_task *t, void (*run)(struct loop_task *t));
void loop_task_queue(struct loop *l, struct loop_task *t); /* again: no effect */
void loop_task_cancel(struct loop_task *t);

/* Any thread. The letter belongs to the receiver from here on; `deliver` runs in its loop. */
struct loop_letter {
	struct loop_letter *next;
	void (*deliver)(struct loop_letter *m);
};

void loop_post(struct loop *l, struct loop_letter *m, void (*deliver)(struct loop_letter *m));

/* A signal, once per process and loop; `got` runs in the loop. */
bool loop_signal(struct loop *l, int signo, void (*got)(int signo, void *arg), void *arg);

#endif
