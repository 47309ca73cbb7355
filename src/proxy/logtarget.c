#include "proxy/logtarget.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"

static enum logtarget_kind kind_of(enum log_kind kind, int fd)
{
	struct stat st;

	if (kind == LOG_KIND_NONE || fd < 0)
		return LOGTARGET_NONE;
	if (kind == LOG_KIND_SYSLOG)
		return LOGTARGET_SYSLOG;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
		return LOGTARGET_STREAM_SOCKET;
	return LOGTARGET_STREAM;
}

/* A regular file never makes its writer wait, whatever its flags say. */
static bool is_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	return flags >= 0 && (flags & O_NONBLOCK);
}

void logtarget_init(struct logtarget *t, enum log_kind kind, int fd, int facility)
{
	*t = (struct logtarget){ .kind = kind_of(kind, fd), .fd = fd };
	t->priority = facility | LOG_INFO;
	t->nonblocking = t->kind == LOGTARGET_STREAM && is_nonblocking(fd);
}

void logtarget_close(struct logtarget *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->kind = LOGTARGET_NONE;
}

void logtarget_drop(struct logbatch *b, struct proxy_stats *stats)
{
	stats_add(stats->log_dropped, b->lines - b->done);
	b->done = b->lines;
}

/* Between the readiness of a shared pipe and the write another process may fill it. Then
 * logger_stop() may end the thread in this call, where it holds nothing. */
static ssize_t write_cancelable(int fd, const void *p, size_t n)
{
	ssize_t done;
	int saved;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	done = write(fd, p, n);
	saved = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	errno = saved;
	return done;
}

/* O_NONBLOCK would be everybody's who has the same stderr, so it is not set here. A pipe that
 * is ready takes PIPE_BUF bytes without blocking, and more is not sure. */
static ssize_t stream_write(const struct logtarget *t, const char *p, size_t n)
{
	struct pollfd ready = { .fd = t->fd, .events = POLLOUT };

	if (t->kind == LOGTARGET_STREAM_SOCKET)
		return send(t->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!t->nonblocking) {
		if (poll(&ready, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		if (n > PIPE_BUF)
			n = PIPE_BUF;
	}
	return write_cancelable(t->fd, p, n);
}

static void stream_sent(struct logtarget *t, struct logbatch *b, size_t n,
			struct proxy_stats *stats)
{
	b->sent += (uint32_t)n;
	while (b->done < b->lines && b->end[b->done] <= b->sent) {
		b->done++;
		stats_add(stats->log_lines, 1);
	}
	t->torn = b->sent != logbatch_line_start(b);
}

static enum logtarget_result stream_refused(struct logbatch *b, struct proxy_stats *stats)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return LOGTARGET_WAIT;
	/* Full, or its reader is gone: these lines are lost, the next are tried again. */
	logtarget_drop(b, stats);
	return LOGTARGET_LOST;
}

static enum logtarget_result flush_stream(struct logtarget *t, struct logbatch *b,
					  struct proxy_stats *stats)
{
	ssize_t n;

	/* What was cut there is ended first, so that it spoils no other line. */
	if (t->torn && b->sent == logbatch_line_start(b)) {
		if (stream_write(t, "\n", 1) < 0)
			return stream_refused(b, stats);
		t->torn = false;
	}
	while (b->done < b->lines) {
		n = stream_write(t, b->bytes + b->sent, logbatch_bytes(b) - b->sent);
		if (n < 0)
			return stream_refused(b, stats);
		stream_sent(t, b, (size_t)n, stats);
	}
	return LOGTARGET_DONE;
}

/* RFC 3164: <PRI>Mmm dd hh:mm:ss hpcbald[pid]: */
static void make_header(struct logtarget *t)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t second = clock_wall_us() / CLOCK_SEC;
	time_t at = (time_t)second;
	struct tm tm = { 0 };
	int n;

	if (t->header_size && t->header_second == second)
		return;
	t->header_second = second;
	localtime_r(&at, &tm);
	n = snprintf(t->header, sizeof(t->header), "<%u>%.3s %2u %02u:%02u:%02u hpcbald[%ld]: ",
		     (unsigned)t->priority & 1023u, months + tm.tm_mon % 12 * 3,
		     (unsigned)tm.tm_mday & 31u, (unsigned)tm.tm_hour & 31u,
		     (unsigned)tm.tm_min & 63u, (unsigned)tm.tm_sec & 63u, (long)getpid());
	must(n > 0 && (size_t)n < sizeof(t->header));
	t->header_size = (size_t)n;
}

static int send_datagrams(struct logtarget *t, struct logbatch *b)
{
	struct mmsghdr messages[LOGBATCH_LINES];
	struct iovec iov[LOGBATCH_LINES][2];
	uint32_t from = logbatch_line_start(b);
	unsigned n = 0;

	make_header(t);
	memset(messages, 0, (b->lines - b->done) * sizeof(messages[0]));
	for (unsigned i = b->done; i < b->lines; i++, n++) {
		iov[n][0] = (struct iovec){ t->header, t->header_size };
		iov[n][1] = (struct iovec){ b->bytes + from, b->end[i] - from - 1 };
		messages[n].msg_hdr.msg_iov = iov[n];
		messages[n].msg_hdr.msg_iovlen = 2;
		from = b->end[i];
	}
	return sendmmsg(t->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_wait(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS ||
	       error == ENOMEM;
}

static enum logtarget_result flush_syslog(struct logtarget *t, struct logbatch *b,
					  struct proxy_stats *stats)
{
	int n;

	while (b->done < b->lines) {
		n = send_datagrams(t, b);
		if (n > 0) {
			b->done += (unsigned)n;
			stats_add(stats->log_lines, (unsigned)n);
		} else if (errno == EMSGSIZE) {
			b->done++;
			stats_add(stats->log_dropped, 1);
		} else {
			/* A syslog daemon that went comes back, with a new socket: the lines
			 * are kept for that. */
			return is_wait(errno) ? LOGTARGET_WAIT : LOGTARGET_LOST;
		}
		b->sent = logbatch_line_start(b);
	}
	return LOGTARGET_DONE;
}

enum logtarget_result logtarget_flush(struct logtarget *t, struct logbatch *b,
				      struct proxy_stats *stats)
{
	switch (t->kind) {
	case LOGTARGET_SYSLOG:
		return flush_syslog(t, b, stats);
	case LOGTARGET_STREAM:
	case LOGTARGET_STREAM_SOCKET:
		return flush_stream(t, b, stats);
	case LOGTARGET_NONE:
		b->done = b->lines;
		return LOGTARGET_DONE;
	}
	wrong("a kind of log target that there is not");
}
