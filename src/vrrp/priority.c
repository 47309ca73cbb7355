#include "vrrp/priority.h"

#include "vrrp/packet.h"
#include "vrrp/times.h"

#define HIGHEST (VRRP_PRIORITY_OWNER - 1)

void vrrp_tracker_init(struct vrrp_tracker *t, bool up)
{
	t->up = up;
	t->streak = 0;
	t->due = TIMES_NEVER;
}

static bool flip(struct vrrp_tracker *t)
{
	vrrp_tracker_init(t, !t->up);
	return true;
}

bool vrrp_tracker_report(struct vrrp_tracker *t, bool up, uint64_t now)
{
	unsigned needed = up ? t->rise : t->fall;
	uint64_t hold = up ? t->hold_up : t->hold_down;

	if (up == t->up) {
		vrrp_tracker_init(t, up);
		return false;
	}
	if (t->due != TIMES_NEVER) /* it lasts */
		return vrrp_tracker_tick(t, now);
	if (++t->streak < needed)
		return false;
	if (hold == 0)
		return flip(t);
	t->due = now + hold;
	return false;
}

bool vrrp_tracker_tick(struct vrrp_tracker *t, uint64_t now)
{
	return t->due != TIMES_NEVER && now >= t->due ? flip(t) : false;
}

uint8_t vrrp_priority_effective(uint8_t base, const struct vrrp_tracker *list, unsigned n)
{
	long p = base;

	if (base == VRRP_PRIORITY_OWNER)
		return base;
	for (unsigned i = 0; i < n; i++)
		if (list[i].weight > 0 ? list[i].up : !list[i].up)
			p += list[i].weight;
	if (p < VRRP_PRIORITY_MIN)
		return VRRP_PRIORITY_MIN;
	return (uint8_t)(p > HIGHEST ? HIGHEST : p);
}

bool vrrp_priority_unfit(const struct vrrp_tracker *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].weight == 0 && !list[i].up)
			return true;
	return false;
}
