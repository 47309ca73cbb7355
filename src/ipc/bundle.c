#include "ipc/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUNDLE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define BUNDLE_MAX (1ull << 30)

static bool write_all(int fd, const void *from, size_t n)
{
	const char *p = from;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

int bundle_write(const struct manifest *m, struct str sections)
{
	struct manifest head = *m;
	int fd = memfd_create("hpcbal-bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int saved;

	if (fd < 0)
		return -1;
	head.magic = BUNDLE_MAGIC;
	head.layout = BUNDLE_LAYOUT;
	head.sections_at = sizeof(head);
	head.sections_size = sections.n;
	/* Seals hold whoever opens it again; the mode keeps others from opening it at all. */
	if (write_all(fd, &head, sizeof(head)) && write_all(fd, sections.p, sections.n) &&
	    fchmod(fd, 0400) == 0 && fcntl(fd, F_ADD_SEALS, BUNDLE_SEALS) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool addr_fits(const struct addr *a)
{
	switch (a->u.sa.sa_family) {
	case AF_INET:
		return a->len == sizeof(struct sockaddr_in);
	case AF_INET6:
		return a->len == sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return a->len > offsetof(struct sockaddr_un, sun_path) &&
		       a->len <= sizeof(struct sockaddr_un) &&
		       text_ends(a->u.un.sun_path, sizeof(a->u.un.sun_path));
	default:
		return false;
	}
}

static const char *listeners_wrong(const struct manifest *m)
{
	if (m->n_listeners > MANIFEST_LISTENERS)
		return "the manifest has more listeners than it can hold";
	for (uint32_t i = 0; i < m->n_listeners; i++) {
		const struct manifest_listener *l = &m->listeners[i];

		if (!addr_fits(&l->addr))
			return "a listener's address in the manifest is none";
		if (!text_ends(l->text, sizeof(l->text)) ||
		    !text_ends(l->frontend_name, sizeof(l->frontend_name)))
			return "a listener's text in the manifest has no end";
	}
	return NULL;
}

static const char *manifest_wrong(const struct manifest *m, uint64_t size)
{
	if (m->magic != BUNDLE_MAGIC)
		return "it is no bundle";
	if (m->layout != BUNDLE_LAYOUT)
		return "the bundle has the layout of another version";
	if (!text_ends(m->node, sizeof(m->node)) ||
	    !text_ends(m->config_file, sizeof(m->config_file)) ||
	    !text_ends(m->config_sha256, sizeof(m->config_sha256)) ||
	    !text_ends(m->control_socket, sizeof(m->control_socket)) ||
	    !text_ends(m->log_target, sizeof(m->log_target)))
		return "a text in the manifest has no end";
	if (m->sections_at < sizeof(*m) || m->sections_at > size ||
	    m->sections_size > size - m->sections_at)
		return "the bundle's sections lie outside it";
	return listeners_wrong(m);
}

/* NULL, or why the descriptor cannot be mapped at all. */
static const char *file_wrong(int fd, uint64_t *size)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (fstat(fd, &st) != 0)
		return "the bundle's descriptor is bad";
	if (seals < 0 || (seals & BUNDLE_SEALS) != BUNDLE_SEALS)
		return "the bundle is not sealed";
	if (st.st_size < (off_t)sizeof(struct manifest) || (uint64_t)st.st_size > BUNDLE_MAX)
		return "the bundle's size cannot be";
	*size = (uint64_t)st.st_size;
	return NULL;
}

const struct manifest *bundle_map(int fd, size_t *size, const char **why)
{
	uint64_t n = 0;
	void *p;

	*why = file_wrong(fd, &n);
	if (*why)
		return NULL;
	/* Private: kernels before 6.7 refuse a shared map of what is sealed against writing. */
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		*why = "the bundle cannot be mapped (out of memory)";
		return NULL;
	}
	*why = manifest_wrong(p, n);
	if (*why) {
		munmap(p, n);
		return NULL;
	}
	*size = n;
	return p;
}

void bundle_unmap(const struct manifest *m, size_t size)
{
	munmap((void *)(uintptr_t)m, size);
}

struct str bundle_sections(const struct manifest *m)
{
	return (struct str){(const char *)m + m->sections_at, m->sections_size};
}
