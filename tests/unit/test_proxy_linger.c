/* How long a client is lingered for, on a clock of the test's own (HTTP.md 49, 86). */
#include <check.h>
#include <stdlib.h>

#include "proxy/linger.h"

#define SEC 1000000ull

static struct linger_state l;
static uint64_t now, begun;
static size_t missing;

static void setup(void)
{
	now = begun = 777 * SEC;
	missing = 0;
	linger_begin(&l, now);
}

/* A client that sends a little every 100 ms and takes so much of our last word every so often.
 * For how many seconds it is lingered for. */
static uint64_t seconds(size_t takes, uint64_t every, uint64_t most)
{
	uint64_t due = linger_due(&l, now);

	while (now < begun + most) {
		now += SEC / 10;
		if ((now - begun) % every == 0)
			missing -= missing < takes ? missing : takes;
		if (now >= due && !linger_goes_on(&l, now, missing))
			break;
		due = linger_due(&l, now);
	}
	return (now - begun) / SEC;
}

static bool turn_goes_on(size_t still_missing)
{
	l.turn += LINGER_TURN;
	return linger_reads_on(&l, still_missing);
}

START_TEST(h86_who_has_it_all_may_send_for_five_seconds)
{
	ck_assert_uint_eq(seconds(0, SEC, 100 * SEC), 5);
}
END_TEST

START_TEST(h86_who_has_it_all_and_is_silent_is_let_go_sooner)
{
	ck_assert_uint_eq(linger_due(&l, now), now + 2 * SEC);
	ck_assert(!linger_goes_on(&l, now + 2 * SEC, 0));
}
END_TEST

/* It comes late, over a bad line: silence is no sign that the client has it. */
START_TEST(h86_who_is_silent_gets_what_is_on_its_way)
{
	ck_assert(linger_goes_on(&l, now + 2 * SEC, 7));
	ck_assert_uint_eq(linger_due(&l, now + 2 * SEC), now + 4 * SEC);
	ck_assert(linger_goes_on(&l, now + 4 * SEC, 7));
	ck_assert_uint_eq(linger_due(&l, now + 4 * SEC), now + 5 * SEC);
	ck_assert(linger_goes_on(&l, now + 5 * SEC, 7));
	ck_assert(linger_goes_on(&l, now + 7 * SEC, 7));
	ck_assert(!linger_goes_on(&l, now + 10 * SEC, 7));
}
END_TEST

START_TEST(h86_who_takes_nothing_is_let_go)
{
	missing = 4 << 20;
	ck_assert_uint_eq(seconds(0, SEC, 1000 * SEC), 10);
}
END_TEST

START_TEST(h86_who_takes_a_little_now_and_then_is_let_go)
{
	static const size_t takes[] = { 1, 100, 499 };

	for (unsigned i = 0; i < 3; i++) {
		setup();
		missing = 4 << 20;
		ck_assert_uint_eq(seconds(takes[i], SEC, 1000 * SEC), 10);
	}
}
END_TEST

START_TEST(h86_who_took_much_and_then_takes_nothing_is_let_go)
{
	missing = 4 << 20;
	ck_assert_uint_eq(seconds(100000, SEC, 30 * SEC), 30);
	ck_assert_uint_le(seconds(0, SEC, 1000 * SEC), 45);
}
END_TEST

START_TEST(h86_who_takes_it_at_some_pace_gets_it_all)
{
	missing = 300000;
	ck_assert_uint_ge(seconds(500, SEC, 1000 * SEC), 600);
	ck_assert_uint_eq(missing, 0);
}
END_TEST

/* And a few seconds more to find it. */
START_TEST(h86_who_takes_it_with_pauses_gets_it_all)
{
	missing = 300000;
	ck_assert_uint_eq(seconds(12500, 5 * SEC, 1000 * SEC), 125);
	ck_assert_uint_eq(missing, 0);
}
END_TEST

START_TEST(h49_what_was_on_its_way_is_read)
{
	for (unsigned i = 0; i < 15; i++)
		ck_assert(turn_goes_on(0));
	ck_assert(!turn_goes_on(0));
}
END_TEST

/* It is counted from when our word is there: the client may know from then on. */
START_TEST(h49_a_flood_costs_no_answer_that_is_on_its_way)
{
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(turn_goes_on(1));
	for (unsigned i = 0; i < 15; i++)
		ck_assert(turn_goes_on(0));
	ck_assert(!turn_goes_on(0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy linger");
	TCase *t = tcase_create("proxy linger");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, h86_who_has_it_all_may_send_for_five_seconds);
	tcase_add_test(t, h86_who_has_it_all_and_is_silent_is_let_go_sooner);
	tcase_add_test(t, h86_who_is_silent_gets_what_is_on_its_way);
	tcase_add_test(t, h86_who_takes_nothing_is_let_go);
	tcase_add_test(t, h86_who_takes_a_little_now_and_then_is_let_go);
	tcase_add_test(t, h86_who_took_much_and_then_takes_nothing_is_let_go);
	tcase_add_test(t, h86_who_takes_it_at_some_pace_gets_it_all);
	tcase_add_test(t, h86_who_takes_it_with_pauses_gets_it_all);
	tcase_add_test(t, h49_what_was_on_its_way_is_read);
	tcase_add_test(t, h49_a_flood_costs_no_answer_that_is_on_its_way);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
