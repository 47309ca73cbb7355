/* Who may be tried again, and where: the budget, and servers that could not be connected. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "balance/budget.h"
#include "balance/pool.h"

#define SEC 1000000ull

static struct budget budget;
static uint64_t now;

static void setup(void)
{
	budget = (struct budget){ 0 };
	now = 1000 * SEC;
}

static void ask(unsigned requests)
{
	for (unsigned i = 0; i < requests; i++)
		budget_request(&budget, now);
}

/* How many retries are granted until one is not. */
static unsigned granted(unsigned percent)
{
	unsigned n = 0;

	while (n < 100000 && budget_retry(&budget, now, percent))
		n++;
	ck_assert_msg(!budget_retry(&budget, now, percent), "once spent, it stays so");
	return n;
}

/* ---- the budget ---- */

START_TEST(h90_retries_are_a_share_of_the_requests)
{
	ask(1000);
	ck_assert_uint_eq(granted(20), 200);
	ask(5);
	ck_assert_uint_eq(granted(20), 1);
	ask(4);
	ck_assert_uint_eq(granted(20), 0);
}
END_TEST

START_TEST(h90_a_quiet_backend_has_the_floor)
{
	ck_assert_uint_eq(granted(20), BUDGET_FLOOR);
	now += BUDGET_SECONDS * SEC;
	ask(3);
	ck_assert_uint_eq(granted(0), BUDGET_FLOOR);
	now += BUDGET_SECONDS * SEC;
	ask(51);
	ck_assert_uint_eq(granted(20), BUDGET_FLOOR);
	now += BUDGET_SECONDS * SEC;
	ask(55);
	ck_assert_uint_eq(granted(20), 11);
}
END_TEST

START_TEST(h90_what_is_old_counts_no_more)
{
	ask(1000);
	ck_assert_uint_eq(granted(50), 500);
	now += (BUDGET_SECONDS - 1) * SEC;
	ck_assert_uint_eq(granted(50), 0);
	now += SEC;
	ck_assert_uint_eq(granted(50), BUDGET_FLOOR);
	now += 3600 * SEC;
	ask(100);
	ck_assert_uint_eq(granted(50), 50);
}
END_TEST

START_TEST(h90_a_thread_that_comes_late_changes_nothing)
{
	ask(1000);
	now -= 2 * SEC;
	ask(1000);
	ck_assert_uint_eq(granted(10), 200);
	now = 0;
	ck_assert_uint_eq(granted(10), 0);
}
END_TEST

/* Any traffic: within the window retries are never above the share, or the floor. */
START_TEST(h90_the_bound_holds_for_any_traffic)
{
	static unsigned requests[400], retries[400]; /* by second */
	unsigned percent = 1 + (unsigned)_i * 13;

	srand(7 + (unsigned)_i);
	memset(requests, 0, sizeof(requests));
	memset(retries, 0, sizeof(retries));
	for (unsigned step = 0; step < 40000; step++) {
		unsigned second = (unsigned)(now / SEC - 1000), r = 0, t = 0;

		if (second >= 400)
			break;
		if (rand() % 3) {
			budget_request(&budget, now);
			requests[second]++;
		} else if (budget_retry(&budget, now, percent)) {
			retries[second]++;
			for (unsigned s = second < 9 ? 0 : second - 9; s <= second; s++) {
				r += requests[s];
				t += retries[s];
			}
			ck_assert(t <= BUDGET_FLOOR || t <= r * percent / 100);
		}
		now += (uint64_t)rand() % (rand() % 50 ? SEC / 100 : 4 * SEC);
	}
}
END_TEST

/* ---- in a pool ---- */

static struct server *servers[3];

static struct pool *pool_of(const struct balancer *b, unsigned n)
{
	char name[8];
	struct addr a;

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "web%u", i);
		ck_assert_ptr_null(addr_parse(&a, STR("10.0.0.1:80")));
		servers[i] = server_new(STR("web"), str_of(name), &a, i, NULL);
		server_set_health(servers[i], SERVER_UP);
	}
	return pool_new(b, servers, NULL, n);
}

static void pool_end(struct pool *p, unsigned n)
{
	pool_unref(p);
	for (unsigned i = 0; i < n; i++)
		server_unref(servers[i]);
}

static unsigned picked(struct pool *p, const struct pool_key *key)
{
	struct server *s = pool_pick(p, key);
	unsigned i = 0;

	ck_assert_ptr_nonnull(s);
	while (servers[i] != s)
		i++;
	pool_release(s, 0);
	return i;
}

START_TEST(h90_a_request_counts_once_for_the_budget)
{
	struct pool *p = pool_of(&balance_roundrobin, 2);
	struct pool_key key = { .now = now };
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		picked(p, &key);
	key.again = true;
	for (unsigned i = 0; i < 1000; i++)
		picked(p, &key);
	while (pool_may_retry(p, now, 50))
		n++;
	ck_assert_uint_eq(n, 50);
	pool_end(p, 2);
}
END_TEST

static const struct balancer *const balancers[] = { &balance_roundrobin, &balance_leastconn,
						    &balance_source };

/* A server that could not be connected gets nothing for a second, and then again. */
START_TEST(h91_who_could_not_be_connected_is_avoided_for_a_while)
{
	struct pool *p = pool_of(balancers[_i], 3);
	struct pool_key key = { .now = now };
	unsigned got[3] = { 0 };

	server_avoid(servers[1], now + SERVER_AVOID_US);
	for (unsigned i = 0; i < 300; i++) {
		key.hash = i * 0x9e3779b97f4a7c15ull;
		got[picked(p, &key)]++;
	}
	ck_assert(got[0] && got[2] && !got[1]);
	key.now += SERVER_AVOID_US;
	for (unsigned i = 0; i < 300; i++) {
		key.hash = i * 0x9e3779b97f4a7c15ull;
		got[picked(p, &key)]++;
	}
	ck_assert(got[1]);
	pool_end(p, 3);
}
END_TEST

START_TEST(h93_first_who_was_not_tried_then_who_is_not_avoided)
{
	struct pool *p = pool_of(balancers[_i], 3);
	struct server *tried[3] = { servers[0], servers[1], servers[2] };
	struct pool_key key = { .now = now, .exclude = tried, .n_exclude = 1, .again = true };

	server_avoid(servers[1], now + 1);
	ck_assert_uint_eq(picked(p, &key), 2);
	server_avoid(servers[2], now + 1);
	ck_assert_uint_ne(picked(p, &key), 0); /* avoided is better than failed already */
	key.n_exclude = 3;
	for (unsigned i = 0; i < 10; i++)
		picked(p, &key); /* and anybody better than nobody */
	key.n_exclude = 0;
	server_avoid(servers[0], now + 1);
	picked(p, &key);
	pool_end(p, 3);
}
END_TEST

/* In turn it would be another one each time. */
static bool gets(struct pool *p, struct server *bound)
{
	const struct pool_key key = { .bind = bound, .now = now };
	unsigned got = 0;

	for (unsigned i = 0; i < 3; i++)
		got += servers[picked(p, &key)] == bound;
	ck_assert(got == 3 || got <= 1);
	return got == 3;
}

START_TEST(h95_a_client_gets_the_server_that_it_is_bound_to)
{
	struct pool *p = pool_of(&balance_roundrobin, 3), *other;
	struct server *bound = servers[1];

	ck_assert(gets(p, bound));
	server_avoid(bound, now + 1);
	atomic_store(&bound->admin, SERVER_DRAIN);
	ck_assert(gets(p, bound));
	atomic_store(&bound->weight, 0);
	ck_assert(gets(p, bound));
	atomic_store(&bound->weight, 100);
	atomic_store(&bound->admin, SERVER_MAINT);
	ck_assert(!gets(p, bound));
	atomic_store(&bound->admin, SERVER_READY);
	server_set_health(bound, SERVER_DOWN);
	ck_assert(!gets(p, bound));
	server_set_health(bound, SERVER_UP);
	atomic_store(&bound->retired, now);
	ck_assert(!gets(p, bound));
	other = pool_new(&balance_roundrobin, servers, NULL, 1);
	ck_assert(pool_has(p, servers[2]));
	ck_assert(!pool_has(other, servers[2]));
	ck_assert(!gets(other, servers[2]));
	ck_assert_uint_eq(stats_get(bound->stats->active), 0);
	pool_unref(other);
	pool_end(p, 3);
}
END_TEST

START_TEST(h91_a_check_that_finds_it_up_ends_that)
{
	struct pool *p = pool_of(&balance_roundrobin, 1);

	server_avoid(servers[0], UINT64_MAX);
	server_set_health(servers[0], SERVER_UP);
	ck_assert(server_is_avoided(servers[0], now)); /* nothing new */
	server_set_health(servers[0], SERVER_DOWN);
	ck_assert(server_is_avoided(servers[0], now));
	server_set_health(servers[0], SERVER_UP);
	ck_assert(!server_is_avoided(servers[0], now));
	pool_end(p, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balance retries");
	TCase *t = tcase_create("balance retries");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, h90_retries_are_a_share_of_the_requests);
	tcase_add_test(t, h90_a_quiet_backend_has_the_floor);
	tcase_add_test(t, h90_what_is_old_counts_no_more);
	tcase_add_test(t, h90_a_thread_that_comes_late_changes_nothing);
	tcase_add_loop_test(t, h90_the_bound_holds_for_any_traffic, 0, 6);
	tcase_add_test(t, h90_a_request_counts_once_for_the_budget);
	tcase_add_loop_test(t, h91_who_could_not_be_connected_is_avoided_for_a_while, 0, 3);
	tcase_add_loop_test(t, h93_first_who_was_not_tried_then_who_is_not_avoided, 0, 3);
	tcase_add_test(t, h95_a_client_gets_the_server_that_it_is_bound_to);
	tcase_add_test(t, h91_a_check_that_finds_it_up_ends_that);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
