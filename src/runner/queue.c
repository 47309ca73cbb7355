#include "runner/queue.h"

#include <stdlib.h>

void queue_init(struct queue *q)
{
	list_init(&q->waiting);
	q->n = 0;
}

static unsigned count_arguments(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\0';
	return n;
}

static struct notice *notice_make(const struct manifest_program *p, struct str arguments)
{
	unsigned argc = 1 + count_arguments(arguments);
	size_t path = strlen(p->path) + 1, head = (argc + 1) * sizeof(char *);
	struct notice *n = malloc(sizeof(*n) + head + path + arguments.n);
	char *at;

	if (!n)
		return NULL;
	list_init(&n->link);
	n->timeout_us = p->timeout_us;
	n->argc = argc;
	at = (char *)n->argv + head;
	memcpy(at, p->path, path);
	if (arguments.n)
		memcpy(at + path, arguments.p, arguments.n);
	for (unsigned i = 0; i < argc; i++) {
		n->argv[i] = at;
		at += strlen(at) + 1;
	}
	n->argv[argc] = NULL;
	n->router = argc > 2 && strcmp(n->argv[1], "INSTANCE") == 0 ? n->argv[2] : "";
	return n;
}

const char *queue_add(struct queue *q, const struct manifest_program *p, struct str arguments)
{
	struct notice *n;

	if (arguments.n && arguments.p[arguments.n - 1] != '\0')
		return "its last argument has no end";
	if (count_arguments(arguments) > QUEUE_ARGUMENTS)
		return "it has too many arguments";
	if (q->n == QUEUE_MAX)
		return "too many wait already; see what the programs before it are doing";
	n = notice_make(p, arguments);
	if (!n)
		return "out of memory";
	list_append(&q->waiting, &n->link);
	q->n++;
	return NULL;
}

static bool is_busy(const struct list *running, const char *router)
{
	for (const struct list *e = running->next; e != running; e = e->next)
		if (strcmp(list_of(e, struct notice, link)->router, router) == 0)
			return true;
	return false;
}

struct notice *queue_take(struct queue *q, const struct list *running)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &q->waiting)
	{
		struct notice *n = list_of(e, struct notice, link);

		if (is_busy(running, n->router))
			continue;
		list_del(e);
		q->n--;
		return n;
	}
	return NULL;
}

void queue_clear(struct queue *q)
{
	struct list *e;

	while ((e = list_pop(&q->waiting)))
		free(list_of(e, struct notice, link));
	q->n = 0;
}

void notice_print(char *const *argv, char *to, size_t size)
{
	size_t at = 0;

	for (unsigned i = 0; argv[i]; i++) {
		struct str word;

		if (i && at + 1 < size)
			to[at++] = ' ';
		word = str_first(str_of(argv[i]), size - 1 - at);
		memcpy(to + at, word.p, word.n);
		at += word.n;
	}
	to[at] = '\0';
}
