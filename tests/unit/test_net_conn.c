/* Connections over loopback TCP and socketpairs: what arrives, in which pieces, and how the
 * end is told. The other side is a bare descriptor. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arrives.h"
#include "base/clock.h"
#include "net/conn.h"

enum kind { UNIX_PAIR, TCP_PAIR, KINDS };

static struct loop *loop;
static struct conn conn;
static int peer; /* blocking */
static unsigned calls;

static void setup(void)
{
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	calls = 0;
	alarm(60);
}

static void teardown(void)
{
	conn_close(&conn);
	loop_free(loop);
}

static void ready(struct conn *c)
{
	ck_assert_ptr_eq(c, &conn);
	calls++;
}

static int listen_on(struct addr *a)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_ptr_null(addr_parse_host(a, STR("127.0.0.1"), 0));
	ck_assert_int_eq(bind(fd, &a->u.sa, a->len), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, &a->u.sa, &a->len), 0);
	return fd;
}

static void pair_make(enum kind kind, int fd[2])
{
	struct addr a;
	int l;

	if (kind == UNIX_PAIR) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		return;
	}
	l = listen_on(&a);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd[1], &a.u.sa, a.len), 0);
	fd[0] = accept(l, NULL, NULL);
	ck_assert_int_ge(fd[0], 0);
	close(l);
}

static void pair_open(enum kind kind)
{
	int fd[2];

	pair_make(kind, fd);
	peer = fd[1];
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert(conn_open(&conn, loop, fd[0], ready));
	ck_assert(conn.can_read && conn.can_write && conn_is_open(&conn));
}

static void turn(void)
{
	loop_turn(loop, 5 * CLOCK_MS);
}

static void say(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
	arrives(conn.io.fd, POLLIN);
}

static void leave(void)
{
	close(peer);
	arrives(conn.io.fd, POLLRDHUP);
}

static void reset(void)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	leave();
}

static void hears(size_t size, enum conn_result want, const char *text)
{
	char got[256];
	size_t n = 77;

	ck_assert_uint_le(size, sizeof(got));
	ck_assert_int_eq(conn_recv(&conn, got, size, &n), want);
	ck_assert_uint_eq(n, strlen(text));
	ck_assert_int_eq(memcmp(got, text, n), 0);
}

/* Until there is nothing to do but wait. */
static void settle(void)
{
	hears(256, CONN_AGAIN, "");
	turn();
	turn();
	calls = 0;
}

START_TEST(bytes_come_in_pieces)
{
	pair_open((enum kind)_i);
	settle();
	ck_assert(!conn.can_read);
	say("hello, world");
	turn();
	ck_assert_uint_eq(calls, 1);
	ck_assert(conn.can_read);
	hears(5, CONN_OK, "hello");
	ck_assert(conn.can_read); /* no edge will tell of the rest */
	hears(2, CONN_OK, ", ");
	hears(256, CONN_OK, "world");
	ck_assert(!conn.can_read); /* a short read emptied it */
	hears(256, CONN_AGAIN, "");
	say("again");
	turn();
	ck_assert_uint_eq(calls, 2);
	hears(5, CONN_OK, "again");
	ck_assert(conn.can_read);
	hears(5, CONN_AGAIN, "");
	ck_assert(!conn.can_read);
	close(peer);
}
END_TEST

/* A byte that arrives between the short read and the wait is an edge of its own. */
START_TEST(nothing_is_lost_between_a_short_read_and_the_wait)
{
	pair_open((enum kind)_i);
	settle();
	for (unsigned i = 0; i < 200; i++) {
		unsigned before = calls;

		say("ab");
		turn();
		ck_assert_uint_gt(calls, before);
		hears(256, CONN_OK, "ab");
		say("c");
		turn();
		ck_assert(conn.can_read);
		hears(256, CONN_OK, "c");
	}
	close(peer);
}
END_TEST

START_TEST(the_end_comes_after_the_data)
{
	pair_open((enum kind)_i);
	settle();
	say("last words");
	shutdown(peer, SHUT_WR);
	arrives(conn.io.fd, POLLRDHUP);
	turn();
	ck_assert(conn.hangup && conn.can_read);
	hears(4, CONN_OK, "last");
	hears(256, CONN_OK, " words");
	hears(256, CONN_EOF, "");
	hears(256, CONN_EOF, "");
	close(peer);
}
END_TEST

/* The end came before the connection was even registered. */
START_TEST(data_and_end_that_were_there_before)
{
	int fd[2];

	pair_make((enum kind)_i, fd);
	peer = fd[1];
	ck_assert_int_eq(write(peer, "early", 5), 5);
	close(peer);
	arrives(fd[0], POLLRDHUP);
	ck_assert_int_eq(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert(conn_open(&conn, loop, fd[0], ready));
	hears(256, CONN_OK, "early");
	turn();
	hears(256, CONN_EOF, "");
}
END_TEST

START_TEST(the_end_after_a_read_is_an_edge)
{
	pair_open((enum kind)_i);
	settle();
	say("x");
	turn();
	hears(256, CONN_OK, "x");
	hears(256, CONN_AGAIN, "");
	calls = 0;
	leave();
	turn();
	ck_assert_uint_ge(calls, 1);
	hears(256, CONN_EOF, "");
}
END_TEST

START_TEST(a_reset_is_a_failure)
{
	pair_open(TCP_PAIR);
	settle();
	reset();
	turn();
	ck_assert_uint_ge(calls, 1);
	hears(256, CONN_FAIL, "");
	ck_assert_int_eq(conn.error, ECONNRESET);
}
END_TEST

/* A peer that closes with our bytes unread resets too, on any kind of socket. */
START_TEST(a_reset_is_told_after_the_data)
{
	pair_open((enum kind)_i);
	ck_assert_int_eq(send(conn.io.fd, "unread", 6, 0), 6);
	settle();
	say("data");
	leave();
	turn();
	hears(4, CONN_OK, "data");
	hears(256, CONN_FAIL, "");
	ck_assert_int_eq(conn.error, ECONNRESET);
}
END_TEST

/* Both came in one edge, which does not tell them apart: who is about to wait for more asks
 * once more. */
START_TEST(a_reset_in_the_same_edge_as_data_is_found_by_asking)
{
	pair_open((enum kind)_i);
	ck_assert_int_eq(send(conn.io.fd, "unread", 6, 0), 6);
	settle();
	say("data");
	leave();
	turn();
	hears(256, CONN_OK, "data");
	turn();
	conn_ask_again(&conn);
	hears(256, CONN_FAIL, "");
	ck_assert_int_eq(conn.error, ECONNRESET);
}
END_TEST

START_TEST(asking_again_costs_one_look)
{
	pair_open((enum kind)_i);
	settle();
	conn_ask_again(&conn);
	ck_assert(!conn.can_read); /* it ended with EAGAIN: there is nothing to ask */
	say("data");
	turn();
	hears(256, CONN_OK, "data");
	conn_ask_again(&conn);
	ck_assert(conn.can_read);
	hears(256, CONN_AGAIN, "");
	conn_ask_again(&conn);
	ck_assert(!conn.can_read);
	say("more");
	turn();
	hears(256, CONN_OK, "more");
	close(peer);
}
END_TEST

/* ---- sending ---- */

#define LOAD (1u << 18)

static char load[LOAD], got[LOAD];

static void load_fill(void)
{
	srand(9);
	for (size_t i = 0; i < LOAD; i++)
		load[i] = (char)rand();
}

static void small_buffer(int fd, int option)
{
	const int size = 16384;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)), 0);
}

/* In spans of all lengths, the queue refilled as it empties. */
static void queue_more(struct iovq *q, size_t *queued)
{
	while (*queued < LOAD && iovq_room(q) > 0) {
		size_t n = 1 + (size_t)rand() % 3000;

		n = n < LOAD - *queued ? n : LOAD - *queued;
		ck_assert(iovq_add(q, (struct str){ load + *queued, n }));
		*queued += n;
	}
}

START_TEST(a_full_socket_takes_the_rest_later)
{
	size_t queued = 0, went = 0, arrived = 0, n;
	unsigned full = 0;
	struct iovq q;

	load_fill();
	pair_open((enum kind)_i);
	small_buffer(conn.io.fd, SO_SNDBUF);
	small_buffer(peer, SO_RCVBUF);
	ck_assert_int_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	iovq_init(&q);
	while (arrived < LOAD) {
		enum conn_result r;
		ssize_t came;

		queue_more(&q, &queued);
		r = conn_send(&conn, &q, false, &n);
		went += n;
		ck_assert(r == CONN_OK || r == CONN_AGAIN);
		ck_assert(r == CONN_OK ? q.bytes == 0 : q.bytes > 0 && !conn.can_write);
		ck_assert_uint_eq(went + q.bytes, queued);
		if (r == CONN_AGAIN) {
			full++;
			ck_assert_int_eq(conn_send(&conn, &q, false, &n), CONN_AGAIN);
			ck_assert_uint_eq(n, 0);
		}
		came = read(peer, got + arrived, 1 + (size_t)rand() % 9000);
		if (came > 0)
			arrived += (size_t)came;
		turn();
	}
	ck_assert_uint_gt(full, 10);
	ck_assert_int_eq(memcmp(load, got, LOAD), 0);
	close(peer);
}
END_TEST

START_TEST(nothing_to_send_is_sent)
{
	struct iovq q;
	size_t n = 7;

	pair_open(UNIX_PAIR);
	iovq_init(&q);
	ck_assert_int_eq(conn_send(&conn, &q, false, &n), CONN_OK);
	ck_assert_uint_eq(n, 0);
	close(peer);
}
END_TEST

/* No SIGPIPE, and the errno is kept. */
START_TEST(sending_to_one_who_left_fails)
{
	struct iovq q;
	size_t n;

	pair_open((enum kind)_i);
	settle();
	leave();
	turn();
	iovq_init(&q);
	for (unsigned i = 0;; i++) {
		enum conn_result r;

		if (q.bytes == 0)
			ck_assert(iovq_add(&q, STR("x")));
		r = conn_send(&conn, &q, false, &n);
		turn();
		if (r == CONN_FAIL)
			break;
		ck_assert_uint_lt(i, 1000);
	}
	ck_assert(conn.error == EPIPE || conn.error == ECONNRESET);
}
END_TEST

static enum conn_result send_something(void)
{
	struct iovq q;
	size_t n;

	iovq_init(&q);
	ck_assert(iovq_add(&q, STR("x")));
	return conn_send(&conn, &q, false, &n);
}

/* What was read then is not whole, though the kernel tells of the reset but once. */
START_TEST(a_reset_that_a_write_was_told_of_is_no_end)
{
	pair_open((enum kind)_i);
	ck_assert_int_eq(send(conn.io.fd, "unread", 6, 0), 6);
	settle();
	say("data");
	leave();
	turn();
	ck_assert_int_eq(send_something(), CONN_FAIL);
	ck_assert_int_eq(send_something(), CONN_FAIL);
	hears(256, CONN_OK, "data");
	conn_ask_again(&conn);
	hears(256, CONN_FAIL, "");
	ck_assert_int_eq(conn.error, _i == TCP_PAIR ? ECONNRESET : EPIPE);
}
END_TEST

/* It came before the reset that our bytes were answered with: what was read is whole. */
START_TEST(an_end_is_one_whatever_a_write_is_told_of_behind_it)
{
	pair_open(TCP_PAIR);
	settle();
	say("data");
	leave();
	turn();
	for (unsigned i = 0; send_something() == CONN_OK; i++) {
		ck_assert_uint_lt(i, 1000);
		turn();
	}
	ck_assert_int_eq(conn.error, EPIPE);
	hears(256, CONN_OK, "data");
	hears(256, CONN_EOF, "");
}
END_TEST

/* Bytes that wait for the end to share its packet go with it, whichever way it comes. */
START_TEST(the_last_bytes_go_with_the_end)
{
	bool closed = _i >= KINDS;
	char text[8] = "";
	struct iovq q;
	size_t n;

	pair_open((enum kind)(_i % KINDS));
	settle();
	iovq_init(&q);
	ck_assert(iovq_add(&q, STR("bye")));
	ck_assert_int_eq(conn_send(&conn, &q, true, &n), CONN_OK);
	ck_assert_uint_eq(n, 3);
	if (closed)
		conn_close(&conn);
	else
		conn_shutdown(&conn);
	ck_assert_int_eq(recv(peer, text, sizeof(text), MSG_WAITALL), 3);
	ck_assert_str_eq(text, "bye");
}
END_TEST

START_TEST(shutdown_ends_our_side_only)
{
	char byte;

	pair_open((enum kind)_i);
	settle();
	conn_shutdown(&conn);
	conn_shutdown(&conn);
	ck_assert_int_eq(read(peer, &byte, 1), 0);
	say("still heard");
	turn();
	hears(256, CONN_OK, "still heard");
	leave();
	turn();
	hears(256, CONN_EOF, "");
	conn_close(&conn);
	conn_shutdown(&conn);
}
END_TEST

/* ---- the end of a connection ---- */

static int open_count(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(closed_it_is_gone_and_silent)
{
	int before = open_count();
	char byte;

	pair_open((enum kind)_i);
	settle();
	say("unheard");
	conn_close(&conn);
	ck_assert(!conn_is_open(&conn));
	conn_close(&conn);
	conn_abort(&conn);
	turn();
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_le(read(peer, &byte, 1), 0);
	close(peer);
	ck_assert_int_eq(open_count(), before);
}
END_TEST

START_TEST(an_abort_is_a_reset_a_close_is_an_end)
{
	char byte;

	pair_open(TCP_PAIR);
	settle();
	conn_abort(&conn);
	ck_assert_int_eq(read(peer, &byte, 1), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(peer);
	pair_open(TCP_PAIR);
	settle();
	conn_close(&conn);
	ck_assert_int_eq(read(peer, &byte, 1), 0);
	close(peer);
}
END_TEST

static void ready_close(struct conn *c)
{
	calls++;
	conn_close(c);
}

START_TEST(it_may_be_closed_from_its_own_event)
{
	pair_open((enum kind)_i);
	conn.ready = ready_close;
	say("x");
	turn();
	turn();
	ck_assert_uint_eq(calls, 1);
	ck_assert(!conn_is_open(&conn));
	close(peer);
}
END_TEST

/* ---- connecting ---- */

static enum conn_result wait_connected(void)
{
	enum conn_result r = conn_connected(&conn);

	for (unsigned i = 0; i < 4000 && r == CONN_AGAIN; i++) {
		turn();
		r = conn_connected(&conn);
	}
	return r;
}

START_TEST(it_connects)
{
	struct addr a;
	struct iovq q;
	int l = listen_on(&a), nodelay = 0;
	socklen_t size = sizeof(nodelay);
	char text[8];
	size_t n;

	ck_assert(conn_connect(&conn, loop, &a, ready));
	ck_assert_int_eq(wait_connected(), CONN_OK);
	ck_assert(!conn.connecting);
	ck_assert_int_eq(conn_connected(&conn), CONN_OK);
	ck_assert_uint_ge(calls, 1);
	ck_assert_int_eq(getsockopt(conn.io.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size), 0);
	ck_assert_int_ne(nodelay, 0);
	ck_assert(fcntl(conn.io.fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(conn.io.fd, F_GETFD) & FD_CLOEXEC);
	peer = accept(l, NULL, NULL);
	iovq_init(&q);
	ck_assert(iovq_add(&q, STR("hello")));
	ck_assert_int_eq(conn_send(&conn, &q, false, &n), CONN_OK);
	ck_assert_int_eq(read(peer, text, sizeof(text)), 5);
	say("world");
	turn();
	hears(256, CONN_OK, "world");
	close(peer);
	close(l);
}
END_TEST

START_TEST(it_connects_to_a_path)
{
	char dir[] = "/tmp/hpcbal-test-XXXXXX", text[64];
	struct addr a;
	int l = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix:%s/socket", dir);
	ck_assert_ptr_null(addr_parse(&a, str_of(text)));
	ck_assert(!conn_connect(&conn, loop, &a, ready));
	ck_assert_int_eq(conn.error, ENOENT);
	ck_assert(!conn_is_open(&conn));
	ck_assert_int_eq(bind(l, &a.u.sa, a.len), 0);
	ck_assert(!conn_connect(&conn, loop, &a, ready));
	ck_assert_int_eq(conn.error, ECONNREFUSED);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert(conn_connect(&conn, loop, &a, ready));
	ck_assert_int_eq(wait_connected(), CONN_OK);
	turn();
	ck_assert_uint_ge(calls, 1);
	unlink(a.u.un.sun_path);
	rmdir(dir);
	close(l);
}
END_TEST

START_TEST(a_refusal_is_told_with_its_errno)
{
	struct addr a;
	int before = open_count(), l = listen_on(&a);

	close(l);
	if (conn_connect(&conn, loop, &a, ready)) {
		ck_assert_int_eq(wait_connected(), CONN_FAIL);
		ck_assert_uint_ge(calls, 1);
	}
	ck_assert_int_eq(conn.error, ECONNREFUSED);
	conn_close(&conn);
	ck_assert_int_eq(open_count(), before);
}
END_TEST

/* The queue of the listener is full: the SYN is not answered. */
START_TEST(a_connection_under_way_is_not_ready)
{
	struct addr a;
	int l = listen_on(&a), filler[4];

	ck_assert_int_eq(listen(l, 0), 0);
	for (unsigned i = 0; i < 4; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(filler[i], &a.u.sa, a.len);
	}
	ck_assert(conn_connect(&conn, loop, &a, ready));
	for (unsigned i = 0; i < 10; i++)
		turn();
	ck_assert_uint_eq(calls, 0);
	ck_assert(conn.connecting);
	ck_assert_int_eq(conn_connected(&conn), CONN_AGAIN);
	hears(256, CONN_AGAIN, "");
	conn_close(&conn);
	for (unsigned i = 0; i < 4; i++)
		close(filler[i]);
	close(l);
}
END_TEST

START_TEST(no_descriptor_is_an_error_not_a_panic)
{
	struct rlimit limit, none;
	struct addr a;
	int l = listen_on(&a), next = dup(l);

	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = (rlim_t)next;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert(!conn_connect(&conn, loop, &a, ready));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(conn.error, EMFILE);
	ck_assert(!conn_is_open(&conn));
	close(l);
}
END_TEST

/* ---- at random ---- */

/* Both sides write and read pieces of any size; every byte comes, in order, then the end. */
START_TEST(random_pieces_both_ways)
{
	size_t to_peer = 0, at_peer = 0, to_conn = 0, at_conn = 0, queued = 0, n;
	bool ended = false;
	struct iovq q;

	load_fill();
	srand(100 + (unsigned)_i);
	pair_open(_i & 1 ? TCP_PAIR : UNIX_PAIR);
	small_buffer(conn.io.fd, SO_SNDBUF);
	ck_assert_int_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	iovq_init(&q);
	while (!ended || at_peer < LOAD) {
		enum conn_result r;
		char piece[8192];
		ssize_t x;

		queue_more(&q, &queued);
		r = conn_send(&conn, &q, false, &n);
		ck_assert(r == CONN_OK || r == CONN_AGAIN);
		to_peer += n;
		x = read(peer, piece, 1 + (size_t)rand() % sizeof(piece));
		ck_assert(x <= 0 || memcmp(piece, load + at_peer, (size_t)x) == 0);
		at_peer += x > 0 ? (size_t)x : 0;
		n = 1 + (size_t)rand() % 20000;
		n = n < LOAD - to_conn ? n : LOAD - to_conn;
		x = n ? write(peer, load + to_conn, n) : 0;
		to_conn += x > 0 ? (size_t)x : 0;
		if (to_conn == LOAD && x > 0)
			shutdown(peer, SHUT_WR);
		if (rand() % 2)
			loop_turn(loop, 0);
		r = conn_recv(&conn, piece, 1 + (size_t)rand() % sizeof(piece), &n);
		ck_assert_int_eq(memcmp(piece, load + at_conn, n), 0);
		at_conn += n;
		ck_assert_int_ne(r, CONN_FAIL);
		ended = ended || r == CONN_EOF;
		ck_assert(!ended || at_conn == LOAD);
	}
	ck_assert_uint_eq(to_peer, LOAD);
	close(peer);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_conn");
	TCase *t = tcase_create("conn");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 90);
	tcase_add_loop_test(t, bytes_come_in_pieces, 0, KINDS);
	tcase_add_loop_test(t, nothing_is_lost_between_a_short_read_and_the_wait, 0, KINDS);
	tcase_add_loop_test(t, the_end_comes_after_the_data, 0, KINDS);
	tcase_add_loop_test(t, data_and_end_that_were_there_before, 0, KINDS);
	tcase_add_loop_test(t, the_end_after_a_read_is_an_edge, 0, KINDS);
	tcase_add_test(t, a_reset_is_a_failure);
	tcase_add_loop_test(t, a_reset_is_told_after_the_data, 0, KINDS);
	tcase_add_loop_test(t, a_reset_in_the_same_edge_as_data_is_found_by_asking, 0, KINDS);
	tcase_add_loop_test(t, asking_again_costs_one_look, 0, KINDS);
	tcase_add_loop_test(t, a_full_socket_takes_the_rest_later, 0, KINDS);
	tcase_add_test(t, nothing_to_send_is_sent);
	tcase_add_loop_test(t, sending_to_one_who_left_fails, 0, KINDS);
	tcase_add_loop_test(t, a_reset_that_a_write_was_told_of_is_no_end, 0, KINDS);
	tcase_add_test(t, an_end_is_one_whatever_a_write_is_told_of_behind_it);
	tcase_add_loop_test(t, the_last_bytes_go_with_the_end, 0, 2 * KINDS);
	tcase_add_loop_test(t, shutdown_ends_our_side_only, 0, KINDS);
	tcase_add_loop_test(t, closed_it_is_gone_and_silent, 0, KINDS);
	tcase_add_test(t, an_abort_is_a_reset_a_close_is_an_end);
	tcase_add_loop_test(t, it_may_be_closed_from_its_own_event, 0, KINDS);
	tcase_add_test(t, it_connects);
	tcase_add_test(t, it_connects_to_a_path);
	tcase_add_test(t, a_refusal_is_told_with_its_errno);
	tcase_add_test(t, a_connection_under_way_is_not_ready);
	tcase_add_test(t, no_descriptor_is_an_error_not_a_panic);
	tcase_add_loop_test(t, random_pieces_both_ways, 0, 6);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
