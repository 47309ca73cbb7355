/* What `top` looks at, and from where; keys change it. Pure. */
#ifndef HPCBAL_CTL_TOP_VIEW_H
#define HPCBAL_CTL_TOP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/board.h"

enum top_sort {
	TOP_BY_FILE, /* as they stand in the configuration */
	TOP_BY_REQUESTS,
	TOP_BY_ACTIVE,
	TOP_BY_QUEUE,
	TOP_BY_ERRORS,
	TOP_BY_STATE, /* the worst first */
	TOP_BY_NAME,
	TOP_SORTS
};
const char *top_sort_name(enum top_sort sort);

/* Characters stand for themselves. */
enum {
	TOP_KEY_ENTER = '\n',
	TOP_KEY_ESCAPE = 27,
	TOP_KEY_BACKSPACE = 127,
	TOP_KEY_OTHER = 256,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END
};

struct top_view {
	enum top_sort sort;
	bool reverse, paused, help;
	bool typing;             /* the filter */
	char filter[BOARD_NAME]; /* a part of a backend's name; empty: all */
	unsigned offset;         /* of the first line below what is fixed */
	/* As the last screen was: how many lines of how many it showed from `offset` on. */
	unsigned page, lines;
	uint64_t interval_us;
	/* The daemon does not answer; NULL: it does. Since then the clock of the snapshot's
	 * mono_us has gone on so far. */
	const char *lost;
	uint64_t lost_us;
};

/* False: that was to end it. */
bool top_view_key(struct top_view *v, int key);

#endif
