/* Timers, mostly on a clock that the test moves (clock_now_us() below stands in for the one
 * of base/), where "never early" is a matter of a microsecond; what sleeps is tested on the
 * real one. */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "net/loop.h"

static uint64_t fake_now; /* 0: the real clock */
static struct loop *loop;

static uint64_t real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CLOCK_SEC + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
	return fake_now ? fake_now : real_now();
}

uint64_t clock_wall_us(void)
{
	return clock_now_us();
}

static void setup_fake(void)
{
	fake_now = 1000 * CLOCK_SEC + 1234;
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void setup_real(void)
{
	fake_now = 0;
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
	loop_free(loop);
}

static void turn_at(uint64_t now)
{
	ck_assert_uint_ge(now, fake_now);
	fake_now = now;
	loop_turn(loop, 0);
}

/* ---- timers on the fake clock ---- */

struct ring {
	struct loop_timer timer;
	unsigned fired;
	uint64_t at;
	struct ring *other;  /* what `then` is done to */
	void (*then)(struct ring *r);
};

static void rang(struct loop_timer *t)
{
	struct ring *r = list_of(t, struct ring, timer);

	r->fired++;
	r->at = clock_now_us();
	if (r->then)
		r->then(r);
}

static void ring_set(struct ring *r, uint64_t due)
{
	loop_timer_set(loop, &r->timer, due);
}

static void ring_init(struct ring *r)
{
	*r = (struct ring){ 0 };
	loop_timer_init(&r->timer, rang);
}

/* From one second before to the due time and past it, with steps that meet no boundary. */
static void fires_in_time(struct ring *r, uint64_t due)
{
	while (fake_now + 997 < due) {
		turn_at(fake_now + 997);
		ck_assert_uint_eq(r->fired, 0);
	}
	turn_at(due - 1);
	ck_assert_uint_eq(r->fired, 0);
	turn_at(due + LOOP_TICK_US - 1);
	ck_assert_uint_eq(r->fired, 1);
	ck_assert_ptr_null(r->timer.loop);
	turn_at(due + CLOCK_SEC);
	ck_assert_uint_eq(r->fired, 1);
}

START_TEST(a_timer_fires_once_and_never_early)
{
	struct ring r;

	for (uint64_t wait = 1; wait < 3 * LOOP_TICK_US; wait += 331) {
		ring_init(&r);
		ring_set(&r, fake_now + wait);
		fires_in_time(&r, fake_now + wait);
	}
	ring_init(&r);
	ring_set(&r, (fake_now / LOOP_TICK_US + 5) * LOOP_TICK_US); /* on a boundary */
	fires_in_time(&r, (fake_now / LOOP_TICK_US + 5) * LOOP_TICK_US);
}
END_TEST

START_TEST(set_later_it_fires_later)
{
	struct ring r;
	uint64_t due = fake_now + 50 * CLOCK_MS;

	ring_init(&r);
	ring_set(&r, due);
	for (unsigned i = 0; i < 400; i++) {
		due = fake_now + 50 * CLOCK_MS;
		ring_set(&r, due);
		turn_at(fake_now + 7 * CLOCK_MS);
		ck_assert_uint_eq(r.fired, 0);
	}
	fires_in_time(&r, due);
}
END_TEST

START_TEST(set_earlier_it_fires_earlier)
{
	static const uint64_t first[] = { 100 * CLOCK_MS, 5 * CLOCK_SEC, 3600 * CLOCK_SEC };
	struct ring r;

	ring_init(&r);
	ring_set(&r, fake_now + first[_i]);
	turn_at(fake_now + 9 * CLOCK_MS);
	ring_set(&r, fake_now + 30 * CLOCK_MS);
	fires_in_time(&r, fake_now + 30 * CLOCK_MS);
}
END_TEST

START_TEST(set_later_then_earlier_again)
{
	struct ring r;

	ring_init(&r);
	ring_set(&r, fake_now + 20 * CLOCK_MS);
	ring_set(&r, fake_now + 900 * CLOCK_MS);
	ring_set(&r, fake_now + 40 * CLOCK_MS);
	fires_in_time(&r, fake_now + 40 * CLOCK_MS);
}
END_TEST

START_TEST(what_is_past_fires_at_once)
{
	struct ring r;

	for (unsigned i = 0; i < 3; i++) {
		ring_init(&r);
		ring_set(&r, i == 0 ? 0 : i == 1 ? 1 : fake_now - CLOCK_SEC);
		turn_at(fake_now + LOOP_TICK_US);
		ck_assert_uint_eq(r.fired, 1);
	}
}
END_TEST

START_TEST(a_stopped_timer_is_silent)
{
	struct ring r;

	ring_init(&r);
	loop_timer_stop(&r.timer);
	ring_set(&r, fake_now + 20 * CLOCK_MS);
	loop_timer_stop(&r.timer);
	loop_timer_stop(&r.timer);
	turn_at(fake_now + CLOCK_SEC);
	ck_assert_uint_eq(r.fired, 0);
	ring_set(&r, fake_now + 20 * CLOCK_MS);
	fires_in_time(&r, fake_now + 20 * CLOCK_MS);
}
END_TEST

static void stop_other(struct ring *r)
{
	loop_timer_stop(&r->other->timer);
}

static void other_later(struct ring *r)
{
	ring_set(r->other, fake_now + 60 * CLOCK_MS);
}

static void self_again(struct ring *r)
{
	ring_set(r, fake_now + 60 * CLOCK_MS);
}

static void stop_self(struct ring *r)
{
	loop_timer_stop(&r->timer);
}

static void free_self(struct ring *r)
{
	r->other->fired += 100;
	free(r);
}

START_TEST(a_firing_timer_may_touch_its_neighbour)
{
	struct ring a, b;

	/* Both lie in one slot: the first to fire silences the second. */
	ring_init(&a);
	ring_init(&b);
	a.other = &b;
	b.other = &a;
	a.then = b.then = stop_other;
	ring_set(&a, fake_now + 20 * CLOCK_MS);
	ring_set(&b, fake_now + 20 * CLOCK_MS);
	turn_at(fake_now + CLOCK_SEC);
	ck_assert_uint_eq(a.fired + b.fired, 1);

	ring_init(&a);
	ring_init(&b);
	a.other = &b;
	a.then = other_later;
	ring_set(&a, fake_now + 20 * CLOCK_MS);
	ring_set(&b, fake_now + 20 * CLOCK_MS);
	turn_at(fake_now + 40 * CLOCK_MS);
	ck_assert_uint_eq(a.fired, 1);
	ck_assert_uint_eq(b.fired, 0);
	fires_in_time(&b, fake_now + 60 * CLOCK_MS);
}
END_TEST

START_TEST(a_firing_timer_may_touch_itself)
{
	struct ring r, count, *heap = malloc(sizeof(*heap));

	ring_init(&r);
	r.then = self_again;
	ring_set(&r, fake_now + 20 * CLOCK_MS);
	for (unsigned i = 1; i <= 5; i++) {
		turn_at(fake_now + 70 * CLOCK_MS);
		ck_assert_uint_eq(r.fired, i);
	}
	r.then = stop_self;
	turn_at(fake_now + 70 * CLOCK_MS);
	turn_at(fake_now + CLOCK_SEC);
	ck_assert_uint_eq(r.fired, 6);

	ring_init(&count);
	ring_init(heap);
	heap->other = &count;
	heap->then = free_self;
	ring_set(heap, fake_now + 20 * CLOCK_MS);
	turn_at(fake_now + CLOCK_SEC);
	ck_assert_uint_eq(count.fired, 100);
}
END_TEST

static const uint64_t far[] = { 8 * CLOCK_SEC, 8192 * CLOCK_MS, 8200 * CLOCK_MS,
				16384 * CLOCK_MS, 60 * CLOCK_SEC, 3600 * CLOCK_SEC };

START_TEST(a_due_beyond_the_wheel_is_kept)
{
	struct ring r;
	uint64_t due = fake_now + far[_i];

	ring_init(&r);
	ring_set(&r, due);
	while (fake_now + 333 * CLOCK_MS < due) {
		turn_at(fake_now + 333 * CLOCK_MS);
		ck_assert_uint_eq(r.fired, 0);
	}
	fires_in_time(&r, due);
}
END_TEST

START_TEST(the_end_of_time_never_comes)
{
	static const uint64_t ends[] = { UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - LOOP_TICK_US };
	struct ring r[3];

	for (unsigned i = 0; i < 3; i++) {
		ring_init(&r[i]);
		ring_set(&r[i], ends[i]);
	}
	for (unsigned i = 0; i < 3000; i++)
		turn_at(fake_now + 13 * CLOCK_MS);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(r[i].fired, 0);
		ring_set(&r[i], fake_now + 20 * CLOCK_MS);
	}
	turn_at(fake_now + 28 * CLOCK_MS);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(r[i].fired, 1);
}
END_TEST

/* The machine slept, or a callback did: nothing is lost, nothing fires twice or early. */
START_TEST(a_long_stall_loses_nothing)
{
	enum { N = 3000 };
	static struct ring r[N];
	uint64_t start = fake_now;
	unsigned fired = 0;

	for (unsigned i = 0; i < N; i++) {
		ring_init(&r[i]);
		ring_set(&r[i], start + (i + 1) * 20 * CLOCK_MS);
	}
	turn_at(start + 40 * CLOCK_SEC);
	for (unsigned i = 0; i < N; i++) {
		uint64_t due = start + (i + 1) * 20 * CLOCK_MS;

		ck_assert_uint_le(r[i].fired, due <= fake_now);
		if (due + LOOP_TICK_US <= fake_now)
			ck_assert_uint_eq(r[i].fired, 1);
		fired += r[i].fired;
	}
	ck_assert_uint_ge(fired, 1999);
	turn_at(start + 100 * CLOCK_SEC);
	for (unsigned i = 0; i < N; i++)
		ck_assert_uint_eq(r[i].fired, 1);
}
END_TEST

START_TEST(a_timer_set_after_a_long_silence)
{
	struct ring r;

	ring_init(&r);
	turn_at(fake_now + 1);
	fake_now += 5000 * CLOCK_SEC; /* asleep, without a timer */
	loop_now_exact(loop);
	ring_set(&r, fake_now + 300 * CLOCK_MS);
	fires_in_time(&r, fake_now + 300 * CLOCK_MS);
}
END_TEST

/* ---- ten thousand timers against a model ---- */

#define CROWD 10000

static struct guest {
	struct loop_timer timer;
	bool set;
	uint64_t due, latest; /* must fire at a turn of `due` or later, by the one of `latest` */
} crowd[CROWD];

static unsigned early, unasked, late, crowd_fired;
static uint64_t last_turn;

static void guest_set(struct guest *g, uint64_t due)
{
	uint64_t tick = (due + LOOP_TICK_US - 1) / LOOP_TICK_US;

	/* Ticks that were looked at do not come again. */
	if (tick <= last_turn / LOOP_TICK_US)
		tick = last_turn / LOOP_TICK_US + 1;
	g->set = true;
	g->due = due;
	g->latest = tick * LOOP_TICK_US;
	loop_timer_set(loop, &g->timer, due);
}

static uint64_t random_due(void)
{
	static const unsigned spans[] = { 10, 100, 1000, 9000, 30000 };
	uint64_t ahead = (uint64_t)rand() % (spans[rand() % 5] * CLOCK_MS);

	return rand() % 20 ? fake_now + ahead : fake_now - ahead % (50 * CLOCK_MS);
}

static void random_change(void)
{
	struct guest *g = &crowd[rand() % CROWD];

	if (rand() % 3) {
		guest_set(g, random_due());
	} else {
		g->set = false;
		loop_timer_stop(&g->timer);
	}
}

static void guest_fired(struct loop_timer *t)
{
	struct guest *g = list_of(t, struct guest, timer);

	last_turn = fake_now;
	crowd_fired++;
	early += fake_now < g->due;
	unasked += !g->set;
	g->set = false;
	if (rand() % 4 == 0)
		guest_set(g, random_due());
	if (rand() % 4 == 0)
		random_change();
}

static void crowd_turn(uint64_t ahead)
{
	turn_at(fake_now + ahead);
	last_turn = fake_now;
	for (unsigned i = 0; i < CROWD; i++)
		late += crowd[i].set && crowd[i].latest <= fake_now;
}

static uint64_t random_step(void)
{
	switch (rand() % 50) {
	case 0:
		return 8 * CLOCK_SEC + (uint64_t)rand() % (20 * CLOCK_SEC);
	case 1:
	case 2:
		return (uint64_t)rand() % CLOCK_SEC;
	default:
		return (uint64_t)rand() % (20 * CLOCK_MS);
	}
}

START_TEST(ten_thousand_timers_agree_with_a_model)
{
	srand(4200 + (unsigned)_i);
	last_turn = fake_now;
	for (unsigned i = 0; i < CROWD; i++) {
		loop_timer_init(&crowd[i].timer, guest_fired);
		guest_set(&crowd[i], random_due());
	}
	for (unsigned step = 0; step < 500; step++) {
		for (unsigned i = 0; i < 200; i++)
			random_change();
		crowd_turn(random_step());
	}
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_eq(unasked, 0);
	ck_assert_uint_eq(late, 0);
	ck_assert_uint_gt(crowd_fired, CROWD);
	for (unsigned i = 0; i < CROWD; i++)
		loop_timer_stop(&crowd[i].timer);
	crowd_fired = 0;
	crowd_turn(100 * CLOCK_SEC);
	ck_assert_uint_eq(crowd_fired, 0);
}
END_TEST

static struct loop_task by_timer;
static unsigned task_ran;

static void count_task(struct loop_task *t)
{
	(void)t;
	task_ran++;
}

static void queue_by_timer(struct ring *r)
{
	(void)r;
	loop_task_queue(loop, &by_timer);
}

START_TEST(a_task_of_a_timer_runs_in_the_same_turn)
{
	struct ring r;

	loop_task_init(&by_timer, count_task);
	ring_init(&r);
	r.then = queue_by_timer;
	ring_set(&r, fake_now + 10 * CLOCK_MS);
	turn_at(fake_now + 20 * CLOCK_MS);
	ck_assert_uint_eq(task_ran, 1);
}
END_TEST

/* ---- timers on the real clock ---- */

static void stop_loop(struct ring *r)
{
	(void)r;
	loop_stop(loop);
}

START_TEST(the_loop_wakes_up_for_its_timers)
{
	static const uint64_t waits[] = { 5, 20, 21, 60, 61, 150, 300 };
	enum { N = sizeof(waits) / sizeof(waits[0]) };
	struct ring r[N];
	uint64_t start = loop_now_exact(loop);

	for (unsigned i = 0; i < N; i++) {
		ring_init(&r[i]);
		ring_set(&r[i], start + waits[i] * CLOCK_MS);
	}
	r[N - 1].then = stop_loop;
	loop_run(loop);
	for (unsigned i = 0; i < N; i++) {
		ck_assert_uint_eq(r[i].fired, 1);
		ck_assert_uint_ge(r[i].at, start + waits[i] * CLOCK_MS);
		ck_assert_uint_lt(r[i].at, start + (waits[i] + 5000) * CLOCK_MS);
	}
}
END_TEST

static void busy_until(uint64_t t)
{
	while (real_now() < t)
		;
}

static struct ring stalled;

/* The clock was read before this turn's work, which takes long. */
static void stall(struct ring *r)
{
	uint64_t now = loop_now(loop);

	(void)r;
	ring_set(&stalled, now + 510 * CLOCK_MS);
	busy_until(now + 500 * CLOCK_MS);
}

static bool slow_turn_delays_a_timer(void)
{
	struct ring slow;

	loop_free(loop);
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	ring_init(&slow);
	ring_init(&stalled);
	slow.then = stall;
	stalled.then = stop_loop;
	ring_set(&slow, loop_now_exact(loop) + 10 * CLOCK_MS);
	loop_run(loop);
	ck_assert_uint_ge(stalled.at, slow.at + 510 * CLOCK_MS);
	return stalled.at >= slow.at + 900 * CLOCK_MS;
}

/* A busy machine may delay it; one that is busy each time is not to be expected. */
START_TEST(a_slow_turn_does_not_delay_a_timer_further)
{
	unsigned tries = 1;

	while (slow_turn_delays_a_timer())
		ck_assert_uint_lt(tries++, 20);
}
END_TEST

/* How often a loop that has nothing to do wakes up in 200 ms. */
static unsigned idle_turns(void)
{
	uint64_t start = real_now();
	unsigned turns = 0;

	for (; real_now() < start + 200 * CLOCK_MS; turns++)
		loop_turn(loop, 200 * CLOCK_MS);
	return turns;
}

START_TEST(a_far_timer_does_not_keep_the_loop_awake)
{
	struct ring r;

	ring_init(&r);
	ring_set(&r, UINT64_MAX);
	ck_assert_uint_le(idle_turns(), 5);
}
END_TEST

START_TEST(stopped_timers_do_not_keep_the_loop_awake)
{
	struct ring r;

	ring_init(&r);
	for (uint64_t i = 1; i <= 25; i++) {
		ring_set(&r, loop_now_exact(loop) + i * LOOP_TICK_US);
		loop_timer_stop(&r.timer);
	}
	ck_assert_uint_le(idle_turns(), 5);
}
END_TEST

/* Every slot of the wheel has had its timer, some time ago. */
START_TEST(spent_timers_do_not_keep_the_loop_awake)
{
	struct ring r, far_one;
	uint64_t now = real_now();

	loop_free(loop);
	fake_now = now - 20 * CLOCK_SEC;
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	ring_init(&r);
	while (fake_now + LOOP_TICK_US < now) {
		ring_set(&r, fake_now + LOOP_TICK_US / 2);
		turn_at(fake_now + LOOP_TICK_US);
	}
	ck_assert_uint_gt(r.fired, 1024);
	loop_timer_stop(&r.timer);
	fake_now = 0;
	ring_init(&far_one);
	ring_set(&far_one, UINT64_MAX);
	ck_assert_uint_le(idle_turns(), 5);
}
END_TEST

START_TEST(a_turn_sleeps_no_longer_than_it_may)
{
	uint64_t start = real_now();
	struct ring r;

	loop_turn(loop, 0);
	ck_assert_uint_lt(real_now() - start, 5 * CLOCK_SEC);
	loop_turn(loop, 40 * CLOCK_MS);
	ck_assert_uint_gt(real_now() - start, 20 * CLOCK_MS);
	ck_assert_uint_lt(real_now() - start, 5 * CLOCK_SEC);
	/* A timer comes first. */
	ring_init(&r);
	start = real_now();
	ring_set(&r, start + 10 * CLOCK_MS);
	for (unsigned i = 0; i < 10 && !r.fired; i++)
		loop_turn(loop, LOOP_FOREVER - 1);
	ck_assert_uint_eq(r.fired, 1);
	ck_assert_uint_lt(real_now() - start, 5 * CLOCK_SEC);
}
END_TEST

static TCase *fake_case(void)
{
	TCase *t = tcase_create("fake clock");

	tcase_add_checked_fixture(t, setup_fake, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_timer_fires_once_and_never_early);
	tcase_add_test(t, set_later_it_fires_later);
	tcase_add_loop_test(t, set_earlier_it_fires_earlier, 0, 3);
	tcase_add_test(t, set_later_then_earlier_again);
	tcase_add_test(t, what_is_past_fires_at_once);
	tcase_add_test(t, a_stopped_timer_is_silent);
	tcase_add_test(t, a_firing_timer_may_touch_its_neighbour);
	tcase_add_test(t, a_firing_timer_may_touch_itself);
	tcase_add_loop_test(t, a_due_beyond_the_wheel_is_kept, 0, sizeof(far) / sizeof(far[0]));
	tcase_add_test(t, the_end_of_time_never_comes);
	tcase_add_test(t, a_long_stall_loses_nothing);
	tcase_add_test(t, a_timer_set_after_a_long_silence);
	tcase_add_loop_test(t, ten_thousand_timers_agree_with_a_model, 0, 4);
	tcase_add_test(t, a_task_of_a_timer_runs_in_the_same_turn);
	return t;
}

static TCase *real_case(void)
{
	TCase *t = tcase_create("real clock");

	tcase_add_checked_fixture(t, setup_real, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_loop_wakes_up_for_its_timers);
	tcase_add_test(t, a_slow_turn_does_not_delay_a_timer_further);
	tcase_add_test(t, a_far_timer_does_not_keep_the_loop_awake);
	tcase_add_test(t, stopped_timers_do_not_keep_the_loop_awake);
	tcase_add_test(t, spent_timers_do_not_keep_the_loop_awake);
	tcase_add_test(t, a_turn_sleeps_no_longer_than_it_may);
	return t;
}

int main(void)
{
	Suite *s = suite_create("net_timers");
	SRunner *r;
	int failed;

	suite_add_tcase(s, fake_case());
	suite_add_tcase(s, real_case());
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
