#include "runner/output.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* A full pipe is 64 KiB: the last look takes it, and ends even when somebody goes on writing. */
#define READS_A_TURN 4
#define READS_LAST 32

static void say(struct output *o)
{
	if (o->n && !o->first[0])
		memcpy(o->first, o->line, o->n < OUTPUT_FIRST ? o->n : OUTPUT_FIRST);
	if (o->n && o->level != OUTPUT_SILENT)
		log_msg(o->level, "%s said: %.*s", o->who, (int)o->n, o->line);
	o->n = 0;
}

static void take_byte(struct output *o, char c)
{
	o->taken++;
	if (c == '\n') {
		say(o);
		return;
	}
	/* In what is printed an end would hide the rest. */
	o->line[o->n++] = c ? c : ' ';
	if (o->n == sizeof(o->line))
		say(o);
}

static void take_bytes(struct output *o, const char *p, size_t n)
{
	while (n && o->taken < OUTPUT_MOST) {
		take_byte(o, *p++);
		n--;
	}
	if (!n || o->said_enough)
		return;
	say(o);
	o->said_enough = true;
	if (o->level != OUTPUT_SILENT)
		log_msg(o->level, "%s said more than %d bytes; the rest is left out", o->who,
			OUTPUT_MOST);
}

/* False at the end. */
static bool take(struct output *o, unsigned reads)
{
	char bytes[4096];

	while (reads--) {
		ssize_t n = read(o->watch.fd, bytes, sizeof(bytes));

		if (n <= 0)
			return n < 0;
		take_bytes(o, bytes, (size_t)n);
	}
	return true;
}

static void end(struct output *o)
{
	int fd = o->watch.fd;

	if (fd < 0)
		return;
	loop_fd_del(&o->watch);
	close(fd);
	say(o);
}

static void ready(struct loop_fd *f, unsigned what)
{
	struct output *o = list_of(f, struct output, watch);

	(void)what;
	if (!take(o, READS_A_TURN))
		end(o);
}

int output_open(struct output *o, struct loop *l, const char *who, int level)
{
	int ends[2];

	*o = (struct output){.watch.fd = -1, .who = who, .level = level};
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	/* Only our end: programs expect to wait when they write. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (loop_fd_add(l, &o->watch, ends[0], LOOP_READ, ready))
		return ends[1];
	close(ends[0]);
	close(ends[1]);
	return -1;
}

void output_close(struct output *o)
{
	if (o->watch.fd >= 0)
		take(o, READS_LAST);
	end(o);
}
