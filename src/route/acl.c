/* The acls of a frontend: named conditions, compiled when they are first needed. */
#include <stdio.h>

#include "route/compile.h"

int acl_find(const struct compile *c, struct str name)
{
	struct literal_walk w;

	literal_walk_start(c->acl_names, &w);
	literal_walk_feed(&w, name);
	literal_walk_end(&w);
	return w.rank == RANK_NONE ? -1 : (int)w.rank;
}

static bool acl_compile(struct compile *c, struct acl *a)
{
	char subject[CONF_NAME_MAX + 16];

	snprintf(subject, sizeof(subject), "acl \"%.*s\"", STR_ARGS(a->conf->name));
	return condition_compile(c, a->conf->text, a->conf->line, subject, true, &a->condition);
}

const struct condition *acl_condition(struct parser *p, unsigned i)
{
	struct acl *a = &p->c->acls[i];

	if (a->state == ACL_BUSY || (a->state == ACL_NEW && p->c->depth > ACL_DEPTH)) {
		parser_say(p, DIAG_ERROR, "the acl \"%.*s\" stands on %s; write out one of them",
			   STR_ARGS(a->conf->name),
			   a->state == ACL_BUSY ? "itself" : "too many others");
		return NULL;
	}
	if (a->state == ACL_NEW) {
		a->state = ACL_BUSY;
		a->state = acl_compile(p->c, a) ? ACL_DONE : ACL_BAD;
	}
	return a->state == ACL_DONE ? &a->condition : NULL;
}
