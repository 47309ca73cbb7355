#include "supervisor/heartbeat.h"

#include <stdio.h>

/* ---- the beats ---- */

static void begin(struct beats *to, uint64_t limit)
{
	to->n = 0;
	to->limit_us = limit;
}

static void add(struct beats *to, uint64_t at_us, const char *thread, int index)
{
	to->beat[to->n++] = (struct beat){at_us, thread, index};
}

static uint64_t beat_or(uint64_t beat, uint64_t otherwise)
{
	return beat ? beat : otherwise;
}

void beats_of_proxy(struct beats *to, const struct board_proxy *b, uint64_t since)
{
	uint32_t n = stats_get(b->n_workers);

	if (n > BOARD_WORKERS)
		n = BOARD_WORKERS;
	begin(to, HEARTBEAT_ABORT_US);
	add(to, beat_or(stats_get(b->main_beat_us), since), "main thread", -1);
	add(to, stats_get(b->health_beat_us), "health thread", -1);
	for (uint32_t i = 0; i < n; i++)
		add(to, beat_or(stats_get(b->worker[i].beat_us), since), "worker", (int)i);
}

void beats_of_vrrp(struct beats *to, const struct board_vrrp *b, uint64_t since)
{
	begin(to, HEARTBEAT_ABORT_US);
	add(to, beat_or(stats_get(b->beat_us), since), "main thread", -1);
}

void beats_of_one(struct beats *to, const struct board_beat *b, uint64_t since, uint64_t limit)
{
	begin(to, limit);
	add(to, beat_or(stats_get(b->beat_us), since), "main thread", -1);
}

/* ---- the verdict ---- */

void heartbeat_reset(struct heartbeat *h, uint64_t now)
{
	h->last_look_us = now;
	h->grace_until_us = 0;
	h->aborted_us = 0;
}

/* NULL: none has an age. A beat may be ahead of us. */
static const struct beat *find_stalest(const struct beats *b, uint64_t now, uint64_t *age)
{
	const struct beat *stalest = NULL;

	*age = 0;
	for (unsigned i = 0; i < b->n; i++) {
		uint64_t at = b->beat[i].at_us;

		if (!at || at >= now || now - at <= *age)
			continue;
		*age = now - at;
		stalest = &b->beat[i];
	}
	return stalest;
}

static bool look_is_late(struct heartbeat *h, uint64_t now)
{
	bool late = now - h->last_look_us > HEARTBEAT_LATE_US;

	h->last_look_us = now;
	if (late)
		h->grace_until_us = now + HEARTBEAT_GRACE_US;
	return now < h->grace_until_us;
}

enum heartbeat_verdict heartbeat_judge(struct heartbeat *h, const struct beats *b, uint64_t now,
				       char *which, size_t size)
{
	const struct beat *s;
	uint64_t age;

	if (look_is_late(h, now))
		return HEARTBEAT_FINE;
	s = find_stalest(b, now, &age);
	if (!s || age <= b->limit_us)
		return HEARTBEAT_FINE;
	if (s->index >= 0)
		snprintf(which, size, "%s %d", s->thread, s->index);
	else
		snprintf(which, size, "%s", s->thread);
	if (h->aborted_us)
		return now - h->aborted_us > HEARTBEAT_KILL_US ? HEARTBEAT_KILL : HEARTBEAT_FINE;
	h->aborted_us = now;
	return HEARTBEAT_ABORT;
}
