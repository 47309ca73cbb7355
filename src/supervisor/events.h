/* The ring of what changed state lately, in this process and its children. */
#ifndef HPCBAL_SUPERVISOR_EVENTS_H
#define HPCBAL_SUPERVISOR_EVENTS_H

#include <stdint.h>

#include "base/str.h"
#include "supervisor/report.h"

#define EVENTS_KEPT 256
#define EVENTS_TEXT 240

struct event_line {
	uint64_t wall_us;
	const char *who; /* a literal: the role */
	char text[EVENTS_TEXT];
};

struct events {
	struct event_line line[EVENTS_KEPT];
	uint64_t count; /* since the start; the newest is (count - 1) % EVENTS_KEPT */
};

/* Too long a text is cut; what is no printable byte is shown as '?'. */
void events_add(struct events *e, uint64_t wall_us, const char *who, struct str text);
/* Oldest first, in local time. */
void events_print(const struct events *e, struct report *out);

#endif
