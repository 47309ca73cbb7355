#include "route/edit_rules.h"

static void compile_one(struct compile *c, const struct conf_header *h, const char *subject,
			struct edit_rule *rule)
{
	static const enum http_edit_kind kinds[] = {[CONF_HEADER_SET] = HTTP_EDIT_SET,
						    [CONF_HEADER_ADD] = HTTP_EDIT_ADD,
						    [CONF_HEADER_DELETE] = HTTP_EDIT_DELETE};
	struct parser p = {.c = c, .line = h->line, .subject = subject};

	rule->edit = (struct http_edit){
		.kind = kinds[h->kind], .id = http_field_classify(h->name), .name = h->name};
	if (!http_edit_possible(h->name))
		parser_say(&p, DIAG_ERROR,
			   "\"%.*s\" is written by hpcbal itself, as the connection needs it; "
			   "remove the rule",
			   STR_ARGS(h->name));
	if (h->kind != CONF_HEADER_DELETE)
		template_compile(&p, h->value, &rule->value);
	if (h->when.n)
		condition_compile(c, h->when, h->line, subject, false, &rule->when);
}

void edit_rules_compile(struct compile *c, const struct conf_headers *conf, const char *subject,
			struct edit_rules *out)
{
	out->rules = arena_zalloc(c->arena, (conf->n + 1) * sizeof(*out->rules));
	for (unsigned i = 0; out->rules && i < conf->n; i++)
		compile_one(c, &conf->list[i], subject, &out->rules[out->n++]);
}

unsigned edit_rules_choose(const struct edit_rules *e, const struct route_facts *facts,
			   struct arena *arena, struct http_edit *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n; i++) {
		const struct edit_rule *rule = &e->rules[i];

		if (rule->when.n && !condition_holds(&rule->when, facts))
			continue;
		out[n] = rule->edit;
		if (rule->edit.kind != HTTP_EDIT_DELETE)
			out[n].value = str_trim(template_text(&rule->value, facts, arena));
		n++;
	}
	return n;
}
