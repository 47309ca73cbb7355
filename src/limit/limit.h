/* A limit as a generation uses it: its row of the configuration, its place on the board. Made by
 * the main thread, read by all. */
#ifndef HPCBAL_LIMIT_LIMIT_H
#define HPCBAL_LIMIT_LIMIT_H

#include "conf/conf.h"
#include "ipc/limit_board.h"
#include "limit/gcra.h"

struct limit {
	const struct conf_limit *conf;
	struct board_limit *on;
	unsigned index; /* in the frontend */
	uint64_t id;    /* as on the board */
	struct gcra rate; /* step 0: of connections */
};

/* False: the board has no room for another one. */
bool limit_init(struct limit *l, const struct conf_frontend *f, unsigned index,
		struct board_limits *b);
/* It is of the running configuration; `order` is its place there. */
void limit_publish(struct limit *l, unsigned order);

#endif
