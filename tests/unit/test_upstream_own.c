/* Whose connections are whose, and when they go: another server's, a client's own, those of a
 * server that is out, those that a server announced to close. The clock is the test's own. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arrives.h"
#include "base/clock.h"
#include "upstream/upstream.h"

#define IDLE (30 * CLOCK_SEC)

static const struct upstream_way bare = { 0 }, headed = { .header = 2 };
static uint64_t fake_now = 500 * CLOCK_SEC;
static struct loop *loop;
static struct buf_pool buffers;
static struct upstream *up;
static struct upstream_limit limit;
static struct server *server;
static struct list client;
static int listener, me;

uint64_t clock_now_us(void)
{
	return fake_now;
}

uint64_t clock_wall_us(void)
{
	return fake_now;
}

static struct server *server_at(const char *name, const struct addr *a, unsigned slot)
{
	struct server *s = server_new(STR("web"), str_of(name), a, slot, NULL);

	ck_assert_ptr_nonnull(s);
	server_set_health(s, SERVER_UP);
	return s;
}

static void setup(void)
{
	struct addr a;

	alarm(60);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_ptr_null(addr_parse_host(&a, STR("127.0.0.1"), 0));
	ck_assert_int_eq(bind(listener, &a.u.sa, a.len), 0);
	ck_assert_int_eq(listen(listener, 64), 0);
	ck_assert_int_eq(getsockname(listener, &a.u.sa, &a.len), 0);
	loop = loop_new();
	buf_pool_init(&buffers, 4);
	atomic_store(&limit.most, 10000);
	up = upstream_new(loop, &buffers, &limit);
	server = server_at("web1", &a, 0);
	list_init(&client);
}

static void teardown(void)
{
	upstream_close_own(&client);
	upstream_free(up);
	loop_turn(loop, 0);
	loop_free(loop);
	buf_pool_free(&buffers);
	ck_assert_uint_eq(stats_get(server->stats->idle), 0);
	ck_assert_uint_eq(atomic_load(&limit.open), 0);
	ck_assert_uint_eq(atomic_load(&server->references), 1);
	server_unref(server);
	close(listener);
}

static void ready(struct upstream_conn *u)
{
	(void)u;
}

static void turn(void)
{
	loop_turn(loop, 3 * CLOCK_MS);
}

static struct upstream_conn *connected(struct server *s, int *peer)
{
	struct upstream_conn *u = upstream_connect(up, s, &bare, STR_NONE, &me, ready);

	ck_assert_ptr_nonnull(u);
	while (conn_connected(&u->conn) == CONN_AGAIN)
		turn();
	ck_assert_int_eq(conn_connected(&u->conn), CONN_OK);
	arrives(listener, POLLIN);
	*peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(*peer, 0);
	turn();
	return u;
}

static struct upstream_conn *held(struct server *s, int *peer)
{
	struct upstream_conn *u = connected(s, peer);

	u->authenticated = true;
	upstream_keep_own(u, IDLE, &client);
	return u;
}

static struct upstream_conn *reuse(struct server *s)
{
	return upstream_reuse(up, s, &bare, IDLE, &me, ready);
}

static struct upstream_conn *reuse_own(struct list *whose, struct server *s)
{
	return upstream_reuse_own(whose, s, &bare, IDLE, &me, ready);
}

static bool peer_sees_end(int peer)
{
	char byte;
	ssize_t n = recv(peer, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- 94 ---- */

/* The same name in the same backend and slot, as a reload makes it, with another address. */
START_TEST(h94_another_address_is_another_server)
{
	struct server *moved;
	struct addr a;
	int peer;

	upstream_keep(connected(server, &peer), IDLE);
	ck_assert_ptr_null(addr_parse(&a, STR("127.0.0.2:1")));
	moved = server_at("web1", &a, server->slot);
	ck_assert_ptr_null(reuse(moved));
	ck_assert_ptr_null(reuse_own(&client, moved));
	atomic_store(&server->retired, fake_now);
	upstream_prune(up);
	ck_assert(peer_sees_end(peer));
	server_unref(moved);
	close(peer);
}
END_TEST

/* ---- 95 ---- */

START_TEST(h95_an_authenticated_connection_is_its_clients_alone)
{
	struct upstream_conn *u;
	struct list another;
	int peer;

	list_init(&another);
	u = held(server, &peer);
	ck_assert_uint_eq(stats_get(server->stats->idle), 1);
	ck_assert_ptr_null(reuse(server));
	ck_assert_ptr_null(reuse_own(&another, server));
	turn();
	ck_assert_ptr_eq(reuse_own(&client, server), u);
	ck_assert(u->reused && u->user == &me);
	ck_assert_ptr_null(reuse_own(&client, server));
	ck_assert_uint_eq(stats_get(server->stats->idle), 0);
	upstream_keep_own(u, IDLE, &client);
	upstream_close_own(&client);
	ck_assert(peer_sees_end(peer));
	close(peer);
}
END_TEST

/* On another one the client would be nobody. */
START_TEST(h95_it_is_taken_also_when_others_would_be_too_old)
{
	struct upstream_conn *u;
	int peer;

	u = held(server, &peer);
	fake_now += 5 * CLOCK_SEC;
	turn();
	ck_assert_ptr_eq(upstream_reuse_own(&client, server, &bare, CLOCK_SEC, &me, ready), u);
	u->authenticated = false;
	u->way.header = 2;
	upstream_keep_own(u, IDLE, &client);
	fake_now += 5 * CLOCK_SEC;
	turn();
	ck_assert_ptr_null(upstream_reuse_own(&client, server, &headed, CLOCK_SEC, &me, ready));
	ck_assert_ptr_null(upstream_reuse_own(&client, server, &bare, IDLE, &me, ready));
	close(peer);
}
END_TEST

enum end { BY_SERVER, BY_NOISE, BY_TIME, BY_PRUNING, BY_RETIRING, BY_MAINT, ENDS };

START_TEST(h95_a_held_connection_ends_like_another)
{
	int peer;
	struct upstream_conn *u = held(server, &peer);

	if (_i == BY_SERVER)
		shutdown(peer, SHUT_WR);
	if (_i == BY_NOISE)
		ck_assert_int_eq(write(peer, "x", 1), 1);
	if (_i == BY_SERVER || _i == BY_NOISE)
		arrives(u->conn.io.fd, POLLIN);
	if (_i == BY_TIME)
		fake_now += IDLE + LOOP_TICK_US;
	if (_i == BY_PRUNING)
		server_set_health(server, SERVER_DOWN);
	if (_i == BY_RETIRING)
		atomic_store(&server->retired, fake_now);
	if (_i == BY_MAINT)
		atomic_store(&server->admin, SERVER_MAINT);
	turn();
	upstream_prune(up);
	ck_assert(list_empty(&client));
	ck_assert(peer_sees_end(peer));
	ck_assert_uint_eq(stats_get(server->stats->idle), 0);
	close(peer);
}
END_TEST

START_TEST(h95_noise_in_the_turn_that_freed_it_is_found_too)
{
	int peer;
	struct upstream_conn *u = held(server, &peer);

	ck_assert_int_eq(write(peer, "x", 1), 1);
	arrives(u->conn.io.fd, POLLIN);
	ck_assert_ptr_null(reuse_own(&client, server));
	ck_assert(list_empty(&client));
	close(peer);
}
END_TEST

START_TEST(h95_a_client_holds_few_and_one_a_server)
{
	struct server *s[UPSTREAM_OWN_MAX + 1];
	int peer[UPSTREAM_OWN_MAX + 2];
	char name[8] = "web0";

	for (unsigned i = 0; i <= UPSTREAM_OWN_MAX; i++) {
		name[3]++;
		s[i] = server_at(name, &server->addr, 10 + i);
		held(s[i], &peer[i]);
	}
	ck_assert(peer_sees_end(peer[0]));
	for (unsigned i = 1; i <= UPSTREAM_OWN_MAX; i++)
		ck_assert(!peer_sees_end(peer[i]));
	held(s[2], &peer[UPSTREAM_OWN_MAX + 1]);
	ck_assert(peer_sees_end(peer[2]));
	ck_assert(!peer_sees_end(peer[UPSTREAM_OWN_MAX + 1]));
	ck_assert(!peer_sees_end(peer[1]));
	upstream_close_own(&client);
	turn();
	for (unsigned i = 0; i <= UPSTREAM_OWN_MAX; i++)
		server_unref(s[i]);
	for (unsigned i = 0; i <= UPSTREAM_OWN_MAX + 1; i++)
		close(peer[i]);
}
END_TEST

/* ---- 96 ---- */

enum fate { SERVES, DOWN, RETIRED, MAINTAINED, DRAINS, FATES };

static void meet_fate(enum fate f)
{
	if (f == DOWN)
		server_set_health(server, SERVER_DOWN);
	if (f == RETIRED)
		atomic_store(&server->retired, fake_now);
	if (f == MAINTAINED)
		atomic_store(&server->admin, SERVER_MAINT);
	if (f == DRAINS)
		atomic_store(&server->admin, SERVER_DRAIN);
}

START_TEST(h96_idle_connections_go_with_their_server)
{
	bool stays = _i == SERVES || _i == DRAINS;
	int peer[2];

	upstream_keep(connected(server, &peer[0]), IDLE);
	meet_fate((enum fate)_i);
	upstream_prune(up);
	ck_assert(peer_sees_end(peer[0]) == !stays);
	/* One that comes back later is not kept either. */
	upstream_keep(connected(server, &peer[1]), IDLE);
	ck_assert(peer_sees_end(peer[1]) == !stays);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

/* ---- 97 ---- */

START_TEST(h97_each_has_its_own_time)
{
	struct upstream_conn *u;
	int peer;

	u = connected(server, &peer);
	upstream_keep(u, 4 * CLOCK_SEC);
	turn();
	fake_now += 4 * CLOCK_SEC - 1;
	ck_assert_ptr_eq(reuse(server), u);
	upstream_keep(u, 4 * CLOCK_SEC);
	loop_turn(loop, 0);
	fake_now += 4 * CLOCK_SEC; /* and no turn, in which its timer could have closed it */
	loop_now_exact(loop);
	ck_assert_ptr_null(reuse(server));
	ck_assert(peer_sees_end(peer));
	close(peer);
}
END_TEST

/* ---- descriptors ---- */

START_TEST(when_they_are_used_up_the_longest_idle_goes)
{
	struct upstream_conn *busy;
	int peer[4];

	upstream_keep(connected(server, &peer[0]), IDLE);
	held(server, &peer[1]);
	busy = connected(server, &peer[2]);
	ck_assert_uint_eq(atomic_load(&limit.open), 3);
	atomic_store(&limit.most, 3);
	upstream_close(connected(server, &peer[3]));
	ck_assert(peer_sees_end(peer[0]));
	ck_assert(!peer_sees_end(peer[1]));
	ck_assert(!peer_sees_end(peer[2]));
	atomic_store(&limit.most, 0);
	close(peer[3]);
	upstream_close(connected(server, &peer[3]));
	ck_assert(peer_sees_end(peer[1]));
	ck_assert(!peer_sees_end(peer[2]));
	upstream_close(busy);
	for (unsigned i = 0; i < 4; i++)
		close(peer[i]);
}
END_TEST

/* Other workers may need what is idle here. */
START_TEST(when_too_many_are_open_half_of_the_idle_go_at_a_time)
{
	int peer[5];

	for (unsigned i = 0; i < 5; i++)
		upstream_keep(connected(server, &peer[i]), IDLE);
	atomic_store(&limit.most, 5);
	upstream_prune(up);
	ck_assert_uint_eq(stats_get(server->stats->idle), 5);
	atomic_store(&limit.most, 4);
	upstream_prune(up);
	ck_assert_uint_eq(stats_get(server->stats->idle), 2);
	for (unsigned i = 0; i < 5; i++)
		ck_assert(peer_sees_end(peer[i]) == (i < 3));
	upstream_prune(up);
	ck_assert_uint_eq(stats_get(server->stats->idle), 2);
	for (unsigned i = 0; i < 5; i++)
		close(peer[i]);
}
END_TEST

START_TEST(idle_ones_make_room_when_the_kernel_has_no_more)
{
	struct rlimit before, few;
	struct upstream_conn *u;
	int peer[2], spare[64];
	unsigned n = 0;

	upstream_keep(connected(server, &peer[0]), IDLE);
	upstream_keep(connected(server, &peer[1]), IDLE);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)peer[1] + 8;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while (n < 64 && (spare[n] = dup(0)) >= 0)
		n++;
	ck_assert_uint_lt(n, 64);
	u = upstream_connect(up, server, &bare, STR_NONE, &me, ready);
	ck_assert_ptr_nonnull(u);
	ck_assert_uint_eq(stats_get(server->stats->idle), 1);
	upstream_prune_all(up);
	while (n < 64 && (spare[n] = dup(0)) >= 0)
		n++;
	ck_assert_ptr_null(upstream_connect(up, server, &bare, STR_NONE, &me, ready));
	ck_assert_int_eq(errno, EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	while (n)
		close(spare[--n]);
	upstream_close(u);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream own");
	TCase *t = tcase_create("upstream own");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 90);
	tcase_add_test(t, h94_another_address_is_another_server);
	tcase_add_test(t, h95_an_authenticated_connection_is_its_clients_alone);
	tcase_add_test(t, h95_it_is_taken_also_when_others_would_be_too_old);
	tcase_add_loop_test(t, h95_a_held_connection_ends_like_another, 0, ENDS);
	tcase_add_test(t, h95_noise_in_the_turn_that_freed_it_is_found_too);
	tcase_add_test(t, h95_a_client_holds_few_and_one_a_server);
	tcase_add_loop_test(t, h96_idle_connections_go_with_their_server, 0, FATES);
	tcase_add_test(t, h97_each_has_its_own_time);
	tcase_add_test(t, when_they_are_used_up_the_longest_idle_goes);
	tcase_add_test(t, when_too_many_are_open_half_of_the_idle_go_at_a_time);
	tcase_add_test(t, idle_ones_make_room_when_the_kernel_has_no_more);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
