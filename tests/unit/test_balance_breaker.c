/* When a breaker ejects, for how long, and who is passed over then. */
#include "balance/breaker.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/pool.h"

#define SEC 1000000ull

static struct breaker b;
static const struct conf_breaker rules = {.on = true,
					  .consecutive = 3,
					  .rate = 50,
					  .minimum = 10,
					  .window = 10 * SEC,
					  .ejection = 2 * SEC,
					  .max_ejection = 10 * SEC};

static void setup(void)
{
	b = (struct breaker){0};
}

static void good(unsigned n)
{
	while (n--)
		breaker_good(&b);
}

START_TEST(errors_in_a_row)
{
	char text[64];

	ck_assert_int_eq(breaker_bad(&b, &rules, 5), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &rules, 5), BREAKER_STAYS);
	good(1);
	ck_assert_int_eq(breaker_bad(&b, &rules, 5), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &rules, 5), BREAKER_STAYS);
	/* a row has no window */
	ck_assert_int_eq(breaker_bad(&b, &rules, 500 * SEC), BREAKER_IN_ROW);
	breaker_format(&b, BREAKER_IN_ROW, text, sizeof(text));
	ck_assert_str_eq(text, "3 errors in a row");
}
END_TEST

/* One error to each that is good: half of them, once there are enough. */
START_TEST(share_of_a_window)
{
	char text[64];

	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(breaker_bad(&b, &rules, SEC + i), BREAKER_STAYS);
		good(1);
	}
	ck_assert_int_eq(breaker_bad(&b, &rules, 2 * SEC), BREAKER_RATE);
	breaker_format(&b, BREAKER_RATE, text, sizeof(text));
	ck_assert_str_eq(text, "6 of 11 requests failed");
}
END_TEST

START_TEST(share_that_is_too_small)
{
	ck_assert_int_eq(breaker_bad(&b, &rules, 1), BREAKER_STAYS);
	good(20);
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_int_eq(breaker_bad(&b, &rules, 1), BREAKER_STAYS);
		good(1);
	}
}
END_TEST

START_TEST(a_window_ends)
{
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(breaker_bad(&b, &rules, 1), BREAKER_STAYS);
		good(1);
	}
	ck_assert_int_eq(breaker_bad(&b, &rules, 1 + 10 * SEC), BREAKER_STAYS);
	good(1);
	ck_assert_int_eq(breaker_bad(&b, &rules, 1 + 10 * SEC), BREAKER_STAYS);
}
END_TEST

START_TEST(each_rule_can_be_off)
{
	struct conf_breaker c = rules;

	c.consecutive = 0;
	for (unsigned i = 0; i < 9; i++)
		ck_assert_int_eq(breaker_bad(&b, &c, 1), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &c, 1), BREAKER_RATE);
	setup();
	c.consecutive = 100;
	c.rate = 0;
	for (unsigned i = 0; i < 99; i++)
		ck_assert_int_eq(breaker_bad(&b, &c, 1), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &c, 1), BREAKER_IN_ROW);
}
END_TEST

START_TEST(ejections_grow_and_are_forgiven)
{
	uint64_t now = 100 * SEC;
	static const unsigned times[] = {2, 4, 8, 10, 10};

	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(breaker_eject(&b, &rules, now), now + times[i] * SEC);
		now += times[i] * SEC + 9 * SEC; /* not quite long enough */
	}
	now += 1 * SEC;
	ck_assert_uint_eq(breaker_eject(&b, &rules, now), now + 2 * SEC);
}
END_TEST

/* What had begun before is no reason to do it again; behind it all begins anew. */
START_TEST(while_it_is_ejected)
{
	uint64_t until = breaker_eject(&b, &rules, SEC);

	for (unsigned i = 0; i < 20; i++)
		ck_assert_int_eq(breaker_bad(&b, &rules, until - 1), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &rules, until), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &rules, until), BREAKER_STAYS);
	ck_assert_int_eq(breaker_bad(&b, &rules, until), BREAKER_IN_ROW);
}
END_TEST

/* Two servers and a backup. */
START_TEST(who_is_chosen)
{
	static const bool backup[] = {false, false, true};
	struct server *s[3];
	struct pool *p;
	struct pool_key key = {.now = 5, .breaks = true};
	struct addr addr;

	ck_assert_ptr_null(addr_parse(&addr, STR("127.0.0.1:80")));
	for (unsigned i = 0; i < 3; i++) {
		s[i] = server_new(STR("b"), STR("s"), &addr, i, NULL);
		server_set_health(s[i], SERVER_UP);
	}
	p = pool_new(&balance_roundrobin, s, backup, 3);
	ck_assert_uint_eq(pool_others(p, s[0], 5), 1);
	ck_assert_uint_eq(pool_others(p, s[2], 5), 0);
	server_eject(s[0], 10);
#define CHOSEN(which)                                                                            \
	do {                                                                                     \
		struct server *got_ = pool_pick(p, &key);                                        \
		ck_assert_ptr_eq(got_, which);                                                   \
		if (got_)                                                                        \
			pool_release(got_, 0);                                                   \
	} while (0)
	CHOSEN(s[1]);
	CHOSEN(s[1]);
	ck_assert_uint_eq(pool_others(p, s[1], 5), 0);
	server_eject(s[1], 10);
	CHOSEN(s[2]);
	server_eject(s[2], 10);
	CHOSEN(NULL);
	key.fail_open = true;
	ck_assert(pool_size(p) == 3);
	for (unsigned i = 0; i < 4; i++) {
		struct server *got = pool_pick(p, &key);

		ck_assert(got == s[0] || got == s[1]);
		pool_release(got, 0);
	}
	key.fail_open = false;
	key.now = 10; /* it is over */
	ck_assert_uint_eq(pool_others(p, s[1], 10), 1);
	CHOSEN(s[0]);
	CHOSEN(s[1]);
	key = (struct pool_key){.now = 5}; /* a backend without a breaker */
	CHOSEN(s[0]);
	CHOSEN(s[1]);
	pool_unref(p);
	for (unsigned i = 0; i < 3; i++)
		server_unref(s[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("breaker");
	TCase *t = tcase_create("breaker");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, errors_in_a_row);
	tcase_add_test(t, share_of_a_window);
	tcase_add_test(t, share_that_is_too_small);
	tcase_add_test(t, a_window_ends);
	tcase_add_test(t, each_rule_can_be_off);
	tcase_add_test(t, ejections_grow_and_are_forgiven);
	tcase_add_test(t, while_it_is_ejected);
	tcase_add_test(t, who_is_chosen);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
