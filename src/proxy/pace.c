#include "proxy/pace.h"

#define SECOND_US 1000000ull

void pace_wait(struct pace *p, uint64_t now)
{
	if (!p->since)
		p->since = now;
}

void pace_stop(struct pace *p, uint64_t now)
{
	if (p->since && now > p->since)
		p->waited += now - p->since;
	p->since = 0;
}

uint64_t pace_due(const struct pace *p, uint64_t bytes, uint64_t rate)
{
	uint64_t whole, allowed;

	if (rate == 0 || bytes / rate > UINT64_MAX / SECOND_US / 4)
		return UINT64_MAX;
	/* In two parts, of which neither can overflow: a rate is at most some gigabytes. */
	whole = bytes / rate;
	allowed = PACE_GRACE_US + whole * SECOND_US + (bytes - whole * rate) * SECOND_US / rate;
	return p->since + (allowed > p->waited ? allowed - p->waited : 0);
}
