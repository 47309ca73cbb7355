/* The runner's scripts and notifications. */
#include "runner_rig.h"

#include <sys/mman.h>

#include "ipc/board.h"

static void add_script(const char *name, unsigned interval_ms)
{
	add_path(MANIFEST_SCRIPT, file(name), interval_ms, HOUR_MS);
}

static void forget_programs(void)
{
	memset(&manifest, 0, sizeof(manifest));
}

/* Leaves out what is said of other scripts. */
static void expect_script(uint64_t generation, unsigned index, const char *how)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m;

	do {
		receive(&m, buf);
		ck_assert_int_eq(m.type, MSG_SCRIPT);
	} while (m.arg != MSG_PROGRAM(generation, index));
	ck_assert_str_eq(buf, how);
}

static void expect_event(const char *part)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m;

	receive(&m, buf);
	ck_assert_int_eq(m.type, MSG_EVENT);
	ck_assert_msg(strstr(buf, part) != NULL, "%s", buf);
}

/* ---- the supervisor's messages ---- */

START_TEST(hello_is_answered_and_begins_the_heartbeat)
{
	struct msg m = {.type = MSG_HELLO, .n_fds = 1};
	uint64_t until = clock_now_us() + PATIENCE_S * CLOCK_SEC, first = 0;
	struct board_beat *b;
	void *map;

	m.fds[0] = board_create("board", sizeof(*b), &map);
	ck_assert_int_ge(m.fds[0], 0);
	ck_assert_int_eq(msg_send(sock, &m), MSG_OK);
	expect_text(MSG_HELLO_OK, 0, "");
	b = map;
	first = stats_get(b->beat_us);
	ck_assert_uint_gt(first, 0);
	while (stats_get(b->beat_us) == first && clock_now_us() < until)
		usleep(2000);
	ck_assert_uint_gt(stats_get(b->beat_us), first);
	send_word(MSG_STOP, 0, STR_NONE);
	expect_exit();
	ck_assert_uint_eq(stats_get(b->beat_us), 0);
	munmap(map, sizeof(*b));
	close(m.fds[0]);
}
END_TEST

START_TEST(what_is_no_bundle_is_refused)
{
	struct msg m = {.type = MSG_PREPARE, .arg = 4, .n_fds = 1, .fds = {gate}};

	send_word(MSG_PREPARE, 3, STR_NONE);
	expect_text(MSG_REFUSED, 3, "no bundle was handed over");
	ck_assert_int_eq(msg_send(sock, &m), MSG_OK);
	expect_text(MSG_REFUSED, 4, NULL);
	send_word(MSG_COMMIT, 4, STR_NONE);
	expect_text(MSG_REFUSED, 4, "nothing of that number was prepared");
}
END_TEST

START_TEST(what_was_aborted_is_not_taken)
{
	write_script("s", "exit 0");
	add_script("s", HOUR_MS);
	prepare(1);
	expect_text(MSG_PREPARED, 1, "");
	send_word(MSG_ABORT, 1, STR_NONE);
	send_word(MSG_COMMIT, 1, STR_NONE);
	expect_text(MSG_REFUSED, 1, NULL);
	prepare(2);
	expect_text(MSG_PREPARED, 2, "");
	send_word(MSG_COMMIT, 1, STR_NONE);
	expect_text(MSG_REFUSED, 1, NULL);
	send_word(MSG_COMMIT, 2, STR_NONE);
	expect_text(MSG_COMMITTED, 2, "");
	expect_script(2, 0, "");
}
END_TEST

/* ---- scripts ---- */

START_TEST(how_a_script_ended_is_said)
{
	if (ends[_i].text)
		write_file("s", ends[_i].text, ends[_i].mode);
	add_script("s", HOUR_MS);
	commit(7);
	expect_script(7, 0, ends[_i].how);
}
END_TEST

START_TEST(a_script_runs_at_its_interval)
{
	write_script("s", "echo run >>$D/runs");
	add_script("s", 20);
	commit(1);
	for (unsigned i = 1; i <= 5; i++) {
		expect_script(1, 0, "");
		ck_assert_uint_ge(count(content("runs"), "run"), i);
	}
}
END_TEST

START_TEST(a_script_never_runs_twice_at_a_time)
{
	write_script("slow", "echo start >>$D/starts; read x <$D/gate");
	write_script("quick", "exit 0");
	add_script("slow", 20);
	add_script("quick", 20);
	commit(1);
	wait_content("starts", "start");
	for (unsigned i = 0; i < 5; i++)
		expect_script(1, 1, "");
	ck_assert_uint_eq(count(content("starts"), "start"), 1);
	let_through();
	expect_script(1, 0, "");
	/* And then its schedule goes on. */
	let_through();
	expect_script(1, 0, "");
}
END_TEST

START_TEST(a_timeout_kills_all_that_the_script_started)
{
	write_script("s", "exec 9>$D/life\n(printf x >&9; exec sleep 1000) &\nwait");
	add_path(MANIFEST_SCRIPT, file("s"), HOUR_MS, 3000);
	commit(1);
	wait_life();
	expect_script(1, 0, "did not end within 3000 ms, killed");
	wait_death();
}
END_TEST

START_TEST(a_script_leaves_nothing_behind)
{
	write_script("s", "exec 9>$D/life\nsleep 1000 & printf x >&9");
	add_script("s", HOUR_MS);
	commit(1);
	expect_script(1, 0, "");
	wait_life();
	wait_death();
}
END_TEST

START_TEST(a_script_that_hangs_goes_on_failing)
{
	write_script("s", "read x <$D/gate");
	add_path(MANIFEST_SCRIPT, file("s"), 200, 200);
	commit(1);
	for (unsigned i = 0; i < 3; i++)
		expect_script(1, 0, "did not end within 200 ms, killed");
}
END_TEST

START_TEST(the_environment_is_clean)
{
	add_path(MANIFEST_SCRIPT, "/usr/bin/env", HOUR_MS, HOUR_MS);
	commit(1);
	expect_script(1, 0, "");
	wait_content("log", "/usr/bin/env said: "
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n");
	ck_assert_uint_eq(count(content("log"), " said"), 1);
}
END_TEST

START_TEST(nothing_of_the_runner_is_left_in_the_program)
{
	char seen[256];

	/* Signals above 31 are left out: two are the C library's own and nobody's to set. The
	 * last line: group and session are the shell's own number. */
	write_script("s", "{ pwd; umask; ls /proc/self/fd; readlink /proc/self/fd/0\n"
			  "grep SigBlk /proc/self/status\n"
			  "i=$(sed -n 's/^SigIgn:.*\\(........\\)$/\\1/p' /proc/self/status)\n"
			  "echo ignored $((0x$i & 0x7fffffff))\n"
			  "[ \"$(cut -d' ' -f5,6 /proc/self/stat)\" = \"$$ $$\" ] && echo own\n"
			  "} >$D/seen");
	add_script("s", HOUR_MS);
	commit(1);
	expect_script(1, 0, "");
	str_copy(seen, sizeof(seen), str_of(content("seen")));
	ck_assert_str_eq(seen, "/\n0022\n0\n1\n2\n3\n/dev/null\n"
			       "SigBlk:\t0000000000000000\n"
			       "ignored 0\n"
			       "own\n");
}
END_TEST

START_TEST(what_a_script_writes_is_logged_within_bounds)
{
	const char *at;

	write_script("s", "printf 'a\\033[1mb\\nto error\\n' >&2\n"
			  "head -c 300000 /dev/zero | tr '\\0' x");
	add_script("s", HOUR_MS);
	commit(1);
	/* It ends: nobody makes it wait. */
	expect_script(1, 0, "");
	wait_content("log", "the rest is left out");
	ck_assert_ptr_nonnull(strstr(content("log"), "/s said: a [1mb\n"));
	ck_assert_ptr_nonnull(strstr(content("log"), "/s said: to error\n"));
	ck_assert_ptr_nonnull(strstr(content("log"), " runner info: /tmp/"));
	ck_assert_uint_eq(count(content("log"), "the rest is left out"), 1);
	at = strchr(strstr(content("log"), "said: x"), 'x');
	ck_assert_uint_eq(strspn(at, "x"), 200);
	ck_assert_uint_lt(strlen(content("log")), 8192);
}
END_TEST

/* ---- notifications ---- */

START_TEST(notifications_run_in_order_without_a_shell)
{
	write_script("a", "read x <$D/gate; echo \"a $# $1 $2\" >>$D/done");
	write_script("b", "echo \"b $# $1\" >>$D/done");
	add_notify("a");
	add_notify("b");
	commit(1);
	notify(1, 0, STR("one\0two words; $(id)\0"));
	notify(1, 1, STR_NONE);
	notify(1, 0, STR("\0"));
	notify(1, 1, STR("last\0"));
	let_through();
	let_through();
	wait_content("done", "last");
	ck_assert_str_eq(content("done"), "a 2 one two words; $(id)\nb 0 \na 1  \nb 1 last\n");
}
END_TEST

START_TEST(a_slow_notification_delays_no_script)
{
	write_script("slow", "printf x >$D/life; read x <$D/gate");
	write_script("next", "echo next >$D/done");
	write_script("s", "exit 0");
	add_notify("slow");
	add_notify("next");
	add_script("s", 20);
	commit(1);
	notify(1, 0, STR_NONE);
	notify(1, 1, STR_NONE);
	wait_life();
	for (unsigned i = 0; i < 5; i++)
		expect_script(1, 2, "");
	ck_assert_str_eq(content("done"), "");
	let_through();
	wait_content("done", "next");
}
END_TEST

START_TEST(a_notification_that_fails_is_told_and_the_next_runs)
{
	write_script("bad", "echo alas; exit 3");
	write_script("hung", "exec 9>$D/life; sleep 1000 & wait");
	add_notify("bad");
	add_path(MANIFEST_NOTIFY, file("hung"), 0, 1500);
	add_notify("missing");
	commit(1);
	notify(1, 0, STR("INSTANCE\0web\0MASTER\0"));
	notify(1, 1, STR_NONE);
	notify(1, 2, STR_NONE);
	notify(1, 0, STR("again\0"));
	expect_event("/bad INSTANCE web MASTER: exited with status 3");
	expect_event("/hung: did not end within 1500 ms, killed");
	expect_event("/missing: cannot be started: No such file or directory");
	expect_event("/bad again: exited with status 3");
	wait_content("log", " runner warning: notification /tmp/");
	wait_content("log", "/bad INSTANCE web MASTER: exited with status 3\n");
	ck_assert_ptr_nonnull(strstr(content("log"), " runner notice: /tmp/"));
	ck_assert_ptr_nonnull(strstr(content("log"), "/bad said: alas\n"));
}
END_TEST

START_TEST(what_a_notification_leaves_running_may_stay)
{
	write_script("a", "(read x <$D/gate; echo stayed >$D/done) >/dev/null 2>&1 &");
	write_script("b", "echo next >$D/next");
	add_notify("a");
	add_notify("b");
	commit(1);
	notify(1, 0, STR_NONE);
	notify(1, 1, STR_NONE);
	wait_content("next", "next");
	let_through();
	wait_content("done", "stayed");
}
END_TEST

START_TEST(too_many_notifications_are_refused)
{
	write_script("a", "read x <$D/gate");
	add_notify("a");
	commit(1);
	for (unsigned i = 0; i < 1 + 256 + 1; i++)
		notify(1, 0, STR_NONE);
	expect_event("/a is not run: too many wait already");
	notify(1, 0, STR("no end"));
	expect_event("/a is not run: its last argument has no end");
	send_word(MSG_STOP, 0, STR_NONE);
	expect_exit();
	wait_content("log", "257 notifications were not finished");
}
END_TEST

START_TEST(only_what_the_configuration_names_is_run)
{
	write_script("a", "echo a $1 >>$D/done");
	write_script("b", "echo b $1 >>$D/done");
	add_notify("a");
	add_script("a", HOUR_MS);
	commit(1);
	expect_script(1, 1, "");
	forget_programs();
	add_notify("b");
	prepare(2);
	expect_text(MSG_PREPARED, 2, "");
	notify(1, 1, STR("a script\0"));
	notify(1, 2, STR("no such index\0"));
	notify(3, 0, STR("no such generation\0"));
	/* The vrrp process may be ahead of us, or behind. */
	notify(2, 0, STR("ahead\0"));
	send_word(MSG_COMMIT, 2, STR_NONE);
	expect_text(MSG_COMMITTED, 2, "");
	notify(1, 0, STR("behind\0"));
	notify(2, 0, STR("now\0"));
	wait_content("done", "now");
	ck_assert_str_eq(content("done"), "a\nb ahead\na behind\nb now\n");
	ck_assert_uint_eq(count(content("log"), "is not known here and is not run"), 3);
}
END_TEST

/* ---- reload ---- */

START_TEST(a_reload_keeps_the_schedule_of_what_is_the_same)
{
	write_script("kept", "echo kept >>$D/runs");
	write_script("new", "exit 0");
	add_script("kept", HOUR_MS);
	commit(1);
	expect_script(1, 0, "");
	forget_programs();
	add_notify("kept");
	add_script("kept", HOUR_MS);
	add_script("new", 20);
	commit(2);
	for (unsigned i = 0; i < 5; i++)
		expect_text(MSG_SCRIPT, MSG_PROGRAM(2, 2), "");
	ck_assert_str_eq(content("runs"), "kept\n");
	/* Another timeout makes it another script. */
	manifest.programs[1].timeout_us /= 2;
	commit(3);
	expect_script(3, 1, "");
	ck_assert_str_eq(content("runs"), "kept\nkept\n");
}
END_TEST

START_TEST(a_run_goes_on_over_a_reload_under_its_new_number)
{
	write_script("kept", "printf x >$D/life; read x <$D/gate; exit 5");
	add_script("kept", HOUR_MS);
	commit(1);
	wait_life();
	forget_programs();
	add_notify("kept");
	add_script("kept", HOUR_MS);
	commit(2);
	let_through();
	expect_text(MSG_SCRIPT, MSG_PROGRAM(2, 1), "exited with status 5");
}
END_TEST

START_TEST(what_a_reload_leaves_out_is_killed)
{
	write_script("old", "exec 9>$D/life; printf x >&9; sleep 1000 & wait");
	write_script("new", "exit 0");
	add_script("old", 20);
	commit(1);
	wait_life();
	forget_programs();
	add_script("new", 20);
	commit(2);
	wait_death();
	/* And nobody hears of it. */
	for (unsigned i = 0; i < 5; i++)
		expect_text(MSG_SCRIPT, MSG_PROGRAM(2, 0), "");
}
END_TEST

/* ---- the end ---- */

static void queue_three(void)
{
	write_script("a", "read x <$D/gate; echo $1 >>$D/done");
	write_script("s", "exec 9>$D/life; printf x >&9; sleep 1000 & wait");
	add_notify("a");
	add_script("s", HOUR_MS);
	commit(1);
	wait_life();
	notify(1, 0, STR("one\0"));
	notify(1, 0, STR("two\0"));
	notify(1, 0, STR("three\0"));
}

START_TEST(stop_lets_notifications_finish)
{
	queue_three();
	send_word(MSG_STOP, PATIENCE_S * CLOCK_SEC, STR_NONE);
	/* The script is ended at once. */
	wait_death();
	notify(1, 0, STR("while it stops\0"));
	for (unsigned i = 0; i < 4; i++)
		let_through();
	expect_exit();
	ck_assert_str_eq(content("done"), "one\ntwo\nthree\nwhile it stops\n");
}
END_TEST

START_TEST(the_grace_of_a_stop_ends)
{
	write_script("a", "exec 9>$D/life; printf x >&9; sleep 1000 & wait");
	add_notify("a");
	commit(1);
	notify(1, 0, STR_NONE);
	notify(1, 0, STR_NONE);
	wait_life();
	send_word(MSG_STOP, 30 * CLOCK_MS, STR_NONE);
	expect_exit();
	wait_death();
	wait_content("log", "2 notifications were not finished");
}
END_TEST

START_TEST(a_stop_with_nothing_to_do_is_at_once)
{
	uint64_t began = clock_now_us();

	commit(1);
	send_word(MSG_STOP, 3600 * CLOCK_SEC, STR_NONE);
	expect_exit();
	ck_assert_uint_lt(clock_now_us() - began, PATIENCE_S * CLOCK_SEC);
}
END_TEST

START_TEST(without_a_supervisor_notifications_finish)
{
	queue_three();
	close(sock);
	sock = -1;
	wait_death();
	for (unsigned i = 0; i < 3; i++)
		let_through();
	expect_exit();
	ck_assert_str_eq(content("done"), "one\ntwo\nthree\n");
	ck_assert_ptr_nonnull(strstr(content("log"), "the supervisor is gone"));
	ck_assert_ptr_null(strstr(content("log"), "was lost"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runner");
	TCase *t = tcase_create("runner");

	tcase_add_test(t, hello_is_answered_and_begins_the_heartbeat);
	tcase_add_test(t, what_is_no_bundle_is_refused);
	tcase_add_test(t, what_was_aborted_is_not_taken);
	tcase_add_loop_test(t, how_a_script_ended_is_said, 0, sizeof(ends) / sizeof(ends[0]));
	tcase_add_test(t, a_script_runs_at_its_interval);
	tcase_add_test(t, a_script_never_runs_twice_at_a_time);
	tcase_add_test(t, a_timeout_kills_all_that_the_script_started);
	tcase_add_test(t, a_script_leaves_nothing_behind);
	tcase_add_test(t, a_script_that_hangs_goes_on_failing);
	tcase_add_test(t, the_environment_is_clean);
	tcase_add_test(t, nothing_of_the_runner_is_left_in_the_program);
	tcase_add_test(t, what_a_script_writes_is_logged_within_bounds);
	tcase_add_test(t, notifications_run_in_order_without_a_shell);
	tcase_add_test(t, a_slow_notification_delays_no_script);
	tcase_add_test(t, a_notification_that_fails_is_told_and_the_next_runs);
	tcase_add_test(t, what_a_notification_leaves_running_may_stay);
	tcase_add_test(t, too_many_notifications_are_refused);
	tcase_add_test(t, only_what_the_configuration_names_is_run);
	tcase_add_test(t, a_reload_keeps_the_schedule_of_what_is_the_same);
	tcase_add_test(t, a_run_goes_on_over_a_reload_under_its_new_number);
	tcase_add_test(t, what_a_reload_leaves_out_is_killed);
	tcase_add_test(t, stop_lets_notifications_finish);
	tcase_add_test(t, the_grace_of_a_stop_ends);
	tcase_add_test(t, a_stop_with_nothing_to_do_is_at_once);
	tcase_add_test(t, without_a_supervisor_notifications_finish);
	return rig_run(s, t);
}
