#include "conf/options.h"

#include <stdio.h>

#include "conf/conf.h"

#ifndef HPCBAL_RUNSTATEDIR
#define HPCBAL_RUNSTATEDIR "/run"
#endif
#define CONTROL_SOCKET HPCBAL_RUNSTATEDIR "/hpcbal/control.sock"

/* The kind of a field follows from its C type, so that a row cannot get it wrong. */
#define KIND_OF(field)                                                                            \
	_Generic((field), bool                                                                    \
		 : KIND_BOOL, uint16_t                                                            \
		 : KIND_U16, unsigned                                                             \
		 : KIND_UNSIGNED, int                                                             \
		 : KIND_INT, uint64_t                                                             \
		 : KIND_U64, struct str                                                           \
		 : KIND_STR)
#define AT(type, member)                                                                          \
	{                                                                                         \
		offsetof(type, member), KIND_OF(((type *)0)->member)                              \
	}
#define OPTION(section_, name_, type_, ...)                                                       \
	{ .section = SECTION_##section_, .name = #name_, .type = TYPE_##type_, __VA_ARGS__ },

const struct option options[] = {
#include "conf/options.def"
};
const unsigned options_count = sizeof(options) / sizeof(options[0]);

static const struct section {
	const char *place, *path;
} sections[] = {
#define SECTION(id, place, path) [SECTION_##id] = { place, path },
#include "conf/options.def"
};

static const char *const type_texts[TYPE_COUNT] = {
	[TYPE_BOOL] = "true or false",
	[TYPE_INT] = "a number",
	[TYPE_DURATION] = "a time with its unit",
	[TYPE_SIZE] = "a size with its unit",
	[TYPE_TEXT] = "a text",
	[TYPE_LINES] = "a text",
	[TYPE_NAME] = "a name",
	[TYPE_WORD] = "a word",
	[TYPE_PATH] = "a full path",
	[TYPE_LISTEN] = "an address",
	[TYPE_ADDRESS] = "an address",
	[TYPE_GROUP] = "a group",
	[TYPE_GROUPS] = "a list of groups",
	[TYPE_TEXTS] = "a list of texts",
	[TYPE_WORDS] = "a list of words",
	[TYPE_NETS] = "a list of networks",
	[TYPE_BINDS] = "a list of addresses or groups",
	[TYPE_FREE] = "a group of texts",
	[TYPE_GROUP_OR_FALSE] = "false or a group",
	[TYPE_GROUP_OR_TEXT] = "a text or a group",
	[TYPE_INT_BY_NODE] = "a number, or a group of numbers by node",
};

const char *section_place(enum option_section s)
{
	return sections[s].place;
}

const char *section_path(enum option_section s)
{
	return sections[s].path;
}

const char *option_type_text(enum option_type t)
{
	return type_texts[t];
}

const struct option *option_find(enum option_section s, struct str name)
{
	for (unsigned i = 0; i < options_count; i++)
		if (options[i].section == s && str_eq(str_of(options[i].name), name))
			return &options[i];
	return NULL;
}

unsigned option_near_limit(struct str name)
{
	return name.n < 4 ? 1 : name.n < 8 ? 2 : 3;
}

const struct option *option_nearest(enum option_section s, struct str name, unsigned *distance)
{
	const struct option *best = NULL;

	*distance = option_near_limit(name) + 1;
	for (unsigned i = 0; i < options_count; i++) {
		unsigned d;

		if (options[i].section != s)
			continue;
		if (options[i].alias && words_find(options[i].alias, name) >= 0) {
			*distance = 0;
			return &options[i];
		}
		d = str_distance(str_of(options[i].name), name);
		if (d < *distance) {
			*distance = d;
			best = &options[i];
		}
	}
	return best;
}

const struct option *option_elsewhere(enum option_section s, struct str name,
				      const struct option *after)
{
	const struct option *o = after ? after + 1 : options;

	for (; o < options + options_count; o++)
		if (o->section != s && str_eq(str_of(o->name), name))
			return o;
	return NULL;
}

int words_find(const char *words, struct str word)
{
	struct str rest = str_of(words), w;

	for (int i = 0; str_split(&rest, ' ', &w); i++)
		if (str_eq(w, word))
			return i;
	return -1;
}

struct str words_at(const char *words, unsigned index)
{
	struct str rest = str_of(words), w = STR_NONE;

	for (unsigned i = 0; str_split(&rest, ' ', &w); i++)
		if (i == index)
			return w;
	return STR_NONE;
}

struct str words_nearest(const char *words, struct str word)
{
	struct str rest = str_of(words), best = STR_NONE, w;
	unsigned least = option_near_limit(word) + 1;

	while (str_split(&rest, ' ', &w)) {
		unsigned d = str_distance(w, word);

		if (d < least) {
			least = d;
			best = w;
		}
	}
	return best;
}

static bool is_called(const struct option *o, struct str name)
{
	return str_distance(str_of(o->name), name) <= option_near_limit(name) ||
	       (o->alias && words_find(o->alias, name) >= 0);
}

bool option_may_be_secret(struct str name)
{
	for (unsigned i = 0; i < options_count; i++)
		if (options[i].secret && is_called(&options[i], name))
			return true;
	return false;
}

/* What an example looks like when neither the row's example nor its default says it. */
static const char *const type_examples[TYPE_COUNT] = {
	[TYPE_GROUP] = "{ … }",
	[TYPE_GROUPS] = "( { … } )",
	[TYPE_GROUP_OR_FALSE] = "{ … }",
	[TYPE_GROUP_OR_TEXT] = "{ … }",
};

const char *option_example(const struct option *o)
{
	if (o->example)
		return o->example;
	if (o->type == TYPE_INT || o->type == TYPE_BOOL || o->type == TYPE_INT_BY_NODE)
		return o->dflt;
	return type_examples[o->type];
}

static bool is_group(const struct option *o)
{
	return o->sub != SECTION_TOP;
}

static bool holds_required(enum option_section section)
{
	for (unsigned i = 0; i < options_count; i++)
		if (options[i].section == section && options[i].required)
			return true;
	return false;
}

static void write_setting(const struct option *o, FILE *out);

static void write_group(enum option_section section, FILE *out)
{
	bool only_required = holds_required(section), any = false;

	fputs("{ ", out);
	for (unsigned i = 0; i < options_count; i++) {
		const struct option *o = &options[i];

		if (o->section != section || (only_required ? !o->required : any))
			continue;
		write_setting(o, out);
		fputc(' ', out);
		any = true;
	}
	fputc('}', out);
}

static void write_setting(const struct option *o, FILE *out)
{
	const char *example = o->example ? o->example : is_group(o) ? NULL : option_example(o);

	fprintf(out, "%s = ", o->name);
	if (example) {
		fputs(example, out);
	} else if (!is_group(o)) {
		fprintf(out, "\"%s\"", o->dflt);
	} else {
		fputs(o->type == TYPE_GROUPS ? "( " : "", out);
		write_group(o->sub, out);
		fputs(o->type == TYPE_GROUPS ? " )" : "", out);
	}
	fputc(';', out);
}

bool option_write_example(const struct option *o, char *to, size_t size)
{
	FILE *out = fmemopen(to, size, "w");
	bool good;

	if (!out)
		return false;
	write_setting(o, out);
	good = fputc(0, out) == 0 && fflush(out) == 0 && !ferror(out);
	return fclose(out) == 0 && good;
}
