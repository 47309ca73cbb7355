/* Many threads at the table of limits at once. */
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "limit_rig.h"

#define THREADS 4
#define KEYS 20
#define ENOUGH (20 * CLOCK_SEC)

struct gang {
	struct rig rig;
	struct limit *limit;
	struct addr addr;
	struct addr *crowd;   /* others of the same set, or NULL */
	unsigned n_crowd;
	_Atomic uint64_t now, end;
	_Atomic uint64_t let;
	_Atomic uint64_t let_of[KEYS]; /* of the crowd */
	_Atomic unsigned waiting, rounds;
	uint64_t enough_at;
};

static void gang_run(struct gang *g, void *(*work)(void *))
{
	pthread_t t[THREADS];

	g->enough_at = clock_now_us() + ENOUGH;
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, work, g), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* Whoever takes moves the clock: a twentieth of a step. */
static void *hammer(void *arg)
{
	struct gang *g = arg;
	uint64_t now;

	while ((now = atomic_fetch_add(&g->now, NS / 20000)) < g->end)
		atomic_fetch_add(&g->let, rig_take(&g->rig, g->limit, &g->addr, now));
	return NULL;
}

START_TEST(threads_at_one_key_let_through_what_one_would)
{
	struct gang g = { .addr = rig_addr("192.0.2.7"), .now = 5 * NS, .end = 5 * NS + 10 * NS };

	rig_open(&g.rig);
	g.limit = rig_rate(&g.rig, "one", 1000, 50);
	gang_run(&g, hammer);
	ck_assert_uint_le(g.let, 10 * 1000 + 50);
	/* The last ones to look at the clock may be the first at the bucket. */
	ck_assert_uint_ge(g.let, 10 * 1000 + 50 - 1 - THREADS);
	rig_close(&g.rig);
}
END_TEST

/* Until all have come so far. Whoever has a core looks on; who has none gives way. Where others
 * want the cores as well this takes long: after some time the first thread lets the rounds end
 * with the cycle that this one is of. Nobody has looked yet whether another comes. */
static void meet(struct gang *g, unsigned id, unsigned round, unsigned a_cycle)
{
	if (id == 0 && clock_now_us() > g->enough_at)
		g->rounds = (round + a_cycle - 1) / a_cycle * a_cycle;
	atomic_fetch_add(&g->waiting, 1);
	for (unsigned i = 0; atomic_load(&g->waiting) < THREADS * round; i++)
		if (i > 500)
			sched_yield();
}

/* Everybody comes at once with a key that nobody knows yet. */
static void *rush(void *arg)
{
	struct gang *g = arg;
	unsigned id = (unsigned)atomic_fetch_add(&g->now, 1);

	for (unsigned i = 0; i < g->rounds; i++) {
		struct addr a = rig_nth(i);

		meet(g, id, i + 1, 1);
		atomic_fetch_add(&g->let, rig_take(&g->rig, g->limit, &a, NS));
	}
	return NULL;
}

START_TEST(threads_at_a_new_key_share_one_entry)
{
	struct gang g = { .rounds = 5000 };

	rig_open(&g.rig);
	g.limit = rig_rate(&g.rig, "one", 1, 1);
	gang_run(&g, rush);
	ck_assert_uint_eq(stats_get(g.rig.board->evicted), 0);
	ck_assert_uint_eq(g.let, g.rounds);
	rig_close(&g.rig);
}
END_TEST

#define ROUNDS 30000
#define A_ROUND 4 /* keys, of one set */

/* In each second other keys are asked for, and the entries of the last ones are free: each key
 * is being given one while it is asked for, and another key is given its old one. */
static void *change_places(void *arg)
{
	struct gang *g = arg;
	unsigned id = (unsigned)atomic_fetch_add(&g->now, 1);

	for (unsigned r = 0; r < g->rounds; r++) {
		meet(g, id, r + 1, KEYS / A_ROUND);
		for (unsigned i = 0; i < A_ROUND; i++) {
			unsigned k = (r * A_ROUND + (i + id) % A_ROUND) % g->n_crowd;

			if (rig_take(&g->rig, g->limit, &g->crowd[k], (r + 1) * NS))
				atomic_fetch_add(&g->let_of[k], 1);
		}
	}
	return NULL;
}

START_TEST(threads_lose_no_count_when_entries_change_hands)
{
	struct addr keys[KEYS];
	struct gang g = { .crowd = keys, .n_crowd = KEYS, .rounds = ROUNDS };

	rig_open(&g.rig);
	g.limit = rig_rate(&g.rig, "one", 1, 1);
	rig_same_set(&g.rig, g.limit, keys, KEYS);
	gang_run(&g, change_places);
	ck_assert_uint_eq(stats_get(g.rig.board->evicted), 0);
	for (unsigned k = 0; k < g.n_crowd; k++)
		ck_assert_uint_eq(g.let_of[k], g.rounds * A_ROUND / KEYS);
	rig_close(&g.rig);
}
END_TEST

/* One key is hammered while others come and go in its set, so many that each entry but the
 * hammered one changes hands all the time. */
static void *crowd(void *arg)
{
	struct gang *g = arg;
	unsigned id = atomic_fetch_add(&g->waiting, 1);
	uint64_t now;

	for (unsigned i = id; (now = atomic_fetch_add(&g->now, NS / 20000)) < g->end; i++) {
		if (i % 2)
			atomic_fetch_add(&g->let, rig_take(&g->rig, g->limit, &g->addr, now));
		else
			rig_take(&g->rig, g->limit, &g->crowd[i / 2 % g->n_crowd], now);
	}
	return NULL;
}

START_TEST(threads_in_a_crowded_set_lose_no_count)
{
	struct addr others[41];
	struct gang g = { .crowd = others + 1, .n_crowd = 40, .now = NS, .end = NS + 4 * NS };

	rig_open(&g.rig);
	g.limit = rig_rate(&g.rig, "one", 1000, 20);
	rig_same_set(&g.rig, g.limit, others, 41);
	g.addr = others[0];
	ck_assert_uint_eq(rig_takes(&g.rig, g.limit, &g.addr, NS, 20), 20);
	gang_run(&g, crowd);
	ck_assert_uint_le(g.let, 4 * 1000);
	ck_assert_uint_ge(g.let, 4 * 1000 - 1 - THREADS);
	rig_close(&g.rig);
}
END_TEST

static void *connect_and_leave(void *arg)
{
	struct gang *g = arg;
	uint32_t place;

	for (unsigned i = 0; i < 100000; i++) {
		enum limit_hold how = rig_hold(&g->rig, g->limit, &g->addr, &place);

		if (how == LIMIT_HELD) {
			ck_assert_uint_eq(atomic_fetch_add(&g->now, 1), 0);
			if (i % 64 == 0)
				sched_yield();
			atomic_fetch_sub(&g->now, 1);
			atomic_fetch_add(&g->let, 1);
		}
		limit_release(g->rig.table, place, how == LIMIT_TURNED);
	}
	return NULL;
}

START_TEST(threads_never_hold_more_connections_than_the_limit)
{
	struct gang g = { .addr = rig_addr("192.0.2.7") };
	struct limit_key k;

	rig_open(&g.rig);
	g.limit = rig_connections(&g.rig, "conns", 1);
	gang_run(&g, connect_and_leave);
	k = rig_src(&g.rig, g.limit, &g.addr);
	ck_assert_uint_eq(limit_held_at(g.rig.table, &k), 0);
	ck_assert_uint_gt(g.let, 0);
	rig_close(&g.rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limit threads");
	TCase *t = tcase_create("threads");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, threads_at_one_key_let_through_what_one_would);
	tcase_add_test(t, threads_at_a_new_key_share_one_entry);
	tcase_add_test(t, threads_lose_no_count_when_entries_change_hands);
	tcase_add_test(t, threads_in_a_crowded_set_lose_no_count);
	tcase_add_test(t, threads_never_hold_more_connections_than_the_limit);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
