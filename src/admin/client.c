#include "admin/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static enum control_exit
fail(char *why, enum control_exit status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CLIENT_WHY, fmt, ap);
	va_end(ap);
	return status;
}

static enum control_exit fail_connect(char *why, const char *socket, int error)
{
	const char *todo = "";

	switch (error) {
	case ENOENT:
		todo = "; start hpcbald, or name its socket with -s";
		break;
	case ECONNREFUSED:
		todo = "; its daemon is gone, or it is no socket at all: start hpcbald";
		break;
	case EACCES:
	case EPERM:
		todo = "; become root, or a member of the group that the socket belongs to";
		break;
	case EPROTOTYPE:
		todo = "; this socket is another program's: name hpcbald's with -s";
		break;
	case ENAMETOOLONG:
		todo = "; a socket's path has at most 107 bytes";
		break;
	default:
		break;
	}
	return fail(why, CONTROL_NO_DAEMON, "no daemon at %s: %s%s", socket, strerror(error),
		    todo);
}

/* Texts pass through processes that speak with the network; a terminal obeys no byte of
 * them but line ends and tabs. */
static void pass_on(FILE *out, struct str body)
{
	if (!out)
		return;
	for (size_t i = 0; i < body.n; i++) {
		unsigned char c = (unsigned char)body.p[i];
		bool good = c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';

		fputc(good ? c : '?', out);
	}
	fflush(out);
}

static void take_fds(const struct control_packet *p, int fds[CONTROL_BOARDS])
{
	for (unsigned i = 0; i < p->n_fds && i < CONTROL_BOARDS; i++) {
		if (p->kind == 'f' && fds[i] < 0)
			fds[i] = p->fds[i];
		else
			close(p->fds[i]);
	}
}

static enum control_exit exit_of(struct str body)
{
	unsigned status = body.n ? (unsigned char)body.p[0] : CONTROL_REFUSED;

	return status <= CONTROL_NO_DAEMON ? (enum control_exit)status : CONTROL_REFUSED;
}

static bool wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static enum control_exit converse(const struct client_request *q, int fd, char *buf,
				  int fds[CONTROL_BOARDS], char *why)
{
	struct control_packet p;

	/* A daemon that closes at once may have said why. */
	if (!control_request(fd, q->argc, q->argv) && errno != EPIPE)
		return fail(why, CONTROL_REFUSED, "%s cannot be sent to the daemon at %s: %s",
			    q->argv[0], q->socket, strerror(errno));
	for (;;) {
		if (!wait_readable(fd, q->timeout_ms))
			return fail(why, CONTROL_REFUSED,
				    "the daemon at %s has not answered for %d s; its log may say "
				    "what it is doing",
				    q->socket, q->timeout_ms / 1000);
		if (!control_read(fd, &p, buf))
			return fail(why, CONTROL_REFUSED, "the daemon at %s cannot be read: %s",
				    q->socket, strerror(errno));
		take_fds(&p, fds);
		switch (p.kind) {
		case 'o':
			pass_on(q->out, p.body);
			break;
		case 'e':
			pass_on(q->err, p.body);
			break;
		case 's':
		case 'r':
		case 'l':
		case 'n':
			if (q->tell)
				q->tell(q->arg, p.kind, p.body);
			break;
		case 'x':
			return exit_of(p.body);
		case 0:
			return fail(why, CONTROL_REFUSED,
				    "the daemon at %s, or its process that was asked, ended "
				    "before it had answered; its log says why",
				    q->socket);
		default:
			break;
		}
	}
}

static const void *map_board(int fd, size_t size, const char **why)
{
	return fd < 0 ? NULL : board_map(fd, size, false, why);
}

static enum control_exit map_boards(const int fds[CONTROL_BOARDS], struct client_boards *b,
				    const char *socket, char *why)
{
	const char *wrong = NULL;

	b->supervisor = map_board(fds[0], sizeof(*b->supervisor), &wrong);
	if (!wrong)
		b->proxy = map_board(fds[1], sizeof(*b->proxy), &wrong);
	if (!wrong)
		b->vrrp = map_board(fds[2], sizeof(*b->vrrp), &wrong);
	if (!wrong)
		b->limits = map_board(fds[3], sizeof(*b->limits), &wrong);
	if (wrong)
		return fail(why, CONTROL_REFUSED, "the daemon at %s: %s", socket, wrong);
	if (!b->supervisor)
		return fail(why, CONTROL_REFUSED,
			    "the daemon at %s has not handed out its boards; use the hpcbalctl "
			    "of its version",
			    socket);
	return CONTROL_DONE;
}

enum control_exit client_ask(const struct client_request *q, struct client_boards *boards,
			     char *why)
{
	int fds[CONTROL_BOARDS] = { -1, -1, -1, -1 };
	char *buf = malloc(CONTROL_PACKET_MAX);
	enum control_exit status;
	int fd;

	why[0] = '\0';
	if (boards)
		*boards = (struct client_boards){ 0 };
	if (!buf)
		return fail(why, CONTROL_REFUSED, "out of memory");
	fd = control_connect(q->socket);
	if (fd < 0) {
		status = fail_connect(why, q->socket, errno);
	} else {
		status = converse(q, fd, buf, fds, why);
		close(fd);
	}
	if (status == CONTROL_DONE && boards)
		status = map_boards(fds, boards, q->socket, why);
	for (unsigned i = 0; i < CONTROL_BOARDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (status != CONTROL_DONE && boards)
		client_unmap(boards);
	free(buf);
	return status;
}

static void unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)(uintptr_t)p, size);
}

void client_unmap(struct client_boards *b)
{
	unmap(b->supervisor, sizeof(*b->supervisor));
	unmap(b->proxy, sizeof(*b->proxy));
	unmap(b->vrrp, sizeof(*b->vrrp));
	unmap(b->limits, sizeof(*b->limits));
	*b = (struct client_boards){ 0 };
}
