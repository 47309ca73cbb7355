#include "route/pages.h"

#include "http/page.h"

struct judge {
	const struct conf_source *source;
	struct diags *diags;
};

static void complain(const struct judge *j, unsigned line, const struct page_fault *f)
{
	switch (f->kind) {
	case PAGE_NO_NAME:
		diag_add(j->diags, j->source, DIAG_ERROR, line,
			 "line %u of the page: nothing is called \"${%.*s}\"; write one of "
			 "hpcbal.conf(5), or \"$${\" for a \"${\"",
			 f->line, STR_ARGS(str_first(f->name, 60)));
		break;
	case PAGE_NO_END:
		diag_add(j->diags, j->source, DIAG_ERROR, line,
			 "line %u of the page: a \"${\" has no \"}\"; write \"$${\" for a "
			 "\"${\"", f->line);
		break;
	case PAGE_TOO_MANY:
		diag_add(j->diags, j->source, DIAG_ERROR, line,
			 "line %u of the page: more than %d places with \"${\"; write fewer",
			 f->line, PAGE_PLACES_MAX);
		break;
	}
}

static void judge_page(const struct judge *j, struct str page, unsigned line)
{
	struct page_fault fault;

	if (page.p && !page_judge(page, &fault))
		complain(j, line, &fault);
}

static void judge_errors(const struct judge *j, const struct conf_errors *errors)
{
	for (unsigned i = 0; i < errors->n; i++) {
		judge_page(j, errors->list[i].html, errors->list[i].html_line);
		judge_page(j, errors->list[i].json, errors->list[i].json_line);
	}
}

void pages_judge(const struct conf *conf, const struct conf_source *source, struct diags *diags)
{
	const struct judge j = { source, diags };

	judge_errors(&j, &conf->errors);
	for (unsigned i = 0; i < conf->n_frontends; i++)
		judge_errors(&j, &conf->frontends[i].errors);
	for (unsigned i = 0; i < conf->n_backends; i++)
		judge_errors(&j, &conf->backends[i].errors);
}
