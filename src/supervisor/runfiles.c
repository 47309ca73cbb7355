#include "supervisor/runfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/control.h"

#define BACKLOG 64

void runfiles_init(struct runfiles *f)
{
	*f = (struct runfiles){.fd = -1};
}

/* Length of the directory's path: all before the last slash, which the root keeps. */
static int directory_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return 0;
	return slash == path ? 1 : (int)(slash - path);
}

static bool make_directory(const char *socket, struct report *why)
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%.*s", directory_length(socket), socket);
	if (!*dir || mkdir(dir, 0755) == 0 || errno == EEXIST)
		return true;
	report_add(why,
		   "control socket %s: its directory cannot be made: %s; make it, or set "
		   "control.socket to a path in a directory that is there",
		   socket, strerror(errno));
	return false;
}

/* A socket that a dead daemon left is taken away; one that answers is another daemon's. */
static bool clear_old(const char *socket, struct report *why)
{
	struct stat st;
	int fd;

	if (lstat(socket, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode)) {
		report_add(why,
			   "control socket %s: the path is there and is no socket; remove it, or "
			   "set control.socket to another",
			   socket);
		return false;
	}
	fd = control_connect(socket);
	if (fd >= 0 || errno != ECONNREFUSED) {
		if (fd >= 0)
			close(fd);
		report_add(why,
			   "another hpcbald answers at the control socket %s; stop it, or set "
			   "control.socket to another path for this one",
			   socket);
		return false;
	}
	unlink(socket);
	return true;
}

static void give_to_group(const char *socket)
{
	const struct group *g = getgrnam(RUNFILES_GROUP);

	/* Without the group the socket stays root's alone. */
	if (g && chown(socket, (uid_t)-1, g->gr_gid) != 0)
		chmod(socket, 0600);
}

static int listen_at(const char *socket_path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;
	mode_t old;

	if (fd < 0)
		return -1;
	str_copy(un.sun_path, sizeof(un.sun_path), str_of(socket_path));
	/* The mode is there from the first moment, not a moment later. */
	old = umask(0117);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0) {
		umask(old);
		give_to_group(socket_path);
		if (listen(fd, BACKLOG) == 0)
			return fd;
	}
	saved = errno;
	umask(old);
	close(fd);
	errno = saved;
	return -1;
}

bool runfiles_open(struct runfiles *f, const char *socket, struct report *why)
{
	if (!str_copy(f->socket, sizeof(f->socket), str_of(socket))) {
		report_add(why,
			   "control socket %s: the path is too long; a socket's path has at "
			   "most %zu characters",
			   socket, sizeof(f->socket) - 1);
		return false;
	}
	if (!make_directory(socket, why) || !clear_old(socket, why))
		return false;
	f->fd = listen_at(socket);
	if (f->fd >= 0)
		return true;
	report_add(why,
		   "control socket %s cannot be opened: %s; its directory must be there and "
		   "let this user write",
		   socket, strerror(errno));
	return false;
}

bool runfiles_write_pid(struct runfiles *f, struct report *why)
{
	char temporary[160];
	int fd;

	snprintf(f->pidfile, sizeof(f->pidfile), "%.*s/hpcbald.pid", directory_length(f->socket),
		 f->socket);
	snprintf(temporary, sizeof(temporary), "%s.new", f->pidfile);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	/* By rename: nobody ever reads half a number. */
	if (fd >= 0 && dprintf(fd, "%d\n", (int)getpid()) > 0 && fchmod(fd, 0644) == 0 &&
	    rename(temporary, f->pidfile) == 0) {
		close(fd);
		return true;
	}
	report_add(why, "pid file %s cannot be written: %s", f->pidfile, strerror(errno));
	if (fd >= 0)
		close(fd);
	f->pidfile[0] = '\0';
	return false;
}

static bool pidfile_is_ours(const char *path)
{
	FILE *f = fopen(path, "re");
	int pid = 0;

	if (!f)
		return false;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid == (int)getpid();
}

void runfiles_close(struct runfiles *f)
{
	if (f->fd >= 0) {
		close(f->fd);
		unlink(f->socket);
	}
	f->fd = -1;
	if (f->pidfile[0] && pidfile_is_ours(f->pidfile))
		unlink(f->pidfile);
	f->pidfile[0] = '\0';
}
