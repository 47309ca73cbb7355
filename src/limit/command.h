/* What hpcbalctl may change: clear, exempt, enforce. Words in, an answer out. */
#ifndef HPCBAL_LIMIT_COMMAND_H
#define HPCBAL_LIMIT_COMMAND_H

#include "ipc/control.h"
#include "limit/table.h"

struct limit_answer {
	enum control_exit status;
	char text[1024]; /* a line */
};

/* The words of the request with NUL between them:
 *   limits clear [LIMIT] [KEY]
 *   limits exempt µS KEY [LIMIT]   (0: until it is ended)
 *   limits enforce KEY [LIMIT]
 * LIMIT is a name, or FRONTEND/NAME where more than one has it. */
void limit_command(struct limit_table *t, struct str request, uint64_t now_us,
		   struct limit_answer *a);

#endif
