/* The algorithms that choose by a key and its bound, by chance, and by the order of the file. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "balance/pool.h"
#include "base/hash.h"

#define SERVERS 12
#define KEYS 6000u
#define HELD 3000

static struct server *servers[SERVERS];
static struct server *held[HELD];
static unsigned made, n_held;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

static void make(unsigned n)
{
	n_held = 0;
	for (made = 0; made < n; made++) {
		char name[16], address[32];
		struct addr a;

		snprintf(name, sizeof(name), "web%u", made);
		snprintf(address, sizeof(address), "10.0.0.%u:80", made + 1);
		ck_assert_ptr_null(addr_parse(&a, str_of(address)));
		servers[made] = server_new(STR("web"), str_of(name), &a, made, NULL);
		server_set_health(servers[made], SERVER_UP);
	}
}

static void unmake(struct pool *p)
{
	while (n_held)
		pool_release(held[--n_held], 0);
	pool_unref(p);
	for (unsigned i = 0; i < made; i++) {
		ck_assert_uint_eq(stats_get(servers[i]->stats->active), 0);
		server_unref(servers[i]);
	}
}

static unsigned index_of(const struct server *s)
{
	unsigned i = 0;

	while (servers[i] != s)
		ck_assert_uint_lt(++i, made);
	return i;
}

static struct pool_key key_of(unsigned n)
{
	char text[32];

	snprintf(text, sizeof(text), "/page/%u", n);
	return (struct pool_key){ .hash = hash_bytes(str_of(text)), .has_hash = true };
}

/* Chosen, and it goes on there. */
static unsigned hold(struct pool *p, const struct pool_key *key)
{
	struct server *s = pool_pick(p, key);

	ck_assert_ptr_nonnull(s);
	ck_assert_int_lt(n_held, HELD);
	held[n_held++] = s;
	return index_of(s);
}

static unsigned pick(struct pool *p, const struct pool_key *key)
{
	unsigned i = hold(p, key);

	pool_release(held[--n_held], 0);
	return i;
}

static uint64_t active_of(unsigned i)
{
	return stats_get(servers[i]->stats->active);
}

/* Each of n servers has its share by weight of `total` choices, give or take some roots of it. */
static void check_shares(const unsigned *chosen, unsigned total)
{
	uint64_t weights = 0;

	for (unsigned i = 0; i < made; i++)
		weights += servers[i]->weight;
	for (unsigned i = 0; i < made; i++) {
		double share = (double)total * servers[i]->weight / (double)weights;
		double off = chosen[i] - share;

		ck_assert_msg(off * off <= 25 * share, "weight %u of %u was chosen %u of %u times",
			      (unsigned)servers[i]->weight, (unsigned)weights, chosen[i], total);
	}
}

static void weigh(void)
{
	for (unsigned i = 0; i < made; i++)
		servers[i]->weight = 1 + draw(256);
}

/* ---- bounded ---- */

START_TEST(keys_are_spread_by_weight)
{
	unsigned chosen[SERVERS] = { 0 };
	struct pool *p;

	seed = (uint64_t)_i + 1;
	make(2 + draw(10));
	if (_i % 2)
		weigh();
	p = pool_new(&balance_bounded, servers, NULL, made);
	for (unsigned k = 0; k < KEYS; k++) {
		struct pool_key key = key_of(k);
		unsigned i = pick(p, &key);

		ck_assert_uint_eq(pick(p, &key), i);
		chosen[i]++;
	}
	check_shares(chosen, KEYS);
	unmake(p);
}
END_TEST

/* Who leaves takes its own keys along and no others; who comes back has them again, and nobody
 * else's. */
START_TEST(a_change_moves_its_share_only)
{
	static unsigned before[KEYS];
	unsigned gone, moved = 0;
	struct pool *p;

	seed = (uint64_t)_i + 1;
	make(2 + draw(10));
	gone = draw(made);
	p = pool_new(&balance_bounded, servers, NULL, made);
	for (unsigned k = 0; k < KEYS; k++) {
		struct pool_key key = key_of(k);

		before[k] = pick(p, &key);
	}
	server_set_admin(servers[gone], SERVER_MAINT);
	for (unsigned k = 0; k < KEYS; k++) {
		struct pool_key key = key_of(k);
		unsigned now = pick(p, &key);

		if (before[k] == gone)
			moved++;
		else
			ck_assert_uint_eq(now, before[k]);
	}
	ck_assert_msg(moved <= KEYS / made * 5 / 4, "%u of %u keys moved, of %u servers", moved,
		      KEYS, made);
	server_set_admin(servers[gone], SERVER_READY);
	for (unsigned k = 0; k < KEYS; k++) {
		struct pool_key key = key_of(k);

		ck_assert_uint_eq(pick(p, &key), before[k]);
	}
	unmake(p);
}
END_TEST

/* However hot a key is, no server has more than half as much again as its share, or 8; and the key
 * stays where it is as long as that holds. */
START_TEST(a_hot_key_spills_over)
{
	const struct pool_key hot = key_of((unsigned)_i);
	unsigned home, used = 0;
	uint64_t weights = 0;
	struct pool *p;

	seed = (uint64_t)_i + 1;
	make(2 + draw(8));
	if (_i % 2)
		weigh();
	for (unsigned i = 0; i < made; i++)
		weights += servers[i]->weight;
	p = pool_new(&balance_bounded, servers, NULL, made);
	home = pick(p, &hot);
	for (unsigned total = 1; total <= 1000; total++) {
		unsigned i = hold(p, &hot);
		uint64_t most = ((uint64_t)total * servers[i]->weight * 3 + 2 * weights - 1) /
				(2 * weights);

		ck_assert_msg(active_of(i) <= (most > 8 ? most : 8),
			      "%u has %u of %u, its weight is %u of %u", i,
			      (unsigned)active_of(i), total, (unsigned)servers[i]->weight,
			      (unsigned)weights);
		ck_assert(total > 8 || i == home);
		used |= 1u << i;
	}
	ck_assert_uint_gt(__builtin_popcount(used), 1);
	while (n_held)
		pool_release(held[--n_held], 0);
	ck_assert_uint_eq(pick(p, &hot), home);
	unmake(p);
}
END_TEST

/* A key whose server has too much goes to one other, not to all of them in turn. */
START_TEST(who_spills_over_has_a_second_home)
{
	const struct pool_key hot = key_of(1);
	unsigned home, second;
	struct pool *p;

	make(5);
	p = pool_new(&balance_bounded, servers, NULL, made);
	home = pick(p, &hot);
	while (active_of(home) < 8)
		hold(p, &hot);
	second = hold(p, &hot);
	ck_assert_uint_ne(second, home);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(hold(p, &hot), second);
	unmake(p);
}
END_TEST

/* Whoever was told by `source` to stay is never moved by load. */
START_TEST(source_has_no_bound)
{
	const struct pool_key hot = key_of(1);
	struct pool *p;
	unsigned home;

	make(4);
	p = pool_new(&balance_source, servers, NULL, made);
	home = pick(p, &hot);
	for (unsigned i = 0; i < 500; i++)
		ck_assert_uint_eq(hold(p, &hot), home);
	unmake(p);
}
END_TEST

static uint64_t choices(bool turned)
{
	struct server *order[SERVERS];
	uint64_t sum = 0;
	struct pool *p;

	seed = 5;
	make(6);
	weigh();
	for (unsigned i = 0; i < made; i++)
		order[i] = servers[turned ? made - 1 - i : i];
	p = pool_new(&balance_bounded, order, NULL, made);
	for (unsigned k = 0; k < KEYS; k++) {
		struct pool_key key = key_of(k);

		sum = hash_pair(sum, pick(p, &key));
	}
	unmake(p);
	return sum;
}

/* Another process, as on another node, whose file has another order. The number is that of this
 * and each later version, since a pair may be of two. */
START_TEST(two_processes_choose_alike)
{
	uint64_t here = choices(false), there = 0;
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		there = choices(true);
		_exit(write(ends[1], &there, sizeof(there)) != sizeof(there));
	}
	ck_assert_int_eq(read(ends[0], &there, sizeof(there)), sizeof(there));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(here, there);
	ck_assert_msg(here == 0x6eeecb4f808e4d5eull,
		      "keys of a mixed pair of versions would change their server: %#llx",
		      (unsigned long long)here);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(without_the_key_it_goes_in_turn)
{
	static const struct balancer *const keyed[] = { &balance_source, &balance_bounded };
	const struct pool_key none = { .hash = 0 }, hot = key_of(3);
	struct pool *p;

	make(3);
	servers[2]->weight = 200;
	p = pool_new(keyed[_i], servers, NULL, made);
	for (unsigned turn = 0; turn < 10; turn++) {
		unsigned chosen[3] = { 0 };

		for (unsigned i = 0; i < 4; i++) {
			chosen[pick(p, &none)]++;
			pick(p, &hot);
		}
		ck_assert_uint_eq(chosen[0], 1);
		ck_assert_uint_eq(chosen[1], 1);
		ck_assert_uint_eq(chosen[2], 2);
	}
	unmake(p);
}
END_TEST

/* ---- random ---- */

START_TEST(random_follows_weights)
{
	const struct pool_key key = { .now = 1 + (uint64_t)_i };
	unsigned chosen[SERVERS] = { 0 };
	struct pool *p;

	seed = (uint64_t)_i + 1;
	make(2 + draw(10));
	if (_i % 2)
		weigh();
	p = pool_new(&balance_random, servers, NULL, made);
	for (unsigned i = 0; i < KEYS; i++)
		chosen[pick(p, &key)]++;
	check_shares(chosen, KEYS);
	unmake(p);
}
END_TEST

/* Of two the less busy one: what runs is nearly even, as it is not with one drawn alone, whose
 * most burdened server of ten has some 130 of 1000. */
START_TEST(random_takes_the_less_busy_of_two)
{
	const struct pool_key key = { .now = 7 + (uint64_t)_i };
	struct pool *p;

	make(10);
	p = pool_new(&balance_random, servers, NULL, made);
	for (unsigned i = 0; i < 1000; i++)
		hold(p, &key);
	for (unsigned i = 0; i < made; i++)
		ck_assert_msg(active_of(i) > 94 && active_of(i) < 106, "%u",
			      (unsigned)active_of(i));
	unmake(p);
}
END_TEST

START_TEST(random_with_two_takes_the_less_busy)
{
	const struct pool_key key = { .now = 3 };
	struct pool *p;

	make(2);
	servers[1]->weight = 50;
	p = pool_new(&balance_random, servers, NULL, made);
	for (unsigned i = 0; i < 300; i++)
		hold(p, &key);
	ck_assert_uint_ge(active_of(0), 199);
	ck_assert_uint_le(active_of(0), 201);
	unmake(p);
}
END_TEST

/* ---- first ---- */

START_TEST(first_is_first)
{
	const struct pool_key none = { .hash = 0 };
	struct server *tried[1];
	struct pool_key again = { .exclude = tried, .n_exclude = 1 };
	struct pool *p;

	make(4);
	servers[3]->weight = 256;
	p = pool_new(&balance_first, servers, NULL, made);
	tried[0] = servers[0];
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(hold(p, &none), 0);
		ck_assert_uint_eq(hold(p, &again), 1);
	}
	servers[0]->weight = 0;
	server_set_health(servers[1], SERVER_DOWN);
	ck_assert_uint_eq(hold(p, &none), 2);
	server_set_health(servers[1], SERVER_UP);
	ck_assert_uint_eq(hold(p, &none), 1);
	unmake(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balance keys");
	TCase *t = tcase_create("keys");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, keys_are_spread_by_weight, 0, 12);
	tcase_add_loop_test(t, a_change_moves_its_share_only, 0, 12);
	tcase_add_loop_test(t, a_hot_key_spills_over, 0, 12);
	tcase_add_test(t, who_spills_over_has_a_second_home);
	tcase_add_test(t, source_has_no_bound);
	tcase_add_test(t, two_processes_choose_alike);
	tcase_add_loop_test(t, without_the_key_it_goes_in_turn, 0, 2);
	tcase_add_loop_test(t, random_follows_weights, 0, 12);
	tcase_add_loop_test(t, random_takes_the_less_busy_of_two, 0, 5);
	tcase_add_test(t, random_with_two_takes_the_less_busy);
	tcase_add_test(t, first_is_first);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
