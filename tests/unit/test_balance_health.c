/* Rise and fall, as a list of results and what they make of a server. */
#include "balance/health.h"

#include <check.h>
#include <stdlib.h>

#include "base/clock.h"

struct health_case {
	enum server_health from;
	unsigned rise, fall;
	const char *results; /* + success, - failure */
	const char *states;  /* after each: U, D */
};

static const struct health_case cases[] = {
	{ SERVER_STARTING, 2, 3, "+", "U" },
	{ SERVER_STARTING, 2, 3, "-", "D" },
	{ SERVER_STARTING, 9, 9, "+---------", "UUUUUUUUUD" },
	{ SERVER_UP, 2, 3, "---", "UUD" },
	{ SERVER_UP, 2, 3, "--+--+---", "UUUUUUUUD" },
	{ SERVER_UP, 2, 3, "+-+-+-+-", "UUUUUUUU" },
	{ SERVER_UP, 2, 3, "-----", "UUDDD" },
	{ SERVER_DOWN, 2, 3, "++", "DU" },
	{ SERVER_DOWN, 2, 3, "+-+-++", "DDDDDU" },
	{ SERVER_DOWN, 2, 3, "--++--+---", "DDDUUUUUUD" },
	{ SERVER_UP, 1, 1, "-+-+", "DUDU" },
	{ SERVER_UP, 0, 0, "-+", "DU" },
};

START_TEST(rise_and_fall)
{
	const struct health_case *c = &cases[_i];
	struct health h = { c->from, 0 };

	for (unsigned i = 0; c->results[i]; i++) {
		h = health_next(h, c->results[i] == '+', c->rise, c->fall);
		ck_assert_msg((h.state == SERVER_UP) == (c->states[i] == 'U'),
			      "case %d: result %u makes it %s", _i, i + 1,
			      server_health_name(h.state));
	}
}
END_TEST

START_TEST(streak_counts_what_contradicts)
{
	struct health h = { SERVER_UP, 0 };

	h = health_next(h, false, 2, 3);
	h = health_next(h, false, 2, 3);
	ck_assert_uint_eq(h.streak, 2);
	h = health_next(h, true, 2, 3);
	ck_assert_uint_eq(h.streak, 0);
	h = health_next((struct health){ SERVER_UP, 2 }, false, 2, 3);
	ck_assert_int_eq(h.state, SERVER_DOWN);
	ck_assert_uint_eq(h.streak, 0);
}
END_TEST

START_TEST(first_checks_are_spread)
{
	uint64_t interval = 2 * CLOCK_SEC, now = 1000;
	unsigned quarter[4] = { 0 };

	for (uint64_t i = 0; i < 4000; i++) {
		uint64_t at = health_first_at(now, interval, i * 0x9e3779b97f4a7c15ull >> 7);

		ck_assert(at >= now && at < now + interval);
		quarter[(at - now) * 4 / interval]++;
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert(quarter[i] > 900 && quarter[i] < 1100);
	ck_assert(health_first_at(now, 0, 7) == now);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(server_health_name(SERVER_STARTING), "STARTING");
	ck_assert_str_eq(server_health_name(SERVER_UP), "UP");
	ck_assert_str_eq(server_health_name(SERVER_DOWN), "DOWN");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balance health");
	TCase *t = tcase_create("health");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, rise_and_fall, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, streak_counts_what_contradicts);
	tcase_add_test(t, first_checks_are_spread);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
