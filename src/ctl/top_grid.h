/* A table that fits: columns are left out, the least needed first, until it is as narrow as the
 * screen. Pure. */
#ifndef HPCBAL_CTL_TOP_GRID_H
#define HPCBAL_CTL_TOP_GRID_H

#include "ctl/top_lines.h"

#define GRID_COLUMNS 12

struct grid_column {
	const char *name;
	bool right;    /* its cells stand at the right */
	unsigned rank; /* 0: never left out; the highest goes first */
};

struct grid_cell {
	char *text; /* owned */
	enum top_look look;
};

struct grid {
	const struct grid_column *columns;
	unsigned n_columns;
	struct grid_cell *cell; /* owned */
	size_t cells, room;
	bool failed;
};

void grid_init(struct grid *g, const struct grid_column *columns, unsigned n);
/* The next cell, row after row. */
void grid_add(struct grid *g, enum top_look look, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A head and the rows, and frees them. The last column may be cut at the right edge, and then the
 * first one. */
void grid_lay(struct grid *g, unsigned width, struct top_lines *to);

#endif
