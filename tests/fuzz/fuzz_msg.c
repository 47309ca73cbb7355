/* Packets on the socket between the supervisor and a child that may have gone bad: each is a
 * message whose parts hold together, or an error with no descriptor left open; and a message
 * that was taken is taken again as it was. The first byte says how many descriptors go beside. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "ipc/fdpass.h"
#include "ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int pair[2] = { -1, -1 }, fds[FDPASS_MAX], lowest;
static char buf[MSG_TEXT_MAX + 1], buf2[MSG_TEXT_MAX + 1];

static int lowest_free(void)
{
	int fd = dup(fds[0]);

	must(fd >= 0);
	close(fd);
	return fd;
}

static void prepare(void)
{
	int size = 1 << 18;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
	must(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	for (unsigned i = 0; i < FDPASS_MAX; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	lowest = lowest_free();
}

static void judge(struct msg *m)
{
	struct msg again;

	must((unsigned)m->type < MSG_COUNT && strcmp(msg_type_name(m->type), "?") != 0);
	must(m->text.p == buf && m->text.n <= MSG_TEXT_MAX && buf[m->text.n] == '\0');
	must(m->n_fds <= MSG_FDS_MAX);
	for (unsigned i = 0; i < m->n_fds; i++)
		must(fcntl(m->fds[i], F_GETFD) == FD_CLOEXEC);
	must(msg_send(pair[0], m) == MSG_OK);
	must(msg_recv(pair[1], &again, buf2) == MSG_OK);
	must(again.type == m->type && again.arg == m->arg && again.n_fds == m->n_fds);
	must(str_eq(again.text, m->text));
	msg_close_fds(&again);
	msg_close_fds(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iovec iov;
	enum msg_result r;
	struct msg m;

	if (size < 2)
		return 0;
	if (pair[0] < 0)
		prepare();
	iov = (struct iovec){ (void *)(uintptr_t)(data + 1), size - 1 };
	if (fdpass_send(pair[0], &iov, 1, fds, data[0] % (FDPASS_MAX + 1), 0) < 0)
		return 0;
	r = msg_recv(pair[1], &m, buf);
	must(r == MSG_OK || (r == MSG_FAIL && errno == EBADMSG));
	if (r == MSG_OK)
		judge(&m);
	must(lowest_free() == lowest);
	must(msg_recv(pair[1], &m, buf) == MSG_AGAIN);
	return 0;
}
