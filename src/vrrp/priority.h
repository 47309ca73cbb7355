/* What is tracked, and what it makes of a priority: keepalived's arithmetic. Pure. */
#ifndef HPCBAL_VRRP_PRIORITY_H
#define HPCBAL_VRRP_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

/* One thing that is tracked. The first five are configuration. */
struct vrrp_tracker {
	int weight; /* above 0: added while up; below 0: taken while down; 0: unfit while down */
	unsigned rise, fall; /* equal reports in a row that change it; 0 counts as 1 */
	uint64_t hold_up, hold_down; /* µs that it must last besides */

	bool up;         /* as it counts now */
	unsigned streak; /* reports in a row that contradict `up` */
	uint64_t due;    /* when a held change counts; TIMES_NEVER: none is held */
};

/* Clears the run state. */
void vrrp_tracker_init(struct vrrp_tracker *t, bool up);
/* One result. True: `up` changed. */
bool vrrp_tracker_report(struct vrrp_tracker *t, bool up, uint64_t now);
/* Time passed `due`. True: `up` changed. Harmless before. */
bool vrrp_tracker_tick(struct vrrp_tracker *t, uint64_t now);

/* The effective priority: 2 to 254, whatever the weights; 255 stays 255. */
uint8_t vrrp_priority_effective(uint8_t base, const struct vrrp_tracker *list, unsigned n);
/* Whether one without a weight is down. */
bool vrrp_priority_unfit(const struct vrrp_tracker *list, unsigned n);

#endif
