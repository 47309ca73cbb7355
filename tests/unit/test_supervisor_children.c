/* The supervisor with all of its long-lived children: the transaction over them, what they
 * say to each other, and the order in which they end. */
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon_fixture.h"
#include "fake_child.h"

static unsigned port, admin_port;

/* The configuration: these lines, one bind, all children, a journal. */
static void write_all(const char *lines)
{
	daemon_write_config("%s\nbind 127.0.0.1:%u\nadmin 127.0.0.1:%u\njournal %s/journal\n"
			    "routers 1\nprograms 2\nprepare 9000\n",
			    lines, port, admin_port, daemon_dir);
}

static void write_proxy_alone(const char *lines)
{
	daemon_write_config("%s\nbind 127.0.0.1:%u\njournal %s/journal\nprepare 9000\n", lines,
			    port, daemon_dir);
}

static void start_all(const char *lines)
{
	port = daemon_free_port();
	admin_port = daemon_free_port();
	write_all(lines);
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_wait_journal("vrrp COMMIT 1", 1);
	daemon_wait_journal("runner COMMIT 1", 1);
}

static int pid_of(enum board_process who)
{
	return stats_get(daemon_boards().supervisor->process[who].pid);
}

/* It has said COMMITTED, and that was heard. */
static void wait_running(enum board_process who)
{
	struct daemon_boards b = daemon_boards();

	for (unsigned i = 0; i < 6000; i++) {
		if (stats_get(b.supervisor->process[who].running))
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("never runs: %s", daemon_said());
}

static void wait_gone(enum board_process who)
{
	struct daemon_boards b = daemon_boards();

	for (unsigned i = 0; i < 6000; i++) {
		if (!stats_get(b.supervisor->process[who].pid))
			return;
		daemon_sleep_ms(10);
	}
	ck_abort_msg("still there: %s", daemon_said());
}

/* The file of the words that do something once. */
static void make_once(void)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/once", daemon_dir);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fclose(f);
}

static void write_journal(const char *line)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/journal", daemon_dir);
	f = fopen(path, "ae");
	ck_assert_ptr_nonnull(f);
	fputs(line, f);
	ck_assert_int_eq(fclose(f), 0);
}

/* In the journal, where both are, the first one first. */
static void check_order(const char *first, const char *second)
{
	const char *journal = daemon_journal();
	const char *a = strstr(journal, first), *b = strstr(journal, second);

	ck_assert_msg(a && b && a < b, "not \"%s\" before \"%s\":\n%s", first, second, journal);
}

/* ---- the start ---- */

START_TEST(all_prepare_and_the_proxy_commits_first)
{
	static const char *const names[] = {"proxy", "vrrp", "runner"};
	struct daemon_boards b;
	char prepare[32], commit[32];

	start_all("commit_takes 100");
	for (unsigned i = 0; i < 3; i++) {
		snprintf(prepare, sizeof(prepare), "%s PREPARE 1", names[i]);
		snprintf(commit, sizeof(commit), "%s COMMIT 1", names[i]);
		check_order(prepare, "proxy COMMIT 1");
		if (i)
			check_order("proxy COMMIT 1", commit);
	}
	b = daemon_boards();
	for (unsigned i = 0; i < BOARD_PROCESSES; i++) {
		wait_running((enum board_process)i);
		ck_assert_int_gt(stats_get(b.supervisor->process[i].pid), 0);
		ck_assert_uint_eq(stats_get(b.supervisor->process[i].restarts), 0);
	}
	ck_assert_int_eq(stats_get(b.vrrp->pid), pid_of(BOARD_VRRP));
}
END_TEST

START_TEST(only_what_is_wanted_is_started)
{
	port = daemon_free_port();
	admin_port = daemon_free_port();
	write_proxy_alone("");
	daemon_start(true);
	daemon_wait_ready(port);
	ck_assert_int_eq(pid_of(BOARD_VRRP), 0);
	ck_assert_int_eq(pid_of(BOARD_RUNNER), 0);
	ck_assert_int_eq(pid_of(BOARD_ADMIN), 0);
	ck_assert_int_eq(daemon_ask_word("demote"), 1);
	ck_assert_str_eq(daemon_answer, "this configuration has no virtual router\n");
}
END_TEST

static const struct {
	const char *lines, *text;
} bad[] = {
	{"vrrp_refuse no such interface",
	 "the vrrp process refuses the configuration: no such interface"},
	/* The others are to have answered by then. */
	{"vrrp_silent\nprepare 3000", "the vrrp process did not answer PREPARE within 3000 ms"},
	{"vrrp_dies_at_prepare", "the vrrp process died on the way: killed by SIGABRT"},
	{"vrrp_dies_prepared 50\nsilent", "the vrrp process died on the way: killed by SIGABRT"},
	{"refuse no such thing", "the proxy process refuses the configuration: no such thing"},
	{"dies_prepared 50\nvrrp_silent", "the proxy process died on the way: killed by SIGABRT"},
	{"uncommitted\nprepare 3000", "the proxy process did not answer COMMIT within 3000 ms"},
	{"runner_refuse no such program",
	 "the runner process refuses the configuration: no such program"},
	{"unbriefed", "it has virtual routers, but no brief of them"},
};
#define BAD ((int)(sizeof(bad) / sizeof(bad[0])))

START_TEST(one_that_fails_fails_the_start)
{
	port = daemon_free_port();
	admin_port = daemon_free_port();
	write_all(bad[_i].lines);
	daemon_start(true);
	ck_assert_int_eq(daemon_wait_exit(5000), 1);
	ck_assert_msg(strstr(daemon_said(), bad[_i].text), "%s", daemon_said());
	ck_assert_msg(!strstr(daemon_journal(), "vrrp COMMIT"), "%s", daemon_journal());
	ck_assert_int_eq(daemon_connect(port), -1);
}
END_TEST

/* ---- reload ---- */

START_TEST(one_that_fails_refuses_the_reload)
{
	unsigned files;
	int pid;

	start_all("");
	wait_running(BOARD_VRRP);
	wait_running(BOARD_RUNNER);
	files = daemon_open_files();
	write_all(bad[_i].lines);
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	ck_assert_msg(strstr(daemon_answer, bad[_i].text), "%s", daemon_answer);
	ck_assert_uint_eq(daemon_answered(port, &pid), 1);
	for (unsigned i = 0; i < BOARD_PROCESSES; i++)
		wait_running((enum board_process)i);
	ck_assert_msg(!strstr(daemon_journal(), "vrrp COMMIT 2"), "%s", daemon_journal());
	ck_assert_msg(!strstr(daemon_journal(), "runner COMMIT 2"), "%s", daemon_journal());
	daemon_wait_open_files(files);
	/* The next good one is taken by all. */
	write_all("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_msg(strstr(daemon_answer, "reloaded: generation "), "%s", daemon_answer);
	ck_assert_msg(!strstr(daemon_answer, "warning"), "%s", daemon_answer);
	daemon_wait_open_files(files);
}
END_TEST

START_TEST(those_that_prepared_forget_what_is_refused)
{
	int vrrp;

	start_all("");
	vrrp = pid_of(BOARD_VRRP);
	write_all("refuse no such thing");
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	daemon_wait_journal("vrrp ABORT 2", 1);
	daemon_wait_journal("runner ABORT 2", 1);
	ck_assert_int_eq(pid_of(BOARD_VRRP), vrrp);
}
END_TEST

/* In 0 it dies, in 1 it is silent: at COMMIT, when the reload is decided. */
START_TEST(one_that_fails_to_follow_is_started_again_on_the_new_one)
{
	static const char *const texts[] = {
		"warning: the vrrp process died on the way: killed by SIGABRT",
		"warning: the vrrp process did not answer COMMIT within 2000 ms",
	};
	char lines[256];
	int pid, first, vrrp;

	start_all("");
	ck_assert_uint_eq(daemon_answered(port, &first), 1);
	vrrp = pid_of(BOARD_VRRP);
	make_once();
	snprintf(lines, sizeof(lines), "vrrp_%s_once %s/once\nprepare %d", _i ? "silent" : "dies",
		 daemon_dir, _i ? 2000 : 9000);
	write_all(lines);
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_msg(str_begins(str_of(daemon_answer), STR("reloaded: generation 2\n")) &&
			      strstr(daemon_answer, texts[_i]) &&
			      strstr(daemon_answer, "; it is started again\n"),
		      "%s", daemon_answer);
	daemon_wait_journal("vrrp COMMIT 2", 2);
	wait_running(BOARD_VRRP);
	ck_assert_int_ne(pid_of(BOARD_VRRP), vrrp);
	ck_assert_uint_eq(daemon_answered(port, &pid), 2);
	ck_assert_int_eq(pid, first);
}
END_TEST

/* Between the COMMIT that the proxy was told and its COMMITTED nobody knows how it ends. In 0
 * there was a vrrp process before, in 1 it is new. */
START_TEST(one_that_dies_while_the_proxy_commits_follows_later)
{
	char lines[256];

	port = daemon_free_port();
	admin_port = daemon_free_port();
	if (_i)
		write_proxy_alone("");
	else
		write_all("");
	daemon_start(true);
	daemon_wait_ready(port);
	if (!_i)
		wait_running(BOARD_VRRP);
	make_once();
	snprintf(lines, sizeof(lines),
		 "vrrp_dies_beside_proxy %s/once\ncommit_awaits %s/once\ncommit_takes 400",
		 daemon_dir, daemon_dir);
	write_all(lines);
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_msg(strstr(daemon_answer, "warning: the vrrp process died on the way"), "%s",
		      daemon_answer);
	daemon_wait_journal("vrrp COMMIT 2", 1);
	wait_running(BOARD_VRRP);
	check_order("proxy COMMIT 2", "vrrp COMMIT 2");
}
END_TEST

START_TEST(one_that_dies_while_the_proxy_fails_stays_on_the_old_one)
{
	char lines[256];

	start_all("");
	wait_running(BOARD_VRRP);
	make_once();
	snprintf(lines, sizeof(lines), "vrrp_dies_beside_proxy %s/once\nuncommitted\nprepare 2000",
		 daemon_dir);
	write_all(lines);
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	daemon_wait_journal("vrrp COMMIT 1", 2);
	wait_running(BOARD_VRRP);
	wait_running(BOARD_PROXY);
	ck_assert_msg(!strstr(daemon_journal(), "vrrp COMMIT 2"), "%s", daemon_journal());
	write_all("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_str_eq(daemon_answer, "reloaded: generation 3\n");
}
END_TEST

START_TEST(services_come_and_go_with_the_configuration)
{
	struct daemon_boards b;
	unsigned files;
	int proxy, pid;

	port = daemon_free_port();
	admin_port = daemon_free_port();
	write_proxy_alone("");
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_answered(port, &proxy);
	files = daemon_open_files();
	b = daemon_boards();
	write_all("vrrp_stop_takes 300");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_VRRP].running), 1);
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_RUNNER].running), 1);
	ck_assert_uint_eq(stats_get(b.vrrp->routers[0].used), 1);
	/* The runner stays for what vrrp has to tell at its end. */
	write_proxy_alone("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_str_eq(daemon_answer, "reloaded: generation 3\n");
	wait_gone(BOARD_VRRP);
	wait_gone(BOARD_RUNNER);
	check_order("vrrp ends", "runner STOP");
	ck_assert_uint_eq(stats_get(b.vrrp->routers[0].used), 0);
	ck_assert_uint_eq(stats_get(b.supervisor->process[BOARD_VRRP].restarts), 0);
	daemon_wait_open_files(files);
	/* One that is wanted again while it ends is waited for. */
	write_all("vrrp_stop_takes 300");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	write_proxy_alone("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	write_all("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_str_eq(daemon_answer, "reloaded: generation 6\n");
	check_order("vrrp COMMIT 4", "vrrp COMMIT 6");
	daemon_answered(port, &pid);
	ck_assert_int_eq(pid, proxy);
}
END_TEST

START_TEST(runner_alone_goes_while_vrrp_stays)
{
	int vrrp;

	start_all("");
	vrrp = pid_of(BOARD_VRRP);
	daemon_write_config("bind 127.0.0.1:%u\njournal %s/journal\nrouters 1\n", port,
			    daemon_dir);
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	wait_gone(BOARD_RUNNER);
	ck_assert_int_eq(pid_of(BOARD_VRRP), vrrp);
}
END_TEST

/* ---- death ---- */

START_TEST(dead_vrrp_and_runner_are_back)
{
	static const enum board_process whom[] = {BOARD_VRRP, BOARD_RUNNER};
	static const char *const commits[] = {"vrrp COMMIT 1", "runner COMMIT 1"};
	enum board_process who = whom[_i];
	struct daemon_boards b;
	char end[BOARD_TEXT];
	int first, proxy, pid;

	start_all("");
	wait_running(who);
	first = pid_of(who);
	daemon_answered(port, &proxy);
	kill(first, SIGKILL);
	daemon_wait_journal(commits[_i], 2);
	wait_running(who);
	ck_assert_int_ne(pid_of(who), first);
	b = daemon_boards();
	ck_assert_uint_eq(stats_get(b.supervisor->process[who].restarts), 1);
	board_text(end, sizeof(end), b.supervisor->process[who].last_end, BOARD_TEXT);
	ck_assert_str_eq(end, "killed by SIGKILL");
	ck_assert_uint_eq(stats_get(b.vrrp->routers[0].used), 1);
	daemon_wait_said("runs again");
	daemon_answered(port, &pid);
	ck_assert_int_eq(pid, proxy);
}
END_TEST

/* One that beats for a while, and one that never does. */
START_TEST(hung_vrrp_or_runner_gets_sigabrt)
{
	static const char *const hangs[] = {"vrrp_hangs_after 300", "vrrp_hangs_after 0",
					    "runner_hangs_after 300", "runner_hangs_after 0"};
	enum board_process who = _i < 2 ? BOARD_VRRP : BOARD_RUNNER;
	int first;

	start_all(hangs[_i]);
	first = pid_of(who);
	/* It may be the second one by now; that hangs as well. */
	for (unsigned i = 0; i < 2000 && (pid_of(who) == first || !pid_of(who)); i++)
		daemon_sleep_ms(10);
	ck_assert_int_ne(pid_of(who), first);
	ck_assert_msg(strstr(daemon_said(), "its main thread hangs"), "%s", daemon_said());
	ck_assert_msg(strstr(daemon_said(), "killed by SIGABRT"), "%s", daemon_said());
}
END_TEST

START_TEST(one_that_stands_still_gets_sigkill)
{
	static const enum board_process whom[] = {BOARD_VRRP, BOARD_RUNNER};

	start_all("");
	wait_running(whom[_i]);
	kill(pid_of(whom[_i]), SIGSTOP);
	daemon_wait_journal(_i ? "runner COMMIT 1" : "vrrp COMMIT 1", 2);
	ck_assert_msg(strstr(daemon_said(), "killed by SIGKILL"), "%s", daemon_said());
}
END_TEST

/* ---- what they say to each other ---- */

START_TEST(words_between_vrrp_and_runner_are_handed_on)
{
	start_all("vrrp_notifies INSTANCE VI_1 MASTER\nrunner_scripts exited with 1\n"
		  "notifies of the proxy\nscripts of the proxy\n"
		  "runner_notifies of the runner\nvrrp_scripts of vrrp\nvrrp_event it is master");
	daemon_wait_journal("runner NOTIFY 65537 INSTANCE VI_1 MASTER\n", 1);
	daemon_wait_journal("vrrp SCRIPT 65538 exited with 1\n", 1);
	for (unsigned i = 0; i < 500 && !strstr(daemon_answer, "vrrp: it is master"); i++)
		ck_assert_int_eq(daemon_ask_word("events"), 0);
	ck_assert_msg(strstr(daemon_answer, "vrrp: it is master"), "%s", daemon_answer);
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(5000), 0);
	ck_assert_msg(!strstr(daemon_journal(), " of "), "%s", daemon_journal());
}
END_TEST

START_TEST(notification_without_a_runner_is_told)
{
	port = daemon_free_port();
	admin_port = daemon_free_port();
	daemon_write_config("bind 127.0.0.1:%u\nrouters 1\nvrrp_notifies X\n", port);
	daemon_start(true);
	daemon_wait_ready(port);
	daemon_wait_said("a notification of the vrrp process (program 1) is lost");
}
END_TEST

START_TEST(client_is_handed_to_vrrp)
{
	char demote[] = "demote", name[] = "VI_1", force[] = "--force";
	char *words[] = {demote, name, force, name, name, name, name, name, name, name};
	unsigned files;

	start_all("");
	wait_running(BOARD_VRRP);
	files = daemon_open_files();
	ck_assert_int_eq(daemon_ask(3, words), 0);
	ck_assert_str_eq(daemon_answer, "the steps\n");
	daemon_wait_journal("vrrp CONTROL 0 demote VI_1 --force\n", 1);
	ck_assert_int_eq(daemon_ask_word("promote"), 0);
	daemon_wait_journal("vrrp CONTROL 0 promote\n", 1);
	ck_assert_int_eq(daemon_ask(9, words), 0);
	ck_assert_int_eq(daemon_ask(10, words), 2);
	ck_assert_int_eq(daemon_ask_word("vrrp"), 0);
	daemon_wait_open_files(files);
}
END_TEST

START_TEST(client_is_handed_to_the_proxy)
{
	char kill_[] = "kill", id[] = "id=0.5";
	char *words[] = {kill_, id, id, id};
	unsigned files;

	start_all("");
	files = daemon_open_files();
	ck_assert_int_eq(daemon_ask_word("sessions"), 0);
	ck_assert_str_eq(daemon_answer, "the steps\n");
	daemon_wait_journal("proxy CONTROL 0 sessions\n", 1);
	ck_assert_int_eq(daemon_ask(2, words), 0);
	daemon_wait_journal("proxy CONTROL 0 kill id=0.5\n", 1);
	ck_assert_int_eq(daemon_ask(4, words), 2);
	daemon_wait_open_files(files);
}
END_TEST

START_TEST(client_of_a_dead_vrrp_hears_why)
{
	int status = 0;

	start_all("vrrp_dies_after 0");
	for (unsigned i = 0; i < 500 && status != 1; i++) {
		status = daemon_ask_word("demote");
		daemon_sleep_ms(10);
	}
	ck_assert_int_eq(status, 1);
	ck_assert_msg(strstr(daemon_answer, "the vrrp process is not running (it ended: ") &&
			      strstr(daemon_answer, "); it is started again; try again\n"),
		      "%s", daemon_answer);
}
END_TEST

/* ---- the end ---- */

START_TEST(runner_ends_behind_vrrp_and_proxy_and_the_daemon_behind_all)
{
	/* Neither waits for the end of the other to be told. */
	start_all("vrrp_stop_awaits proxy STOP\nstop_awaits vrrp ends\ngrace 9000");
	wait_running(BOARD_RUNNER);
	wait_running(BOARD_VRRP);
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(5000), 0);
	check_order("proxy STOP 9000000", "vrrp ends");
	check_order("vrrp STOP 2000000", "vrrp ends");
	check_order("vrrp ends", "proxy ends");
	check_order("vrrp ends", "runner STOP 5000000");
	check_order("proxy ends", "runner STOP 5000000");
	check_order("runner STOP 5000000", "runner ends");
}
END_TEST

START_TEST(second_signal_shortens_every_grace)
{
	uint64_t began;

	start_all("grace 60000\nignores_stop\nvrrp_ignores_stop\nrunner_ignores_stop");
	wait_running(BOARD_RUNNER);
	wait_running(BOARD_VRRP);
	began = clock_now_us();
	kill(daemon_pid, SIGTERM);
	daemon_wait_journal("vrrp STOP 2000000", 1);
	ck_assert_int_eq(waitpid(daemon_pid, NULL, WNOHANG), 0);
	kill(daemon_pid, SIGTERM);
	daemon_wait_journal("vrrp STOP 0", 1);
	daemon_wait_journal("runner STOP 0", 1);
	daemon_wait_journal("proxy STOP 0", 1);
	ck_assert_int_eq(daemon_wait_exit(6000), 0);
	ck_assert_uint_ge((clock_now_us() - began) / CLOCK_MS, 1900);
}
END_TEST

START_TEST(vrrp_that_does_not_end_is_killed_and_the_runner_follows)
{
	start_all("vrrp_ignores_stop");
	wait_running(BOARD_VRRP);
	wait_running(BOARD_RUNNER);
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(8000), 0);
	ck_assert_msg(strstr(daemon_said(), "did not end in time; it is killed"), "%s",
		      daemon_said());
	daemon_wait_journal("runner STOP 5000000", 1);
}
END_TEST

/* In PREPARING, COMMITTING and FOLLOWING: of a reload, and of the start. */
static const struct {
	const char *lines, *told;
} middles[] = {
	{"vrrp_silent", "vrrp PREPARE"},
	{"commit_takes 500\ngrace 9000", "proxy COMMIT"},
	{"vrrp_commit_takes 500", "vrrp COMMIT"},
};

static void stop_in_the_middle(int i, unsigned generation)
{
	char told[64];

	snprintf(told, sizeof(told), "%s %u", middles[i].told, generation);
	daemon_wait_journal(told, 1);
	kill(daemon_pid, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(6000), 0);
	ck_assert_msg(!strstr(daemon_said(), "in time"), "%s", daemon_said());
	ck_assert_int_eq(daemon_connect(port), -1);
}

START_TEST(stop_in_the_middle_of_a_reload)
{
	start_all("grace 9000");
	wait_running(BOARD_VRRP);
	wait_running(BOARD_RUNNER);
	write_all(middles[_i].lines);
	kill(daemon_pid, SIGHUP);
	stop_in_the_middle(_i, 2);
	check_order("vrrp ends", "runner STOP");
}
END_TEST

START_TEST(stop_in_the_middle_of_the_start)
{
	port = daemon_free_port();
	admin_port = daemon_free_port();
	write_all(middles[_i].lines);
	daemon_start(true);
	stop_in_the_middle(_i, 1);
}
END_TEST

/* ---- the admin address ---- */

static int occupy(unsigned at)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)at)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(admin_address_follows_a_reload)
{
	unsigned first, kept;
	char text[BOARD_TEXT];
	int pid, again, other;

	start_all("");
	ck_assert_uint_eq(daemon_answered(admin_port, &pid), 1);
	ck_assert_int_eq(pid, pid_of(BOARD_ADMIN));
	first = admin_port;
	/* One that cannot be had changes nothing. */
	admin_port = daemon_free_port();
	other = occupy(admin_port);
	write_all("");
	ck_assert_int_eq(daemon_ask_word("reload"), 1);
	ck_assert_msg(strstr(daemon_answer, "admin cannot listen on 127.0.0.1:"), "%s",
		      daemon_answer);
	ck_assert_msg(strstr(daemon_answer, "bind: Address already in use"), "%s", daemon_answer);
	ck_assert_uint_eq(daemon_answered(first, &again), 1);
	close(other);
	admin_port = daemon_free_port();
	kept = daemon_open_files();
	write_all("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	ck_assert_uint_eq(daemon_answered(admin_port, &again), 2);
	ck_assert_int_eq(again, pid);
	daemon_wait_refused(first);
	daemon_wait_open_files(kept);
	board_text(text, sizeof(text), daemon_boards().supervisor->admin_listen, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "127.0.0.1:"));
	write_proxy_alone("");
	ck_assert_int_eq(daemon_ask_word("reload"), 0);
	wait_gone(BOARD_ADMIN);
	daemon_wait_refused(admin_port);
	ck_assert_int_eq(daemon_boards().supervisor->admin_listen[0], '\0');
}
END_TEST

START_TEST(dead_admin_is_back_and_nobody_is_refused)
{
	int first, pid;

	start_all("");
	wait_running(BOARD_ADMIN);
	ck_assert_uint_eq(daemon_answered(admin_port, &first), 1);
	kill(first, SIGKILL);
	ck_assert_uint_eq(daemon_answered(admin_port, &pid), 1);
	for (unsigned i = 0; i < 500 && pid == first; i++)
		ck_assert_uint_eq(daemon_answered(admin_port, &pid), 1);
	ck_assert_int_ne(pid, first);
	ck_assert_uint_eq(stats_get(daemon_boards().supervisor->process[BOARD_ADMIN].restarts), 1);
}
END_TEST

START_TEST(admin_ends_behind_all_others)
{
	struct daemon_boards b;
	int pid;

	start_all("runner_stop_awaits the end");
	wait_running(BOARD_VRRP);
	wait_running(BOARD_RUNNER);
	wait_running(BOARD_ADMIN);
	b = daemon_boards();
	ck_assert_uint_eq(stats_get(b.supervisor->stopping), 0);
	kill(daemon_pid, SIGTERM);
	daemon_wait_journal("runner STOP", 1);
	ck_assert_uint_eq(stats_get(b.supervisor->stopping), 1);
	ck_assert_uint_eq(daemon_answered(admin_port, &pid), 1);
	write_journal("the end\n");
	ck_assert_int_eq(daemon_wait_exit(6000), 0);
	ck_assert_msg(!strstr(daemon_said(), "in time"), "%s", daemon_said());
	ck_assert_int_eq(daemon_connect(admin_port), -1);
}
END_TEST

static TCase *make_case(void)
{
	TCase *t = tcase_create("children");

	tcase_add_checked_fixture(t, daemon_setup, daemon_teardown);
	tcase_set_timeout(t, 40);
	tcase_add_test(t, all_prepare_and_the_proxy_commits_first);
	tcase_add_test(t, only_what_is_wanted_is_started);
	tcase_add_loop_test(t, one_that_fails_fails_the_start, 0, BAD);
	tcase_add_loop_test(t, one_that_fails_refuses_the_reload, 0, BAD);
	tcase_add_test(t, those_that_prepared_forget_what_is_refused);
	tcase_add_loop_test(t, one_that_fails_to_follow_is_started_again_on_the_new_one, 0, 2);
	tcase_add_loop_test(t, one_that_dies_while_the_proxy_commits_follows_later, 0, 2);
	tcase_add_test(t, one_that_dies_while_the_proxy_fails_stays_on_the_old_one);
	tcase_add_test(t, services_come_and_go_with_the_configuration);
	tcase_add_test(t, runner_alone_goes_while_vrrp_stays);
	tcase_add_loop_test(t, dead_vrrp_and_runner_are_back, 0, 2);
	tcase_add_loop_test(t, hung_vrrp_or_runner_gets_sigabrt, 0, 4);
	tcase_add_loop_test(t, one_that_stands_still_gets_sigkill, 0, 2);
	tcase_add_test(t, words_between_vrrp_and_runner_are_handed_on);
	tcase_add_test(t, notification_without_a_runner_is_told);
	tcase_add_test(t, client_is_handed_to_vrrp);
	tcase_add_test(t, client_is_handed_to_the_proxy);
	tcase_add_test(t, client_of_a_dead_vrrp_hears_why);
	tcase_add_test(t, runner_ends_behind_vrrp_and_proxy_and_the_daemon_behind_all);
	tcase_add_test(t, second_signal_shortens_every_grace);
	tcase_add_test(t, vrrp_that_does_not_end_is_killed_and_the_runner_follows);
	tcase_add_test(t, admin_address_follows_a_reload);
	tcase_add_test(t, dead_admin_is_back_and_nobody_is_refused);
	tcase_add_test(t, admin_ends_behind_all_others);
	tcase_add_loop_test(t, stop_in_the_middle_of_a_reload, 0, 3);
	tcase_add_loop_test(t, stop_in_the_middle_of_the_start, 0, 3);
	return t;
}

int main(int argc, char **argv)
{
	Suite *s;
	SRunner *r;
	int failed;

	if (fake_child_run(argc, argv, &failed))
		return failed;
	s = suite_create("supervisor_children");
	r = srunner_create(s);
	suite_add_tcase(s, make_case());
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
