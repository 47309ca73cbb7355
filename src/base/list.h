/* Intrusive doubly linked lists. An element that is in no list points at itself, so
 * list_del() of it is harmless. The list never owns its elements. */
#ifndef HPCBAL_BASE_LIST_H
#define HPCBAL_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_before(struct list *at, struct list *e)
{
	e->next = at;
	e->prev = at->prev;
	at->prev->next = e;
	at->prev = e;
}

static inline void list_push(struct list *head, struct list *e)
{
	list_add_before(head->next, e);
}

static inline void list_append(struct list *head, struct list *e)
{
	list_add_before(head, e);
}

static inline void list_del(struct list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_init(e);
}

static inline struct list *list_pop(struct list *head)
{
	struct list *e = head->next;

	if (e == head)
		return NULL;
	list_del(e);
	return e;
}

/* `tmp` keeps the walk safe when the body takes `it` out of the list. */
#define list_each_safe(it, tmp, head)                                 \
	for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); \
	     (it) = (tmp), (tmp) = (it)->next)

#endif
