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

static void forget(struct notices *n, struct notice *notice)
{
	list_del(&notice->link);
	n->n_running--;
	free(notice);
}

/* When it takes too long it is over as soon as it was killed: a process that waits in the
 * kernel, where nothing ends it, does not keep the others waiting. */
static void ended(struct run *r, const char *how)
{
	struct notice *notice = r->spec.owner;
	struct notices *n = notice->owner;

	if (how[0])
		tell_failure(n, notice->argv, how);
	forget(n, notice);
	run_next(n);
	if (notices_count(n) == 0)
		n->idle(n->owner);
}

static void run_next(struct notices *n)
{
	struct notice *notice;

	while ((notice = queue_take(&n->queue, &n->running))) {
		struct run_spec spec = {.argv = notice->argv,
					.timeout_us = notice->timeout_us,
					.level = LOG_NOTICE,
					.leave_it = true,
					.owner = notice,
					.ended = ended};
		char how[RUN_HOW];

		notice->owner = n;
		list_append(&n->running, &notice->link);
		n->n_running++;
		if (run_start(n->table, &spec, how))
			continue;
		tell_failure(n, notice->argv, how);
		forget(n, notice);
	}
}

void notices_init(struct notices *n, struct run_table *t, void *owner,
		  void (*failed)(void *owner, const char *line), void (*idle)(void *owner))
{
	*n = (struct notices){.table = t, .owner = owner, .failed = failed, .idle = idle};
	queue_init(&n->queue);
	list_init(&n->running);
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
	return n->queue.n + n->n_running;
}

void notices_end(struct notices *n)
{
	struct list *e;

	queue_clear(&n->queue);
	while ((e = list_pop(&n->running)))
		free(list_of(e, struct notice, link));
	n->n_running = 0;
}
