#include "runner/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* What a process that could not become its program says. */
struct fault {
	int error;
	int there; /* the file is: what is missing is its interpreter */
};

#define FAULT_FD 3

void run_table_init(struct run_table *t, struct loop *l)
{
	t->loop = l;
	list_init(&t->runs);
}

/* ---- in the new process ---- */

static void reset_signals(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void take_descriptors(int out, int fault)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	else
		close(STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (fault != FAULT_FD)
		dup3(fault, FAULT_FD, O_CLOEXEC);
	syscall(SYS_close_range, FAULT_FD + 1, ~0u, 0);
}

static void make_environment(char *const *more, char *to[RUN_ENVIRONMENT + 2])
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	unsigned n = 0;

	to[n++] = path;
	while (more && *more && n <= RUN_ENVIRONMENT)
		to[n++] = *more++;
	to[n] = NULL;
}

_Noreturn static void become(const struct run_spec *spec, pid_t parent, int out, int fault)
{
	char *const *argv = spec->argv;
	char *environment[RUN_ENVIRONMENT + 2];
	struct fault f;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	reset_signals();
	umask(022);
	take_descriptors(out, fault);
	make_environment(spec->environment, environment);
	if (chdir("/") == 0)
		execve(argv[0], argv, environment);
	f.error = errno;
	f.there = access(argv[0], F_OK) == 0;
	_exit(write(FAULT_FD, &f, sizeof(f)) == sizeof(f) ? 127 : 126);
}

/* ---- how it went ---- */

static void describe_fault(const struct fault *f, char how[RUN_HOW])
{
	const char *what = strerror(f->error), *more = "";

	if (f->error == ENOENT && f->there)
		what = "the interpreter that its first line names is not there";
	else if (f->error == EACCES)
		more = " (the runner's user must be allowed to execute it)";
	else if (f->error == ENOEXEC)
		more = " (a script begins with a line like #!/bin/sh)";
	snprintf(how, RUN_HOW, "cannot be started: %s%s", what, more);
}

static void describe(const struct run *r, int status, char how[RUN_HOW])
{
	struct fault f;

	how[0] = '\0';
	if (read(r->fault, &f, sizeof(f)) == sizeof(f)) {
		describe_fault(&f, how);
	} else if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		if (name)
			snprintf(how, RUN_HOW, "killed by SIG%s", name);
		else
			snprintf(how, RUN_HOW, "killed by signal %d", WTERMSIG(status));
	} else if (WEXITSTATUS(status)) {
		snprintf(how, RUN_HOW, "exited with status %d", WEXITSTATUS(status));
	}
}

static void judge(struct run *r, const char *how)
{
	if (r->judged)
		return;
	r->judged = true;
	if (r->spec.ended)
		r->spec.ended(r, how);
}

/* ---- its end ---- */

/* The group is there as soon as it has a session; the process always, since nobody has reaped
 * it. */
static void kill_all(const struct run *r)
{
	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
}

static void close_all(struct run *r)
{
	int pidfd = r->death.fd;

	loop_timer_stop(&r->limit);
	loop_fd_del(&r->death);
	if (pidfd >= 0)
		close(pidfd);
	output_close(&r->output);
	if (r->fault >= 0)
		close(r->fault);
	r->fault = -1;
}

static void run_free(struct run *r)
{
	list_del(&r->link);
	loop_task_cancel(&r->end);
	free(r->path);
	free(r);
}

static void end(struct loop_task *t)
{
	run_free(list_of(t, struct run, end));
}

static void dead(struct loop_fd *f, unsigned what)
{
	struct run *r = list_of(f, struct run, death);
	char how[RUN_HOW];
	int status = 0;

	(void)what;
	/* Before it is reaped: then its number could be another's. */
	if (!r->spec.leave_it)
		kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	describe(r, status, how);
	r->pid = 0;
	close_all(r);
	judge(r, how);
	if (r->spec.gone)
		r->spec.gone(r);
	loop_task_queue(r->loop, &r->end);
}

static void too_long(struct loop_timer *t)
{
	struct run *r = list_of(t, struct run, limit);
	siginfo_t info = {.si_pid = 0};
	char how[RUN_HOW];

	/* It may have ended since we last looked: then that is what counts. */
	if (waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
		return;
	kill_all(r);
	r->killed_us = loop_now(r->loop);
	snprintf(how, sizeof(how), "did not end within %llu ms, killed",
		 (unsigned long long)(r->spec.timeout_us / CLOCK_MS));
	judge(r, how);
}

void run_drop(struct run *r)
{
	r->spec.ended = NULL;
	r->spec.gone = NULL;
	if (r->pid)
		kill_all(r);
}

void run_table_end(struct run_table *t)
{
	while (!list_empty(&t->runs)) {
		struct run *r = list_of(t->runs.next, struct run, link);

		if (r->pid)
			kill_all(r);
		close_all(r);
		run_free(r);
	}
}

/* ---- its beginning ---- */

static struct run *run_new(struct run_table *t, const struct run_spec *spec)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = t->loop;
	r->spec = *spec;
	r->spec.argv = r->spec.environment = NULL;
	r->death.fd = r->output.watch.fd = r->fault = -1;
	loop_timer_init(&r->limit, too_long);
	loop_task_init(&r->end, end);
	list_init(&r->link);
	r->path = strdup(spec->argv[0]);
	if (r->path)
		return r;
	run_free(r);
	return NULL;
}

/* False with errno; the process may be there all the same. */
static bool launch(struct run *r, const struct run_spec *spec, int out)
{
	pid_t parent = getpid();
	int fault[2], pidfd;

	if (pipe2(fault, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	r->fault = fault[0];
	r->pid = fork();
	if (r->pid == 0)
		become(spec, parent, out, fault[1]);
	close(fault[1]);
	if (r->pid < 0) {
		r->pid = 0;
		return false;
	}
	pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (pidfd < 0)
		return false;
	if (loop_fd_add(r->loop, &r->death, pidfd, LOOP_READ, dead))
		return true;
	close(pidfd);
	return false;
}

/* A process that nobody could watch is not left behind. */
static void undo(struct run *r)
{
	if (r->pid) {
		kill_all(r);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_all(r);
	run_free(r);
}

struct run *run_start(struct run_table *t, const struct run_spec *spec, char how[RUN_HOW])
{
	struct run *r = run_new(t, spec);
	int out = r ? output_open(&r->output, t->loop, r->path, spec->level) : -1;
	bool going = out >= 0 && launch(r, spec, out);

	if (!going)
		snprintf(how, RUN_HOW, "cannot be started: %s", strerror(errno));
	if (out >= 0)
		close(out);
	if (going) {
		list_append(&t->runs, &r->link);
		loop_timer_set(t->loop, &r->limit, loop_now_exact(t->loop) + spec->timeout_us);
		return r;
	}
	if (r)
		undo(r);
	return NULL;
}
