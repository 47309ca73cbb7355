#include "supervisor/heartbeat.h"

#include <stdio.h>

struct stalest {
	uint64_t age_us;
	const char *thread;
	int index; /* -1: there is one only */
};

void heartbeat_reset(struct heartbeat *h, uint64_t now)
{
	h->last_look_us = now;
	h->grace_until_us = 0;
	h->aborted = false;
}

static void look_at(struct stalest *s, uint64_t beat, uint64_t now, const char *thread, int index)
{
	/* A thread that has not begun, or is over, has no beat; one may also be ahead of us. */
	if (!beat || beat >= now || now - beat <= s->age_us)
		return;
	s->age_us = now - beat;
	s->thread = thread;
	s->index = index;
}

static uint64_t beat_or(uint64_t beat, uint64_t otherwise)
{
	return beat ? beat : otherwise;
}

static struct stalest stalest_thread(const struct board_proxy *b, uint64_t now, uint64_t since)
{
	struct stalest s = {0, "", -1};
	uint32_t n = stats_get(b->n_workers);

	if (n > BOARD_WORKERS)
		n = BOARD_WORKERS;
	look_at(&s, beat_or(stats_get(b->main_beat_us), since), now, "main thread", -1);
	look_at(&s, stats_get(b->health_beat_us), now, "health thread", -1);
	for (uint32_t i = 0; i < n; i++)
		look_at(&s, beat_or(stats_get(b->worker[i].beat_us), since), now, "worker",
			(int)i);
	return s;
}

static bool look_is_late(struct heartbeat *h, uint64_t now)
{
	bool late = now - h->last_look_us > HEARTBEAT_LATE_US;

	h->last_look_us = now;
	if (late)
		h->grace_until_us = now + HEARTBEAT_GRACE_US;
	return now < h->grace_until_us;
}

enum heartbeat_verdict heartbeat_judge(struct heartbeat *h, const struct board_proxy *b,
				       uint64_t now, uint64_t since, char *which, size_t size)
{
	struct stalest s;

	if (look_is_late(h, now))
		return HEARTBEAT_FINE;
	s = stalest_thread(b, now, since);
	if (s.age_us <= HEARTBEAT_ABORT_US)
		return HEARTBEAT_FINE;
	if (s.index >= 0)
		snprintf(which, size, "%s %d", s.thread, s.index);
	else
		snprintf(which, size, "%s", s.thread);
	if (h->aborted)
		return s.age_us > HEARTBEAT_KILL_US ? HEARTBEAT_KILL : HEARTBEAT_FINE;
	h->aborted = true;
	return HEARTBEAT_ABORT;
}
