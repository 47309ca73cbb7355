#include "base/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * CLOCK_SEC + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}
