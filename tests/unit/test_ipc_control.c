#include "ipc/control.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int ends[2]; /* daemon, client */
static char buf[CONTROL_PACKET_MAX];

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
}

static void teardown(void)
{
	close(ends[0]);
	close(ends[1]);
}

START_TEST(request_is_words_with_nul_between)
{
	char a[] = "drain", b[] = "web/web1";
	char *words[] = {a, b};

	ck_assert(control_request(ends[1], 2, words));
	ck_assert_int_eq(recv(ends[0], buf, sizeof(buf), 0), 14);
	ck_assert_int_eq(memcmp(buf, "drain\0web/web1", 14), 0);
}
END_TEST

START_TEST(request_too_long_is_refused)
{
	char *word = malloc(CONTROL_REQUEST_MAX + 1);

	memset(word, 'x', CONTROL_REQUEST_MAX);
	word[CONTROL_REQUEST_MAX] = '\0';
	ck_assert(!control_request(ends[1], 1, &word));
	ck_assert_int_eq(errno, E2BIG);
	word[CONTROL_REQUEST_MAX - 1] = '\0';
	ck_assert(control_request(ends[1], 1, &word));
	free(word);
}
END_TEST

START_TEST(answer_of_text_boards_and_exit)
{
	const int boards[CONTROL_BOARDS] = {ends[0], ends[1], ends[0], ends[1]};
	struct control_packet p;

	ck_assert(control_send(ends[0], 'o', STR("hello\n")));
	ck_assert(control_send_boards(ends[0], boards));
	ck_assert(control_send_exit(ends[0], CONTROL_REFUSED));
	ck_assert(control_read(ends[1], &p, buf));
	ck_assert_int_eq(p.kind, 'o');
	ck_assert(str_eq(p.body, STR("hello\n")));
	ck_assert(control_read(ends[1], &p, buf));
	ck_assert_int_eq(p.kind, 'f');
	ck_assert_uint_eq(p.n_fds, CONTROL_BOARDS);
	for (unsigned i = 0; i < p.n_fds; i++)
		close(p.fds[i]);
	ck_assert(control_read(ends[1], &p, buf));
	ck_assert_int_eq(p.kind, 'x');
	ck_assert_uint_eq(p.body.n, 1);
	ck_assert_int_eq(p.body.p[0], CONTROL_REFUSED);
}
END_TEST

START_TEST(long_text_comes_in_packets)
{
	size_t n = CONTROL_PACKET_MAX * 2 + 100, got = 0;
	char *text = malloc(n);
	struct control_packet p;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 23);
	ck_assert(control_send(ends[0], 'o', (struct str){text, n}));
	shutdown(ends[0], SHUT_WR);
	while (control_read(ends[1], &p, buf) && p.kind) {
		ck_assert_int_eq(p.kind, 'o');
		ck_assert_int_eq(memcmp(p.body.p, text + got, p.body.n), 0);
		got += p.body.n;
	}
	ck_assert_uint_eq(got, n);
	free(text);
}
END_TEST

START_TEST(client_that_does_not_read_loses_its_answer)
{
	size_t n = 4 * 1024 * 1024;
	char *text = calloc(1, n);

	/* Also on a socket that would block. */
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, 0), 0);
	ck_assert(!control_send(ends[0], 'o', (struct str){text, n}));
	ck_assert(!control_send_exit(ends[0], CONTROL_DONE) || errno == EAGAIN);
	free(text);
}
END_TEST

START_TEST(connect_finds_a_listener_or_says_why_not)
{
	char dir[] = "/tmp/hpcbal-test-XXXXXX";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char too_long[200];
	int listener, fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/c.sock", dir);
	ck_assert_int_eq(control_connect(un.sun_path), -1);
	ck_assert_int_eq(errno, ENOENT);
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	fd = control_connect(un.sun_path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(listener);
	ck_assert_int_eq(control_connect(un.sun_path), -1);
	ck_assert_int_eq(errno, ECONNREFUSED);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	ck_assert_int_eq(control_connect(too_long), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	unlink(un.sun_path);
	rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc_control");
	TCase *t = tcase_create("control");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, request_is_words_with_nul_between);
	tcase_add_test(t, request_too_long_is_refused);
	tcase_add_test(t, answer_of_text_boards_and_exit);
	tcase_add_test(t, long_text_comes_in_packets);
	tcase_add_test(t, client_that_does_not_read_loses_its_answer);
	tcase_add_test(t, connect_finds_a_listener_or_says_why_not);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
