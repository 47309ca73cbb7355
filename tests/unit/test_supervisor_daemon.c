/* The supervisor with children made for it: its start, its end, a child that dies or hangs,
 * its clients. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon_fixture.h"
#include "fake_child.h"
#include "ipc/control.h"

/* ---- start and end ---- */

START_TEST(starts_serves_and_stops)
{
	unsigned port = daemon_free_port();
	struct daemon_boards b;
	char pid[32];

	daemon_write_config("bind 127.0.0.1:%u\nwarn W1\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	ck_assert_int_eq(daemon_ask_word("version"), 0);
	snprintf(pid, sizeof(pid), "pid %d", (int)daemon_pid);
	ck_assert_ptr_nonnull(strstr(daemon_answer, pid));
	ck_assert_ptr_nonnull(strstr(daemon_said(), "W1"));
	b = daemon_boards();
	ck_assert_int_eq(stats_get(b.supervisor->pid), daemon_pid);
	ck_assert_uint_eq(stats_get(b.supervisor->generation), 1);
	ck_assert_str_eq(b.supervisor->node, "lb1");
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_PROXY].running), 1);
	ck_assert_int_eq(stats_get(b.supervisor->process[BOARD_PROXY].pid),
			 stats_get(b.proxy->pid));
	ck_assert(daemon_has("run/control.sock") && daemon_has("run/hpcbald.pid"));
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(2000), 0);
	ck_assert(!daemon_has("run/control.sock") && !daemon_has("run/hpcbald.pid"));
	ck_assert_int_eq(daemon_connect(port), -1);
}
END_TEST

static const struct {
	const char *line, *text;
} bad_starts[] = {
	{"fault F.conf:3: bad; good", "F.conf:3: bad; good\n"},
	{"loader_dies", "the loader process failed: killed by SIGABRT"},
	{"loader_babbles", "the loader process failed: killed by SIGKILL"},
	{"refuse no such thing", "refuses the configuration: no such thing"},
	{"silent\nprepare 500", "did not answer PREPARE within 500 ms"},
	{"dies_at_prepare", "died on the way: killed by SIGABRT"},
	{"uncommitted\nprepare 2000", "did not answer COMMIT within 2000 ms"},
	/* Not one of those that daemon_free_port() gives. */
	{"bind 127.0.0.1:19077\nbind 127.0.0.1:19077", "Address already in use"},
	{"bind 192.0.2.77:80", "no interface has this address"},
	{"bind unix:/nowhere/to/be/found.sock", "its directory must be there"},
	{"log file:/nowhere/to/be/found.log", "give a path whose directory is there"},
};

START_TEST(bad_start_says_why_and_leaves_nothing)
{
	daemon_write_config("%s\n", bad_starts[_i].line);
	daemon_start(true);
	ck_assert_int_eq(daemon_wait_exit(3000), 1);
	ck_assert_msg(strstr(daemon_said(), bad_starts[_i].text), "%s", daemon_said());
	ck_assert(!daemon_has("run/control.sock") && !daemon_has("run/hpcbald.pid"));
}
END_TEST

START_TEST(address_in_use_names_frontend_and_holder)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char holder[64];

	in.sin_port = htons((uint16_t)daemon_free_port());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	daemon_write_config("bind 127.0.0.1:%u\n", ntohs(in.sin_port));
	daemon_start(true);
	/* It inherits nothing: we alone hold it. */
	ck_assert_int_eq(daemon_wait_exit(3000), 1);
	snprintf(holder, sizeof(holder), "(pid %d) listens there", (int)getpid());
	ck_assert_msg(strstr(daemon_said(), "frontend front cannot listen on 127.0.0.1:"), "%s",
		      daemon_said());
	ck_assert_msg(strstr(daemon_said(), holder), "%s", daemon_said());
	close(fd);
}
END_TEST

START_TEST(second_daemon_is_refused)
{
	unsigned port = daemon_free_port();
	pid_t first;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	first = daemon_pid;
	daemon_start(true);
	ck_assert_int_eq(daemon_wait_exit(3000), 1);
	ck_assert_ptr_nonnull(
		strstr(daemon_said(), "another hpcbald answers at the control socket"));
	ck_assert_ptr_nonnull(strstr(daemon_said(), daemon_control));
	daemon_pid = first;
	ck_assert_int_eq(daemon_ask_word("version"), 0);
	/* A dead one's socket is in nobody's way. */
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	daemon_wait_refused(port); /* its children leave, too */
	ck_assert(daemon_has("run/control.sock"));
	daemon_start(true);
	daemon_wait_ready(port);
}
END_TEST

START_TEST(background_returns_when_it_serves)
{
	unsigned port = daemon_free_port();
	int pid = 0, proxy;
	char path[128];
	FILE *f;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(false);
	ck_assert_int_eq(daemon_wait_exit(3000), 0);
	ck_assert_uint_eq(daemon_answered(port, &proxy), 1);
	snprintf(path, sizeof(path), "%s/run/hpcbald.pid", daemon_dir);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &pid), 1);
	fclose(f);
	kill(pid, SIGTERM);
	for (unsigned i = 0; i < 2000 && kill(pid, 0) == 0; i++)
		daemon_sleep_ms(10);
	ck_assert(!daemon_has("run/hpcbald.pid"));
}
END_TEST

START_TEST(what_a_daemons_child_mutters_is_logged)
{
	unsigned port = daemon_free_port();
	int pid = 0, proxy;

	daemon_write_config("bind 127.0.0.1:%u\nlog file:%s/log\nmutters a b c\n", port,
			    daemon_dir);
	daemon_start(false);
	ck_assert_int_eq(daemon_wait_exit(3000), 0);
	ck_assert_uint_eq(daemon_answered(port, &proxy), 1);
	daemon_wait_file("log", "proxy said: a b c\n");
	daemon_wait_file("log", "proxy said: no end\n");
	pid = stats_get(daemon_boards().supervisor->pid);
	kill(pid, SIGTERM);
	for (unsigned i = 0; i < 2000 && kill(pid, 0) == 0; i++)
		daemon_sleep_ms(10);
}
END_TEST

START_TEST(background_start_that_fails_is_told)
{
	daemon_write_config("fault F.conf:1: no; yes\n");
	daemon_start(false);
	ck_assert_int_eq(daemon_wait_exit(3000), 1);
	ck_assert_str_eq(daemon_said(), "F.conf:1: no; yes\n");
}
END_TEST

START_TEST(stop_has_a_grace_and_an_end)
{
	unsigned port = daemon_free_port();
	uint64_t began;

	daemon_write_config("bind 127.0.0.1:%u\nignores_stop\ngrace %u\njournal %s/journal\n",
			    port, _i ? 60000 : 100, daemon_dir);
	daemon_start(true);
	daemon_wait_ready(port);
	began = clock_now_us();
	kill(daemon_pid, SIGTERM);
	if (_i) { /* a second signal cuts a long grace short */
		daemon_wait_journal("proxy STOP", 1);
		ck_assert_int_eq(waitpid(daemon_pid, NULL, WNOHANG), 0);
		kill(daemon_pid, SIGTERM);
	}
	ck_assert_int_eq(daemon_wait_exit(5000), 0);
	ck_assert_uint_ge((clock_now_us() - began) / CLOCK_MS, 1900);
	ck_assert_int_eq(daemon_connect(port), -1);
}
END_TEST

/* ---- death and restart ---- */

START_TEST(dead_proxy_is_back_and_nobody_is_refused)
{
	unsigned port = daemon_free_port();
	int first = 0, pid = 0;
	struct daemon_boards b;
	char end[BOARD_TEXT];

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	ck_assert_uint_eq(daemon_answered(port, &first), 1);
	kill(first, SIGKILL);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_uint_eq(daemon_answered(port, &pid), 1);
		daemon_sleep_ms(5);
	}
	ck_assert_int_ne(pid, first);
	daemon_wait_said("serves again");
	b = daemon_boards();
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_PROXY].restarts), 1);
	board_text(end, sizeof(end), b.supervisor->process[BOARD_PROXY].last_end, BOARD_TEXT);
	ck_assert_str_eq(end, "killed by SIGKILL");
	ck_assert_int_eq(daemon_ask_word("events"), 0);
	ck_assert_msg(strstr(daemon_answer, "killed by SIGKILL; started again at once"), "%s",
		      daemon_answer);
	ck_assert_msg(strstr(daemon_answer, "serves again"), "%s", daemon_answer);
}
END_TEST

START_TEST(proxy_that_keeps_dying_is_started_less_often)
{
	unsigned port = daemon_free_port();
	uint64_t began = clock_now_us();
	const char *said;

	daemon_write_config("bind 127.0.0.1:%u\ndies_after 0\n", port);
	daemon_start(true);
	daemon_wait_said("started again in 800 ms");
	ck_assert_uint_ge((clock_now_us() - began) / CLOCK_MS, 0 + 100 + 200 + 400);
	said = strstr(daemon_said(), "started again at once");
	ck_assert_msg(said && strstr(said, "started again in 100 ms"), "%s", daemon_said());
	ck_assert_msg(strstr(said, "started again in 200 ms"), "%s", daemon_said());
	ck_assert_msg(strstr(said, "started again in 400 ms"), "%s", daemon_said());
	/* A better configuration ends it at once, unless one dies just while it is asked. */
	daemon_write_config("bind 127.0.0.1:%u\n", port);
	for (unsigned i = 0; i < 5 && daemon_ask_word("reload") != 0; i++)
		ck_assert_msg(strstr(daemon_answer, "died on the way"), "%s", daemon_answer);
	ck_assert_ptr_nonnull(strstr(daemon_answer, "reloaded: "));
	ck_assert_uint_gt(daemon_answered(port, (int[]){0}), 1);
}
END_TEST

START_TEST(hung_proxy_gets_sigabrt)
{
	unsigned port = daemon_free_port();
	int first = 0;

	/* One that beats for a while, and one that never does. */
	daemon_write_config("bind 127.0.0.1:%u\nhangs_after %d\n", port, _i ? 0 : 300);
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_answered(port, &first);
	daemon_wait_another(port, first);
	ck_assert_msg(strstr(daemon_said(), "its main thread hangs"), "%s", daemon_said());
	ck_assert_msg(strstr(daemon_said(), "killed by SIGABRT"), "%s", daemon_said());
}
END_TEST

START_TEST(stopped_proxy_gets_sigkill)
{
	unsigned port = daemon_free_port();
	int first = 0, pid = 0;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_answered(port, &first);
	kill(first, SIGSTOP); /* SIGABRT does not reach it */
	ck_assert_uint_eq(daemon_answered(port, &pid), 1);
	ck_assert_int_ne(pid, first);
	ck_assert_msg(strstr(daemon_said(), "killed by SIGKILL"), "%s", daemon_said());
}
END_TEST

START_TEST(a_machine_that_stood_still_kills_nobody)
{
	unsigned port = daemon_free_port();
	int first = 0, pid = 0;
	uint64_t begun, between;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_answered(port, &first);
	kill(daemon_pid, SIGSTOP);
	kill(first, SIGSTOP);
	daemon_sleep_ms(4000);
	begun = clock_now_us();
	kill(daemon_pid, SIGCONT);
	daemon_sleep_ms(300);
	kill(first, SIGCONT);
	between = clock_now_us() - begun;
	daemon_sleep_ms(1500);
	ck_assert_uint_eq(daemon_answered(port, &pid), 1);
	/* Who stands still here for longer than the daemon waits has killed it. */
	ck_assert_msg(pid == first || between > 600 * CLOCK_MS, "%s", daemon_said());
}
END_TEST

/* ---- control ---- */

START_TEST(unknown_and_odd_commands)
{
	unsigned port = daemon_free_port();
	char a[] = "status", b[] = "x";
	char *two[] = {a, b};
	int fd;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	ck_assert_int_eq(daemon_ask_word("florp"), 2);
	ck_assert_ptr_nonnull(
		strstr(daemon_answer, "unknown command \"florp\"; this daemon knows: "));
	ck_assert_int_eq(daemon_ask_word("f\n\033x"), 2);
	ck_assert_ptr_nonnull(strstr(daemon_answer, "unknown command \"f\""));
	ck_assert_int_eq(daemon_ask(2, two), 2);
	ck_assert_int_eq(daemon_ask_word("status"), 0);
	ck_assert_int_eq(daemon_ask_word("servers"), 0);
	/* One that goes away without a word. */
	fd = control_connect(daemon_control);
	close(fd);
	ck_assert_int_eq(daemon_ask_word("version"), 0);
}
END_TEST

START_TEST(silent_and_many_clients_hold_up_nobody)
{
	unsigned port = daemon_free_port(), files;
	int fds[70];
	struct pollfd p = {.events = POLLIN};
	uint64_t began, came;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	files = daemon_open_files();
	began = clock_now_us();
	for (unsigned i = 0; i < 70; i++)
		ck_assert_int_ge(fds[i] = control_connect(daemon_control), 0);
	came = clock_now_us();
	ck_assert_int_eq(daemon_ask_word("version"), 0);
	/* The oldest gave way at once, the youngest has its time. */
	p.fd = fds[0];
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	ck_assert_int_eq(read(fds[0], daemon_answer, 1), 0);
	ck_assert_uint_lt(clock_now_us() - began, 5 * CLOCK_SEC); /* its time was not over */
	p.fd = fds[69];
	ck_assert(poll(&p, 1, 1000) == 0 || clock_now_us() - came >= 4 * CLOCK_SEC);
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	ck_assert_int_eq(read(fds[69], daemon_answer, 1), 0);
	for (unsigned i = 0; i < 70; i++)
		close(fds[i]);
	daemon_wait_open_files(files);
}
END_TEST

/* ---- the service manager ---- */

static bool told(int fd, const char *line)
{
	uint64_t end = clock_now_us() + 20 * CLOCK_SEC;
	struct pollfd p = {fd, POLLIN, 0};
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
	unsigned port = daemon_free_port();
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[128];
	socklen_t n;

	snprintf(name, sizeof(name), "%s%s/notify", _i ? "@" : "", daemon_dir);
	strcpy(un.sun_path, name);
	if (_i)
		un.sun_path[0] = '\0';
	n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, n), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "200000", 1);
	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	ck_assert(told(fd, "READY=1\nSTATUS=generation 1"));
	for (unsigned i = 0; i < 4; i++)
		ck_assert(told(fd, "WATCHDOG=1"));
	kill(daemon_pid, SIGHUP);
	ck_assert(told(fd, "RELOADING=1\nMONOTONIC_USEC="));
	ck_assert(told(fd, "READY=1\nSTATUS=generation 2"));
	kill(daemon_pid, SIGTERM);
	ck_assert(told(fd, "STOPPING=1"));
	ck_assert_int_eq(daemon_wait_exit(3000), 0);
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
	tcase_add_checked_fixture(t, daemon_setup, daemon_teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, starts_serves_and_stops);
	tcase_add_loop_test(t, bad_start_says_why_and_leaves_nothing, 0,
			    (int)(sizeof(bad_starts) / sizeof(bad_starts[0])));
	tcase_add_test(t, address_in_use_names_frontend_and_holder);
	tcase_add_test(t, second_daemon_is_refused);
	tcase_add_test(t, background_returns_when_it_serves);
	tcase_add_test(t, what_a_daemons_child_mutters_is_logged);
	tcase_add_test(t, background_start_that_fails_is_told);
	tcase_add_loop_test(t, stop_has_a_grace_and_an_end, 0, 2);
	tcase_add_test(t, dead_proxy_is_back_and_nobody_is_refused);
	tcase_add_test(t, proxy_that_keeps_dying_is_started_less_often);
	tcase_add_loop_test(t, hung_proxy_gets_sigabrt, 0, 2);
	tcase_add_test(t, stopped_proxy_gets_sigkill);
	tcase_add_test(t, a_machine_that_stood_still_kills_nobody);
	tcase_add_test(t, unknown_and_odd_commands);
	tcase_add_test(t, silent_and_many_clients_hold_up_nobody);
	tcase_add_loop_test(t, service_manager_is_told, 0, 2);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
