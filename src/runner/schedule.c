#include "runner/schedule.h"

#include <string.h>

static bool same(const struct manifest_program *a, const struct manifest_program *b)
{
	return a->kind == b->kind && a->interval_us == b->interval_us &&
	       a->timeout_us == b->timeout_us && strcmp(a->path, b->path) == 0;
}

/* One old script goes on as one new script: `taken` are those that do already. */
static int find_old(const struct programs *old, const struct manifest_program *p,
		    const bool taken[MANIFEST_PROGRAMS])
{
	for (unsigned i = 0; i < old->n; i++)
		if (!taken[i] && same(&old->of[i], p))
			return (int)i;
	return -1;
}

void schedule_renew(struct schedule *s, const struct programs *old, const struct programs *new,
		    uint64_t now, int from[MANIFEST_PROGRAMS])
{
	struct schedule was = *s;
	bool taken[MANIFEST_PROGRAMS] = {false};
	uint64_t later = 0;

	schedule_clear(s);
	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++)
		from[i] = -1;
	for (unsigned i = 0; i < new->n; i++) {
		const struct manifest_program *p = &new->of[i];

		if (p->kind != MANIFEST_SCRIPT)
			continue;
		from[i] = find_old(old, p, taken);
		if (from[i] >= 0) {
			taken[from[i]] = true;
			s->of[i] = was.of[from[i]];
			continue;
		}
		s->of[i].interval = p->interval_us;
		s->of[i].due = now + later % p->interval_us;
		later += SCHEDULE_SPREAD_US;
	}
}

void schedule_clear(struct schedule *s)
{
	memset(s, 0, sizeof(*s));
}

static unsigned earliest(const struct schedule *s)
{
	unsigned first = MANIFEST_PROGRAMS;

	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++)
		if (s->of[i].interval &&
		    (first == MANIFEST_PROGRAMS || s->of[i].due < s->of[first].due))
			first = i;
	return first;
}

enum schedule_word schedule_take(struct schedule *s, uint64_t now, unsigned *which)
{
	unsigned i = earliest(s);
	uint64_t interval;

	if (i == MANIFEST_PROGRAMS || s->of[i].due > now)
		return SCHEDULE_NOTHING;
	*which = i;
	/* What was missed while nobody asked is not made up for. */
	interval = s->of[i].interval;
	s->of[i].due += ((now - s->of[i].due) / interval + 1) * interval;
	s->of[i].missed = s->of[i].running;
	if (s->of[i].running)
		return SCHEDULE_BUSY;
	s->of[i].running = true;
	return SCHEDULE_START;
}

void schedule_ended(struct schedule *s, unsigned which, bool killed)
{
	if (killed && s->of[which].missed)
		s->of[which].due -= s->of[which].interval;
	s->of[which].running = s->of[which].missed = false;
}

uint64_t schedule_next(const struct schedule *s)
{
	unsigned i = earliest(s);

	return i == MANIFEST_PROGRAMS ? SCHEDULE_NEVER : s->of[i].due;
}
