#include "ctl/top_lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A byte in which no character begins. */
static bool goes_on(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

unsigned top_width(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += !goes_on(*text);
	return n;
}

const char *top_skip(const char *text, unsigned columns)
{
	for (; columns && *text; columns--)
		do
			text++;
		while (goes_on(*text));
	return text;
}

void top_cut(char *text, unsigned columns)
{
	text[top_skip(text, columns) - text] = '\0';
}

static bool make_room(struct top_lines *l)
{
	size_t room = l->room ? 2 * l->room : 64;
	struct top_line *line;

	if (l->failed || l->n < l->room)
		return !l->failed;
	line = realloc(l->line, room * sizeof(*line));
	if (!line) {
		l->failed = true;
		return false;
	}
	l->line = line;
	l->room = room;
	return true;
}

struct top_line *top_lines_add(struct top_lines *l, enum top_look look, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (!make_room(l))
		return NULL;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		l->failed = true;
		return NULL;
	}
	l->line[l->n] = (struct top_line){.text = text, .look = look};
	return &l->line[l->n++];
}

/* How many bytes of the text stand in a line of so many columns: up to the last space that fits,
 * and of a word that is longer than the line as much of it as fits. */
static size_t part_for(const char *text, unsigned columns)
{
	const char *end = top_skip(text, columns), *at = end;

	if (!*end)
		return (size_t)(end - text);
	while (at > text && *at != ' ')
		at--;
	return (size_t)((at > text ? at : end) - text);
}

void top_lines_wrap(struct top_lines *l, enum top_look look, unsigned width, const char *indent,
		    const char *text)
{
	const char *begin = "";

	do {
		unsigned taken = (unsigned)strlen(begin);
		unsigned columns = width > taken ? width - taken : 1;
		size_t n = part_for(text, columns);

		if (!top_lines_add(l, look, "%s%.*s", begin, (int)n, text))
			return;
		text += n;
		while (*text == ' ')
			text++;
		begin = indent;
	} while (*text);
}

void top_lines_free(struct top_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i].text);
	free(l->line);
	*l = (struct top_lines){.line = NULL};
}
