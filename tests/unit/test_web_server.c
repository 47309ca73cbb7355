/* The clients of the admin address: how long, and in whose place. The loop is turned by hand. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_boards.h"
#include "web/client.h"

static struct board_limits *limited;
static struct loop *loop;
static struct web_server server;
static struct addr at;
static bool idle;
static unsigned made; /* answers */
static int other; /* a second hand on the listening socket */

static void is_alive(struct web_server *s)
{
	ck_assert_ptr_eq(s, &server);
	made++;
}

static void became_idle(struct web_server *s)
{
	ck_assert_ptr_eq(s, &server);
	idle = true;
}

static int listen_somewhere(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_ptr_null(addr_parse(&at, STR("127.0.0.1:1")));
	addr_set_port(&at, 0);
	ck_assert_int_eq(bind(fd, &at.u.sa, at.len), 0);
	ck_assert_int_eq(listen(fd, 512), 0);
	ck_assert_int_eq(getsockname(fd, &at.u.sa, &at.len), 0);
	return fd;
}

static void setup(void)
{
	boards_setup();
	boards_fill_supervisor();
	boards_fill_proxy();
	limited = calloc(1, sizeof(*limited));
	loop = loop_new();
	idle = false;
	made = 0;
	server_init(&server, loop, is_alive, became_idle);
	server.boards = (struct web_boards){sup, proxy, vrrp, limited};
	other = listen_somewhere();
	ck_assert(server_listen(&server, dup(other)));
}

static void teardown(void)
{
	server_close(&server);
	loop_turn(loop, 0);
	loop_free(loop);
	close(other);
	boards_teardown();
	free(limited);
}

/* A moment each, when nothing is to be done: on a busy machine the kernel delivers late. */
static void turn(unsigned n)
{
	while (n-- > 0)
		loop_turn(loop, 200);
}

/* Until so many clients are there. */
static void turn_until(unsigned clients)
{
	for (unsigned i = 0; i < 20000 && server.n_clients != clients; i++)
		loop_turn(loop, 1000);
	ck_assert_uint_eq(server.n_clients, clients);
}

/* From 127.0.0.HOST. */
static int come(unsigned host)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct addr from = at;

	addr_set_port(&from, 0);
	from.u.in.sin_addr.s_addr = htonl(0x7f000000u + host);
	ck_assert_int_eq(bind(fd, &from.u.sa, from.len), 0);
	ck_assert(connect(fd, &at.u.sa, at.len) == 0 || errno == EINPROGRESS);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

/* What comes next; -1 behind it all: nothing for a long time. */
static const char *hear(int fd, ssize_t *n)
{
	static char text[65536];

	for (unsigned i = 0; i < 20000; i++) {
		loop_turn(loop, 1000);
		*n = recv(fd, text, sizeof(text) - 1, 0);
		if (*n >= 0 || errno != EAGAIN)
			break;
	}
	text[*n > 0 ? *n : 0] = '\0';
	return text;
}

static void expect(int fd, const char *beginning)
{
	ssize_t n;
	const char *text = hear(fd, &n);

	ck_assert_msg(str_begins(str_of(text), str_of(beginning)), "%zd: %s", n, text);
}

static void expect_end(int fd)
{
	ssize_t n;

	hear(fd, &n);
	ck_assert_int_le(n, 0);
	ck_assert(n == 0 || errno == ECONNRESET);
	close(fd);
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

#define GET_AT(host) "GET /health HTTP/1.1\r\nHost: " host "\r\n\r\n"

static void age(struct web_client *c, uint64_t us)
{
	c->since_us -= us;
}

static struct web_client *client(unsigned i)
{
	struct list *e = server.clients.next;

	while (i-- > 0)
		e = e->next;
	return list_of(e, struct web_client, link);
}

START_TEST(one_after_the_other_on_one_connection)
{
	int fd = come(1);

	for (unsigned i = 0; i < 3; i++) {
		say(fd, GET_AT("localhost"));
		expect(fd, "HTTP/1.1 200 OK\r\n");
	}
	/* Byte by byte, and the next one in the same packet. */
	for (const char *p = GET_AT("localhost") "HEAD /health HTTP/1.0\r\n\r\n"; *p; p++) {
		ck_assert_int_eq(send(fd, p, 1, 0), 1);
		turn(2);
	}
	for (unsigned i = 0; i < 20000 && client(0)->state != CLIENT_LINGERING; i++)
		loop_turn(loop, 1000); /* the last byte may be on its way still */
	ck_assert_uint_eq(client(0)->state, CLIENT_LINGERING); /* HTTP/1.0 */
	expect(fd, "HTTP/1.1 200 OK\r\n");
	expect_end(fd);
	turn_until(0);
}
END_TEST

START_TEST(two_at_once)
{
	unsigned answers = 0;
	int fd = come(1);
	ssize_t n;

	say(fd, GET_AT("localhost") GET_AT("localhost"));
	while (answers < 2) {
		const char *text = hear(fd, &n);

		ck_assert_int_gt(n, 0);
		for (; (text = strstr(text, "200 OK")); text++)
			answers++;
	}
	ck_assert_uint_eq(answers, 2);
	close(fd);
}
END_TEST

static const struct {
	const char *sent, *answer;
} rubbish[] = {
	{"\x16\x03\x01\x02\x00\x01\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
	{"GET /\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
	{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
	{"GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 505 "},
	{"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\nbody",
	 "HTTP/1.1 405 Method Not Allowed\r\n"},
	{"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody",
	 "HTTP/1.1 200 OK\r\n"},
	{"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
	 "HTTP/1.1 200 OK\r\n"},
	{"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
	{GET_AT("evil.example") GET_AT("localhost"), "HTTP/1.1 421 Misdirected Request\r\n"},
};

START_TEST(what_ends_the_connection_is_answered_first)
{
	bool goes_on = strstr(rubbish[_i].answer, "421") != NULL;
	int fd = come(1);

	say(fd, rubbish[_i].sent);
	expect(fd, rubbish[_i].answer);
	if (!goes_on)
		expect_end(fd);
	else
		close(fd);
}
END_TEST

START_TEST(a_head_without_end)
{
	char line[1024];
	int fd = come(1);

	memset(line, 'a', sizeof(line));
	say(fd, "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
	for (unsigned i = 0; i < 20; i++) {
		if (send(fd, line, sizeof(line), MSG_NOSIGNAL) < 0)
			break;
		turn(2);
	}
	expect(fd, "HTTP/1.1 431 ");
	close(fd);
}
END_TEST

/* The time of each step is for the whole of it. */
START_TEST(deadlines)
{
	int silent = come(1), slow = come(1), kept = come(1);
	uint64_t first, now;

	say(slow, "GET / HT");
	turn_until(3);
	turn(20);
	say(kept, GET_AT("localhost"));
	expect(kept, "HTTP/1.1 200 OK\r\n");
	now = loop_now(loop);
	ck_assert_uint_eq(client(0)->state, CLIENT_IDLE);
	ck_assert_uint_le(client(0)->deadline.due, now + CLIENT_FIRST_US);
	ck_assert_uint_eq(client(1)->state, CLIENT_READING);
	first = client(1)->deadline.due;
	ck_assert_uint_le(first, now + CLIENT_REQUEST_US);
	ck_assert_uint_eq(client(2)->state, CLIENT_IDLE);
	ck_assert_uint_gt(client(2)->deadline.due, now + CLIENT_IDLE_US / 2);
	say(slow, "TP/1.1\r\n");
	turn(20);
	ck_assert_uint_eq(client(1)->deadline.due, first); /* a byte buys nothing */
	for (unsigned i = 0; i < 3; i++)
		loop_timer_set(loop, &client(i)->deadline, loop_now(loop));
	expect_end(silent);
	expect_end(slow);
	expect_end(kept);
	ck_assert_uint_eq(server.n_clients, 0);
}
END_TEST

START_TEST(who_does_not_read_is_cut)
{
	int size = 4096, fd;

	for (uint32_t i = 3; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "server%u", i);
		boards_add_server("web_backend", name, i);
	}
	fd = come(1);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	turn_until(1);
	setsockopt(client(0)->conn.io.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	for (unsigned i = 0; i < 20000 && client(0)->state != CLIENT_WRITING; i++)
		loop_turn(loop, 1000);
	ck_assert_uint_eq(client(0)->state, CLIENT_WRITING);
	ck_assert_uint_gt(client(0)->out.bytes, 100000);
	ck_assert_uint_eq(server.held, client(0)->document.n);
	ck_assert_uint_le(client(0)->deadline.due, loop_now(loop) + CLIENT_ANSWER_US);
	loop_timer_set(loop, &client(0)->deadline, loop_now(loop));
	for (unsigned i = 0; i < 20000 && server.n_clients; i++)
		loop_turn(loop, 1000);
	ck_assert_uint_eq(server.n_clients, 0);
	ck_assert_uint_eq(server.held, 0);
	close(fd);
}
END_TEST

START_TEST(answers_together_have_a_bound)
{
	int fd = come(1);

	server.held = SERVER_HELD_MAX + 100;
	say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect(fd, "HTTP/1.1 503 Service Unavailable\r\n");
	ck_assert_uint_eq(server.held, SERVER_HELD_MAX + 100);
	server.held = 0;
	say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect(fd, "HTTP/1.1 200 OK\r\n");
	ck_assert_uint_eq(server.held, 0);
	close(fd);
}
END_TEST

/* ---- places ---- */

static void fill(int *fds, unsigned host)
{
	for (unsigned i = 0; i < SERVER_CLIENTS; i++) {
		fds[i] = come(host);
		turn_until(i + 1);
	}
}

/* On a slow machine some are old by now. */
static void be_young(void)
{
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		client(i)->since_us = loop_now(loop);
}

START_TEST(nobody_young_gives_way)
{
	int fds[SERVER_CLIENTS], more;
	ssize_t n;

	fill(fds, 1);
	be_young();
	more = come(1);
	say(more, GET_AT("localhost"));
	for (unsigned i = 0; i < 200 && (i < 10 || server.listener.fd != -1); i++) {
		be_young();
		loop_turn(loop, 200);
	}
	ck_assert_uint_eq(server.n_clients, SERVER_CLIENTS);
	ck_assert_int_eq(server.listener.fd, -1); /* it looks again a little later */
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		client(i)->since_us = loop_now(loop) - CLOCK_SEC + i;
	hear(more, &n);
	ck_assert_int_gt(n, 0);
	expect_end(fds[0]);
	for (unsigned i = 1; i < SERVER_CLIENTS; i++) {
		ck_assert(is_open(fds[i]));
		close(fds[i]);
	}
	close(more);
}
END_TEST

START_TEST(those_that_wait_for_the_least_go_first)
{
	int fds[SERVER_CLIENTS], more[2];

	fill(fds, 1);
	for (unsigned i = 0; i < SERVER_CLIENTS; i++) {
		age(client(i), 100 * CLOCK_SEC - i);
		client(i)->state = i == 7 ? CLIENT_LINGERING : CLIENT_READING;
	}
	client(9)->state = CLIENT_IDLE;
	for (unsigned i = 0; i < 2; i++) {
		more[i] = come(1);
		say(more[i], GET_AT("localhost"));
		expect(more[i], "HTTP/1.1 200 OK\r\n");
		expect_end(fds[i ? 9 : 7]);
	}
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		if (i != 7 && i != 9) {
			ck_assert(is_open(fds[i]));
			close(fds[i]);
		}
	close(more[0]);
	close(more[1]);
}
END_TEST

static void await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

/* A long turn of ours must not cost those who asked meanwhile. */
START_TEST(who_has_asked_already_does_not_give_way)
{
	int fds[SERVER_CLIENTS], more;

	fill(fds, 1);
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		age(client(i), 100 * CLOCK_SEC - i);
	more = come(1);
	await(other);
	say(fds[0], GET_AT("localhost"));
	await(client(0)->conn.io.fd);
	expect(fds[0], "HTTP/1.1 200 OK\r\n");
	expect_end(fds[1]);
	ck_assert_uint_eq(made, 1);
	for (unsigned i = 0; i < SERVER_CLIENTS; i++)
		if (i != 1)
			close(fds[i]);
	close(more);
}
END_TEST

/* However many come from one host, the others keep their places. */
START_TEST(the_host_that_has_the_most_gives_way)
{
	int quiet = come(2), fds[200];

	turn_until(1);
	age(client(0), 100 * CLOCK_SEC);
	for (unsigned i = 0; i < 200; i++) {
		fds[i] = come(1);
		turn(3);
		for (unsigned k = 0; k < server.n_clients; k++)
			age(client(k), CLOCK_SEC);
	}
	ck_assert_uint_eq(server.n_clients, SERVER_CLIENTS);
	ck_assert(is_open(quiet));
	say(quiet, GET_AT("localhost"));
	expect(quiet, "HTTP/1.1 200 OK\r\n");
	for (unsigned i = 0; i < 200; i++)
		close(fds[i]);
	close(quiet);
}
END_TEST

/* ---- changes ---- */

START_TEST(another_socket_and_the_same_one)
{
	int before = come(1), waiting, after, fd;
	struct addr old = at;

	turn(5);
	/* The same: who waits in it is not lost. */
	waiting = come(1);
	ck_assert(server_listen(&server, dup(other)));
	say(waiting, GET_AT("localhost"));
	expect(waiting, "HTTP/1.1 200 OK\r\n");
	fd = listen_somewhere();
	ck_assert(server_listen(&server, fd));
	close(other);
	after = come(1);
	say(after, GET_AT("localhost"));
	expect(after, "HTTP/1.1 200 OK\r\n");
	say(before, GET_AT("localhost"));
	expect(before, "HTTP/1.1 200 OK\r\n");
	other = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(other, &old.u.sa, old.len), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	close(before);
	close(waiting);
	close(after);
}
END_TEST

START_TEST(whoever_comes_to_a_unix_socket_may_call_it_anything)
{
	struct addr un;
	char text[64];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), client;

	snprintf(text, sizeof(text), "unix:/tmp/hpcbal-web-%d", (int)getpid());
	ck_assert_ptr_null(addr_parse(&un, str_of(text)));
	unlink(un.u.un.sun_path);
	ck_assert_int_eq(bind(fd, &un.u.sa, un.len), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert(server_listen(&server, fd));
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(client, &un.u.sa, un.len), 0);
	say(client, GET_AT("lb.example"));
	expect(client, "HTTP/1.1 200 OK\r\n");
	unlink(un.u.un.sun_path);
	close(client);
}
END_TEST

START_TEST(stop_lets_answers_end)
{
	int quiet = come(1), asks = come(1);

	turn_until(2);
	say(asks, GET_AT("localhost"));
	turn(5);
	/* As if its answer were not out yet. */
	client(1)->state = CLIENT_WRITING;
	server_stop(&server);
	ck_assert(!idle);
	ck_assert_uint_eq(server.n_clients, 1);
	expect(asks, "HTTP/1.1 200 OK\r\n");
	expect_end(quiet);
	client_end(client(0));
	ck_assert(idle);
	close(asks);
}
END_TEST

START_TEST(stop_without_clients)
{
	server_stop(&server);
	ck_assert(idle);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/server");
	TCase *t = tcase_create("server");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_after_the_other_on_one_connection);
	tcase_add_test(t, two_at_once);
	tcase_add_loop_test(t, what_ends_the_connection_is_answered_first, 0,
			    (int)(sizeof(rubbish) / sizeof(rubbish[0])));
	tcase_add_test(t, a_head_without_end);
	tcase_add_test(t, deadlines);
	tcase_add_test(t, who_does_not_read_is_cut);
	tcase_add_test(t, answers_together_have_a_bound);
	tcase_add_test(t, nobody_young_gives_way);
	tcase_add_test(t, those_that_wait_for_the_least_go_first);
	tcase_add_test(t, who_has_asked_already_does_not_give_way);
	tcase_add_test(t, the_host_that_has_the_most_gives_way);
	tcase_add_test(t, another_socket_and_the_same_one);
	tcase_add_test(t, whoever_comes_to_a_unix_socket_may_call_it_anything);
	tcase_add_test(t, stop_lets_answers_end);
	tcase_add_test(t, stop_without_clients);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
