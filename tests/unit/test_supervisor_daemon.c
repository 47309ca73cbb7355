/* The supervisor with children made for it: its start, its end, a child that dies or hangs,
 * reloads that go well or badly. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_child.h"
#include "ipc/board.h"
#include "ipc/control.h"
#include "supervisor/supervisor.h"

static char dir[64], config[128], control[128], errors[128];
static pid_t daemon_pid;
static char answer[65536], packet[CONTROL_PACKET_MAX];

/* ---- the daemon ---- */

static void setup(void)
{
	strcpy(dir, "/tmp/hpcbal-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(config, sizeof(config), "%s/hpcbal.conf", dir);
	snprintf(control, sizeof(control), "%s/run/control.sock", dir);
	snprintf(errors, sizeof(errors), "%s/stderr", dir);
	daemon_pid = 0;
}

static void teardown(void)
{
	char command[128];

	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* The configuration: the control socket, and these lines. */
static void write_config(const char *fmt, ...)
{
	FILE *f = fopen(config, "we");
	va_list ap;

	ck_assert_ptr_nonnull(f);
	fprintf(f, "control %s\n", control);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static void start(bool foreground)
{
	struct supervisor_options o = { config, "/proc/self/exe", foreground };
	int fd;

	daemon_pid = fork();
	if (daemon_pid)
		return;
	fd = open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	exit(supervisor_main(&o));
}

static void sleep_ms(unsigned ms)
{
	usleep(ms * 1000);
}

/* What it wrote to stderr so far. */
static const char *said(void)
{
	static char text[65536];
	FILE *f = fopen(errors, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static int wait_exit(unsigned most_ms)
{
	int status;

	for (unsigned i = 0; i < most_ms / 10; i++) {
		if (waitpid(daemon_pid, &status, WNOHANG) == daemon_pid) {
			daemon_pid = 0;
			ck_assert_msg(WIFEXITED(status), "died: %s", said());
			return WEXITSTATUS(status);
		}
		sleep_ms(10);
	}
	ck_abort_msg("still runs after %u ms: %s", most_ms, said());
	return -1;
}

/* ---- its clients ---- */

/* Exit status; the text is in `answer`. -1: no daemon, -2: it died on the way. */
static int ask(int argc, char **argv)
{
	int fd = control_connect(control), status = -2;
	struct control_packet p;
	size_t n = 0;

	answer[0] = '\0';
	if (fd < 0)
		return -1;
	ck_assert(control_request(fd, argc, argv));
	while (status == -2 && control_read(fd, &p, packet) && p.kind) {
		if (p.kind == 'x')
			status = p.body.p[0];
		if (p.kind == 'o' || p.kind == 'e')
			n += (size_t)snprintf(answer + n, sizeof(answer) - n, "%.*s", STR_ARGS(p.body));
		for (unsigned i = 0; i < p.n_fds; i++)
			close(p.fds[i]);
	}
	close(fd);
	return status;
}

static int ask_word(const char *word)
{
	char copy[64];
	char *words[] = { copy };

	snprintf(copy, sizeof(copy), "%s", word);
	return ask(1, words);
}

static int connect_to(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The generation that answers at the port; 0: refused. `pid` is who it was. */
static unsigned answered(unsigned port, int *pid)
{
	int fd = connect_to(port);
	char text[64] = "";
	unsigned generation = 0;

	if (fd < 0)
		return 0;
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	ck_assert_int_eq(sscanf(text, "%u %d", &generation, pid), 2);
	return generation;
}

static void wait_ready(unsigned port)
{
	int pid;

	for (unsigned i = 0; i < 500; i++) {
		if (ask_word("version") == 0 && answered(port, &pid) > 0)
			return;
		sleep_ms(10);
	}
	ck_abort_msg("never served: %s", said());
}

/* A port that nobody has. */
static unsigned free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(in);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	close(fd);
	return ntohs(in.sin_port);
}

struct boards {
	const struct board_supervisor *supervisor;
	const struct board_proxy *proxy;
	int fds[3];
};

static struct boards get_boards(void)
{
	char word[] = "boards", *words[] = { word };
	int fd = control_connect(control);
	struct control_packet p;
	struct boards b;
	const char *why;

	ck_assert_int_ge(fd, 0);
	ck_assert(control_request(fd, 1, words));
	ck_assert(control_read(fd, &p, packet));
	ck_assert_int_eq(p.kind, 'f');
	ck_assert_uint_eq(p.n_fds, 3);
	b.supervisor = board_map(p.fds[0], sizeof(*b.supervisor), false, &why);
	b.proxy = board_map(p.fds[1], sizeof(*b.proxy), false, &why);
	ck_assert(b.supervisor && b.proxy);
	memcpy(b.fds, p.fds, sizeof(b.fds));
	close(fd);
	return b;
}

static unsigned open_files(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool exists(const char *name)
{
	char path[192];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0;
}

/* ---- start and end ---- */

START_TEST(starts_serves_and_stops)
{
	unsigned port = free_port();
	struct boards b;
	char pid[32];

	write_config("bind 127.0.0.1:%u\nwarn W1\n", port);
	start(true);
	wait_ready(port);
	ck_assert_int_eq(ask_word("version"), 0);
	snprintf(pid, sizeof(pid), "pid %d", (int)daemon_pid);
	ck_assert_ptr_nonnull(strstr(answer, pid));
	ck_assert_ptr_nonnull(strstr(said(), "W1"));
	b = get_boards();
	ck_assert_int_eq(stats_get(b.supervisor->pid), daemon_pid);
	ck_assert_uint_eq(stats_get(b.supervisor->generation), 1);
	ck_assert_str_eq(b.supervisor->node, "lb1");
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_PROXY].running), 1);
	ck_assert_int_eq(stats_get(b.supervisor->process[BOARD_PROXY].pid),
			 stats_get(b.proxy->pid));
	ck_assert(exists("run/control.sock") && exists("run/hpcbald.pid"));
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(wait_exit(2000), 0);
	ck_assert(!exists("run/control.sock") && !exists("run/hpcbald.pid"));
	ck_assert_int_eq(connect_to(port), -1);
}
END_TEST

static const struct {
	const char *line, *text;
} bad_starts[] = {
	{ "fault F.conf:3: bad; good", "F.conf:3: bad; good\n" },
	{ "loader_dies", "the loader process failed: killed by SIGABRT" },
	{ "loader_babbles", "the loader process failed: killed by SIGKILL" },
	{ "refuse no such thing", "refuses the configuration: no such thing" },
	{ "silent", "did not answer PREPARE within 500 ms" },
	{ "dies_at_prepare", "died on the way: killed by SIGABRT" },
	{ "uncommitted", "did not answer COMMIT within 500 ms" },
	{ "bind 127.0.0.1:%u\nbind 127.0.0.1:%u", "Address already in use" },
	{ "bind 192.0.2.77:%u", "no interface has this address" },
	{ "bind unix:/nowhere/to/be/found.sock", "its directory must be there" },
	{ "log file:/nowhere/to/be/found.log", "give a path whose directory is there" },
};

START_TEST(bad_start_says_why_and_leaves_nothing)
{
	unsigned port = free_port();
	char line[256];

	snprintf(line, sizeof(line), bad_starts[_i].line, port, port);
	write_config("%s\n", line);
	start(true);
	ck_assert_int_eq(wait_exit(3000), 1);
	ck_assert_msg(strstr(said(), bad_starts[_i].text), "%s", said());
	ck_assert(!exists("run/control.sock") && !exists("run/hpcbald.pid"));
}
END_TEST

START_TEST(address_in_use_names_frontend_and_holder)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char holder[64];

	in.sin_port = htons((uint16_t)free_port());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	write_config("bind 127.0.0.1:%u\n", ntohs(in.sin_port));
	start(true);
	/* It inherits nothing: we alone hold it. */
	ck_assert_int_eq(wait_exit(3000), 1);
	snprintf(holder, sizeof(holder), "(pid %d) listens there", (int)getpid());
	ck_assert_msg(strstr(said(), "frontend front cannot listen on 127.0.0.1:"), "%s", said());
	ck_assert_msg(strstr(said(), holder), "%s", said());
	close(fd);
}
END_TEST

START_TEST(second_daemon_is_refused)
{
	unsigned port = free_port();
	pid_t first;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	first = daemon_pid;
	start(true);
	ck_assert_int_eq(wait_exit(3000), 1);
	ck_assert_ptr_nonnull(strstr(said(), "another hpcbald answers at the control socket"));
	ck_assert_ptr_nonnull(strstr(said(), control));
	daemon_pid = first;
	ck_assert_int_eq(ask_word("version"), 0);
	/* A dead one's socket is in nobody's way. */
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	sleep_ms(200);
	ck_assert(exists("run/control.sock"));
	start(true);
	wait_ready(port);
}
END_TEST

START_TEST(background_returns_when_it_serves)
{
	unsigned port = free_port();
	int pid = 0, proxy;
	char path[128];
	FILE *f;

	write_config("bind 127.0.0.1:%u\n", port);
	start(false);
	ck_assert_int_eq(wait_exit(3000), 0);
	ck_assert_uint_eq(answered(port, &proxy), 1);
	snprintf(path, sizeof(path), "%s/run/hpcbald.pid", dir);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	kill(pid, SIGTERM);
	for (unsigned i = 0; i < 200 && kill(pid, 0) == 0; i++)
		sleep_ms(10);
	ck_assert(!exists("run/hpcbald.pid"));
}
END_TEST

START_TEST(background_start_that_fails_is_told)
{
	write_config("fault F.conf:1: no; yes\n");
	start(false);
	ck_assert_int_eq(wait_exit(3000), 1);
	ck_assert_str_eq(said(), "F.conf:1: no; yes\n");
}
END_TEST

START_TEST(stop_has_a_grace_and_an_end)
{
	unsigned port = free_port();
	uint64_t began;

	write_config("bind 127.0.0.1:%u\nignores_stop\ngrace %u\n", port, _i ? 60000 : 100);
	start(true);
	wait_ready(port);
	began = clock_now_us();
	kill(daemon_pid, SIGTERM);
	if (_i) { /* a second signal cuts a long grace short */
		sleep_ms(200);
		ck_assert_int_eq(waitpid(daemon_pid, NULL, WNOHANG), 0);
		kill(daemon_pid, SIGTERM);
	}
	ck_assert_int_eq(wait_exit(5000), 0);
	ck_assert_uint_ge((clock_now_us() - began) / CLOCK_MS, 1900);
	ck_assert_int_eq(connect_to(port), -1);
}
END_TEST

/* ---- death and restart ---- */

START_TEST(dead_proxy_is_back_and_nobody_is_refused)
{
	unsigned port = free_port();
	int first = 0, pid = 0;
	struct boards b;
	char end[BOARD_TEXT];

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	ck_assert_uint_eq(answered(port, &first), 1);
	kill(first, SIGKILL);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_uint_eq(answered(port, &pid), 1);
		sleep_ms(5);
	}
	ck_assert_int_ne(pid, first);
	b = get_boards();
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_PROXY].restarts), 1);
	board_text(end, sizeof(end), b.supervisor->process[BOARD_PROXY].last_end, BOARD_TEXT);
	ck_assert_str_eq(end, "killed by SIGKILL");
	ck_assert_int_eq(ask_word("events"), 0);
	ck_assert_msg(strstr(answer, "killed by SIGKILL; started again at once"), "%s", answer);
	ck_assert_msg(strstr(answer, "serves again"), "%s", answer);
}
END_TEST

START_TEST(proxy_that_keeps_dying_is_started_less_often)
{
	unsigned port = free_port();
	struct boards b;
	uint64_t restarts;

	write_config("bind 127.0.0.1:%u\ndies_after 0\n", port);
	start(true);
	for (unsigned i = 0; i < 300 && ask_word("version") != 0; i++)
		sleep_ms(10);
	sleep_ms(1900);
	b = get_boards();
	restarts = stats_get(b.supervisor->process[BOARD_PROXY].restarts);
	/* At 0, 100, 300, 700, 1500 ms, and a little for each life. */
	ck_assert_uint_ge(restarts, 3);
	ck_assert_uint_le(restarts, 6);
	ck_assert_msg(strstr(said(), "started again in 400 ms"), "%s", said());
	/* A better configuration ends it at once. */
	write_config("bind 127.0.0.1:%u\n", port);
	ck_assert_int_eq(ask_word("reload"), 0);
	ck_assert_uint_gt(answered(port, (int[]){ 0 }), 1);
}
END_TEST

START_TEST(hung_proxy_gets_sigabrt)
{
	unsigned port = free_port();
	int first = 0, pid = 0;

	write_config("bind 127.0.0.1:%u\nhangs_after 0\n", port);
	start(true);
	wait_ready(port);
	answered(port, &first);
	/* Still it may be asked, it only does not beat; the beat it began with is missing: make
	 * one that is old. */
	sleep_ms(2600);
	ck_assert_uint_eq(answered(port, &pid), 1);
	ck_assert_int_eq(pid, first); /* no beat at all: not begun, not hung */
	write_config("bind 127.0.0.1:%u\nhangs_after 100\n", port);
	ck_assert_int_eq(ask_word("reload"), 0);
	sleep_ms(2800);
	ck_assert_uint_eq(answered(port, &pid), 2);
	ck_assert_int_ne(pid, first);
	ck_assert_msg(strstr(said(), "its main thread hangs"), "%s", said());
	ck_assert_msg(strstr(said(), "killed by SIGABRT"), "%s", said());
}
END_TEST

START_TEST(stopped_proxy_gets_sigkill)
{
	unsigned port = free_port();
	int first = 0, pid = 0;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	answered(port, &first);
	kill(first, SIGSTOP); /* SIGABRT does not reach it */
	ck_assert_uint_eq(answered(port, &pid), 1);
	ck_assert_int_ne(pid, first);
	ck_assert_msg(strstr(said(), "killed by SIGKILL"), "%s", said());
}
END_TEST

START_TEST(a_machine_that_stood_still_kills_nobody)
{
	unsigned port = free_port();
	int first = 0, pid = 0;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	answered(port, &first);
	kill(daemon_pid, SIGSTOP);
	kill(first, SIGSTOP);
	sleep_ms(4000);
	kill(daemon_pid, SIGCONT);
	sleep_ms(300);
	kill(first, SIGCONT);
	sleep_ms(1500);
	ck_assert_uint_eq(answered(port, &pid), 1);
	ck_assert_msg(pid == first, "%s", said());
}
END_TEST

/* ---- reload ---- */

START_TEST(reload_opens_keeps_and_closes)
{
	unsigned kept = free_port(), old = free_port(), fresh = free_port();
	int first = 0, pid = 0;
	unsigned files;

	write_config("bind 127.0.0.1:%u\nbind 127.0.0.1:%u\n", kept, old);
	start(true);
	wait_ready(kept);
	answered(kept, &first);
	files = open_files(daemon_pid);
	write_config("bind 127.0.0.1:%u\nbind 127.0.0.1:%u\nwarn W2\nevent something\n", fresh,
		     kept);
	ck_assert_int_eq(ask_word("reload"), 0);
	ck_assert_str_eq(answer, "reloaded: generation 2\nW2\n");
	ck_assert_uint_eq(answered(fresh, &pid), 2);
	ck_assert_uint_eq(answered(kept, &pid), 2);
	ck_assert_int_eq(pid, first);
	ck_assert_int_eq(connect_to(old), -1);
	sleep_ms(100);
	ck_assert_uint_eq(open_files(daemon_pid), files);
	ck_assert_int_eq(ask_word("events"), 0);
	ck_assert_msg(strstr(answer, "proxy: something"), "%s", answer);
	/* What died goes on with the new one. */
	kill(first, SIGKILL);
	ck_assert_uint_eq(answered(fresh, &pid), 2);
}
END_TEST

static const struct {
	const char *line, *text;
	unsigned next; /* the generation of the next good one: a number that was asked is used up */
} bad_reloads[] = {
	{ "fault F.conf:3: bad; good", "F.conf:3: bad; good\n", 2 },
	{ "loader_dies", "the loader process failed: killed by SIGABRT", 2 },
	{ "threads 2", "threads cannot change from 1 to 2 while hpcbald runs", 2 },
	{ "refuse no such thing", "refuses the configuration: no such thing", 3 },
	{ "silent", "did not answer PREPARE within 500 ms", 3 },
	{ "dies_at_prepare", "died on the way: killed by SIGABRT", 3 },
	{ "uncommitted", "did not answer COMMIT within 500 ms", 3 },
	{ "bind 192.0.2.77:80", "no interface has this address", 2 },
	{ "log file:/nowhere/to/be/found.log", "give a path whose directory is there", 2 },
};

START_TEST(bad_reload_changes_nothing)
{
	unsigned port = free_port(), fresh = free_port(), files;
	char expected[64];
	int pid = 0;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	files = open_files(daemon_pid);
	write_config("bind 127.0.0.1:%u\n%s\n", fresh, bad_reloads[_i].line);
	ck_assert_int_eq(ask_word("reload"), 1);
	ck_assert_msg(strstr(answer, bad_reloads[_i].text), "%s", answer);
	ck_assert_uint_eq(answered(port, &pid), 1);
	ck_assert_int_eq(connect_to(fresh), -1);
	sleep_ms(300);
	ck_assert_uint_eq(open_files(daemon_pid), files);
	ck_assert_uint_eq(stats_get(get_boards().supervisor->generation), 1);
	write_config("bind 127.0.0.1:%u\n", fresh);
	snprintf(expected, sizeof(expected), "reloaded: generation %u\n", bad_reloads[_i].next);
	ck_assert_int_eq(ask_word("reload"), 0);
	ck_assert_str_eq(answer, expected);
	ck_assert_uint_eq(answered(fresh, &pid), bad_reloads[_i].next);
}
END_TEST

START_TEST(control_socket_cannot_change)
{
	unsigned port = free_port();

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	strcpy(strrchr(control, '/'), "/other.sock");
	write_config("bind 127.0.0.1:%u\n", port);
	strcpy(strrchr(control, '/'), "/control.sock");
	ck_assert_int_eq(ask_word("reload"), 1);
	ck_assert_ptr_nonnull(strstr(answer, "the control socket cannot change"));
}
END_TEST

START_TEST(reloads_at_once_all_get_an_answer)
{
	unsigned port = free_port(), good = 0;
	pid_t clients[8];
	struct boards b;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	for (unsigned i = 0; i < 8; i++) {
		clients[i] = fork();
		if (!clients[i])
			_exit(ask_word("reload"));
	}
	kill(daemon_pid, SIGHUP);
	for (unsigned i = 0; i < 8; i++) {
		int status;

		ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ck_assert_uint_eq(good, 8);
	b = get_boards();
	ck_assert_uint_ge(stats_get(b.supervisor->generation), 2);
	ck_assert_uint_le(stats_get(b.supervisor->generation), 11);
}
END_TEST

START_TEST(sighup_reloads_and_sigusr1_reopens_the_log)
{
	unsigned port = free_port();
	char log[128], moved[160];
	struct boards b;
	FILE *f;

	snprintf(log, sizeof(log), "%s/hpcbal.log", dir);
	snprintf(moved, sizeof(moved), "%s.1", log);
	write_config("bind 127.0.0.1:%u\nlog file:%s\n", port, log);
	start(true);
	wait_ready(port);
	b = get_boards();
	kill(daemon_pid, SIGHUP);
	for (unsigned i = 0; i < 300 && stats_get(b.supervisor->generation) == 1; i++)
		sleep_ms(10);
	ck_assert_uint_eq(stats_get(b.supervisor->generation), 2);
	ck_assert_int_eq(rename(log, moved), 0);
	kill(daemon_pid, SIGUSR1);
	for (unsigned i = 0; i < 300 && access(log, F_OK) != 0; i++)
		sleep_ms(10);
	sleep_ms(100);
	f = fopen(log, "re");
	ck_assert_ptr_nonnull(f);
	answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
	fclose(f);
	ck_assert_str_eq(answer, "log kind 2\n"); /* the proxy got it as well */
}
END_TEST

/* ---- control ---- */

START_TEST(unknown_and_odd_commands)
{
	unsigned port = free_port();
	char a[] = "status", b[] = "x";
	char *two[] = { a, b };
	int fd;

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	ck_assert_int_eq(ask_word("florp"), 2);
	ck_assert_ptr_nonnull(strstr(answer, "unknown command \"florp\"; this daemon knows: "));
	ck_assert_int_eq(ask_word("f\n\033x"), 2);
	ck_assert_ptr_nonnull(strstr(answer, "unknown command \"f\""));
	ck_assert_int_eq(ask(2, two), 2);
	ck_assert_int_eq(ask_word("status"), 0);
	ck_assert_int_eq(ask_word("servers"), 0);
	/* One that goes away without a word. */
	fd = control_connect(control);
	close(fd);
	ck_assert_int_eq(ask_word("version"), 0);
}
END_TEST

START_TEST(silent_and_many_clients_hold_up_nobody)
{
	unsigned port = free_port(), files;
	int fds[70];
	struct pollfd p = { .events = POLLIN };

	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	wait_ready(port);
	files = open_files(daemon_pid);
	for (unsigned i = 0; i < 70; i++)
		ck_assert_int_ge(fds[i] = control_connect(control), 0);
	ck_assert_int_eq(ask_word("version"), 1);
	ck_assert_ptr_nonnull(strstr(answer, "too many clients"));
	p.fd = fds[0];
	ck_assert_int_eq(poll(&p, 1, 6500), 1);
	ck_assert_int_eq(read(fds[0], answer, 1), 0);
	sleep_ms(200);
	ck_assert_int_eq(ask_word("version"), 0);
	for (unsigned i = 0; i < 70; i++)
		close(fds[i]);
	sleep_ms(200);
	ck_assert_uint_eq(open_files(daemon_pid), files);
}
END_TEST

/* ---- the service manager ---- */

static bool told(int fd, const char *line, unsigned most_ms)
{
	uint64_t end = clock_now_us() + most_ms * CLOCK_MS;
	struct pollfd p = { fd, POLLIN, 0 };
	char text[512];

	while (clock_now_us() < end) {
		ssize_t n;

		if (poll(&p, 1, 50) != 1)
			continue;
		n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, line))
			return true;
	}
	return false;
}

START_TEST(service_manager_is_told)
{
	unsigned port = free_port();
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[128];

	snprintf(name, sizeof(name), "%s%s/notify", _i ? "@" : "", dir);
	strcpy(un.sun_path, name);
	if (_i)
		un.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	write_config("bind 127.0.0.1:%u\n", port);
	start(true);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	ck_assert(told(fd, "READY=1\nSTATUS=generation 1", 3000));
	for (unsigned i = 0; i < 4; i++)
		ck_assert(told(fd, "WATCHDOG=1", 200));
	kill(daemon_pid, SIGHUP);
	ck_assert(told(fd, "RELOADING=1\nMONOTONIC_USEC=", 1000));
	ck_assert(told(fd, "READY=1\nSTATUS=generation 2", 1000));
	kill(daemon_pid, SIGTERM);
	ck_assert(told(fd, "STOPPING=1", 1000));
	ck_assert_int_eq(wait_exit(3000), 0);
	close(fd);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s;
	TCase *t;
	SRunner *r;
	int failed;

	if (fake_child_run(argc, argv, &failed))
		return failed;
	s = suite_create("supervisor_daemon");
	t = tcase_create("daemon");
	r = srunner_create(s);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, starts_serves_and_stops);
	tcase_add_loop_test(t, bad_start_says_why_and_leaves_nothing, 0,
			    (int)(sizeof(bad_starts) / sizeof(bad_starts[0])));
	tcase_add_test(t, address_in_use_names_frontend_and_holder);
	tcase_add_test(t, second_daemon_is_refused);
	tcase_add_test(t, background_returns_when_it_serves);
	tcase_add_test(t, background_start_that_fails_is_told);
	tcase_add_loop_test(t, stop_has_a_grace_and_an_end, 0, 2);
	tcase_add_test(t, dead_proxy_is_back_and_nobody_is_refused);
	tcase_add_test(t, proxy_that_keeps_dying_is_started_less_often);
	tcase_add_test(t, hung_proxy_gets_sigabrt);
	tcase_add_test(t, stopped_proxy_gets_sigkill);
	tcase_add_test(t, a_machine_that_stood_still_kills_nobody);
	tcase_add_test(t, reload_opens_keeps_and_closes);
	tcase_add_loop_test(t, bad_reload_changes_nothing, 0,
			    (int)(sizeof(bad_reloads) / sizeof(bad_reloads[0])));
	tcase_add_test(t, control_socket_cannot_change);
	tcase_add_test(t, reloads_at_once_all_get_an_answer);
	tcase_add_test(t, sighup_reloads_and_sigusr1_reopens_the_log);
	tcase_add_test(t, unknown_and_odd_commands);
	tcase_add_test(t, silent_and_many_clients_hold_up_nobody);
	tcase_add_loop_test(t, service_manager_is_told, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
