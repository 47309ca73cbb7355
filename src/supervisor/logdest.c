#include "supervisor/logdest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

static int open_syslog(const char *path, char *why, size_t size)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (!str_copy(un.sun_path, sizeof(un.sun_path), str_of(path))) {
		snprintf(why, size, "log target %s: the path is too long for a socket", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	snprintf(why, size, "log target %s cannot be reached: %s; is a syslog daemon running?",
		 path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* O_NONBLOCK: a FIFO that nobody reads must not hold up the supervisor. */
static int open_file(const char *path, char *why, size_t size)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, flags, 0640);

	if (fd < 0)
		snprintf(why, size,
			 "log target file:%s cannot be opened: %s; give a path whose directory is "
			 "there and can be written to",
			 path, strerror(errno));
	return fd;
}

bool logdest_open(struct logdest *t, const char *target, int facility, char *why, size_t size)
{
	t->facility = facility;
	t->fd = -1;
	if (strcmp(target, "none") == 0) {
		t->kind = LOG_KIND_NONE;
		return true;
	}
	if (strcmp(target, "stderr") == 0) {
		t->kind = LOG_KIND_STDERR;
		t->fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		if (t->fd < 0)
			snprintf(why, size, "log target stderr cannot be copied: %s",
				 strerror(errno));
		return t->fd >= 0;
	}
	if (strncmp(target, "file:", 5) == 0) {
		t->kind = LOG_KIND_FILE;
		t->fd = open_file(target + 5, why, size);
		return t->fd >= 0;
	}
	t->kind = LOG_KIND_SYSLOG;
	t->fd = open_syslog(target, why, size);
	return t->fd >= 0;
}

void logdest_close(struct logdest *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

bool logdest_missing(const struct logdest *t)
{
	return t->kind == LOG_KIND_SYSLOG && t->fd < 0;
}

void logdest_use(const struct logdest *t)
{
	log_open(t->fd >= 0 ? t->kind : LOG_KIND_NONE, t->fd, t->facility, "supervisor");
}
