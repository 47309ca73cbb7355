/* How slow a body may be, on a clock of the test's own. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "proxy/pace.h"

#define SEC 1000000ull
#define RATE 1000

static struct pace p;
static uint64_t now;

static void setup(void)
{
	p = (struct pace){ 0 };
	now = 777 * SEC;
}

static bool late(uint64_t bytes)
{
	return pace_due(&p, bytes, RATE) <= now;
}

START_TEST(the_beginning_is_free)
{
	pace_wait(&p, now);
	ck_assert_uint_eq(pace_due(&p, 0, RATE), now + PACE_GRACE_US);
	now += PACE_GRACE_US - 1;
	ck_assert(!late(0));
	now++;
	ck_assert(late(0));
}
END_TEST

START_TEST(bytes_buy_time)
{
	pace_wait(&p, now);
	ck_assert_uint_eq(pace_due(&p, 1, RATE), now + PACE_GRACE_US + SEC / RATE);
	ck_assert_uint_eq(pace_due(&p, 5 * RATE + 1, RATE),
			  now + PACE_GRACE_US + 5 * SEC + SEC / RATE);
	now += PACE_GRACE_US + 60 * SEC;
	ck_assert(late(60 * RATE - 1));
	ck_assert(late(60 * RATE));
	ck_assert(!late(60 * RATE + 1));
}
END_TEST

/* Time in which nobody waited for it is not its fault. */
START_TEST(only_the_time_of_waiting_counts)
{
	for (unsigned i = 0; i < 9; i++) {
		pace_wait(&p, now);
		now += SEC / 2;
		pace_wait(&p, now); /* still */
		now += SEC / 2;
		pace_stop(&p, now);
		now += 3600 * SEC;
		pace_stop(&p, now);
	}
	pace_wait(&p, now);
	ck_assert_uint_eq(pace_due(&p, 0, RATE), now + SEC);
	ck_assert_uint_eq(pace_due(&p, RATE, RATE), now + 2 * SEC);
	now += SEC;
	ck_assert(late(0));
}
END_TEST

START_TEST(who_was_late_before_the_wait_is_late_at_once)
{
	pace_wait(&p, now);
	now += 2 * PACE_GRACE_US;
	pace_stop(&p, now);
	pace_wait(&p, now);
	ck_assert_uint_eq(pace_due(&p, 0, RATE), now);
}
END_TEST

START_TEST(a_trickle_is_found_whatever_its_pauses)
{
	uint64_t begun = now, bytes = 0, pause = SEC / 100 << _i; /* 10 ms to 10 s */

	for (;;) {
		pace_wait(&p, now);
		now += pause;
		if (late(bytes))
			break;
		pace_stop(&p, now);
		bytes++;
		ck_assert_uint_lt(now - begun, 3600 * SEC);
	}
	ck_assert_uint_ge(now - begun, PACE_GRACE_US);
	ck_assert_uint_le(now - begun, 2 * PACE_GRACE_US + pause);
}
END_TEST

START_TEST(no_rate_is_no_limit_and_no_number_overflows)
{
	pace_wait(&p, now);
	ck_assert_uint_eq(pace_due(&p, 0, 0), UINT64_MAX);
	ck_assert_uint_eq(pace_due(&p, UINT64_MAX, 1), UINT64_MAX);
	ck_assert_uint_gt(pace_due(&p, UINT64_MAX / 2, 1u << 30), now);
	ck_assert_uint_gt(pace_due(&p, 1ull << 62, 500), now);
	ck_assert_uint_eq(pace_due(&p, (1u << 30) - 1, 1u << 30),
			  now + PACE_GRACE_US + SEC - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy pace");
	TCase *t = tcase_create("proxy pace");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, the_beginning_is_free);
	tcase_add_test(t, bytes_buy_time);
	tcase_add_test(t, only_the_time_of_waiting_counts);
	tcase_add_test(t, who_was_late_before_the_wait_is_late_at_once);
	tcase_add_loop_test(t, a_trickle_is_found_whatever_its_pauses, 0, 11);
	tcase_add_test(t, no_rate_is_no_limit_and_no_number_overflows);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
