#include "conf/sections.h"

#define MAGIC 0x73656374696f6e31ull
#define SECRETS_MAGIC 0x7365637265747331ull

/* Numbers in this machine's own order: both ends are this program on this machine. Every
 * text is followed by a NUL. */
struct writer {
	char *p; /* NULL while the size is being counted */
	size_t n;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->p && n)
		memcpy(w->p + w->n, bytes, n);
	w->n += n;
}

static void put_number(struct writer *w, uint64_t v)
{
	put(w, &v, sizeof(v));
}

static void put_str(struct writer *w, struct str s)
{
	put_number(w, s.n);
	put(w, s.p, s.n);
	put(w, "", 1);
}

static void put_files(struct writer *w, const struct conf_file *files, unsigned n)
{
	put_number(w, n);
	for (unsigned i = 0; i < n; i++) {
		put_str(w, files[i].path);
		put_str(w, files[i].content);
	}
}

static void put_source(struct writer *w, const struct conf_source *s)
{
	put_number(w, MAGIC);
	put_str(w, s->path);
	put_str(w, s->text);
	put_str(w, s->host_name);
	put_number(w, s->cpus);
	put_number(w, s->n_paths);
	for (unsigned i = 0; i < s->n_paths; i++)
		put_str(w, s->paths[i]);
	put_files(w, s->files, s->n_files);
	put_number(w, s->n_names);
	for (unsigned i = 0; i < s->n_names; i++) {
		put_str(w, s->names[i].host);
		put(w, &s->names[i].addr, sizeof(s->names[i].addr));
	}
	put_number(w, s->n_lines);
	put(w, s->lines, s->n_lines * sizeof(*s->lines));
}

static void put_secrets(struct writer *w, const struct conf_source *s)
{
	put_number(w, SECRETS_MAGIC);
	put_files(w, s->secrets, s->n_secrets);
}

static struct str encode(void (*put_all)(struct writer *w, const struct conf_source *s),
			 const struct conf_source *source, struct arena *arena)
{
	struct writer w = { NULL, 0 };

	put_all(&w, source);
	w.p = arena_alloc(arena, w.n);
	if (!w.p)
		return STR_NONE;
	w.n = 0;
	put_all(&w, source);
	return (struct str){ w.p, w.n };
}

struct str conf_source_encode(const struct conf_source *source, struct arena *arena)
{
	return encode(put_source, source, arena);
}

struct str conf_secrets_encode(const struct conf_source *source, struct arena *arena)
{
	return encode(put_secrets, source, arena);
}

struct reader {
	struct str rest;
	struct arena *arena;
	bool bad;
};

static void get(struct reader *r, void *to, size_t n)
{
	if (r->bad || n > r->rest.n) {
		r->bad = true;
		memset(to, 0, n);
		return;
	}
	memcpy(to, r->rest.p, n);
	r->rest = str_from(r->rest, n);
}

static uint64_t get_number(struct reader *r)
{
	uint64_t v;

	get(r, &v, sizeof(v));
	return v;
}

static struct str get_str(struct reader *r)
{
	uint64_t n = get_number(r);
	struct str s;

	if (r->bad || n >= r->rest.n || r->rest.p[n] != '\0') {
		r->bad = true;
		return STR_NONE;
	}
	s = str_first(r->rest, (size_t)n);
	r->rest = str_from(r->rest, (size_t)n + 1);
	return s;
}

/* The count of a table whose elements take `least` bytes or more here; the table itself,
 * of elements of `size` bytes, is in *table. */
static unsigned get_table(struct reader *r, size_t least, size_t size, void *table)
{
	uint64_t n = get_number(r);
	void *p = NULL;

	if (r->bad || n > r->rest.n / least || n > UINT32_MAX) {
		r->bad = true;
		return 0;
	}
	if (n && !(p = arena_zalloc(r->arena, (size_t)n * size))) {
		r->bad = true;
		return 0;
	}
	memcpy(table, &p, sizeof(p));
	return (unsigned)n;
}

static unsigned get_files(struct reader *r, struct conf_file **files)
{
	unsigned n = get_table(r, 18, sizeof(**files), files);

	for (unsigned i = 0; i < n; i++) {
		(*files)[i].path = get_str(r);
		(*files)[i].content = get_str(r);
	}
	return n;
}

static bool addr_is_sane(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->len == sizeof(a->u.in);
	case AF_INET6:
		return a->len == sizeof(a->u.in6);
	default:
		return a->len == 0;
	}
}

static void get_names(struct reader *r, struct conf_source *s)
{
	s->n_names = get_table(r, 9 + sizeof(struct addr), sizeof(*s->names), &s->names);
	for (unsigned i = 0; i < s->n_names; i++) {
		s->names[i].host = get_str(r);
		get(r, &s->names[i].addr, sizeof(s->names[i].addr));
		r->bad = r->bad || !addr_is_sane(&s->names[i].addr);
	}
}

static void get_lines(struct reader *r, struct conf_source *s)
{
	s->n_lines = get_table(r, sizeof(*s->lines), sizeof(*s->lines), &s->lines);
	for (unsigned i = 0; i < s->n_lines; i++) {
		get(r, &s->lines[i], sizeof(s->lines[i]));
		r->bad = r->bad || s->lines[i].file >= s->n_paths;
	}
}

bool conf_source_decode(struct str bytes, struct arena *arena, struct conf_source *source)
{
	struct reader r = { bytes, arena, false };

	*source = (struct conf_source){ .path = STR_NONE };
	if (get_number(&r) != MAGIC)
		return false;
	source->path = get_str(&r);
	source->text = get_str(&r);
	source->host_name = get_str(&r);
	source->cpus = (unsigned)get_number(&r);
	source->n_paths = get_table(&r, 9, sizeof(*source->paths), &source->paths);
	for (unsigned i = 0; i < source->n_paths; i++)
		source->paths[i] = get_str(&r);
	source->n_files = get_files(&r, &source->files);
	get_names(&r, source);
	get_lines(&r, source);
	return !r.bad && r.rest.n == 0;
}

bool conf_secrets_decode(struct str bytes, struct arena *arena, struct conf_source *source)
{
	struct reader r = { bytes, arena, false };

	if (get_number(&r) != SECRETS_MAGIC)
		return false;
	source->n_secrets = get_files(&r, &source->secrets);
	return !r.bad && r.rest.n == 0;
}
