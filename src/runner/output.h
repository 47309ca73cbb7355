/* What a program writes to its standard output and error: line by line to the log, and the first
 * line kept; bounded, so that no program fills the log or holds up the loop. The log cleans
 * control characters; whoever takes the first line does so himself. */
#ifndef HPCBAL_RUNNER_OUTPUT_H
#define HPCBAL_RUNNER_OUTPUT_H

#include <stdbool.h>

#include "net/loop.h"

#define OUTPUT_LINE 200  /* a longer line is logged in pieces */
#define OUTPUT_MOST 4096 /* bytes of a run; the rest is read and left out */
#define OUTPUT_FIRST 100 /* kept of the first line that is not empty */
#define OUTPUT_SILENT -1 /* a level: nothing is logged */

struct output {
	struct loop_fd watch;
	const char *who; /* borrowed */
	int level;       /* of the log lines, or OUTPUT_SILENT */
	unsigned taken;
	bool said_enough;
	unsigned n;
	char line[OUTPUT_LINE];
	char first[OUTPUT_FIRST + 1];
};

/* The program's end, close-on-exec; -1 with errno. */
int output_open(struct output *o, struct loop *l, const char *who, int level);
/* Takes what is there and ends; whoever still holds the other end writes to nobody. */
void output_close(struct output *o);

#endif
