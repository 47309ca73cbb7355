/* A route's requests, parted among several backends. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

static bool is_there(const struct conf_route *route, unsigned backend)
{
	for (unsigned i = 0; i < route->n_split; i++)
		if (route->split[i].backend == backend)
			return true;
	return false;
}

static void read_part(struct draft *d, const config_setting_t *group, struct conf_frontend *f,
		      struct conf_route *route)
{
	struct conf_split *part = &route->split[route->n_split];
	const config_setting_t *backend;
	int index;

	section_read(d, group, SECTION_SPLIT, part);
	backend = section_member(group, SECTION_SPLIT, "backend");
	index = backend ? build_use_backend(d, backend, f) : -1;
	if (index < 0)
		return;
	part->backend = (unsigned)index;
	if (is_there(route, part->backend))
		draft_fault(d, backend,
			    "\"%.*s\" stands in this split already; give it one entry, with both "
			    "weights in one",
			    SHOWN(syntax_text(backend)));
	else
		route->n_split++;
}

/* As written: a weight that was refused is no 0. */
static bool is_nothing(const config_setting_t *part)
{
	const config_setting_t *weight = section_member(part, SECTION_SPLIT, "weight");

	return weight && config_setting_get_int64(weight) == 0;
}

static void check_weights(struct draft *d, const config_setting_t *list)
{
	int n = config_setting_length(list), nothing = 0;

	for (int i = 0; i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);

		nothing += config_setting_is_group(e) && is_nothing(e);
	}
	if (nothing == n)
		draft_fault(d, list,
			    "no backend of this split has a weight above 0, so that nobody takes "
			    "its requests; give one of them a weight, as in "
			    "( { backend = \"app\"; weight = 1; } )");
}

static bool read_of(struct str text, struct str word, struct str *of)
{
	if (!str_begins(text, word) || !str_ends(text, STR(")")))
		return false;
	*of = (struct str){ text.p + word.n, text.n - word.n - 1 };
	return value_is_token(*of);
}

static bool read_by(struct conf_route *route)
{
	struct str text = route->split_text;

	route->split_by = CONF_SPLIT_SRC;
	if (str_eq(text, STR("src")))
		return true;
	route->split_by = CONF_SPLIT_HEADER;
	if (read_of(text, STR("hdr("), &route->split_of))
		return true;
	route->split_by = CONF_SPLIT_COOKIE;
	return read_of(text, STR("cookie("), &route->split_of);
}

static void check_by(struct draft *d, const config_setting_t *group, bool tcp,
		     struct conf_route *route)
{
	const config_setting_t *s = section_member(group, SECTION_ROUTE, "split_by");

	if (!s || !scalar_text_good(s, TYPE_TEXT))
		return;
	route->split_text = section_text(d, group, SECTION_ROUTE, "split_by");
	if (!config_setting_get_member(group, "split"))
		draft_fault(d, s, "split_by says how the requests of a split are parted, and this "
				  "route has none; add split, or remove it");
	else if (!read_by(route))
		draft_fault(d, s,
			    "split_by = \"%.*s\" is nothing to part by; write \"src\", "
			    "\"hdr(NAME)\" or \"cookie(NAME)\", or leave it out",
			    SHOWN(syntax_text(s)));
	else if (tcp && route->split_by != CONF_SPLIT_SRC)
		draft_fault(d, s,
			    "in mode \"tcp\" nobody sees fields or cookies, so nothing is parted "
			    "by \"%.*s\"; write \"src\", or leave it out",
			    SHOWN(syntax_text(s)));
}

void build_split(struct draft *d, const config_setting_t *group, struct conf_frontend *f,
		 struct conf_route *route)
{
	const config_setting_t *list = section_member(group, SECTION_ROUTE, "split");
	unsigned n = list ? (unsigned)config_setting_length(list) : 0;

	check_by(d, group, f->mode == CONF_MODE_TCP, route);
	if (!list)
		return;
	if (n > CONF_MAX_SPLIT) {
		draft_fault(d, list, "a split of %u backends is too much for this version; write "
				     "%d at most", n, CONF_MAX_SPLIT);
		return;
	}
	route->split = draft_array(d, n, sizeof(*route->split));
	for (unsigned i = 0; route->split && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			read_part(d, e, f, route);
	}
	check_weights(d, list);
}
