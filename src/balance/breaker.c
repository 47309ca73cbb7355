#include "balance/breaker.h"

#include <stdio.h>

#include "base/assert.h"

static uint32_t count(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void begin_window(struct breaker *b, uint64_t now)
{
	b->window_at = now;
	b->bad = 0;
	atomic_store_explicit(&b->good, 0, memory_order_relaxed);
}

enum breaker_verdict breaker_bad(struct breaker *b, const struct conf_breaker *c, uint64_t now)
{
	uint32_t in_row;
	uint64_t all;

	if (now < b->until) /* what began before it was ejected */
		return BREAKER_STAYS;
	in_row = atomic_fetch_add_explicit(&b->in_row, 1, memory_order_relaxed) + 1;
	if (b->bad == 0 || now >= b->window_at + c->window)
		begin_window(b, now);
	b->bad++;
	if (c->consecutive && in_row >= c->consecutive)
		return BREAKER_IN_ROW;
	all = (uint64_t)b->bad + count(&b->good);
	if (c->rate && all >= c->minimum && b->bad * 100ull >= all * c->rate)
		return BREAKER_RATE;
	return BREAKER_STAYS;
}

uint64_t breaker_eject(struct breaker *b, const struct conf_breaker *c, uint64_t now)
{
	uint64_t time = c->ejection;

	if (b->ejections && now - b->until >= c->max_ejection)
		b->ejections = 0;
	for (unsigned i = 0; i < b->ejections && time < c->max_ejection; i++)
		time *= 2;
	if (time > c->max_ejection)
		time = c->max_ejection;
	b->ejections++;
	b->until = now + time;
	b->bad = 0;
	atomic_store_explicit(&b->in_row, 0, memory_order_relaxed);
	return b->until;
}

void breaker_format(const struct breaker *b, enum breaker_verdict v, char *to, size_t size)
{
	switch (v) {
	case BREAKER_IN_ROW:
		snprintf(to, size, "%u errors in a row", count(&b->in_row));
		return;
	case BREAKER_RATE:
		snprintf(to, size, "%u of %u requests failed", b->bad, b->bad + count(&b->good));
		return;
	case BREAKER_STAYS:
		break;
	}
	wrong("no reason to eject");
}
