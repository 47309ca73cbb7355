#include "ipc/msg.h"

#include <errno.h>

#include "base/assert.h"
#include "ipc/fdpass.h"

_Static_assert(MSG_FDS_MAX <= FDPASS_MAX, "a message's descriptors fit beside a packet");

/* In front of the text of every packet. */
struct msg_head {
	uint32_t type;
	uint32_t n_fds;
	uint64_t arg;
};

const char *msg_type_name(enum msg_type t)
{
	static const char *const names[] = {
#define X(name) #name,
		MSG_TYPES(X)
#undef X
	};

	return (unsigned)t < MSG_COUNT ? names[t] : "?";
}

static enum msg_result result_of_errno(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return MSG_AGAIN;
	if (errno == EPIPE || errno == ECONNRESET)
		return MSG_EOF;
	return MSG_FAIL;
}

enum msg_result msg_send(int sock, const struct msg *m)
{
	struct msg_head head = {.type = m->type, .n_fds = m->n_fds, .arg = m->arg};
	struct iovec iov[2] = {{&head, sizeof(head)}, {(void *)(uintptr_t)m->text.p, m->text.n}};

	must((unsigned)m->type < MSG_COUNT);
	must(m->text.n <= MSG_TEXT_MAX);
	if (fdpass_send(sock, iov, m->text.n ? 2 : 1, m->fds, m->n_fds, 0) < 0)
		return result_of_errno();
	return MSG_OK;
}

enum msg_result msg_recv(int sock, struct msg *m, char *buf)
{
	struct msg_head head;
	struct iovec iov[2] = {{&head, sizeof(head)}, {buf, MSG_TEXT_MAX}};
	ssize_t n;

	m->n_fds = MSG_FDS_MAX;
	n = fdpass_recv(sock, iov, 2, m->fds, &m->n_fds);
	if (n < 0)
		return result_of_errno();
	if (n == 0 && m->n_fds == 0)
		return MSG_EOF;
	if ((size_t)n < sizeof(head) || head.type >= MSG_COUNT || head.n_fds != m->n_fds) {
		msg_close_fds(m);
		errno = EBADMSG;
		return MSG_FAIL;
	}
	m->type = (enum msg_type)head.type;
	m->arg = head.arg;
	m->text = (struct str){buf, (size_t)n - sizeof(head)};
	buf[m->text.n] = '\0';
	return MSG_OK;
}

void msg_close_fds(struct msg *m)
{
	fdpass_close(m->fds, &m->n_fds);
}
