/* The file with all that it names. */
#include <sched.h>
#include <unistd.h>

#include "base/list.h"
#include "conf/value.h"
#include "conf/wants.h"
#include "loader/file.h"
#include "loader/flatten.h"
#include "loader/loader.h"
#include "loader/resolve.h"

#define NAMES_MAX 1024
#define FILES_MAX 1024

struct gather {
	struct wants wants;
	struct arena *arena;
	struct conf_source *source;
	struct diags *diags;
	unsigned names_room, files_room, secrets_room;
};

/* Room for one more element; false when there is no memory or `max` is reached. */
static bool room_for(struct gather *g, void *table, unsigned n, unsigned *room, unsigned max,
		     size_t size)
{
	void *old, *more;

	if (n < *room)
		return true;
	if (n >= max)
		return false;
	*room = *room ? *room * 2 : 64;
	more = arena_zalloc(g->arena, *room * size);
	if (!more)
		return false;
	memcpy(&old, table, sizeof(old));
	if (n)
		memcpy(more, old, n * size);
	memcpy(table, &more, sizeof(more));
	return true;
}

static void want_host(struct wants *w, struct str host, unsigned line)
{
	struct gather *g = list_of(w, struct gather, wants);
	struct conf_source *s = g->source;

	for (unsigned i = 0; i < s->n_names; i++)
		if (str_ieq(s->names[i].host, host))
			return;
	if (!room_for(g, &s->names, s->n_names, &g->names_room, NAMES_MAX, sizeof(*s->names))) {
		diag_add(g->diags, s, DIAG_ERROR, line,
			 "more than %d host names to look up; write addresses", NAMES_MAX);
		return;
	}
	s->names[s->n_names++].host = arena_str(g->arena, host);
}

/* Without its content too it is put into the table: one message about it is enough. */
static void add_file(struct gather *g, const char *what, struct str path, unsigned line)
{
	struct conf_source *s = g->source;
	struct conf_file file = { .path = STR_NONE };
	char why[FILE_WHY];

	if (conf_find_file(s, path))
		return;
	if (!room_for(g, &s->files, s->n_files, &g->files_room, FILES_MAX, sizeof(*s->files))) {
		diag_add(g->diags, s, DIAG_ERROR, line,
			 "more than %d value files and pages; join some of them", FILES_MAX);
		return;
	}
	file.path = arena_str(g->arena, path);
	if (!file_read(flatten_path(g->arena, s->path, path).p, g->arena, &file.content, NULL,
		       why)) {
		diag_add(g->diags, s, DIAG_ERROR, line, "cannot read the %s \"%.*s\": %s",
			 what, STR_ARGS(path), why);
		file.content = STR("");
	}
	s->files[s->n_files++] = file;
}

static void want_file(struct wants *w, struct str path, unsigned line)
{
	add_file(list_of(w, struct gather, wants), "value file", path, line);
}

static void want_page(struct wants *w, struct str path, unsigned line)
{
	add_file(list_of(w, struct gather, wants), "page", path, line);
}

static void want_secret(struct wants *w, struct str path, unsigned line)
{
	struct gather *g = list_of(w, struct gather, wants);
	struct conf_source *s = g->source;
	struct conf_file file = { .path = STR_NONE };
	struct file_id id;
	char why[FILE_WHY];

	if (conf_find_secret(s, path))
		return;
	if (!room_for(g, &s->secrets, s->n_secrets, &g->secrets_room, FILES_MAX,
		      sizeof(*s->secrets))) {
		diag_add(g->diags, s, DIAG_ERROR, line,
			 "more than %d files of certificates and keys; join some of them",
			 FILES_MAX);
		return;
	}
	file.path = arena_str(g->arena, path);
	if (file_read(flatten_path(g->arena, s->path, path).p, g->arena, &file.content, &id,
		      why)) {
		file.stamp = id.stamp;
		file.exposed = id.exposed;
	} else {
		diag_add(g->diags, s, DIAG_ERROR, line, "cannot read \"%.*s\": %s", STR_ARGS(path),
			 why);
		file.content = STR_NONE;
	}
	s->secrets[s->n_secrets++] = file;
}

static unsigned count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	return 1;
}

static struct str host_name(struct arena *arena)
{
	char name[256] = "";
	struct str first;

	if (gethostname(name, sizeof(name) - 1) != 0)
		name[0] = '\0';
	first = str_of(name);
	if (str_find_char(first, '.') > 0)
		first = str_first(first, (size_t)str_find_char(first, '.'));
	return arena_str(arena, value_is_name(first) ? first : STR("node"));
}

bool loader_read(const char *path, struct arena *arena, struct conf_source *source,
		 struct diags *diags)
{
	struct gather g = { { want_host, want_file, want_page, want_secret }, arena, source,
			    diags, 0, 0, 0 };

	*source = (struct conf_source){ .path = STR_NONE };
	if (!flatten_read(path, arena, source, diags))
		return false;
	source->cpus = count_cpus();
	source->host_name = host_name(arena);
	if (!wants_read(&g.wants, source))
		return true; /* conf_parse() says what is wrong */
	resolve_names(source->names, source->n_names);
	if (!arena_failed(arena))
		return true;
	diag_add(diags, source, DIAG_ERROR, 0, "out of memory; free some");
	return false;
}
