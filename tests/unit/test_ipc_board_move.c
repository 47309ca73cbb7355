#include "ipc/board_move.h"

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct board_proxy *old, *fresh;
static int old_fd, fresh_fd;

static void set_up(void)
{
	void *map;

	old_fd = board_create("old", sizeof(*old), &map);
	old = map;
	fresh_fd = board_create("fresh", sizeof(*fresh), &map);
	fresh = map;
	ck_assert_int_ge(old_fd, 0);
	ck_assert_int_ge(fresh_fd, 0);
}

static void tear_down(void)
{
	munmap(old, sizeof(*old));
	munmap(fresh, sizeof(*fresh));
	close(old_fd);
	close(fresh_fd);
}

static struct board_server *server(struct board_proxy *b, const char *name)
{
	int at = board_server_slot(b, STR("main"), str_of(name), STR("127.0.0.1:1"));

	ck_assert_int_ge(at, 0);
	stats_set(b->servers[at].current, BOARD_CURRENT);
	return &b->servers[at];
}

START_TEST(a_copy_keeps_what_is_known_and_counts_from_zero)
{
	struct board_server *s = server(old, "one");

	stats_set(s->health, BOARD_SERVER_DOWN);
	stats_set(s->admin, BOARD_ADMIN_DRAIN);
	stats_set(s->weight, 7);
	stats_set(s->stats.requests, 5);
	stats_set(s->stats.active, 2);
	stats_set(old->worker[0].beat_us, 99);
	ck_assert(board_copy(old_fd, fresh, sizeof(*fresh)));
	board_proxy_renew(fresh);
	s = server(fresh, "one");
	ck_assert_uint_eq(stats_get(s->health), BOARD_SERVER_DOWN);
	ck_assert_uint_eq(stats_get(s->admin), BOARD_ADMIN_DRAIN);
	ck_assert_uint_eq(stats_get(s->weight), 7);
	ck_assert_uint_eq(stats_get(s->stats.requests), 0);
	ck_assert_uint_eq(stats_get(s->stats.active), 0);
	ck_assert_uint_eq(stats_get(fresh->worker[0].beat_us), 0);
	/* Until it is decided, the old one has everything still. */
	ck_assert_uint_eq(stats_get(server(old, "one")->stats.requests), 5);
}
END_TEST

/* A reload has given the slots to others: names say who is who. */
START_TEST(counters_go_to_whose_they_are)
{
	struct board_server *first = server(old, "one"), *second = server(old, "two");
	struct board_server *there = server(fresh, "two"), *other = server(fresh, "three");

	stats_set(first->stats.requests, 5);
	stats_set(second->stats.requests, 6);
	stats_set(second->stats.idle, 3);
	stats_set(there->stats.requests, 10);
	stats_set(old->stats.log_lines, 4);
	board_proxy_move(old, fresh);
	ck_assert_uint_eq(stats_get(there->stats.requests), 16);
	ck_assert_uint_eq(stats_get(there->stats.idle), 0);
	ck_assert_uint_eq(stats_get(other->stats.requests), 0);
	ck_assert_uint_eq(stats_get(fresh->stats.log_lines), 4);
	ck_assert_uint_eq(stats_get(first->stats.requests), 0);
	board_proxy_move(old, fresh);
	ck_assert_uint_eq(stats_get(there->stats.requests), 16);
}
END_TEST

static unsigned frontend_of(struct board_proxy *b, const char *name)
{
	return (unsigned)board_frontend_slot(b, str_of(name));
}

static unsigned backend_of(struct board_proxy *b, const char *name)
{
	return (unsigned)board_backend_slot(b, str_of(name));
}

START_TEST(roads_and_latencies_follow_their_names)
{
	unsigned f, k, f_there, k_there;

	frontend_of(fresh, "another");
	backend_of(fresh, "another");
	f = frontend_of(old, "front");
	k = backend_of(old, "main");
	f_there = frontend_of(fresh, "front");
	k_there = backend_of(fresh, "main");
	ck_assert_uint_ne(f, f_there);
	ck_assert_uint_ne(k, k_there);
	stats_set(old->roads[f][k].open, 1);
	stats_set(old->roads[f][k].codes[BOARD_2XX], 8);
	stats_set(old->roads[f][BOARD_NOWHERE].codes[BOARD_4XX], 2);
	stats_set(old->frontends[f].stats.requests, 10);
	latency_add(&old->backends[k].latency, 3000);
	board_proxy_move(old, fresh);
	ck_assert_uint_eq(stats_get(fresh->roads[f_there][k_there].codes[BOARD_2XX]), 8);
	ck_assert_uint_eq(stats_get(fresh->roads[f_there][BOARD_NOWHERE].codes[BOARD_4XX]), 2);
	ck_assert_uint_eq(stats_get(fresh->frontends[f_there].stats.requests), 10);
	ck_assert_uint_eq(stats_get(fresh->backends[k_there].latency.sum_us), 3000);
	ck_assert_uint_eq(stats_get(old->backends[k].latency.sum_us), 0);
}
END_TEST

START_TEST(buckets_stay_and_connections_go)
{
	void *map;
	int from_fd = board_create("from", sizeof(struct board_limits), &map), to_fd, at;
	struct board_limits *from = map, *to;
	struct stat st;

	to_fd = board_create("to", sizeof(struct board_limits), &map);
	to = map;
	at = board_limit_slot(from, STR("front"), STR("all"));
	stats_set(from->limits[at].stats.refused, 3);
	stats_set(from->touched[0], 1);
	stats_set(from->sets[0].owner[2], 77);
	stats_set(from->sets[0].arrival[2], 1234);
	stats_set(from->sets[0].note[2].connections, 1);
	ck_assert(board_copy(from_fd, to, sizeof(*to)));
	board_limits_renew(to);
	/* Sets that were never used take no memory. */
	ck_assert_int_eq(fstat(to_fd, &st), 0);
	ck_assert_int_lt(st.st_blocks * 512, 1 << 20);
	ck_assert_uint_eq(stats_get(to->sets[0].owner[2]), 77);
	ck_assert_uint_eq(stats_get(to->sets[0].arrival[2]), 1234);
	ck_assert_uint_eq(stats_get(to->sets[0].note[2].connections), 0);
	ck_assert_uint_eq(stats_get(to->limits[at].stats.refused), 0);
	board_limits_move(from, to);
	ck_assert_uint_eq(stats_get(to->limits[at].stats.refused), 3);
	ck_assert_uint_eq(stats_get(from->limits[at].stats.refused), 0);
	munmap(from, sizeof(*from));
	munmap(to, sizeof(*to));
	close(from_fd);
	close(to_fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("board_move");
	TCase *t = tcase_create("board_move");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_copy_keeps_what_is_known_and_counts_from_zero);
	tcase_add_test(t, counters_go_to_whose_they_are);
	tcase_add_test(t, roads_and_latencies_follow_their_names);
	tcase_add_test(t, buckets_stay_and_connections_go);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
