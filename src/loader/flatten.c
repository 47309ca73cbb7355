#include "loader/flatten.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/scan.h"
#include "loader/file.h"

#define DEPTH_MAX 10
#define FILES_MAX 1000

struct flat {
	struct arena *arena;
	struct conf_source *source; /* its tables grow in these two: */
	struct diags *diags;
	char *text;
	size_t n, room;
	unsigned lines_room, paths_room;
	unsigned depth, n_read;
	struct file_id open[DEPTH_MAX + 1]; /* by depth: the files that are being read */
};

static bool flatten_file(struct flat *f, struct str path);

struct str flatten_path(struct arena *arena, struct str file, struct str path)
{
	size_t n = file.n;

	while (n && file.p[n - 1] != '/')
		n--;
	if (path.n && path.p[0] == '/')
		n = 0;
	return arena_printf(arena, "%.*s%.*s", (int)n, file.p, STR_ARGS(path));
}

static bool no_memory(struct flat *f)
{
	diag_add(f->diags, f->source, DIAG_ERROR, 0, "out of memory; free some");
	return false;
}

/* Room for one more in a table of the arena; what it grew out of stays there unused. */
static void *grow(struct flat *f, void *table, unsigned n, unsigned *room, size_t size)
{
	void *more;

	if (n < *room)
		return table;
	*room = *room ? *room * 2 : 64;
	more = arena_alloc(f->arena, *room * size);
	if (more && n)
		memcpy(more, table, n * size);
	return more;
}

static bool add_line(struct flat *f, unsigned file, unsigned line)
{
	struct conf_source *s = f->source;
	struct conf_line *lines = grow(f, s->lines, s->n_lines, &f->lines_room, sizeof(*lines));

	if (!lines)
		return no_memory(f);
	s->lines = lines;
	lines[s->n_lines++] = (struct conf_line){ file, line };
	return true;
}

static bool add_path(struct flat *f, struct str path, unsigned *index)
{
	struct conf_source *s = f->source;
	struct str *paths;

	for (*index = 0; *index < s->n_paths; ++*index)
		if (str_eq(s->paths[*index], path))
			return true;
	paths = grow(f, s->paths, s->n_paths, &f->paths_room, sizeof(*paths));
	if (!paths)
		return no_memory(f);
	s->paths = paths;
	paths[s->n_paths++] = path;
	return true;
}

static bool add_bytes(struct flat *f, struct str s)
{
	if (s.n + 2 > f->room - f->n) {
		size_t room = (f->room + s.n + 2) * 2;
		char *more = realloc(f->text, room);

		if (!more)
			return no_memory(f);
		f->text = more;
		f->room = room;
	}
	if (s.n)
		memcpy(f->text + f->n, s.p, s.n);
	f->n += s.n;
	f->text[f->n] = '\0';
	return true;
}

/* Whole lines, of which the last one may lack its line end. */
static bool add_text(struct flat *f, unsigned file, unsigned line, struct str s)
{
	if (s.n && (!add_bytes(f, s) || (s.p[s.n - 1] != '\n' && !add_bytes(f, STR("\n")))))
		return false;
	while (s.n) {
		ptrdiff_t end = str_find_char(s, '\n');

		if (!add_line(f, file, line++))
			return false;
		s = end < 0 ? STR_NONE : str_from(s, (size_t)end + 1);
	}
	if (f->n <= FILE_SIZE_MAX)
		return true;
	diag_add(f->diags, f->source, DIAG_ERROR, f->source->n_lines,
		 "with what it includes the configuration has more than 16 MiB; look for a file "
		 "that is included by mistake");
	return false;
}

/* A message about a line that is not in the flattened text. */
__attribute__((format(printf, 4, 5))) static bool fail(struct flat *f, unsigned file,
						       unsigned line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!add_line(f, file, line))
		return false;
	diag_add(f->diags, f->source, DIAG_ERROR, f->source->n_lines, "%s", text);
	return false;
}

/* Only a comment may follow on the line of an include. */
static bool rest_is_blank(const struct scan *scan)
{
	struct str rest = { scan->p, (size_t)(scan->end - scan->p) };
	ptrdiff_t end = str_find_char(rest, '\n');

	rest = str_first(rest, end < 0 ? rest.n : (size_t)end);
	if (rest.n && rest.p[rest.n - 1] == '\r')
		rest.n--;
	rest = str_trim(rest);
	return rest.n == 0 || rest.p[0] == '#' || str_begins(rest, STR("//"));
}

static bool include(struct flat *f, unsigned file, struct scan *scan, unsigned line)
{
	struct str name, path;
	struct token t;

	scan_next(scan, &t);
	if (t.kind != SCAN_TEXT || t.line != line || !rest_is_blank(scan))
		return fail(f, file, line,
			    "an include names one file and has a line of its own; "
			    "write @include \"PATH\"");
	name = (struct str){ t.text.p + 1, t.text.n - 2 };
	if (name.n == 0 || str_find_char(name, '\\') >= 0)
		return fail(f, file, line,
			    "\"%.*s\" is no path; write the path of the file, without "
			    "backslashes",
			    STR_ARGS(str_first(name, 200)));
	path = flatten_path(f->arena, f->source->paths[file], name);
	if (f->depth == DEPTH_MAX)
		return fail(f, file, line,
			    "includes are nested deeper than %d; include the file "
			    "further up",
			    DEPTH_MAX);
	/* The line itself, so that what is wrong with the file is told here. */
	if (!path.p || !add_line(f, file, line))
		return no_memory(f);
	f->depth++;
	if (!flatten_file(f, path))
		return false;
	f->depth--;
	return true;
}

/* From the end of the include's line on. */
static void next_line(struct scan *scan)
{
	while (scan->p < scan->end && *scan->p != '\n')
		scan->p++;
}

static const char *line_begin(const char *p, const char *from)
{
	while (p > from && p[-1] != '\n')
		p--;
	return p;
}

/* What begins in an included file has to end in it: else the place of the mistake is lost. */
static bool check_end(struct flat *f, unsigned file, const struct token *t)
{
	if (t->kind != SCAN_BAD || f->depth == 0)
		return true; /* in the main file the reader of the whole text says so */
	return fail(f, file, t->line, "%s", t->why);
}

static bool flatten_text(struct flat *f, unsigned file, struct str text)
{
	const char *from = text.p;
	unsigned line = 1;
	struct scan scan;
	struct token t;

	scan_init(&scan, text);
	for (scan_next(&scan, &t); t.kind != SCAN_END && t.kind != SCAN_BAD;
	     scan_next(&scan, &t)) {
		const char *begin;

		if (t.kind != SCAN_INCLUDE)
			continue;
		begin = line_begin(t.text.p, text.p);
		if (!add_text(f, file, line, (struct str){ from, (size_t)(begin - from) }) ||
		    !include(f, file, &scan, t.line))
			return false;
		next_line(&scan);
		from = scan.p < scan.end ? scan.p + 1 : scan.end;
		line = t.line + 1;
	}
	if (!check_end(f, file, &t))
		return false;
	return add_text(f, file, line, (struct str){ from, (size_t)(text.p + text.n - from) });
}

/* Takes the line of the include back, once it is known that the file can be read. */
static bool flatten_file(struct flat *f, struct str path)
{
	struct file_id *id = &f->open[f->depth];
	unsigned here = f->source->n_lines, file;
	char why[FILE_WHY];
	struct str text;

	if (!file_read(path.p, f->arena, &text, id, why)) {
		if (f->depth)
			diag_add(f->diags, f->source, DIAG_ERROR, here, "cannot read \"%.*s\": %s",
				 STR_ARGS(path), why);
		else
			diag_add(f->diags, f->source, DIAG_ERROR, 0, "cannot be read: %s", why);
		return false;
	}
	for (unsigned i = 0; i < f->depth; i++) {
		if (f->open[i].dev != id->dev || f->open[i].ino != id->ino)
			continue;
		diag_add(f->diags, f->source, DIAG_ERROR, here,
			 "\"%.*s\" includes itself, by way of this line; remove the line",
			 STR_ARGS(path));
		return false;
	}
	if (++f->n_read > FILES_MAX) {
		diag_add(f->diags, f->source, DIAG_ERROR, here,
			 "more than %d files are included; join some of them", FILES_MAX);
		return false;
	}
	if (f->depth)
		f->source->n_lines--;
	return add_path(f, path, &file) && flatten_text(f, file, text);
}

bool flatten_read(const char *path, struct arena *arena, struct conf_source *source,
		  struct diags *diags)
{
	struct flat f = { .arena = arena, .source = source, .diags = diags };
	bool good;

	source->path = arena_str(arena, str_of(path));
	if (!source->path.p)
		return no_memory(&f);
	good = flatten_file(&f, source->path) && add_bytes(&f, STR_NONE);
	if (good) {
		source->text = arena_str(arena, (struct str){ f.text, f.n });
		good = source->text.p != NULL || no_memory(&f);
	}
	free(f.text);
	return good;
}
