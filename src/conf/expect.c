/* The list "expect" of a frontend. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"

static void read_headers(struct draft *d, const config_setting_t *list, struct conf_expect *e)
{
	unsigned n = (unsigned)config_setting_length(list);

	e->headers = draft_array(d, n, sizeof(*e->headers));
	for (unsigned i = 0; e->headers && i < n; i++) {
		const config_setting_t *s = config_setting_get_elem(list, i);

		if (config_setting_type(s) == CONFIG_TYPE_STRING && scalar_text_good(s, TYPE_TEXT))
			e->headers[e->n_headers++] = draft_str(d, syntax_text(s));
	}
}

static void build_expect(struct draft *d, const config_setting_t *group, struct conf_frontend *f)
{
	struct conf_expect *e = &f->expects[f->n_expects];
	const config_setting_t *backend = section_member(group, SECTION_EXPECT, "backend");
	const config_setting_t *headers = section_member(group, SECTION_EXPECT, "headers");
	bool to = config_setting_get_member(group, "backend") != NULL;
	int meant;

	section_defaults(d, SECTION_EXPECT, e);
	section_read(d, group, SECTION_EXPECT, e);
	e->line = syntax_line(group);
	e->request = section_text(d, group, SECTION_EXPECT, "request");
	e->from = section_text(d, group, SECTION_EXPECT, "from");
	e->backend = backend ? build_find_backend(d, backend, &meant) : -1;
	if (headers)
		read_headers(d, headers, e);
	if (to == (config_setting_get_member(group, "status") != NULL))
		draft_fault(d, group,
			    "an expectation has one outcome; write backend = \"NAME\";, or "
			    "status = 403; of what is answered from here");
	else if (e->request.n && (e->status || e->backend >= 0))
		f->n_expects++;
}

void build_expects(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(list);

	f->expects = draft_array(d, n, sizeof(*f->expects));
	for (unsigned i = 0; f->expects && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_expect(d, e, f);
	}
}
