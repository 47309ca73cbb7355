/* Counters that threads share. That none of them passes a limit is seen end to end, with a worker
 * that is stopped in between (test_flow_limits.py). */
#include <check.h>
#include <stdlib.h>

#include "base/stats.h"

START_TEST(one_more_where_there_is_room)
{
	_Atomic uint64_t n = 0;

	ck_assert(!stats_add_below(&n, 0));
	ck_assert(stats_add_below(&n, 2));
	ck_assert(stats_add_below(&n, 2));
	ck_assert(!stats_add_below(&n, 2));
	ck_assert(!stats_add_below(&n, 1)); /* a limit that was lowered */
	ck_assert_uint_eq(stats_get(n), 2);
	stats_sub(n, 1);
	ck_assert(stats_add_below(&n, UINT64_MAX));
	ck_assert_uint_eq(stats_get(n), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base stats");
	TCase *t = tcase_create("base stats");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, one_more_where_there_is_room);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
