/* What is said, and to whom: messages, end reasons, traces, panics. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/reason.h"
#include "base/trace.h"

static int ends[2]; /* what is written to [1] is read from [0] */
static char got[1 << 20];

static void pair_open(int type)
{
	if (type == 0)
		ck_assert_int_eq(pipe(ends), 0);
	else
		ck_assert_int_eq(socketpair(AF_UNIX, type, 0, ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
}

/* All that waits to be read. */
static const char *heard(void)
{
	size_t n = 0;
	ssize_t r;

	while ((r = read(ends[0], got + n, sizeof(got) - 1 - n)) > 0)
		n += (size_t)r;
	got[n] = '\0';
	return got;
}

static size_t count(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

START_TEST(a_message_is_one_line)
{
	pair_open(0);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "tester");
	log_warn("server %s/%s is %s", "web", "web1", "DOWN");
	heard();
	ck_assert_msg(strstr(got, " tester warning: server web/web1 is DOWN\n"), "%s", got);
	ck_assert_uint_eq(count(got, '\n'), 1);
	/* A name that came from outside must not write lines of its own. */
	log_error("no such host: %s", "a\nNov 22 hpcbald[1]: all is well\r\x1b[2J");
	heard();
	ck_assert_uint_eq(count(got, '\n'), 1);
	ck_assert_uint_eq(count(got, '\r') + count(got, '\x1b'), 0);
	ck_assert_ptr_nonnull(strstr(got, "all is well"));
}
END_TEST

START_TEST(a_line_of_another_process_is_said_again)
{
	char line[256];

	pair_open(0);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "proxy");
	log_warn("alas: no user");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(heard(), "\n"), got);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "supervisor");
	ck_assert(log_relay_line("proxy", str_of(line)));
	ck_assert_msg(strstr(heard(), " proxy warning: alas: no user\n"), "%s", got);
	ck_assert_ptr_null(strstr(got, "supervisor"));
	ck_assert(!log_relay_line("vrrp", str_of(line))); /* nobody speaks for another */
	ck_assert(!log_relay_line("proxy", STR("")));
	ck_assert(!log_relay_line("proxy", STR("==1==ERROR: AddressSanitizer: it is bad")));
	ck_assert(!log_relay_line("proxy", STR("2026-01-01 00:00:00.000 hpcbald[7] proxy woe: ")));
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(bytes_beyond_ascii_are_kept)
{
	pair_open(0);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "tester");
	log_info("na\xc3\xafve");
	ck_assert_ptr_nonnull(strstr(heard(), "na\xc3\xafve\n"));
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	char *text = malloc(100000);

	memset(text, 'x', 99999);
	text[99999] = '\0';
	pair_open(0);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "tester");
	log_notice("%s", text);
	heard();
	ck_assert_uint_gt(strlen(got), 1000);
	ck_assert_uint_le(strlen(got), 2048);
	ck_assert_int_eq(got[strlen(got) - 1], '\n');
	ck_assert_uint_eq(count(got, '\n'), 1);
	free(text);
}
END_TEST

START_TEST(a_syslog_line_is_one_datagram)
{
	unsigned pri = 0;
	char month[4] = "", tag[64] = "";
	int day, h, m, s, at = 0;

	pair_open(SOCK_DGRAM);
	log_open(LOG_KIND_SYSLOG, ends[1], LOG_LOCAL3, "proxy");
	log_error("first");
	log_info("second");
	ck_assert_int_gt(read(ends[0], got, sizeof(got) - 1), 0);
	ck_assert_int_eq(sscanf(got, "<%u>%3s %d %d:%d:%d %63[^:]: %n", &pri, month, &day, &h, &m,
				&s, tag, &at),
			 7);
	ck_assert_uint_eq(pri, LOG_LOCAL3 | LOG_ERR);
	ck_assert_int_eq(strncmp(tag, "hpcbald[", 8), 0);
	ck_assert_str_eq(got + at, "proxy: first");
	memset(got, 0, 200);
	ck_assert_int_gt(read(ends[0], got, sizeof(got) - 1), 0);
	ck_assert_ptr_nonnull(strstr(got, "second"));
	ck_assert_ptr_null(strchr(got, '\n'));
}
END_TEST

/* A blocking descriptor whose reader sleeps: stderr of a foreground daemon, a pipe to a
 * log collector, syslogd's socket. */
static const int kinds[] = { 0, SOCK_DGRAM, SOCK_STREAM };

START_TEST(a_line_that_would_block_is_dropped_and_counted)
{
	unsigned said = 5000, lines;

	pair_open(kinds[_i]);
	log_open(kinds[_i] == SOCK_DGRAM ? LOG_KIND_SYSLOG : LOG_KIND_FILE, ends[1], LOG_DAEMON,
		 "tester");
	alarm(20);
	for (unsigned i = 0; i < said; i++) {
		errno = E2BIG;
		log_info("line %u %0200d", i, 7);
		ck_assert_int_eq(errno, E2BIG);
	}
	ck_assert_uint_gt(log_dropped(), 0);
	ck_assert_uint_lt(log_dropped(), said);
	if (kinds[_i] == SOCK_DGRAM) {
		for (lines = 0; read(ends[0], got, sizeof(got)) > 0;)
			lines++;
	} else {
		lines = (unsigned)count(heard(), '\n');
	}
	ck_assert_uint_eq(lines + log_dropped(), said);
	log_info("again");
	ck_assert_ptr_nonnull(strstr(heard(), "again"));
}
END_TEST

START_TEST(a_gone_reader_is_no_signal)
{
	pair_open(SOCK_DGRAM);
	close(ends[0]);
	log_open(LOG_KIND_SYSLOG, ends[1], LOG_DAEMON, "tester");
	log_error("nobody hears");
	ck_assert_uint_eq(log_dropped(), 1);
	log_open(LOG_KIND_NONE, -1, LOG_DAEMON, "tester");
	log_error("nobody is asked");
	ck_assert_uint_eq(log_dropped(), 1);
}
END_TEST

START_TEST(echo_goes_to_stderr_once)
{
	int keep = dup(STDERR_FILENO);
	const char *first;

	pair_open(0);
	dup2(ends[1], STDERR_FILENO);
	log_echo(true);
	log_open(LOG_KIND_STDERR, STDERR_FILENO, LOG_DAEMON, "tester");
	log_error("said once");
	log_open(LOG_KIND_NONE, -1, LOG_DAEMON, "tester");
	log_error("said besides");
	log_echo(false);
	log_error("said to nobody");
	dup2(keep, STDERR_FILENO);
	heard();
	first = strstr(got, "said once");
	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_null(strstr(first + 1, "said once"));
	ck_assert_ptr_nonnull(strstr(got, "said besides"));
	ck_assert_ptr_null(strstr(got, "said to nobody"));
}
END_TEST

#define TALKERS 4
#define LINES 200

static void *talk(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		log_info("%c%060d%c", *(char *)arg, (int)i, *(char *)arg);
	return NULL;
}

START_TEST(lines_of_many_threads_do_not_mix)
{
	static char who[] = "ABCD";
	pthread_t t[TALKERS];
	char *at, *line;
	unsigned lines = 0;

	pair_open(0);
	ck_assert_int_ge(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	log_open(LOG_KIND_FILE, ends[1], LOG_DAEMON, "tester");
	for (unsigned i = 0; i < TALKERS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, talk, who + i), 0);
	for (unsigned i = 0; i < TALKERS; i++)
		pthread_join(t[i], NULL);
	heard();
	for (line = strtok_r(got, "\n", &at); line; line = strtok_r(NULL, "\n", &at), lines++) {
		const char *text = strstr(line, " tester info: ");

		ck_assert_ptr_nonnull(text);
		text += strlen(" tester info: ");
		ck_assert_uint_eq(strlen(text), 62);
		ck_assert_int_eq(text[0], text[61]);
		ck_assert_uint_eq(strspn(text + 1, "0123456789"), 60);
	}
	ck_assert_uint_eq(lines, TALKERS * LINES);
}
END_TEST

static atomic_bool over;
static atomic_uint said;

static void *talk_on(void *unused)
{
	for (; !atomic_load(&over); atomic_fetch_add(&said, 1))
		log_info("to the log only");
	return unused;
}

/* Its number is soon another's: a client's, say. */
START_TEST(what_was_given_up_is_written_to_no_more)
{
	pthread_t t[2];
	unsigned was;

	pair_open(0);
	log_open(LOG_KIND_NONE, -1, LOG_DAEMON, "tester");
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, talk_on, NULL), 0);
	for (unsigned i = 0; i < 200; i++) {
		int fd = open("/dev/null", O_WRONLY);

		log_open(LOG_KIND_FILE, fd, LOG_DAEMON, "tester");
		for (was = atomic_load(&said); atomic_load(&said) == was;)
			sched_yield();
		log_open(LOG_KIND_NONE, -1, LOG_DAEMON, "tester");
		ck_assert_int_eq(dup2(ends[1], fd), fd);
		close(fd);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_eq(count(heard(), '\n'), 0);
}
END_TEST

/* ---- reasons ---- */

START_TEST(every_reason_is_whole)
{
	for (unsigned r = 0; r < REASON_COUNT; r++) {
		const char *letters = reason_letters((enum reason)r);
		unsigned status = reason_status((enum reason)r);

		ck_assert_uint_gt(strlen(reason_name((enum reason)r)), 0);
		ck_assert_uint_gt(strlen(reason_text((enum reason)r)), 0);
		ck_assert_uint_eq(strlen(letters), 2);
		ck_assert_ptr_nonnull(strchr("-CcSsPRIULK", letters[0]));
		ck_assert_ptr_nonnull(strchr("-RQCHDT", letters[1]));
		ck_assert(status == 0 || status == 200 || status == 302 ||
			  (status >= 400 && status <= 599));
		for (unsigned k = 0; k < r; k++)
			ck_assert_str_ne(reason_name((enum reason)r), reason_name((enum reason)k));
	}
	ck_assert_str_eq(reason_name(REASON_REQ_BARE_LF), "REQ_BARE_LF");
	ck_assert_uint_eq(reason_status(REASON_REQ_BARE_LF), 400);
	ck_assert_str_eq(reason_letters(REASON_SERVER_CUT), "SD");
	ck_assert_uint_eq(reason_status(REASON_COMPLETE), 0);
}
END_TEST

/* HTTP.md 82: scripts and dashboards search for these words. Whoever has to change one says so
 * in the release notes. */
START_TEST(h82_reasons_are_stable)
{
	static const char *const words[] = {
		"COMPLETE 0 --", "PROXY_MISSING 0 PR", "PROXY_LINE 0 PR", "PROXY_KIND 0 PR",
		"PROXY_LENGTH 0 PR", "PROXY_CHECKSUM 0 PR", "PROXY_TIMEOUT 0 cR",
		"REQ_TRAILER_TOO_LARGE 431 PD", "REQ_TRAILER_TOO_MANY 431 PD",
		"CLIENT_BODY_SLOW 408 cD", "CLIENT_SEND_SLOW 0 cD", "KILLED 503 KD",
		"TUNNEL_KILLED 0 KT", "LIMIT_REQUESTS 429 PR", "LIMIT_CONNECTIONS 429 PR",
		"LIMIT_CONNECTIONS_CUT 0 PR",
		"PROXY_ABORT 0 CR", "RETRY_BUDGET 503 RC", "REQ_LINE 400 PR",
		"REQ_METHOD 400 PR", "REQ_TARGET 400 PR",
		"REQ_VERSION 400 PR", "REQ_VERSION_UNSUPPORTED 505 PR", "REQ_HTTP09 400 PR",
		"REQ_LINE_TOO_LONG 414 PR", "REQ_HEAD_TOO_LARGE 431 PR",
		"REQ_TOO_MANY_FIELDS 431 PR", "REQ_CONNECTION 431 PR",
		"REQ_BARE_LF 400 PR", "REQ_BARE_CR 400 PR", "REQ_FOLD 400 PR",
		"REQ_FIELD_COLON 400 PR", "REQ_FIELD_NAME 400 PR", "REQ_FIELD_VALUE 400 PR",
		"REQ_HOST_MISSING 400 PR", "REQ_HOST 400 PR", "REQ_PATH_ESCAPE 400 PR",
		"REQ_CONTENT_LENGTH 400 PR", "REQ_LENGTH_CONFLICT 400 PR",
		"REQ_LENGTH_AND_CODING 400 PR", "REQ_CODING 400 PR", "REQ_CODING_OLD 400 PR",
		"REQ_CODING_UNKNOWN 501 PR", "REQ_EXPECT 417 PR", "REQ_MAX_FORWARDS 400 PR",
		"REQ_LOOP 508 PR", "REQ_CONNECT 405 PR", "REQ_TRACE 405 PR",
		"REQ_UPGRADE 400 PR", "REQ_CHUNK 400 PD", "REQ_CHUNK_EXTENSION 400 PD",
		"REQ_TRAILER 400 PD", "REQ_BODY_TOO_LARGE 413 PD",
		"CLIENT_HEAD_TIMEOUT 408 cR", "CLIENT_BODY_TIMEOUT 408 cD",
		"CLIENT_SEND_TIMEOUT 0 cD", "CLIENT_ABORT_HEAD 0 CR",
		"CLIENT_ABORT_BODY 0 CD", "CLIENT_ABORT_WAIT 0 CH",
		"CLIENT_ABORT_CONNECT 0 CC", "CLIENT_ABORT_DATA 0 CD",
		"OPTIONS_ANSWERED 200 LR", "DENIED 403 PR", "REDIRECTED 302 LR",
		"RESPONDED 200 LR", "NO_BACKEND 503 SC",
		"NO_SERVER 503 SC", "CONNECT_REFUSED 503 SC", "CONNECT_FAILED 503 SC",
		"CONNECT_TIMEOUT 503 sC", "SERVER_HEAD_TIMEOUT 504 sH",
		"SERVER_BODY_TIMEOUT 504 sD", "SERVER_SEND_TIMEOUT 504 sD",
		"SERVER_CLOSED 502 SH", "SERVER_RESET 502 SH", "SERVER_CUT 502 SD",
		"RES_LINE 502 PH", "RES_STATUS 502 PH", "RES_HEAD_TOO_LARGE 502 PH",
		"RES_TOO_MANY_FIELDS 502 PH", "RES_CONNECTION 502 PH",
		"RES_FIELD 502 PH", "RES_LENGTH 502 PH", "RES_CODING 502 PH",
		"RES_CHUNK 502 PD", "RES_SWITCH 502 PH", "RES_TOO_MANY_INTERIM 502 PH",
		"RES_STRAY 0 --", "NO_MEMORY 503 RR", "NO_SOCKET 503 RC", "STOPPING 503 LR",
		"DRAIN_DEADLINE 503 KD", "SPINNING 500 IR", "TUNNEL_TIMEOUT 0 cT",
		"TUNNEL_FIN_TIMEOUT 0 cT", "TUNNEL_CLIENT_RESET 0 CT",
		"TUNNEL_SERVER_RESET 0 ST",
	};
	char text[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		unsigned r = 0;

		do {
			ck_assert_msg(r < REASON_COUNT, "no reason is \"%s\" any more", words[i]);
			snprintf(text, sizeof(text), "%s %u %s", reason_name((enum reason)r),
				 reason_status((enum reason)r), reason_letters((enum reason)r));
			r++;
		} while (strcmp(text, words[i]) != 0);
	}
}
END_TEST

/* ---- traces and panics ---- */

static void no_core(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

START_TEST(a_trace_keeps_the_last_lines_in_order)
{
	const char *at = got;

	pair_open(0);
	for (unsigned i = 0; i < TRACE_LINES + 10; i++)
		trace_note("step", i, -(int64_t)i);
	trace_dump(ends[1]);
	heard();
	ck_assert_uint_eq(count(got, '\n'), TRACE_LINES);
	for (unsigned i = 10; i < TRACE_LINES + 10; i++) {
		char line[64];

		snprintf(line, sizeof(line), "trace step id=%u value=-%u\n", i, i);
		at = strstr(at, line);
		ck_assert_msg(at, "no \"%s\" in its place", line);
	}
}
END_TEST

static void *dump_empty(void *arg)
{
	trace_dump(ends[1]);
	return arg;
}

START_TEST(a_trace_is_its_threads_own)
{
	pthread_t t;

	pair_open(0);
	trace_note("mine", 1, 1);
	ck_assert_int_eq(pthread_create(&t, NULL, dump_empty, NULL), 0);
	pthread_join(t, NULL);
	ck_assert_uint_eq(count(heard(), '\n'), 0);
}
END_TEST

static void report(int fd)
{
	ck_assert_int_gt(write(fd, "reported\n", 9), 0);
}

START_TEST(a_panic_says_where_and_aborts)
{
	int status;
	pid_t child;

	pair_open(0);
	child = fork();
	if (child == 0) {
		volatile int two = 2;

		no_core();
		dup2(ends[1], STDERR_FILENO);
		assert_set_reporter(report);
		trace_note("before", 4711, -1);
		must(two == 2);
		must(two == 3);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	heard();
	ck_assert_msg(strstr(got, "panic: two == 3, at "), "%s", got);
	ck_assert_ptr_nonnull(strstr(got, "test_base_log.c:"));
	ck_assert_ptr_nonnull(strstr(got, "reported\n"));
	ck_assert_ptr_nonnull(strstr(got, "trace before id=4711 value=-1\n"));
}
END_TEST

START_TEST(a_reason_out_of_range_is_a_panic)
{
	no_core();
	reason_name(REASON_COUNT);
}
END_TEST

START_TEST(a_wrong_place_is_a_panic)
{
	no_core();
	wrong("cannot be reached");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_log");
	TCase *t = tcase_create("log");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_message_is_one_line);
	tcase_add_test(t, a_line_of_another_process_is_said_again);
	tcase_add_test(t, bytes_beyond_ascii_are_kept);
	tcase_add_test(t, a_long_message_is_cut);
	tcase_add_test(t, a_syslog_line_is_one_datagram);
	tcase_add_loop_test(t, a_line_that_would_block_is_dropped_and_counted, 0, 3);
	tcase_add_test(t, a_gone_reader_is_no_signal);
	tcase_add_test(t, echo_goes_to_stderr_once);
	tcase_add_test(t, lines_of_many_threads_do_not_mix);
	tcase_add_test(t, what_was_given_up_is_written_to_no_more);
	tcase_add_test(t, every_reason_is_whole);
	tcase_add_test(t, h82_reasons_are_stable);
	tcase_add_test(t, a_trace_keeps_the_last_lines_in_order);
	tcase_add_test(t, a_trace_is_its_threads_own);
	tcase_add_test(t, a_panic_says_where_and_aborts);
	tcase_add_test_raise_signal(t, a_reason_out_of_range_is_a_panic, SIGABRT);
	tcase_add_test_raise_signal(t, a_wrong_place_is_a_panic, SIGABRT);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
