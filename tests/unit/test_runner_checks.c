/* The runner's external checks of servers. */
#include "runner_rig.h"

/* Of a server of its own, by the program that was added last. */
static void add_check(void)
{
	unsigned i = manifest.n_checks++;

	checks[i] = (struct manifest_check){.program = manifest.n_programs - 1,
					    .port = 8000 + i,
					    .max_connections = 7,
					    .backend = "app",
					    .address = "2001:db8::1"};
	snprintf(checks[i].server, sizeof(checks[i].server), "a%u", i);
}

static void ask(uint64_t generation, unsigned check, const char *number)
{
	send_word(MSG_CHECK, MSG_PROGRAM(generation, check), str_of(number));
}

/* `words`: a letter of enum msg_verdict, and what was said. */
static void expect_checked(uint64_t generation, unsigned check, const char *number,
			   const char *words)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m;

	receive(&m, buf);
	ck_assert_int_eq(m.type, MSG_CHECKED);
	ck_assert_uint_eq(m.arg, MSG_PROGRAM(generation, check));
	ck_assert_str_eq(buf, number);
	ck_assert_str_eq(buf + strlen(buf) + 1, words);
	ck_assert_uint_eq(m.text.n, strlen(number) + 1 + strlen(words));
}

START_TEST(a_check_runs_when_it_is_asked_for)
{
	write_script("c", "echo \"$@\" >>$D/told; env | grep _ | sort >>$D/told\n"
			  "echo; echo fine; echo more");
	add_path(MANIFEST_CHECK, file("c"), 0, HOUR_MS);
	add_check();
	add_check();
	checks[1].port = 0;
	strcpy(checks[1].address, "/run/a.sock");
	checks[1].max_connections = 0;
	commit(3);
	ask(3, 0, "12345678901234567890");
	expect_checked(3, 0, "12345678901234567890", "gfine");
	ck_assert_str_eq(content("told"), "NOT_USED NOT_USED 2001:db8::1 8000\n"
					  "HAPROXY_PROXY_ADDR=NOT_USED\n"
					  "HAPROXY_PROXY_NAME=app\n"
					  "HAPROXY_PROXY_PORT=NOT_USED\n"
					  "HAPROXY_SERVER_ADDR=2001:db8::1\n"
					  "HAPROXY_SERVER_MAXCONN=7\n"
					  "HAPROXY_SERVER_NAME=a0\n"
					  "HAPROXY_SERVER_PORT=8000\n"
					  "HPCBAL_ADDRESS=2001:db8::1\n"
					  "HPCBAL_BACKEND=app\n"
					  "HPCBAL_PORT=8000\n"
					  "HPCBAL_SERVER=a0\n"
					  "HPCBAL_TIMEOUT_MS=3600000\n");
	ask(3, 1, "2");
	expect_checked(3, 1, "2", "gfine");
	ck_assert_ptr_nonnull(strstr(content("told"), "NOT_USED NOT_USED /run/a.sock NOT_USED\n"));
	ck_assert_ptr_nonnull(strstr(content("told"), "HAPROXY_SERVER_MAXCONN=0\n"));
	ck_assert_ptr_null(strstr(content("log"), "said"));
}
END_TEST

START_TEST(how_a_check_ended_is_said)
{
	char words[128];

	if (ends[_i].text)
		write_file("c", ends[_i].text, ends[_i].mode);
	add_path(MANIFEST_CHECK, file("c"), 0, HOUR_MS);
	add_check();
	commit(1);
	ask(1, 0, "1");
	snprintf(words, sizeof(words), "%c%s", ends[_i].how[0] ? 'b' : 'g', ends[_i].how);
	expect_checked(1, 0, "1", words);
}
END_TEST

START_TEST(a_check_that_takes_too_long_is_killed)
{
	write_script("c", "echo waiting; exec 9>$D/life; printf x >&9; exec sleep 1000");
	add_path(MANIFEST_CHECK, file("c"), 0, 3000);
	add_check();
	commit(1);
	ask(1, 0, "1");
	wait_life();
	expect_checked(1, 0, "1", "bdid not end within 3000 ms, killed: waiting");
	wait_death();
}
END_TEST

/* Whatever the generation calls it, the server is the same. */
START_TEST(a_check_never_runs_twice_at_a_time)
{
	write_script("c", "echo start >>$D/starts; read x <$D/gate");
	add_path(MANIFEST_CHECK, file("c"), 0, HOUR_MS);
	add_check();
	commit(1);
	ask(1, 0, "1");
	wait_content("starts", "start");
	ask(1, 0, "2");
	expect_checked(1, 0, "2", "uthe run before is not over");
	commit(2);
	ask(2, 0, "3");
	expect_checked(2, 0, "3", "uthe run before is not over");
	ck_assert_uint_eq(count(content("starts"), "start"), 1);
	let_through();
	expect_checked(1, 0, "1", "g");
	ask(2, 0, "4");
	let_through();
	expect_checked(2, 0, "4", "g");
}
END_TEST

START_TEST(so_many_checks_run_together_and_no_more)
{
	const unsigned most = MANIFEST_CHECKS_AT_ONCE;
	char number[8];

	write_script("c", "exec 9>$D/life; printf x >&9; read x <$D/gate");
	add_path(MANIFEST_CHECK, file("c"), 0, HOUR_MS);
	for (unsigned i = 0; i <= most; i++)
		add_check();
	commit(1);
	for (unsigned i = 0; i <= most; i++) {
		snprintf(number, sizeof(number), "%u", i);
		ask(1, i, number);
	}
	expect_checked(1, most, "64", "utoo many external checks run already");
	for (unsigned i = 0; i < most; i++)
		wait_life();
	send_word(MSG_STOP, 10 * CLOCK_SEC, STR_NONE);
	expect_exit();
	wait_death();
}
END_TEST

START_TEST(nothing_runs_that_the_manifest_does_not_name)
{
	write_script("n", "echo ran >>$D/ran");
	write_script("c", "echo ran >>$D/ran");
	add_notify("n");
	add_path(MANIFEST_CHECK, file("c"), 0, HOUR_MS);
	add_check();
	commit(5);
	ask(5, 1, "1");
	expect_checked(5, 1, "1", "uthe runner does not know this check");
	ask(6, 0, "2");
	expect_checked(6, 0, "2", "uthe runner does not know this check");
	ask(4, 0, "a number that is much too long to be one");
	expect_checked(4, 0, "a number that is much t", "uthe runner does not know this check");
	notify(5, 1, STR_NONE); /* a check's program is no notification */
	wait_content("log", "notification program 1 of generation 5 is not known here");
	ck_assert_str_eq(content("ran"), "");
	/* The next generation is known before it is taken, and not after it was given up. */
	prepare(6);
	expect_text(MSG_PREPARED, 6, "");
	ask(6, 0, "3");
	expect_checked(6, 0, "3", "g");
	send_word(MSG_ABORT, 6, STR_NONE);
	ask(6, 0, "4");
	expect_checked(6, 0, "4", "uthe runner does not know this check");
	ask(5, 0, "5");
	expect_checked(5, 0, "5", "g");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runner_checks");
	TCase *t = tcase_create("runner_checks");

	tcase_add_test(t, a_check_runs_when_it_is_asked_for);
	tcase_add_loop_test(t, how_a_check_ended_is_said, 0, sizeof(ends) / sizeof(ends[0]));
	tcase_add_test(t, a_check_that_takes_too_long_is_killed);
	tcase_add_test(t, a_check_never_runs_twice_at_a_time);
	tcase_add_test(t, so_many_checks_run_together_and_no_more);
	tcase_add_test(t, nothing_runs_that_the_manifest_does_not_name);
	return rig_run(s, t);
}
