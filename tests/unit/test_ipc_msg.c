#include "ipc/msg.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int ends[2];
static char buf[MSG_TEXT_MAX + 1];

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
}

static void teardown(void)
{
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(message_arrives_whole)
{
	struct msg out = {.type = MSG_EVENT, .arg = UINT64_MAX - 1, .text = STR("a b")}, in;

	ck_assert_int_eq(msg_send(ends[0], &out), MSG_OK);
	ck_assert_int_eq(msg_recv(ends[1], &in, buf), MSG_OK);
	ck_assert_int_eq(in.type, MSG_EVENT);
	ck_assert(in.arg == UINT64_MAX - 1);
	ck_assert(str_eq(in.text, STR("a b")));
	ck_assert_str_eq(in.text.p, "a b");
	ck_assert_uint_eq(in.n_fds, 0);
}
END_TEST

START_TEST(longest_text_fits)
{
	char *text = malloc(MSG_TEXT_MAX);
	struct msg out = {.type = MSG_FAULTS, .text = {text, MSG_TEXT_MAX}}, in;

	memset(text, 'x', MSG_TEXT_MAX);
	ck_assert_int_eq(msg_send(ends[0], &out), MSG_OK);
	ck_assert_int_eq(msg_recv(ends[1], &in, buf), MSG_OK);
	ck_assert(str_eq(in.text, out.text));
	ck_assert_int_eq(buf[MSG_TEXT_MAX], '\0');
	free(text);
}
END_TEST

START_TEST(descriptors_come_along_close_on_exec)
{
	struct msg out = {.type = MSG_HELLO, .n_fds = 3}, in;
	int pipes[2];
	struct stat a, b;

	ck_assert_int_eq(pipe(pipes), 0);
	out.fds[0] = pipes[0];
	out.fds[1] = pipes[1];
	out.fds[2] = ends[0];
	ck_assert_int_eq(msg_send(ends[0], &out), MSG_OK);
	ck_assert_int_eq(msg_recv(ends[1], &in, buf), MSG_OK);
	ck_assert_uint_eq(in.n_fds, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(fcntl(in.fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fstat(in.fds[i], &a), 0);
		ck_assert_int_eq(fstat(out.fds[i], &b), 0);
		ck_assert_uint_eq(a.st_ino, b.st_ino);
	}
	msg_close_fds(&in);
	ck_assert_uint_eq(in.n_fds, 0);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(nothing_there_is_again_and_a_closed_end_is_eof)
{
	struct msg m = {.type = MSG_HELLO_OK};

	ck_assert_int_eq(msg_recv(ends[0], &m, buf), MSG_AGAIN);
	close(ends[1]);
	ends[1] = -1;
	ck_assert_int_eq(msg_recv(ends[0], &m, buf), MSG_EOF);
	m = (struct msg){.type = MSG_HELLO_OK};
	ck_assert_int_eq(msg_send(ends[0], &m), MSG_EOF);
}
END_TEST

START_TEST(full_socket_is_again)
{
	struct msg m = {.type = MSG_STOP};
	enum msg_result r = MSG_OK;

	for (int i = 0; i < 100000 && r == MSG_OK; i++)
		r = msg_send(ends[0], &m);
	ck_assert_int_eq(r, MSG_AGAIN);
}
END_TEST

/* A header of 16 bytes: type, number of descriptors, argument. */
static const struct {
	const char *bytes;
	size_t n;
} strange[] = {
	{"x", 1},
	{"\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15},
	{"\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
	{"\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16}, /* claims a descriptor */
};

START_TEST(strange_packet_is_refused)
{
	struct msg m;

	ck_assert_int_eq(send(ends[0], strange[_i].bytes, strange[_i].n, 0),
			 (ssize_t)strange[_i].n);
	errno = 0;
	ck_assert_int_eq(msg_recv(ends[1], &m, buf), MSG_FAIL);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(too_long_packet_is_refused_without_a_leak)
{
	size_t n = MSG_TEXT_MAX + 17;
	char *bytes = calloc(1, n);
	unsigned before = open_fds();
	struct msg m;

	ck_assert_int_eq(send(ends[0], bytes, n, 0), (ssize_t)n);
	ck_assert_int_eq(msg_recv(ends[1], &m, buf), MSG_FAIL);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_uint_eq(open_fds(), before);
	free(bytes);
}
END_TEST

START_TEST(descriptors_of_a_strange_packet_are_closed)
{
	/* The head claims none, and the number in front does not lie in the type. */
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(9 * sizeof(int))];
	} control = {0};
	char head[16] = {1};
	struct iovec iov = {head, sizeof(head)};
	unsigned n = _i ? 9 : 1, before;
	struct msghdr h = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct msg m;

	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	for (unsigned i = 0; i < n; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &ends[0], sizeof(int));
	ck_assert_int_eq(sendmsg(ends[0], &h, 0), sizeof(head));
	before = open_fds();
	ck_assert_int_eq(msg_recv(ends[1], &m, buf), MSG_FAIL);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(every_type_has_a_name)
{
	ck_assert_str_eq(msg_type_name(MSG_HELLO), "HELLO");
	ck_assert_str_eq(msg_type_name(MSG_FAULTS), "FAULTS");
	ck_assert_str_eq(msg_type_name(MSG_COUNT), "?");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipc_msg");
	TCase *t = tcase_create("msg");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, message_arrives_whole);
	tcase_add_test(t, longest_text_fits);
	tcase_add_test(t, descriptors_come_along_close_on_exec);
	tcase_add_test(t, nothing_there_is_again_and_a_closed_end_is_eof);
	tcase_add_test(t, full_socket_is_again);
	tcase_add_loop_test(t, strange_packet_is_refused, 0, 4);
	tcase_add_test(t, too_long_packet_is_refused_without_a_leak);
	tcase_add_loop_test(t, descriptors_of_a_strange_packet_are_closed, 0, 2);
	tcase_add_test(t, every_type_has_a_name);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
