/* Virtual routers for people. */
#ifndef HPCBAL_ADMIN_PRINT_VRRP_H
#define HPCBAL_ADMIN_PRINT_VRRP_H

#include <stdbool.h>
#include <stdio.h>

struct snapshot;

/* A row a virtual router, behind an empty line; nothing without any. False: out of memory. */
bool print_vrrp_table(const struct snapshot *s, FILE *out);

#endif
