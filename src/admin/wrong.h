/* What is wrong, for people: one line a thing. */
#ifndef HPCBAL_ADMIN_WRONG_H
#define HPCBAL_ADMIN_WRONG_H

#include <stdbool.h>
#include <stdio.h>

struct snapshot;

struct wrong {
	FILE *out;
	unsigned count; /* of lines */
};

void wrong_tell(struct wrong *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All that is, or "all is well". */
void wrong_print(const struct snapshot *s, FILE *out);
/* The same one by one; nothing when all is well. The text is the call's. False: out of memory. */
bool wrong_each(const struct snapshot *s, void (*tell)(void *arg, const char *text), void *arg);
/* The part of it that is about virtual routers and the processes that serve them. */
void wrong_find_vrrp(struct wrong *w, const struct snapshot *s);

#endif
