#include "admin/follow.h"

struct str follow_new(struct str before, struct str now)
{
	struct str line;

	while (before.n && !str_begins(now, before))
		str_split(&before, '\n', &line);
	return str_from(now, before.n);
}
