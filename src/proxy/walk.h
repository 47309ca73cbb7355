/* A walk over what runs in one worker, for hpcbalctl's sessions and kill: in pieces of so little
 * work each that no client notices, however many tunnels there are. It is a letter that goes to
 * the worker and back; whoever has it owns it. Between two pieces a mark among the worker's
 * sessions keeps the place. */
#ifndef HPCBAL_PROXY_WALK_H
#define HPCBAL_PROXY_WALK_H

#include "proxy/exchange.h"

/* Of the rows of one piece, a packet of the control protocol. */
#define WALK_TEXT 16384

/* What is looked for: all that is given has to hold. */
struct walk_want {
	bool kill;     /* what is found is ended, else it is listed */
	uint64_t id;   /* 0: any */
	char backend[CONF_NAME_MAX + 1], server[CONF_NAME_MAX + 1]; /* "": any */
	uint64_t age_us, tunnel_age_us; /* at least so old: other exchanges, tunnels */
};

struct walk {
	struct loop_letter letter;
	struct loop *main_loop;
	void (*back)(struct walk *w); /* in the main thread, after each piece */

	struct walk_want want;
	bool give_up; /* the next piece only takes the mark away */

	/* Of the last piece. */
	struct worker *worker;
	struct worker_mark mark;
	bool at_end; /* there is no more in this worker */
	unsigned found;
	size_t n_text;
	char text[WALK_TEXT]; /* lines as in ipc/control.h */
};

void walk_init(struct walk *w, struct loop *main_loop, void (*back)(struct walk *w));
/* Main thread: the next piece, of this worker. */
void walk_send(struct walk *w, struct worker *to);

/* An exchange as people name it: its worker, a point, and a number that no other exchange of this
 * worker has had while the machine is up. */
#define WALK_ID_TEXT 24
struct walk_id {
	unsigned worker;
	uint64_t number;
};
bool walk_id_parse(struct walk_id *id, struct str text);
void walk_id_format(const struct walk_id *id, char to[WALK_ID_TEXT]);

#endif
