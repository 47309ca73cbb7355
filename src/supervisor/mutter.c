#include "supervisor/mutter.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Of one turn, so that a child that writes without end holds up nobody. */
#define READS_A_TURN 16
#define READS_LAST 1024

void mutter_init(struct mutter *m, const char *who)
{
	m->watch.fd = -1;
	m->watch.event = NULL;
	m->who = who;
	m->n = 0;
}

static void say(struct mutter *m, unsigned n)
{
	if (n && !log_relay_line(m->who, (struct str){m->line, n}))
		log_error("%s said: %.*s", m->who, (int)n, m->line);
}

/* Says the whole lines, and a piece when there is no room for more of it. */
static void say_lines(struct mutter *m)
{
	char *end;

	while ((end = memchr(m->line, '\n', m->n))) {
		unsigned n = (unsigned)(end - m->line);

		say(m, n);
		m->n -= n + 1;
		memmove(m->line, end + 1, m->n);
	}
	if (m->n == sizeof(m->line)) {
		say(m, m->n);
		m->n = 0;
	}
}

/* False at the end. */
static bool take(struct mutter *m, unsigned reads)
{
	while (reads--) {
		ssize_t n = read(m->watch.fd, m->line + m->n, sizeof(m->line) - m->n);

		if (n <= 0)
			return n < 0;
		m->n += (unsigned)n;
		say_lines(m);
	}
	return true;
}

static void end(struct mutter *m)
{
	int fd = m->watch.fd;

	if (fd < 0)
		return;
	loop_fd_del(&m->watch);
	close(fd);
	say(m, m->n);
	m->n = 0;
}

static void ready(struct loop_fd *f, unsigned what)
{
	struct mutter *m = list_of(f, struct mutter, watch);

	(void)what;
	if (!take(m, READS_A_TURN))
		end(m);
}

int mutter_open(struct mutter *m, struct loop *l)
{
	int ends[2];

	mutter_close(m);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (loop_fd_add(l, &m->watch, ends[0], LOOP_READ, ready))
		return ends[1];
	close(ends[0]);
	close(ends[1]);
	return -1;
}

void mutter_adopt(struct mutter *m, struct loop *l, int fd)
{
	mutter_close(m);
	if (!loop_fd_add(l, &m->watch, fd, LOOP_READ, ready))
		close(fd);
}

void mutter_close(struct mutter *m)
{
	if (m->watch.fd >= 0)
		take(m, READS_LAST);
	end(m);
}
