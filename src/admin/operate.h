/* The client's side of drain and maint: why, and --wait. */
#ifndef HPCBAL_ADMIN_OPERATE_H
#define HPCBAL_ADMIN_OPERATE_H

#include "admin/snapshot.h"

/* Of --why: what fits on the board. */
#define OPERATE_WHY_MAX 127

/* One line, not empty, not too long. */
bool operate_why_is_good(const char *why);

struct operate_wait {
	const char *place; /* BACKEND/SERVER */
	FILE *out;
	/* zero at the beginning */
	bool begun, over;
	uint64_t begun_us, active;
};

/* Looks once, and prints what has changed since. `over`: nothing runs there. False: the server
 * is not there any more, or gets work again, and `why` says so. */
bool operate_look(struct operate_wait *w, const struct snapshot *s, char *why, size_t why_size);

#endif
