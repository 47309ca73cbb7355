/* The runner from the supervisor's end of the socket, with real programs. Programs wait at
 * `gate` (a line lets one through) and show at `life` that they live: end-of-file there is the
 * death of all that had it open. */
#ifndef HPCBAL_TESTS_RUNNER_RIG_H
#define HPCBAL_TESTS_RUNNER_RIG_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"
#include "runner/runner.h"

#define PATIENCE_S 60 /* for a hang, not for a busy machine */
#define HOUR_MS 3600000u
#define LEFT_OPEN 77

static char dir[64];
static int sock, gate, life;
static pid_t runner;
static struct manifest manifest;
static struct manifest_check checks[MANIFEST_CHECKS_AT_ONCE + 1];

/* ---- the stage ---- */

static inline const char *file(const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static inline void give_log(void)
{
	struct msg m = {.type = MSG_LOG, .arg = LOG_KIND_FILE | LOG_DAEMON << 8, .n_fds = 1};

	m.fds[0] = open(file("log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(m.fds[0], 0);
	ck_assert_int_eq(msg_send(sock, &m), MSG_OK);
	close(m.fds[0]);
}

/* So that what has its time, as a script that is to be there before its timeout, has it on a
 * machine with too much to do, too; where that is allowed. */
static inline void be_real_time(void)
{
	struct sched_param real_time = {.sched_priority = 1};

	sched_setscheduler(0, SCHED_RR, &real_time);
}

static inline void start_runner(void)
{
	struct timeval limit = {PATIENCE_S, 0};
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	runner = fork();
	if (runner == 0) {
		close(ends[0]);
		/* Whoever starts us may have left one open. */
		dup2(gate, LEFT_OPEN);
		exit(runner_main(ends[1]));
	}
	close(ends[1]);
	sock = ends[0];
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	give_log();
}

static inline void setup(void)
{
	be_real_time();
	strcpy(dir, "/tmp/hpcbal-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(&manifest, 0, sizeof(manifest));
	ck_assert_int_eq(mkfifo(file("gate"), 0600), 0);
	ck_assert_int_eq(mkfifo(file("life"), 0600), 0);
	gate = open(file("gate"), O_RDWR | O_CLOEXEC);
	life = open(file("life"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert(gate >= 0 && life >= 0);
	start_runner();
}

static inline void expect_exit(void)
{
	int status = -1;

	ck_assert_int_eq(waitpid(runner, &status, 0), runner);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
	runner = 0;
}

static inline void send_word(enum msg_type type, uint64_t arg, struct str text)
{
	struct msg m = {.type = type, .arg = arg, .text = text};

	ck_assert_int_eq(msg_send(sock, &m), MSG_OK);
}

static inline void teardown(void)
{
	char command[96];

	if (runner) {
		send_word(MSG_STOP, 0, STR_NONE);
		expect_exit();
	}
	close(sock);
	close(gate);
	close(life);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- programs ---- */

static inline void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(file(name), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(file(name), mode), 0);
}

/* A shell script in the stage's folder, which is $D. */
static inline void write_script(const char *name, const char *body)
{
	char text[2048];

	snprintf(text, sizeof(text), "#!/bin/sh\nD=%s\n%s\n", dir, body);
	write_file(name, text, 0755);
}

static inline void add_path(enum manifest_program_kind kind, const char *path,
			    unsigned interval_ms, unsigned timeout_ms)
{
	struct manifest_program *p = &manifest.programs[manifest.n_programs++];

	p->kind = kind;
	strcpy(p->path, path);
	p->interval_us = interval_ms * CLOCK_MS;
	p->timeout_us = timeout_ms * CLOCK_MS;
}

static inline void add_notify(const char *name)
{
	add_path(MANIFEST_NOTIFY, file(name), 0, HOUR_MS);
}

/* ---- what the runner says ---- */

static inline void receive(struct msg *m, char *text)
{
	ck_assert_int_eq(msg_recv(sock, m, text), MSG_OK);
}

static inline void expect_text(enum msg_type type, uint64_t arg, const char *text)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m;

	receive(&m, buf);
	ck_assert_msg(m.type == type && m.arg == arg, "%s %llx: %s", msg_type_name(m.type),
		      (unsigned long long)m.arg, buf);
	if (text)
		ck_assert_str_eq(buf, text);
}

static inline void prepare(uint64_t generation)
{
	struct msg m = {.type = MSG_PREPARE, .arg = generation, .n_fds = 1};

	m.fds[0] = bundle_write(&manifest, checks, STR("text"));
	ck_assert_int_ge(m.fds[0], 0);
	ck_assert_int_eq(msg_send(sock, &m), MSG_OK);
	close(m.fds[0]);
}

static inline void commit(uint64_t generation)
{
	char text[MSG_TEXT_MAX + 1];
	struct msg m;

	prepare(generation);
	send_word(MSG_COMMIT, generation, STR_NONE);
	/* Scripts of the generation before may still have had a word. */
	do
		receive(&m, text);
	while (m.type == MSG_SCRIPT);
	ck_assert_int_eq(m.type, MSG_PREPARED);
	do
		receive(&m, text);
	while (m.type == MSG_SCRIPT);
	ck_assert_int_eq(m.type, MSG_COMMITTED);
	ck_assert_uint_eq(m.arg, generation);
}

static inline void notify(uint64_t generation, unsigned index, struct str arguments)
{
	send_word(MSG_NOTIFY, MSG_PROGRAM(generation, index), arguments);
}

/* ---- what is to be seen of programs ---- */

static inline void let_through(void)
{
	ck_assert_int_eq(write(gate, "\n", 1), 1);
}

static inline void wait_life(void)
{
	struct pollfd p = {.fd = life, .events = POLLIN};
	char c;

	ck_assert_int_eq(poll(&p, 1, PATIENCE_S * 1000), 1);
	ck_assert_int_eq(read(life, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
}

static inline void wait_death(void)
{
	struct pollfd p = {.fd = life, .events = POLLIN};
	char c;

	ck_assert_int_eq(poll(&p, 1, PATIENCE_S * 1000), 1);
	ck_assert_int_eq(read(life, &c, 1), 0);
}

static inline const char *content(const char *name)
{
	static char text[65536];
	FILE *f = fopen(file(name), "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static inline void wait_content(const char *name, const char *part)
{
	uint64_t until = clock_now_us() + PATIENCE_S * CLOCK_SEC;

	while (!strstr(content(name), part)) {
		ck_assert_msg(clock_now_us() < until, "%s: %s", name, content(name));
		usleep(2000);
	}
}

static inline unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* How a program may end, and what is said of it. */
static const struct {
	const char *text; /* NULL: there is no such file */
	mode_t mode;
	const char *how;
} ends[] = {
	{"#!/bin/sh\nexit 0\n", 0755, ""},
	{"#!/bin/sh\nexit 3\n", 0755, "exited with status 3"},
	{"#!/bin/sh\nkill -SEGV $$\n", 0755, "killed by SIGSEGV"},
	{"#!/bin/sh\nkill -40 $$\n", 0755, "killed by signal 40"},
	{NULL, 0, "cannot be started: No such file or directory"},
	{"#!/bin/sh\nexit 0\n", 0644,
	 "cannot be started: Permission denied (the runner's user must be allowed to execute it)"},
	{"exit 0\n", 0755,
	 "cannot be started: Exec format error (a script begins with a line like #!/bin/sh)"},
	{"#!/nowhere/sh\nexit 0\n", 0755,
	 "cannot be started: the interpreter that its first line names is not there"},
};

static inline int rig_run(Suite *s, TCase *t)
{
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 2 * PATIENCE_S);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
