/* Which lines are new, when the same growing list is asked for again and again. Pure. */
#ifndef HPCBAL_ADMIN_FOLLOW_H
#define HPCBAL_ADMIN_FOLLOW_H

#include "base/str.h"

/* Both are whole lines, oldest first; the list forgets from its front. Gives the part of `now`
 * behind what `before` ended with; all of it when they have nothing in common. */
struct str follow_new(struct str before, struct str now);

#endif
