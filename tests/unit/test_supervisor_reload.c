/* The supervisor with children made for it: reloads that go well or badly. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon_fixture.h"
#include "fake_child.h"

/* ---- reload ---- */

START_TEST(reload_opens_keeps_and_closes)
{
	unsigned kept = daemon_free_port(), old = daemon_free_port(), fresh = daemon_free_port();
	int first = 0, pid = 0;
	unsigned files;

	daemon_write_config("bind 127.0.0.1:%u\nbind 127.0.0.1:%u\n", kept, old);
	daemon_start(true);
	daemon_wait_ready(kept);
	daemon_answered(kept, &first);
	files = daemon_open_files();
	daemon_write_config("bind 127.0.0.1:%u\nbind 127.0.0.1:%u\nwarn W2\nevent something\n",
			    fresh, kept);
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_str_eq(daemon_answer, "reloaded: generation 2\nW2\n");
	ck_assert_uint_eq(daemon_answered(fresh, &pid), 2);
	ck_assert_uint_eq(daemon_answered(kept, &pid), 2);
	ck_assert_int_eq(pid, first);
	daemon_wait_refused(old);
	daemon_wait_open_files(files);
	ck_assert_int_eq(daemon_ask_word("events"), 0);
	ck_assert_msg(strstr(daemon_answer, "proxy: something"), "%s", daemon_answer);
	/* What died goes on with the new one. */
	kill(first, SIGKILL);
	ck_assert_uint_eq(daemon_answered(fresh, &pid), 2);
}
END_TEST

static const struct {
	const char *line, *text;
	unsigned
		next; /* the generation of the next good one: a number that was asked is used up */
} bad_reloads[] = {
	{"fault F.conf:3: bad; good", "F.conf:3: bad; good\n", 2},
	{"loader_dies", "the loader process failed: killed by SIGABRT", 2},
	{"threads 2", "threads cannot change from 1 to 2 while hpcbald runs", 2},
	{"refuse no such thing", "refuses the configuration: no such thing", 3},
	{"silent\nprepare 500", "did not answer PREPARE within 500 ms", 3},
	{"dies_at_prepare", "died on the way: killed by SIGABRT", 3},
	{"uncommitted\nprepare 2000", "did not answer COMMIT within 2000 ms", 3},
	{"bind 192.0.2.77:80", "no interface has this address", 2},
	{"log file:/nowhere/to/be/found.log", "give a path whose directory is there", 2},
};

START_TEST(bad_reload_changes_nothing)
{
	unsigned port = daemon_free_port(), fresh = daemon_free_port(), files;
	char expected[64];
	int pid = 0;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	files = daemon_open_files();
	daemon_write_config("bind 127.0.0.1:%u\n%s\n", fresh, bad_reloads[_i].line);
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	ck_assert_msg(strstr(daemon_answer, bad_reloads[_i].text), "%s", daemon_answer);
	ck_assert_uint_eq(daemon_answered(port, &pid), 1);
	daemon_wait_refused(fresh);
	daemon_wait_open_files(files);
	ck_assert_uint_eq(stats_get(daemon_boards().supervisor->generation), 1);
	daemon_write_config("bind 127.0.0.1:%u\n", fresh);
	snprintf(expected, sizeof(expected), "reloaded: generation %u\n", bad_reloads[_i].next);
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_str_eq(daemon_answer, expected);
	ck_assert_uint_eq(daemon_answered(fresh, &pid), bad_reloads[_i].next);
}
END_TEST

START_TEST(control_socket_cannot_change)
{
	unsigned port = daemon_free_port();

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	strcpy(strrchr(daemon_control, '/'), "/other.sock");
	daemon_write_config("bind 127.0.0.1:%u\n", port);
	strcpy(strrchr(daemon_control, '/'), "/control.sock");
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	ck_assert_ptr_nonnull(strstr(daemon_answer, "the control socket cannot change"));
}
END_TEST

START_TEST(reloads_at_once_all_get_an_answer)
{
	unsigned port = daemon_free_port(), good = 0;
	pid_t clients[8];
	struct daemon_boards b;

	daemon_write_config("bind 127.0.0.1:%u\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	for (unsigned i = 0; i < 8; i++) {
		clients[i] = fork();
		if (!clients[i])
			_exit(daemon_ask_word("reload"));
	}
	kill(daemon_pid, SIGHUP);
	for (unsigned i = 0; i < 8; i++) {
		int status;

		ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
		good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ck_assert_uint_eq(good, 8);
	b = daemon_boards();
	ck_assert_uint_ge(stats_get(b.supervisor->generation), 2);
	ck_assert_uint_le(stats_get(b.supervisor->generation), 11);
}
END_TEST

START_TEST(sighup_reloads_and_sigusr1_reopens_the_log)
{
	unsigned port = daemon_free_port();
	char log[128], moved[160];
	struct daemon_boards b;

	snprintf(log, sizeof(log), "%s/hpcbal.log", daemon_dir);
	snprintf(moved, sizeof(moved), "%s.1", log);
	daemon_write_config("bind 127.0.0.1:%u\nlog file:%s\n", port, log);
	daemon_start(true);
	daemon_wait_ready(port);
	b = daemon_boards();
	kill(daemon_pid, SIGHUP);
	for (unsigned i = 0; i < 3000 && stats_get(b.supervisor->generation) == 1; i++)
		daemon_sleep_ms(10);
	ck_assert_uint_eq(stats_get(b.supervisor->generation), 2);
	ck_assert_int_eq(rename(log, moved), 0);
	kill(daemon_pid, SIGUSR1);
	daemon_wait_file("hpcbal.log", "log kind 2\n"); /* the proxy got it as well */
	ck_assert_str_eq(daemon_answer, "log kind 2\n");
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
	s = suite_create("supervisor_reload");
	t = tcase_create("daemon");
	r = srunner_create(s);
	tcase_add_checked_fixture(t, daemon_setup, daemon_teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, reload_opens_keeps_and_closes);
	tcase_add_loop_test(t, bad_reload_changes_nothing, 0,
			    (int)(sizeof(bad_reloads) / sizeof(bad_reloads[0])));
	tcase_add_test(t, control_socket_cannot_change);
	tcase_add_test(t, reloads_at_once_all_get_an_answer);
	tcase_add_test(t, sighup_reloads_and_sigusr1_reopens_the_log);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
