#include "loader/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *advice(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "check the path, or create it";
	case EACCES:
	case EPERM:
		return "make it readable, or run this as root";
	default:
		return "check the file and its disk";
	}
}

static bool fail_errno(char why[FILE_WHY])
{
	snprintf(why, FILE_WHY, "%s; %s", strerror(errno), advice(errno));
	return false;
}

static bool fail(char why[FILE_WHY], const char *text)
{
	snprintf(why, FILE_WHY, "%s", text);
	return false;
}

static bool check_kind(const struct stat *st, char why[FILE_WHY])
{
	if (S_ISDIR(st->st_mode))
		return fail(why, "it is a directory; name a file in it");
	if (!S_ISREG(st->st_mode))
		return fail(why,
			    "it is no plain file (a pipe, socket or device); name a plain file");
	if (st->st_size > (off_t)FILE_SIZE_MAX)
		return fail(why,
			    "it has more than 16 MiB; split it, or check that it is the right "
			    "file");
	return true;
}

/* The file may grow while it is read; it is cut where it was when it was opened. */
static bool read_all(int fd, char *to, size_t size, size_t *n)
{
	for (*n = 0; *n < size;) {
		ssize_t got = read(fd, to + *n, size - *n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	return true;
}

static bool read_open(int fd, struct arena *arena, struct str *content, struct file_id *id,
		      char why[FILE_WHY])
{
	struct stat st;
	char *p;
	size_t n;

	if (fstat(fd, &st) != 0)
		return fail_errno(why);
	if (!check_kind(&st, why))
		return false;
	p = arena_alloc(arena, (size_t)st.st_size + 1);
	if (!p)
		return fail(why, "out of memory; free some");
	if (!read_all(fd, p, (size_t)st.st_size, &n))
		return fail_errno(why);
	p[n] = '\0';
	*content = (struct str){ p, n };
	if (id)
		*id = (struct file_id){ st.st_dev, st.st_ino, manifest_stamp(&st),
				       (st.st_mode & S_IROTH) != 0 };
	return true;
}

bool file_read(const char *path, struct arena *arena, struct str *content, struct file_id *id,
	       char why[FILE_WHY])
{
	/* Without O_NONBLOCK, opening a pipe would wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool good;

	if (fd < 0)
		return fail_errno(why);
	good = read_open(fd, arena, content, id, why);
	close(fd);
	return good;
}
