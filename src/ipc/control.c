#include "ipc/control.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/fdpass.h"

static bool send_packet(int fd, char kind, struct str body, const int *fds, unsigned n_fds)
{
	struct iovec iov[2] = {{&kind, 1}, {(void *)(uintptr_t)body.p, body.n}};

	return fdpass_send(fd, iov, body.n ? 2 : 1, fds, n_fds, MSG_DONTWAIT) >= 0;
}

bool control_send(int fd, char kind, struct str body)
{
	while (body.n) {
		struct str part = str_first(body, CONTROL_PACKET_MAX - 1);

		if (!send_packet(fd, kind, part, NULL, 0))
			return false;
		body = str_from(body, part.n);
	}
	return true;
}

bool control_send_boards(int fd, const int boards[CONTROL_BOARDS])
{
	return send_packet(fd, 'f', STR_NONE, boards, CONTROL_BOARDS);
}

bool control_send_exit(int fd, enum control_exit status)
{
	char byte = (char)status;

	return send_packet(fd, 'x', (struct str){&byte, 1}, NULL, 0);
}

int control_connect(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, saved;

	if (!str_copy(un.sun_path, sizeof(un.sun_path), str_of(path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

bool control_request(int fd, int argc, char *const argv[])
{
	char words[CONTROL_REQUEST_MAX];
	struct iovec iov = {words, 0};

	for (int i = 0; i < argc; i++) {
		size_t n = strlen(argv[i]) + 1;

		if (n > sizeof(words) - iov.iov_len) {
			errno = E2BIG;
			return false;
		}
		memcpy(words + iov.iov_len, argv[i], n);
		iov.iov_len += n;
	}
	/* The NUL behind the last word is no separator. */
	if (iov.iov_len)
		iov.iov_len--;
	/* A daemon that has too much to do answers before it heard what was wanted. */
	return fdpass_send(fd, &iov, 1, NULL, 0, 0) >= 0 || errno == EPIPE;
}

bool control_read(int fd, struct control_packet *p, char *buf)
{
	struct iovec iov = {buf, CONTROL_PACKET_MAX};
	ssize_t n;

	p->n_fds = CONTROL_BOARDS;
	n = fdpass_recv(fd, &iov, 1, p->fds, &p->n_fds);
	if (n < 0)
		return false;
	p->kind = n ? buf[0] : 0;
	p->body = n ? (struct str){buf + 1, (size_t)n - 1} : STR_NONE;
	return true;
}
