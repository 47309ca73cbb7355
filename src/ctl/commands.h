/* Commands of hpcbalctl, each carried out whole; their rows stand in hpcbalctl.c. */
#ifndef HPCBAL_CTL_COMMANDS_H
#define HPCBAL_CTL_COMMANDS_H

#include "ctl/call.h"

enum control_exit ctl_take_out(const struct call *c); /* drain, maint */
enum control_exit ctl_explain(const struct call *c);
enum control_exit ctl_top(const struct call *c);
enum control_exit ctl_ready(const struct call *c);
enum control_exit ctl_weight(const struct call *c);

#endif
