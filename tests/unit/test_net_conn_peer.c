/* What can be known of a peer without reading from it, over loopback TCP. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arrives.h"
#include "base/clock.h"
#include "net/conn.h"

static struct loop *loop;
static struct conn conn;
static int peer; /* blocking */

static void ready(struct conn *c)
{
	ck_assert_ptr_eq(c, &conn);
}

static void setup(void)
{
	struct addr a;
	int fd, l = socket(AF_INET, SOCK_STREAM, 0);

	alarm(60);
	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	ck_assert_ptr_null(addr_parse_host(&a, STR("127.0.0.1"), 0));
	ck_assert_int_eq(bind(l, &a.u.sa, a.len), 0);
	ck_assert_int_eq(listen(l, 1), 0);
	ck_assert_int_eq(getsockname(l, &a.u.sa, &a.len), 0);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(peer, &a.u.sa, a.len), 0);
	fd = accept(l, NULL, NULL);
	close(l);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert(conn_open(&conn, loop, fd, ready));
}

static void teardown(void)
{
	conn_close(&conn);
	loop_free(loop);
}

static void turn(void)
{
	loop_turn(loop, 5 * CLOCK_MS);
}

static void reset(void)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(peer);
	arrives(conn.io.fd, POLLHUP);
	turn();
	turn();
}

/* ---- a reset that nobody reads ---- */

enum hidden { BY_NOTHING, BY_BYTES, BY_AN_END, HIDDEN };

START_TEST(h88_a_reset_is_seen_without_reading)
{
	char byte;
	size_t n;

	turn();
	ck_assert(!conn_is_reset(&conn));
	if (_i == BY_BYTES)
		ck_assert_int_eq(write(peer, "bytes", 5), 5);
	if (_i == BY_AN_END)
		ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
	if (_i != BY_NOTHING)
		arrives(conn.io.fd, POLLIN);
	turn();
	if (_i == BY_AN_END)
		ck_assert_int_eq(conn_recv(&conn, &byte, 1, &n), CONN_EOF);
	ck_assert_msg(!conn_is_reset(&conn), "neither bytes nor an end are a reset");
	reset();
	if (_i == BY_AN_END) /* which is why it has to be asked for */
		ck_assert_int_eq(conn_recv(&conn, &byte, 1, &n), CONN_EOF);
	ck_assert(conn_is_reset(&conn));
	ck_assert_int_ne(conn.error, 0);
}
END_TEST

START_TEST(h88_a_reset_that_a_write_was_told_of_is_still_seen)
{
	struct iovq q;
	size_t n;

	turn();
	reset();
	iovq_init(&q);
	ck_assert(iovq_add(&q, STR("bytes")));
	ck_assert_int_eq(conn_send(&conn, &q, false, &n), CONN_FAIL);
	ck_assert(conn_is_reset(&conn));
	ck_assert(conn_is_reset(&conn));
}
END_TEST

START_TEST(h88_the_kernel_is_asked_only_when_the_loop_told_of_something)
{
	int fd = conn.io.fd;

	turn();
	ck_assert(!conn_is_reset(&conn));
	conn.io.fd = -1; /* a call would fail, and be taken for a reset */
	ck_assert(!conn_is_reset(&conn));
	conn.io.fd = fd;
	ck_assert_int_eq(write(peer, "x", 1), 1);
	arrives(fd, POLLIN);
	turn();
	conn.io.fd = -1;
	ck_assert(conn_is_reset(&conn));
	conn.io.fd = fd;
	close(peer);
}
END_TEST

/* ---- what it has taken ---- */

START_TEST(what_the_peer_reads_is_seen_while_the_socket_is_full)
{
	static char bytes[1 << 16];
	uint64_t before, got = 0;
	struct iovq q;
	ssize_t r;
	size_t n;

	iovq_init(&q);
	do {
		if (q.bytes == 0)
			ck_assert(iovq_add(&q, (struct str){ bytes, sizeof(bytes) }));
	} while (conn_send(&conn, &q, false, &n) == CONN_OK);
	do { /* until nothing moves any more by itself */
		before = conn_taken(&conn);
		turn();
		turn();
	} while (conn_taken(&conn) != before);
	ck_assert_uint_lt(before, conn.sent);
	/* As much as the peer's window needs to open again, and far less than the kernel needs to
	 * take more from us. */
	while (conn_taken(&conn) == before) {
		r = read(peer, bytes, sizeof(bytes));
		ck_assert_int_gt(r, 0);
		got += (uint64_t)r;
		turn();
		ck_assert_uint_lt(got, conn.sent);
	}
	while (got < conn.sent) {
		r = read(peer, bytes, sizeof(bytes));
		ck_assert_int_gt(r, 0);
		got += (uint64_t)r;
	}
	for (unsigned i = 0; i < 200 && conn_taken(&conn) < conn.sent; i++)
		turn();
	ck_assert_uint_eq(conn_taken(&conn), conn.sent);
	close(peer);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net conn peer");
	TCase *t = tcase_create("net conn peer");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, h88_a_reset_is_seen_without_reading, 0, HIDDEN);
	tcase_add_test(t, h88_a_reset_that_a_write_was_told_of_is_still_seen);
	tcase_add_test(t, h88_the_kernel_is_asked_only_when_the_loop_told_of_something);
	tcase_add_test(t, what_the_peer_reads_is_seen_while_the_socket_is_full);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
