/* What one end of a connection did is not at the other one at once: a kernel that is busy delivers
 * late. */
#ifndef HPCBAL_TESTS_UNIT_ARRIVES_H
#define HPCBAL_TESTS_UNIT_ARRIVES_H

#include <check.h>
#include <poll.h>

/* Waits until `fd` has `what`: POLLIN, POLLRDHUP for the end, POLLHUP for a reset. */
static inline void arrives(int fd, int what)
{
	struct pollfd p = { .fd = fd, .events = (short)what };

	ck_assert_int_eq(poll(&p, 1, 30000), 1);
}

#endif
