#include "balance/health.h"

struct health health_next(struct health h, bool ok, unsigned rise, unsigned fall)
{
	enum server_health says = ok ? SERVER_UP : SERVER_DOWN;
	unsigned needed = ok ? rise : fall;

	if (h.state == SERVER_STARTING)
		return (struct health){ says, 0 };
	if (h.state == says)
		return (struct health){ says, 0 };
	if (h.streak + 1 >= needed)
		return (struct health){ says, 0 };
	return (struct health){ h.state, h.streak + 1 };
}

uint64_t health_first_at(uint64_t now, uint64_t interval, uint64_t server_hash)
{
	return interval ? now + server_hash % interval : now;
}
