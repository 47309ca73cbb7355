/* The arithmetic: skew and down intervals, the lease's bound, weights and trackers. */
#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "vrrp/priority.h"
#include "vrrp/times.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MS CLOCK_MS

struct skew_case {
	uint8_t version, priority;
	uint64_t interval, skew, down; /* µs */
};

static const struct skew_case skews[] = {
	{ 2, 255, 1000 * MS, 3906, 3003906 },    { 2, 254, 1000 * MS, 7812, 3007812 },
	{ 2, 250, 1000 * MS, 23437, 3023437 },   { 2, 240, 1000 * MS, 62500, 3062500 },
	{ 2, 200, 1000 * MS, 218750, 3218750 },  { 2, 150, 1000 * MS, 414062, 3414062 },
	{ 2, 100, 1000 * MS, 609375, 3609375 },  { 2, 1, 1000 * MS, 996093, 3996093 },
	{ 2, 100, 10000 * MS, 609375, 30609375 }, { 3, 255, 100 * MS, 390, 300390 },
	{ 3, 250, 100 * MS, 2343, 302343 },      { 3, 240, 100 * MS, 6250, 306250 },
	{ 3, 200, 100 * MS, 21875, 321875 },     { 3, 150, 100 * MS, 41406, 341406 },
	{ 3, 100, 100 * MS, 60937, 360937 },     { 3, 1, 100 * MS, 99609, 399609 },
	{ 3, 250, 30 * MS, 703, 90703 },         { 3, 1, 30 * MS, 29882, 119882 },
	{ 3, 255, 40950 * MS, 159960, 123009960 },
};

/* Microseconds, not whole centiseconds: with those, 10 cs and priority 200 would have no skew
 * but 2 cs (r42). */
START_TEST(r41_r42_r43_skew_and_down)
{
	const struct skew_case *c = &skews[_i];

	ck_assert_uint_eq(times_skew(c->version, c->priority, c->interval), c->skew);
	ck_assert_uint_eq(times_down(c->version, c->priority, c->interval), c->down);
}
END_TEST

START_TEST(higher_priorities_claim_first)
{
	for (unsigned p = 1; p < 255; p++) {
		ck_assert_uint_gt(times_skew(2, (uint8_t)p, CLOCK_SEC),
				  times_skew(2, (uint8_t)(p + 1), CLOCK_SEC));
		ck_assert_uint_gt(times_skew(3, (uint8_t)p, 10 * MS),
				  times_skew(3, (uint8_t)(p + 1), 10 * MS));
		ck_assert_uint_ge(times_down(3, (uint8_t)p, 10 * MS), times_down_min(3, 10 * MS));
	}
}
END_TEST

struct bound_case {
	uint8_t version;
	uint64_t interval;
	bool one_beat;
	unsigned lifetime_s;
	uint64_t overlap_ms; /* rounded down */
	bool exclusive;
};

static const struct bound_case bounds[] = {
	{ 2, 1000 * MS, true, 2, 0, true },    { 2, 1000 * MS, false, 2, 296, false },
	{ 3, 1000 * MS, true, 2, 0, true },    { 3, 800 * MS, true, 2, 0, true },
	{ 3, 800 * MS, false, 2, 896, false }, { 3, 700 * MS, true, 2, 197, false },
	{ 3, 500 * MS, true, 1, 0, true },     { 3, 450 * MS, true, 1, 0, true },
	{ 3, 500 * MS, false, 1, 798, false }, { 3, 430 * MS, true, 1, 8, false },
	{ 3, 100 * MS, true, 1, 999, false },  { 3, 10 * MS, true, 1, 1269, false },
	{ 2, 2000 * MS, false, 3, 0, true },   { 3, 1500 * MS, false, 2, 0, true },
	{ 3, 1510 * MS, false, 3, 0, true },   { 2, 255000 * MS, false, 256, 0, true },
};

START_TEST(lease_bound)
{
	const struct bound_case *c = &bounds[_i];
	struct times_lease_bound b = times_lease_bound(c->version, c->interval, c->one_beat);

	ck_assert_uint_eq(b.lifetime_s, c->lifetime_s);
	ck_assert_int_eq(b.exclusive, c->exclusive);
	ck_assert_uint_eq(b.overlap / MS, c->overlap_ms);
	ck_assert_int_eq(b.exclusive, b.overlap == 0);
}
END_TEST

START_TEST(beats_fall_together)
{
	for (uint64_t now = 999 * MS; now < 2001 * MS; now += 333) {
		uint64_t beat = times_next_beat(100 * MS, now);

		ck_assert(beat > now && beat <= now + 100 * MS && beat % (100 * MS) == 0);
	}
}
END_TEST

/* Whatever the interval: an advertisement half a second late still finds the lease alive. */
START_TEST(lease_outlives_a_late_advert)
{
	for (uint64_t cs = 1; cs <= 4095; cs++) {
		uint64_t interval = cs * 10 * MS, life = times_lease(interval) * CLOCK_SEC;

		ck_assert_uint_ge(life, interval + CLOCK_SEC / 2);
		ck_assert_uint_lt(life, interval + CLOCK_SEC / 2 + CLOCK_SEC);
		if (interval < times_lease_renew(interval))
			ck_assert_uint_lt(times_lease_renew(interval) + interval, life / 2 + 1);
	}
}
END_TEST

/* --- weights --- */

struct weight_case {
	uint8_t base;
	int weight[3];
	const char *up; /* u or d for each */
	uint8_t effective;
	bool unfit;
};

static const struct weight_case weights[] = {
	{ 100, { 2, 0, 0 }, "uuu", 102, false },
	{ 100, { 2, 0, 0 }, "duu", 100, false },
	{ 100, { -20, 0, 0 }, "uuu", 100, false },
	{ 100, { -20, 0, 0 }, "duu", 80, false },
	{ 100, { -20, -30, 5 }, "ddu", 55, false },
	{ 100, { -20, 0, 5 }, "udd", 100, true },
	{ 100, { -254, 0, 0 }, "duu", 2, false },
	{ 100, { -98, 0, 0 }, "duu", 2, false },
	{ 100, { -97, 0, 0 }, "duu", 3, false },
	{ 2, { -1, -1, 0 }, "ddu", 2, false },
	{ 254, { 1, 0, 0 }, "uuu", 254, false },
	{ 200, { 254, -254, 0 }, "uuu", 254, false },
	{ 200, { 254, -254, 0 }, "uduu", 200, false },
	{ 255, { -254, 254, 0 }, "ddu", 255, false },
	{ 255, { 0, 0, 0 }, "ddd", 255, true },
};

START_TEST(weights_are_added_and_taken)
{
	const struct weight_case *c = &weights[_i];
	struct vrrp_tracker list[3];

	for (unsigned i = 0; i < 3; i++) {
		list[i] = (struct vrrp_tracker){ .weight = c->weight[i] };
		vrrp_tracker_init(&list[i], c->up[i] == 'u');
	}
	ck_assert_uint_eq(vrrp_priority_effective(c->base, list, 3), c->effective);
	ck_assert_int_eq(vrrp_priority_unfit(list, 3), c->unfit);
}
END_TEST

START_TEST(no_trackers)
{
	ck_assert_uint_eq(vrrp_priority_effective(100, NULL, 0), 100);
	ck_assert(!vrrp_priority_unfit(NULL, 0));
}
END_TEST

struct tracker_case {
	bool up;
	unsigned rise, fall;
	const char *results, *states;
};

static const struct tracker_case trackers[] = {
	{ true, 1, 1, "-+-+", "dudu" },
	{ true, 0, 0, "-+-+", "dudu" },
	{ true, 2, 3, "--+---", "uuuuud" },
	{ false, 3, 2, "++-+++-", "ddddduu" },
	{ false, 2, 2, "+-+-++--", "ddddduud" },
};

START_TEST(tracker_rise_and_fall)
{
	const struct tracker_case *c = &trackers[_i];
	struct vrrp_tracker t = { .rise = c->rise, .fall = c->fall };

	vrrp_tracker_init(&t, c->up);
	for (unsigned i = 0; c->results[i]; i++) {
		bool before = t.up, changed = vrrp_tracker_report(&t, c->results[i] == '+', i);

		ck_assert_msg(t.up == (c->states[i] == 'u'), "case %d, result %u", _i, i + 1);
		ck_assert_int_eq(changed, before != t.up);
	}
}
END_TEST

/* The grace of the proxy: down only when it lasts, up at once. */
START_TEST(tracker_holds_a_fall)
{
	struct vrrp_tracker t = { .hold_down = 500 * MS };

	vrrp_tracker_init(&t, true);
	ck_assert(!vrrp_tracker_report(&t, false, 0));
	ck_assert_uint_eq(t.due, 500 * MS);
	ck_assert(!vrrp_tracker_tick(&t, 499 * MS));
	ck_assert(!vrrp_tracker_report(&t, true, 499 * MS));
	ck_assert_uint_eq(t.due, TIMES_NEVER);
	ck_assert(!vrrp_tracker_tick(&t, 600 * MS));
	ck_assert(t.up);

	ck_assert(!vrrp_tracker_report(&t, false, 1000 * MS));
	ck_assert(!vrrp_tracker_report(&t, false, 1400 * MS)); /* does not begin again */
	ck_assert(vrrp_tracker_tick(&t, 1500 * MS));
	ck_assert(!t.up);
	ck_assert(vrrp_tracker_report(&t, true, 1501 * MS));
	ck_assert(t.up);
}
END_TEST

/* A backend's change counts when it lasted, in both directions; a report may be the one that
 * finds it did. */
START_TEST(tracker_holds_both)
{
	struct vrrp_tracker t = { .weight = -20, .hold_up = 2 * CLOCK_SEC,
				  .hold_down = 2 * CLOCK_SEC };

	vrrp_tracker_init(&t, true);
	vrrp_tracker_report(&t, false, CLOCK_SEC);
	ck_assert(vrrp_tracker_report(&t, false, 3 * CLOCK_SEC));
	ck_assert(!t.up);
	ck_assert(!vrrp_tracker_report(&t, true, 4 * CLOCK_SEC));
	ck_assert(!vrrp_tracker_tick(&t, 5 * CLOCK_SEC));
	ck_assert(vrrp_tracker_tick(&t, 6 * CLOCK_SEC));
	ck_assert(t.up && t.due == TIMES_NEVER);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp times");
	TCase *t = tcase_create("times and priorities");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, r41_r42_r43_skew_and_down, 0, LEN(skews));
	tcase_add_test(t, higher_priorities_claim_first);
	tcase_add_loop_test(t, lease_bound, 0, LEN(bounds));
	tcase_add_test(t, beats_fall_together);
	tcase_add_test(t, lease_outlives_a_late_advert);
	tcase_add_loop_test(t, weights_are_added_and_taken, 0, LEN(weights));
	tcase_add_test(t, no_trackers);
	tcase_add_loop_test(t, tracker_rise_and_fall, 0, LEN(trackers));
	tcase_add_test(t, tracker_holds_a_fall);
	tcase_add_test(t, tracker_holds_both);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
