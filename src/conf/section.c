#include "base/assert.h"
#include "base/hash.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

void section_defaults(struct draft *d, enum option_section section, void *base)
{
	for (unsigned i = 0; i < options_count; i++)
		if (options[i].section == section)
			scalar_default(d, &options[i], base);
}

static const char *type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a number";
	case CONFIG_TYPE_FLOAT:
		return "a fraction";
	case CONFIG_TYPE_STRING:
		return "a text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_GROUP:
		return "a group";
	default:
		return "a list";
	}
}

/* A number without quotes where a time or a size is meant. */
static bool fail_bare_quantity(struct draft *d, const config_setting_t *s, const struct option *o)
{
	const struct value_unit *units = o->type == TYPE_DURATION ? value_durations : value_sizes;
	char hint[64];

	if (o->type != TYPE_DURATION && o->type != TYPE_SIZE)
		return false;
	if (!value_suggest(units, syntax_place(s)->text, hint, sizeof(hint)))
		return false;
	draft_fault(d, s, "\"%s\" has no unit; write %s = \"%s\";", o->name, o->name, hint);
	return true;
}

static void fail_type(struct draft *d, const config_setting_t *s, const struct option *o)
{
	const char *example = option_example(o);
	bool number = config_setting_type(s) == CONFIG_TYPE_INT ||
		      config_setting_type(s) == CONFIG_TYPE_INT64;

	if (number && fail_bare_quantity(d, s, o))
		return;
	if (example)
		draft_fault(d, s, "\"%s\" has to be %s, not %s; write %s = %s;", o->name,
			    option_type_text(o->type), type_name(s), o->name, example);
	else
		draft_fault(d, s, "\"%s\" has to be %s, not %s; write %s = \"%s\";", o->name,
			    option_type_text(o->type), type_name(s), o->name,
			    o->dflt ? o->dflt : "…");
}

static void fail_elsewhere(struct draft *d, const config_setting_t *s, enum option_section section,
			   const struct option *one)
{
	const struct option *two = option_elsewhere(section, syntax_name(s), one);

	draft_fault(d, s, "unknown setting \"%.*s\" %s; it belongs %s%s%s", SHOWN(syntax_name(s)),
		    section_place(section), section_place(one->section), two ? " or " : "",
		    two ? section_place(two->section) : "");
}

/* What an unknown name was meant to be: a near one of this section, but rather the very
 * same one of another section than one that is two letters off. */
static void fail_unknown(struct draft *d, const config_setting_t *s, enum option_section section)
{
	struct str name = syntax_name(s);
	const struct option *elsewhere = option_elsewhere(section, name, NULL);
	const struct option *near;
	unsigned distance;

	near = option_nearest(section, name, &distance);
	if (near && (distance <= 1 || !elsewhere))
		draft_fault(d, s, "unknown setting \"%.*s\" %s; did you mean \"%s\"?", SHOWN(name),
			    section_place(section), near->name);
	else if (elsewhere)
		fail_elsewhere(d, s, section, elsewhere);
	else
		draft_fault(d, s, "unknown setting \"%.*s\" %s; remove it, or see hpcbal.conf(5)",
			    SHOWN(name), section_place(section));
}

static void read_groups(struct draft *d, const config_setting_t *list, const struct option *o)
{
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);

		if (!config_setting_is_group(e))
			continue; /* check_elements() said so */
		if (o->status == STATUS_LATER_WARN)
			draft_warn(d, e, "%s", o->later);
		section_read(d, e, o->sub, NULL);
	}
}

static void read_numbers(struct draft *d, const config_setting_t *group, const struct option *o)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *e = config_setting_get_elem(group, (unsigned)i);

		if (scalar_is(e, TYPE_INT))
			scalar_read(d, e, o, NULL);
		else
			draft_fault(d, e,
				    "\"%.*s\" in \"%s\" has to be a number, not %s; write "
				    "%.*s = %s;",
				    SHOWN(syntax_name(e)), o->name, type_name(e),
				    SHOWN(syntax_name(e)), option_example(o));
	}
}

/* Below a setting that nobody builds. */
static void read_below(struct draft *d, const config_setting_t *s, const struct option *o)
{
	if (o->type == TYPE_GROUPS)
		read_groups(d, s, o);
	else if (o->type == TYPE_INT_BY_NODE && config_setting_is_group(s))
		read_numbers(d, s, o);
	else if (config_setting_is_group(s) && o->type != TYPE_FREE)
		section_read(d, s, o->sub, NULL);
}

/* What the elements of a list may be; `what` for the message. */
static bool element_is(const config_setting_t *e, enum option_type type, const char **what)
{
	bool text = config_setting_type(e) == CONFIG_TYPE_STRING;
	bool group = config_setting_is_group(e);

	switch (type) {
	case TYPE_GROUPS:
		*what = "a group, { … }";
		return group;
	case TYPE_BINDS:
		*what = "an address or a group";
		return text || group;
	default:
		*what = "a text";
		return text;
	}
}

static bool has_elements(enum option_type type)
{
	return type == TYPE_GROUPS || type == TYPE_BINDS || type == TYPE_FREE ||
	       type == TYPE_TEXTS || type == TYPE_WORDS || type == TYPE_NETS;
}

static void check_elements(struct draft *d, const config_setting_t *s, const struct option *o)
{
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *what;

		if (element_is(e, o->type, &what)) {
			if (config_setting_type(e) == CONFIG_TYPE_STRING)
				scalar_check_text(d, e, o);
		} else {
			draft_fault(d, e, "\"%s\" holds %s; each of its elements has to be %s",
				    o->name, type_name(e), what);
		}
	}
}

static void read_setting(struct draft *d, const config_setting_t *s, const struct option *o,
			 void *base)
{
	if (o->status == STATUS_LATER_ERROR) {
		draft_fault(d, s, "\"%s\" is not carried out by this version; %s", o->name,
			    o->later);
		return;
	}
	if (!scalar_is(s, o->type)) {
		fail_type(d, s, o);
		return;
	}
	if (o->status == STATUS_LATER_WARN && o->type != TYPE_GROUPS)
		draft_warn(d, s, "\"%s\" is not carried out by this version; %s", o->name,
			   o->later);
	scalar_read(d, s, o, base);
	if (has_elements(o->type))
		check_elements(d, s, o);
	if (!base || o->status == STATUS_LATER_WARN || o->type == TYPE_INT_BY_NODE)
		read_below(d, s, o);
}

/* A name that was misspelt is missing too, but one message is enough. */
static bool misspelt(const config_setting_t *group, const struct option *o)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		struct str name = syntax_name(config_setting_get_elem(group, (unsigned)i));
		unsigned distance;

		if (!option_find(o->section, name) &&
		    option_nearest(o->section, name, &distance) == o)
			return true;
	}
	return false;
}

static void check_required(struct draft *d, const config_setting_t *group,
			   enum option_section section)
{
	for (unsigned i = 0; i < options_count; i++) {
		const struct option *o = &options[i];

		if (o->section != section || !o->required ||
		    config_setting_get_member(group, o->name) || misspelt(group, o))
			continue;
		draft_fault(d, group, "\"%s\" is missing %s; add %s = %s;", o->name,
			    section_place(section), o->name, option_example(o));
	}
}

void section_read(struct draft *d, const config_setting_t *group, enum option_section section,
		  void *base)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct option *o = option_find(section, syntax_name(s));

		if (o)
			read_setting(d, s, o, base);
		else
			fail_unknown(d, s, section);
	}
	check_required(d, group, section);
}

void section_check_tcp(struct draft *d, const config_setting_t *group, enum option_section section)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct option *o = option_find(section, syntax_name(s));

		if (o && o->http_only)
			draft_fault(d, s, "\"%s\" means nothing in mode tcp; remove it", o->name);
	}
}

config_setting_t *section_member(const config_setting_t *group, enum option_section section,
				 const char *name)
{
	config_setting_t *s = config_setting_get_member(group, name);
	const struct option *o = option_find(section, str_of(name));

	must(o);
	return s && scalar_is(s, o->type) ? s : NULL;
}

struct str section_text(struct draft *d, const config_setting_t *group,
			enum option_section section, const char *name)
{
	const config_setting_t *s = section_member(group, section, name);

	if (!s || !scalar_text_good(s, option_find(section, str_of(name))->type))
		return STR_NONE;
	return draft_str(d, syntax_text(s));
}

static uint64_t hash_field(struct option_field f, const void *base, uint64_t h)
{
	const char *at = (const char *)base + f.at;

	switch (f.kind) {
	case KIND_NONE:
		return h;
	case KIND_BOOL:
		return hash_pair(h, *(const bool *)(const void *)at);
	case KIND_U16:
		return hash_pair(h, *(const uint16_t *)(const void *)at);
	case KIND_UNSIGNED:
		return hash_pair(h, *(const unsigned *)(const void *)at);
	case KIND_INT:
		return hash_pair(h, (uint64_t) * (const int *)(const void *)at);
	case KIND_U64:
		return hash_pair(h, *(const uint64_t *)(const void *)at);
	case KIND_STR:
		return hash_pair(h, hash_bytes(*(const struct str *)(const void *)at));
	}
	wrong("a field of no kind");
}

uint64_t section_hash(enum option_section section, const void *base, uint64_t h)
{
	for (unsigned i = 0; i < options_count; i++)
		if (options[i].section == section)
			h = hash_field(options[i].field, base, h);
	return h;
}
