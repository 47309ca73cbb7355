#include "ctl/top_grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

#define GAP 2
/* The last column is worth standing there when so much of it can be seen. */
#define LAST_LEAST 16
#define FIRST_LEAST 8
#define ROW_TEXT 2048

void grid_init(struct grid *g, const struct grid_column *columns, unsigned n)
{
	must(n > 1 && n <= GRID_COLUMNS);
	*g = (struct grid){.columns = columns, .n_columns = n};
	for (unsigned i = 0; i < n; i++)
		grid_add(g, TOP_HEAD, "%s", columns[i].name);
}

static bool make_room(struct grid *g)
{
	size_t room = g->room ? 2 * g->room : 256;
	struct grid_cell *cell;

	if (g->cells < g->room)
		return true;
	cell = realloc(g->cell, room * sizeof(*cell));
	if (!cell)
		return false;
	g->cell = cell;
	g->room = room;
	return true;
}

void grid_add(struct grid *g, enum top_look look, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || !make_room(g)) {
		if (n >= 0)
			free(text);
		g->failed = true;
		return;
	}
	g->cell[g->cells++] = (struct grid_cell){text, look};
}

/* ---- how wide ---- */

static void measure(const struct grid *g, unsigned width[GRID_COLUMNS])
{
	for (unsigned i = 0; i < GRID_COLUMNS; i++)
		width[i] = 0;
	for (size_t i = 0; i < g->cells; i++) {
		unsigned n = top_width(g->cell[i].text);

		if (n > width[i % g->n_columns])
			width[i % g->n_columns] = n;
	}
}

/* Of those that are shown, and with as much of the last as it needs. */
static unsigned least_width(const struct grid *g, const unsigned width[GRID_COLUMNS],
			    unsigned shown)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < g->n_columns; i++) {
		bool cut = i + 1 == g->n_columns && width[i] > LAST_LEAST;

		if (shown & 1u << i)
			sum += (sum ? GAP : 0) + (cut ? LAST_LEAST : width[i]);
	}
	return sum;
}

/* The column that goes first; 0, which never goes, when none may. */
static unsigned least_needed(const struct grid *g, unsigned shown)
{
	unsigned found = 0;

	for (unsigned i = 1; i < g->n_columns; i++)
		if (shown & 1u << i && g->columns[i].rank > g->columns[found].rank)
			found = i;
	return found;
}

/* Gives a bit a column. */
static unsigned choose(const struct grid *g, unsigned width[GRID_COLUMNS], unsigned screen)
{
	unsigned shown = (1u << g->n_columns) - 1, sum, column;

	while ((sum = least_width(g, width, shown)) > screen &&
	       (column = least_needed(g, shown)) > 0)
		shown &= ~(1u << column);
	if (sum > screen) {
		unsigned over = sum - screen;

		width[0] = width[0] > over + FIRST_LEAST ? width[0] - over : FIRST_LEAST;
	}
	return shown;
}

/* ---- rows ---- */

static void mark(struct top_line *line, unsigned from, unsigned n, enum top_look look)
{
	if (line->n_marks < TOP_MARKS && n)
		line->marks[line->n_marks++] = (struct top_mark){from, n, look};
}

/* A text that was cut ends with '~'. */
static void put_cell(FILE *row, const struct grid_cell *c, unsigned width, bool right, bool last)
{
	unsigned n = top_width(c->text);

	if (n > width && !last && width) {
		int bytes = (int)(top_skip(c->text, width - 1) - c->text);

		fprintf(row, "%.*s~", bytes, c->text);
		return;
	}
	if (right)
		fprintf(row, "%*s%s", (int)(width - n), "", c->text);
	else
		fprintf(row, "%s%*s", c->text, last || n > width ? 0 : (int)(width - n), "");
}

static void lay_row(const struct grid *g, const struct grid_cell *cell,
		    const unsigned width[GRID_COLUMNS], unsigned shown, struct top_lines *to)
{
	char text[ROW_TEXT] = "";
	FILE *row = fmemopen(text, sizeof(text), "w");
	struct top_line *line =
		top_lines_add(to, cell->look == TOP_HEAD ? TOP_HEAD : TOP_PLAIN, " ");
	unsigned at = 0;
	char *made;

	if (!row || !line) {
		to->failed = true;
		if (row)
			fclose(row);
		return;
	}
	for (unsigned i = 0; i < g->n_columns; i++) {
		bool last = !(shown >> i >> 1);

		if (!(shown & 1u << i))
			continue;
		put_cell(row, &cell[i], width[i], g->columns[i].right, last);
		if (cell[i].look != TOP_PLAIN && cell[i].look != TOP_HEAD)
			mark(line, at, width[i], cell[i].look);
		at += width[i] + GAP;
		fprintf(row, "%*s", last ? 0 : GAP, "");
	}
	fclose(row);
	text[sizeof(text) - 1] = '\0';
	if (asprintf(&made, "%s", text) < 0) {
		to->failed = true;
		return;
	}
	free(line->text);
	line->text = made;
}

void grid_lay(struct grid *g, unsigned width, struct top_lines *to)
{
	unsigned widths[GRID_COLUMNS], shown;

	if (g->failed)
		to->failed = true;
	measure(g, widths);
	shown = choose(g, widths, width);
	for (size_t i = 0; !to->failed && i + g->n_columns <= g->cells; i += g->n_columns)
		lay_row(g, &g->cell[i], widths, shown, to);
	while (g->cells)
		free(g->cell[--g->cells].text);
	free(g->cell);
	g->cell = NULL;
}
