/* The lists of the configuration, made from their groups; private to conf/. */
#ifndef HPCBAL_CONF_BUILD_H
#define HPCBAL_CONF_BUILD_H

#include "conf/draft.h"

void build_backends(struct draft *d, const config_setting_t *list);
void build_frontends(struct draft *d, const config_setting_t *list);
/* `inherited` may be NULL: begins with the defaults. */
void build_check(struct draft *d, const config_setting_t *group,
		 const struct conf_check *inherited, struct conf_check *check);
/* Once the backend's servers have theirs: what a check left out is taken from elsewhere. */
void build_check_finish(struct conf_check *check);

#endif
