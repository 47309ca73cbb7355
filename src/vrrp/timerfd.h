/* A timer of its own descriptor, exact to the microsecond: the loop's own are coarse. */
#ifndef HPCBAL_VRRP_TIMERFD_H
#define HPCBAL_VRRP_TIMERFD_H

#include "net/loop.h"

/* False with errno. `ready` is called when it fires; call timerfd_clear() first in it. */
bool timerfd_open(struct loop *l, struct loop_fd *io,
		  void (*ready)(struct loop_fd *io, unsigned what));
void timerfd_close(struct loop_fd *io);
/* At the instant `at` (clock_now_us()), UINT64_MAX: never; one in the past fires at once. */
void timerfd_arm(struct loop_fd *io, uint64_t at);
void timerfd_clear(struct loop_fd *io);

#endif
