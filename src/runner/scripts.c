#include "runner/scripts.h"

#include <string.h>

#include "base/log.h"

static void wait_for_next(struct scripts *s)
{
	uint64_t next = schedule_next(&s->schedule);

	loop_timer_stop(&s->due);
	if (next != SCHEDULE_NEVER)
		loop_timer_set(s->table->loop, &s->due, next);
}

static void ended(struct run *r, const char *how)
{
	struct scripts *s = r->spec.owner;

	s->result(s->owner, r->spec.index, how);
}

static void gone(struct run *r)
{
	struct scripts *s = r->spec.owner;

	s->run[r->spec.index] = NULL;
	schedule_ended(&s->schedule, r->spec.index, r->killed_us != 0);
	wait_for_next(s);
}

static void start(struct scripts *s, unsigned i)
{
	const struct manifest_program *p = &s->programs->of[i];
	char path[sizeof(p->path)], how[RUN_HOW];
	char *argv[] = {path, NULL};
	struct run_spec spec = {.argv = argv,
				.timeout_us = p->timeout_us,
				.level = LOG_INFO,
				.owner = s,
				.index = i,
				.ended = ended,
				.gone = gone};

	memcpy(path, p->path, sizeof(path));
	s->run[i] = run_start(s->table, &spec, how);
	if (s->run[i])
		return;
	schedule_ended(&s->schedule, i, false);
	s->result(s->owner, i, how);
}

/* A process that even SIGKILL does not end waits in the kernel, maybe for ever; that is no reason
 * to hear nothing more of the script. */
static void still_there(struct scripts *s, unsigned i)
{
	uint64_t killed = s->run[i]->killed_us;

	if (killed && loop_now(s->table->loop) - killed >= s->programs->of[i].interval_us)
		s->result(s->owner, i, "the run before was killed and is still there");
}

static void due(struct loop_timer *t)
{
	struct scripts *s = list_of(t, struct scripts, due);
	enum schedule_word word;
	unsigned i;

	while ((word = schedule_take(&s->schedule, loop_now(s->table->loop), &i))) {
		if (word == SCHEDULE_START)
			start(s, i);
		else
			still_there(s, i);
	}
	wait_for_next(s);
}

void scripts_init(struct scripts *s, struct run_table *t, void *owner,
		  void (*result)(void *owner, unsigned index, const char *how))
{
	memset(s, 0, sizeof(*s));
	s->table = t;
	s->owner = owner;
	s->result = result;
	loop_timer_init(&s->due, due);
}

void scripts_renew(struct scripts *s, const struct programs *old, const struct programs *new)
{
	struct run *was[MANIFEST_PROGRAMS];
	int from[MANIFEST_PROGRAMS];

	memcpy(was, s->run, sizeof(was));
	memset(s->run, 0, sizeof(s->run));
	s->programs = new;
	schedule_renew(&s->schedule, old, new, loop_now(s->table->loop), from);
	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++) {
		if (from[i] < 0 || !was[from[i]])
			continue;
		s->run[i] = was[from[i]];
		s->run[i]->spec.index = i;
		was[from[i]] = NULL;
	}
	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++)
		if (was[i])
			run_drop(was[i]);
	wait_for_next(s);
}

void scripts_stop(struct scripts *s)
{
	schedule_clear(&s->schedule);
	wait_for_next(s);
	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++) {
		if (s->run[i])
			run_drop(s->run[i]);
		s->run[i] = NULL;
	}
}
