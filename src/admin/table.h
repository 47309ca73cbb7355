/* Aligned columns for people. Cells are added one by one, row after row; when memory runs
 * out table_print() says so. */
#ifndef HPCBAL_ADMIN_TABLE_H
#define HPCBAL_ADMIN_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct table {
	const char *align; /* a letter a column: l or r */
	size_t columns, cells, room;
	char **cell; /* owned */
	bool failed;
};

void table_init(struct table *t, const char *align);
void table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The names of the columns, separated by '|'. */
void table_head(struct table *t, const char *names);
/* Prints the whole rows and frees them. False: out of memory, then nothing was printed. */
bool table_print(struct table *t, FILE *out);
void table_free(struct table *t); /* without printing it */

#endif
