/* The ring of what changed state lately, in this process and its children: on the supervisor's
 * board (ipc/board.h), where whoever reads boards finds it. */
#ifndef HPCBAL_SUPERVISOR_EVENTS_H
#define HPCBAL_SUPERVISOR_EVENTS_H

#include "ipc/board.h"
#include "supervisor/report.h"

/* Too long a text is cut; what is no printable byte is shown as '?'. */
void events_add(struct board_events *e, uint64_t wall_us, const char *who, struct str text);
/* Oldest first, in local time. */
void events_print(const struct board_events *e, struct report *out);

#endif
