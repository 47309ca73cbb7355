/* The lists of the configuration, made from their groups; private to conf/. */
#ifndef HPCBAL_CONF_BUILD_H
#define HPCBAL_CONF_BUILD_H

#include "conf/draft.h"

void build_backends(struct draft *d, const config_setting_t *list);
/* Of a backend whose mode is known: what its `balance_text` means. */
void build_balance(struct draft *d, const config_setting_t *group, struct conf_backend *b);
/* The group "sticky" of a backend. */
void build_sticky(struct draft *d, const config_setting_t *group, struct conf_sticky *sticky);
void build_frontends(struct draft *d, const config_setting_t *list);
/* Behind them: whether a frontend takes the address of the setting admin.listen. */
void build_check_admin(struct draft *d, const config_setting_t *listen);
/* Of a frontend whose name is known. */
void build_limits(struct draft *d, const config_setting_t *list, struct conf_frontend *f);
/* `list` may be NULL. */
void build_headers(struct draft *d, const config_setting_t *list, struct conf_headers *to);
void build_errors(struct draft *d, const config_setting_t *list, struct conf_errors *to);
void build_expects(struct draft *d, const config_setting_t *list, struct conf_frontend *f);
/* What a route does, but for the backend's index. False: it does not say. */
bool build_action(struct draft *d, const config_setting_t *group, bool tcp,
		  struct conf_route *route);
/* Of a route whose action is known: how the path changes on the way. */
void build_prefix(struct draft *d, const config_setting_t *group, struct conf_route *route);
/* Of a route: the list "split" and the setting "split_by". */
void build_split(struct draft *d, const config_setting_t *group, struct conf_frontend *f,
		 struct conf_route *route);
/* As build_find_backend(); whatever was meant is used, and has to have the frontend's mode. */
int build_use_backend(struct draft *d, const config_setting_t *s, const struct conf_frontend *f);
/* Once `node` and the backends are known. */
void build_vrrp(struct draft *d, const config_setting_t *list);
/* Parts of one: its addresses first, the interface known. */
void build_vrrp_addresses(struct draft *d, const config_setting_t *group, struct conf_vrrp *v);
void build_vrrp_unicast(struct draft *d, const config_setting_t *group, struct conf_vrrp *v);
void build_vrrp_tracks(struct draft *d, const config_setting_t *list, struct conf_vrrp *v);
/* The index of the backend that the setting names, or -1, which is then in the list. `meant`:
 * the one that is near, or as the result. */
int build_find_backend(struct draft *d, const config_setting_t *s, int *meant);
/* `inherited` may be NULL: begins with the defaults. */
void build_check(struct draft *d, const config_setting_t *group,
		 const struct conf_check *inherited, struct conf_check *check);
/* Once the backend's servers have theirs: what a check left out is taken from elsewhere. */
void build_check_finish(struct conf_check *check);

#endif
