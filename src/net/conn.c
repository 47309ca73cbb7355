#include "net/conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"

static void io_ready(struct loop_fd *io, unsigned what)
{
	struct conn *c = list_of(io, struct conn, io);

	c->stirred = true;
	if (what & LOOP_CLOSED)
		c->hangup = true;
	if (what & (LOOP_READ | LOOP_CLOSED))
		c->can_read = true;
	if (what & LOOP_WRITE)
		c->can_write = true;
	c->ready(c);
}

#define WATCH_READ (LOOP_READ | LOOP_CLOSED | LOOP_EDGE)
#define WATCH_BOTH (WATCH_READ | LOOP_WRITE)

static bool conn_register(struct conn *c, int fd, unsigned what)
{
	if (loop_fd_add(c->loop, &c->io, fd, what, io_ready)) {
		c->told_of_write = what & LOOP_WRITE;
		return true;
	}
	c->error = errno ? errno : ENOMEM;
	close(fd);
	return false;
}

static void conn_init(struct conn *c, struct loop *l, void (*ready)(struct conn *c))
{
	*c = (struct conn){ .io = { .fd = -1 },
			    .transport = &transport_plain,
			    .facts = &conn_plain_facts,
			    .loop = l,
			    .ready = ready };
}

static void set_nodelay(int fd)
{
	const int on = 1;

	/* Fails on unix sockets, which have no delay. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* The kernel tells of an error once, and says EPIPE or nothing from then on: the first is kept. */
enum conn_result conn_break(struct conn *c, int error)
{
	if (!c->error)
		c->error = error;
	return CONN_FAIL;
}

bool conn_open(struct conn *c, struct loop *l, int fd, void (*ready)(struct conn *c))
{
	conn_init(c, l, ready);
	c->can_read = c->can_write = true;
	return conn_register(c, fd, WATCH_READ);
}

bool conn_connect(struct conn *c, struct loop *l, const struct addr *to,
		  void (*ready)(struct conn *c))
{
	int fd;

	conn_init(c, l, ready);
	fd = socket(to->u.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		c->error = errno;
		return false;
	}
	set_nodelay(fd);
	if (connect(fd, &to->u.sa, to->len) == 0) {
		c->can_write = true;
	} else if (errno == EINPROGRESS) {
		c->connecting = true;
	} else {
		c->error = errno;
		close(fd);
		return false;
	}
	return conn_register(c, fd, WATCH_BOTH);
}

void conn_open_over(struct conn *c, const struct conn *on, const struct transport *t,
		    void (*ready)(struct conn *c))
{
	conn_init(c, on->loop, ready);
	c->transport = t;
	c->facts = on->facts;
	c->io.fd = on->io.fd;
	c->can_read = c->can_write = c->told_of_write = true;
}

enum conn_result conn_connected(struct conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!c->connecting)
		return conn_handshake(c);
	if (!c->can_write)
		return CONN_AGAIN;
	if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		c->error = error;
		return CONN_FAIL;
	}
	c->connecting = false;
	return conn_handshake(c);
}

enum conn_result conn_recv(struct conn *c, void *to, size_t size, size_t *n)
{
	enum conn_result r;

	must(conn_is_open(c) && size > 0);
	*n = 0;
	if (!c->can_read)
		return CONN_AGAIN;
	r = c->transport->recv(c, to, size, n);
	c->received += *n;
	/* A reset that a write was told of ends what there is to read as if in order. EPIPE alone
	 * says that the end came before it. */
	return r == CONN_EOF && c->error && c->error != EPIPE ? CONN_FAIL : r;
}

void conn_ask_again(struct conn *c)
{
	c->can_read = c->can_read || c->cut_short;
	c->cut_short = false;
}

bool conn_is_quiet(const struct conn *c)
{
	char byte;

	if (c->transport->close) /* who carries it looks after that */
		return true;
	return recv(c->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool conn_is_reset(struct conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (c->error) /* a write was told of it; nobody is told twice */
		return true;
	if (!c->stirred)
		return false;
	c->stirred = false;
	if (getsockopt(c->io.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error)
		c->error = error;
	return error != 0;
}

/* The first time that a connection takes no more. Most never come here, and are spared the
 * edge that tells of a new socket that it can be written to. */
static enum conn_result await_write(struct conn *c)
{
	if (c->told_of_write)
		return CONN_AGAIN;
	c->told_of_write = loop_fd_change(c->loop, &c->io, WATCH_BOTH);
	return c->told_of_write ? CONN_AGAIN : conn_break(c, errno ? errno : ENOMEM);
}

enum conn_result conn_send(struct conn *c, struct iovq *q, bool end_follows, size_t *sent)
{
	must(conn_is_open(c));
	*sent = 0;
	while (q->bytes) {
		enum conn_result r;
		size_t n = 0;

		if (!c->can_write)
			return await_write(c);
		r = c->transport->send(c, q->v + q->first, q->count, end_follows, &n);
		iovq_sent(q, n);
		*sent += n;
		c->sent += n;
		if (r == CONN_FAIL) /* no edge tells of it: what is left to read is there now */
			c->can_read = true;
		if (r == CONN_AGAIN)
			return await_write(c);
		if (r != CONN_OK)
			return r;
	}
	return CONN_OK;
}

enum conn_result conn_handshake(struct conn *c)
{
	enum conn_result r = c->transport->handshake(c);

	return r == CONN_AGAIN && !c->can_write ? await_write(c) : r;
}

size_t conn_undelivered(const struct conn *c)
{
	int n;

	if (c->transport->undelivered)
		return c->transport->undelivered(c);
	return ioctl(c->io.fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

uint64_t conn_taken(const struct conn *c)
{
	size_t missing = conn_undelivered(c);

	/* A unix socket counts what its buffers cost, which may be more. */
	return c->sent > missing ? c->sent - missing : 0;
}

void conn_shutdown(struct conn *c)
{
	if (c->shut || !conn_is_open(c))
		return;
	c->shut = true;
	c->transport->shutdown(c);
}

static bool close_carried(struct conn *c, bool abort)
{
	if (!c->transport->close)
		return false;
	c->transport->close(c, abort);
	c->io.fd = -1;
	return true;
}

void conn_close(struct conn *c)
{
	int fd = c->io.fd;

	if (!conn_is_open(c) || close_carried(c, false))
		return;
	c->transport->free(c);
	loop_fd_del(&c->io);
	close(fd);
}

void conn_abort(struct conn *c)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!conn_is_open(c) || close_carried(c, true))
		return;
	(void)setsockopt(c->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->error = c->error ? c->error : ECONNABORTED; /* no word of an end goes in front */
	conn_close(c);
}

/* ---- the plain transport ---- */

static enum conn_result plain_handshake(struct conn *c)
{
	(void)c;
	return CONN_OK;
}

enum conn_result conn_raw_recv(struct conn *c, void *to, size_t size, size_t *n)
{
	ssize_t got;

	do
		got = recv(c->io.fd, to, size, 0);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*n = (size_t)got;
		/* A short read emptied the socket; the next edge says when there is more. After
		 * a hangup there is no further edge: the end itself has to be read. */
		c->cut_short = *n < size && !c->hangup;
		if (c->cut_short)
			c->can_read = false;
		return CONN_OK;
	}
	if (got == 0)
		return CONN_EOF;
	if (errno == EAGAIN) {
		c->can_read = c->cut_short = false;
		return CONN_AGAIN;
	}
	return conn_break(c, errno);
}

enum conn_result conn_raw_send(struct conn *c, const struct iovec *v, unsigned count, bool more,
			       size_t *n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = count };
	const int flags = more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
	ssize_t went;

	do
		went = sendmsg(c->io.fd, &m, flags);
	while (went < 0 && errno == EINTR);
	if (went >= 0) {
		*n = (size_t)went;
		return CONN_OK;
	}
	if (errno == EAGAIN) {
		c->can_write = false;
		return CONN_AGAIN;
	}
	return conn_break(c, errno);
}

static void plain_shutdown(struct conn *c)
{
	shutdown(c->io.fd, SHUT_WR);
}

static void plain_free(struct conn *c)
{
	(void)c;
}

const struct conn_facts conn_plain_facts = {
	.scheme = { "http", 4 },
	.words = "",
};

const struct transport transport_plain = {
	.name = "plain",
	.handshake = plain_handshake,
	.recv = conn_raw_recv,
	.send = conn_raw_send,
	.shutdown = plain_shutdown,
	.free = plain_free,
};
