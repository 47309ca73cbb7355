/* External checks between the health thread and the runner: here the test is the runner. */
#include "proxy/external.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"

#define MOST MANIFEST_CHECKS_AT_ONCE
#define ALL (MOST + 8)

static struct loop *loop;
static struct externals externals;
static uint64_t asked[ALL + 8], numbers[ALL + 8]; /* in order */
static unsigned n_asked, n_done;
static struct probe_result result; /* the last one */
static unsigned done_of;

static void ask(void *arg, uint64_t check, uint64_t number)
{
	ck_assert_ptr_eq(arg, &n_asked);
	ck_assert_uint_lt(n_asked, ALL + 8);
	asked[n_asked] = check;
	numbers[n_asked++] = number;
}

static void done(void *arg, const struct probe_result *r)
{
	done_of = *(unsigned *)arg;
	result = *r;
	n_done++;
}

static unsigned ids[ALL + 8];

static struct external *start(unsigned i, uint64_t timeout_us)
{
	struct external *e;

	ids[i] = i;
	e = external_start(&externals, 100 + i, timeout_us, done, &ids[i]);
	ck_assert_ptr_nonnull(e);
	return e;
}

static void answer(unsigned i, char verdict, struct str words)
{
	externals_answer(&externals, numbers[i], verdict, words);
}

static void setup(void)
{
	n_asked = n_done = 0;
	loop = loop_new();
	externals_init(&externals, loop, ask, &n_asked);
}

static void teardown(void)
{
	externals_end(&externals);
	loop_free(loop);
}

START_TEST(what_comes_back_is_the_result)
{
	start(0, CLOCK_SEC);
	start(1, CLOCK_SEC);
	start(2, CLOCK_SEC);
	ck_assert_uint_eq(n_asked, 3);
	ck_assert_uint_eq(asked[1], 101);
	ck_assert_uint_eq(n_done, 0);
	answer(1, MSG_VERDICT_BAD, STR("exited with status 1: \x1b[1m\xff""full"));
	ck_assert_uint_eq(n_done, 1);
	ck_assert_uint_eq(done_of, 1);
	ck_assert(!result.ok && !result.unasked);
	ck_assert_str_eq(result.reason, "exited with status 1: ?[1m?full");
	answer(0, MSG_VERDICT_GOOD, STR("fine"));
	ck_assert_uint_eq(done_of, 0);
	ck_assert(result.ok && !result.unasked);
	ck_assert_ptr_nonnull(strstr(result.reason, "exited with status 0 in "));
	ck_assert_ptr_nonnull(strstr(result.reason, " ms: fine"));
	answer(2, MSG_VERDICT_UNASKED, STR("why"));
	ck_assert_uint_eq(done_of, 2);
	ck_assert(!result.ok && result.unasked);
	ck_assert_str_eq(result.reason, "why");
	/* Once is enough, and what nobody asked for is nothing. */
	answer(1, MSG_VERDICT_GOOD, STR_NONE);
	externals_answer(&externals, 7, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_uint_eq(n_done, 3);
}
END_TEST

START_TEST(words_are_cut_to_their_place)
{
	char words[4 * PROBE_REASON];

	memset(words, 'x', sizeof(words));
	start(0, CLOCK_SEC);
	answer(0, MSG_VERDICT_GOOD, (struct str){ words, sizeof(words) });
	ck_assert_uint_eq(strlen(result.reason), PROBE_REASON - 1);
	start(1, CLOCK_SEC);
	answer(1, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_str_eq(result.reason + strlen(result.reason) - 3, " ms");
	start(2, CLOCK_SEC);
	answer(2, 'x', STR("no letter of ours"));
	ck_assert(result.unasked);
}
END_TEST

START_TEST(so_many_are_asked_for_and_the_others_wait)
{
	struct external *last[2];

	for (unsigned i = 0; i < ALL - 2; i++)
		start(i, CLOCK_SEC);
	last[0] = start(ALL - 2, CLOCK_SEC);
	last[1] = start(ALL - 1, CLOCK_SEC);
	ck_assert_uint_eq(n_asked, MOST);
	answer(5, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_uint_eq(n_asked, MOST + 1);
	ck_assert_uint_eq(asked[MOST], 100 + MOST); /* who waits longest */
	external_cancel(last[0]); /* it waits yet: nobody will ask */
	for (unsigned i = 0; i < n_asked; i++)
		answer(i, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_uint_eq(n_asked, ALL - 1);
	ck_assert_uint_eq(n_done, ALL - 1);
	ck_assert_uint_eq(asked[n_asked - 1], 100 + ALL - 1);
}
END_TEST

/* The runner goes on with it, so its place is not free. */
START_TEST(what_is_cancelled_keeps_its_place_until_it_is_over)
{
	struct external *first = start(0, CLOCK_SEC);

	for (unsigned i = 1; i <= MOST; i++)
		start(i, CLOCK_SEC);
	external_cancel(first);
	ck_assert_uint_eq(n_asked, MOST);
	answer(0, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_uint_eq(n_done, 0);
	ck_assert_uint_eq(n_asked, MOST + 1);
	external_cancel(NULL);
}
END_TEST

START_TEST(who_is_not_answered_ends_by_his_own_time)
{
	uint64_t began = loop_now_exact(loop);

	start(0, 50 * CLOCK_MS);
	for (unsigned i = 1; i <= MOST; i++)
		start(i, 3600 * CLOCK_SEC);
	while (!n_done)
		loop_turn(loop, 10 * CLOCK_MS);
	ck_assert_uint_ge(loop_now_exact(loop) - began, 50 * CLOCK_MS + EXTERNAL_MARGIN_US);
	ck_assert(!result.ok && result.unasked);
	ck_assert_str_eq(result.reason, "the runner process did not answer within 1050 ms");
	ck_assert_uint_ge(result.duration_us, 50 * CLOCK_MS + EXTERNAL_MARGIN_US);
	ck_assert_uint_eq(n_asked, MOST + 1);
	/* Too late. */
	answer(0, MSG_VERDICT_GOOD, STR_NONE);
	ck_assert_uint_eq(n_done, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy_external");
	TCase *t = tcase_create("external");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_comes_back_is_the_result);
	tcase_add_test(t, words_are_cut_to_their_place);
	tcase_add_test(t, so_many_are_asked_for_and_the_others_wait);
	tcase_add_test(t, what_is_cancelled_keeps_its_place_until_it_is_over);
	tcase_add_test(t, who_is_not_answered_ends_by_his_own_time);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
