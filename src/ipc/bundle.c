#include "ipc/bundle.h"

#include <sys/mman.h>

#include "ipc/sealed.h"

#define BUNDLE_MAX (1ull << 30)

int bundle_write(const struct manifest *m, const struct manifest_check *checks,
		 struct str sections)
{
	struct manifest head = *m;
	size_t n = m->n_checks * sizeof(*checks);
	struct str parts[] = {{(const char *)&head, sizeof(head)},
			      {(const char *)checks, n},
			      sections};

	head.magic = BUNDLE_MAGIC;
	head.layout = BUNDLE_LAYOUT;
	head.checks_at = sizeof(head);
	head.sections_at = sizeof(head) + n;
	head.sections_size = sections.n;
	return sealed_make("hpcbal-bundle", parts, 3);
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
	if (m->has_admin > 1)
		return "the manifest has more than one admin address";
	for (uint32_t i = 0; i < manifest_sockets(m); i++) {
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

static const char *programs_wrong(const struct manifest *m)
{
	if (m->n_programs > MANIFEST_PROGRAMS)
		return "the manifest has more programs than it can hold";
	for (uint32_t i = 0; i < m->n_programs; i++) {
		const struct manifest_program *p = &m->programs[i];

		if (p->kind > MANIFEST_CHECK || p->path[0] != '/' ||
		    !text_ends(p->path, sizeof(p->path)))
			return "a program in the manifest is none";
		if (!p->timeout_us || (p->kind == MANIFEST_SCRIPT && !p->interval_us))
			return "a program's time in the manifest is zero";
	}
	return NULL;
}

static const char *files_wrong(const struct manifest *m)
{
	if (m->n_files > MANIFEST_FILES)
		return "the manifest has more files than it can hold";
	for (uint32_t i = 0; i < m->n_files; i++)
		if (!text_ends(m->files[i].path, sizeof(m->files[i].path)))
			return "a file's path in the manifest has no end";
	return NULL;
}

static const char *checks_wrong(const struct manifest *m, uint64_t size)
{
	const struct manifest_check *c;

	if (m->n_checks > MANIFEST_CHECKS)
		return "the manifest has more external checks than it can hold";
	if (m->checks_at < sizeof(*m) || m->checks_at % _Alignof(struct manifest_check) ||
	    m->checks_at > size || m->n_checks * sizeof(*c) > size - m->checks_at)
		return "the bundle's external checks lie outside it";
	c = bundle_checks(m);
	for (uint32_t i = 0; i < m->n_checks; i++) {
		if (c[i].program >= m->n_programs ||
		    m->programs[c[i].program].kind != MANIFEST_CHECK)
			return "an external check of the manifest has no program";
		if (!text_ends(c[i].backend, sizeof(c[i].backend)) ||
		    !text_ends(c[i].server, sizeof(c[i].server)) ||
		    !text_ends(c[i].address, sizeof(c[i].address)))
			return "a text of an external check has no end";
	}
	return NULL;
}

const struct manifest *bundle_map(int fd, size_t *size, const char **why)
{
	const struct manifest *m = sealed_map(fd, sizeof(*m), BUNDLE_MAX, size, why);

	if (!m)
		return NULL;
	*why = manifest_wrong(m, *size);
	if (!*why)
		*why = programs_wrong(m);
	if (!*why)
		*why = files_wrong(m);
	if (!*why)
		*why = checks_wrong(m, *size);
	if (!*why)
		return m;
	bundle_unmap(m, *size);
	return NULL;
}

void bundle_unmap(const struct manifest *m, size_t size)
{
	munmap((void *)(uintptr_t)m, size);
}

const struct manifest_check *bundle_checks(const struct manifest *m)
{
	return (const void *)((const char *)m + m->checks_at);
}

struct str bundle_sections(const struct manifest *m)
{
	return (struct str){(const char *)m + m->sections_at, m->sections_size};
}
