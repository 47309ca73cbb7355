#include "vrrp/times.h"

#include "base/clock.h"
#include "base/hash.h"

/* Measured: an address goes up to 0.26 s after its lifetime is over; when others were renewed at
 * other moments, up to 0.86 s, since the kernel looks at most once a second. */
#define EXPIRY_LATE (300 * CLOCK_MS)
#define SWEEP CLOCK_SEC
#define YIELD_STEP 20u

uint64_t times_skew(uint8_t version, uint8_t priority, uint64_t master_interval)
{
	return (256u - priority) * (version == 2 ? CLOCK_SEC : master_interval) / 256;
}

uint64_t times_down(uint8_t version, uint8_t priority, uint64_t master_interval)
{
	return 3 * master_interval + times_skew(version, priority, master_interval);
}

uint64_t times_down_min(uint8_t version, uint64_t interval)
{
	return times_down(version, 255, interval);
}

uint64_t times_yield(uint8_t priority)
{
	return (255u - priority) * YIELD_STEP;
}

uint64_t times_next_beat(uint64_t interval, uint64_t now)
{
	return (now / interval + 1) * interval;
}

unsigned times_lease(uint64_t interval)
{
	return (unsigned)((interval + CLOCK_SEC / 2 + CLOCK_SEC - 1) / CLOCK_SEC);
}

uint64_t times_lease_renew(uint64_t interval)
{
	return times_lease(interval) * CLOCK_SEC / 4;
}

struct times_lease_bound times_lease_bound(uint8_t version, uint64_t interval, bool one_beat)
{
	struct times_lease_bound b = { .lifetime_s = times_lease(interval) };

	b.gone_by = b.lifetime_s * CLOCK_SEC + EXPIRY_LATE + (one_beat ? 0 : SWEEP);
	b.claim_at = times_down_min(version, interval);
	b.exclusive = b.gone_by <= b.claim_at;
	b.overlap = b.exclusive ? 0 : b.gone_by - b.claim_at;
	return b;
}

static uint64_t wave_next(const struct times_announce *a, uint64_t offset)
{
	uint64_t n = a->interval ? offset / a->interval + 1 : a->count;

	return n < a->count ? n * a->interval : TIMES_NEVER;
}

static uint64_t refresh_next(const struct times_announce *a, uint64_t offset, uint64_t seed)
{
	uint64_t fifth = a->refresh / 5;

	if (a->refresh == 0)
		return TIMES_NEVER;
	return offset + a->refresh - fifth / 2 + hash_mix(seed ^ offset) % (fifth + 1);
}

uint64_t times_announce_next(const struct times_announce *a, uint64_t lease_us, uint64_t offset,
			     uint64_t seed)
{
	const uint64_t steps[] = { 50 * CLOCK_MS, 250 * CLOCK_MS, CLOCK_SEC,
				   lease_us + CLOCK_SEC / 2 };
	uint64_t next = wave_next(a, offset);

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] > offset && steps[i] < next)
			next = steps[i];
	return next != TIMES_NEVER ? next : refresh_next(a, offset, seed);
}
