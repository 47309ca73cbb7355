/* The chunked coding against the sentences of the acceptance list (the numbers in the names). */
#include "http_testing.h"

#include "http/h1_chunk.h"

static struct h1_chunks chunks;
static char body[65536];
static struct str connection;
static bool any_name;
static size_t body_n, eaten;

/* Feeds `in` in pieces of `step` bytes, and gathers the data. */
static enum http_verdict feed(struct str in, size_t step, enum reason *why)
{
	enum http_verdict v = HTTP_MORE;

	h1_chunks_init(&chunks, &limits);
	chunks.connection = connection;
	chunks.any_name = any_name;
	body_n = eaten = 0;
	*why = REASON_COMPLETE;
	while (eaten < in.n && v != HTTP_BAD && !chunks.done) {
		struct str piece = str_first(str_from(in, eaten), step), data;
		size_t used;

		v = h1_chunks_next(&chunks, piece, &arena, &used, &data, why);
		ck_assert(used <= piece.n && (v != HTTP_MORE || used == piece.n));
		ck_assert(v == HTTP_OK || data.n == 0);
		ck_assert_uint_le(body_n + data.n, sizeof(body));
		if (data.n)
			memcpy(body + body_n, data.p, data.n);
		body_n += data.n;
		eaten += used;
	}
	return v;
}

static void body_is(struct str in, const char *data, const char *trailers)
{
	for (size_t step = 1; step <= in.n; step++) {
		enum reason why;

		ck_assert_int_eq(feed(exact_copy(in), step, &why), HTTP_OK);
		ck_assert(chunks.done);
		ck_assert_uint_eq(eaten, in.n);
		str_is((struct str){ body, body_n }, data);
		ck_assert_uint_eq(chunks.data_total, body_n);
		str_is(chunks.trailers, trailers);
	}
}

static void refused(struct str in, enum reason r)
{
	for (size_t step = 1; step <= in.n; step = step < 40 ? step + 1 : 2 * step) {
		enum reason why;

		ck_assert_int_eq(feed(exact_copy(in), step, &why), HTTP_BAD);
		ck_assert_int_eq(why, r);
	}
}

START_TEST(chunks_give_their_data)
{
	enum reason why;

	body_is(STR("0\r\n\r\n"), "", "");
	body_is(STR("5\r\nhello\r\n0\r\n\r\n"), "hello", "");
	body_is(STR("3\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n"), "abc0123456789", "");
	body_is(STR("0b\r\nhello\r\nworl\r\n00\r\n\r\n"), "hello\r\nworl", "");
	ck_assert_int_eq(feed(STR("0\r\n\r\nGET / HTTP/1.1"), 100, &why), HTTP_OK);
	ck_assert_uint_eq(eaten, 5);
	ck_assert_int_eq(feed(STR("0\r\n\r"), 100, &why), HTTP_MORE);
}
END_TEST

START_TEST(h39_a_chunk_size_is_hex_digits_only)
{
	static const char *const bad[] = { "0x2", "+2", "-2", " 2", "2 ", "2\t", "1_0", "", "g",
					   "2 ;a", "\xb2", "8000000000000000",
					   "10000000000000000", "fffffffffffffffff" };
	enum reason why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];
		int n = snprintf(text, sizeof(text), "%s\r\nab\r\n0\r\n\r\n", bad[i]);

		refused((struct str){ text, (size_t)n }, REASON_REQ_CHUNK);
	}
	refused(STR("2\0\r\nab"), REASON_REQ_CHUNK);
	/* behind a chunk that had one */
	refused(STR("1\r\na\r\n\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("1\r\na\r\n;a\r\n\r\n"), REASON_REQ_CHUNK);
	ck_assert_int_eq(feed(STR("7fffffffffffffff\r\nab"), 100, &why), HTTP_OK);
	ck_assert_uint_eq(chunks.left, INT64_MAX - 2);
}
END_TEST

START_TEST(h40_lines_and_data_end_with_crlf_only)
{
	refused(STR("2\nab\r\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nab\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nab0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nabc\r\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nab\rx0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nabx\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\r\nab\n\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2\rab\r\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a\nab\r\n0\r\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a\rb\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=\"\n\"\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("0\n\r\n"), REASON_REQ_CHUNK);
	refused(STR("0\r\n\n"), REASON_REQ_TRAILER);
	refused(STR("0\r\n\rx"), REASON_REQ_TRAILER);
	refused(STR("0\r\nA: b\n\r\n"), REASON_REQ_TRAILER);
	refused(STR("0\r\nA: b\rc\r\n\r\n"), REASON_REQ_TRAILER);
}
END_TEST

START_TEST(h41_extensions_are_parsed_and_dropped)
{
	body_is(STR("2;a\r\nab\r\n0;b=c;d=\"e\\\"\xff;\t\"\r\n\r\n"), "ab", "");
	body_is(STR("2; a = b ; c\r\nab\r\n0; a = \"b\" ;c\r\n\r\n"), "ab", "");
	refused(STR("2;\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;=b\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a b\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a \r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=b \r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=\"b\" x\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=\"b\"=c\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a\0\r\nab\r\n"), REASON_REQ_CHUNK);
	refused(STR("2;a=\"\0\"\r\nab\r\n"), REASON_REQ_CHUNK);
}
END_TEST

START_TEST(h41_extensions_are_limited)
{
	static char text[H1_CHUNK_EXTENSION_MAX * 8];
	enum reason why;
	size_t n = 0;

	memset(text, 'a', sizeof(text));
	memcpy(text, "1;", 2);
	refused((struct str){ text, H1_CHUNK_LINE_MAX + 1 }, REASON_REQ_CHUNK_EXTENSION);
	memset(text, '0', sizeof(text));
	refused((struct str){ text, H1_CHUNK_LINE_MAX + 1 }, REASON_REQ_CHUNK);
	/* Four bytes a chunk: "aaa" and the line's end. */
	for (unsigned i = 0; i < H1_CHUNK_EXTENSION_MAX / 4; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "1;aaa\r\nx\r\n");
	snprintf(text + n, sizeof(text) - n, "0\r\n\r\n");
	ck_assert_int_eq(feed(exact_copy((struct str){ text, n + 5 }), 100, &why), HTTP_OK);
	ck_assert(chunks.done);
	ck_assert_uint_eq(chunks.extension_total, H1_CHUNK_EXTENSION_MAX);
	snprintf(text + n, sizeof(text) - n, "0;a\r\n\r\n");
	refused((struct str){ text, n + 7 }, REASON_REQ_CHUNK_EXTENSION);
}
END_TEST

START_TEST(h43_trailers_obey_the_rules_of_fields)
{
	static const char *const bad[] = { "foo", ": x", "F oo: x", "Foo : x", " Foo: x",
					   "A: b\r\n c", "A: \x01", "F(: x", "A: b\rc" };
	char text[64];
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		n = (size_t)snprintf(text, sizeof(text), "0\r\n%s\r\n\r\n", bad[i]);
		refused((struct str){ text, n }, REASON_REQ_TRAILER);
	}
	refused(STR("0\r\nA: \0\r\n\r\n"), REASON_REQ_TRAILER);
}
END_TEST

START_TEST(h43_values_of_trailers_go_out_trimmed)
{
	body_is(STR("0\r\nA:  1 \r\nB:2\t\r\nC:3\r\nD:\t\r\nE:\t4 5\r\nF: \xa0\r\nG: \r\nH:\r\n"
		    "\r\n"),
		"", "A: 1\r\nB: 2\r\nC:3\r\nD: \r\nE: 4 5\r\nF: \xa0\r\nG: \r\nH:\r\n");
}
END_TEST

START_TEST(h43_trailers_have_the_limits_of_the_head)
{
	limits = (struct h1_limits){ .max_line = 9, .max_head = 20, .max_fields = 3 };
	/* The 20th byte is the last that may come before the empty line. */
	body_is(STR("0\r\nX: 456789012\r\nY: 8\r\n\r\n"), "", "X: 456789012\r\nY: 8\r\n");
	refused(STR("0\r\nX: 4567890123\r\nY: 9\r\n\r\n"), REASON_REQ_TRAILER_TOO_LARGE);
	ck_assert_uint_eq(chunks.trailer_size, 21);
	/* Also of fields that are not passed on, and of a line that never ends. */
	refused(STR("0\r\nTE: 7890123\r\nDate: 1\r\n\r\n"), REASON_REQ_TRAILER_TOO_LARGE);
	refused(STR("0\r\nX: 456789012345678901"), REASON_REQ_TRAILER_TOO_LARGE);
	body_is(STR("0\r\nA:\r\nB:\r\nC:\r\n\r\n"), "", "A:\r\nB:\r\nC:\r\n");
	refused(STR("0\r\nA:\r\nB:\r\nTE:\r\nD:\r\n\r\n"), REASON_REQ_TRAILER_TOO_MANY);
	ck_assert_uint_eq(reason_status(REASON_REQ_TRAILER_TOO_LARGE), 431);
	ck_assert_uint_eq(reason_status(REASON_REQ_TRAILER_TOO_MANY), 431);
}
END_TEST

START_TEST(h81_trailers_pass_but_for_the_forbidden)
{
	body_is(STR("1\r\nx\r\n0\r\ngrpc-status: 0\r\nX-Sum: 1\r\n\r\n"), "x",
		"grpc-status: 0\r\nX-Sum: 1\r\n");
	body_is(STR("0\r\nContent-Length: 9\r\nA: b\r\nTransfer-Encoding: chunked\r\nhost: x\r\n"
		    "C: d\r\nAuthorization: e\r\nSet-Cookie: f\r\nX-Forwarded-For: g\r\n"
		    "Connection: C\r\nX_Y: h\r\nContent-Type: i\r\n\r\n"),
		"", "A: b\r\nC: d\r\n");
}
END_TEST

START_TEST(h52_h81_what_connection_names_is_no_trailer)
{
	struct str in = STR("0\r\nA: 1\r\nX-B: 2\r\nC_D: 3\r\nx.e: 4\r\nHost: 5\r\n\r\n");

	connection = STR("close, x-b,,keep-alive,");
	body_is(in, "", "A: 1\r\n");
	any_name = true;
	body_is(in, "", "A: 1\r\nC_D: 3\r\nx.e: 4\r\n");
}
END_TEST

START_TEST(the_head_of_a_chunk)
{
	static const struct {
		uint64_t size;
		const char *text;
	} cases[] = { { 1, "1\r\n" },           { 0x1f4, "1f4\r\n" },
		      { 0, "0\r\n" },           { 0x10000, "10000\r\n" },
		      { 15, "f\r\n" },          { 16, "10\r\n" },
		      { UINT64_MAX, "ffffffffffffffff\r\n" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[H1_CHUNK_HEAD];
		size_t n = h1_chunk_head(to, cases[i].size);

		str_is((struct str){ to, n }, cases[i].text);
	}
}
END_TEST

START_TEST(an_arena_that_failed_is_told)
{
	arena.limit = 8;
	refused(STR("0\r\nA: b\r\n\r\n"), REASON_NO_MEMORY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http chunk");
	TCase *t = tcase_create("chunk");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, chunks_give_their_data);
	tcase_add_test(t, h39_a_chunk_size_is_hex_digits_only);
	tcase_add_test(t, h40_lines_and_data_end_with_crlf_only);
	tcase_add_test(t, h41_extensions_are_parsed_and_dropped);
	tcase_add_test(t, h41_extensions_are_limited);
	tcase_add_test(t, h43_trailers_obey_the_rules_of_fields);
	tcase_add_test(t, h43_values_of_trailers_go_out_trimmed);
	tcase_add_test(t, h43_trailers_have_the_limits_of_the_head);
	tcase_add_test(t, h81_trailers_pass_but_for_the_forbidden);
	tcase_add_test(t, h52_h81_what_connection_names_is_no_trailer);
	tcase_add_test(t, the_head_of_a_chunk);
	tcase_add_test(t, an_arena_that_failed_is_told);
	return http_run(s);
}
