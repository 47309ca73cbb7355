/* Where WebSocket frames end, in bytes that come in any pieces (HTTP.md 143). */
#include <check.h>
#include <stdlib.h>

#include "http/ws_frames.h"

#define STREAM_MAX (1u << 20)

static char stream[STREAM_MAX];
static bool ends_at[STREAM_MAX + 1];
static size_t n;

/* Writes a frame's head; the payload behind it is whatever lies there. */
static void add_frame(unsigned first, bool masked, uint64_t length, unsigned form)
{
	unsigned bytes = form == 126 ? 2 : form == 127 ? 8 : 0;

	stream[n++] = (char)first;
	stream[n++] = (char)((masked ? 0x80 : 0) | (bytes ? form : (unsigned)length));
	for (unsigned i = bytes; i-- > 0;)
		stream[n++] = (char)(length >> 8 * i);
	n += (size_t)length + (masked ? 4 : 0);
	ck_assert_uint_le(n, STREAM_MAX);
	ends_at[n] = true;
}

static void add_plain(uint64_t length, bool masked)
{
	add_frame(0x82, masked, length, length < 126 ? 0 : length < 65536 ? 126 : 127);
}

static void setup(void)
{
	for (size_t i = 0; i < STREAM_MAX; i++)
		stream[i] = (char)(i * 2654435761u >> 24);
	memset(ends_at, 0, sizeof(ends_at));
	ends_at[0] = true;
	n = 0;
}

static void pass_in_pieces(size_t most)
{
	struct ws_frames w;
	size_t at = 0;

	ws_frames_begin(&w);
	while (at < n) {
		size_t piece = most == 1 ? 1 : 1 + (size_t)rand() % most;

		ck_assert_msg(ws_frames_between(&w) == ends_at[at], "at byte %zu of %zu", at, n);
		piece = piece < n - at ? piece : n - at;
		ws_frames_pass(&w, (struct str){ stream + at, piece });
		at += piece;
	}
	ck_assert(ws_frames_between(&w) == ends_at[n]);
}

START_TEST(h143_every_length_in_every_piece)
{
	static const uint64_t lengths[] = { 0, 1, 125, 126, 127, 300, 65535, 65536, 70000, 0, 0 };

	for (unsigned masked = 0; masked < 2; masked++)
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
			add_plain(lengths[i], masked);
	pass_in_pieces(1);
	for (size_t most = 2; most < 200000; most = most * 3 / 2 + 1)
		pass_in_pieces(most);
}
END_TEST

START_TEST(h143_a_length_may_be_longer_than_it_needs)
{
	add_frame(0x01, false, 5, 126);
	add_frame(0x00, true, 5, 127);
	add_frame(0x80, false, 0, 127);
	add_frame(0x89, false, 0, 126);
	pass_in_pieces(1);
	pass_in_pieces(7);
}
END_TEST

START_TEST(h143_nothing_follows_a_close)
{
	struct ws_frames w;

	ws_frames_begin(&w);
	ws_frames_pass(&w, STR("\x81\x01x"));
	ck_assert(ws_frames_between(&w));
	ws_frames_pass(&w, WS_CLOSE_OF_SERVER);
	ck_assert(!ws_frames_between(&w));
	ws_frames_pass(&w, STR("\x81\x01x"));
	ck_assert(!ws_frames_between(&w));
	ws_frames_begin(&w);
	ws_frames_pass(&w, WS_CLOSE_OF_CLIENT);
	ck_assert(!ws_frames_between(&w));
	ck_assert(w.left == 0 && w.have == 0);
}
END_TEST

START_TEST(h143_what_is_no_frame_has_no_end)
{
	struct ws_frames w;
	char rest[5000] = { 0 };

	ws_frames_begin(&w);
	ws_frames_pass(&w, STR("\x82\x7f\x80\0\0\0\0\0\0\0"));
	for (unsigned i = 0; i < 100; i++) {
		ws_frames_pass(&w, (struct str){ rest, sizeof(rest) });
		ck_assert(!ws_frames_between(&w));
	}
}
END_TEST

START_TEST(h143_nobody_asked)
{
	struct ws_frames w = { .on = false };

	ck_assert(!ws_frames_between(&w));
}
END_TEST

/* RFC 6455 5.3: what the key of a client's Close hides. */
START_TEST(h143_both_say_the_same)
{
	struct str s = WS_CLOSE_OF_SERVER, c = WS_CLOSE_OF_CLIENT;

	ck_assert_uint_eq(s.n, 4);
	ck_assert_uint_eq(c.n, 8);
	ck_assert_int_eq(s.p[0], c.p[0]);
	ck_assert_int_eq((unsigned char)s.p[1] | 0x80, (unsigned char)c.p[1]);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(s.p[2 + i], (char)(c.p[6 + i] ^ c.p[2 + i]));
	ck_assert_int_eq((unsigned char)s.p[2] << 8 | (unsigned char)s.p[3], 1001);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http ws_frames");
	TCase *t = tcase_create("frames");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, h143_every_length_in_every_piece);
	tcase_add_test(t, h143_a_length_may_be_longer_than_it_needs);
	tcase_add_test(t, h143_nothing_follows_a_close);
	tcase_add_test(t, h143_what_is_no_frame_has_no_end);
	tcase_add_test(t, h143_nobody_asked);
	tcase_add_test(t, h143_both_say_the_same);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
