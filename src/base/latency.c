#include "base/latency.h"

#include "base/stats.h"

const uint32_t latency_bound_us[LATENCY_BOUNDS] = {
	1000,   2500,    5000,    10000,   25000,    50000,    100000,  250000,
	500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000,
};

/* Most are short, so the walk is. */
void latency_add(struct latency *l, uint64_t us)
{
	unsigned i = 0;

	while (i < LATENCY_BOUNDS && us > latency_bound_us[i])
		i++;
	stats_add(l->count[i], 1);
	stats_add(l->sum_us, us);
}
