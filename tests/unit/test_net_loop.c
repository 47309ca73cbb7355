/* The event loop: tasks, the mailbox, descriptors, signals. Its timers: test_net_timers.c. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

static struct loop *loop;

static void setup(void)
{
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
}

/* ---- tasks ---- */

struct job {
	struct loop_task task;
	unsigned ran;
	struct job *queue, *cancel;
	bool stop;
};

static void job_run(struct loop_task *t)
{
	struct job *j = list_of(t, struct job, task);

	j->ran++;
	if (j->queue)
		loop_task_queue(loop, &j->queue->task);
	if (j->cancel)
		loop_task_cancel(&j->cancel->task);
	if (j->stop)
		loop_stop(loop);
}

static void job_init(struct job *j)
{
	*j = (struct job){ 0 };
	loop_task_init(&j->task, job_run);
}

START_TEST(a_task_runs_once_at_the_end_of_the_turn)
{
	struct job j;

	job_init(&j);
	loop_task_queue(loop, &j.task);
	loop_task_queue(loop, &j.task);
	ck_assert_uint_eq(j.ran, 0);
	loop_turn(loop, 0);
	ck_assert_uint_eq(j.ran, 1);
	loop_turn(loop, 0);
	ck_assert_uint_eq(j.ran, 1);
}
END_TEST

/* A turn that slept here would not end. */
START_TEST(a_task_queued_by_a_task_waits_for_the_next_turn_which_does_not_sleep)
{
	struct job a, b;

	job_init(&a);
	job_init(&b);
	a.queue = &a;
	loop_task_queue(loop, &a.task);
	alarm(20);
	for (unsigned i = 1; i <= 3; i++) {
		loop_turn(loop, LOOP_FOREVER);
		ck_assert_uint_eq(a.ran, i);
	}
	a.queue = &b;
	loop_turn(loop, LOOP_FOREVER);
	ck_assert_uint_eq(a.ran, 4);
	ck_assert_uint_eq(b.ran, 0);
	loop_turn(loop, LOOP_FOREVER);
	ck_assert_uint_eq(b.ran, 1);
}
END_TEST

START_TEST(a_cancelled_task_does_not_run)
{
	struct job a, b;

	job_init(&a);
	job_init(&b);
	loop_task_cancel(&a.task);
	loop_task_queue(loop, &a.task);
	loop_task_cancel(&a.task);
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.ran, 0);
	/* The first one cancels the other while both are being run. */
	a.cancel = &b;
	b.cancel = &a;
	loop_task_queue(loop, &a.task);
	loop_task_queue(loop, &b.task);
	loop_turn(loop, 0);
	ck_assert_uint_eq(a.ran, 1);
	ck_assert_uint_eq(b.ran, 0);
	loop_task_queue(loop, &b.task);
	loop_turn(loop, 0);
	ck_assert_uint_eq(b.ran, 1);
}
END_TEST

static void task_free(struct loop_task *t)
{
	free(t);
}

START_TEST(a_task_may_free_itself)
{
	for (unsigned i = 0; i < 10; i++) {
		struct loop_task *t = malloc(sizeof(*t));

		loop_task_init(t, task_free);
		loop_task_queue(loop, t);
	}
	loop_turn(loop, 0);
}
END_TEST

START_TEST(what_was_deferred_before_the_stop_is_done)
{
	struct job a, b;

	job_init(&a);
	job_init(&b);
	a.stop = true;
	a.queue = &b;
	loop_task_queue(loop, &a.task);
	alarm(20);
	loop_run(loop);
	ck_assert_uint_eq(a.ran, 1);
	ck_assert_uint_eq(b.ran, 1);
}
END_TEST

/* ---- the mailbox ---- */

#define SENDERS 8
#define LETTERS 4000

struct letter {
	struct loop_letter head;
	unsigned sender, number;
};

static struct letter mail[SENDERS][LETTERS];
static unsigned next_number[SENDERS], disorder, received;
static pthread_t receiver;

static void letter_deliver(struct loop_letter *m)
{
	struct letter *l = (struct letter *)(void *)m;

	disorder += next_number[l->sender] != l->number;
	disorder += !pthread_equal(pthread_self(), receiver);
	next_number[l->sender]++;
	if (++received == SENDERS * LETTERS)
		loop_stop(loop);
}

static void *letters_send(void *arg)
{
	struct letter *mine = arg;

	for (unsigned i = 0; i < LETTERS; i++) {
		loop_post(loop, &mine[i].head, letter_deliver);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

START_TEST(letters_of_many_threads_arrive_in_each_ones_order)
{
	pthread_t t[SENDERS];

	receiver = pthread_self();
	for (unsigned s = 0; s < SENDERS; s++) {
		for (unsigned i = 0; i < LETTERS; i++)
			mail[s][i] = (struct letter){ .sender = s, .number = i };
		ck_assert_int_eq(pthread_create(&t[s], NULL, letters_send, mail[s]), 0);
	}
	loop_run(loop);
	for (unsigned s = 0; s < SENDERS; s++)
		pthread_join(t[s], NULL);
	ck_assert_uint_eq(received, SENDERS * LETTERS);
	ck_assert_uint_eq(disorder, 0);
}
END_TEST

static struct loop *far_loop;
static unsigned there, back;

static void deliver_stop_far(struct loop_letter *m)
{
	free(m);
	loop_stop(far_loop);
}

static void deliver_here(struct loop_letter *m);

static void deliver_there(struct loop_letter *m)
{
	there++;
	loop_post(loop, m, deliver_here);
}

static void deliver_here(struct loop_letter *m)
{
	back++;
	if (back == 500) {
		loop_post(far_loop, m, deliver_stop_far);
		loop_stop(loop);
	} else {
		loop_post(far_loop, m, deliver_there);
	}
}

static void *far_run(void *arg)
{
	loop_run(far_loop);
	return arg;
}

/* Each letter wakes a loop that sleeps. */
START_TEST(two_loops_write_to_each_other)
{
	struct loop_letter *m = malloc(sizeof(*m));
	pthread_t t;

	far_loop = loop_new();
	ck_assert_ptr_nonnull(far_loop);
	ck_assert_int_eq(pthread_create(&t, NULL, far_run, NULL), 0);
	loop_post(far_loop, m, deliver_there);
	loop_run(loop);
	pthread_join(t, NULL);
	ck_assert_uint_eq(there, 500);
	ck_assert_uint_eq(back, 500);
	loop_free(far_loop);
}
END_TEST

static unsigned to_self;

static void deliver_again(struct loop_letter *m)
{
	if (++to_self < 3)
		loop_post(loop, m, deliver_again);
	else
		loop_stop(loop);
}

static void deliver_count(struct loop_letter *m)
{
	(void)m;
	received++;
}

START_TEST(a_letter_to_oneself_arrives)
{
	struct loop_letter m;

	loop_post(loop, &m, deliver_again);
	alarm(20);
	loop_run(loop);
	ck_assert_uint_eq(to_self, 3);
}
END_TEST

START_TEST(a_stop_in_front_of_the_run_is_heard)
{
	struct job j;

	job_init(&j);
	loop_task_queue(loop, &j.task);
	loop_stop(loop);
	alarm(20);
	loop_run(loop);
	ck_assert_uint_eq(j.ran, 1);
}
END_TEST

static struct loop_letter before_stop;

static void deliver_stop(struct loop_letter *m)
{
	(void)m;
	loop_post(loop, &before_stop, deliver_count);
	loop_stop(loop);
}

START_TEST(what_was_posted_before_the_stop_is_delivered)
{
	struct loop_letter m;

	loop_post(loop, &m, deliver_stop);
	alarm(20);
	loop_run(loop);
	ck_assert_uint_eq(received, 1);
}
END_TEST

/* ---- descriptors ---- */

struct watch {
	struct loop_fd io;
	unsigned calls, what;
	struct watch *del;
};

static void watch_ready(struct loop_fd *f, unsigned what)
{
	struct watch *w = list_of(f, struct watch, io);

	w->calls++;
	w->what = what;
	if (w->del) {
		loop_fd_del(&w->del->io);
		w->del = NULL;
	}
}

static void pair_open(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

static void watch_add(struct watch *w, int fd, unsigned what)
{
	*w = (struct watch){ .io = { .fd = -1 } };
	ck_assert(loop_fd_add(loop, &w->io, fd, what, watch_ready));
	ck_assert_int_eq(w->io.fd, fd);
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(level_tells_until_it_is_read)
{
	struct watch w;
	char text[8];
	int fd[2];

	pair_open(fd);
	watch_add(&w, fd[0], LOOP_READ);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 0);
	say(fd[1], "x");
	for (unsigned i = 1; i <= 3; i++) {
		loop_turn(loop, 0);
		ck_assert_uint_eq(w.calls, i);
		ck_assert_uint_eq(w.what, LOOP_READ);
	}
	ck_assert_int_eq(read(fd[0], text, sizeof(text)), 1);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 3);
	loop_fd_del(&w.io);
	ck_assert_int_eq(w.io.fd, -1);
	loop_fd_del(&w.io);
}
END_TEST

START_TEST(tasks_run_though_a_descriptor_stays_ready)
{
	struct watch w;
	struct job j;
	int fd[2];

	job_init(&j);
	j.queue = &j;
	pair_open(fd);
	watch_add(&w, fd[0], LOOP_WRITE);
	loop_task_queue(loop, &j.task);
	for (unsigned i = 1; i <= 5; i++) {
		loop_turn(loop, LOOP_FOREVER);
		ck_assert_uint_eq(j.ran, i);
		ck_assert_uint_eq(w.calls, i);
	}
	loop_task_cancel(&j.task);
	loop_fd_del(&w.io);
}
END_TEST

/* Each takes 2 ms, all together most of a second: timers do not wait for that. */
#define MANY 400
#define IN_A_TURN (100 / 2 + 32)

static unsigned done_slowly;

static void do_slowly(void)
{
	uint64_t until = clock_now_us() + 2 * CLOCK_MS;

	done_slowly++;
	while (clock_now_us() < until)
		;
}

/* How many turns until all is done once. */
static unsigned turns_slowly(void)
{
	unsigned before, turns = 0;

	do {
		before = done_slowly;
		loop_turn(loop, 0);
		ck_assert_uint_le(done_slowly - before, IN_A_TURN);
		turns++;
	} while (done_slowly > before);
	ck_assert_uint_eq(done_slowly, MANY);
	return turns;
}

static void slowly_ready(struct loop_fd *f, unsigned what)
{
	(void)f;
	ck_assert_uint_eq(what, LOOP_READ);
	do_slowly();
}

START_TEST(a_turn_hears_no_more_than_it_has_time_for)
{
	static struct loop_fd io[MANY];
	static int fd[MANY][2];

	for (unsigned i = 0; i < MANY; i++) {
		pair_open(fd[i]);
		ck_assert(loop_fd_add(loop, &io[i], fd[i][0], LOOP_READ | LOOP_EDGE,
				      slowly_ready));
		say(fd[i][1], "x");
	}
	turns_slowly();
	for (unsigned i = 0; i < MANY; i++)
		loop_fd_del(&io[i]);
}
END_TEST

static unsigned next_in_order;

static void run_slowly(struct loop_task *t)
{
	struct job *j = list_of(t, struct job, task);

	ck_assert_uint_eq(j->ran, next_in_order++);
	do_slowly();
	if (j->queue)
		loop_task_queue(loop, &j->queue->task);
}

static void queue_slow_jobs(struct job *jobs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		jobs[i] = (struct job){ .ran = i };
		loop_task_init(&jobs[i].task, run_slowly);
		loop_task_queue(loop, &jobs[i].task);
	}
}

/* In order, also where the first queues one more. */
START_TEST(a_turn_runs_no_more_tasks_than_it_has_time_for)
{
	static struct job jobs[MANY];

	queue_slow_jobs(jobs, MANY - 1);
	jobs[MANY - 1].ran = MANY - 1;
	loop_task_init(&jobs[MANY - 1].task, run_slowly);
	jobs[0].queue = &jobs[MANY - 1];
	ck_assert_uint_gt(turns_slowly(), MANY / IN_A_TURN);
}
END_TEST

START_TEST(the_last_turn_runs_all_tasks)
{
	static struct job jobs[MANY];

	queue_slow_jobs(jobs, MANY);
	loop_stop(loop);
	loop_run(loop);
	ck_assert_uint_eq(done_slowly, MANY);
}
END_TEST

START_TEST(an_edge_tells_once_for_each_arrival)
{
	struct watch w;
	int fd[2];

	pair_open(fd);
	watch_add(&w, fd[0], LOOP_READ | LOOP_WRITE | LOOP_CLOSED | LOOP_EDGE);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 1);
	ck_assert_uint_eq(w.what, LOOP_WRITE);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 1);
	say(fd[1], "x");
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 2);
	ck_assert_uint_eq(w.what & LOOP_READ, LOOP_READ);
	say(fd[1], "y"); /* with "x" still there */
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 3);
	ck_assert_uint_eq(w.what & LOOP_CLOSED, 0);
	shutdown(fd[1], SHUT_WR);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 4);
	ck_assert_uint_eq(w.what & LOOP_CLOSED, LOOP_CLOSED);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 4);
	loop_fd_del(&w.io);
}
END_TEST

START_TEST(data_and_end_together_are_told_together)
{
	struct watch w;
	int fd[2];

	pair_open(fd);
	say(fd[1], "last");
	close(fd[1]);
	watch_add(&w, fd[0], LOOP_READ | LOOP_CLOSED | LOOP_EDGE);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 1);
	ck_assert_uint_eq(w.what, LOOP_READ | LOOP_CLOSED);
	loop_fd_del(&w.io);
}
END_TEST

START_TEST(a_deleted_descriptor_is_silent_even_when_its_event_waits)
{
	struct watch w[2];
	int fd[2][2];

	for (unsigned i = 0; i < 2; i++) {
		pair_open(fd[i]);
		say(fd[i][1], "x");
		watch_add(&w[i], fd[i][0], LOOP_READ | LOOP_EDGE);
	}
	w[0].del = &w[1];
	w[1].del = &w[0];
	loop_turn(loop, 0);
	ck_assert_uint_eq(w[0].calls + w[1].calls, 1);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w[0].calls + w[1].calls, 1);
	loop_fd_del(&w[0].io);
	loop_fd_del(&w[1].io);
	/* Deleting itself, and its number used by another. */
	watch_add(&w[0], fd[0][0], LOOP_READ);
	w[0].del = &w[0];
	loop_turn(loop, 0);
	ck_assert_uint_eq(w[0].calls, 1);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w[0].calls, 1);
	ck_assert_int_eq(dup2(fd[1][0], fd[0][0]), fd[0][0]);
	watch_add(&w[0], fd[0][0], LOOP_READ);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w[0].calls, 1);
	loop_fd_del(&w[0].io);
}
END_TEST

START_TEST(what_cannot_be_watched_is_refused)
{
	struct watch w = { .io = { .fd = 7 } };
	int file = open("/proc/self/exe", O_RDONLY), keep = dup(STDERR_FILENO);

	/* libevent says its own word on stderr. */
	ck_assert_int_ge(dup2(open("/dev/null", O_WRONLY), STDERR_FILENO), 0);
	ck_assert(!loop_fd_add(loop, &w.io, file, LOOP_READ, watch_ready));
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(w.io.fd, -1);
	dup2(keep, STDERR_FILENO);
	loop_fd_del(&w.io);
	loop_turn(loop, 0);
	ck_assert_uint_eq(w.calls, 0);
}
END_TEST

/* ---- signals ---- */

static void got_signal(int signo, void *arg)
{
	*(int *)arg += signo;
}

START_TEST(signals_are_heard_in_the_loop)
{
	int heard = 0;

	ck_assert(loop_signal(loop, SIGUSR1, got_signal, &heard));
	ck_assert(loop_signal(loop, SIGUSR2, got_signal, &heard));
	raise(SIGUSR1);
	ck_assert_int_eq(heard, 0);
	loop_turn(loop, 100 * CLOCK_MS);
	ck_assert_int_eq(heard, SIGUSR1);
	raise(SIGUSR2);
	loop_turn(loop, 100 * CLOCK_MS);
	ck_assert_int_eq(heard, SIGUSR1 + SIGUSR2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_loop");
	TCase *t = tcase_create("loop");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_task_runs_once_at_the_end_of_the_turn);
	tcase_add_test(t, a_task_queued_by_a_task_waits_for_the_next_turn_which_does_not_sleep);
	tcase_add_test(t, a_cancelled_task_does_not_run);
	tcase_add_test(t, a_task_may_free_itself);
	tcase_add_test(t, what_was_deferred_before_the_stop_is_done);
	tcase_add_test(t, letters_of_many_threads_arrive_in_each_ones_order);
	tcase_add_test(t, two_loops_write_to_each_other);
	tcase_add_test(t, a_letter_to_oneself_arrives);
	tcase_add_test(t, a_stop_in_front_of_the_run_is_heard);
	tcase_add_test(t, what_was_posted_before_the_stop_is_delivered);
	tcase_add_test(t, level_tells_until_it_is_read);
	tcase_add_test(t, tasks_run_though_a_descriptor_stays_ready);
	tcase_add_test(t, a_turn_hears_no_more_than_it_has_time_for);
	tcase_add_test(t, a_turn_runs_no_more_tasks_than_it_has_time_for);
	tcase_add_test(t, the_last_turn_runs_all_tasks);
	tcase_add_test(t, an_edge_tells_once_for_each_arrival);
	tcase_add_test(t, data_and_end_together_are_told_together);
	tcase_add_test(t, a_deleted_descriptor_is_silent_even_when_its_event_waits);
	tcase_add_test(t, what_cannot_be_watched_is_refused);
	tcase_add_test(t, signals_are_heard_in_the_loop);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
