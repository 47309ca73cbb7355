#include "supervisor/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/holder.h"

/* ---- one socket ---- */

/* A path that a dead program left behind is taken away; one that somebody serves, or that
 * is no socket, stays. */
static bool clear_path(const struct addr *a)
{
	struct stat st;
	int fd, error;

	if (lstat(a->u.un.sun_path, &st) != 0)
		return errno == ENOENT;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	error = connect(fd, &a->u.sa, a->len) == 0 ? 0 : errno;
	close(fd);
	if (error != ECONNREFUSED) {
		errno = EADDRINUSE;
		return false;
	}
	return unlink(a->u.un.sun_path) == 0;
}

/* A virtual address is bound while another node has it, too. */
static bool bind_freely(int fd, int family)
{
	const int on = 1;

	if (family == AF_INET6)
		return setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) == 0;
	return family != AF_INET || setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0;
}

/* The step that failed, or NULL. */
static const char *set_up(int fd, const struct manifest_listener *l, struct socket_entry *e)
{
	const struct addr *a = &l->addr;
	const int on = 1;
	struct stat st;

	if (a->u.sa.sa_family == AF_UNIX && !clear_path(a))
		return "bind";
	if (a->u.sa.sa_family != AF_UNIX &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		return "SO_REUSEADDR";
	if (a->u.sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
		return "IPV6_V6ONLY";
	if (l->freebind && !bind_freely(fd, a->u.sa.sa_family))
		return "IP_FREEBIND";
	if (bind(fd, &a->u.sa, a->len) != 0)
		return "bind";
	if (listen(fd, (int)l->backlog) != 0)
		return "listen";
	if (a->u.sa.sa_family == AF_UNIX) {
		/* As open as a TCP port: what may be asked is the configuration's matter. */
		if (chmod(a->u.un.sun_path, 0666) != 0 || stat(a->u.un.sun_path, &st) != 0)
			return "chmod";
		e->dev = st.st_dev;
		e->ino = st.st_ino;
	}
	return NULL;
}

/* What to do about it. */
static void advise(const struct manifest_listener *l, int error, char *to, size_t size)
{
	const struct addr *a = &l->addr;
	bool is_unix = a->u.sa.sa_family == AF_UNIX;

	*to = '\0';
	if (error == EADDRINUSE)
		holder_describe(a, to, size);
	else if (error == EACCES && !is_unix && addr_port(a) < 1024)
		snprintf(to, size, "; ports below 1024 need root or CAP_NET_BIND_SERVICE");
	else if (error == EACCES || error == ENOENT || error == EROFS)
		snprintf(to, size, "; its directory must be there and let this user write");
	else if (error == EADDRNOTAVAIL)
		snprintf(to, size,
			 "; no interface has this address now (for one that comes later set the "
			 "sysctl net.ipv4.ip_nonlocal_bind, or net.ipv6.ip_nonlocal_bind)");
	else if (error == EEXIST)
		snprintf(to, size,
			 "; the path is there and is no socket: remove it or take another");
	else if (error == EMFILE || error == ENFILE)
		snprintf(to, size, "; raise the limit of open files (LimitNOFILE=, ulimit -n)");
}

static bool open_one(struct socket_entry *e, const struct manifest_listener *l, struct report *why)
{
	const char *step = "socket";
	char advice[256];
	int error;

	e->kept = false;
	e->fd = socket(l->addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (e->fd >= 0)
		step = set_up(e->fd, l, e);
	if (!step)
		return true;
	error = errno;
	advise(l, error, advice, sizeof(advice));
	report_add(why, "%s%s cannot listen on %s: %s: %s%s",
		   *l->frontend_name ? "frontend " : "admin", l->frontend_name, l->text, step,
		   strerror(error), advice);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	return false;
}

static void close_one(struct socket_entry *e, const struct manifest_listener *l)
{
	struct stat st;

	if (e->fd < 0)
		return;
	close(e->fd);
	e->fd = -1;
	/* Only the path that we made: another program may have put its own there since. */
	if (l->addr.u.sa.sa_family == AF_UNIX && stat(l->addr.u.un.sun_path, &st) == 0 &&
	    st.st_dev == e->dev && st.st_ino == e->ino)
		unlink(l->addr.u.un.sun_path);
}

/* ---- the set ---- */

/* The place of a bind in a set, or -1. */
static int find(const struct manifest *m, const char *text)
{
	for (uint32_t i = 0; m && i < manifest_sockets(m); i++)
		if (strcmp(m->listeners[i].text, text) == 0)
			return (int)i;
	return -1;
}

bool sockets_open(struct sockets *s, const struct manifest *m, const struct sockets *old,
		  const struct manifest *old_m, struct report *why)
{
	bool all = true;

	s->n = manifest_sockets(m);
	for (unsigned i = 0; i < s->n; i++) {
		int at = find(old_m, m->listeners[i].text);

		if (at >= 0) {
			s->entry[i] = old->entry[at];
			s->entry[i].kept = true;
		} else if (!open_one(&s->entry[i], &m->listeners[i], why)) {
			all = false;
		}
	}
	if (!all)
		sockets_drop(s, m);
	return all;
}

void sockets_drop(struct sockets *s, const struct manifest *m)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!s->entry[i].kept)
			close_one(&s->entry[i], &m->listeners[i]);
	s->n = 0;
}

void sockets_settle(struct sockets *s, const struct manifest *m, struct sockets *old,
		    const struct manifest *old_m)
{
	for (unsigned i = 0; i < old->n; i++)
		if (find(m, old_m->listeners[i].text) < 0)
			close_one(&old->entry[i], &old_m->listeners[i]);
	old->n = 0;
	for (unsigned i = 0; i < s->n; i++)
		s->entry[i].kept = false;
}

void sockets_close(struct sockets *s, const struct manifest *m)
{
	for (unsigned i = 0; i < s->n; i++)
		close_one(&s->entry[i], &m->listeners[i]);
	s->n = 0;
}
