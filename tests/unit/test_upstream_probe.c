/* Health checks against servers that behave, and servers that do not. */
#include "upstream/probe.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/ws_frames.h"
#include "net/digest.h"

/* What the server does with the connection. */
struct server_case {
	const char *answer; /* sent at once; NULL: none */
	bool byte_by_byte;
	bool closes, resets; /* after the answer */
	bool ok;
	unsigned status;
	const char *reason; /* the result's reason begins so */
};

static struct loop *loop;
static int listener = -1, client = -1;
static struct addr addr;
static struct conf_status_range expect[] = { { 200, 399 }, { 404, 404 } };
static struct conf_check check;
static struct probe_result got;
static unsigned n_done;
static char request[1024];
static size_t n_request;

static void setup(void)
{
	socklen_t len = sizeof(addr.u);

	loop = loop_new();
	ck_assert_ptr_null(addr_parse(&addr, STR("127.0.0.1:1")));
	addr_set_port(&addr, 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listener, &addr.u.sa, addr.len), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_int_eq(getsockname(listener, &addr.u.sa, &len), 0);
	check = (struct conf_check){ .kind = CONF_CHECK_HTTP,
				     .method = STR("GET"),
				     .path = STR("/health"),
				     .n_expect = 1,
				     .expect = expect,
				     .timeout = 5 * CLOCK_SEC };
	client = -1;
	n_done = 0;
	n_request = 0;
}

static void teardown(void)
{
	if (client >= 0)
		close(client);
	if (listener >= 0)
		close(listener);
	loop_free(loop);
}

static void done(void *arg, const struct probe_result *r)
{
	ck_assert_ptr_eq(arg, &got);
	got = *r;
	n_done++;
}

/* Turns until there is a request (or, with tcp, a connection), or the probe is over. */
static void accept_request(void)
{
	for (int i = 0; i < 1000 && !n_done; i++) {
		ssize_t n;

		loop_turn(loop, 5 * CLOCK_MS);
		if (client < 0)
			client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (client < 0)
			continue;
		n = read(client, request + n_request, sizeof(request) - 1 - n_request);
		if (n > 0)
			n_request += (size_t)n;
		request[n_request] = '\0';
		if (strstr(request, "\r\n\r\n"))
			return;
	}
}

static void turn_until_done(void)
{
	for (int i = 0; i < 2000 && !n_done; i++)
		loop_turn(loop, 5 * CLOCK_MS);
	ck_assert_uint_eq(n_done, 1);
	for (int i = 0; i < 3; i++)
		loop_turn(loop, CLOCK_MS);
	ck_assert_uint_eq(n_done, 1);
}

static void answer(const struct server_case *c)
{
	const struct linger now = { 1, 0 };
	size_t n = c->answer ? strlen(c->answer) : 0;

	for (size_t i = 0; c->byte_by_byte && i < n; i++) {
		ck_assert_int_eq(send(client, c->answer + i, 1, MSG_NOSIGNAL), 1);
		loop_turn(loop, CLOCK_MS);
		if (n_done)
			return;
	}
	if (n && !c->byte_by_byte)
		ck_assert_int_eq(send(client, c->answer, n, MSG_NOSIGNAL), (ssize_t)n);
	if (c->resets)
		setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (c->closes || c->resets) {
		close(client);
		client = -1;
	}
}

static const struct server_case cases[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, true, false, true, 200,
	  "200 in " },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", false, false, false, true, 200,
	  "200 in " },
	{ "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", true, false, false, true, 204, "204 in " },
	{ "HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n", false, true, false, true, 302, "302 in " },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	  true, true, false, true, 200, "200 in " },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n", false, true, false, false, 500,
	  "500, expected 200-399" },
	{ "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false, false, false,
	  false, 503, "503, expected 200-399" },
	{ "HTTP/1.1 404 Not Found\r\n\r\n", false, true, false, false, 404,
	  "404, expected 200-399" },
	{ "SSH-2.0-OpenSSH_9.2\r\n", false, false, false, false, 0,
	  "answer is not HTTP: malformed status line" },
	{ "HTTP/1.1 20 OK\r\n\r\n", false, false, false, false, 0,
	  "answer is not HTTP: malformed status line" },
	{ "HTTP/1.1 200 OK\r\nbad field\r\n\r\n", false, false, false, false, 0,
	  "answer is not HTTP: malformed response field" },
	{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false, false,
	  false, false, 0, "answer is not HTTP: 101 that was not asked for" },
	{ NULL, false, true, false, false, 0, "closed without an answer" },
	{ "HTTP/1.1 200 OK\r\nA:", false, true, false, false, 0,
	  "closed in the middle of its answer" },
	{ "HTTP/1.1 100 Continue\r\n\r\n", false, true, false, false, 0,
	  "closed in the middle of its answer" },
	{ NULL, false, false, true, false, 0, "connection reset" },
};

START_TEST(server)
{
	const struct server_case *c = &cases[_i];

	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	answer(c);
	turn_until_done();
	ck_assert_msg(strncmp(got.reason, c->reason, strlen(c->reason)) == 0, "%s", got.reason);
	ck_assert_int_eq(got.ok, c->ok);
	ck_assert_uint_eq(got.status, c->status);
	ck_assert(!got.unasked);
	ck_assert_uint_lt(got.duration_us, 5 * CLOCK_SEC);
}
END_TEST

START_TEST(request_as_it_is_sent)
{
	char expected[256];

	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	snprintf(expected, sizeof(expected),
		 "GET /health HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: hpcbal-check\r\n"
		 "Accept: */*\r\nConnection: close\r\n\r\n",
		 addr_port(&addr));
	ck_assert_str_eq(request, expected);
	answer(&cases[0]);
	turn_until_done();
}
END_TEST

START_TEST(host_method_and_port_of_the_check)
{
	struct addr elsewhere = addr;

	check.method = STR("HEAD");
	check.host = STR("portal.example");
	check.port = addr_port(&addr);
	addr_set_port(&elsewhere, 9);
	ck_assert_ptr_nonnull(probe_start(loop, &check, &elsewhere, NULL, done, &got));
	accept_request();
	ck_assert_ptr_nonnull(
		strstr(request, "HEAD /health HTTP/1.1\r\nHost: portal.example\r\n"));
	answer(&cases[0]);
	turn_until_done();
	ck_assert(got.ok);
}
END_TEST

START_TEST(several_ranges)
{
	check.n_expect = 2;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	answer(&cases[7]);
	turn_until_done();
	ck_assert(got.ok);
	close(client);
	client = -1;
	n_done = 0;
	n_request = 0;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	answer(&cases[6]);
	turn_until_done();
	ck_assert_str_eq(got.reason, "503, expected 200-399,404");
}
END_TEST

/* A probe that has but 100 ms, and when it began. On a busy machine there may not even be a
 * connection by then: then another one. */
static uint64_t probe_for_100ms(void)
{
	uint64_t began;

	check.timeout = 100 * CLOCK_MS;
	for (;;) {
		began = loop_now_exact(loop);
		ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
		accept_request();
		if (!n_done)
			return began;
		ck_assert_str_eq(got.reason, "no connection within 100ms");
		n_done = 0;
		n_request = 0;
		if (client >= 0)
			close(client);
		client = -1;
	}
}

START_TEST(silence_ends_at_the_timeout)
{
	uint64_t began = probe_for_100ms();

	turn_until_done();
	ck_assert_uint_ge(loop_now_exact(loop) - began, 100 * CLOCK_MS);
	ck_assert(!got.ok);
	ck_assert_str_eq(got.reason, "no answer within 100ms");
	ck_assert_uint_ge(got.duration_us, 100 * CLOCK_MS);
}
END_TEST

/* A trickle does not put the end off. */
START_TEST(trickle_ends_at_the_timeout)
{
	probe_for_100ms();
	(void)!send(client, "HTTP/1.1 200 ", 13, MSG_NOSIGNAL);
	for (int i = 0; i < 2000 && !n_done; i++) {
		(void)!send(client, "A", 1, MSG_NOSIGNAL);
		loop_turn(loop, 2 * CLOCK_MS);
		usleep(1000);
	}
	ck_assert_uint_eq(n_done, 1);
	ck_assert_str_eq(got.reason, "no answer within 100ms");
}
END_TEST

START_TEST(endless_head)
{
	char junk[4096];

	memset(junk, 'a', sizeof(junk));
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	(void)!send(client, "HTTP/1.1 200 OK\r\nA: ", 20, MSG_NOSIGNAL);
	for (int i = 0; i < 200 && !n_done; i++) {
		(void)!send(client, junk, sizeof(junk), MSG_NOSIGNAL);
		loop_turn(loop, CLOCK_MS);
	}
	turn_until_done();
	ck_assert(!got.ok);
	ck_assert_msg(strncmp(got.reason, "answer is not HTTP: ", 20) == 0, "%s", got.reason);
}
END_TEST

START_TEST(refused)
{
	close(listener);
	listener = -1;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	ck_assert_uint_eq(n_done, 0); /* never from inside probe_start() */
	turn_until_done();
	ck_assert(!got.ok && !got.unasked);
	ck_assert_str_eq(got.reason, "connection refused");
}
END_TEST

START_TEST(unix_socket_that_is_not_there)
{
	ck_assert_ptr_null(addr_parse(&addr, STR("unix:/nonexistent/socket")));
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	ck_assert_uint_eq(n_done, 0);
	turn_until_done();
	ck_assert_str_eq(got.reason, "no such file or directory");
}
END_TEST

START_TEST(nobody_accepts)
{
	/* A full queue: the handshake is not answered. */
	int filler[16];

	ck_assert_int_eq(listen(listener, 0), 0);
	for (int i = 0; i < 16; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(filler[i], &addr.u.sa, addr.len);
	}
	check.timeout = 100 * CLOCK_MS;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	turn_until_done();
	ck_assert_str_eq(got.reason, "no connection within 100ms");
	for (int i = 0; i < 16; i++)
		close(filler[i]);
}
END_TEST

START_TEST(tcp)
{
	char byte;

	check.kind = CONF_CHECK_TCP;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	ck_assert_uint_eq(n_done, 0);
	turn_until_done();
	ck_assert(got.ok);
	ck_assert_uint_eq(got.status, 0);
	ck_assert_msg(strncmp(got.reason, "connected in ", 13) == 0, "%s", got.reason);
	client = accept4(listener, NULL, NULL, 0);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(read(client, &byte, 1), 0); /* nothing was said, and it is closed */
}
END_TEST

/* The server's part of a handshake that is right for the key in `request`. */
static void switch_over(void)
{
	const char *key = strstr(request, "Sec-WebSocket-Key: ");
	char accept[DIGEST_ACCEPT], text[256];
	int n;

	ck_assert_ptr_nonnull(key);
	digest_websocket_accept((struct str){ key + 19, 24 }, accept);
	n = snprintf(text, sizeof(text),
		     "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		     "Sec-WebSocket-Accept: %s\r\n\r\n",
		     accept);
	ck_assert_int_eq(send(client, text, (size_t)n, MSG_NOSIGNAL), n);
}

static void wait_close(void)
{
	ssize_t n = 0;

	memset(request, 0, sizeof(request));
	for (int i = 0; i < 1000 && n < 8; i++) {
		ssize_t more;

		loop_turn(loop, 5 * CLOCK_MS);
		more = read(client, request + n, sizeof(request) - (size_t)n);
		n += more > 0 ? more : 0;
	}
	ck_assert_int_eq(n, 8);
	ck_assert_mem_eq(request, WS_CLOSE_NORMAL_OF_CLIENT.p, 8);
}

/* However the other side parts: 0 with its Close, 1 its end, 2 a reset, 3 not at all. */
START_TEST(websocket_parts)
{
	const struct linger now = { 1, 0 };
	uint64_t began = loop_now_exact(loop), answered;

	check.kind = CONF_CHECK_WEBSOCKET;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	accept_request();
	switch_over();
	wait_close();
	answered = loop_now_exact(loop);
	if (_i == 0)
		ck_assert_int_eq(send(client, "\x81\x01x\x88\x00", 5, MSG_NOSIGNAL), 5);
	if (_i == 2)
		setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (_i == 1 || _i == 2) {
		close(client);
		client = -1;
	}
	turn_until_done();
	ck_assert(got.ok && !got.unasked);
	ck_assert_uint_eq(got.status, 101);
	ck_assert_msg(strncmp(got.reason, "101 in ", 7) == 0, "%s", got.reason);
	/* The moment it was given is no part of the answer's time. */
	ck_assert_uint_le(got.duration_us, answered - began);
}
END_TEST

START_TEST(tcp_refused)
{
	check.kind = CONF_CHECK_TCP;
	close(listener);
	listener = -1;
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	turn_until_done();
	ck_assert(!got.ok);
	ck_assert_str_eq(got.reason, "connection refused");
}
END_TEST

/* At every moment of its life. */
START_TEST(cancelled)
{
	struct probe *p = probe_start(loop, &check, &addr, NULL, done, &got);

	for (int i = 0; i < _i; i++)
		loop_turn(loop, 2 * CLOCK_MS);
	if (_i > 2) {
		client = accept4(listener, NULL, NULL, 0);
		ck_assert_int_ge(client, 0);
		ck_assert_int_eq(send(client, "HTTP/1.1 ", 9, MSG_NOSIGNAL), 9);
		loop_turn(loop, 2 * CLOCK_MS);
	}
	probe_cancel(p);
	for (int i = 0; i < 10; i++)
		loop_turn(loop, 2 * CLOCK_MS);
	ck_assert_uint_eq(n_done, 0);
	probe_cancel(NULL);
}
END_TEST

START_TEST(cancelled_before_its_end_is_told)
{
	ck_assert_ptr_null(addr_parse(&addr, STR("unix:/nonexistent/socket")));
	probe_cancel(probe_start(loop, &check, &addr, NULL, done, &got));
	for (int i = 0; i < 3; i++)
		loop_turn(loop, CLOCK_MS);
	ck_assert_uint_eq(n_done, 0);
}
END_TEST

/* That this side has no descriptor left says nothing about the server. */
START_TEST(out_of_descriptors)
{
	struct rlimit limit = { 0 }, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
	turn_until_done();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert(!got.ok);
	ck_assert(got.unasked);
	ck_assert_str_eq(got.reason, "too many open files");
}
END_TEST

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(always_closes)
{
	unsigned before = open_fds();

	for (int i = 0; i < 20; i++) {
		n_done = 0;
		n_request = 0;
		ck_assert_ptr_nonnull(probe_start(loop, &check, &addr, NULL, done, &got));
		accept_request();
		answer(&cases[i % 16]);
		turn_until_done();
		if (client >= 0)
			close(client);
		client = -1;
	}
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream probe");
	TCase *t = tcase_create("probe");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, server, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, request_as_it_is_sent);
	tcase_add_test(t, host_method_and_port_of_the_check);
	tcase_add_test(t, several_ranges);
	tcase_add_test(t, silence_ends_at_the_timeout);
	tcase_add_test(t, trickle_ends_at_the_timeout);
	tcase_add_test(t, endless_head);
	tcase_add_test(t, refused);
	tcase_add_test(t, unix_socket_that_is_not_there);
	tcase_add_test(t, nobody_accepts);
	tcase_add_test(t, tcp);
	tcase_add_loop_test(t, websocket_parts, 0, 4);
	tcase_add_test(t, tcp_refused);
	tcase_add_loop_test(t, cancelled, 0, 6);
	tcase_add_test(t, cancelled_before_its_end_is_told);
	tcase_add_test(t, out_of_descriptors);
	tcase_add_test(t, always_closes);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
