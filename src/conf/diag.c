#include "conf/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"

void diags_init(struct diags *d)
{
	*d = (struct diags){ 0 };
}

void diags_free(struct diags *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->list[i].file);
		free(d->list[i].text);
	}
	free(d->list);
	diags_init(d);
}

/* The file, and the line in it, of a line of the flattened text. */
static struct conf_line place_of(const struct conf_source *source, unsigned line)
{
	struct conf_line none = { 0, line };

	if (line == 0 || source->n_lines == 0)
		return none;
	if (line > source->n_lines) /* behind the last line end */
		line = source->n_lines;
	return source->lines[line - 1].file < source->n_paths ? source->lines[line - 1] : none;
}

static struct str path_of(const struct conf_source *source, unsigned file)
{
	return file < source->n_paths ? source->paths[file] : source->path;
}

static struct diag *diag_room(struct diags *d)
{
	if (d->count == d->room) {
		size_t room = d->room ? d->room * 2 : 16;
		struct diag *more = realloc(d->list, room * sizeof(*more));

		if (!more)
			return NULL;
		d->list = more;
		d->room = room;
	}
	return &d->list[d->count];
}

static char *copy(struct str s)
{
	return s.n ? strndup(s.p, s.n) : strdup("");
}

/* Names in a message come from the file; a terminal shall not obey them. */
static void printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

__attribute__((format(printf, 1, 0))) static char *print(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	printable(text);
	return text;
}

void diag_add(struct diags *d, const struct conf_source *source, enum diag_level level,
	      unsigned line, const char *fmt, ...)
{
	struct diag *e = diag_room(d);
	struct conf_line at = { 0, 0 };
	va_list ap;

	if (level == DIAG_ERROR)
		d->errors++;
	else
		d->warnings++;
	if (!e) /* the count alone still refuses the file */
		return;
	if (source)
		at = place_of(source, line);
	*e = (struct diag){ .level = level, .order = at.file, .line = at.line };
	e->file = copy(source ? path_of(source, at.file) : STR_NONE);
	va_start(ap, fmt);
	e->text = print(fmt, ap);
	va_end(ap);
	d->count++;
}

struct diag_place diag_place(const struct conf_source *source, unsigned from, unsigned line)
{
	struct conf_line a = place_of(source, from), b = place_of(source, line);
	struct diag_place p;

	if (a.file == b.file)
		snprintf(p.text, sizeof(p.text), "in line %u", b.line);
	else
		snprintf(p.text, sizeof(p.text), "in %.*s:%u",
			 STR_ARGS(str_first(path_of(source, b.file), sizeof(p.text) - 32)),
			 b.line);
	return p;
}

static bool before(const struct diag *a, const struct diag *b)
{
	return a->order != b->order ? a->order < b->order : a->line < b->line;
}

/* Stable, as qsort() is not. Merging keeps a file with a thousand mistakes quick. */
static void merge(struct diag *list, size_t n, struct diag *tmp)
{
	size_t half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	merge(list, half, tmp);
	merge(list + half, n - half, tmp);
	memcpy(tmp, list, n * sizeof(*list));
	while (k < n) {
		bool right = i == half || (j < n && before(&tmp[j], &tmp[i]));

		list[k++] = tmp[right ? j++ : i++];
	}
}

void diags_sort(struct diags *d)
{
	struct diag *tmp = d->count > 1 ? malloc(d->count * sizeof(*tmp)) : NULL;

	if (!tmp)
		return;
	merge(d->list, d->count, tmp);
	free(tmp);
}

static void diag_print(const struct diag *e, FILE *out)
{
	if (e->file && e->file[0])
		fprintf(out, "%s:", e->file);
	if (e->line)
		fprintf(out, "%u:", e->line);
	fprintf(out, "%s%s%s\n", (e->file && e->file[0]) || e->line ? " " : "",
		e->level == DIAG_WARNING ? "warning: " : "", e->text ? e->text : "out of memory");
}

char *diags_text(const struct diags *d)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return strdup("out of memory\n");
	for (size_t i = 0; i < d->count; i++)
		diag_print(&d->list[i], out);
	if (fclose(out) != 0) {
		free(text);
		return strdup("out of memory\n");
	}
	return text;
}
