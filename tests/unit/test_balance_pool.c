/* The pool: who may be chosen, who is, and what is counted. */
#include "balance/pool.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

#define SERVERS 64

static struct server *servers[SERVERS];
static bool backup[SERVERS];
static unsigned made;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % below;
}

static struct server *server_make(unsigned i)
{
	char name[16], address[32];
	struct addr a;

	snprintf(name, sizeof(name), "web%u", i);
	snprintf(address, sizeof(address), "10.0.0.%u:80", i + 1);
	ck_assert_ptr_null(addr_parse(&a, str_of(address)));
	return server_new(STR("web_backend"), str_of(name), &a, i, NULL);
}

/* `n` servers, all up. */
static void make(unsigned n)
{
	for (made = 0; made < n; made++) {
		servers[made] = server_make(made);
		backup[made] = false;
		server_set_health(servers[made], SERVER_UP);
	}
}

static void unmake(void)
{
	for (unsigned i = 0; i < made; i++) {
		ck_assert_uint_eq(servers[i]->references, 1);
		ck_assert_uint_eq(stats_get(servers[i]->stats->active), 0);
		server_unref(servers[i]);
	}
}

static const struct pool_key no_key;

static unsigned index_of(const struct server *s)
{
	for (unsigned i = 0; i < made; i++)
		if (servers[i] == s)
			return i;
	ck_abort_msg("not one of the servers");
}

static unsigned pick(struct pool *p)
{
	struct server *s = pool_pick(p, &no_key);

	ck_assert_ptr_nonnull(s);
	pool_release(s, 0);
	return index_of(s);
}

static const struct balancer *const balancers[] = { &balance_roundrobin, &balance_leastconn,
						    &balance_source, &balance_bounded,
						    &balance_random, &balance_first };
#define BALANCERS (int)(sizeof(balancers) / sizeof(balancers[0]))

START_TEST(kinds)
{
	ck_assert_ptr_eq(balancer_of(CONF_BALANCE_ROUNDROBIN), &balance_roundrobin);
	ck_assert_ptr_eq(balancer_of(CONF_BALANCE_LEASTCONN), &balance_leastconn);
	ck_assert_ptr_eq(balancer_of(CONF_BALANCE_SOURCE), &balance_source);
	ck_assert_ptr_eq(balancer_of(CONF_BALANCE_RANDOM), &balance_random);
	ck_assert_ptr_eq(balancer_of(CONF_BALANCE_FIRST), &balance_first);
	for (int kind = CONF_BALANCE_URI; kind <= CONF_BALANCE_COOKIE; kind++)
		ck_assert_ptr_eq(balancer_of((enum conf_balance)kind), &balance_bounded);
}
END_TEST

START_TEST(nobody_is_eligible)
{
	struct pool *p;

	make(4);
	server_set_health(servers[0], SERVER_DOWN);
	servers[1]->admin = SERVER_DRAIN;
	servers[2]->admin = SERVER_MAINT;
	servers[3]->weight = 0;
	p = pool_new(balancers[_i], servers, backup, 4);
	ck_assert_uint_eq(pool_size(p), 4);
	ck_assert_uint_eq(pool_eligible(p), 0);
	ck_assert_ptr_null(pool_pick(p, &no_key));
	servers[2]->admin = SERVER_READY;
	ck_assert_uint_eq(pool_eligible(p), 1);
	ck_assert_uint_eq(pick(p), 2);
	pool_unref(p);
	p = pool_new(balancers[_i], servers, backup, 0);
	ck_assert_ptr_null(pool_pick(p, &no_key));
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(new_server_waits_for_its_check)
{
	struct pool *p;

	made = 1;
	servers[0] = server_make(0);
	p = pool_new(balancers[_i], servers, NULL, 1);
	ck_assert_str_eq(server_health_name(servers[0]->health), "STARTING");
	ck_assert_ptr_null(pool_pick(p, &no_key));
	ck_assert(server_set_health(servers[0], SERVER_UP));
	ck_assert(!server_set_health(servers[0], SERVER_UP));
	ck_assert_uint_eq(pick(p), 0);
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(backups_only_when_no_other)
{
	struct pool *p;

	make(4);
	backup[1] = backup[3] = true;
	p = pool_new(balancers[_i], servers, backup, 4);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(pick(p) % 2, 0);
	server_set_health(servers[0], SERVER_DOWN);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(pick(p), 2);
	server_set_health(servers[2], SERVER_DOWN);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(pick(p), 1);
	server_set_health(servers[1], SERVER_DOWN);
	ck_assert_uint_eq(pick(p), 3);
	server_set_health(servers[2], SERVER_UP);
	ck_assert_uint_eq(pick(p), 2);
	pool_unref(p);
	unmake();
}
END_TEST

/* A backup that failed this request is no reason to give up. */
START_TEST(the_second_backup_when_the_first_was_tried)
{
	struct server *tried[1];
	struct pool_key key = { .exclude = tried, .n_exclude = 1 };
	struct server *s;
	struct pool *p;

	make(3);
	backup[0] = backup[2] = true;
	server_set_health(servers[1], SERVER_DOWN);
	tried[0] = servers[0];
	p = pool_new(balancers[_i], servers, backup, 3);
	s = pool_pick(p, &key);
	ck_assert_ptr_eq(s, servers[2]);
	pool_release(s, 0);
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(all_backups_where_that_is_wanted)
{
	unsigned chosen[4] = { 0 };
	struct pool *p;

	make(4);
	backup[1] = backup[3] = true;
	p = pool_new(&balance_roundrobin, servers, backup, 4);
	pool_use_all_backups(p);
	server_set_health(servers[0], SERVER_DOWN);
	ck_assert_uint_eq(pick(p), 2);
	server_set_health(servers[2], SERVER_DOWN);
	for (int i = 0; i < 20; i++)
		chosen[pick(p)]++;
	ck_assert_uint_eq(chosen[1], 10);
	ck_assert_uint_eq(chosen[3], 10);
	pool_unref(p);
	unmake();
}
END_TEST

#define SEC 1000000ull

/* Half its time, half its weight; before any time it has some, behind it all. */
START_TEST(slow_start_grows_evenly)
{
	static const struct {
		uint64_t at, part; /* of 1024 */
	} steps[] = { { 0, 1 },	     { 1, 1 },	      { 1 * SEC, 102 },	  { 5 * SEC, 512 },
		      { 9 * SEC, 921 }, { 10 * SEC, 1024 }, { 100 * SEC, 1024 } };
	const uint64_t since = 1000 * SEC;
	struct server *s;

	make(1);
	s = servers[0];
	s->weight = 200;
	s->slow_start = 10 * SEC;
	ck_assert_uint_eq(server_weight(s, since), 200 * 1024);
	server_begin_slow_start(s, since);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		ck_assert_uint_eq(server_weight(s, since + steps[i].at), 200 * steps[i].part);
	/* Another thread's clock may be a little behind. */
	ck_assert_uint_eq(server_weight(s, since - 1), 200);
	ck_assert(server_eligible(s));
	s->slow_start = 0;
	ck_assert_uint_eq(server_weight(s, since), 200 * 1024);
	s->weight = 0;
	ck_assert(!server_eligible(s));
	unmake();
}
END_TEST

/* Every algorithm that looks at weights gives one that came back its part. */
START_TEST(slow_start_holds_for_weights)
{
	static const struct balancer *const weighing[] = { &balance_roundrobin, &balance_random,
							   &balance_source, &balance_bounded };
	struct pool_key key = { .has_hash = true, .now = 1000 * SEC };
	unsigned chosen[2] = { 0 };
	struct pool *p;

	make(2);
	servers[1]->slow_start = 10 * SEC;
	server_begin_slow_start(servers[1], key.now);
	key.now += SEC * 5 / 2; /* a quarter: one of five goes there */
	p = pool_new(weighing[_i], servers, NULL, 2);
	for (unsigned i = 0; i < 4000; i++) {
		struct server *s;

		key.hash = hash_mix(i);
		s = pool_pick(p, &key);
		chosen[index_of(s)]++;
		pool_release(s, 0);
	}
	ck_assert_msg(chosen[1] > 675 && chosen[1] < 925, "%u of 4000", chosen[1]);
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(tried_ones_are_passed_over)
{
	struct server *tried[3];
	struct pool_key key = { .hash = 77, .has_hash = true, .exclude = tried };
	struct pool *p;
	bool seen[3] = { false };

	make(3);
	p = pool_new(balancers[_i], servers, backup, 3);
	for (key.n_exclude = 0; key.n_exclude < 3; key.n_exclude++) {
		tried[key.n_exclude] = pool_pick(p, &key);
		ck_assert(!seen[index_of(tried[key.n_exclude])]);
		seen[index_of(tried[key.n_exclude])] = true;
		pool_release(tried[key.n_exclude], 0);
	}
	/* All were tried: one of them again. */
	for (int i = 0; i < 10; i++) {
		struct server *s = pool_pick(p, &key);

		ck_assert_ptr_nonnull(s);
		pool_release(s, 0);
	}
	/* The only one left that was not tried. */
	key.n_exclude = 2;
	for (int i = 0; i < 10; i++) {
		struct server *s = pool_pick(p, &key);

		ck_assert_ptr_eq(s, tried[2]);
		pool_release(s, 0);
	}
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(what_is_picked_is_counted)
{
	struct pool *p, *other;
	struct server *a, *b;

	make(1);
	p = pool_new(balancers[_i], servers, backup, 1);
	other = pool_new(balancers[_i], servers, backup, 1);
	a = pool_pick(p, &no_key);
	b = pool_pick(other, &no_key);
	ck_assert_ptr_eq(a, b);
	ck_assert_uint_eq(stats_get(a->stats->active), 2);
	pool_unref(p); /* a reload took it; what it gave goes on */
	pool_release(a, 0);
	ck_assert_uint_eq(stats_get(b->stats->active), 1);
	ck_assert_ptr_eq(pool_server(other, 0), b);
	pool_ref(other);
	pool_unref(other);
	pool_unref(other);
	pool_release(b, 0);
	unmake();
}
END_TEST

START_TEST(counters_on_a_board)
{
	struct server_stats board = { 0 };
	struct addr a;
	struct server *s;
	struct pool *p;

	ck_assert_ptr_null(addr_parse(&a, STR("127.0.0.1:1")));
	s = server_new(STR("b"), STR("s"), &a, 3, &board);
	ck_assert_uint_eq(s->slot, 3);
	ck_assert_str_eq(s->backend, "b");
	ck_assert_str_eq(s->name, "s");
	ck_assert_str_eq(s->address_text, "127.0.0.1:1");
	server_set_health(s, SERVER_UP);
	p = pool_new(&balance_leastconn, &s, NULL, 1);
	ck_assert_ptr_eq(pool_pick(p, &no_key), s);
	ck_assert_uint_eq(stats_get(board.active), 1);
	pool_release(s, 0);
	pool_unref(p);
	server_unref(s);
	server_unref(NULL);
	pool_unref(NULL);
}
END_TEST

START_TEST(name_too_long)
{
	char name[CONF_NAME_MAX + 2];
	struct addr a;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_ptr_null(addr_parse(&a, STR("127.0.0.1:1")));
	ck_assert_ptr_null(server_new(STR("b"), str_of(name), &a, 0, NULL));
	ck_assert_ptr_null(server_new(str_of(name), STR("s"), &a, 0, NULL));
}
END_TEST

START_TEST(roundrobin_in_turn)
{
	struct pool *p;

	make(3);
	p = pool_new(&balance_roundrobin, servers, backup, 3);
	for (unsigned i = 0; i < 30; i++)
		ck_assert_uint_eq(pick(p), i % 3);
	server_set_health(servers[1], SERVER_DOWN);
	for (unsigned i = 0; i < 10; i++) {
		unsigned a = pick(p), b = pick(p);

		ck_assert(a != b && a != 1 && b != 1);
	}
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(roundrobin_is_smooth)
{
	static const unsigned expected[] = { 0, 0, 1, 0, 2, 0, 0 };
	struct pool *p;

	make(3);
	servers[0]->weight = 5;
	servers[1]->weight = servers[2]->weight = 1;
	p = pool_new(&balance_roundrobin, servers, backup, 3);
	for (unsigned i = 0; i < 70; i++)
		ck_assert_uint_eq(pick(p), expected[i % 7]);
	pool_unref(p);
	unmake();
}
END_TEST

/* In as many turns as the weights' sum, each server has its weight exactly, wherever it
 * begins, and whoever came and went before. */
START_TEST(roundrobin_is_exact)
{
	unsigned sum = 0, chosen[SERVERS] = { 0 }, n;
	struct pool *p;

	seed = (uint64_t)_i + 1;
	n = 1 + draw(8);
	make(n);
	for (unsigned i = 0; i < n; i++) {
		servers[i]->weight = 1 + draw(20);
		sum += servers[i]->weight;
	}
	p = pool_new(&balance_roundrobin, servers, backup, n);
	for (unsigned i = draw(50); i > 0; i--)
		pick(p);
	for (unsigned i = 0; i < sum; i++)
		chosen[pick(p)]++;
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(chosen[i], servers[i]->weight);
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(leastconn_idle_is_in_turn)
{
	struct pool *p;

	make(3);
	p = pool_new(&balance_leastconn, servers, backup, 3);
	for (unsigned i = 0; i < 30; i++)
		ck_assert_uint_eq(pick(p), i % 3);
	pool_unref(p);
	unmake();
}
END_TEST

/* Against the rule itself: nobody's active/weight is below that of the chosen one. */
START_TEST(leastconn_chooses_the_least)
{
	struct server *held[400];
	unsigned n_held = 0, n;
	struct pool *p;

	seed = (uint64_t)_i + 1;
	n = 2 + draw(6);
	make(n);
	for (unsigned i = 0; i < n; i++)
		servers[i]->weight = 1 + draw(256);
	p = pool_new(&balance_leastconn, servers, backup, n);
	for (unsigned step = 0; step < 1000; step++) {
		struct server *s;
		uint64_t before;

		if (n_held == 400 || (n_held && draw(5) < 2)) {
			unsigned k = draw(n_held);

			pool_release(held[k], 0);
			held[k] = held[--n_held];
			continue;
		}
		s = pool_pick(p, &no_key);
		before = stats_get(s->stats->active) - 1;
		for (unsigned i = 0; i < n; i++) {
			uint64_t active = stats_get(servers[i]->stats->active);

			active -= servers[i] == s;
			ck_assert(before * servers[i]->weight <= active * s->weight);
		}
		held[n_held++] = s;
	}
	while (n_held)
		pool_release(held[--n_held], 0);
	pool_unref(p);
	unmake();
}
END_TEST

static struct server *of_client(struct pool *p, unsigned client)
{
	char text[32];
	struct pool_key key;
	struct addr a;
	struct server *s;

	snprintf(text, sizeof(text), "10.%u.%u.%u:4000", client >> 16 & 255, client >> 8 & 255,
		 client & 255);
	ck_assert_ptr_null(addr_parse(&a, str_of(text)));
	key = (struct pool_key){ .hash = addr_hash_host(&a), .has_hash = true };
	s = pool_pick(p, &key);
	ck_assert_ptr_nonnull(s);
	pool_release(s, 0);
	return s;
}

#define CLIENTS 6000u

START_TEST(source_keeps_clients_and_spreads_them)
{
	unsigned n = 2 + (unsigned)_i, clients[SERVERS] = { 0 };
	struct pool *p;

	make(n);
	p = pool_new(&balance_source, servers, backup, n);
	for (unsigned c = 0; c < CLIENTS; c++) {
		struct server *s = of_client(p, c);

		clients[index_of(s)]++;
		ck_assert_ptr_eq(of_client(p, c), s);
	}
	/* A share of k clients is k +- some square roots of k. */
	for (unsigned i = 0; i < n; i++) {
		double share = (double)CLIENTS / n, off = clients[i] - share;

		ck_assert_msg(off * off < 25 * share, "server %u of %u has %u clients", i, n,
			      clients[i]);
	}
	pool_unref(p);
	unmake();
}
END_TEST

START_TEST(source_follows_weights)
{
	unsigned clients[3] = { 0 };
	struct pool *p;

	make(3);
	servers[0]->weight = 10;
	servers[1]->weight = 30;
	servers[2]->weight = 60;
	p = pool_new(&balance_source, servers, backup, 3);
	for (unsigned c = 0; c < CLIENTS; c++)
		clients[index_of(of_client(p, c))]++;
	for (unsigned i = 0; i < 3; i++) {
		double share = (double)CLIENTS * servers[i]->weight / 100;
		double off = clients[i] - share;

		ck_assert_msg(off * off < 16 * share, "weight %u has %u clients",
			      servers[i]->weight, clients[i]);
	}
	pool_unref(p);
	unmake();
}
END_TEST

/* When a server goes, its own clients move and nobody else's; when it comes back, all is as
 * before. So about 1/n of them move. */
START_TEST(source_moves_only_what_it_must)
{
	static struct server *before[CLIENTS];
	unsigned n, gone, moved = 0;
	struct pool *p;

	seed = (uint64_t)_i + 1;
	n = 2 + draw(10);
	make(n);
	gone = draw(n);
	for (unsigned i = 0; i < n; i++)
		servers[i]->weight = _i % 2 ? 1 + draw(200) : 100;
	p = pool_new(&balance_source, servers, backup, n);
	for (unsigned c = 0; c < CLIENTS; c++)
		before[c] = of_client(p, c);
	server_set_health(servers[gone], SERVER_DOWN);
	for (unsigned c = 0; c < CLIENTS; c++) {
		if (before[c] == servers[gone])
			moved++;
		else
			ck_assert_ptr_eq(of_client(p, c), before[c]);
	}
	if (_i % 2 == 0)
		ck_assert_msg(moved < CLIENTS / n * 5 / 4, "%u of %u moved", moved, n);
	server_set_health(servers[gone], SERVER_UP);
	for (unsigned c = 0; c < CLIENTS; c++)
		ck_assert_ptr_eq(of_client(p, c), before[c]);
	pool_unref(p);
	unmake();
}
END_TEST

/* More weight for one server only draws clients to it. */
START_TEST(source_weight_moves_only_to_the_heavier)
{
	static struct server *before[CLIENTS];
	struct pool *p;

	make(5);
	p = pool_new(&balance_source, servers, backup, 5);
	for (unsigned c = 0; c < CLIENTS; c++)
		before[c] = of_client(p, c);
	servers[3]->weight = 180;
	for (unsigned c = 0; c < CLIENTS; c++) {
		struct server *s = of_client(p, c);

		ck_assert(s == before[c] || s == servers[3]);
	}
	pool_unref(p);
	unmake();
}
END_TEST

/* Another node reads another order, and other servers' names come before; the choice stays,
 * in this version and the next. */
START_TEST(source_is_the_same_everywhere)
{
	struct server *turned[6];
	struct pool *p, *q;
	uint64_t sum = 0;

	make(6);
	for (unsigned i = 0; i < 6; i++)
		turned[i] = servers[5 - i];
	p = pool_new(&balance_source, servers, backup, 6);
	q = pool_new(&balance_source, turned, backup, 6);
	for (unsigned c = 0; c < CLIENTS; c++) {
		struct server *s = of_client(p, c);

		ck_assert_ptr_eq(of_client(q, c), s);
		sum = hash_pair(sum, index_of(s));
	}
	ck_assert_msg(sum == 0x7a3de9cd931cde2cull,
		      "clients of a mixed pair of versions would change their server: %#llx",
		      (unsigned long long)sum);
	pool_unref(p);
	pool_unref(q);
	unmake();
}
END_TEST

struct stress {
	struct pool *pools[2];
	_Atomic bool over;
	_Atomic unsigned picks;
};

static void *stress_worker(void *arg)
{
	struct stress *s = arg;
	uint64_t mine = (uint64_t)(uintptr_t)&mine;
	struct server *held[16] = { NULL };

	for (unsigned i = 0; i < 20000; i++) {
		struct pool_key key;
		unsigned at;

		mine = hash_mix(mine + 1);
		at = (unsigned)(mine % 16);
		if (held[at])
			pool_release(held[at], 0);
		key = (struct pool_key){ .hash = mine,
					 .has_hash = mine % 3,
					 .exclude = &held[(at + 1) % 16],
					 .n_exclude = held[(at + 1) % 16] ? 1 : 0 };
		held[at] = pool_pick(s->pools[mine >> 60 & 1], &key);
		s->picks += held[at] != NULL;
	}
	for (unsigned i = 0; i < 16; i++)
		if (held[i])
			pool_release(held[i], 0);
	return NULL;
}

static void *stress_health(void *arg)
{
	struct stress *s = arg;

	for (unsigned i = 0; !s->over; i++) {
		server_set_health(servers[i % made], i % 3 ? SERVER_UP : SERVER_DOWN);
		atomic_store(&servers[i % made]->weight, i % 100);
		atomic_store(&servers[i % made]->admin, i % 7 ? SERVER_READY : SERVER_DRAIN);
		pool_eligible(s->pools[0]);
	}
	return NULL;
}

/* Workers with two pools of the same servers (a reload under way), while health changes. */
START_TEST(threads)
{
	struct stress s = { .picks = 0 };
	pthread_t workers[4], health;

	make(5);
	backup[4] = true;
	s.pools[0] = pool_new(balancers[_i], servers, backup, 5);
	s.pools[1] = pool_new(balancers[_i], servers, backup, 5);
	ck_assert_int_eq(pthread_create(&health, NULL, stress_health, &s), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&workers[i], NULL, stress_worker, &s), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(workers[i], NULL);
	s.over = true;
	pthread_join(health, NULL);
	ck_assert_uint_gt(s.picks, 0);
	pool_unref(s.pools[0]);
	pool_unref(s.pools[1]);
	unmake();
}
END_TEST

static void *roundrobin_worker(void *arg)
{
	struct pool *p = arg;

	for (unsigned i = 0; i < 3000; i++) {
		struct server *s = pool_pick(p, &no_key);

		stats_add(s->stats->requests, 1);
		pool_release(s, 0);
	}
	return NULL;
}

/* Exact across workers, not only for each. */
START_TEST(roundrobin_is_exact_across_threads)
{
	pthread_t workers[4];
	struct pool *p;

	make(4);
	p = pool_new(&balance_roundrobin, servers, backup, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&workers[i], NULL, roundrobin_worker, p), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(workers[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(stats_get(servers[i]->stats->requests), 3000);
	pool_unref(p);
	unmake();
}
END_TEST

static void add_pool_tests(TCase *t)
{
	tcase_add_test(t, kinds);
	tcase_add_loop_test(t, nobody_is_eligible, 0, BALANCERS);
	tcase_add_loop_test(t, new_server_waits_for_its_check, 0, BALANCERS);
	tcase_add_loop_test(t, backups_only_when_no_other, 0, BALANCERS);
	tcase_add_loop_test(t, tried_ones_are_passed_over, 0, BALANCERS);
	tcase_add_loop_test(t, what_is_picked_is_counted, 0, BALANCERS);
	tcase_add_loop_test(t, the_second_backup_when_the_first_was_tried, 0, BALANCERS);
	tcase_add_test(t, all_backups_where_that_is_wanted);
	tcase_add_test(t, slow_start_grows_evenly);
	tcase_add_loop_test(t, slow_start_holds_for_weights, 0, 4);
	tcase_add_test(t, counters_on_a_board);
	tcase_add_test(t, name_too_long);
	tcase_add_loop_test(t, threads, 0, BALANCERS);
}

static void add_algorithm_tests(TCase *t)
{
	tcase_add_test(t, roundrobin_in_turn);
	tcase_add_test(t, roundrobin_is_smooth);
	tcase_add_loop_test(t, roundrobin_is_exact, 0, 40);
	tcase_add_test(t, roundrobin_is_exact_across_threads);
	tcase_add_test(t, leastconn_idle_is_in_turn);
	tcase_add_loop_test(t, leastconn_chooses_the_least, 0, 40);
	tcase_add_loop_test(t, source_keeps_clients_and_spreads_them, 0, 10);
	tcase_add_test(t, source_follows_weights);
	tcase_add_loop_test(t, source_moves_only_what_it_must, 0, 12);
	tcase_add_test(t, source_weight_moves_only_to_the_heavier);
	tcase_add_test(t, source_is_the_same_everywhere);
}

int main(void)
{
	Suite *s = suite_create("balance pool");
	TCase *t = tcase_create("pool");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	add_pool_tests(t);
	add_algorithm_tests(t);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
