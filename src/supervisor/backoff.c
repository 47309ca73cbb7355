#include "supervisor/backoff.h"

uint64_t backoff_next(struct backoff *b, uint64_t served_us)
{
	uint64_t wait = BACKOFF_FIRST_US;

	if (served_us >= BACKOFF_GOOD_LIFE_US)
		b->deaths = 0;
	b->deaths++;
	if (b->deaths == 1)
		return 0;
	for (unsigned i = 2; i < b->deaths && wait < BACKOFF_MOST_US; i++)
		wait *= 2;
	return wait < BACKOFF_MOST_US ? wait : BACKOFF_MOST_US;
}
