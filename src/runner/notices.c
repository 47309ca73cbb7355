#include "runner/notices.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static void tell_failure(struct notices *n, char *const *argv, const char *how)
{
	char line[NOTICES_LINE], name[NOTICES_LINE - RUN_HOW - 32];

	notice_print(argv, name, sizeof(name));
	snprintf(line, sizeof(line), "notification %s: %s", name, how);
	n->failed(n->owner, line);
}

static void run_next(struct notices *n);

/* When it takes too long it is over as soon as it was killed: a process that waits in the
 * kernel, where nothing ends it, does not keep the others waiting. */
static void ended(struct run *r, const char *how)
{
	struct notices *n = r->spec.owner;

	if (how[0])
		tell_failure(n, n->now->argv, how);
	free(n->now);
	n->now = NULL;
	run_next(n);
	if (!n->now)
		n->idle(n->owner);
}

static void run_next(struct notices *n)
{
	while (!n->now && (n->now = queue_take(&n->queue))) {
		struct run_spec spec = {.argv = n->now->argv,
					.timeout_us = n->now->timeout_us,
					.level = LOG_NOTICE,
					.leave_it = true,
					.owner = n,
					.ended = ended};
		char how[RUN_HOW];

		if (run_start(n->table, &spec, how))
			return;
		tell_failure(n, n->now->argv, how);
		free(n->now);
		n->now = NULL;
	}
}

void notices_init(struct notices *n, struct run_table *t, void *owner,
		  void (*failed)(void *owner, const char *line), void (*idle)(void *owner))
{
	*n = (struct notices){.table = t, .owner = owner, .failed = failed, .idle = idle};
	queue_init(&n->queue);
}

void notices_add(struct notices *n, const struct manifest_program *p, struct str arguments)
{
	const char *why = queue_add(&n->queue, p, arguments);
	char line[NOTICES_LINE];

	if (why) {
		snprintf(line, sizeof(line), "notification %.300s is not run: %s", p->path, why);
		n->failed(n->owner, line);
		return;
	}
	run_next(n);
}

unsigned notices_count(const struct notices *n)
{
	return n->queue.n + (n->now != NULL);
}

void notices_end(struct notices *n)
{
	queue_clear(&n->queue);
	free(n->now);
	n->now = NULL;
}
