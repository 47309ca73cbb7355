/* Lines of a screen, with what is to be seen of them besides their text. Pure. */
#ifndef HPCBAL_CTL_TOP_LINES_H
#define HPCBAL_CTL_TOP_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum top_look { TOP_PLAIN, TOP_BAR, TOP_HEAD, TOP_GOOD, TOP_WARN, TOP_BAD, TOP_FAINT, TOP_LOOKS };

/* Columns are characters, not bytes: text is UTF-8. */
struct top_mark {
	unsigned from, n;
	enum top_look look;
};

#define TOP_MARKS 3
struct top_line {
	char *text; /* owned */
	enum top_look look;
	unsigned n_marks; /* from left to right, and none over another */
	struct top_mark marks[TOP_MARKS];
};

/* Zeroed: none. When memory runs out nothing more is added, and `failed` says so. */
struct top_lines {
	struct top_line *line; /* owned */
	size_t n, room;
	bool failed;
};

/* Gives the line, for marks; NULL: out of memory. */
struct top_line *top_lines_add(struct top_lines *l, enum top_look look, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As many lines as it takes, broken between words; all but the first begin with `indent`. */
void top_lines_wrap(struct top_lines *l, enum top_look look, unsigned width, const char *indent,
		    const char *text);
void top_lines_free(struct top_lines *l);

/* How many columns a text has, and its part behind so many of them. */
unsigned top_width(const char *text);
const char *top_skip(const char *text, unsigned columns);
/* Cuts it to so many. */
void top_cut(char *text, unsigned columns);

#endif
