/* What a child of a daemon writes to its standard error (a panic, a sanitizer's report),
 * line by line to the log: there is no terminal that would show it. */
#ifndef HPCBAL_SUPERVISOR_MUTTER_H
#define HPCBAL_SUPERVISOR_MUTTER_H

#include <stdbool.h>

#include "net/loop.h"

#define MUTTER_LINE 1024

struct mutter {
	struct loop_fd watch;
	const char *who; /* borrowed */
	char line[MUTTER_LINE];
	unsigned n;
};

void mutter_init(struct mutter *m, const char *who);
/* The child's end, close-on-exec; -1 with errno. */
int mutter_open(struct mutter *m, struct loop *l);
/* The reading end of a child that runs already; it becomes the mutter's. */
void mutter_adopt(struct mutter *m, struct loop *l, int fd);
/* Takes what is left, and ends. */
void mutter_close(struct mutter *m);

#endif
