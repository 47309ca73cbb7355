/* Limits of servers, and who waits for a place. */
#include "balance/queue.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define SERVERS 4
#define WAITERS 24
#define ALL 1000u
#define NONE 99u

static struct server *servers[SERVERS];
static struct waiter waiters[WAITERS];
static unsigned order[WAITERS], n_called; /* who was called, one after the other */

static void call(struct waiter *w)
{
	order[n_called++] = (unsigned)(w - waiters);
}

static void make(unsigned n, uint64_t most)
{
	n_called = 0;
	for (unsigned i = 0; i < n; i++) {
		char name[16], address[32];
		struct addr a;

		snprintf(name, sizeof(name), "web%u", i);
		snprintf(address, sizeof(address), "10.0.0.%u:80", i + 1);
		ck_assert_ptr_null(addr_parse(&a, str_of(address)));
		servers[i] = server_new(STR("web"), str_of(name), &a, i, NULL);
		servers[i]->most = most;
		server_set_health(servers[i], SERVER_UP);
	}
	for (unsigned i = 0; i < WAITERS; i++)
		waiter_init(&waiters[i], call);
}

static void unmake(struct pool *p, unsigned n)
{
	pool_unref(p);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(servers[i]->references, 1);
		ck_assert_uint_eq(stats_get(servers[i]->stats->active), 0);
		ck_assert_uint_eq(stats_get(servers[i]->stats->queued), 0);
		server_unref(servers[i]);
	}
}

static const struct pool_key any;

static struct pool_key of(unsigned n)
{
	return (struct pool_key){ .hash = hash_mix(n), .has_hash = true };
}

static struct pool_key bound_to(unsigned server)
{
	return (struct pool_key){ .bind = servers[server] };
}

static unsigned index_of(const struct server *s)
{
	unsigned i = 0;

	while (servers[i] != s)
		ck_assert_uint_lt(++i, SERVERS);
	return i;
}

/* Takes a place that is there. */
static unsigned take(struct pool *p, const struct pool_key *key)
{
	struct server *s = pool_pick(p, key);

	ck_assert_ptr_nonnull(s);
	return index_of(s);
}

static void wait_in(struct pool *p, unsigned w, const struct pool_key *key)
{
	ck_assert_ptr_null(pool_pick(p, key));
	ck_assert_int_eq(pool_wait(p, key, ALL, &waiters[w]), POOL_WAITS);
}

static unsigned given(unsigned w)
{
	ck_assert(waiters[w].called);
	return waiters[w].given ? index_of(waiters[w].given) : NONE;
}

static uint64_t active(unsigned i)
{
	return stats_get(servers[i]->stats->active);
}

static uint64_t queued(unsigned i)
{
	return stats_get(servers[i]->stats->queued);
}

/* ---- the limit ---- */

START_TEST(the_limit_holds)
{
	static const struct balancer *const all[] = { &balance_roundrobin, &balance_leastconn,
						      &balance_random,	   &balance_first };
	unsigned chosen[3] = { 0 };
	struct pool *p;

	make(3, 4);
	servers[1]->most = 1;
	p = pool_new(all[_i], servers, NULL, 3);
	for (unsigned i = 0; i < 9; i++)
		chosen[take(p, &any)]++;
	ck_assert_uint_eq(chosen[0], 4);
	ck_assert_uint_eq(chosen[1], 1);
	ck_assert_uint_eq(chosen[2], 4);
	ck_assert_ptr_null(pool_pick(p, &any));
	pool_release(servers[1], 0);
	ck_assert_uint_eq(take(p, &any), 1);
	ck_assert_ptr_null(pool_pick(p, &any));
	for (unsigned i = 0; i < 3; i++)
		while (active(i))
			pool_release(servers[i], 0);
	unmake(p, 3);
}
END_TEST

START_TEST(first_fills_servers_in_order)
{
	static const unsigned expected[] = { 0, 0, 1, 1, 2, 2 };
	struct pool *p;

	make(3, 2);
	p = pool_new(&balance_first, servers, NULL, 3);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(take(p, &any), expected[i]);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(take(p, &any), 1);
	for (unsigned i = 0; i < 6; i++)
		pool_release(servers[expected[i]], 0);
	unmake(p, 3);
}
END_TEST

/* What is full is no reason for the backups. */
START_TEST(backups_are_for_servers_that_are_gone)
{
	static const bool backup[] = { false, true };
	struct pool *p;

	make(2, 1);
	p = pool_new(&balance_roundrobin, servers, backup, 2);
	take(p, &any);
	wait_in(p, 0, &any);
	server_set_health(servers[0], SERVER_DOWN);
	pool_stir(servers[0], 0);
	ck_assert_uint_eq(given(0), 1);
	pool_release(servers[0], 0);
	pool_release(servers[1], 0);
	unmake(p, 2);
}
END_TEST

/* Two configurations at a time have the server in a pool each. */
START_TEST(one_limit_for_all_pools)
{
	struct pool *p, *other;

	make(2, 1);
	p = pool_new(&balance_roundrobin, servers, NULL, 1);
	other = pool_new(&balance_roundrobin, servers, NULL, 2);
	take(p, &any);
	ck_assert_uint_eq(take(other, &any), 1);
	wait_in(other, 0, &any);
	wait_in(p, 1, &any);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(0), 1);
	pool_release(servers[1], 0); /* nobody of that pool waits */
	ck_assert_uint_eq(n_called, 1);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(given(1), 0);
	pool_release(servers[0], 0);
	pool_unref(other);
	unmake(p, 2);
}
END_TEST

/* ---- the order ---- */

START_TEST(first_come_first_served)
{
	struct pool *p;

	make(2, 2);
	p = pool_new(&balance_roundrobin, servers, NULL, 2);
	for (unsigned i = 0; i < 4; i++)
		take(p, &any);
	for (unsigned i = 0; i < 10; i++)
		wait_in(p, i, &any);
	for (unsigned i = 0; i < 10; i++) {
		pool_release(servers[i % 2], 0);
		ck_assert_uint_eq(n_called, i + 1);
		ck_assert_uint_eq(order[i], i);
		ck_assert_uint_eq(given(i), i % 2);
		ck_assert_uint_eq(active(i % 2), 2);
		ck_assert_ptr_null(pool_pick(p, &any)); /* who comes later takes nothing */
	}
	for (unsigned i = 0; i < 4; i++)
		pool_release(servers[i % 2], 0);
	unmake(p, 2);
}
END_TEST

/* Bound ones wait for theirs, the others for any, each kind by its place. */
START_TEST(each_waits_for_his_own)
{
	struct pool_key zero, one;
	struct pool *p;

	make(2, 1);
	zero = bound_to(0);
	one = bound_to(1);
	p = pool_new(&balance_roundrobin, servers, NULL, 2);
	take(p, &any);
	take(p, &any);
	wait_in(p, 0, &one);
	wait_in(p, 1, &any);
	wait_in(p, 2, &zero);
	wait_in(p, 3, &one);
	wait_in(p, 4, &any);
	ck_assert_uint_eq(queued(0), 1);
	ck_assert_uint_eq(queued(1), 2);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(given(1), 0); /* came before 2 */
	pool_release(servers[0], 0);
	ck_assert_uint_eq(given(2), 0);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(0), 1);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(3), 1);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(4), 1);
	pool_release(servers[0], 0);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(n_called, 5);
	unmake(p, 2);
}
END_TEST

START_TEST(a_key_waits_for_its_server)
{
	static const struct balancer *const keyed[] = { &balance_source, &balance_bounded };
	struct pool_key here = of(1), there;
	unsigned home;
	struct pool *p;

	make(3, 1);
	p = pool_new(keyed[_i], servers, NULL, 3);
	home = take(p, &here);
	for (unsigned n = 2;; n++) {
		there = of(n);
		pool_release(servers[home], 0);
		if (take(p, &there) != home)
			break;
	}
	take(p, &here);
	wait_in(p, 0, &here); /* although the third is free */
	ck_assert_uint_eq(queued(home), 1);
	pool_release(servers[home], 0);
	ck_assert_uint_eq(given(0), home);
	for (unsigned i = 0; i < 3; i++)
		while (active(i))
			pool_release(servers[i], 0);
	unmake(p, 3);
}
END_TEST

/* ---- out of the queue ---- */

START_TEST(who_leaves_is_passed_over)
{
	_Atomic uint64_t shown = 0;
	struct pool *p;

	make(1, 1);
	p = pool_new(&balance_roundrobin, servers, NULL, 1);
	pool_show_queue(p, &shown);
	take(p, &any);
	for (unsigned i = 0; i < 3; i++)
		wait_in(p, i, &any);
	ck_assert_uint_eq(shown, 3);
	ck_assert(pool_leave(&waiters[0]));
	ck_assert_uint_eq(shown, 2);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(order[0], 1);
	/* It was called already: what it has it has to give back. */
	ck_assert(!pool_leave(&waiters[1]));
	pool_release(waiters[1].given, 0);
	ck_assert_uint_eq(order[1], 2);
	ck_assert_uint_eq(shown, 0);
	pool_release(servers[0], 0);
	unmake(p, 1);
}
END_TEST

START_TEST(no_more_than_may_wait)
{
	struct pool *p;

	make(1, 1);
	p = pool_new(&balance_roundrobin, servers, NULL, 1);
	take(p, &any);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pool_wait(p, &any, 3, &waiters[i]), POOL_WAITS);
	ck_assert_int_eq(pool_wait(p, &any, 3, &waiters[3]), POOL_CROWDED);
	ck_assert(pool_leave(&waiters[1]));
	ck_assert_int_eq(pool_wait(p, &any, 3, &waiters[3]), POOL_WAITS);
	ck_assert_int_eq(pool_wait(p, &any, 0, &waiters[4]), POOL_CROWDED);
	for (unsigned i = 0; i < 3; i++)
		pool_release(servers[0], 0);
	ck_assert_uint_eq(order[2], 3);
	pool_release(servers[0], 0);
	/* Whoever could be served is, however little room there is to wait. */
	ck_assert_int_eq(pool_wait(p, &any, 0, &waiters[4]), POOL_GIVEN);
	ck_assert_ptr_eq(waiters[4].given, servers[0]);
	pool_release(servers[0], 0);
	server_set_admin(servers[0], SERVER_DRAIN);
	ck_assert_int_eq(pool_wait(p, &any, 3, &waiters[5]), POOL_EMPTY);
	unmake(p, 1);
}
END_TEST

/* ---- changes ---- */

/* Those who waited for one that went choose anew, and keep their places; a drained one keeps who
 * is bound to it by his client. */
START_TEST(a_server_that_goes_gives_its_waiters_away)
{
	struct pool_key key = of(1), sticky, other;
	unsigned home;
	struct pool *p;

	make(2, 1);
	sticky = bound_to(0);
	other = bound_to(1);
	p = pool_new(&balance_source, servers, NULL, 2);
	while ((home = take(p, &key)) != 0) {
		pool_release(servers[home], 0);
		key = of((unsigned)key.hash);
	}
	take(p, &other);
	wait_in(p, 0, &key);
	wait_in(p, 1, &any);
	wait_in(p, 2, &sticky);
	wait_in(p, 3, &other);
	server_set_admin(servers[0], SERVER_DRAIN);
	pool_stir(servers[0], 0);
	ck_assert_uint_eq(n_called, 1);
	ck_assert_uint_eq(given(0), NONE);
	wait_in(p, 0, &key); /* now for the other, and before those who came later */
	ck_assert_uint_eq(queued(1), 2);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(0), 1);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(1), 1);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(3), 1);
	server_set_admin(servers[0], SERVER_MAINT);
	pool_stir(servers[0], 0);
	ck_assert_uint_eq(given(2), NONE);
	pool_release(servers[1], 0);
	pool_release(servers[0], 0);
	unmake(p, 2);
}
END_TEST

START_TEST(nobody_waits_for_nobody)
{
	struct pool *p;

	make(2, 1);
	p = pool_new(&balance_roundrobin, servers, NULL, 2);
	take(p, &any);
	take(p, &any);
	wait_in(p, 0, &any);
	server_set_health(servers[0], SERVER_DOWN);
	pool_stir(servers[0], 0);
	ck_assert_uint_eq(n_called, 0);
	server_set_health(servers[1], SERVER_DOWN);
	pool_stir(servers[1], 0);
	ck_assert_uint_eq(given(0), NONE);
	ck_assert_int_eq(pool_wait(p, &any, ALL, &waiters[0]), POOL_EMPTY);
	pool_release(servers[0], 0);
	pool_release(servers[1], 0);
	unmake(p, 2);
}
END_TEST

START_TEST(a_server_that_comes_takes_who_waits)
{
	struct pool *p;

	make(2, 2);
	server_set_health(servers[1], SERVER_DOWN);
	p = pool_new(&balance_roundrobin, servers, NULL, 2);
	take(p, &any);
	take(p, &any);
	for (unsigned i = 0; i < 3; i++)
		wait_in(p, i, &any);
	server_set_health(servers[1], SERVER_UP);
	pool_stir(servers[1], 0);
	ck_assert_uint_eq(n_called, 2);
	ck_assert_uint_eq(given(0), 1);
	ck_assert_uint_eq(given(1), 1);
	servers[0]->most = SERVER_UNLIMITED; /* as a reload may say */
	pool_stir(servers[0], 0);
	ck_assert_uint_eq(given(2), 0);
	for (unsigned i = 0; i < 2; i++)
		while (active(i))
			pool_release(servers[i], 0);
	unmake(p, 2);
}
END_TEST

/* A lower limit cuts nothing that runs; who comes waits until it holds. */
START_TEST(a_lower_limit_is_reached_by_and_by)
{
	struct pool *p;

	make(1, 4);
	p = pool_new(&balance_roundrobin, servers, NULL, 1);
	for (unsigned i = 0; i < 4; i++)
		take(p, &any);
	servers[0]->most = 2;
	pool_stir(servers[0], 0);
	wait_in(p, 0, &any);
	pool_release(servers[0], 0);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(n_called, 0);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(given(0), 0);
	pool_release(servers[0], 0);
	pool_release(servers[0], 0);
	unmake(p, 1);
}
END_TEST

/* A server that was tried is not given to who waits, as long as there is another. */
START_TEST(tried_ones_are_not_given)
{
	struct server *tried[] = { NULL };
	struct pool_key key = { .exclude = tried, .n_exclude = 1 };
	struct pool *p;

	make(2, 1);
	tried[0] = servers[0];
	p = pool_new(&balance_roundrobin, servers, NULL, 2);
	take(p, &any);
	take(p, &any);
	wait_in(p, 0, &key);
	wait_in(p, 1, &any);
	pool_release(servers[0], 0);
	ck_assert_uint_eq(given(1), 0);
	pool_release(servers[1], 0);
	ck_assert_uint_eq(given(0), 1);
	pool_release(servers[0], 0);
	pool_release(servers[1], 0);
	unmake(p, 2);
}
END_TEST

/* ---- threads ---- */

#define THREADS 6
#define ROUNDS 4000

/* A worker: what its waiter was given comes by a condition instead of a letter. */
struct client {
	struct waiter waiter;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool called;
	struct pool *pool;
	unsigned seed, left, served;
};

static _Atomic int running[2];
static _Atomic bool over_the_limit;
static _Atomic unsigned n_waited;

static void client_called(struct waiter *w)
{
	struct client *c = list_of(w, struct client, waiter);

	pthread_mutex_lock(&c->lock);
	c->called = true;
	pthread_cond_signal(&c->woken);
	pthread_mutex_unlock(&c->lock);
}

static void await_call(struct client *c)
{
	pthread_mutex_lock(&c->lock);
	while (!c->called)
		pthread_cond_wait(&c->woken, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

/* Waits, or gives up at once, as some do. NULL: it was not served. */
static struct server *wait_or_leave(struct client *c, const struct pool_key *key)
{
	waiter_init(&c->waiter, client_called);
	c->called = false;
	switch (pool_wait(c->pool, key, ALL, &c->waiter)) {
	case POOL_GIVEN:
		return c->waiter.given;
	case POOL_WAITS:
		n_waited++;
		break;
	default:
		ck_abort_msg("both are up");
	}
	if (rand_r(&c->seed) % 4 == 0 && pool_leave(&c->waiter)) {
		c->left++;
		return NULL;
	}
	await_call(c);
	return c->waiter.given;
}

static void *client_main(void *arg)
{
	struct client *c = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pool_key key = { .bind = rand_r(&c->seed) % 3 ? NULL : servers[i % 2] };
		struct server *s = pool_pick(c->pool, &key);

		if (!s)
			s = wait_or_leave(c, &key);
		if (!s)
			continue;
		c->served++;
		if (atomic_fetch_add(&running[index_of(s)], 1) >= 1)
			over_the_limit = true;
		if (i % 8 == 0)
			sched_yield();
		atomic_fetch_sub(&running[index_of(s)], 1);
		pool_release(s, 0);
	}
	return NULL;
}

/* Never more than the limit, and nobody is forgotten: each thread comes to its end. */
START_TEST(threads_wake_each_other)
{
	static struct client clients[THREADS];
	unsigned served = 0, left = 0;
	struct pool *p;

	make(2, 1);
	p = pool_new(&balance_leastconn, servers, NULL, 2);
	for (unsigned i = 0; i < THREADS; i++) {
		struct client *c = &clients[i];

		*c = (struct client){ .pool = p, .seed = i };
		pthread_mutex_init(&c->lock, NULL);
		pthread_cond_init(&c->woken, NULL);
		ck_assert_int_eq(pthread_create(&c->thread, NULL, client_main, c), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		served += clients[i].served;
		left += clients[i].left;
		pthread_mutex_destroy(&clients[i].lock);
		pthread_cond_destroy(&clients[i].woken);
	}
	ck_assert(!over_the_limit);
	ck_assert_uint_gt(n_waited, 100);
	ck_assert_uint_eq(served + left, THREADS * ROUNDS);
	unmake(p, 2);
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, the_limit_holds, 0, 4);
	tcase_add_test(t, first_fills_servers_in_order);
	tcase_add_test(t, backups_are_for_servers_that_are_gone);
	tcase_add_test(t, one_limit_for_all_pools);
	tcase_add_test(t, first_come_first_served);
	tcase_add_test(t, each_waits_for_his_own);
	tcase_add_loop_test(t, a_key_waits_for_its_server, 0, 2);
	tcase_add_test(t, who_leaves_is_passed_over);
	tcase_add_test(t, no_more_than_may_wait);
	tcase_add_test(t, a_server_that_goes_gives_its_waiters_away);
	tcase_add_test(t, nobody_waits_for_nobody);
	tcase_add_test(t, a_server_that_comes_takes_who_waits);
	tcase_add_test(t, a_lower_limit_is_reached_by_and_by);
	tcase_add_test(t, tried_ones_are_not_given);
	tcase_add_test(t, threads_wake_each_other);
}

int main(void)
{
	Suite *s = suite_create("balance queue");
	TCase *t = tcase_create("queue");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	add_tests(t);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
