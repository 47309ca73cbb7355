/* Inside route/: request_headers and response_headers, compiled. */
#ifndef HPCBAL_ROUTE_EDIT_RULES_H
#define HPCBAL_ROUTE_EDIT_RULES_H

#include "http/edits.h"
#include "route/template.h"

struct edit_rule {
	struct http_edit edit; /* but for the value */
	struct template value;
	struct condition when; /* empty: always */
};

struct edit_rules {
	unsigned n;
	struct edit_rule *rules;
};

/* Mistakes go to the diagnostics; `subject` names the list there. */
void edit_rules_compile(struct compile *c, const struct conf_headers *conf, const char *subject,
			struct edit_rules *out);
/* Those that are for the request, into `out`, which has room for all. Their number. */
unsigned edit_rules_choose(const struct edit_rules *e, const struct route_facts *facts,
			   struct arena *arena, struct http_edit *out);

#endif
