/* The virtual routers of a configuration as those need them who parse no text: the brief of
 * the vrrp process, the programs that the runner may run, the listeners' freebind. */
#ifndef HPCBAL_LOADER_ROUTERS_H
#define HPCBAL_LOADER_ROUTERS_H

#include <stdio.h>

#include "conf/conf.h"
#include "ipc/brief.h"
#include "loader/programs.h"

/* A notification program that runs for longer is killed. */
#define ROUTERS_NOTIFY_TIMEOUT_US 60000000ull
/* How long at most a link settles at boot before the down timer starts: what is sent and heard
 * in its first moments is lost as a rule. Whoever sees it at work says so sooner. */
#define ROUTERS_SETTLE_US 2000000ull

/* Fills the brief, which comes cleared, and n_routers and the programs of the manifest. */
void routers_fill(const struct conf *conf, struct programs_list *programs, struct brief *b);
/* Whether it is a virtual address, which another node may have now. */
bool routers_have_address(const struct conf *conf, const struct addr *a);
/* A line for each instance: when its addresses go by themselves, and whether that is before
 * anybody else may claim them. */
void routers_print_leases(const struct conf *conf, FILE *out);

#endif
