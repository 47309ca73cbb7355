#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

/* Who writes holds it, so that a number that was closed is not written to: what is opened next,
 * perhaps a client's connection, gets the same. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of target, kind, facility */
static int target = STDERR_FILENO;
static enum log_kind kind = LOG_KIND_STDERR;
static int facility = LOG_DAEMON;
static _Atomic(const char *) role = "hpcbald";
static _Atomic bool echo;
static _Atomic uint64_t dropped;

static const char *const level_names[] = { "emerg", "alert",  "crit", "error",
					   "warning", "notice", "info", "debug" };

void log_open(enum log_kind k, int fd, int fac, const char *ident)
{
	pthread_mutex_lock(&lock);
	target = fd;
	facility = fac;
	kind = k;
	pthread_mutex_unlock(&lock);
	atomic_store(&role, ident);
}

void log_echo(bool on)
{
	atomic_store(&echo, on);
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}

struct speaker {
	const char *role;
	int pid;
};

static size_t line_head(char *to, size_t size, enum log_kind k, int level,
			const struct speaker *who)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct timespec now;
	struct tm t;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &t);
	if (k == LOG_KIND_SYSLOG)
		n = snprintf(to, size, "<%d>%s %2d %02d:%02d:%02d hpcbald[%d]: %s: ",
			     facility | level, months[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min,
			     t.tm_sec, who->pid, who->role);
	else
		n = snprintf(to, size, "%04d-%02d-%02d %02d:%02d:%02d.%03d hpcbald[%d] %s %s: ",
			     t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
			     t.tm_sec, (int)(now.tv_nsec / 1000000), who->pid, who->role,
			     level_names[level & 7]);
	return n < 0 ? 0 : (size_t)n;
}

/* A pipe or terminal that nobody reads would make the writer wait, and O_NONBLOCK is not
 * ours to set: the file description is shared. What poll() calls writable takes a line. */
static ssize_t write_at_once(int fd, const char *line, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 ? write(fd, line, n) : -1;
}

/* What came from outside (a name, an answer) must not begin a line of its own. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static void put(enum log_kind k, int fd, int level, const struct speaker *who, const char *message)
{
	char line[LINE_MAX_BYTES];
	size_t head = line_head(line, sizeof(line), k, level, who);
	size_t n = strnlen(message, sizeof(line) - head - 2);
	ssize_t went;

	memcpy(line + head, message, n);
	n += head;
	if (k == LOG_KIND_SYSLOG) {
		went = send(fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		line[n++] = '\n';
		went = write_at_once(fd, line, n);
	}
	if (went < 0)
		atomic_fetch_add(&dropped, 1);
}

static void put_everywhere(int level, const struct speaker *who, char *message)
{
	int keep = errno;

	make_one_line(message);
	pthread_mutex_lock(&lock);
	if (kind != LOG_KIND_NONE && target >= 0)
		put(kind, target, level, who, message);
	if (atomic_load(&echo) && kind != LOG_KIND_STDERR)
		put(LOG_KIND_STDERR, STDERR_FILENO, level, who, message);
	pthread_mutex_unlock(&lock);
	errno = keep;
}

void log_msg(int level, const char *fmt, ...)
{
	struct speaker own = {atomic_load(&role), (int)getpid()};
	char message[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	put_everywhere(level, &own, message);
}

void log_relay(const char *whose, int pid, int level, struct str text)
{
	struct speaker other = {whose, pid};
	char message[LINE_MAX_BYTES];

	snprintf(message, sizeof(message), "%.*s", (int)(text.n < sizeof(message) ? text.n : 0),
		 text.n ? text.p : "");
	put_everywhere(level & 7, &other, message);
}

bool log_relay_line(const char *whose, struct str line)
{
	char text[LINE_MAX_BYTES], other[16], level[16];
	int pid, at = 0;

	snprintf(text, sizeof(text), "%.*s", (int)(line.n < sizeof(text) ? line.n : 0), line.p);
	if (sscanf(text, "%*u-%*u-%*u %*u:%*u:%*u.%*u hpcbald[%d] %15s %15[a-z]: %n", &pid, other,
		   level, &at) != 3 ||
	    at == 0 || strcmp(other, whose) != 0)
		return false;
	for (int i = 0; i <= LOG_DEBUG; i++)
		if (strcmp(level, level_names[i]) == 0) {
			log_relay(whose, pid, i, str_of(text + at));
			return true;
		}
	return false;
}
