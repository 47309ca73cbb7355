#include "vrrp/timerfd.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

bool timerfd_open(struct loop *l, struct loop_fd *io,
		  void (*ready)(struct loop_fd *io, unsigned what))
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	io->fd = -1;
	if (fd < 0)
		return false;
	if (loop_fd_add(l, io, fd, LOOP_READ, ready))
		return true;
	close(fd);
	return false;
}

void timerfd_close(struct loop_fd *io)
{
	int fd = io->fd;

	if (fd < 0)
		return;
	loop_fd_del(io);
	close(fd);
}

void timerfd_arm(struct loop_fd *io, uint64_t at)
{
	struct itimerspec when = { { 0, 0 }, { 0, 0 } };

	if (at != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at / CLOCK_SEC);
		when.it_value.tv_nsec = (long)(at % CLOCK_SEC * 1000);
		/* Zero would stop it. */
		if (at == 0)
			when.it_value.tv_nsec = 1;
	}
	timerfd_settime(io->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void timerfd_clear(struct loop_fd *io)
{
	uint64_t times;

	if (read(io->fd, &times, sizeof(times)) < 0)
		return; /* set again meanwhile, and not due */
}
