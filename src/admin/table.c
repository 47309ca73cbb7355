#include "admin/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/str.h"

#define COLUMNS_MAX 16

void table_init(struct table *t, const char *align)
{
	*t = (struct table){ .align = align, .columns = strlen(align) };
	must(t->columns > 0 && t->columns <= COLUMNS_MAX);
}

static bool make_room(struct table *t)
{
	size_t room = t->room ? t->room * 2 : 64;
	char **cell;

	if (t->cells < t->room)
		return true;
	cell = realloc(t->cell, room * sizeof(*cell));
	if (!cell)
		return false;
	t->cell = cell;
	t->room = room;
	return true;
}

void table_add(struct table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || !make_room(t)) {
		if (n >= 0)
			free(text);
		t->failed = true;
		return;
	}
	t->cell[t->cells++] = text;
}

void table_head(struct table *t, const char *names)
{
	struct str rest = str_of(names), name;

	while (str_split(&rest, '|', &name))
		table_add(t, "%.*s", STR_ARGS(name));
}

/* Characters, not bytes: a UTF-8 continuation byte takes no place. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const struct table *t, size_t column, const char *text, size_t width,
		       FILE *out)
{
	int pad = (int)(width - width_of(text));
	bool last = column + 1 == t->columns;

	if (t->align[column] == 'r')
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

static void print_rows(const struct table *t, FILE *out)
{
	size_t width[COLUMNS_MAX] = { 0 };
	size_t cells = t->cells - t->cells % t->columns;

	for (size_t i = 0; i < cells; i++) {
		size_t n = width_of(t->cell[i]);

		if (n > width[i % t->columns])
			width[i % t->columns] = n;
	}
	for (size_t i = 0; i < cells; i++)
		print_cell(t, i % t->columns, t->cell[i], width[i % t->columns], out);
}

void table_free(struct table *t)
{
	while (t->cells)
		free(t->cell[--t->cells]);
	free(t->cell);
	t->cell = NULL;
	t->room = 0;
}

bool table_print(struct table *t, FILE *out)
{
	bool good = !t->failed;

	if (good)
		print_rows(t, out);
	table_free(t);
	return good;
}
