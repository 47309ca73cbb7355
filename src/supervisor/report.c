#include "supervisor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void report_lines(struct report *r, struct str lines)
{
	bool open = lines.n && lines.p[lines.n - 1] != '\n';
	char *text;

	if (!lines.n)
		return;
	text = realloc(r->text, r->n + lines.n + 1);
	if (!text)
		return;
	memcpy(text + r->n, lines.p, lines.n);
	r->text = text;
	r->n += lines.n;
	if (open)
		r->text[r->n++] = '\n';
}

void report_add(struct report *r, const char *fmt, ...)
{
	va_list ap;
	char *line;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	report_lines(r, (struct str){line, (size_t)n});
	free(line);
}

struct str report_text(const struct report *r)
{
	return (struct str){r->text, r->n};
}

void report_clear(struct report *r)
{
	free(r->text);
	r->text = NULL;
	r->n = 0;
}

/* The word is for a terminal; a line of the log has its level in front. */
static struct str without_level(struct str line, int level)
{
	const struct str word = STR("warning: ");

	return level == LOG_WARNING && str_begins(line, word) ? str_from(line, word.n) : line;
}

void report_log(const struct report *r, int level)
{
	struct str rest = report_text(r), line;

	while (str_split(&rest, '\n', &line))
		if (line.n)
			log_msg(level, "%.*s", STR_ARGS(without_level(line, level)));
}
