#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"

/* What a child is told of our environment: how sanitizers report, and the time zone that
 * its log lines are written in. */
static const char *const kept_environment[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
					       "TSAN_OPTIONS", "TZ"};
#define KEPT (sizeof(kept_environment) / sizeof(kept_environment[0]))

/* Messages a turn, so that a child that talks without end holds up nobody. */
#define MESSAGES_A_TURN 64

struct queued {
	struct list link;
	struct msg m; /* its descriptors are copies of our own */
	char text[];
};

void child_init(struct child *c, struct loop *l, const char *name,
		void (*message)(struct child *c, struct msg *m),
		void (*gone)(struct child *c, int status))
{
	*c = (struct child){.loop = l, .sock = -1, .message = message, .gone = gone};
	c->sock_watch.fd = c->pid_watch.fd = -1;
	list_init(&c->queue);
	mutter_init(&c->mutter, name);
}

/* ---- starting ---- */

static void set_limits(uint64_t nofile)
{
	struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY}, files;

	if (setrlimit(RLIMIT_CORE, &core) != 0 && getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = core.rlim_max;
		setrlimit(RLIMIT_CORE, &core);
	}
	if (!nofile || getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_max < nofile) {
		struct rlimit more = {nofile, nofile};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	files.rlim_cur = nofile < files.rlim_max ? nofile : files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void close_others(int program)
{
	unsigned first = MSG_CHILD_FD + 1;

	if ((unsigned)program > first)
		syscall(SYS_close_range, first, (unsigned)program - 1, 0);
	syscall(SYS_close_range, (unsigned)program + 1, ~0u, 0);
}

static void make_environment(char *env[KEPT + 1], char lines[KEPT][512])
{
	size_t n = 0;

	for (size_t i = 0; i < KEPT; i++) {
		const char *value = getenv(kept_environment[i]);

		if (!value || strlen(value) > 400)
			continue;
		snprintf(lines[n], sizeof(lines[n]), "%s=%s", kept_environment[i], value);
		env[n] = lines[n];
		n++;
	}
	env[n] = NULL;
}

/* In the child. A session of its own: Ctrl-C at the terminal is for the supervisor alone. */
_Noreturn static void become(const struct child_spec *spec, int sock, int words)
{
	char *env[KEPT + 1], lines[KEPT][512];
	int null;

	setsid();
	if (sock == MSG_CHILD_FD)
		fcntl(sock, F_SETFD, 0);
	else
		dup2(sock, MSG_CHILD_FD);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (words >= 0) {
		dup2(words, STDOUT_FILENO);
		dup2(words, STDERR_FILENO);
	}
	set_limits(spec->nofile);
	make_environment(env, lines);
	close_others(spec->program);
	syscall(SYS_execveat, spec->program, "", spec->argv, env, AT_EMPTY_PATH);
	dprintf(STDERR_FILENO, "hpcbald: a child cannot be started: execveat: %s\n",
		strerror(errno));
	_exit(127);
}

static void sock_ready(struct loop_fd *f, unsigned what);
static void pid_ready(struct loop_fd *f, unsigned what);

static bool watch(struct child *c, int pidfd)
{
	return loop_fd_add(c->loop, &c->pid_watch, pidfd, LOOP_READ, pid_ready) &&
	       loop_fd_add(c->loop, &c->sock_watch, c->sock, LOOP_READ, sock_ready);
}

static void close_all(struct child *c)
{
	struct list *e;

	while ((e = list_pop(&c->queue))) {
		struct queued *q = list_of(e, struct queued, link);

		msg_close_fds(&q->m);
		free(q);
	}
	if (c->pid_watch.fd >= 0) {
		int pidfd = c->pid_watch.fd;

		loop_fd_del(&c->pid_watch);
		close(pidfd);
	}
	loop_fd_del(&c->sock_watch);
	if (c->sock >= 0)
		close(c->sock);
	mutter_close(&c->mutter);
	c->sock = -1;
	c->writing = false;
	c->pid = 0;
}

bool child_start(struct child *c, const struct child_spec *spec)
{
	int pair[2], pidfd, saved, words = -1;

	must(c->pid == 0 && spec->program > MSG_CHILD_FD);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	if (spec->listen)
		words = mutter_open(&c->mutter, c->loop);
	c->pid = fork();
	if (c->pid == 0)
		become(spec, pair[1], words);
	saved = errno;
	if (words >= 0)
		close(words);
	close(pair[1]);
	c->sock = pair[0];
	if (c->pid < 0) {
		close_all(c);
		errno = saved;
		return false;
	}
	fcntl(c->sock, F_SETFL, O_NONBLOCK);
	pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (pidfd >= 0 && watch(c, pidfd))
		return true;
	saved = errno;
	if (pidfd >= 0 && c->pid_watch.fd < 0)
		close(pidfd);
	child_end(c);
	errno = saved;
	return false;
}

/* Its pid is its own for as long as nobody has waited for it: a zombie is told of by the pidfd. */
static bool is_our_child(pid_t pid)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		return true;
	errno = ESRCH;
	return false;
}

bool child_adopt(struct child *c, pid_t pid, int sock, int words)
{
	int pidfd = -1, saved;

	must(c->pid == 0);
	c->sock = sock;
	if (words >= 0)
		mutter_adopt(&c->mutter, c->loop, words);
	if (is_our_child(pid))
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0 && watch(c, pidfd)) {
		c->pid = pid;
		return true;
	}
	saved = errno;
	if (pidfd >= 0 && c->pid_watch.fd < 0)
		close(pidfd);
	close_all(c);
	errno = saved;
	return false;
}

/* ---- sending ---- */

static void queue_message(struct child *c, const struct msg *m)
{
	struct queued *q = malloc(sizeof(*q) + m->text.n);

	if (!q) {
		/* A child that misses a message is of no use any more. */
		log_error("out of memory for a message to a child; it is ended");
		child_kill(c, SIGKILL);
		return;
	}
	q->m = *m;
	memcpy(q->text, m->text.p ? m->text.p : "", m->text.n);
	q->m.text.p = q->text;
	for (q->m.n_fds = 0; q->m.n_fds < m->n_fds; q->m.n_fds++) {
		int fd = fcntl(m->fds[q->m.n_fds], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			log_error("out of descriptors for a message to a child; it is ended");
			child_kill(c, SIGKILL);
			break;
		}
		q->m.fds[q->m.n_fds] = fd;
	}
	list_append(&c->queue, &q->link);
}

static void watch_writing(struct child *c, bool on)
{
	if (c->writing == on)
		return;
	c->writing = on;
	loop_fd_del(&c->sock_watch);
	if (!loop_fd_add(c->loop, &c->sock_watch, c->sock, LOOP_READ | (on ? LOOP_WRITE : 0),
			 sock_ready))
		child_kill(c, SIGKILL);
}

void child_send(struct child *c, const struct msg *m)
{
	enum msg_result r;

	if (c->sock < 0)
		return;
	r = list_empty(&c->queue) ? msg_send(c->sock, m) : MSG_AGAIN;
	if (r == MSG_AGAIN) {
		queue_message(c, m);
		watch_writing(c, true);
	} else if (r == MSG_FAIL) {
		log_error("a message (%s) to a child cannot be sent: %s; it is ended",
			  msg_type_name(m->type), strerror(errno));
		child_kill(c, SIGKILL);
	}
	/* MSG_EOF: it is dying; gone() will tell. */
}

static void send_queued(struct child *c)
{
	while (!list_empty(&c->queue)) {
		struct queued *q = list_of(c->queue.next, struct queued, link);

		if (msg_send(c->sock, &q->m) == MSG_AGAIN)
			return;
		list_del(&q->link);
		msg_close_fds(&q->m);
		free(q);
	}
	watch_writing(c, false);
}

/* ---- receiving ---- */

/* False when there is no more to come. */
static bool receive(struct child *c, unsigned most)
{
	static char buf[MSG_TEXT_MAX + 1];

	for (unsigned i = 0; i < most && c->sock >= 0; i++) {
		struct msg m;

		switch (msg_recv(c->sock, &m, buf)) {
		case MSG_OK:
			c->message(c, &m);
			break;
		case MSG_AGAIN:
			return true;
		case MSG_EOF:
			return false;
		case MSG_FAIL:
			log_error("a child sent what is no message (%s); it is ended",
				  strerror(errno));
			child_kill(c, SIGKILL);
			return false;
		}
	}
	return true;
}

static void sock_ready(struct loop_fd *f, unsigned what)
{
	struct child *c = list_of(f, struct child, sock_watch);

	if (what & LOOP_WRITE)
		send_queued(c);
	/* Its end is closed but the process is still there: the pidfd tells the rest. */
	if ((what & LOOP_READ) && !receive(c, MESSAGES_A_TURN))
		loop_fd_del(&c->sock_watch);
}

static void pid_ready(struct loop_fd *f, unsigned what)
{
	struct child *c = list_of(f, struct child, pid_watch);
	pid_t pid = c->pid;
	int status = 0;

	(void)what;
	receive(c, 1u << 20);
	/* What it said last may have ended it already, and even started the next one. */
	if (c->pid != pid)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close_all(c);
	c->gone(c, status);
}

/* ---- ending ---- */

void child_kill(struct child *c, int signo)
{
	if (c->pid > 0)
		kill(c->pid, signo);
}

void child_end(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_all(c);
}

void child_finish(struct child *c, uint64_t wait_us)
{
	struct pollfd end = {.fd = c->pid_watch.fd, .events = POLLIN};

	if (!c->pid)
		return;
	(void)poll(&end, 1, (int)(wait_us / CLOCK_MS));
	receive(c, 1u << 20);
	child_end(c);
}

void child_describe(int status, char *to, size_t size)
{
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		snprintf(to, size, "killed by SIG%s%s", name ? name : "?",
			 WCOREDUMP(status) ? " (core dumped)" : "");
	} else {
		snprintf(to, size, "exited with status %d", WEXITSTATUS(status));
	}
}
