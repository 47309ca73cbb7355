/* Lines of text that are collected for whoever asked: the terminal at the start, a client of
 * the control socket, the log. Out of memory loses lines, never the program. */
#ifndef HPCBAL_SUPERVISOR_REPORT_H
#define HPCBAL_SUPERVISOR_REPORT_H

#include <stddef.h>

#include "base/str.h"

struct report {
	char *text; /* NULL: nothing; each line ends with '\n' */
	size_t n;
};

/* One line; its end is added. */
void report_add(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Lines as they are; an end is added where the last has none. */
void report_lines(struct report *r, struct str lines);
struct str report_text(const struct report *r);
void report_clear(struct report *r);
/* Each line to the log. */
void report_log(const struct report *r, int level);

#endif
