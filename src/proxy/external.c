#include "proxy/external.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"

struct external {
	struct list link; /* of `waiting` or `asked` */
	struct externals *all;
	bool asked;
	uint64_t check, number, timeout_us, began;
	struct loop_timer limit;
	void (*done)(void *arg, const struct probe_result *r); /* NULL: it was cancelled */
	void *arg;
};

void externals_init(struct externals *x, struct loop *l, external_ask *ask, void *arg)
{
	*x = (struct externals){ .loop = l, .ask = ask, .arg = arg };
	list_init(&x->waiting);
	list_init(&x->asked);
	/* Not those of a proxy before this one, whose answers may still come. */
	x->number = clock_now_us();
}

static void forget(struct external *e)
{
	list_del(&e->link);
	loop_timer_stop(&e->limit);
	e->all->n_asked -= e->asked;
	free(e);
}

void externals_end(struct externals *x)
{
	while (!list_empty(&x->waiting))
		forget(list_of(x->waiting.next, struct external, link));
	while (!list_empty(&x->asked))
		forget(list_of(x->asked.next, struct external, link));
}

static void ask_next(struct externals *x)
{
	struct list *l;

	while (x->n_asked < MANIFEST_CHECKS_AT_ONCE && (l = list_pop(&x->waiting))) {
		struct external *e = list_of(l, struct external, link);

		e->asked = true;
		e->number = ++x->number;
		e->began = loop_now_exact(x->loop);
		list_append(&x->asked, &e->link);
		x->n_asked++;
		loop_timer_set(x->loop, &e->limit,
			       e->began + e->timeout_us + EXTERNAL_MARGIN_US);
		x->ask(x->arg, e->check, e->number);
	}
}

/* The result is filled but for the time. */
static void finish(struct external *e, struct probe_result *r)
{
	void (*done)(void *arg, const struct probe_result *r) = e->done;
	struct externals *x = e->all;
	void *arg = e->arg;

	r->duration_us = loop_now_exact(x->loop) - e->began;
	forget(e);
	if (done)
		done(arg, r);
	ask_next(x);
}

static void no_answer(struct loop_timer *t)
{
	struct external *e = list_of(t, struct external, limit);
	struct probe_result r = { .unasked = true };

	snprintf(r.reason, sizeof(r.reason),
		 "the runner process did not answer within %llu ms",
		 (unsigned long long)((e->timeout_us + EXTERNAL_MARGIN_US) / CLOCK_MS));
	finish(e, &r);
}

struct external *external_start(struct externals *x, uint64_t check, uint64_t timeout_us,
				void (*done)(void *arg, const struct probe_result *r), void *arg)
{
	struct external *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->all = x;
	e->check = check;
	e->timeout_us = timeout_us;
	e->done = done;
	e->arg = arg;
	loop_timer_init(&e->limit, no_answer);
	list_append(&x->waiting, &e->link);
	ask_next(x);
	return e;
}

void external_cancel(struct external *e)
{
	if (!e)
		return;
	e->done = NULL;
	if (!e->asked)
		forget(e);
}

static struct external *find(const struct externals *x, uint64_t number)
{
	for (const struct list *l = x->asked.next; l != &x->asked; l = l->next) {
		struct external *e = list_of(l, struct external, link);

		if (e->number == number)
			return e;
	}
	return NULL;
}

/* What a program wrote may be anything; documents and terminals get letters. */
static void add_words(struct probe_result *r, size_t at, struct str words)
{
	words = str_first(words, sizeof(r->reason) - 1 - at);
	for (size_t i = 0; i < words.n; i++)
		r->reason[at + i] = words.p[i] < ' ' || words.p[i] > '~' ? '?' : words.p[i];
	r->reason[at + words.n] = '\0';
}

void externals_answer(struct externals *x, uint64_t number, char verdict, struct str words)
{
	struct external *e = find(x, number);
	struct probe_result r = { .ok = verdict == MSG_VERDICT_GOOD,
				  .unasked = verdict != MSG_VERDICT_GOOD &&
					     verdict != MSG_VERDICT_BAD };
	int n = 0;

	if (!e)
		return;
	if (r.ok)
		n = snprintf(r.reason, sizeof(r.reason), "exited with status 0 in %llu ms%s",
			     (unsigned long long)((loop_now_exact(x->loop) - e->began) /
						  CLOCK_MS),
			     words.n ? ": " : "");
	add_words(&r, (size_t)n, words);
	finish(e, &r);
}
