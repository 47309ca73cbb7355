/* Request heads against the sentences of the acceptance list (the numbers in the names). */
#include "http_testing.h"

#define LINE "GET / HTTP/1.1\r\n"
#define HEAD LINE "Host: a\r\n"
#define END "\r\n"
#define GET(fields) STR(HEAD fields END)

static void line_refused(struct str line, enum reason why)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%.*s\r\nHost: a\r\n\r\n", STR_ARGS(line));

	request_refused((struct str){ text, (size_t)n }, why);
}

START_TEST(a_plain_request_is_understood)
{
	request_taken(STR("POST /a/b?c=d HTTP/1.1\r\nHost: Example.com:8080\r\n"
			  "Content-Length: 12\r\nX-Thing:  some thing \t\r\n\r\n"));
	str_is(req.method_text, "POST");
	ck_assert_int_eq(req.method, METHOD_POST);
	str_is(req.target, "/a/b?c=d");
	str_is(req.path, "/a/b");
	str_is(req.match_path, "/a/b");
	str_is(req.query, "?c=d");
	str_is(req.authority, "Example.com:8080");
	ck_assert_uint_eq(req.minor, 1);
	ck_assert_int_eq(req.framing, FRAMING_LENGTH);
	ck_assert_uint_eq(req.content_length, 12);
	ck_assert(req.keep_alive && !req.expect_continue && !req.upgrade_websocket);
	ck_assert_uint_eq(req.fields.count, 3);
	str_is(http_field_find_name(&req.fields, STR("x-thing"))->value, "some thing");
	str_is(http_field_find_name(&req.fields, STR("x-thing"))->line,
	       "X-Thing:  some thing \t\r\n");
	ck_assert_ptr_null(http_field_find(&req.fields, FIELD_COOKIE));
	ck_assert_ptr_null(http_field_find_name(&req.fields, STR("X-Thin")));
}
END_TEST

START_TEST(a_head_that_is_not_whole_asks_for_more)
{
	struct h1_parser p;
	enum reason why;

	h1_parser_reset(&p);
	ck_assert_int_eq(h1_parse_request(&p, STR_NONE, &limits, &arena, &req, &why), HTTP_MORE);
	request_is(STR(""), HTTP_MORE, REASON_COMPLETE);
	request_is(STR("GE"), HTTP_MORE, REASON_COMPLETE);
	request_is(STR(HEAD), HTTP_MORE, REASON_COMPLETE);
	request_is(STR(HEAD "\r"), HTTP_MORE, REASON_COMPLETE);
}
END_TEST

START_TEST(a_bad_first_line_is_refused_before_the_rest)
{
	request_refused(STR("GET / HTTP/3.0\r\n"), REASON_REQ_VERSION_UNSUPPORTED);
	request_refused(STR("\x16\x03\x01"), REASON_REQ_METHOD);
}
END_TEST

START_TEST(a_head_that_moves_is_read_again)
{
	static const char head[] = "\r\nGET /x HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
	char first[64], second[64];
	struct h1_parser p;
	enum reason why;

	memcpy(first, head, sizeof(head));
	h1_parser_reset(&p);
	ck_assert_int_eq(h1_parse_request(&p, (struct str){ first, sizeof(head) - 5 }, &limits,
					  &arena, &req, &why), HTTP_MORE);
	memset(first, 'z', sizeof(first));
	memcpy(second, head, sizeof(head));
	ck_assert_int_eq(h1_parse_request(&p, (struct str){ second, sizeof(head) - 1 }, &limits,
					  &arena, &req, &why), HTTP_OK);
	ck_assert_uint_eq(req.fields.count, 2);
	str_is(req.path, "/x");
	str_is(req.authority, "a");
	str_is(http_field_find_name(&req.fields, STR("A"))->value, "b");
}
END_TEST

START_TEST(bytes_after_the_head_are_not_its)
{
	enum reason why;

	ck_assert_int_eq(request_whole(STR(HEAD END "GET /2 HTTP/1.1\r\n"), &why), HTTP_OK);
	ck_assert_uint_eq(req.head_size, sizeof(HEAD END) - 1);
}
END_TEST

START_TEST(h01_length_and_coding_are_refused)
{
	request_refused(GET("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
			REASON_REQ_LENGTH_AND_CODING);
	request_refused(GET("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
			REASON_REQ_LENGTH_AND_CODING);
}
END_TEST

START_TEST(h02_differing_lengths_are_refused)
{
	request_refused(GET("Content-Length: 4\r\nContent-Length: 5\r\n"),
			REASON_REQ_LENGTH_CONFLICT);
	request_refused(GET("Content-Length: 4, 5\r\n"), REASON_REQ_LENGTH_CONFLICT);
}
END_TEST

START_TEST(h03_equal_lengths_are_refused_as_well)
{
	request_refused(GET("Content-Length: 4\r\nContent-Length: 4\r\n"),
			REASON_REQ_CONTENT_LENGTH);
	request_refused(GET("Content-Length: 4, 4\r\n"), REASON_REQ_CONTENT_LENGTH);
}
END_TEST

START_TEST(h04_a_length_is_digits_only)
{
	static const char *const bad[] = { "", "+2", "-1", "0x2", "1_0", "2 3", "2;", "2,", ",2",
					   "2.0", "two", "\t", "\xb2" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), HEAD "Content-Length: %s\r\n\r\n", bad[i]);

		request_refused((struct str){ text, (size_t)n }, REASON_REQ_CONTENT_LENGTH);
	}
}
END_TEST

START_TEST(h05_a_length_never_wraps)
{
	request_refused(GET("Content-Length: 9223372036854775808\r\n"),
			REASON_REQ_CONTENT_LENGTH);
	request_refused(GET("Content-Length: 18446744073709551617\r\n"),
			REASON_REQ_CONTENT_LENGTH);
	request_refused(GET("Content-Length: 10000000000000000000000\r\n"),
			REASON_REQ_CONTENT_LENGTH);
	request_taken(GET("Content-Length: 9223372036854775807\r\n"));
	ck_assert_uint_eq(req.content_length, INT64_MAX);
	request_taken(GET("Content-Length: 02\r\n"));
	ck_assert_uint_eq(req.content_length, 2);
}
END_TEST

START_TEST(h06_the_last_coding_is_chunked)
{
	request_refused(GET("Transfer-Encoding: gzip\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: identity\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: chunked, gzip\r\n"), REASON_REQ_CODING);
	request_taken(GET("Transfer-Encoding: Chunked\r\n"));
	ck_assert_int_eq(req.framing, FRAMING_CHUNKED);
}
END_TEST

START_TEST(h07_an_unknown_coding_gets_501)
{
	request_refused(GET("Transfer-Encoding: gzip, chunked\r\n"), REASON_REQ_CODING_UNKNOWN);
	request_refused(GET("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
			REASON_REQ_CODING_UNKNOWN);
	ck_assert_uint_eq(reason_status(REASON_REQ_CODING_UNKNOWN), 501);
}
END_TEST

START_TEST(h08_chunked_twice_is_refused)
{
	request_refused(GET("Transfer-Encoding: chunked, chunked\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
			REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: chunked, gzip, chunked\r\n"), REASON_REQ_CODING);
}
END_TEST

START_TEST(h09_lookalikes_of_chunked_are_refused)
{
	request_refused(GET("Transfer-Encoding: ,chunked\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: chunked,\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding:\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: xchunked\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: chunked;a\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: \"chunked\"\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: gzip;q=1, chunked\r\n"), REASON_REQ_CODING);
	request_refused(GET("Transfer-Encoding: \x0b" "chunked\r\n"), REASON_REQ_FIELD_VALUE);
	request_refused(GET("Transfer-Encoding: \xa0" "chunked\r\n"), REASON_REQ_CODING);
}
END_TEST

START_TEST(h10_coding_in_http_1_0_is_refused)
{
	request_refused(STR("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
			REASON_REQ_CODING_OLD);
}
END_TEST

START_TEST(h11_space_before_the_colon_is_refused)
{
	request_refused(GET("Foo : bar\r\n"), REASON_REQ_FIELD_COLON);
	request_refused(GET("Foo\t: bar\r\n"), REASON_REQ_FIELD_COLON);
	request_refused(GET("Content-Length : 4\r\n"), REASON_REQ_FIELD_COLON);
}
END_TEST

START_TEST(h12_a_folded_line_is_refused)
{
	request_refused(GET("Foo: bar\r\n baz\r\n"), REASON_REQ_FOLD);
	request_refused(GET("Foo: bar\r\n\tbaz: x\r\n"), REASON_REQ_FOLD);
	request_refused(GET("Foo: bar\r\n \r\n"), REASON_REQ_FOLD);
}
END_TEST

START_TEST(h13_space_before_the_first_field_is_refused)
{
	request_refused(STR(LINE " Host: a\r\n\r\n"), REASON_REQ_FOLD);
	request_refused(STR(LINE "\tHost: a\r\n\r\n"), REASON_REQ_FOLD);
}
END_TEST

START_TEST(h14_a_field_has_a_name_and_a_colon)
{
	request_refused(GET("foo\r\n"), REASON_REQ_FIELD_COLON);
	request_refused(GET(": bar\r\n"), REASON_REQ_FIELD_NAME);
	request_refused(GET(":\r\n"), REASON_REQ_FIELD_NAME);
	request_taken(GET("foo:\r\n"));
}
END_TEST

START_TEST(h15_a_field_name_is_a_token)
{
	for (unsigned c = 1; c < 256; c++) {
		bool token = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || strchr("!#$%&'*+-.^_`|~", (int)c);
		char text[] = HEAD "X?X: v\r\n\r\n";
		enum reason why;

		text[sizeof(HEAD)] = (char)c;
		if (c == '\n' || c == ':')
			continue;
		ck_assert_int_eq(request_whole((struct str){ text, sizeof(text) - 1 }, &why),
				 token ? HTTP_OK : HTTP_BAD);
	}
	request_refused(GET("X\0Y: v\r\n"), REASON_REQ_FIELD_NAME);
	request_refused(GET("X(: v\r\n"), REASON_REQ_FIELD_NAME);
}
END_TEST

START_TEST(h16_a_value_has_no_controls)
{
	for (unsigned c = 0; c < 256; c++) {
		for (size_t at = 0; at < 17; at++) {
			char text[] = HEAD "X: abcdefghijklmnopq\r\n\r\n";
			bool good = c == '\t' || (c >= 0x20 && c != 0x7f);
			enum reason why;

			if (c == '\n')
				continue;
			text[sizeof(HEAD) + 2 + at] = (char)c;
			ck_assert_int_eq(request_whole((struct str){ text, sizeof(text) - 1 },
						       &why), good ? HTTP_OK : HTTP_BAD);
		}
	}
	request_refused(GET("X: a\0b\r\n"), REASON_REQ_FIELD_VALUE);
	request_refused(GET("X: \0\r\n"), REASON_REQ_FIELD_VALUE);
	request_refused(GET("X: a\r\r\n"), REASON_REQ_BARE_CR);
}
END_TEST

START_TEST(h17_a_bare_cr_is_refused_anywhere)
{
	request_refused(STR("GET\r / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_BARE_CR);
	request_refused(STR("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), REASON_REQ_BARE_CR);
	request_refused(STR("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_BARE_CR);
	request_refused(GET("Fo\ro: bar\r\n"), REASON_REQ_BARE_CR);
	request_refused(GET("Foo: b\rar\r\n"), REASON_REQ_BARE_CR);
	request_refused(GET("Foo: a long enough value\r for words\r\n"), REASON_REQ_BARE_CR);
	request_refused(GET("Foo: bar\r\n\r\r\n"), REASON_REQ_BARE_CR);
}
END_TEST

START_TEST(h18_a_bare_lf_is_refused_unless_relaxed)
{
	request_refused(STR("GET / HTTP/1.1\nHost: a\r\n\r\n"), REASON_REQ_BARE_LF);
	request_refused(STR(LINE "Host: a\n\r\n"), REASON_REQ_BARE_LF);
	request_refused(STR(HEAD "\n"), REASON_REQ_BARE_LF);
	request_refused(STR("\n" HEAD END), REASON_REQ_BARE_LF);
	limits.relax_bare_lf = true;
	request_taken(STR("\nGET / HTTP/1.1\nHost: a\nFoo: b\r\n\n"));
	str_is(http_field_find_name(&req.fields, STR("Foo"))->value, "b");
	ck_assert(req.fields.untidy);
	request_refused(STR("GET / HTTP/1.1\nHost: a\nFoo: b\rc\n\n"), REASON_REQ_BARE_CR);
}
END_TEST

START_TEST(h19_only_blanks_are_trimmed)
{
	request_taken(GET("A: \t x y \t \r\nB: \xa0x\xff\r\nC:z\r\nD: \t \r\n"));
	str_is(http_field_find_name(&req.fields, STR("A"))->value, "x y");
	str_is(http_field_find_name(&req.fields, STR("B"))->value, "\xa0x\xff");
	str_is(http_field_find_name(&req.fields, STR("C"))->value, "z");
	str_is(http_field_find_name(&req.fields, STR("D"))->value, "");
}
END_TEST

START_TEST(h20_http_1_1_needs_host)
{
	request_refused(STR(LINE "X: y\r\n\r\n"), REASON_REQ_HOST_MISSING);
	request_refused(STR("GET http://a/ HTTP/1.1\r\n\r\n"), REASON_REQ_HOST_MISSING);
	request_refused(STR("TRACE / HTTP/1.1\r\n\r\n"), REASON_REQ_HOST_MISSING);
	request_refused(STR("CONNECT a:80 HTTP/1.1\r\n\r\n"), REASON_REQ_HOST_MISSING);
	request_taken(STR("GET / HTTP/1.0\r\n\r\n"));
	str_is(req.authority, "");
}
END_TEST

START_TEST(h21_host_is_one_host_and_port)
{
	static const char *const bad[] = {
		"", "u@a", "a,b", "a b", "a:", "a:x", "a:0", "a:65536", "a:000080", "a:-1", ":80",
		"[::1", "::1", "[]", "[::1]x", "[::1]:", "[fe80::1%25eth0]", "[1.2.3.4]", "a/b",
		"a?b", "a#b", "a\\b", "a%zz", "a%2", "a%2Db", "\xe4", "a:80:90", "[v1.x]",
	};
	static const char *const good[] = { "a", "A.b-c_d~", "1.2.3.4:80", "[::1]", "[::1]:443",
					    "[::ffff:1.2.3.4]", "a:65535", "xn--e1a.x." };
	char text[256];

	request_refused(STR(HEAD "Host: a\r\n\r\n"), REASON_REQ_HOST);
	request_refused(STR(LINE "Host: a\r\nhost: b\r\n\r\n"), REASON_REQ_HOST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int n = snprintf(text, sizeof(text), LINE "Host: %s\r\n\r\n", bad[i]);

		request_refused((struct str){ text, (size_t)n }, REASON_REQ_HOST);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int n = snprintf(text, sizeof(text), LINE "Host: %s\r\n\r\n", good[i]);

		request_taken((struct str){ text, (size_t)n });
		str_is(req.authority, good[i]);
	}
	request_refused(STR("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), REASON_REQ_HOST);
}
END_TEST

START_TEST(h22_an_absolute_target_is_the_authority)
{
	request_taken(STR("GET http://a.example/x?y HTTP/1.1\r\nHost: A.Example\r\n\r\n"));
	str_is(req.authority, "a.example");
	str_is(req.path, "/x");
	str_is(req.query, "?y");
	request_taken(STR("GET HTTP://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n"));
	request_taken(STR("GET hTTps://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n"));
	request_refused(STR("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), REASON_REQ_HOST);
	request_refused(STR("GET http://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n"), REASON_REQ_HOST);
	request_refused(STR("GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n"), REASON_REQ_HOST);
	request_refused(STR("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_TARGET);
	request_refused(STR("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_TARGET);
	request_taken(STR("GET http://a HTTP/1.0\r\n\r\n"));
	str_is(req.authority, "a");
}
END_TEST

START_TEST(h23_the_path_of_an_absolute_target_is_origin_form)
{
	request_taken(STR("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.path, "/");
	request_taken(STR("GET http://a?b=/c HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.path, "/");
	str_is(req.query, "?b=/c");
	request_taken(STR("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.path, "*");
	request_taken(STR("OPTIONS http://a?b HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.path, "/");
	str_is(req.query, "?b");
}
END_TEST

START_TEST(h24_the_forms_of_a_target)
{
	request_taken(STR("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.path, "*");
	str_is(req.match_path, "*");
	line_refused(STR("GET * HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("OPTIONS ** HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET a:80 HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET index.html HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET ftp://a/ HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET http:/a HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET ?a HTTP/1.1"), REASON_REQ_TARGET);
}
END_TEST

START_TEST(h25_connect_gets_405)
{
	line_refused(STR("CONNECT a:80 HTTP/1.1"), REASON_REQ_CONNECT);
	line_refused(STR("CONNECT /a HTTP/1.1"), REASON_REQ_CONNECT);
	ck_assert_uint_eq(reason_status(REASON_REQ_CONNECT), 405);
}
END_TEST

START_TEST(h26_trace_gets_405)
{
	line_refused(STR("TRACE / HTTP/1.1"), REASON_REQ_TRACE);
	ck_assert_uint_eq(reason_status(REASON_REQ_TRACE), 405);
}
END_TEST

START_TEST(h27_methods_are_case_sensitive_and_may_be_unknown)
{
	static const struct {
		const char *text;
		enum http_method method;
	} cases[] = {
		{ "GET", METHOD_GET },         { "get", METHOD_OTHER },
		{ "HEAD", METHOD_HEAD },       { "POST", METHOD_POST },
		{ "PUT", METHOD_PUT },         { "DELETE", METHOD_DELETE },
		{ "OPTIONS", METHOD_OPTIONS }, { "PATCH", METHOD_PATCH },
		{ "PROPFIND", METHOD_OTHER },  { "connect", METHOD_OTHER },
		{ "G", METHOD_OTHER },         { "!#$%&'*+-.^_`|~9a", METHOD_OTHER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		int n = snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n",
				 cases[i].text);

		request_taken((struct str){ text, (size_t)n });
		str_is(req.method_text, cases[i].text);
		ck_assert_int_eq(req.method, cases[i].method);
	}
}
END_TEST

START_TEST(h28_a_method_is_a_token)
{
	line_refused(STR("GE(T / HTTP/1.1"), REASON_REQ_METHOD);
	line_refused(STR(" / HTTP/1.1"), REASON_REQ_METHOD);
	line_refused(STR("G\xc3T / HTTP/1.1"), REASON_REQ_METHOD);
	line_refused(STR("GET\t/ HTTP/1.1"), REASON_REQ_METHOD);
	request_refused(STR("GE\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_METHOD);
}
END_TEST

START_TEST(h29_bytes_of_a_target)
{
	for (unsigned c = 1; c < 256; c++) {
		char text[] = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";
		bool good = c > 0x20 && c < 0x7f && c != '#';
		enum reason why;

		if (c == '\n')
			continue;
		text[7] = (char)c;
		ck_assert_int_eq(request_whole((struct str){ text, sizeof(text) - 1 }, &why),
				 good ? HTTP_OK : HTTP_BAD);
	}
	line_refused(STR("GET /a b HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET  / HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET /  HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET  HTTP/1.1"), REASON_REQ_TARGET);
	line_refused(STR("GET /#x HTTP/1.1"), REASON_REQ_TARGET);
	request_refused(STR("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_TARGET);
}
END_TEST

START_TEST(h30_versions)
{
	request_taken(STR("GET / HTTP/1.9\r\nHost: a\r\n\r\n"));
	ck_assert_uint_eq(req.minor, 1);
	request_taken(STR("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
	ck_assert_uint_eq(req.minor, 0);
	line_refused(STR("GET / HTTP/2.0"), REASON_REQ_VERSION_UNSUPPORTED);
	line_refused(STR("GET / HTTP/3.0"), REASON_REQ_VERSION_UNSUPPORTED);
	line_refused(STR("GET / HTTP/1.32"), REASON_REQ_VERSION);
	line_refused(STR("GET / HTTP/1."), REASON_REQ_VERSION);
	line_refused(STR("GET / http/1.1"), REASON_REQ_VERSION);
	line_refused(STR("GET / HTTP/1.x"), REASON_REQ_VERSION);
	line_refused(STR("GET / HTTP/11"), REASON_REQ_VERSION);
	line_refused(STR("GET / HTTP/1.1 "), REASON_REQ_VERSION);
	line_refused(STR("GET / HTTP/1.1\t"), REASON_REQ_VERSION);
	ck_assert_uint_eq(reason_status(REASON_REQ_VERSION_UNSUPPORTED), 505);
}
END_TEST

START_TEST(h31_http_0_9_is_refused)
{
	line_refused(STR("GET /"), REASON_REQ_HTTP09);
	line_refused(STR("GET / HTTP/0.9"), REASON_REQ_HTTP09);
	line_refused(STR("GET "), REASON_REQ_LINE);
	line_refused(STR("GET"), REASON_REQ_LINE);
}
END_TEST

START_TEST(h32_the_preface_of_http_2_is_refused_here)
{
	request_refused(STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), REASON_REQ_VERSION_UNSUPPORTED);
}
END_TEST

START_TEST(h33_a_few_empty_lines_are_skipped)
{
	request_taken(STR("\r\n" HEAD END));
	request_taken(STR("\r\n\r\n\r\n\r\n" HEAD END));
	str_is(req.method_text, "GET");
	request_refused(STR("\r\n\r\n\r\n\r\n\r\n" HEAD END), REASON_REQ_LINE);
}
END_TEST

START_TEST(h34_limits_of_the_head)
{
	limits = (struct h1_limits){ .max_line = 20, .max_head = 60, .max_fields = 3 };
	request_taken(STR("GET /234567 HTTP/1.1\r\nHost: a\r\n\r\n"));
	request_taken(STR("\r\n\r\nGET /234567 HTTP/1.1\r\nHost: a\r\n\r\n"));
	request_refused(STR("GET /2345678 HTTP/1.1\r\nHost: a\r\n\r\n"),
			REASON_REQ_LINE_TOO_LONG);
	request_refused(STR("GET /2345678901234567890123"), REASON_REQ_LINE_TOO_LONG);
	/* The 60th byte is the last that may come. */
	request_taken(STR("\r\n" HEAD "X-2: 6789012345678901234567890\r\n\r\n"));
	ck_assert_uint_eq(req.head_size, 2 + 59);
	request_taken(STR(HEAD "X-2: 67890123456789012345678901\r\n\r\n"));
	request_refused(STR(HEAD "X-2: 678901234567890123456789012\r\n\r\n"),
			REASON_REQ_HEAD_TOO_LARGE);
	request_refused(STR(HEAD "X-2: 6789012345678901234567890123456789012345678901"),
			REASON_REQ_HEAD_TOO_LARGE);
	request_taken(GET("A: b\r\nA: b\r\n"));
	request_refused(GET("A: b\r\nA: b\r\nA: b\r\n"), REASON_REQ_TOO_MANY_FIELDS);
	limits = (struct h1_limits){ .max_line = 60, .max_head = 20, .max_fields = 3 };
	request_refused(STR("GET /234 HTTP/1.1\r\n\r\n\r\n"), REASON_REQ_HEAD_TOO_LARGE);
	request_refused(STR("GET /23456 HTTP/1.1\r\n\r\n"), REASON_REQ_LINE_TOO_LONG);
	request_refused(STR("GET /2345678901234567"), REASON_REQ_LINE_TOO_LONG);
	ck_assert_uint_eq(reason_status(REASON_REQ_LINE_TOO_LONG), 414);
	ck_assert_uint_eq(reason_status(REASON_REQ_HEAD_TOO_LARGE), 431);
	ck_assert_uint_eq(reason_status(REASON_REQ_TOO_MANY_FIELDS), 431);
}
END_TEST

/* Whatever else is wrong with it, and in whatever pieces it comes. */
START_TEST(h34_a_limit_is_judged_first)
{
	limits = (struct h1_limits){ .max_line = 20, .max_head = 60, .max_fields = 3 };
	request_refused(STR("GET /2345678901234567890123\nHost: a\r\n\r\n"),
			REASON_REQ_LINE_TOO_LONG);
	request_refused(STR("GET /\x80" "345678901234567890123 HTTP/9.9\r\n\r\n"),
			REASON_REQ_LINE_TOO_LONG);
	request_refused(STR(HEAD "X 2: 678901234567890123456789012345678\r\n\r\n"),
			REASON_REQ_HEAD_TOO_LARGE);
	request_refused(STR(HEAD "X-2: 678901234567890123456789012345678\n\r\n"),
			REASON_REQ_HEAD_TOO_LARGE);
	request_refused(STR("(ET /2345678901234567890123"), REASON_REQ_METHOD);
	request_refused(STR("(ET /2345678901234567890123\n"), REASON_REQ_METHOD);
}
END_TEST

static void over_is(struct str in, enum reason why, size_t limit, size_t size)
{
	struct h1_parser p;
	enum reason r;

	h1_parser_reset(&p);
	ck_assert_int_eq(h1_parse_request(&p, exact_copy(in), &limits, &arena, &req, &r),
			 HTTP_BAD);
	ck_assert_int_eq(r, why);
	ck_assert_uint_eq(p.limit, limit);
	ck_assert_uint_eq(p.size, size);
}

START_TEST(h34_limit_and_size_are_told)
{
	limits = (struct h1_limits){ .max_line = 20, .max_head = 60, .max_fields = 3 };
	over_is(STR("\r\nGET /2345678 HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQ_LINE_TOO_LONG,
		20, 21);
	str_is(req.method_text, "GET");
	str_is(req.target, "/2345678");
	over_is(STR("GET /23456789012345678901"), REASON_REQ_LINE_TOO_LONG, 20, 25);
	str_is(req.target, "/23456789012345678901");
	over_is(STR(HEAD "X-2: 678901234567890123456789012\r\n\r\n"),
		REASON_REQ_HEAD_TOO_LARGE, 60, 61);
	over_is(STR(HEAD "A: b\r\nA: b\r\nA: b\r\n\r\n"), REASON_REQ_TOO_MANY_FIELDS, 3, 4);
}
END_TEST

static size_t many_fields(char *text, size_t size, unsigned count)
{
	size_t n = (size_t)snprintf(text, size, HEAD);

	for (unsigned i = 1; i < count; i++)
		n += (size_t)snprintf(text + n, size - n, "X-%u: %u\r\n", i, i);
	return n + (size_t)snprintf(text + n, size - n, "\r\n");
}

START_TEST(h34_two_hundred_fields_fit_when_allowed)
{
	char text[8192];
	size_t n = many_fields(text, sizeof(text), 200);

	request_refused((struct str){ text, n }, REASON_REQ_TOO_MANY_FIELDS);
	limits.max_fields = 200;
	request_taken((struct str){ text, n });
	ck_assert_uint_eq(req.fields.count, 200);
	str_is(http_field_find_name(&req.fields, STR("X-1"))->value, "1");
	str_is(http_field_find_name(&req.fields, STR("X-199"))->value, "199");
}
END_TEST

START_TEST(an_arena_that_failed_ends_the_request)
{
	char text[8192];
	size_t n = many_fields(text, sizeof(text), 100);

	arena.limit = 64;
	request_refused((struct str){ text, n }, REASON_NO_MEMORY);
}
END_TEST

START_TEST(h38_a_bad_escape_is_refused_in_the_path_only)
{
	line_refused(STR("GET /%zz HTTP/1.1"), REASON_REQ_PATH_ESCAPE);
	line_refused(STR("GET http://a/%0 HTTP/1.1"), REASON_REQ_PATH_ESCAPE);
	request_taken(STR("GET /?q=100%&%zz%00 HTTP/1.1\r\nHost: a\r\n\r\n"));
	str_is(req.query, "?q=100%&%zz%00");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http request");
	TCase *t = tcase_create("head");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, a_plain_request_is_understood);
	tcase_add_test(t, a_head_that_is_not_whole_asks_for_more);
	tcase_add_test(t, a_bad_first_line_is_refused_before_the_rest);
	tcase_add_test(t, a_head_that_moves_is_read_again);
	tcase_add_test(t, bytes_after_the_head_are_not_its);
	tcase_add_test(t, h01_length_and_coding_are_refused);
	tcase_add_test(t, h02_differing_lengths_are_refused);
	tcase_add_test(t, h03_equal_lengths_are_refused_as_well);
	tcase_add_test(t, h04_a_length_is_digits_only);
	tcase_add_test(t, h05_a_length_never_wraps);
	tcase_add_test(t, h06_the_last_coding_is_chunked);
	tcase_add_test(t, h07_an_unknown_coding_gets_501);
	tcase_add_test(t, h08_chunked_twice_is_refused);
	tcase_add_test(t, h09_lookalikes_of_chunked_are_refused);
	tcase_add_test(t, h10_coding_in_http_1_0_is_refused);
	tcase_add_test(t, h11_space_before_the_colon_is_refused);
	tcase_add_test(t, h12_a_folded_line_is_refused);
	tcase_add_test(t, h13_space_before_the_first_field_is_refused);
	tcase_add_test(t, h14_a_field_has_a_name_and_a_colon);
	tcase_add_test(t, h15_a_field_name_is_a_token);
	tcase_add_test(t, h16_a_value_has_no_controls);
	tcase_add_test(t, h17_a_bare_cr_is_refused_anywhere);
	tcase_add_test(t, h18_a_bare_lf_is_refused_unless_relaxed);
	tcase_add_test(t, h19_only_blanks_are_trimmed);
	tcase_add_test(t, h20_http_1_1_needs_host);
	tcase_add_test(t, h21_host_is_one_host_and_port);
	tcase_add_test(t, h22_an_absolute_target_is_the_authority);
	tcase_add_test(t, h23_the_path_of_an_absolute_target_is_origin_form);
	tcase_add_test(t, h24_the_forms_of_a_target);
	tcase_add_test(t, h25_connect_gets_405);
	tcase_add_test(t, h26_trace_gets_405);
	tcase_add_test(t, h27_methods_are_case_sensitive_and_may_be_unknown);
	tcase_add_test(t, h28_a_method_is_a_token);
	tcase_add_test(t, h29_bytes_of_a_target);
	tcase_add_test(t, h30_versions);
	tcase_add_test(t, h31_http_0_9_is_refused);
	tcase_add_test(t, h32_the_preface_of_http_2_is_refused_here);
	tcase_add_test(t, h33_a_few_empty_lines_are_skipped);
	tcase_add_test(t, h34_limits_of_the_head);
	tcase_add_test(t, h34_a_limit_is_judged_first);
	tcase_add_test(t, h34_limit_and_size_are_told);
	tcase_add_test(t, h34_two_hundred_fields_fit_when_allowed);
	tcase_add_test(t, an_arena_that_failed_ends_the_request);
	tcase_add_test(t, h38_a_bad_escape_is_refused_in_the_path_only);
	return http_run(s);
}
