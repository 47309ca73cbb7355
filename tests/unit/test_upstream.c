/* Connections to servers: which one is taken again, when an idle one goes, who is told. The
 * clock is the test's own (clock_now_us() below stands in for the one of base/). */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arrives.h"
#include "base/clock.h"
#include "upstream/upstream.h"

#define IDLE (30 * CLOCK_SEC)

static const struct upstream_way bare = { 0 }, headed = { .header = 2 };
static const struct upstream_way other_header = { .header = 1 };
static uint64_t fake_now = 500 * CLOCK_SEC;
static struct loop *loop;
static struct buf_pool buffers;
static struct upstream *up;
static struct upstream_limit limit;
static struct server *server;
static int listener;
static unsigned calls;
static struct upstream_conn *called;
static int me, other; /* users */

uint64_t clock_now_us(void)
{
	return fake_now;
}

uint64_t clock_wall_us(void)
{
	return fake_now;
}

static int listen_on(struct addr *a)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_ptr_null(addr_parse_host(a, STR("127.0.0.1"), 0));
	ck_assert_int_eq(bind(fd, &a->u.sa, a->len), 0);
	ck_assert_int_eq(listen(fd, 512), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &a->len), 0);
	return fd;
}

static struct server *server_up(const struct addr *a, unsigned slot)
{
	struct server *s = server_new(STR("web"), STR("web1"), a, slot, NULL);

	ck_assert_ptr_nonnull(s);
	server_set_health(s, SERVER_UP);
	return s;
}

static void setup(void)
{
	struct addr a;

	alarm(60);
	listener = listen_on(&a);
	loop = loop_new();
	buf_pool_init(&buffers, 4);
	atomic_store(&limit.most, 10000);
	up = upstream_new(loop, &buffers, &limit);
	server = server_up(&a, 3);
	ck_assert(loop && up);
}

static void turn(void)
{
	loop_turn(loop, 3 * CLOCK_MS);
}

static void teardown(void)
{
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
	calls++;
	called = u;
}

static void ready_close(struct upstream_conn *u)
{
	calls++;
	upstream_close(u);
}

/* A connection in use, and the server's end of it. */
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
	ck_assert(!u->reused);
	ck_assert_ptr_eq(u->user, &me);
	turn();
	return u;
}

static struct upstream_conn *kept(int *peer)
{
	struct upstream_conn *u = connected(server, peer);

	upstream_keep(u, IDLE);
	return u;
}

static struct upstream_conn *reuse(void)
{
	return upstream_reuse(up, server, &bare, IDLE, &other, ready);
}

static void say(struct upstream_conn *u, int peer)
{
	ck_assert_int_eq(write(peer, "x", 1), 1);
	arrives(u->conn.io.fd, POLLIN);
}

/* It is closed by now. */
static bool peer_sees_end(int peer)
{
	char byte;
	ssize_t n;

	arrives(peer, POLLIN);
	n = recv(peer, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static uint64_t idle(void)
{
	return stats_get(server->stats->idle);
}

/* ---- connecting ---- */

START_TEST(who_asked_hears_of_the_connection)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	ck_assert_uint_ge(calls, 1);
	ck_assert_ptr_eq(called, u);
	ck_assert_uint_eq(stats_get(server->stats->connects), 1);
	ck_assert_uint_eq(atomic_load(&server->references), 2);
	calls = 0;
	say(u, peer);
	turn();
	ck_assert_uint_eq(calls, 1);
	upstream_close(u);
	ck_assert(peer_sees_end(peer));
	close(peer);
}
END_TEST

START_TEST(a_refusal_is_heard_too)
{
	struct upstream_conn *u;

	close(listener);
	u = upstream_connect(up, server, &bare, STR_NONE, &me, ready);
	if (u) {
		for (unsigned i = 0; i < 4000 && !calls; i++)
			turn();
		ck_assert_uint_eq(calls, 1);
		ck_assert_int_eq(conn_connected(&u->conn), CONN_FAIL);
		errno = u->conn.error;
		upstream_close(u);
	}
	ck_assert_int_eq(errno, ECONNREFUSED);
	turn();
	ck_assert_uint_eq(atomic_load(&server->references), 1);
}
END_TEST

START_TEST(what_cannot_even_start_has_an_errno)
{
	struct addr a;
	struct server *s;

	ck_assert_ptr_null(addr_parse(&a, STR("unix:/nowhere/at/all")));
	s = server_up(&a, 5);
	ck_assert_ptr_null(upstream_connect(up, s, &bare, STR_NONE, &me, ready));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_uint_eq(atomic_load(&s->references), 1);
	ck_assert_uint_eq(stats_get(s->stats->connects), 0);
	server_unref(s);
}
END_TEST

START_TEST(it_may_be_closed_when_it_is_heard_of)
{
	struct upstream_conn *u = upstream_connect(up, server, &bare, STR_NONE, &me, ready_close);

	ck_assert_ptr_nonnull(u);
	for (unsigned i = 0; i < 20 || (i < 4000 && !calls); i++)
		turn();
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(atomic_load(&server->references), 1);
}
END_TEST

START_TEST(closed_it_stays_in_memory_to_the_end_of_the_turn)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	u->in = buf_get(&buffers);
	upstream_close(u);
	ck_assert_ptr_null(u->user);
	ck_assert_ptr_null(u->in);
	ck_assert(!conn_is_open(&u->conn));
	upstream_close(u);
	ck_assert_uint_eq(atomic_load(&server->references), 2);
	ck_assert_uint_eq(buffers.n_free, 1);
	turn();
	ck_assert_uint_eq(atomic_load(&server->references), 1);
	close(peer);
}
END_TEST

/* ---- reuse ---- */

START_TEST(the_last_used_is_taken_first)
{
	struct upstream_conn *u[3], *again;
	int peer[3];

	ck_assert_ptr_null(reuse());
	for (unsigned i = 0; i < 3; i++)
		u[i] = connected(server, &peer[i]);
	upstream_keep(u[1], IDLE);
	upstream_keep(u[0], IDLE);
	upstream_keep(u[2], IDLE);
	ck_assert_uint_eq(idle(), 3);
	again = reuse();
	ck_assert_ptr_eq(again, u[2]);
	ck_assert(again->reused);
	ck_assert_ptr_eq(again->user, &other);
	ck_assert_ptr_eq(reuse(), u[0]);
	ck_assert_ptr_eq(reuse(), u[1]);
	ck_assert_ptr_null(reuse());
	ck_assert_uint_eq(idle(), 0);
	ck_assert_uint_eq(stats_get(server->stats->reuses), 3);
	ck_assert_uint_eq(stats_get(server->stats->connects), 3);
	calls = 0;
	say(u[0], peer[0]);
	turn();
	ck_assert_uint_eq(calls, 1);
	ck_assert_ptr_eq(called, u[0]);
	for (unsigned i = 0; i < 3; i++) {
		upstream_close(u[i]);
		close(peer[i]);
	}
}
END_TEST

START_TEST(keeping_gives_the_buffer_back)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	u->in = buf_get(&buffers);
	upstream_keep(u, IDLE);
	ck_assert_ptr_null(u->in);
	ck_assert_ptr_null(u->user);
	ck_assert_uint_eq(buffers.n_free, 1);
	close(peer);
}
END_TEST

START_TEST(one_that_was_idle_too_long_for_this_request_is_left)
{
	int peer;
	struct upstream_conn *u = kept(&peer);

	fake_now += 5 * CLOCK_SEC;
	turn();
	ck_assert_ptr_null(upstream_reuse(up, server, &bare, 5 * CLOCK_SEC, &me, ready));
	ck_assert_ptr_null(upstream_reuse(up, server, &bare, 0, &me, ready));
	ck_assert_uint_eq(idle(), 1);
	ck_assert_ptr_eq(upstream_reuse(up, server, &bare, 5 * CLOCK_SEC + 1, &me, ready), u);
	upstream_close(u);
	close(peer);
}
END_TEST

START_TEST(servers_do_not_share_connections)
{
	struct server *far = server_up(&server->addr, CONF_MAX_SERVERS - 1);
	struct upstream_conn *near_conn, *far_conn;
	int peer[2];

	near_conn = connected(server, &peer[0]);
	far_conn = connected(far, &peer[1]);
	upstream_keep(near_conn, IDLE);
	upstream_keep(far_conn, IDLE);
	ck_assert_ptr_eq(upstream_reuse(up, server, &bare, IDLE, &me, ready), near_conn);
	ck_assert_ptr_null(upstream_reuse(up, server, &bare, IDLE, &me, ready));
	ck_assert_ptr_eq(upstream_reuse(up, far, &bare, IDLE, &me, ready), far_conn);
	upstream_close(near_conn);
	upstream_close(far_conn);
	turn();
	server_unref(far);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

/* A reload removed one server and gave its slot to another. */
START_TEST(a_slots_next_server_does_not_get_the_old_ones_connections)
{
	struct server *next;
	struct upstream_conn *old, *fresh;
	int peer[2];

	old = kept(&peer[0]);
	atomic_store(&server->retired, true);
	next = server_up(&server->addr, server->slot);
	ck_assert_ptr_null(upstream_reuse(up, next, &bare, IDLE, &me, ready));
	fresh = connected(next, &peer[1]);
	upstream_keep(fresh, IDLE);
	ck_assert_ptr_eq(upstream_reuse(up, next, &bare, IDLE, &me, ready), fresh);
	ck_assert_ptr_null(upstream_reuse(up, next, &bare, IDLE, &me, ready));
	upstream_keep(fresh, IDLE);
	upstream_prune(up);
	ck_assert(!conn_is_open(&old->conn));
	ck_assert(conn_is_open(&fresh->conn));
	ck_assert_uint_eq(stats_get(next->stats->idle), 1);
	upstream_close(fresh);
	turn();
	ck_assert_uint_eq(atomic_load(&next->references), 1);
	server_unref(next);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

/* ---- how an idle one ends ---- */

START_TEST(idle_time_over_it_is_closed)
{
	char byte;
	int peer;

	kept(&peer);
	fake_now += IDLE - 1;
	turn();
	ck_assert_uint_eq(idle(), 1);
	ck_assert_int_lt(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
	ck_assert_int_eq(errno, EAGAIN);
	fake_now += LOOP_TICK_US;
	turn();
	ck_assert_uint_eq(idle(), 0);
	ck_assert(peer_sees_end(peer));
	ck_assert_ptr_null(reuse());
	close(peer);
}
END_TEST

/* The end of its idle time must not cut what it is used for meanwhile. */
START_TEST(one_in_use_does_not_expire)
{
	int peer;
	struct upstream_conn *u = kept(&peer);

	fake_now += CLOCK_SEC;
	turn();
	ck_assert_ptr_eq(reuse(), u);
	for (unsigned i = 0; i < 10; i++) {
		fake_now += IDLE / 4;
		turn();
		ck_assert(conn_is_open(&u->conn));
		ck_assert_ptr_eq(u->user, &other);
	}
	upstream_keep(u, IDLE);
	fake_now += IDLE - 1;
	turn();
	ck_assert_uint_eq(idle(), 1);
	fake_now += LOOP_TICK_US;
	turn();
	ck_assert_uint_eq(idle(), 0);
	ck_assert(peer_sees_end(peer));
	close(peer);
}
END_TEST

START_TEST(used_now_and_then_it_lives_on)
{
	int peer;
	struct upstream_conn *u = kept(&peer);

	for (unsigned i = 0; i < 20; i++) {
		fake_now += IDLE / 2;
		turn();
		ck_assert_ptr_eq(reuse(), u);
		upstream_keep(u, IDLE);
	}
	/* A shorter time than before counts from now. */
	ck_assert_ptr_eq(reuse(), u);
	upstream_keep(u, CLOCK_SEC);
	fake_now += CLOCK_SEC + LOOP_TICK_US;
	turn();
	ck_assert_uint_eq(idle(), 0);
	close(peer);
}
END_TEST

enum noise { STRAY_BYTES, THE_END, A_RESET, BYTES_AND_END, NOISES };

static void make_noise(enum noise what, struct upstream_conn *u, int peer)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (what == STRAY_BYTES || what == BYTES_AND_END)
		ck_assert_int_eq(write(peer, "HTTP/1.1 408 \r\n\r\n", 17), 17);
	if (what == THE_END || what == BYTES_AND_END)
		shutdown(peer, SHUT_WR);
	if (what == A_RESET) {
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(peer);
	}
	arrives(u->conn.io.fd, what == STRAY_BYTES ? POLLIN : POLLRDHUP);
}

START_TEST(anything_heard_on_an_idle_one_closes_it)
{
	int peer;
	struct upstream_conn *u = kept(&peer);

	calls = 0;
	make_noise((enum noise)_i, u, peer);
	turn();
	ck_assert_uint_eq(idle(), 0);
	ck_assert_ptr_null(reuse());
	ck_assert_uint_eq(calls, 0);
	turn();
	ck_assert_uint_eq(atomic_load(&server->references), 1);
	if (_i != A_RESET) {
		ck_assert(peer_sees_end(peer));
		close(peer);
	}
}
END_TEST

/* The loop had no turn in which it could have told of it. */
START_TEST(noise_in_the_turn_that_freed_it_is_found_too)
{
	struct upstream_conn *u;
	int peer;

	u = connected(server, &peer);
	make_noise((enum noise)_i, u, peer);
	upstream_keep(u, IDLE);
	ck_assert_uint_eq(idle(), 1);
	ck_assert_ptr_null(reuse());
	turn();
	ck_assert_uint_eq(idle(), 0);
	if (_i != A_RESET)
		close(peer);
}
END_TEST

START_TEST(a_quiet_one_is_taken_in_the_turn_that_freed_it)
{
	struct upstream_conn *u[2];
	int peer[2];

	for (unsigned i = 0; i < 2; i++)
		u[i] = connected(server, &peer[i]);
	upstream_keep(u[0], IDLE);
	ck_assert_ptr_eq(reuse(), u[0]);
	upstream_keep(u[0], IDLE);
	turn();
	upstream_keep(u[1], IDLE);
	/* Of two, the one of which the loop would have told spares a call. */
	ck_assert_ptr_eq(reuse(), u[0]);
	ck_assert_ptr_eq(reuse(), u[1]);
	for (unsigned i = 0; i < 2; i++) {
		upstream_close(u[i]);
		close(peer[i]);
	}
}
END_TEST

/* Bytes that nobody asked for were there before it was given back. */
START_TEST(one_with_something_unread_is_not_kept)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	make_noise((enum noise)_i, u, peer);
	turn();
	upstream_keep(u, IDLE);
	ck_assert_uint_eq(idle(), 0);
	ck_assert(!conn_is_open(&u->conn));
	if (_i != A_RESET)
		close(peer);
}
END_TEST

START_TEST(room_to_write_is_no_news)
{
	static char bytes[1 << 16];
	const int small = 8192;
	struct upstream_conn *u;
	struct iovq q;
	size_t n;
	int peer;

	u = connected(server, &peer);
	setsockopt(u->conn.io.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	iovq_init(&q);
	do {
		if (q.bytes == 0)
			ck_assert(iovq_add(&q, (struct str){ bytes, sizeof(bytes) }));
	} while (conn_send(&u->conn, &q, false, &n) == CONN_OK);
	upstream_keep(u, IDLE);
	while (recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0 || !u->conn.can_write)
		turn();
	ck_assert_uint_eq(idle(), 1);
	ck_assert_ptr_eq(reuse(), u);
	upstream_close(u);
	close(peer);
}
END_TEST

START_TEST(no_time_to_be_idle_is_a_close)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	upstream_keep(u, 0);
	ck_assert(!conn_is_open(&u->conn));
	ck_assert_uint_eq(idle(), 0);
	close(peer);
}
END_TEST

/* As a tunnel's that is cut. */
START_TEST(one_that_was_aborted_gives_its_place_back)
{
	struct upstream_conn *u;
	int peer;

	u = connected(server, &peer);
	ck_assert_uint_eq(atomic_load(&limit.open), 1);
	conn_abort(&u->conn);
	upstream_close(u);
	ck_assert_uint_eq(atomic_load(&limit.open), 0);
	close(peer);
}
END_TEST

START_TEST(a_retired_servers_connection_is_not_kept)
{
	int peer;
	struct upstream_conn *u = connected(server, &peer);

	atomic_store(&server->retired, true);
	upstream_keep(u, IDLE);
	ck_assert(!conn_is_open(&u->conn));
	close(peer);
}
END_TEST

enum fate { STAYS, RETIRED, DOWN, STARTING, FATES };

START_TEST(pruning_closes_the_idle_of_servers_that_are_out)
{
	struct upstream_conn *busy, *u;
	int peer[2];

	busy = connected(server, &peer[0]);
	u = kept(&peer[1]);
	if (_i == RETIRED)
		atomic_store(&server->retired, true);
	else if (_i != STAYS)
		server_set_health(server, _i == DOWN ? SERVER_DOWN : SERVER_STARTING);
	upstream_prune(up);
	ck_assert_uint_eq(idle(), _i == STAYS ? 1 : 0);
	ck_assert(conn_is_open(&u->conn) == (_i == STAYS));
	ck_assert(conn_is_open(&busy->conn));
	upstream_prune_all(up);
	ck_assert_uint_eq(idle(), 0);
	ck_assert(conn_is_open(&busy->conn));
	upstream_close(busy);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

/* ---- those that belong to one client ---- */

static struct upstream_conn *kept_own(int *peer, struct list *own, unsigned header)
{
	struct upstream_conn *u = connected(server, peer);

	u->way.header = header;
	upstream_keep_own(u, IDLE, own);
	return u;
}

START_TEST(h94_one_with_a_header_is_its_clients_alone)
{
	struct list mine, theirs;
	struct upstream_conn *u, *plain;
	int peer[2];

	list_init(&mine);
	list_init(&theirs);
	u = kept_own(&peer[0], &mine, 2);
	turn();
	ck_assert_uint_eq(idle(), 1);
	ck_assert_ptr_null(reuse());
	ck_assert_ptr_null(upstream_reuse_own(&theirs, server, &headed, IDLE, &other, ready));
	ck_assert_ptr_null(upstream_reuse_own(&mine, server, &other_header, IDLE, &other, ready));
	/* Nor does a client with a header get one without. */
	plain = kept(&peer[1]);
	ck_assert_ptr_null(upstream_reuse_own(&theirs, server, &headed, IDLE, &other, ready));
	ck_assert_ptr_eq(upstream_reuse_own(&mine, server, &headed, IDLE, &other, ready), u);
	ck_assert(u->reused && list_empty(&mine));
	ck_assert_uint_eq(idle(), 1);
	ck_assert_ptr_null(upstream_reuse_own(&mine, server, &headed, IDLE, &other, ready));
	ck_assert_ptr_eq(reuse(), plain);
	upstream_close(u);
	upstream_close(plain);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

enum { CLIENT_GOES, TIME_IS_OVER, SERVER_SPEAKS, SERVER_IS_DOWN, ENDS };

START_TEST(h94_it_goes_with_its_client_and_as_others_do)
{
	struct upstream_conn *busy;
	struct list mine;
	int peer[2];

	list_init(&mine);
	kept_own(&peer[0], &mine, 1);
	busy = connected(server, &peer[1]);
	turn();
	if (_i == CLIENT_GOES)
		upstream_close_own(&mine);
	else if (_i == TIME_IS_OVER)
		fake_now += IDLE + CLOCK_SEC;
	else if (_i == SERVER_SPEAKS)
		ck_assert_int_eq(write(peer[0], "x", 1), 1);
	else
		server_set_health(server, SERVER_DOWN);
	ck_assert_uint_eq(idle(), _i == CLIENT_GOES ? 0 : 1);
	upstream_prune(up);
	while (idle() && (_i == TIME_IS_OVER || _i == SERVER_SPEAKS))
		turn();
	ck_assert(list_empty(&mine) && idle() == 0);
	ck_assert(peer_sees_end(peer[0]));
	ck_assert(conn_is_open(&busy->conn));
	upstream_close(busy);
	close(peer[0]);
	close(peer[1]);
}
END_TEST

START_TEST(so_many_are_kept_and_no_more)
{
	static struct upstream_conn *u[UPSTREAM_IDLE_MAX + 1];
	static int peer[UPSTREAM_IDLE_MAX + 1];

	for (unsigned i = 0; i <= UPSTREAM_IDLE_MAX; i++)
		u[i] = connected(server, &peer[i]);
	for (unsigned i = 0; i <= UPSTREAM_IDLE_MAX; i++)
		upstream_keep(u[i], IDLE);
	ck_assert_uint_eq(idle(), UPSTREAM_IDLE_MAX);
	ck_assert(!conn_is_open(&u[UPSTREAM_IDLE_MAX]->conn));
	/* One that leaves makes room for one. */
	ck_assert_ptr_eq(reuse(), u[UPSTREAM_IDLE_MAX - 1]);
	upstream_keep(u[UPSTREAM_IDLE_MAX - 1], IDLE);
	ck_assert_uint_eq(idle(), UPSTREAM_IDLE_MAX);
	for (unsigned i = 0; i <= UPSTREAM_IDLE_MAX; i++)
		close(peer[i]);
	for (unsigned i = 0; i < 4000 && idle(); i++)
		turn();
	ck_assert_uint_eq(idle(), 0);
}
END_TEST

/* Any order of uses: what is idle is counted right, and nothing in use is ever closed. */
START_TEST(any_order_of_uses_is_counted_right)
{
	enum { N = 24 };
	struct upstream_conn *in_use[N], *u;
	unsigned n = 0;
	int peer;

	srand(31 + (unsigned)_i);
	for (unsigned step = 0; step < 1500; step++) {
		switch (rand() % 6) {
		case 0:
		case 1:
			if (n == N)
				break;
			u = reuse();
			in_use[n++] = u ? u : connected(server, &peer);
			break;
		case 2:
		case 3:
			if (n == 0)
				break;
			u = in_use[--n];
			upstream_keep(u, 1 + (uint64_t)rand() % (2 * CLOCK_SEC));
			break;
		case 4:
			if (n == 0)
				break;
			upstream_close(in_use[--n]);
			break;
		default:
			fake_now += (uint64_t)rand() % CLOCK_SEC;
			loop_turn(loop, 0);
		}
		for (unsigned i = 0; i < n; i++)
			ck_assert(conn_is_open(&in_use[i]->conn) && in_use[i]->user);
		ck_assert_uint_le(idle(), N);
	}
	loop_turn(loop, 0);
	ck_assert_uint_eq(atomic_load(&server->references), 1 + n + idle());
	while (n)
		upstream_close(in_use[--n]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream");
	TCase *t = tcase_create("upstream");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 90);
	tcase_add_test(t, who_asked_hears_of_the_connection);
	tcase_add_test(t, a_refusal_is_heard_too);
	tcase_add_test(t, what_cannot_even_start_has_an_errno);
	tcase_add_test(t, it_may_be_closed_when_it_is_heard_of);
	tcase_add_test(t, closed_it_stays_in_memory_to_the_end_of_the_turn);
	tcase_add_test(t, the_last_used_is_taken_first);
	tcase_add_test(t, keeping_gives_the_buffer_back);
	tcase_add_test(t, one_that_was_idle_too_long_for_this_request_is_left);
	tcase_add_test(t, servers_do_not_share_connections);
	tcase_add_test(t, a_slots_next_server_does_not_get_the_old_ones_connections);
	tcase_add_test(t, idle_time_over_it_is_closed);
	tcase_add_test(t, one_in_use_does_not_expire);
	tcase_add_test(t, used_now_and_then_it_lives_on);
	tcase_add_loop_test(t, anything_heard_on_an_idle_one_closes_it, 0, NOISES);
	tcase_add_loop_test(t, noise_in_the_turn_that_freed_it_is_found_too, 0, NOISES);
	tcase_add_test(t, a_quiet_one_is_taken_in_the_turn_that_freed_it);
	tcase_add_loop_test(t, one_with_something_unread_is_not_kept, 0, NOISES);
	tcase_add_test(t, room_to_write_is_no_news);
	tcase_add_test(t, no_time_to_be_idle_is_a_close);
	tcase_add_test(t, one_that_was_aborted_gives_its_place_back);
	tcase_add_test(t, a_retired_servers_connection_is_not_kept);
	tcase_add_loop_test(t, pruning_closes_the_idle_of_servers_that_are_out, 0, FATES);
	tcase_add_test(t, h94_one_with_a_header_is_its_clients_alone);
	tcase_add_loop_test(t, h94_it_goes_with_its_client_and_as_others_do, 0, ENDS);
	tcase_add_test(t, so_many_are_kept_and_no_more);
	tcase_add_loop_test(t, any_order_of_uses_is_counted_right, 0, 4);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
