#include "ipc/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool write_all(int fd, struct str from)
{
	while (from.n) {
		ssize_t done = write(fd, from.p, from.n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		from = str_from(from, (size_t)done);
	}
	return true;
}

/* -1 with the errno of before. */
static int drop(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

int sealed_make(const char *name, const struct str *parts, unsigned n)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	bool good = fd >= 0;

	for (unsigned i = 0; good && i < n; i++)
		good = write_all(fd, parts[i]);
	/* Seals hold whoever opens it again; the mode keeps others from opening it at all. */
	if (good && fchmod(fd, 0400) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	return drop(fd);
}

int sealed_blank(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 && fchmod(fd, 0600) == 0 &&
	    fcntl(fd, F_ADD_SEALS, SEALS & ~F_SEAL_WRITE) == 0)
		return fd;
	return drop(fd);
}

/* NULL, or why the descriptor cannot be mapped at all. */
static const char *file_wrong(int fd, size_t least, size_t most, size_t *size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (fstat(fd, &st) != 0)
		return "its descriptor is bad";
	if (seals < 0 || (seals & SEALS) != SEALS)
		return "it is not sealed";
	if (st.st_size < 0 || (uint64_t)st.st_size < least || (uint64_t)st.st_size > most)
		return "its size cannot be";
	*size = (size_t)st.st_size;
	return NULL;
}

const void *sealed_map(int fd, size_t least, size_t most, size_t *size, const char **why)
{
	size_t n = 0;
	void *p;

	*why = file_wrong(fd, least, most, &n);
	if (*why)
		return NULL;
	/* Private: kernels before 6.7 refuse a shared map of what is sealed against writing. */
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		*why = "it cannot be mapped (out of memory)";
		return NULL;
	}
	if (size)
		*size = n;
	return p;
}
