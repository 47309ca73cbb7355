/* The commands demote and promote: who waits at the control socket for how they end, told step
 * by step with its milliseconds, and for how long nobody had the addresses. Owner: the vrrp
 * thread. Private to vrrp/. */
#ifndef HPCBAL_VRRP_DEMOTION_H
#define HPCBAL_VRRP_DEMOTION_H

#include "vrrp/instance.h"

struct demotion {
	struct instance_ear ear;
	struct vrrp_world *world;
	struct list waits;
	struct demotion_wait *asking; /* whose command is being carried out just now */
};

void demotion_init(struct demotion *d, struct vrrp_world *w);
/* `fd` becomes this one's; `request`: the command's words, separated by NUL: "demote" or
 * "promote", then any of "instance=NAME", "for=MICROSECONDS", "force". */
void demotion_command(struct demotion *d, struct list *instances, int fd, struct str request);
/* The instance goes: whoever waits for it hears so. */
void demotion_forget(struct demotion *d, struct instance *i);

#endif
