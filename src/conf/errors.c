/* The lists "errors": pages for what hpcbal answers itself. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

/* Those of answers that can have a page. */
#define FIRST_ERROR 400
#define LAST_ERROR 599

static bool is_error(const struct conf_status_range *r)
{
	return r->from >= FIRST_ERROR && r->to <= LAST_ERROR;
}

/* "4xx", "5xx" */
static bool read_class(struct str text, struct conf_status_range *r)
{
	if (text.n != 3 || text.p[0] < '1' || text.p[0] > '5' ||
	    !str_ieq(str_from(text, 1), STR("xx")))
		return false;
	r->from = (uint16_t)((text.p[0] - '0') * 100);
	r->to = (uint16_t)(r->from + 99);
	return true;
}

static bool read_range(struct str text, struct conf_status_range *r)
{
	text = str_trim(text);
	return (read_class(text, r) || value_statuses(text, &r->from, &r->to)) && is_error(r);
}

static bool read_statuses(struct draft *d, const config_setting_t *s, struct conf_error *e)
{
	struct str rest = syntax_text(s), item;
	size_t n = 1;

	if (!scalar_text_good(s, TYPE_TEXT))
		return false;
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ',';
	e->statuses = draft_array(d, n, sizeof(*e->statuses));
	while (e->statuses && str_split(&rest, ',', &item)) {
		if (read_range(item, &e->statuses[e->n_statuses++]))
			continue;
		draft_fault(d, s,
			    "status has \"%.*s\", which is no error from 400 to 599; write as in "
			    "\"503\", \"502-504\" or \"404, 5xx\"", SHOWN(item));
		return false;
	}
	return e->statuses != NULL;
}

/* What the loader has read of it; `p` stays NULL without a page. */
static void read_page(struct draft *d, const config_setting_t *group, const char *name,
		      struct str *page, unsigned *line)
{
	const config_setting_t *s = section_member(group, SECTION_ERROR, name);
	const struct conf_file *file;

	if (!s || !scalar_text_good(s, TYPE_TEXT))
		return;
	*line = syntax_line(s);
	file = conf_find_file(d->source, syntax_text(s));
	if (!file)
		draft_fault(d, s, "\"%.*s\" was not read; name a file", SHOWN(syntax_text(s)));
	else if (file->content.n > CONF_PAGE_MAX)
		draft_fault(d, s, "the page \"%.*s\" has %zu bytes; write %u at most, and keep "
				  "pictures elsewhere", SHOWN(syntax_text(s)), file->content.n,
			    CONF_PAGE_MAX);
	else
		*page = file->content.n ? file->content : STR("");
}

static bool has_status(const struct conf_error *e, unsigned status)
{
	for (unsigned i = 0; i < e->n_statuses; i++)
		if (status >= e->statuses[i].from && status <= e->statuses[i].to)
			return true;
	return false;
}

static struct str page_of(const struct conf_error *e, bool json)
{
	return json ? e->json : e->html;
}

/* `all` has those before it. */
static void check_order(struct draft *d, const config_setting_t *group,
			const struct conf_errors *all, const struct conf_error *e, bool json)
{
	if (!page_of(e, json).p)
		return;
	for (unsigned status = FIRST_ERROR; status <= LAST_ERROR; status++)
		if (has_status(e, status) && !conf_error_page(all, status, json).p)
			return;
	draft_warn(d, group,
		   "the page in \"%s\" is never shown, as entries before it have one for each of "
		   "these statuses; put it first, or remove it", json ? "json" : "html");
}

static void build_error(struct draft *d, const config_setting_t *group, struct conf_errors *to)
{
	const config_setting_t *status = section_member(group, SECTION_ERROR, "status");
	struct conf_error *e = &to->list[to->n];

	*e = (struct conf_error){ .n_statuses = 0 }; /* one that was wrong has left its marks */
	section_read(d, group, SECTION_ERROR, e);
	if (!config_setting_get_member(group, "html") && !config_setting_get_member(group, "json"))
		draft_fault(d, group,
			    "an entry of errors without a page does nothing; add "
			    "html = \"/etc/hpcbal/errors/503.html\";, or json");
	read_page(d, group, "html", &e->html, &e->html_line);
	read_page(d, group, "json", &e->json, &e->json_line);
	if (!status || !read_statuses(d, status, e))
		return;
	check_order(d, group, to, e, false);
	check_order(d, group, to, e, true);
	to->n++;
}

void build_errors(struct draft *d, const config_setting_t *list, struct conf_errors *to)
{
	unsigned n = list ? (unsigned)config_setting_length(list) : 0;

	to->list = draft_array(d, n, sizeof(*to->list));
	for (unsigned i = 0; to->list && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_error(d, e, to);
	}
}

struct str conf_error_page(const struct conf_errors *errors, unsigned status, bool json)
{
	for (unsigned i = 0; i < errors->n; i++) {
		struct str page = page_of(&errors->list[i], json);

		if (page.p && has_status(&errors->list[i], status))
			return page;
	}
	return STR_NONE;
}
