/* The commands drain, maint, ready and weight: what administrators say of a server. It stands on
 * the board, so that a proxy that was started again, and a reload, know it too; a weight lasts
 * until the next reload. What ends by itself, an ejection too, ends here. Main thread. */
#ifndef HPCBAL_PROXY_OPERATE_H
#define HPCBAL_PROXY_OPERATE_H

#include "ipc/control.h"
#include "net/loop.h"
#include "proxy/generation.h"

struct operate {
	struct loop *loop;
	struct board_proxy *board;
	struct loop_timer timer; /* the next end of a time: one that was given, an ejection */
	/* A line for the log and the events: a state has changed. */
	void (*changed)(void *arg, const char *line);
	void *arg;
	struct generation *const *now; /* the running one, or NULL */
};

struct operate_answer {
	enum control_exit status;
	char text[1024]; /* a line, without its end */
};

/* What is pointed to is the caller's and stays. */
void operate_init(struct operate *o, struct loop *l, struct generation *const *now,
		  void (*changed)(void *arg, const char *line), void *arg);
/* Takes over what the board says, once the first generation runs. */
void operate_begin(struct operate *o, struct board_proxy *board);
/* A worker has ejected a server: on the board there is a time more that ends. Or another
 * generation runs, in which there may be no breaker. Those that are over end here. */
void operate_look_at_times(struct operate *o);
/* The words of the request with NUL between them:
 *   drain | maint BACKEND/SERVER µs [WHY]   (0: until it is ended)
 *   ready BACKEND/SERVER
 *   weight BACKEND/SERVER N
 * A generation runs. */
void operate_command(struct operate *o, struct str request, struct operate_answer *a);
void operate_end(struct operate *o);

#endif
