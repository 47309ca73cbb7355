/* The lists request_headers and response_headers of frontends and backends. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

static const struct {
	const char *name;
	enum conf_header_kind kind;
} kinds[] = {
	{"set", CONF_HEADER_SET},
	{"add", CONF_HEADER_ADD},
	{"delete", CONF_HEADER_DELETE},
};

static void check_name(struct draft *d, const config_setting_t *s)
{
	struct str name = syntax_text(s);

	if (scalar_text_good(s, TYPE_TEXT) && !value_is_token(name))
		draft_fault(
			d, s,
			"\"%.*s\" is no name of a field; write one as in \"X-Portal\", and what "
			"it says as value",
			STR_ARGS(str_first(name, 60)));
}

/* False: it does not say what to do, or more than one thing. */
static bool read_kind(struct draft *d, const config_setting_t *group, struct conf_header *h)
{
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const config_setting_t *s = section_member(group, SECTION_HEADER, kinds[i].name);

		if (!config_setting_get_member(group, kinds[i].name))
			continue;
		found++;
		if (!s)
			continue;
		h->kind = kinds[i].kind;
		h->name = section_text(d, group, SECTION_HEADER, kinds[i].name);
		check_name(d, s);
	}
	if (found != 1)
		draft_fault(d, group,
			    "a header rule does one thing; write one of set, add and delete");
	return found == 1 && h->name.n;
}

static bool read_value(struct draft *d, const config_setting_t *group, struct conf_header *h)
{
	bool has = config_setting_get_member(group, "value") != NULL;

	h->value = section_text(d, group, SECTION_HEADER, "value");
	if (has && h->kind == CONF_HEADER_DELETE)
		draft_fault(d, group, "delete takes no value; remove it, or write set");
	else if (!has && h->kind != CONF_HEADER_DELETE)
		draft_fault(d, group,
			    "\"value\" is missing in a header rule; add value = \"yes\";");
	return has != (h->kind == CONF_HEADER_DELETE);
}

void build_headers(struct draft *d, const config_setting_t *list, struct conf_headers *to)
{
	unsigned n = list ? (unsigned)config_setting_length(list) : 0;

	if (n > CONF_MAX_HEADERS) {
		draft_fault(d, list, "%u header rules are too many; write %d at most", n,
			    CONF_MAX_HEADERS);
		return;
	}
	to->list = draft_array(d, n, sizeof(*to->list));
	for (unsigned i = 0; to->list && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);
		struct conf_header *h = &to->list[to->n];

		if (!config_setting_is_group(e))
			continue;
		section_read(d, e, SECTION_HEADER, h);
		h->line = syntax_line(e);
		h->when = section_text(d, e, SECTION_HEADER, "when");
		if (read_kind(d, e, h) && read_value(d, e, h))
			to->n++;
	}
}
