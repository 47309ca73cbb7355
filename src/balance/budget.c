#include "balance/budget.h"

#define SECOND_US 1000000ull

/* The place of the current second, after the seconds since the last call were cleared. */
static unsigned budget_at(struct budget *b, uint64_t now)
{
	uint64_t second = now / SECOND_US;

	if (second > b->second + BUDGET_SECONDS)
		b->second = second - BUDGET_SECONDS;
	while (b->second < second) {
		unsigned i = ++b->second % BUDGET_SECONDS;

		b->requests[i] = b->retries[i] = 0;
	}
	return (unsigned)(b->second % BUDGET_SECONDS);
}

static uint64_t sum(const uint32_t counts[BUDGET_SECONDS])
{
	uint64_t all = 0;

	for (unsigned i = 0; i < BUDGET_SECONDS; i++)
		all += counts[i];
	return all;
}

void budget_request(struct budget *b, uint64_t now)
{
	b->requests[budget_at(b, now)]++;
}

bool budget_retry(struct budget *b, uint64_t now, unsigned percent)
{
	unsigned i = budget_at(b, now);
	uint64_t share = sum(b->requests) * percent / 100;

	if (sum(b->retries) >= (share > BUDGET_FLOOR ? share : BUDGET_FLOOR))
		return false;
	b->retries[i]++;
	return true;
}
