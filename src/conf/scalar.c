#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "conf/scalar.h"
#include "conf/value.h"

#define SHOWN_MAX 60
#define SHOWN(s) STR_ARGS(str_first(s, SHOWN_MAX))

static void store_number(const struct option *o, void *base, uint64_t v)
{
	char *at = base ? (char *)base + o->field.at : NULL;

	if (!at)
		return;
	switch (o->field.kind) {
	case KIND_NONE:
		break;
	case KIND_BOOL:
		*(bool *)(void *)at = v != 0;
		break;
	case KIND_U16:
		*(uint16_t *)(void *)at = (uint16_t)v;
		break;
	case KIND_UNSIGNED:
		*(unsigned *)(void *)at = (unsigned)v;
		break;
	case KIND_INT:
		*(int *)(void *)at = (int)v;
		break;
	case KIND_U64:
		*(uint64_t *)(void *)at = v;
		break;
	case KIND_STR:
		wrong("a number for a text");
	}
}

static void store_text(struct draft *d, const struct option *o, void *base, struct str s)
{
	if (!base || o->field.kind == KIND_NONE)
		return;
	must(o->field.kind == KIND_STR);
	*(struct str *)(void *)((char *)base + o->field.at) = draft_str(d, s);
}

/* How the end of a range is written in the option's own way. */
static void print_bound(const struct option *o, int64_t v, char *to, size_t size)
{
	if (o->type == TYPE_DURATION)
		value_format(value_durations, (uint64_t)v, to, size);
	else if (o->type == TYPE_SIZE)
		value_format(value_sizes, (uint64_t)v, to, size);
	else
		snprintf(to, size, "%" PRId64, v);
}

static bool check_range(struct draft *d, const config_setting_t *s, const struct option *o,
			int64_t v)
{
	const char *quote = o->type == TYPE_DURATION || o->type == TYPE_SIZE ? "\"" : "";
	char min[32], max[32], now[32];

	if (v >= o->min && v <= o->max)
		return true;
	print_bound(o, o->min, min, sizeof(min));
	print_bound(o, o->max, max, sizeof(max));
	print_bound(o, v, now, sizeof(now));
	draft_fault(d, s, "\"%s\" cannot be %s; write %s%s%s to %s%s%s", o->name, now, quote, min,
		    quote, quote, max, quote);
	return false;
}

static bool read_bool(struct draft *d, const config_setting_t *s, const struct option *o,
		      void *base)
{
	(void)d;
	store_number(o, base, config_setting_get_bool(s) != 0);
	return true;
}

/* The number as it was written: the library's own is cut to 32 bits. */
static bool read_int(struct draft *d, const config_setting_t *s, const struct option *o,
		     void *base)
{
	struct str text = syntax_place(s)->text;
	int64_t v;

	if (!value_integer(text, &v)) {
		draft_fault(d, s, "\"%s\" cannot be %.*s; write %" PRId64 " to %" PRId64, o->name,
			    SHOWN(text), o->min, o->max);
		return false;
	}
	if (!check_range(d, s, o, v))
		return false;
	store_number(o, base, (uint64_t)v);
	return true;
}

static const struct value_unit *units_of(const struct option *o)
{
	return o->type == TYPE_DURATION ? value_durations : value_sizes;
}

static const char *units_text(const struct option *o)
{
	return o->type == TYPE_DURATION ? "ms, s, m, h or d" : "B, KiB, MiB, GiB or TiB";
}

/* The row's, or else its default. */
static const char *quantity_example(const struct option *o, char *to, size_t size)
{
	if (o->example)
		return o->example;
	snprintf(to, size, "\"%s\"", o->dflt);
	return to;
}

static bool fail_quantity(struct draft *d, const config_setting_t *s, const struct option *o,
			  struct str text, const char *why)
{
	char hint[64], example[64];

	if (value_suggest(units_of(o), text, hint, sizeof(hint)))
		draft_fault(d, s, "%s = \"%.*s\" %s; write \"%s\"", o->name, SHOWN(text), why,
			    hint);
	else
		draft_fault(d, s, "%s = \"%.*s\" %s; write a whole number and %s, as in %s",
			    o->name, SHOWN(text), why, units_text(o),
			    quantity_example(o, example, sizeof(example)));
	return false;
}

static bool read_quantity(struct draft *d, const config_setting_t *s, const struct option *o,
			  void *base)
{
	static const char *const why[] = {
		[VALUE_NOT_NUMBER] = "does not begin with a number",
		[VALUE_FRACTION] = "is not a whole number",
		[VALUE_NO_UNIT] = "has no unit",
		[VALUE_BAD_UNIT] = "has a unit that is not known",
		[VALUE_TOO_LARGE] = "is too large",
	};
	struct str text = syntax_text(s);
	enum value_result result;
	char example[64];
	uint64_t v;

	if (o->unlimited && str_eq(text, STR("unlimited"))) {
		store_number(o, base, UINT64_MAX);
		return true;
	}
	result = value_quantity(units_of(o), text, &v);
	if (result == VALUE_TOO_LARGE) {
		draft_fault(d, s, "%s = \"%.*s\" is too large; write a smaller one, as in %s",
			    o->name, SHOWN(text), quantity_example(o, example, sizeof(example)));
		return false;
	}
	if (result != VALUE_OK)
		return fail_quantity(d, s, o, text, why[result]);
	if (!check_range(d, s, o, (int64_t)v))
		return false;
	store_number(o, base, v);
	return true;
}

static bool is_control(char c, enum option_type type)
{
	if (type == TYPE_LINES && (c == '\t' || c == '\n' || c == '\r'))
		return false;
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Offset of the first byte that no such text may hold, or -1. */
static ptrdiff_t find_control(struct str text, enum option_type type)
{
	for (size_t i = 0; i < text.n; i++)
		if (is_control(text.p[i], type))
			return (ptrdiff_t)i;
	return -1;
}

bool scalar_text_good(const config_setting_t *s, enum option_type type)
{
	struct str text = syntax_text(s);

	if (type == TYPE_NAME)
		return value_is_name(text);
	return text.n > 0 && find_control(text, type) < 0;
}

bool scalar_check_text(struct draft *d, const config_setting_t *s, const struct option *o)
{
	struct str text = syntax_text(s);
	struct str name = syntax_name(s).n ? syntax_name(s) : str_of(o->name);
	bool same = str_eq(name, str_of(o->name));
	ptrdiff_t at = find_control(text, o->type);

	if (text.n == 0)
		draft_fault(d, s, "\"%.*s\" has an empty text; write one%s%s, or leave it out",
			    SHOWN(name), same && o->example ? ", as in " : "",
			    same && o->example ? o->example : "");
	else if (at >= 0 && o->secret)
		draft_fault(d, s, "\"%.*s\" holds a control character; write it without",
			    SHOWN(name));
	else if (at >= 0)
		draft_fault(d, s, "\"%.*s\" holds a control character (byte %u); write it without",
			    SHOWN(name), (unsigned)(unsigned char)text.p[at]);
	return text.n > 0 && at < 0;
}

static bool check_length(struct draft *d, const config_setting_t *s, const struct option *o)
{
	size_t n = syntax_text(s).n;

	if (!o->max || n <= (uint64_t)o->max)
		return true;
	draft_fault(d, s, "\"%s\" has %zu bytes; write %" PRId64 " at most", o->name, n, o->max);
	return false;
}

static bool read_text(struct draft *d, const config_setting_t *s, const struct option *o,
		      void *base)
{
	if (!scalar_check_text(d, s, o) || !check_length(d, s, o))
		return false;
	store_text(d, o, base, syntax_text(s));
	return true;
}

static bool read_path(struct draft *d, const config_setting_t *s, const struct option *o,
		      void *base)
{
	if (syntax_text(s).n && syntax_text(s).p[0] != '/') {
		draft_fault(d, s, "%s = \"%.*s\" is not a full path; begin it with \"/\"", o->name,
			    SHOWN(syntax_text(s)));
		return false;
	}
	return read_text(d, s, o, base);
}

static bool read_name(struct draft *d, const config_setting_t *s, const struct option *o,
		      void *base)
{
	struct str text = syntax_text(s);

	if (!scalar_check_text(d, s, o))
		return false;
	if (!value_is_name(text)) {
		draft_fault(d, s,
			    "\"%.*s\" cannot be a name; write 1 to %d of A-Z a-z 0-9 _ . : -",
			    SHOWN(text), CONF_NAME_MAX);
		return false;
	}
	if (!check_length(d, s, o))
		return false;
	store_text(d, o, base, text);
	return true;
}

/* "a, b or c" */
static void print_words(const char *words, char *to, size_t size)
{
	struct str rest = str_of(words), w;
	size_t n = 0;

	to[0] = '\0';
	while (n < size && str_split(&rest, ' ', &w))
		n += (size_t)snprintf(to + n, size - n, "%s\"%.*s\"",
				      n == 0   ? ""
				      : rest.n ? ", "
					       : " or ",
				      STR_ARGS(w));
}

static bool fail_word(struct draft *d, const config_setting_t *s, const struct option *o)
{
	struct str text = syntax_text(s), near = words_nearest(o->words, text);
	char words[512];

	print_words(o->words, words, sizeof(words));
	if (near.n)
		draft_fault(d, s, "%s has no word \"%.*s\"; write \"%.*s\"", o->name, SHOWN(text),
			    STR_ARGS(near));
	else
		draft_fault(d, s, "%s has no word \"%.*s\"; write %s", o->name, SHOWN(text),
			    words);
	return false;
}

static bool read_word(struct draft *d, const config_setting_t *s, const struct option *o,
		      void *base)
{
	int index = words_find(o->words, syntax_text(s));

	if (!scalar_check_text(d, s, o))
		return false;
	if (index < 0)
		return fail_word(d, s, o);
	store_number(o, base, (uint64_t)index);
	return true;
}

static bool read_listen(struct draft *d, const config_setting_t *s, const struct option *o,
			void *base)
{
	struct str text = syntax_text(s);
	struct addr a;
	const char *why;

	if (!scalar_check_text(d, s, o))
		return false;
	why = addr_parse(&a, text);
	if (why) {
		draft_fault(d, s, "\"%.*s\" is no address to listen on: %s; write one as in %s",
			    SHOWN(text), why, o->example ? o->example : "\"*:80\"");
		return false;
	}
	store_text(d, o, base, text);
	return true;
}

static const struct scalar {
	bool (*read)(struct draft *d, const config_setting_t *s, const struct option *o,
		     void *base);
	int type;
} scalars[TYPE_COUNT] = {
	[TYPE_BOOL] = { read_bool, CONFIG_TYPE_BOOL },
	[TYPE_INT] = { read_int, CONFIG_TYPE_INT },
	[TYPE_DURATION] = { read_quantity, CONFIG_TYPE_STRING },
	[TYPE_SIZE] = { read_quantity, CONFIG_TYPE_STRING },
	[TYPE_TEXT] = { read_text, CONFIG_TYPE_STRING },
	[TYPE_LINES] = { read_text, CONFIG_TYPE_STRING },
	[TYPE_NAME] = { read_name, CONFIG_TYPE_STRING },
	[TYPE_WORD] = { read_word, CONFIG_TYPE_STRING },
	[TYPE_PATH] = { read_path, CONFIG_TYPE_STRING },
	[TYPE_LISTEN] = { read_listen, CONFIG_TYPE_STRING },
	[TYPE_ADDRESS] = { read_text, CONFIG_TYPE_STRING },
	[TYPE_INT_BY_NODE] = { read_int, CONFIG_TYPE_INT },
};

static bool is_list(const config_setting_t *s)
{
	return config_setting_is_list(s) || config_setting_is_array(s);
}

bool scalar_is(const config_setting_t *s, enum option_type type)
{
	int is = config_setting_type(s);

	switch (type) {
	case TYPE_GROUP:
	case TYPE_FREE:
		return is == CONFIG_TYPE_GROUP;
	case TYPE_GROUPS:
	case TYPE_TEXTS:
	case TYPE_WORDS:
	case TYPE_NETS:
	case TYPE_BINDS:
		return is_list(s);
	case TYPE_GROUP_OR_FALSE:
		return is == CONFIG_TYPE_GROUP ||
		       (is == CONFIG_TYPE_BOOL && !config_setting_get_bool(s));
	case TYPE_GROUP_OR_TEXT:
		return is == CONFIG_TYPE_GROUP || is == CONFIG_TYPE_STRING;
	case TYPE_INT:
		return is == CONFIG_TYPE_INT || is == CONFIG_TYPE_INT64;
	case TYPE_INT_BY_NODE:
		return is == CONFIG_TYPE_INT || is == CONFIG_TYPE_INT64 || is == CONFIG_TYPE_GROUP;
	default:
		return is == scalars[type].type;
	}
}

bool scalar_read(struct draft *d, const config_setting_t *s, const struct option *o, void *base)
{
	/* What is a group or a list is built by whoever asked for the section. */
	if (!scalars[o->type].read || config_setting_is_aggregate(s))
		return true;
	return scalars[o->type].read(d, s, o, base);
}

static uint64_t default_number(const struct option *o)
{
	struct str text = str_of(o->dflt);
	uint64_t v = 0;

	if (o->type == TYPE_BOOL)
		return str_eq(text, STR("true"));
	if (o->type == TYPE_WORD)
		return (uint64_t)words_find(o->words, text);
	if (o->unlimited && str_eq(text, STR("unlimited")))
		return UINT64_MAX;
	if (o->type == TYPE_INT)
		must(str_to_u64(text, &v));
	else
		must(value_quantity(units_of(o), text, &v) == VALUE_OK);
	return v;
}

void scalar_default(struct draft *d, const struct option *o, void *base)
{
	if (!o->dflt || o->field.kind == KIND_NONE)
		return;
	if (o->field.kind == KIND_STR)
		store_text(d, o, base, str_of(o->dflt));
	else
		store_number(o, base, default_number(o));
}
