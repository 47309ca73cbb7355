/* Notifications that wait for their turn: those of one virtual router in the order in which they
 * came, whatever another's are doing. Pure. */
#ifndef HPCBAL_RUNNER_QUEUE_H
#define HPCBAL_RUNNER_QUEUE_H

#include "base/list.h"
#include "base/str.h"
#include "ipc/bundle.h"

#define QUEUE_MAX 256
#define QUEUE_ARGUMENTS 64

/* One piece of memory, so free() ends it. */
struct notice {
	struct list link;
	void *owner;        /* of who takes it */
	const char *router; /* whose it is; "": nobody's */
	uint64_t timeout_us;
	unsigned argc;
	char *argv[]; /* the path, the arguments, NULL; their bytes follow */
};

struct queue {
	struct list waiting;
	unsigned n;
};

void queue_init(struct queue *q);
/* `arguments` are ended by NUL each. What is needed of both is copied. NULL, or why it was
 * refused (a literal). */
const char *queue_add(struct queue *q, const struct manifest_program *p, struct str arguments);
/* The first one whose router has none in the list `running`; the caller's from here on. NULL:
 * there is none. */
struct notice *queue_take(struct queue *q, const struct list *running);
void queue_clear(struct queue *q);

/* Path and arguments with blanks between, cut to the size. */
void notice_print(char *const *argv, char *to, size_t size);

#endif
