#include "vrrp/heartwatch.h"

static uint64_t older(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

/* A thread that has not begun has no beat; then the supervisor does not call it up, either. */
static uint64_t oldest_beat(const struct board_proxy *b, uint64_t now)
{
	uint32_t n = stats_get(b->n_workers);
	uint64_t oldest = now;

	if (n > BOARD_WORKERS)
		n = BOARD_WORKERS;
	oldest = older(oldest, stats_get(b->main_beat_us));
	oldest = older(oldest, stats_get(b->health_beat_us));
	for (uint32_t i = 0; i < n; i++)
		oldest = older(oldest, stats_get(b->worker[i].beat_us));
	return oldest;
}

static void set_unwell(struct heartwatch *h, uint64_t since, const char *why)
{
	if (!h->unwell_since)
		h->unwell_since = since > h->judge_from ? since : h->judge_from;
	h->why = why;
}

void heartwatch_look(struct heartwatch *h, bool running, const struct board_proxy *b,
		     uint64_t now)
{
	uint64_t beat = oldest_beat(b, now);

	if (!h->last_look || now - h->last_look > HEARTWATCH_LATE_US) {
		h->judge_from = now;
		h->unwell_since = 0;
	}
	h->last_look = now;
	if (beat < h->judge_from)
		beat = h->judge_from;
	if (!running)
		set_unwell(h, now, "it is not running");
	else if (now - beat > HEARTWATCH_STALE_US)
		set_unwell(h, beat, "one of its threads hangs");
	else
		h->unwell_since = 0;
}

uint64_t heartwatch_unwell(const struct heartwatch *h, uint64_t now)
{
	return h->unwell_since ? now - h->unwell_since : 0;
}
