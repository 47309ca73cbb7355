/* The runner's pure parts: when a script is due, and which notification is next. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runner/queue.h"
#include "runner/schedule.h"

#define T0 (1000 * CLOCK_SEC)

static struct programs none, one, two;
static struct schedule schedule;
static int from[MANIFEST_PROGRAMS];

static void add(struct programs *p, enum manifest_program_kind kind, const char *path,
		uint64_t interval, uint64_t timeout)
{
	struct manifest_program *to = &p->of[p->n++];

	to->kind = kind;
	strcpy(to->path, path);
	to->interval_us = interval;
	to->timeout_us = timeout;
}

static void setup(void)
{
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	schedule_clear(&schedule);
}

static void expect_due(uint64_t now, enum schedule_word word, unsigned which)
{
	unsigned i = 99;

	ck_assert_int_eq(schedule_take(&schedule, now, &i), word);
	if (word != SCHEDULE_NOTHING)
		ck_assert_uint_eq(i, which);
}

/* ---- schedule ---- */

START_TEST(nothing_is_due_without_scripts)
{
	add(&one, MANIFEST_NOTIFY, "/n", 0, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	ck_assert_uint_eq(schedule_next(&schedule), SCHEDULE_NEVER);
	expect_due(UINT64_MAX - 1, SCHEDULE_NOTHING, 0);
}
END_TEST

START_TEST(a_script_is_due_at_once_and_from_start_to_start)
{
	add(&one, MANIFEST_SCRIPT, "/s", 2 * CLOCK_SEC, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	ck_assert_int_eq(from[0], -1);
	ck_assert_uint_eq(schedule_next(&schedule), T0);
	expect_due(T0 - 1, SCHEDULE_NOTHING, 0);
	/* That the loop was late does not move the next one. */
	expect_due(T0 + 7, SCHEDULE_START, 0);
	schedule_ended(&schedule, 0, false);
	expect_due(T0 + 8, SCHEDULE_NOTHING, 0);
	ck_assert_uint_eq(schedule_next(&schedule), T0 + 2 * CLOCK_SEC);
	/* What was missed in a long stall is not made up for. */
	expect_due(T0 + 9 * CLOCK_SEC, SCHEDULE_START, 0);
	schedule_ended(&schedule, 0, false);
	expect_due(T0 + 9 * CLOCK_SEC, SCHEDULE_NOTHING, 0);
	ck_assert_uint_eq(schedule_next(&schedule), T0 + 10 * CLOCK_SEC);
}
END_TEST

START_TEST(a_script_that_still_runs_is_left_out)
{
	add(&one, MANIFEST_SCRIPT, "/s", CLOCK_SEC, 5 * CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	expect_due(T0, SCHEDULE_START, 0);
	expect_due(T0 + CLOCK_SEC, SCHEDULE_BUSY, 0);
	expect_due(T0 + CLOCK_SEC, SCHEDULE_NOTHING, 0);
	expect_due(T0 + 2 * CLOCK_SEC, SCHEDULE_BUSY, 0);
	schedule_ended(&schedule, 0, false);
	expect_due(T0 + 2 * CLOCK_SEC, SCHEDULE_NOTHING, 0);
	expect_due(T0 + 3 * CLOCK_SEC, SCHEDULE_START, 0);
}
END_TEST

START_TEST(a_script_that_was_killed_is_due_again_if_it_was_left_out)
{
	add(&one, MANIFEST_SCRIPT, "/s", CLOCK_SEC, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	expect_due(T0, SCHEDULE_START, 0);
	expect_due(T0 + CLOCK_SEC, SCHEDULE_BUSY, 0);
	schedule_ended(&schedule, 0, true);
	expect_due(T0 + CLOCK_SEC + 5, SCHEDULE_START, 0);
	/* Not late itself, and killed before it was due again. */
	ck_assert_uint_eq(schedule_next(&schedule), T0 + 2 * CLOCK_SEC);
	schedule_ended(&schedule, 0, true);
	expect_due(T0 + CLOCK_SEC + 6, SCHEDULE_NOTHING, 0);
}
END_TEST

START_TEST(scripts_that_begin_together_are_spread)
{
	uint64_t last = 0;
	char path[16];

	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++) {
		snprintf(path, sizeof(path), "/s%u", i);
		add(&one, MANIFEST_SCRIPT, path, 2 * CLOCK_SEC, CLOCK_SEC);
	}
	schedule_renew(&schedule, &none, &one, T0, from);
	for (unsigned i = 0; i < MANIFEST_PROGRAMS; i++) {
		uint64_t due = schedule_next(&schedule);

		ck_assert_uint_ge(due, i ? last + SCHEDULE_SPREAD_US : T0);
		ck_assert_uint_lt(due, T0 + 2 * CLOCK_SEC);
		expect_due(due, SCHEDULE_START, i);
		last = due;
	}
}
END_TEST

START_TEST(no_spread_is_longer_than_the_interval)
{
	for (unsigned i = 0; i < 8; i++)
		add(&one, MANIFEST_SCRIPT, "/s", 10 * CLOCK_MS + i, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_lt(schedule.of[i].due, T0 + 10 * CLOCK_MS + i);
}
END_TEST

START_TEST(an_equal_script_goes_on_over_a_reload)
{
	add(&one, MANIFEST_SCRIPT, "/kept", CLOCK_SEC, CLOCK_SEC);
	add(&one, MANIFEST_SCRIPT, "/interval", CLOCK_SEC, CLOCK_SEC);
	add(&one, MANIFEST_SCRIPT, "/timeout", CLOCK_SEC, CLOCK_SEC);
	add(&one, MANIFEST_SCRIPT, "/gone", CLOCK_SEC, CLOCK_SEC);
	add(&two, MANIFEST_NOTIFY, "/kept", CLOCK_SEC, CLOCK_SEC);
	add(&two, MANIFEST_SCRIPT, "/timeout", CLOCK_SEC, 2 * CLOCK_SEC);
	add(&two, MANIFEST_SCRIPT, "/interval", 2 * CLOCK_SEC, CLOCK_SEC);
	add(&two, MANIFEST_SCRIPT, "/kept", CLOCK_SEC, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	expect_due(T0, SCHEDULE_START, 0);

	schedule_renew(&schedule, &one, &two, T0 + 300 * CLOCK_MS, from);
	ck_assert_int_eq(from[0], -1);
	ck_assert_int_eq(from[1], -1);
	ck_assert_int_eq(from[2], -1);
	ck_assert_int_eq(from[3], 0);
	ck_assert_int_eq(from[4], -1);
	expect_due(T0 + 330 * CLOCK_MS, SCHEDULE_START, 1);
	expect_due(T0 + 330 * CLOCK_MS, SCHEDULE_START, 2);
	expect_due(T0 + 330 * CLOCK_MS, SCHEDULE_NOTHING, 0);
	/* It still runs, and its time has not moved. */
	ck_assert_uint_eq(schedule_next(&schedule), T0 + CLOCK_SEC);
	expect_due(T0 + CLOCK_SEC, SCHEDULE_BUSY, 3);
}
END_TEST

START_TEST(a_script_named_twice_goes_on_twice)
{
	for (unsigned i = 0; i < 2; i++)
		add(&one, MANIFEST_SCRIPT, "/s", CLOCK_SEC, CLOCK_SEC);
	for (unsigned i = 0; i < 3; i++)
		add(&two, MANIFEST_SCRIPT, "/s", CLOCK_SEC, CLOCK_SEC);
	schedule_renew(&schedule, &none, &one, T0, from);
	schedule_renew(&schedule, &one, &two, T0, from);
	ck_assert_int_eq(from[0], 0);
	ck_assert_int_eq(from[1], 1);
	ck_assert_int_eq(from[2], -1);
}
END_TEST

/* ---- queue ---- */

static const char *put(struct queue *q, const char *path, struct str arguments)
{
	struct manifest_program p = {.kind = MANIFEST_NOTIFY, .timeout_us = CLOCK_SEC};

	strcpy(p.path, path);
	return queue_add(q, &p, arguments);
}

static struct notice *take_any(struct queue *q)
{
	struct list nobody;

	list_init(&nobody);
	return queue_take(q, &nobody);
}

START_TEST(notifications_leave_as_they_came)
{
	struct queue q;
	struct notice *n;

	queue_init(&q);
	ck_assert_ptr_null(take_any(&q));
	ck_assert_ptr_null(put(&q, "/a", STR("one\0\0two words\0")));
	ck_assert_ptr_null(put(&q, "/b", STR_NONE));
	n = take_any(&q);
	ck_assert_uint_eq(n->argc, 4);
	ck_assert_uint_eq(n->timeout_us, CLOCK_SEC);
	ck_assert_str_eq(n->argv[0], "/a");
	ck_assert_str_eq(n->argv[1], "one");
	ck_assert_str_eq(n->argv[2], "");
	ck_assert_str_eq(n->argv[3], "two words");
	ck_assert_ptr_null(n->argv[4]);
	free(n);
	n = take_any(&q);
	ck_assert_uint_eq(n->argc, 1);
	ck_assert_str_eq(n->argv[0], "/b");
	ck_assert_ptr_null(n->argv[1]);
	free(n);
	ck_assert_ptr_null(take_any(&q));
}
END_TEST

START_TEST(a_full_queue_refuses_the_new_one)
{
	struct queue q;
	struct notice *n;

	queue_init(&q);
	ck_assert_ptr_null(put(&q, "/first", STR_NONE));
	for (unsigned i = 1; i < QUEUE_MAX; i++)
		ck_assert_ptr_null(put(&q, "/n", STR_NONE));
	ck_assert_ptr_nonnull(put(&q, "/new", STR_NONE));
	n = take_any(&q);
	ck_assert_str_eq(n->argv[0], "/first");
	free(n);
	ck_assert_ptr_null(put(&q, "/new", STR_NONE));
	queue_clear(&q);
	ck_assert_uint_eq(q.n, 0);
}
END_TEST

START_TEST(a_busy_router_is_passed_over)
{
	struct queue q;
	struct list running;
	struct notice *slow, *other;

	queue_init(&q);
	list_init(&running);
	ck_assert_ptr_null(put(&q, "/n", STR("INSTANCE\0slow\0MASTER\0")));
	ck_assert_ptr_null(put(&q, "/n", STR("INSTANCE\0slow\0BACKUP\0")));
	ck_assert_ptr_null(put(&q, "/n", STR("INSTANCE\0other\0MASTER\0")));
	slow = queue_take(&q, &running);
	ck_assert_str_eq(slow->router, "slow");
	list_append(&running, &slow->link);
	other = queue_take(&q, &running);
	ck_assert_str_eq(other->router, "other");
	ck_assert_ptr_null(queue_take(&q, &running));
	list_del(&slow->link);
	free(slow);
	free(other);
	slow = queue_take(&q, &running);
	ck_assert_str_eq(slow->argv[3], "BACKUP");
	free(slow);
	ck_assert_uint_eq(q.n, 0);
}
END_TEST

START_TEST(arguments_without_end_or_number_are_refused)
{
	char many[2 * (QUEUE_ARGUMENTS + 1)] = {0};
	struct queue q;

	queue_init(&q);
	ck_assert_ptr_nonnull(put(&q, "/a", STR("one\0two")));
	ck_assert_ptr_null(put(&q, "/a", (struct str){many, QUEUE_ARGUMENTS}));
	ck_assert_ptr_nonnull(put(&q, "/a", (struct str){many, QUEUE_ARGUMENTS + 1}));
	ck_assert_uint_eq(q.n, 1);
	queue_clear(&q);
}
END_TEST

START_TEST(a_notification_is_printed_within_bounds)
{
	static char path[] = "/path", a[] = "abc", b[] = "d";
	char *argv[] = {path, a, b, NULL};
	char to[16];

	notice_print(argv, to, sizeof(to));
	ck_assert_str_eq(to, "/path abc d");
	for (size_t size = 1; size < sizeof(to); size++) {
		memset(to, '#', sizeof(to));
		notice_print(argv, to, size);
		ck_assert_uint_eq(strlen(to), size - 1 < 11 ? size - 1 : 11);
		ck_assert(strncmp(to, "/path abc d", strlen(to)) == 0);
		ck_assert_int_eq(to[size], '#');
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("runner_parts");
	TCase *t = tcase_create("parts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, nothing_is_due_without_scripts);
	tcase_add_test(t, a_script_is_due_at_once_and_from_start_to_start);
	tcase_add_test(t, a_script_that_still_runs_is_left_out);
	tcase_add_test(t, a_script_that_was_killed_is_due_again_if_it_was_left_out);
	tcase_add_test(t, scripts_that_begin_together_are_spread);
	tcase_add_test(t, no_spread_is_longer_than_the_interval);
	tcase_add_test(t, an_equal_script_goes_on_over_a_reload);
	tcase_add_test(t, a_script_named_twice_goes_on_twice);
	tcase_add_test(t, notifications_leave_as_they_came);
	tcase_add_test(t, a_busy_router_is_passed_over);
	tcase_add_test(t, a_full_queue_refuses_the_new_one);
	tcase_add_test(t, arguments_without_end_or_number_are_refused);
	tcase_add_test(t, a_notification_is_printed_within_bounds);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
