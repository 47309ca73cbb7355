/* The supervisor's pure parts: backoff, heartbeat, the ring of events; and what it opens. */
#include <cap-ng.h>
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/backoff.h"
#include "supervisor/child.h"
#include "supervisor/events.h"
#include "supervisor/heartbeat.h"
#include "supervisor/limits.h"
#include "supervisor/logdest.h"
#include "supervisor/sockets.h"

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/hpcbal-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* ---- backoff ---- */

START_TEST(backoff_grows_and_is_forgiven)
{
	static const uint64_t waits_ms[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000};
	struct backoff b = {0};

	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++)
		ck_assert_uint_eq(backoff_next(&b, 9 * CLOCK_SEC), waits_ms[i] * CLOCK_MS);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_eq(backoff_next(&b, 0), 5 * CLOCK_SEC);
	ck_assert_uint_eq(backoff_next(&b, 10 * CLOCK_SEC), 0);
	ck_assert_uint_eq(backoff_next(&b, 0), 100 * CLOCK_MS);
}
END_TEST

/* ---- heartbeat ---- */

#define T0 (1000 * CLOCK_SEC)

static struct board_proxy board;

static void beat_all(uint64_t at)
{
	stats_set(board.n_workers, 2);
	stats_set(board.main_beat_us, at);
	stats_set(board.health_beat_us, at);
	stats_set(board.worker[0].beat_us, at);
	stats_set(board.worker[1].beat_us, at);
}

static enum heartbeat_verdict look_since(struct heartbeat *h, uint64_t now, uint64_t since,
					 char *which)
{
	struct beats beats;

	beats_of_proxy(&beats, &board, since);
	return heartbeat_judge(h, &beats, now, which, 64);
}

static enum heartbeat_verdict look(struct heartbeat *h, uint64_t now, char *which)
{
	return look_since(h, now, 0, which);
}

START_TEST(heartbeat_of_each_thread_counts)
{
	static const char *const names[] = {"main thread", "health thread", "worker 0",
					    "worker 1"};
	_Atomic uint64_t *beats[] = {&board.main_beat_us, &board.health_beat_us,
				     &board.worker[0].beat_us, &board.worker[1].beat_us};
	struct heartbeat h;
	char which[64] = "";

	heartbeat_reset(&h, T0);
	beat_all(T0);
	for (uint64_t t = T0; t <= T0 + 10 * CLOCK_SEC; t += 100 * CLOCK_MS) {
		uint64_t age = t - T0;
		enum heartbeat_verdict v;

		beat_all(t);
		stats_set(*beats[_i], T0);
		v = look(&h, t, which);
		if (age == 2100 * CLOCK_MS) {
			ck_assert_int_eq(v, HEARTBEAT_ABORT);
			ck_assert_str_eq(which, names[_i]);
		} else {
			ck_assert_int_eq(v, age > 2100 * CLOCK_MS + HEARTBEAT_KILL_US
						    ? HEARTBEAT_KILL
						    : HEARTBEAT_FINE);
		}
	}
}
END_TEST

/* The core has its time also when the hang was seen late. */
START_TEST(who_was_aborted_late_is_killed_later)
{
	const uint64_t seen = T0 + 2900 * CLOCK_MS;
	struct heartbeat h;
	char which[64];

	heartbeat_reset(&h, T0);
	beat_all(T0);
	h.last_look_us = seen - 100 * CLOCK_MS;
	ck_assert_int_eq(look(&h, seen, which), HEARTBEAT_ABORT);
	for (uint64_t t = seen; t <= seen + HEARTBEAT_KILL_US; t += 100 * CLOCK_MS)
		ck_assert_int_eq(look(&h, t, which), HEARTBEAT_FINE);
	ck_assert_int_eq(look(&h, seen + HEARTBEAT_KILL_US + 1, which), HEARTBEAT_KILL);
}
END_TEST

START_TEST(no_beat_and_a_beat_ahead_are_fine)
{
	struct heartbeat h;
	char which[64];

	heartbeat_reset(&h, T0);
	for (uint64_t t = T0; t <= T0 + 5 * CLOCK_SEC; t += 100 * CLOCK_MS) {
		beat_all(t + 1);
		stats_set(board.worker[1].beat_us, 0);
		ck_assert_int_eq(look(&h, t, which), HEARTBEAT_FINE);
	}
	/* A board that lies about its size is read within bounds. */
	stats_set(board.n_workers, UINT32_MAX);
	ck_assert_int_eq(look(&h, T0 + 5 * CLOCK_SEC + 1, which), HEARTBEAT_FINE);
}
END_TEST

START_TEST(threads_that_never_began_are_hung)
{
	struct heartbeat h;
	char which[64];

	heartbeat_reset(&h, T0);
	beat_all(0);
	for (uint64_t t = T0; t <= T0 + 2 * CLOCK_SEC; t += 100 * CLOCK_MS)
		ck_assert_int_eq(look_since(&h, t, T0, which), HEARTBEAT_FINE);
	ck_assert_int_eq(look_since(&h, T0 + 2100 * CLOCK_MS, T0, which), HEARTBEAT_ABORT);
	ck_assert_str_eq(which, "main thread");
}
END_TEST

/* It has one thread; one that never beat is judged from the moment it began to serve. */
START_TEST(heartbeat_of_vrrp_counts)
{
	static struct board_vrrp vrrp;
	struct heartbeat h;
	char which[64] = "";

	heartbeat_reset(&h, T0);
	stats_set(vrrp.beat_us, _i ? T0 : 0);
	for (uint64_t t = T0; t <= T0 + 4 * CLOCK_SEC; t += 100 * CLOCK_MS) {
		uint64_t age = t - T0;
		struct beats beats;
		enum heartbeat_verdict v;

		beats_of_vrrp(&beats, &vrrp, _i ? 0 : T0);
		v = heartbeat_judge(&h, &beats, t, which, sizeof(which));
		if (age == 2100 * CLOCK_MS) {
			ck_assert_int_eq(v, HEARTBEAT_ABORT);
			ck_assert_str_eq(which, "main thread");
		} else {
			ck_assert_int_eq(v, age > 2100 * CLOCK_MS + HEARTBEAT_KILL_US
						    ? HEARTBEAT_KILL
						    : HEARTBEAT_FINE);
		}
	}
}
END_TEST

START_TEST(who_is_nice_has_longer)
{
	static const uint64_t limits[] = {HEARTBEAT_ABORT_US, HEARTBEAT_NICE_ABORT_US};
	static struct board_beat one;
	struct heartbeat h;
	char which[64];

	heartbeat_reset(&h, T0);
	stats_set(one.beat_us, T0);
	for (uint64_t t = T0; t <= T0 + limits[_i] + 100 * CLOCK_MS; t += 100 * CLOCK_MS) {
		struct beats beats;

		beats_of_one(&beats, &one, 0, limits[_i]);
		ck_assert_int_eq(heartbeat_judge(&h, &beats, t, which, sizeof(which)),
				 t > T0 + limits[_i] ? HEARTBEAT_ABORT : HEARTBEAT_FINE);
	}
}
END_TEST

START_TEST(late_look_gives_grace)
{
	struct heartbeat h;
	char which[64];

	heartbeat_reset(&h, T0);
	beat_all(T0);
	/* Nobody ran for a minute: neither we nor they. */
	ck_assert_int_eq(look(&h, T0 + 60 * CLOCK_SEC, which), HEARTBEAT_FINE);
	ck_assert_int_eq(look(&h, T0 + 60 * CLOCK_SEC + 400 * CLOCK_MS, which), HEARTBEAT_FINE);
	beat_all(T0 + 60 * CLOCK_SEC + 500 * CLOCK_MS);
	for (uint64_t t = T0 + 61 * CLOCK_SEC; t < T0 + 62 * CLOCK_SEC; t += 400 * CLOCK_MS)
		ck_assert_int_eq(look(&h, t, which), HEARTBEAT_FINE);
	/* But one that stays away after the grace hangs. */
	heartbeat_reset(&h, T0);
	beat_all(T0);
	for (uint64_t t = T0 + 60 * CLOCK_SEC; t < T0 + 61 * CLOCK_SEC; t += 250 * CLOCK_MS)
		ck_assert_int_eq(look(&h, t, which), HEARTBEAT_FINE);
	ck_assert_int_eq(look(&h, T0 + 61 * CLOCK_SEC, which), HEARTBEAT_ABORT);
}
END_TEST

/* ---- events ---- */

START_TEST(events_keep_the_newest)
{
	static struct board_events e;
	struct report out = {NULL, 0};
	struct str rest, line;
	struct event_line last;
	unsigned n = 0;
	char text[400];

	for (unsigned i = 0; i < BOARD_EVENTS + 10; i++) {
		snprintf(text, sizeof(text), "event %u", i);
		events_add(&e, 1700000000000000ull + i, "proxy", str_of(text));
	}
	events_print(&e, &out);
	rest = report_text(&out);
	while (str_split(&rest, '\n', &line)) {
		if (!line.n)
			continue;
		snprintf(text, sizeof(text), " proxy: event %u", 10 + n++);
		ck_assert_msg(str_ends(line, str_of(text)), "%.*s", STR_ARGS(line));
	}
	ck_assert_uint_eq(n, BOARD_EVENTS);
	report_clear(&out);
	memset(text, 'x', sizeof(text));
	text[0] = '\n';
	text[1] = '\033';
	events_add(&e, 0, "proxy", (struct str){text, sizeof(text)});
	ck_assert(board_event_read(&e, BOARD_EVENTS + 10, &last));
	ck_assert_uint_eq(strlen(last.text), BOARD_EVENT_TEXT - 1);
	ck_assert_int_eq(strncmp(last.text, "??xx", 4), 0);
	ck_assert_uint_eq(board_events_first(&e), 11);
	ck_assert(!board_event_read(&e, 10, &last));
	ck_assert(!board_event_read(&e, BOARD_EVENTS + 11, &last));
}
END_TEST

/* ---- small ones ---- */

START_TEST(report_has_whole_lines)
{
	struct report r = {NULL, 0};

	report_lines(&r, STR_NONE);
	ck_assert_uint_eq(r.n, 0);
	report_add(&r, "a %d", 1);
	report_lines(&r, STR("b\nc"));
	report_lines(&r, STR("d\n"));
	ck_assert(str_eq(report_text(&r), STR("a 1\nb\nc\nd\n")));
	report_clear(&r);
	ck_assert_uint_eq(r.n, 0);
}
END_TEST

START_TEST(files_possible)
{
	ck_assert_uint_ge(limits_files_possible(), 256);
}
END_TEST

/* Root in a unit or a container that leaves it few capabilities. */
START_TEST(files_possible_to_who_may_not_raise_limits)
{
	const struct rlimit limit = {300, 300};

	capng_get_caps_process();
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_RESOURCE);
	ck_assert_int_eq(capng_apply(CAPNG_SELECT_CAPS), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limits_files_possible(), 300);
}
END_TEST

START_TEST(ends_are_described)
{
	char text[128];

	child_describe(3 << 8, text, sizeof(text));
	ck_assert_str_eq(text, "exited with status 3");
	child_describe(SIGSEGV | 0x80, text, sizeof(text));
	ck_assert_str_eq(text, "killed by SIGSEGV (core dumped)");
	child_describe(SIGKILL, text, sizeof(text));
	ck_assert_str_eq(text, "killed by SIGKILL");
}
END_TEST

/* ---- log ---- */

START_TEST(log_targets)
{
	struct logdest t;
	char why[256], target[128];
	struct stat st;

	ck_assert(logdest_open(&t, "none", LOG_LOCAL0, why, sizeof(why)));
	ck_assert_int_eq(t.fd, -1);
	ck_assert(logdest_open(&t, "stderr", LOG_LOCAL0, why, sizeof(why)));
	ck_assert_int_gt(t.fd, 2);
	logdest_close(&t);
	snprintf(target, sizeof(target), "file:%s/x.log", dir);
	ck_assert(logdest_open(&t, target, LOG_LOCAL0, why, sizeof(why)));
	ck_assert_int_eq(t.kind, LOG_KIND_FILE);
	ck_assert_int_eq(fstat(t.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777 & ~0640, 0);
	ck_assert_int_ne(fcntl(t.fd, F_GETFL) & O_APPEND, 0);
	logdest_close(&t);
	snprintf(target, sizeof(target), "%s/no-syslog", dir);
	ck_assert(!logdest_open(&t, target, LOG_LOCAL0, why, sizeof(why)));
	ck_assert(logdest_missing(&t));
	ck_assert_ptr_nonnull(strstr(why, "is a syslog daemon running?"));
	snprintf(target, sizeof(target), "file:%s/no/x.log", dir);
	ck_assert(!logdest_open(&t, target, LOG_LOCAL0, why, sizeof(why)));
	ck_assert(!logdest_missing(&t));
}
END_TEST

START_TEST(log_to_a_fifo_that_nobody_reads_does_not_wait)
{
	struct logdest t;
	char why[256], target[128];

	snprintf(target, sizeof(target), "file:%s/fifo", dir);
	ck_assert_int_eq(mkfifo(target + 5, 0600), 0);
	ck_assert(!logdest_open(&t, target, LOG_LOCAL0, why, sizeof(why)));
}
END_TEST

/* ---- sockets ---- */

static void add(struct manifest *m, const char *text)
{
	struct manifest_listener *l = &m->listeners[m->n_listeners++];

	ck_assert_ptr_null(addr_parse(&l->addr, str_of(text)));
	strcpy(l->text, text);
	strcpy(l->frontend_name, "front");
	l->backlog = 8;
}

static int flag(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

START_TEST(sockets_have_their_options)
{
	static struct manifest m;
	struct sockets s;
	struct report why = {NULL, 0};
	char path[96], text[128];
	struct stat st;

	add(&m, "127.0.0.1:1");
	add(&m, "[::1]:1");
	snprintf(path, sizeof(path), "%s/front.sock", dir);
	snprintf(text, sizeof(text), "unix:%s", path);
	add(&m, text);
	addr_set_port(&m.listeners[0].addr, 0);
	addr_set_port(&m.listeners[1].addr, 0);
	ck_assert_msg(sockets_open(&s, &m, NULL, NULL, &why), "%.*s", STR_ARGS(report_text(&why)));
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(flag(s.entry[i].fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
		ck_assert_int_eq(flag(s.entry[i].fd, SOL_SOCKET, SO_REUSEPORT), 0);
		ck_assert_int_ne(fcntl(s.entry[i].fd, F_GETFL) & O_NONBLOCK, 0);
		ck_assert_int_eq(fcntl(s.entry[i].fd, F_GETFD), FD_CLOEXEC);
	}
	ck_assert_int_eq(flag(s.entry[0].fd, SOL_SOCKET, SO_REUSEADDR), 1);
	ck_assert_int_eq(flag(s.entry[1].fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0666);
	sockets_close(&s, &m);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

/* Another node has them now. */
START_TEST(virtual_addresses_are_bound_before_they_come)
{
	static const char *const texts[] = {"192.0.2.77:1", "[2001:db8::77]:1"};
	static struct manifest m;
	struct sockets s;
	struct report why = {NULL, 0};

	add(&m, texts[_i]);
	addr_set_port(&m.listeners[0].addr, 0);
	ck_assert(!sockets_open(&s, &m, NULL, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "no interface has this address now"));
	report_clear(&why);
	m.listeners[0].freebind = 1;
	ck_assert_msg(sockets_open(&s, &m, NULL, NULL, &why), "%.*s", STR_ARGS(report_text(&why)));
	ck_assert_int_eq(flag(s.entry[0].fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	sockets_close(&s, &m);
}
END_TEST

START_TEST(unix_path_stale_served_or_foreign)
{
	static struct manifest m;
	struct sockets s, other;
	struct report why = {NULL, 0};
	char path[96], text[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/front.sock", dir);
	snprintf(text, sizeof(text), "unix:%s", path);
	add(&m, text);
	ck_assert(sockets_open(&s, &m, NULL, NULL, &why));
	/* Served: refused, and it stays. */
	ck_assert(!sockets_open(&other, &m, NULL, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "Address already in use"));
	ck_assert_int_eq(stat(path, &st), 0);
	/* Stale: taken. */
	close(s.entry[0].fd);
	ck_assert(sockets_open(&other, &m, NULL, NULL, &why));
	/* Somebody else's by now: it stays at the end. */
	ck_assert_int_eq(unlink(path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	sockets_close(&other, &m);
	ck_assert_int_eq(stat(path, &st), 0);
	/* No socket at all. */
	report_clear(&why);
	ck_assert(!sockets_open(&s, &m, NULL, NULL, &why));
	ck_assert_ptr_nonnull(strstr(why.text, "is no socket"));
	ck_assert_int_eq(stat(path, &st), 0);
	report_clear(&why);
}
END_TEST

START_TEST(one_that_fails_closes_all_but_the_kept)
{
	static struct manifest m, next;
	struct sockets s, n;
	struct report why = {NULL, 0};
	char text[128];

	snprintf(text, sizeof(text), "unix:%s/a", dir);
	add(&m, text);
	add(&next, text);
	snprintf(text, sizeof(text), "unix:%s/b", dir);
	add(&next, text);
	snprintf(text, sizeof(text), "unix:%s/no/such/c", dir);
	add(&next, text);
	add(&next, text);
	ck_assert(sockets_open(&s, &m, NULL, NULL, &why));
	ck_assert(!sockets_open(&n, &next, &s, &m, &why));
	ck_assert_int_eq(access(m.listeners[0].addr.u.un.sun_path, F_OK), 0);
	ck_assert_int_ne(access(next.listeners[1].addr.u.un.sun_path, F_OK), 0);
	ck_assert_int_eq(flag(s.entry[0].fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	/* All that failed are told, not only the first. */
	ck_assert_ptr_nonnull(strstr(why.text, "/c"));
	ck_assert_ptr_nonnull(strchr(strchr(why.text, '\n') + 1, '\n'));
	report_clear(&why);
	sockets_close(&s, &m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("supervisor_parts");
	TCase *t = tcase_create("parts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, backoff_grows_and_is_forgiven);
	tcase_add_loop_test(t, heartbeat_of_each_thread_counts, 0, 4);
	tcase_add_loop_test(t, heartbeat_of_vrrp_counts, 0, 2);
	tcase_add_loop_test(t, who_is_nice_has_longer, 0, 2);
	tcase_add_test(t, who_was_aborted_late_is_killed_later);
	tcase_add_test(t, no_beat_and_a_beat_ahead_are_fine);
	tcase_add_test(t, threads_that_never_began_are_hung);
	tcase_add_test(t, late_look_gives_grace);
	tcase_add_test(t, events_keep_the_newest);
	tcase_add_test(t, report_has_whole_lines);
	tcase_add_test(t, files_possible);
	tcase_add_test(t, files_possible_to_who_may_not_raise_limits);
	tcase_add_test(t, ends_are_described);
	tcase_add_test(t, log_targets);
	tcase_add_test(t, log_to_a_fifo_that_nobody_reads_does_not_wait);
	tcase_add_test(t, sockets_have_their_options);
	tcase_add_loop_test(t, virtual_addresses_are_bound_before_they_come, 0, 2);
	tcase_add_test(t, unix_path_stale_served_or_foreign);
	tcase_add_test(t, one_that_fails_closes_all_but_the_kept);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
