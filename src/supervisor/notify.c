#include "supervisor/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

static bool connect_to(int fd, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof(un.sun_path)) {
		errno = EINVAL;
		return false;
	}
	memcpy(un.sun_path, path, n);
	/* '@' stands for the NUL in front of an abstract name, which ends with its length. */
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	return connect(fd, (struct sockaddr *)&un,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0;
}

/* The watchdog may be meant for another process that we were started by. */
static uint64_t watchdog_of_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t us, who;

	if (!usec || !str_to_u64(str_of(usec), &us))
		return 0;
	if (pid && (!str_to_u64(str_of(pid), &who) || who != (uint64_t)getpid()))
		return 0;
	return us;
}

bool notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	bool reached = true;

	n->fd = -1;
	n->watchdog_us = watchdog_of_environment();
	if (path && *path) {
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		reached = n->fd >= 0 && connect_to(n->fd, path);
		if (!reached) {
			int saved = errno;

			notify_close(n);
			errno = saved;
		}
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return reached;
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	if (n->fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len <= 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = (int)sizeof(text) - 1;
	/* A manager that does not read must not hold us up; it will ask by its own timeout. */
	(void)!send(n->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}
