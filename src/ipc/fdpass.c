#include "ipc/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

union fdpass_control {
	struct cmsghdr head; /* for its alignment */
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

ssize_t fdpass_send(int sock, const struct iovec *iov, unsigned n_iov, const int *fds,
		    unsigned n_fds, int flags)
{
	union fdpass_control control;
	struct msghdr h = {.msg_iov = (struct iovec *)(void *)iov, .msg_iovlen = n_iov};
	ssize_t n;

	must(n_fds <= FDPASS_MAX);
	if (n_fds) {
		struct cmsghdr *c = &control.head;

		memset(&control, 0, sizeof(control));
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &h, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Takes every descriptor out of the control data; those beyond `room` are closed. False
 * when there were any of these. */
static bool take_fds(struct msghdr *h, int *fds, unsigned room, unsigned *n_fds)
{
	struct cmsghdr *c;
	bool all = true;

	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*n_fds < room) {
				fds[(*n_fds)++] = fd;
			} else {
				close(fd);
				all = false;
			}
		}
	}
	return all;
}

ssize_t fdpass_recv(int sock, const struct iovec *iov, unsigned n_iov, int *fds, unsigned *n_fds)
{
	union fdpass_control control;
	struct msghdr h = {.msg_iov = (struct iovec *)(void *)iov,
			   .msg_iovlen = n_iov,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	unsigned room = *n_fds;
	ssize_t n;
	bool all;

	*n_fds = 0;
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	all = take_fds(&h, fds, room, n_fds);
	if (!all || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		fdpass_close(fds, n_fds);
		errno = EBADMSG;
		return -1;
	}
	return n;
}

void fdpass_close(int *fds, unsigned *n_fds)
{
	while (*n_fds)
		if (fds[--*n_fds] >= 0)
			close(fds[*n_fds]);
}
