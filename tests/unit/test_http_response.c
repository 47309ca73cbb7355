/* Response heads against the sentences of the acceptance list (the numbers in the names). */
#include "http_testing.h"

#define LINE "HTTP/1.1 200 OK\r\n"
#define RES(fields) STR(LINE fields "\r\n")

START_TEST(a_plain_response_is_understood)
{
	response_taken(STR("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nServer: x\r\n\r\n"),
		       METHOD_GET);
	ck_assert_uint_eq(res.status, 404);
	str_is(res.reason_phrase, "Not Found");
	ck_assert_uint_eq(res.minor, 1);
	ck_assert_int_eq(res.framing, FRAMING_LENGTH);
	ck_assert_uint_eq(res.content_length, 5);
	ck_assert(res.keep_alive && !res.has_date && !res.upgrade_websocket);
	response_is(STR("HTT"), METHOD_GET, false, HTTP_MORE, REASON_COMPLETE);
	response_is(STR(LINE "A: b\r\n"), METHOD_GET, false, HTTP_MORE, REASON_COMPLETE);
}
END_TEST

START_TEST(h97_the_announced_idle_time_is_read)
{
	response_taken(RES("Keep-Alive: timeout=7\r\nkeep-alive: timeout=5, max=2\r\n"
			   "Content-Length: 0\r\n"),
		       METHOD_GET);
	ck_assert(res.has_idle_limit);
	ck_assert_uint_eq(res.idle_limit, 5);
	response_taken(RES("Keep-Alive: max=2\r\nContent-Length: 0\r\n"), METHOD_GET);
	ck_assert(!res.has_idle_limit);
}
END_TEST

START_TEST(h95_a_challenge_is_noticed)
{
	response_taken(STR("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
			   "www-authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"),
		       METHOD_GET);
	ck_assert(res.authenticates_connection);
	response_taken(STR("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\n"
			   "Content-Length: 0\r\n\r\n"),
		       METHOD_GET);
	ck_assert(res.authenticates_connection);
	response_taken(STR("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
			   "Content-Length: 0\r\n\r\n"),
		       METHOD_GET);
	ck_assert(!res.authenticates_connection);
}
END_TEST

START_TEST(h52_hop_by_hop_fields_are_dropped)
{
	response_taken(RES("Connection: x-secret, cookie\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n"
			   "Cookie: a\r\nContent-Length: 0\r\nSet-Cookie: b\r\nX_Y: z\r\n"),
		       METHOD_GET);
	ck_assert(http_field_find_name(&res.fields, STR("x-secret"))->drop);
	ck_assert(http_field_find(&res.fields, FIELD_KEEP_ALIVE)->drop);
	ck_assert(http_field_find(&res.fields, FIELD_CONNECTION)->drop);
	ck_assert(!http_field_find(&res.fields, FIELD_COOKIE)->drop);
	ck_assert(!http_field_find_name(&res.fields, STR("Set-Cookie"))->drop);
	ck_assert(!http_field_find_name(&res.fields, STR("X_Y"))->drop);
}
END_TEST

START_TEST(h63_a_date_is_noticed)
{
	response_taken(RES("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n"),
		       METHOD_GET);
	ck_assert(res.has_date);
	response_taken(RES("Connection: date\r\nDate: x\r\nContent-Length: 0\r\n"), METHOD_GET);
	ck_assert(!res.has_date);
}
END_TEST

START_TEST(h65_what_has_no_body)
{
	static const unsigned statuses[] = { 100, 103, 204, 304 };

	response_taken(RES("Content-Length: 5\r\n"), METHOD_HEAD);
	ck_assert_int_eq(res.framing, FRAMING_NONE);
	response_taken(RES("Transfer-Encoding: chunked\r\n"), METHOD_HEAD);
	ck_assert_int_eq(res.framing, FRAMING_NONE);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "HTTP/1.1 %u X\r\nContent-Length: 5\r\n\r\n",
				 statuses[i]);

		response_taken((struct str){ text, (size_t)n }, METHOD_GET);
		ck_assert_int_eq(res.framing, FRAMING_NONE);
	}
	response_taken(STR("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n"), METHOD_GET);
	ck_assert_int_eq(res.framing, FRAMING_NONE);
}
END_TEST

START_TEST(h65_a_204_that_promises_a_body_ends_the_connection)
{
	response_taken(STR("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n"), METHOD_GET);
	ck_assert(res.keep_alive);
	response_taken(STR("HTTP/1.1 204 X\r\nContent-Length: 5\r\n\r\n"), METHOD_GET);
	ck_assert(!res.keep_alive);
	response_taken(STR("HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n"), METHOD_GET);
	ck_assert(!res.keep_alive);
	response_taken(STR("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n"), METHOD_GET);
	ck_assert(res.keep_alive);
}
END_TEST

START_TEST(h66_the_length_of_head_and_304_is_kept)
{
	response_taken(RES("Content-Length: 5\r\n"), METHOD_HEAD);
	ck_assert(res.has_length && res.content_length == 5);
	response_taken(STR("HTTP/1.1 304 X\r\nContent-Length: 7\r\n\r\n"), METHOD_GET);
	ck_assert(res.has_length && res.content_length == 7);
	response_taken(STR("HTTP/1.1 204 X\r\nContent-Length: 7\r\n\r\n"), METHOD_GET);
	ck_assert(!res.has_length);
	response_taken(STR("HTTP/1.1 102 X\r\nContent-Length: 7\r\n\r\n"), METHOD_GET);
	ck_assert(!res.has_length);
}
END_TEST

START_TEST(h67_interim_responses_are_returned)
{
	response_taken(STR("HTTP/1.1 100 Continue\r\n\r\n"), METHOD_POST);
	ck_assert_uint_eq(res.status, 100);
	response_taken(STR("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), METHOD_GET);
	ck_assert_uint_eq(res.fields.count, 1);
}
END_TEST

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\n"
#define SWITCH SWITCHING "Connection: Upgrade\r\n"

static void switch_is(struct str in, bool upgrade, bool good)
{
	response_is(in, METHOD_GET, upgrade, good ? HTTP_OK : HTTP_BAD,
		    good ? REASON_COMPLETE : REASON_RES_SWITCH);
}

START_TEST(h69_a_101_that_was_not_asked_for_is_refused)
{
	switch_is(STR(SWITCH "Upgrade: websocket\r\n" ACCEPT "\r\n"), false, false);
	switch_is(STR(SWITCH "\r\n"), false, false);
}
END_TEST

START_TEST(h130_only_a_101_that_matches_is_taken)
{
	switch_is(STR(SWITCH "Upgrade: WebSocket\r\n" ACCEPT "\r\n"), true, true);
	ck_assert(res.upgrade_websocket);
	switch_is(STR(SWITCH ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: h2c\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: websocket\r\n\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: websocket\r\nSec-WebSocket-Accept:\r\n\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: websocket\r\n" ACCEPT ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: websocket, h2c\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCH "Upgrade: websocket\r\nUpgrade: x\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCHING "Upgrade: websocket\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCHING "Connection: close\r\nUpgrade: websocket\r\n" ACCEPT "\r\n"), true,
		  false);
	switch_is(STR(SWITCHING "Connection: upgrade, Sec-WebSocket-Accept\r\n"
				"Upgrade: websocket\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR("HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\n"
		      "Upgrade: websocket\r\n" ACCEPT "\r\n"), true, false);
	switch_is(STR(SWITCHING "Connection: keep-alive, UPGRADE\r\nUpgrade: WEBSOCKET\r\n"
				"Content-Length: 5\r\n" ACCEPT "\r\n"), true, true);
	ck_assert(res.framing == FRAMING_NONE);
	response_is(STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), METHOD_GET, true,
		    HTTP_OK, REASON_COMPLETE);
	ck_assert(!res.upgrade_websocket);
}
END_TEST

START_TEST(h129_a_426_passes)
{
	response_is(STR("HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n"
			"Content-Length: 0\r\n\r\n"), METHOD_GET, true, HTTP_OK, REASON_COMPLETE);
	ck_assert(!http_field_find(&res.fields, FIELD_SEC_WEBSOCKET_VERSION)->drop);
	ck_assert(!res.upgrade_websocket);
	response_is(STR("HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c, WebSocket\r\n"
			"Content-Length: 0\r\n\r\n"), METHOD_GET, true, HTTP_OK, REASON_COMPLETE);
	ck_assert(res.upgrade_websocket);
	response_is(STR("HTTP/1.1 400 No\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"),
		    METHOD_GET, true, HTTP_OK, REASON_COMPLETE);
	ck_assert(!res.upgrade_websocket);
}
END_TEST

START_TEST(h70_coding_beats_length_and_ends_the_connection)
{
	response_taken(RES("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), METHOD_GET);
	ck_assert_int_eq(res.framing, FRAMING_CHUNKED);
	ck_assert(!res.keep_alive && !res.has_length);
	response_taken(RES("Transfer-Encoding: chunked\r\n"), METHOD_GET);
	ck_assert(res.keep_alive);
	response_taken(RES("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), METHOD_HEAD);
	ck_assert(!res.keep_alive && !res.has_length);
}
END_TEST

START_TEST(h71_lengths_that_differ_or_are_malformed_are_refused)
{
	response_refused(RES("Content-Length: 5\r\nContent-Length: 6\r\n"), REASON_RES_LENGTH);
	response_refused(RES("Content-Length: 5, 6\r\n"), REASON_RES_LENGTH);
	response_refused(RES("Content-Length: x\r\n"), REASON_RES_LENGTH);
	response_refused(RES("Content-Length:\r\n"), REASON_RES_LENGTH);
	response_refused(RES("Content-Length: -1\r\n"), REASON_RES_LENGTH);
	response_refused(RES("Content-Length: 9223372036854775808\r\n"), REASON_RES_LENGTH);
	response_is(RES("Content-Length: 5\r\nContent-Length: 6\r\n"), METHOD_HEAD, false,
		    HTTP_BAD, REASON_RES_LENGTH);
	response_refused(STR("HTTP/1.1 204 X\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n"),
			 REASON_RES_LENGTH);
	response_refused(STR("HTTP/1.1 304 X\r\nContent-Length: 5, 6\r\n\r\n"),
			 REASON_RES_LENGTH);
	response_refused(STR("HTTP/1.1 103 X\r\nContent-Length: 5, 6\r\n\r\n"),
			 REASON_RES_LENGTH);
	response_refused(RES("Transfer-Encoding: chunked\r\nContent-Length: 5, 6\r\n"),
			 REASON_RES_LENGTH);
	response_taken(RES("Content-Length: 5\r\nContent-Length: 5\r\n"), METHOD_GET);
	ck_assert_uint_eq(res.content_length, 5);
}
END_TEST

START_TEST(h72_without_framing_a_body_ends_by_close)
{
	response_taken(RES(""), METHOD_GET);
	ck_assert_int_eq(res.framing, FRAMING_CLOSE);
	ck_assert(!res.keep_alive);
}
END_TEST

START_TEST(codings_other_than_chunked_are_refused)
{
	response_refused(RES("Transfer-Encoding: gzip\r\n"), REASON_RES_CODING);
	response_refused(RES("Transfer-Encoding: gzip, chunked\r\n"), REASON_RES_CODING);
	response_refused(RES("Transfer-Encoding: chunked, chunked\r\n"), REASON_RES_CODING);
	response_refused(RES("Transfer-Encoding: identity\r\n"), REASON_RES_CODING);
	response_refused(RES("Transfer-Encoding: ,chunked\r\n"), REASON_RES_CODING);
	/* There is no body whose end it could hide. */
	response_taken(RES("Transfer-Encoding: gzip\r\n"), METHOD_HEAD);
	ck_assert_int_eq(res.framing, FRAMING_NONE);
}
END_TEST

START_TEST(too_many_connection_options_are_refused)
{
	char text[512];
	size_t n = (size_t)snprintf(text, sizeof(text), LINE "Connection: ");

	for (unsigned i = 0; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "x,");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n\r\n");
	response_refused((struct str){ text, n }, REASON_RES_CONNECTION);
}
END_TEST

START_TEST(h75_the_status_line)
{
	static const struct {
		const char *line;
		enum reason why;
	} cases[] = {
		{ "HTTP/1.1 200", REASON_COMPLETE },      { "HTTP/1.1 200 ", REASON_COMPLETE },
		{ "HTTP/1.0 599 x", REASON_COMPLETE },    { "HTTP/1.9 200 OK", REASON_COMPLETE },
		{ "HTTP/1.1 200 \xe4", REASON_COMPLETE }, { "HTTP/1.1 600 x", REASON_RES_STATUS },
		{ "HTTP/1.1 099 x", REASON_RES_STATUS },  { "HTTP/1.1 999 x", REASON_RES_STATUS },
		{ "HTTP/1.1 99 x", REASON_RES_LINE },     { "HTTP/1.1 2000 x", REASON_RES_LINE },
		{ "HTTP/1.1  200 x", REASON_RES_LINE },   { "HTTP/1.1 20a x", REASON_RES_LINE },
		{ "HTTP/2.0 200 x", REASON_RES_LINE },    { "HTTP/1.11 200", REASON_RES_LINE },
		{ "http/1.1 200 x", REASON_RES_LINE },    { "HTTP/1.1\t200 x", REASON_RES_LINE },
		{ "HTTP/1.1 200\tx", REASON_RES_LINE },   { "HTTP/1.1 +20 x", REASON_RES_LINE },
		{ "HTTP/1.1", REASON_RES_LINE },          { "HTTP/1.1 200 \x01", REASON_RES_LINE },
		{ "HTTP/1.1 200 a\rb", REASON_RES_LINE }, { " HTTP/1.1 200 x", REASON_RES_LINE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "%s\r\nContent-Length: 0\r\n\r\n",
				 cases[i].line);

		response_is((struct str){ text, (size_t)n }, METHOD_GET, false,
			    cases[i].why == REASON_COMPLETE ? HTTP_OK : HTTP_BAD, cases[i].why);
	}
}
END_TEST

START_TEST(h76_what_is_no_http_is_refused_at_once)
{
	response_refused(STR("hello world"), REASON_RES_LINE);
	response_refused(STR("\r\n" LINE), REASON_RES_LINE);
	response_refused(STR("<"), REASON_RES_LINE);
}
END_TEST

START_TEST(h77_bad_fields_are_refused)
{
	response_refused(RES("Foo : bar\r\n"), REASON_RES_FIELD);
	response_refused(RES("Foo: b\0r\r\n"), REASON_RES_FIELD);
	response_refused(RES("Foo: b\rr\r\n"), REASON_RES_FIELD);
	response_refused(RES("F(o: bar\r\n"), REASON_RES_FIELD);
	response_refused(RES("Foo\r\n"), REASON_RES_FIELD);
	response_refused(RES(": x\r\n"), REASON_RES_FIELD);
	response_refused(RES("Foo: bar\nX: y\r\n"), REASON_RES_FIELD);
	response_refused(STR("HTTP/1.1 200 OK\nFoo: bar\r\n\r\n"), REASON_RES_LINE);
}
END_TEST

START_TEST(h78_a_folded_line_is_refused)
{
	response_refused(RES("Foo: bar\r\n baz\r\n"), REASON_RES_FIELD);
}
END_TEST

START_TEST(h80_limits_of_the_head)
{
	limits = (struct h1_limits){ .max_line = 10, .max_head = 40, .max_fields = 2 };
	response_taken(RES("A: 3456789012345678\r\n"), METHOD_GET);
	ck_assert_uint_eq(res.head_size, 40);
	response_refused(RES("A: 34567890123456789\r\n"), REASON_RES_HEAD_TOO_LARGE);
	response_refused(STR("HTTP/1.1 200 a very long phrase that does not end"),
			 REASON_RES_HEAD_TOO_LARGE);
	response_refused(RES("A: b\r\nA: b\r\nA: b\r\n"), REASON_RES_TOO_MANY_FIELDS);
}
END_TEST

static void over_is(struct str in, size_t size, size_t limit)
{
	struct h1_parser p;
	enum reason why;

	h1_parser_reset(&p);
	ck_assert_int_eq(h1_parse_response(&p, exact_copy(in), &limits, &arena, METHOD_GET, false,
					   &res, &why), HTTP_BAD);
	ck_assert_uint_eq(p.size, size);
	ck_assert_uint_eq(p.limit, limit);
}

START_TEST(h80_what_went_over_which_limit_is_told)
{
	limits = (struct h1_limits){ .max_line = 10, .max_head = 40, .max_fields = 2 };
	over_is(RES("A: 34567890123456789\r\n"), 41, 40);
	over_is(STR("HTTP/1.1 200 a very long phrase that does not end"), 49, 40);
	over_is(RES("A: b\r\nA: b\r\nA: b\r\n"), 3, 2);
	over_is(RES("A\r\n"), 0, 0);
}
END_TEST

START_TEST(h84_when_a_server_connection_lives_on)
{
	response_taken(RES("Content-Length: 0\r\nConnection: close\r\n"), METHOD_GET);
	ck_assert(!res.keep_alive);
	response_taken(STR("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), METHOD_GET);
	ck_assert(!res.keep_alive);
	response_taken(STR("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n"
			   "\r\n"), METHOD_GET);
	ck_assert(res.keep_alive);
	response_taken(STR("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n"
			   "Connection: Keep-Alive\r\n\r\n"), METHOD_GET);
	ck_assert_int_eq(res.framing, FRAMING_CHUNKED);
	ck_assert(!res.keep_alive);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http response");
	TCase *t = tcase_create("head");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, a_plain_response_is_understood);
	tcase_add_test(t, h97_the_announced_idle_time_is_read);
	tcase_add_test(t, h95_a_challenge_is_noticed);
	tcase_add_test(t, h52_hop_by_hop_fields_are_dropped);
	tcase_add_test(t, h63_a_date_is_noticed);
	tcase_add_test(t, h65_what_has_no_body);
	tcase_add_test(t, h65_a_204_that_promises_a_body_ends_the_connection);
	tcase_add_test(t, h66_the_length_of_head_and_304_is_kept);
	tcase_add_test(t, h67_interim_responses_are_returned);
	tcase_add_test(t, h69_a_101_that_was_not_asked_for_is_refused);
	tcase_add_test(t, h130_only_a_101_that_matches_is_taken);
	tcase_add_test(t, h129_a_426_passes);
	tcase_add_test(t, h70_coding_beats_length_and_ends_the_connection);
	tcase_add_test(t, h71_lengths_that_differ_or_are_malformed_are_refused);
	tcase_add_test(t, h72_without_framing_a_body_ends_by_close);
	tcase_add_test(t, codings_other_than_chunked_are_refused);
	tcase_add_test(t, too_many_connection_options_are_refused);
	tcase_add_test(t, h75_the_status_line);
	tcase_add_test(t, h76_what_is_no_http_is_refused_at_once);
	tcase_add_test(t, h77_bad_fields_are_refused);
	tcase_add_test(t, h78_a_folded_line_is_refused);
	tcase_add_test(t, h80_limits_of_the_head);
	tcase_add_test(t, h80_what_went_over_which_limit_is_told);
	tcase_add_test(t, h84_when_a_server_connection_lives_on);
	return http_run(s);
}
