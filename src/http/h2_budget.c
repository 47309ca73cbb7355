#include "http/h2_budget.h"

#include "base/assert.h"

static const struct {
	unsigned burst, rate;
	const char *what;
} floods[H2_FLOODS] = {
#define FLOOD(name, burst, rate, counter, what) { burst, rate, what },
#include "http/h2_floods.def"
#undef FLOOD
};

void h2_budget_init(struct h2_budget *b, uint64_t now)
{
	for (unsigned i = 0; i < H2_FLOODS; i++) {
		b->left[i] = floods[i].burst;
		b->since[i] = now;
	}
}

void h2_budget_give(struct h2_budget *b, enum h2_flood kind, unsigned n)
{
	unsigned missing = floods[kind].burst - b->left[kind];

	b->left[kind] += n < missing ? n : missing;
}

void h2_budget_fill(struct h2_budget *b, enum h2_flood kind)
{
	b->left[kind] = floods[kind].burst;
}

static void refill(struct h2_budget *b, enum h2_flood kind, uint64_t now)
{
	uint64_t each, n;

	if (!floods[kind].rate || now <= b->since[kind])
		return;
	each = 1000000u / floods[kind].rate;
	n = (now - b->since[kind]) / each;
	b->since[kind] += n * each;
	h2_budget_give(b, kind, n < floods[kind].burst ? (unsigned)n : floods[kind].burst);
}

bool h2_budget_take(struct h2_budget *b, enum h2_flood kind, uint64_t now)
{
	must((unsigned)kind < H2_FLOODS);
	refill(b, kind, now);
	if (b->left[kind] == 0)
		return false;
	b->left[kind]--;
	return true;
}

const char *h2_flood_text(enum h2_flood kind)
{
	must((unsigned)kind < H2_FLOODS);
	return floods[kind].what;
}
