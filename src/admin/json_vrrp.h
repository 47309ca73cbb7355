/* Virtual routers as JSON. */
#ifndef HPCBAL_ADMIN_JSON_VRRP_H
#define HPCBAL_ADMIN_JSON_VRRP_H

#include <jansson.h>

struct snapshot;

/* The list for `status`. NULL: out of memory. */
json_t *json_vrrp_list(const struct snapshot *s);

#endif
