/* What a request's fields mean for its body, its connection and its way on, against the
 * sentences of the acceptance list (the numbers in the names). */
#include "http_testing.h"

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define GET(fields) STR(HEAD fields "\r\n")

START_TEST(h44_no_length_and_no_coding_is_no_body)
{
	request_taken(STR("POST / HTTP/1.1\r\nHost: a\r\n\r\n"));
	ck_assert_int_eq(req.framing, FRAMING_NONE);
	request_taken(STR("POST / HTTP/1.0\r\n\r\n"));
	ck_assert_int_eq(req.framing, FRAMING_NONE);
}
END_TEST

START_TEST(h45_a_body_of_get_keeps_its_framing)
{
	request_taken(GET("Content-Length: 3\r\n"));
	ck_assert_int_eq(req.framing, FRAMING_LENGTH);
	ck_assert_uint_eq(req.content_length, 3);
}
END_TEST

START_TEST(h47_expect_100_continue_is_told)
{
	request_taken(GET("Expect: 100-Continue\r\n"));
	ck_assert(req.expect_continue);
	ck_assert(!http_field_find(&req.fields, FIELD_EXPECT)->drop);
	request_taken(STR("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"));
	ck_assert(!req.expect_continue);
	ck_assert(http_field_find(&req.fields, FIELD_EXPECT)->drop);
}
END_TEST

START_TEST(h48_another_expectation_gets_417)
{
	request_refused(GET("Expect: 200-ok\r\n"), REASON_REQ_EXPECT);
	request_refused(GET("Expect: 100-continue, x\r\n"), REASON_REQ_EXPECT);
	request_refused(GET("Expect:\r\n"), REASON_REQ_EXPECT);
	request_refused(GET("Expect: 100-continue\r\nExpect: ,\r\n"), REASON_REQ_EXPECT);
	request_refused(STR("POST / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n"), REASON_REQ_EXPECT);
	ck_assert_uint_eq(reason_status(REASON_REQ_EXPECT), 417);
}
END_TEST

static bool dropped(const char *name)
{
	const struct http_field *f = http_field_find_name(&req.fields, str_of(name));

	ck_assert_ptr_nonnull(f);
	return f->drop;
}

START_TEST(h52_hop_by_hop_fields_are_dropped)
{
	request_taken(GET("Connection: close, x-secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n"
			  "Proxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: foo\r\nX: y\r\n"
			  "Connection: x-other\r\nx-OTHER: 2\r\n"));
	ck_assert(dropped("Connection") && dropped("X-Secret") && dropped("Keep-Alive"));
	ck_assert(dropped("Proxy-Connection") && dropped("TE") && dropped("Upgrade"));
	ck_assert(dropped("X-Other") && !dropped("X"));
	ck_assert(!req.keep_alive);
}
END_TEST

START_TEST(h53_some_fields_cannot_be_named_away)
{
	request_taken(GET("Connection: host, content-length, authorization, cookie, expect,"
			  " x-forwarded-for, x-forwarded-proto, forwarded\r\n"
			  "Content-Length: 4\r\nAuthorization: b\r\nCookie: c=d\r\n"
			  "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n"
			  "Forwarded: for=1.2.3.4\r\nExpect: 100-continue\r\n"));
	ck_assert_int_eq(req.framing, FRAMING_LENGTH);
	str_is(req.authority, "a");
	ck_assert(!dropped("Authorization") && !dropped("Cookie") && !dropped("Expect"));
	ck_assert(!dropped("X-Forwarded-For") && !dropped("X-Forwarded-Proto"));
	ck_assert(!dropped("Forwarded"));
	request_refused(GET("Connection: transfer-encoding, content-length\r\n"
			    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
			REASON_REQ_LENGTH_AND_CODING);
}
END_TEST

START_TEST(h54_te_trailers_is_told)
{
	request_taken(GET("TE: gzip, Trailers\r\n"));
	ck_assert(req.te_trailers);
	request_taken(GET("TE: gzip\r\n"));
	ck_assert(!req.te_trailers);
	request_taken(GET("TE: trailers;q=0.5\r\n"));
	ck_assert(!req.te_trailers);
	/* Who speaks HTTP/1.0 could not be sent any. */
	request_taken(STR("GET / HTTP/1.0\r\nTE: trailers\r\n\r\n"));
	ck_assert(!req.te_trailers);
}
END_TEST

#define OPTIONS(fields) STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n" fields "\r\n")

START_TEST(h61_max_forwards_of_options)
{
	request_taken(OPTIONS("Max-Forwards: 0\r\n"));
	ck_assert_uint_eq(req.max_forwards, 0);
	request_taken(OPTIONS("Max-Forwards:\t010\r\n"));
	ck_assert_uint_eq(req.max_forwards, 10);
	request_taken(OPTIONS(""));
	ck_assert_uint_eq(req.max_forwards, HTTP_FORWARDS_ANY);
	request_refused(OPTIONS("Max-Forwards:\r\n"), REASON_REQ_MAX_FORWARDS);
	request_refused(OPTIONS("Max-Forwards: -1\r\n"), REASON_REQ_MAX_FORWARDS);
	request_refused(OPTIONS("Max-Forwards: 1, 1\r\n"), REASON_REQ_MAX_FORWARDS);
	request_refused(OPTIONS("Max-Forwards: 0x1\r\n"), REASON_REQ_MAX_FORWARDS);
	request_refused(OPTIONS("Max-Forwards: 1\r\nMax-Forwards: 1\r\n"),
			REASON_REQ_MAX_FORWARDS);
	request_refused(STR("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n"),
			REASON_REQ_TRACE);
	request_taken(GET("Max-Forwards: 0\r\n"));
	ck_assert_uint_eq(req.max_forwards, HTTP_FORWARDS_ANY);
	ck_assert(!dropped("Max-Forwards"));
}
END_TEST

START_TEST(h55_h2c_is_dropped)
{
	request_taken(GET("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n"));
	ck_assert(dropped("Upgrade") && dropped("HTTP2-Settings"));
	ck_assert(!req.upgrade_websocket);
}
END_TEST

START_TEST(h56_names_that_are_not_plain_are_dropped)
{
	request_taken(GET("X_Auth_User: root\r\nX.Y: 1\r\nX-Y: 2\r\nX!: 3\r\nA9z-: 4\r\n"));
	ck_assert(dropped("X_Auth_User") && dropped("X.Y") && dropped("X!"));
	ck_assert(!dropped("X-Y") && !dropped("A9z-"));
}
END_TEST

START_TEST(h84_who_wants_the_connection_closed)
{
	request_taken(GET("Connection: Keep-Alive, Close\r\n"));
	ck_assert(!req.keep_alive);
	request_taken(STR("GET / HTTP/1.0\r\n\r\n"));
	ck_assert(!req.keep_alive);
	request_taken(STR("GET / HTTP/1.0\r\nConnection: x, keep-alive\r\n\r\n"));
	ck_assert(req.keep_alive);
}
END_TEST

START_TEST(too_many_connection_options_are_refused)
{
	char text[512];
	size_t n = (size_t)snprintf(text, sizeof(text), HEAD "Connection: ");

	for (unsigned i = 0; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "x,");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n\r\n");
	request_refused((struct str){ text, n }, REASON_REQ_CONNECTION);
}
END_TEST

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

START_TEST(h128_a_websocket_handshake_is_whole_or_refused)
{
	request_taken(GET("Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n" KEY
			  "Sec-WebSocket-Version: 13\r\n"));
	ck_assert(req.upgrade_websocket && req.keep_alive);
	ck_assert(req.websocket_13);
	request_taken(GET(CONNECTION "Upgrade: h2c, websocket\r\n" KEY));
	ck_assert(req.upgrade_websocket);
	str_is(http_field_find(&req.fields, FIELD_UPGRADE)->value, "h2c, websocket");
	request_taken(GET("Connection: x\r\nConnection: upgrade\r\nUpgrade: foo\r\nUpgrade: ,\r\n"
			  UPGRADE KEY));
	ck_assert(req.upgrade_websocket);
	request_refused(GET(UPGRADE KEY), REASON_REQ_UPGRADE);
	request_refused(GET("Connection: keep-alive\r\n" UPGRADE KEY), REASON_REQ_UPGRADE);
	request_refused(GET("Connection: upgrade2, noupgrade\r\n" UPGRADE KEY),
			REASON_REQ_UPGRADE);
	request_refused(GET("Connection: \"Upgrade\"\r\n" UPGRADE KEY), REASON_REQ_UPGRADE);
	request_refused(GET(CONNECTION UPGRADE), REASON_REQ_UPGRADE);
	request_refused(GET(CONNECTION UPGRADE KEY KEY), REASON_REQ_UPGRADE);
	request_refused(GET("Connection: Upgrade, sec-websocket-key\r\n" UPGRADE KEY),
			REASON_REQ_UPGRADE);
	request_refused(STR("POST / HTTP/1.1\r\nHost: a\r\n" CONNECTION UPGRADE KEY "\r\n"),
			REASON_REQ_UPGRADE);
	request_refused(STR("get / HTTP/1.1\r\nHost: a\r\n" CONNECTION UPGRADE KEY "\r\n"),
			REASON_REQ_UPGRADE);
	request_refused(STR("GET / HTTP/1.0\r\nHost: a\r\n" CONNECTION UPGRADE KEY "\r\n"),
			REASON_REQ_UPGRADE);
	request_taken(STR("GET / HTTP/1.7\r\nHost: a\r\n" CONNECTION UPGRADE KEY "\r\n"));
}
END_TEST

static const struct {
	const char *key;
	bool good;
} keys[] = {
	{ "dGhlIHNhbXBsZSBub25jZQ==", true },
	{ "++++//////AAAAAzzzzzzz==", true }, /* the last letter says more than 16 bytes need */
	{ "dGhlIHNhbXBsZSBub25jZQ", false },
	{ "dGhlIHNhbXBsZSBub25jZQ=", false },
	{ "dGhlIHNhbXBsZSBub25jZQ===", false },
	{ "dGhlIHNhbXBsZSBub25jZQA=", false },   /* 17 bytes */
	{ "dGhlIHNhbXBsZSBub25j", false },       /* 15 bytes */
	{ "dGhlIHNhbXBsZSBub25jZQAAA==", false },
	{ "dGhlIHNhb-BsZSBub25jZQ==", false },
	{ "dGhlIHNhb BsZSBub25jZQ==", false },
	{ "=GhlIHNhbXBsZSBub25jZQ==", false },
	{ "\xc3\xa9hlIHNhbXBsZSBub25jZQ==", false },
	{ "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==", false },
	{ "", false },
};

START_TEST(h128_the_key_is_16_bytes_in_base64)
{
	char text[256];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(text, sizeof(text),
			 HEAD CONNECTION UPGRADE "Sec-WebSocket-Key: %s\r\n\r\n", keys[i].key);
		request_is(str_of(text), keys[i].good ? HTTP_OK : HTTP_BAD,
			   keys[i].good ? REASON_COMPLETE : REASON_REQ_UPGRADE);
	}
}
END_TEST

START_TEST(h129_another_websocket_version_passes)
{
	static const char *const others[] = { "99", "8", "013", "13.0", "13, 8", "", "x" };
	char text[256];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(text, sizeof(text),
			 HEAD CONNECTION UPGRADE KEY "Sec-WebSocket-Version: %s\r\n\r\n",
			 others[i]);
		request_taken(str_of(text));
		ck_assert(req.upgrade_websocket && !dropped("Sec-WebSocket-Version"));
		ck_assert(!req.websocket_13);
	}
	request_taken(GET(CONNECTION UPGRADE KEY));
	ck_assert(req.upgrade_websocket && !req.websocket_13);
	request_taken(GET(CONNECTION UPGRADE KEY VERSION VERSION));
	ck_assert(req.upgrade_websocket && !req.websocket_13);
	request_taken(GET("Connection: Upgrade, Sec-WebSocket-Version\r\n" UPGRADE KEY VERSION));
	ck_assert(req.upgrade_websocket && !req.websocket_13);
}
END_TEST

START_TEST(h134_another_upgrade_is_served_without_it)
{
	static const char *const others[] = { "TLS/1.0", "h2c", "websocket/13", "\"websocket\"",
					      "web socket", "websockets", "", ", ,", "foo, bar" };
	char text[256];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(text, sizeof(text), HEAD CONNECTION "Upgrade: %s\r\n\r\n", others[i]);
		request_taken(str_of(text));
		ck_assert(!req.upgrade_websocket && dropped("Upgrade") && req.keep_alive);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http request fields");
	TCase *t = tcase_create("fields");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, h44_no_length_and_no_coding_is_no_body);
	tcase_add_test(t, h45_a_body_of_get_keeps_its_framing);
	tcase_add_test(t, h47_expect_100_continue_is_told);
	tcase_add_test(t, h48_another_expectation_gets_417);
	tcase_add_test(t, h52_hop_by_hop_fields_are_dropped);
	tcase_add_test(t, h53_some_fields_cannot_be_named_away);
	tcase_add_test(t, h54_te_trailers_is_told);
	tcase_add_test(t, h61_max_forwards_of_options);
	tcase_add_test(t, h55_h2c_is_dropped);
	tcase_add_test(t, h56_names_that_are_not_plain_are_dropped);
	tcase_add_test(t, h84_who_wants_the_connection_closed);
	tcase_add_test(t, too_many_connection_options_are_refused);
	tcase_add_test(t, h128_a_websocket_handshake_is_whole_or_refused);
	tcase_add_test(t, h128_the_key_is_16_bytes_in_base64);
	tcase_add_test(t, h129_another_websocket_version_passes);
	tcase_add_test(t, h134_another_upgrade_is_served_without_it);
	return http_run(s);
}
