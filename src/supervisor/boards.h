/* The boards as the supervisor holds them. */
#ifndef HPCBAL_SUPERVISOR_BOARDS_H
#define HPCBAL_SUPERVISOR_BOARDS_H

#include "supervisor/handover.h"
#include "supervisor/state.h"

/* Of a first start. False with errno, and `step` (a literal) says at what. */
bool boards_make(struct supervisor *sv, const char **step);
/* Those of a hand-over as they are: the program that wrote it is back. */
bool boards_resume(struct supervisor *sv, const struct handover *h, const char **step);
/* A successor's: those that the proxy writes are copied, the others used on; what has another
 * layout is made anew. Users see the old ones (`shown`) until boards_show(). */
bool boards_adopt(struct supervisor *sv, const struct handover *h, const char **step);
/* Whether a descriptor has the board of this place, of this program's layout. */
bool boards_fit(int fd, unsigned place);
void boards_show(struct supervisor *sv);
void boards_close(struct supervisor *sv);

#endif
