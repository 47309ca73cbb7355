#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/logger.h"
#include "proxy/logring.h"
#include "proxy/logtarget.h"

#define WAIT_US (10 * CLOCK_SEC)

static struct proxy_stats stats;
static _Atomic unsigned lost_calls;

static void count_lost(void *arg)
{
	(void)arg;
	atomic_fetch_add(&lost_calls, 1);
}

static void setup(void)
{
	memset(&stats, 0, sizeof(stats));
	atomic_store(&lost_calls, 0);
}

static void nap(unsigned ms)
{
	usleep(ms * 1000);
}

static int temp_file(void)
{
	char path[] = "/tmp/hpcbal-logger-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	return fd;
}

static char *read_whole(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = malloc((size_t)size + 1);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(fd, text, (size_t)size, 0), size);
	text[size] = '\0';
	return text;
}

#define WAIT_UNTIL(cond)                                                                  \
	do {                                                                              \
		uint64_t end_ = clock_now_us() + WAIT_US;                                 \
		while (!(cond) && clock_now_us() < end_)                                  \
			nap(1);                                                           \
		ck_assert(cond);                                                          \
	} while (0)

/* Rings and batches. */

START_TEST(ring_wraps_and_refuses)
{
	static struct logbatch b;
	struct logring r;
	char line[1000], want[1000];
	unsigned in = 0, out = 0;

	ck_assert(logring_init(&r));
	for (unsigned round = 0; round < 2000; round++) {
		while (in - out < 100) {
			memset(line, 'a' + (int)(in % 26), sizeof(line));
			ck_assert(logring_put(&r, (struct str){ line, in % sizeof(line) }));
			in++;
		}
		logbatch_clear(&b);
		logbatch_take(&b, &r);
		ck_assert_uint_gt(b.lines, 0);
		for (unsigned i = 0, at = 0; i < b.lines; at = b.end[i++], out++) {
			memset(want, 'a' + (int)(out % 26), sizeof(want));
			want[out % sizeof(want)] = '\n';
			ck_assert_uint_eq(b.end[i] - at, out % sizeof(want) + 1);
			ck_assert(memcmp(b.bytes + at, want, out % sizeof(want) + 1) == 0);
		}
	}
	while (!logbatch_take(&b, &r))
		logbatch_clear(&b);
	for (in = 0; logring_put(&r, (struct str){ line, sizeof(line) }); in++)
		;
	ck_assert_uint_eq(in, LOGRING_SIZE / (sizeof(line) + 5));
	ck_assert(logring_is_pressing(&r));
	while (!logbatch_take(&b, &r))
		logbatch_clear(&b);
	ck_assert(logring_is_empty(&r));
	ck_assert(!logring_is_pressing(&r));
	logring_free(&r);
}
END_TEST

START_TEST(ring_cuts_a_long_line)
{
	static char line[LOGRING_LINE + 100];
	static struct logbatch b;
	struct logring r;

	ck_assert(logring_init(&r));
	memset(line, 'x', sizeof(line));
	ck_assert(logring_put(&r, (struct str){ line, sizeof(line) }));
	ck_assert(logring_put(&r, STR_NONE));
	logbatch_clear(&b);
	ck_assert(logbatch_take(&b, &r));
	ck_assert_uint_eq(b.lines, 2);
	ck_assert_uint_eq(b.end[0], LOGRING_LINE + 1);
	ck_assert_uint_eq(b.end[1], LOGRING_LINE + 2);
	logring_free(&r);
}
END_TEST

static void batch_of(struct logbatch *b, unsigned lines, struct str line)
{
	logbatch_clear(b);
	for (unsigned i = 0; i < lines; i++) {
		uint32_t at = logbatch_bytes(b);

		ck_assert_uint_lt(at + line.n, LOGBATCH_BYTES);
		memcpy(b->bytes + at, line.p, line.n);
		b->bytes[at + line.n] = '\n';
		b->end[b->lines++] = at + (uint32_t)line.n + 1;
	}
}

/* Targets. */

static size_t drain_pipe(int fd, char *to, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size && (got = read(fd, to + n, size - n)) > 0)
		n += (size_t)got;
	return n;
}

/* A pipe that took half a line, whose batch was given up, goes on with a line of its own. */
START_TEST(torn_line_is_ended)
{
	static struct logbatch b;
	static char text[1 << 20], line[10001];
	struct logtarget t;
	int p[2];
	size_t n;

	ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
	logtarget_init(&t, LOG_KIND_FILE, p[1], 0);
	memset(line, 'x', sizeof(line) - 1);
	for (;;) {
		batch_of(&b, 1, str_of(line));
		if (logtarget_flush(&t, &b, &stats) != LOGTARGET_DONE)
			break;
	}
	ck_assert(t.torn);
	logtarget_drop(&b, &stats);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 1);
	n = drain_pipe(p[0], text, sizeof(text));
	ck_assert_int_eq(text[n - 1], 'x');
	batch_of(&b, 2, STR("next"));
	ck_assert_int_eq(logtarget_flush(&t, &b, &stats), LOGTARGET_DONE);
	n = drain_pipe(p[0], text, sizeof(text));
	ck_assert_uint_eq(n, 11);
	ck_assert(memcmp(text, "\nnext\nnext\n", 11) == 0);
	logtarget_close(&t);
	close(p[0]);
}
END_TEST

START_TEST(full_disk_drops_and_counts)
{
	static struct logbatch b;
	struct logtarget t;

	logtarget_init(&t, LOG_KIND_FILE, open("/dev/full", O_WRONLY), 0);
	batch_of(&b, 3, STR("line"));
	ck_assert_int_eq(logtarget_flush(&t, &b, &stats), LOGTARGET_LOST);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 3);
	ck_assert_uint_eq(stats_get(stats.log_lines), 0);
	ck_assert_uint_eq(b.done, 3);
	logtarget_close(&t);
}
END_TEST

START_TEST(syslog_too_long_is_dropped_alone)
{
	static struct logbatch b;
	static char text[70000];
	struct logtarget t;
	int s[2], small = 2048;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	ck_assert_int_eq(setsockopt(s[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	logtarget_init(&t, LOG_KIND_SYSLOG, s[1], LOG_LOCAL0);
	batch_of(&b, 1, STR("first"));
	memset(b.bytes + b.end[0], 'x', 60000);
	b.end[b.lines++] = 6 + 60000;
	memcpy(b.bytes + b.end[1], "last\n", 5);
	b.end[b.lines++] = 6 + 60000 + 5;
	ck_assert_int_eq(logtarget_flush(&t, &b, &stats), LOGTARGET_DONE);
	ck_assert_uint_eq(stats_get(stats.log_lines), 2);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 1);
	ck_assert_int_gt(recv(s[0], text, sizeof(text), MSG_DONTWAIT), 0);
	text[recv(s[0], text, sizeof(text) - 1, MSG_DONTWAIT)] = '\0';
	ck_assert(str_ends(str_of(text), STR(" last")));
	logtarget_close(&t);
	close(s[0]);
}
END_TEST

/* The whole logger. */

#define PRODUCERS 4u
#define LINES_EACH 20000u

struct producer {
	struct logger *logger;
	unsigned id;
	pthread_t thread;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	char line[64];
	int n;

	for (unsigned i = 0; i < LINES_EACH; i++) {
		n = snprintf(line, sizeof(line), "%u %u some words of a line", p->id, i);
		logger_put(p->logger, p->id, (struct str){ line, (size_t)n });
		if (i % 512 == 0)
			nap(1);
	}
	return NULL;
}

/* Each producer's lines that were not dropped are there whole, once, and in their order. */
static unsigned count_lines(char *text)
{
	unsigned next[PRODUCERS] = { 0 }, lines = 0, id, i;
	char *save = NULL, want[64];

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save), lines++) {
		ck_assert_int_eq(sscanf(l, "%u %u ", &id, &i), 2);
		ck_assert_uint_lt(id, PRODUCERS);
		ck_assert_uint_ge(i, next[id]);
		snprintf(want, sizeof(want), "%u %u some words of a line", id, i);
		ck_assert_str_eq(l, want);
		next[id] = i + 1;
	}
	return lines;
}

START_TEST(producers_to_a_file)
{
	struct logger *l = logger_start(PRODUCERS, &stats, count_lost, NULL);
	struct producer p[PRODUCERS];
	int fd = temp_file();
	char *text;

	ck_assert_ptr_nonnull(l);
	logger_target(l, LOG_KIND_FILE, dup(fd), 0);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		p[i] = (struct producer){ .logger = l, .id = i };
		ck_assert_int_eq(pthread_create(&p[i].thread, NULL, produce, &p[i]), 0);
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(p[i].thread, NULL);
	logger_stop(l);
	text = read_whole(fd);
	ck_assert_uint_eq(count_lines(text), stats_get(stats.log_lines));
	ck_assert_uint_eq(stats_get(stats.log_lines) + stats_get(stats.log_dropped),
			  PRODUCERS * LINES_EACH);
	ck_assert_uint_gt(stats_get(stats.log_lines), 0);
	ck_assert_uint_eq(lost_calls, 0);
	free(text);
	close(fd);
}
END_TEST

START_TEST(idle_writer_is_woken)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	int p[2];
	char text[32];

	ck_assert_int_eq(pipe(p), 0);
	ck_assert(!logger_wanted(l));
	logger_put(l, 0, STR("nobody wants this"));
	logger_target(l, LOG_KIND_STDERR, p[1], 0);
	ck_assert(logger_wanted(l));
	for (unsigned i = 0; i < 3; i++) {
		nap(400);
		logger_put(l, 0, STR("hello"));
		ck_assert_int_eq(read(p[0], text, sizeof(text)), 6);
		ck_assert(memcmp(text, "hello\n", 6) == 0);
	}
	logger_target(l, LOG_KIND_NONE, -1, 0);
	ck_assert(!logger_wanted(l));
	logger_stop(l);
	ck_assert_uint_eq(stats_get(stats.log_lines), 3);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 0);
	close(p[0]);
}
END_TEST

START_TEST(syslog_lines_have_a_header)
{
	struct logger *l = logger_start(2, &stats, count_lost, NULL);
	char text[256], want[128];
	regex_t re;
	ssize_t n;
	int s[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	logger_target(l, LOG_KIND_SYSLOG, s[1], LOG_LOCAL0);
	logger_put(l, 1, STR("GET / and more"));
	n = recv(s[0], text, sizeof(text) - 1, 0);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	snprintf(want, sizeof(want),
		 "^<134>[A-Z][a-z]{2} [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} "
		 "hpcbald\\[%ld\\]: GET / and more$",
		 (long)getpid());
	ck_assert_int_eq(regcomp(&re, want, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "%s", text);
	regfree(&re);
	logger_stop(l);
	close(s[0]);
}
END_TEST

/* Lines that no syslog daemon took are kept for the one that comes. */
START_TEST(syslog_that_comes_back)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	char text[256];
	int s[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	logger_target(l, LOG_KIND_SYSLOG, s[1], LOG_DAEMON);
	close(s[0]);
	for (unsigned i = 0; i < 300; i++)
		logger_put(l, 0, STR("kept"));
	WAIT_UNTIL(lost_calls == 1);
	nap(300);
	ck_assert_uint_eq(lost_calls, 1);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	logger_target(l, LOG_KIND_SYSLOG, s[1], LOG_DAEMON);
	for (unsigned i = 0; i < 300; i++)
		ck_assert_int_gt(recv(s[0], text, sizeof(text), 0), 4);
	logger_stop(l);
	ck_assert_uint_eq(stats_get(stats.log_lines), 300);
	close(s[0]);
}
END_TEST

START_TEST(full_disk_then_a_new_target)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	int fd = temp_file();
	char *text;

	logger_target(l, LOG_KIND_FILE, open("/dev/full", O_WRONLY), 0);
	logger_put(l, 0, STR("gone"));
	WAIT_UNTIL(stats_get(stats.log_dropped) == 1);
	WAIT_UNTIL(lost_calls == 1);
	logger_target(l, LOG_KIND_FILE, dup(fd), 0);
	logger_put(l, 0, STR("there"));
	WAIT_UNTIL(stats_get(stats.log_lines) == 1);
	logger_stop(l);
	text = read_whole(fd);
	ck_assert_str_eq(text, "there\n");
	free(text);
	close(fd);
}
END_TEST

#define BIG_LINES 2000u
#define BIG_LINE 999u

static unsigned read_lines(int fd)
{
	char text[4096];
	unsigned lines = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	}
	return lines;
}

static void *reader_main(void *arg)
{
	nap(300);
	return (void *)(uintptr_t)read_lines(*(int *)arg);
}

/* A pipe that nobody reads holds up no producer (or this would not end); what fits into the ring
 * is not lost. */
START_TEST(full_pipe_holds_up_nobody)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	char line[BIG_LINE];
	pthread_t reader;
	uint64_t kept;
	void *lines;
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	memset(line, 'x', sizeof(line));
	logger_target(l, LOG_KIND_STDERR, p[1], 0);
	for (unsigned i = 0; i < BIG_LINES; i++)
		logger_put(l, 0, (struct str){ line, sizeof(line) });
	kept = BIG_LINES - stats_get(stats.log_dropped);
	ck_assert_uint_lt(kept, BIG_LINES);
	ck_assert_uint_ge(kept, LOGRING_SIZE / (BIG_LINE + 5));
	ck_assert_int_eq(pthread_create(&reader, NULL, reader_main, &p[0]), 0);
	WAIT_UNTIL(stats_get(stats.log_lines) == kept);
	logger_stop(l);
	pthread_join(reader, &lines);
	ck_assert_uint_eq((uintptr_t)lines, kept);
	close(p[0]);
}
END_TEST

/* Nobody ever reads it: a stop that waited would not end. */
START_TEST(stop_does_not_wait_for_a_full_pipe)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	char line[BIG_LINE];
	int p[2];

	ck_assert_int_eq(pipe2(p, _i ? O_NONBLOCK : 0), 0);
	memset(line, 'x', sizeof(line));
	logger_target(l, LOG_KIND_STDERR, p[1], 0);
	for (unsigned i = 0; i < 200; i++)
		logger_put(l, 0, (struct str){ line, sizeof(line) });
	logger_stop(l);
	ck_assert_uint_gt(stats_get(stats.log_dropped), 0);
	ck_assert_uint_eq(stats_get(stats.log_lines) + stats_get(stats.log_dropped), 200);
	close(p[0]);
}
END_TEST

/* An eventfd that says that it is ready, and then blocks its writer for ever. */
START_TEST(stop_ends_a_write_that_blocks)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	uint64_t nearly_full = UINT64_MAX - 2;
	int fd = eventfd(0, 0);

	ck_assert_int_eq(write(fd, &nearly_full, sizeof(nearly_full)), 8);
	logger_target(l, LOG_KIND_FILE, fd, 0);
	logger_put(l, 0, STR("long enough a line"));
	nap(100);
	logger_stop(l);
	ck_assert_uint_eq(stats_get(stats.log_lines), 0);
	ck_assert_uint_eq(stats_get(stats.log_dropped), 1);
}
END_TEST

START_TEST(stop_writes_what_is_there)
{
	struct logger *l = logger_start(3, &stats, count_lost, NULL);
	int fd = temp_file();
	char *text;

	logger_target(l, LOG_KIND_FILE, dup(fd), 0);
	for (unsigned i = 0; i < 999; i++)
		logger_put(l, i % 3, STR("x"));
	logger_stop(l);
	text = read_whole(fd);
	ck_assert_uint_eq(strlen(text), 2 * 999);
	ck_assert_uint_eq(stats_get(stats.log_lines), 999);
	free(text);
	close(fd);
}
END_TEST

START_TEST(reader_that_went_kills_nobody)
{
	struct logger *l = logger_start(1, &stats, count_lost, NULL);
	int p[2];

	signal(SIGPIPE, SIG_DFL);
	ck_assert_int_eq(pipe(p), 0);
	close(p[0]);
	logger_target(l, LOG_KIND_STDERR, p[1], 0);
	logger_put(l, 0, STR("to nobody"));
	WAIT_UNTIL(stats_get(stats.log_dropped) == 1);
	WAIT_UNTIL(lost_calls == 1);
	logger_stop(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy/logger");
	TCase *t = tcase_create("log");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, ring_wraps_and_refuses);
	tcase_add_test(t, ring_cuts_a_long_line);
	tcase_add_test(t, torn_line_is_ended);
	tcase_add_test(t, full_disk_drops_and_counts);
	tcase_add_test(t, syslog_too_long_is_dropped_alone);
	tcase_add_test(t, producers_to_a_file);
	tcase_add_test(t, idle_writer_is_woken);
	tcase_add_test(t, syslog_lines_have_a_header);
	tcase_add_test(t, syslog_that_comes_back);
	tcase_add_test(t, full_disk_then_a_new_target);
	tcase_add_test(t, full_pipe_holds_up_nobody);
	tcase_add_loop_test(t, stop_does_not_wait_for_a_full_pipe, 0, 2);
	tcase_add_test(t, stop_ends_a_write_that_blocks);
	tcase_add_test(t, stop_writes_what_is_there);
	tcase_add_test(t, reader_that_went_kills_nobody);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
