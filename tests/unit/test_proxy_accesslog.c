#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/accesslog.h"

#define T0 1233918854655321ull /* 2009-02-06T11:14:14.655321Z */

static struct access_record plain_record(void)
{
	struct access_record r = {
		.node = STR("lb1"),
		.frontend = STR("http_front"),
		.backend = STR("web_backend"),
		.server = STR("web1"),
		.start_wall_us = T0,
		.request_us = 10999,
		.queue_us = 0,
		.connect_us = 30000,
		.response_us = 69001,
		.total_us = 109123,
		.status = 200,
		.bytes_to_client = 2750,
		.bytes_from_client = 17,
		.reason = REASON_COMPLETE,
		.letters = "--",
		.process_connections = 4,
		.frontend_connections = 3,
		.backend_active = 2,
		.server_active = 1,
		.method = STR("GET"),
		.target = STR("/index.html"),
		.authority = STR("www.example.com"),
		.user_agent = STR("curl/7.88.1"),
		.referer = STR("http://a.example/\"x"),
		.version = STR("HTTP/1.1"),
		.request_id = STR("4bf92f3577b34da6a3ce929d0e0e4736"),
	};

	ck_assert_ptr_null(addr_parse(&r.client, STR("10.0.1.2:33317")));
	return r;
}

/* No server was ever reached, and the request was not understood. */
static struct access_record bad_record(void)
{
	struct access_record r = plain_record();

	r.backend = r.server = r.method = r.target = r.version = STR_NONE;
	r.authority = r.user_agent = r.referer = STR_NONE;
	r.request_us = r.queue_us = r.connect_us = r.response_us = -1;
	r.total_us = 1000999;
	r.status = 400;
	r.bytes_to_client = 0;
	r.reason = REASON_REQ_LINE;
	r.letters = reason_letters(REASON_REQ_LINE);
	return r;
}

static const char *format(enum conf_log_format f, const struct access_record *r)
{
	static char line[ACCESSLOG_LINE + 1];
	size_t n = accesslog_format(f, r, line, ACCESSLOG_LINE);

	ck_assert_uint_le(n, ACCESSLOG_LINE);
	line[n] = '\0';
	ck_assert_uint_eq(strlen(line), n);
	return line;
}

START_TEST(haproxy_complete)
{
	struct access_record r = plain_record();

	ck_assert_str_eq(format(CONF_LOG_HAPROXY, &r),
			 "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http_front web_backend/web1 "
			 "10/0/30/69/109 200 2750 - - ---- 4/3/2/1/0 0/0 "
			 "\"GET /index.html HTTP/1.1\" id=4bf92f3577b34da6a3ce929d0e0e4736");
}
END_TEST

START_TEST(haproxy_unreadable)
{
	struct access_record r = bad_record();

	ck_assert_str_eq(format(CONF_LOG_HAPROXY, &r),
			 "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http_front http_front/<NOSRV> "
			 "-1/-1/-1/-1/1000 400 0 - - PR-- 4/3/2/1/0 0/0 "
			 "\"<BADREQ>\" REQ_LINE id=4bf92f3577b34da6a3ce929d0e0e4736");
}
END_TEST

/* HTTP.md 34 and 80: which limit, and what went over it; and the version as it came. */
START_TEST(h34_h80_limit_and_size_are_named)
{
	struct access_record r = plain_record();

	r.reason = REASON_REQ_HEAD_TOO_LARGE;
	r.letters = reason_letters(r.reason);
	r.size = 16390;
	r.limit = 16384;
	r.version = STR("HTTP/1.2");
	ck_assert(str_ends(str_of(format(CONF_LOG_HAPROXY, &r)),
			   STR(" PR-- 4/3/2/1/0 0/0 \"GET /index.html HTTP/1.2\" "
			       "REQ_HEAD_TOO_LARGE size=16390 limit=16384 "
			       "id=4bf92f3577b34da6a3ce929d0e0e4736")));
	ck_assert(str_find(str_of(format(CONF_LOG_JSON, &r)),
			   STR("\"reason\":\"REQ_HEAD_TOO_LARGE\","
			       "\"reason_text\":\"request head over the size limit\",")) > 0);
	ck_assert(str_find(str_of(format(CONF_LOG_JSON, &r)),
			   STR(",\"limit\":16384,\"size\":16390,")) > 0);
	r.limit = 0;
	ck_assert(str_find(str_of(format(CONF_LOG_HAPROXY, &r)), STR(" size=16390 limit=0 ")) > 0);
	r.version = STR_NONE;
	ck_assert(str_find(str_of(format(CONF_LOG_HAPROXY, &r)),
			   STR(" \"GET /index.html\" ")) > 0);
}
END_TEST

START_TEST(haproxy_queued)
{
	struct access_record r = plain_record();

	r.server_queue = 7;
	r.backend_queue = 12;
	ck_assert_ptr_nonnull(strstr(format(CONF_LOG_HAPROXY, &r), " 4/3/2/1/0 7/12 \"GET /"));
	r.tcp = true;
	ck_assert_ptr_nonnull(strstr(format(CONF_LOG_HAPROXY, &r), " 4/3/2/1/0 7/12 id="));
}
END_TEST

START_TEST(haproxy_redispatched)
{
	struct access_record r = plain_record();

	r.retries = 2;
	r.redispatched = true;
	r.connect_us = -1;
	r.response_us = -1;
	r.status = 0;
	r.reason = REASON_CLIENT_ABORT_CONNECT;
	r.letters = "CC";
	r.version = STR("HTTP/1.0");
	ck_assert_str_eq(format(CONF_LOG_HAPROXY, &r),
			 "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http_front web_backend/web1 "
			 "10/0/-1/-1/109 -1 2750 - - CC-- 4/3/2/1/+2 0/0 "
			 "\"GET /index.html HTTP/1.0\" CLIENT_ABORT_CONNECT "
			 "id=4bf92f3577b34da6a3ce929d0e0e4736");
}
END_TEST

static struct access_record tcp_record(void)
{
	struct access_record r = plain_record();

	r.tcp = true;
	r.method = r.target = r.authority = r.user_agent = r.referer = STR_NONE;
	r.request_us = r.response_us = -1;
	r.status = 0;
	return r;
}

START_TEST(h148_haproxy_of_tcp)
{
	struct access_record r = tcp_record();

	ck_assert_str_eq(format(CONF_LOG_HAPROXY, &r),
			 "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http_front web_backend/web1 "
			 "0/30/109 2750 -- 4/3/2/1/0 0/0 "
			 "id=4bf92f3577b34da6a3ce929d0e0e4736");
	r.server = STR_NONE;
	r.queue_us = r.connect_us = -1;
	r.reason = REASON_CONNECT_REFUSED;
	r.letters = reason_letters(r.reason);
	r.retries = 1;
	r.redispatched = true;
	ck_assert_str_eq(format(CONF_LOG_HAPROXY, &r),
			 "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http_front "
			 "web_backend/<NOSRV> -1/-1/109 2750 SC 4/3/2/1/+1 0/0 "
			 "CONNECT_REFUSED id=4bf92f3577b34da6a3ce929d0e0e4736");
}
END_TEST

START_TEST(h148_others_of_tcp)
{
	struct access_record r = tcp_record();
	const char *line = format(CONF_LOG_COMBINED, &r);

	ck_assert_ptr_nonnull(strstr(line, "] \"-\" - 2750 \"-\" \"-\""));
	line = format(CONF_LOG_JSON, &r);
	ck_assert_ptr_nonnull(strstr(line, "\"method\":null,\"target\":null,\"host\":null"));
	ck_assert_ptr_nonnull(strstr(line, "\"status\":null,\"bytes_out\":2750,\"bytes_in\":17"));
	ck_assert_ptr_nonnull(strstr(line, "\"request_ms\":null"));
	ck_assert_ptr_nonnull(strstr(line, "\"connect_ms\":30.000,\"response_ms\":null"));
}
END_TEST

START_TEST(haproxy_ipv6_and_unix)
{
	struct access_record r = plain_record();

	ck_assert_ptr_null(addr_parse(&r.client, STR("[2001:db8::7]:65535")));
	ck_assert(str_begins(str_of(format(CONF_LOG_HAPROXY, &r)),
			     STR("2001:db8::7:65535 [06/Feb/2009:")));
	memset(&r.client, 0, sizeof(r.client));
	r.client.u.sa.sa_family = AF_UNIX;
	r.client.len = sizeof(sa_family_t);
	ck_assert(str_begins(str_of(format(CONF_LOG_HAPROXY, &r)), STR("unix:0 [06/Feb/2009:")));
	ck_assert(str_find(str_of(format(CONF_LOG_JSON, &r)), STR("\"client\":\"unix\",")) > 0);
}
END_TEST

static const struct {
	const char *raw, *haproxy, *json, *apache;
} escapes[] = {
	{ "/a?b=\"{}|\\#x", "/a?b=#22{}|\\#23x", "/a?b=\\\"{}|\\\\#x", "/a?b=\\\"{}|\\\\#x" },
	{ "/\x01\x1f\x7f", "/#01#1F#7F", "/\\u0001\\u001f\\u007f", "/\\x01\\x1f\\x7f" },
	{ "/\r\n", "/#0D#0A", "/\\u000d\\u000a", "/\\x0d\\x0a" },
	{ "/\xc3\xa9", "/#C3#A9", "/\\u00e9", "/\\xc3\\xa9" },
	{ "/\xe2\x82\xac!", "/#E2#82#AC!", "/\\u20ac!", "/\\xe2\\x82\\xac!" },
	{ "/\xf0\x9f\x98\x80", "/#F0#9F#98#80", "/\\ud83d\\ude00", "/\\xf0\\x9f\\x98\\x80" },
	/* no UTF-8: a lone byte, cut short, overlong, a surrogate, beyond the last */
	{ "/\xe9/", "/#E9/", "/\\u00e9/", "/\\xe9/" },
	{ "/\xe2\x82", "/#E2#82", "/\\u00e2\\u0082", "/\\xe2\\x82" },
	{ "/\xc0\xaf", "/#C0#AF", "/\\u00c0\\u00af", "/\\xc0\\xaf" },
	{ "/\xed\xa0\x80", "/#ED#A0#80", "/\\u00ed\\u00a0\\u0080", "/\\xed\\xa0\\x80" },
	{ "/\xf4\x90\x80\x80", "/#F4#90#80#80", "/\\u00f4\\u0090\\u0080\\u0080",
	  "/\\xf4\\x90\\x80\\x80" },
	{ "/\xff", "/#FF", "/\\u00ff", "/\\xff" },
};

START_TEST(escapes_each_way)
{
	struct access_record r = plain_record();
	char want[256];

	r.target = str_of(escapes[_i].raw);
	r.request_id = STR_NONE;
	snprintf(want, sizeof(want), "\"GET %s HTTP/1.1\"", escapes[_i].haproxy);
	ck_assert(str_ends(str_of(format(CONF_LOG_HAPROXY, &r)), str_of(want)));
	snprintf(want, sizeof(want), ",\"target\":\"%s\",\"host\":", escapes[_i].json);
	ck_assert(str_find(str_of(format(CONF_LOG_JSON, &r)), str_of(want)) > 0);
	snprintf(want, sizeof(want), "] \"GET %s HTTP/1.1\" 200 ", escapes[_i].apache);
	ck_assert(str_find(str_of(format(CONF_LOG_COMBINED, &r)), str_of(want)) > 0);
}
END_TEST

START_TEST(json_complete)
{
	struct access_record r = plain_record();

	ck_assert_str_eq(
		format(CONF_LOG_JSON, &r),
		"{\"time\":\"2009-02-06T11:14:14.655Z\",\"node\":\"lb1\","
		"\"client\":\"10.0.1.2:33317\",\"frontend\":\"http_front\","
		"\"backend\":\"web_backend\",\"server\":\"web1\",\"method\":\"GET\","
		"\"target\":\"/index.html\",\"host\":\"www.example.com\","
		"\"request_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"status\":200,"
		"\"bytes_out\":2750,\"bytes_in\":17,\"request_ms\":10.999,\"queue_ms\":0.000,"
		"\"connect_ms\":30.000,\"response_ms\":69.001,\"total_ms\":109.123,"
		"\"reason\":\"COMPLETE\",\"reason_text\":\"complete\",\"termination\":\"----\","
		"\"limit\":null,\"size\":null,\"retries\":0,\"redispatched\":false,"
		"\"tried\":[],\"limited\":null,\"user_agent\":\"curl/7.88.1\","
		"\"referer\":\"http://a.example/\\\"x\"}");
}
END_TEST

START_TEST(json_unreadable)
{
	struct access_record r = bad_record();

	r.status = 0;
	ck_assert_str_eq(
		format(CONF_LOG_JSON, &r),
		"{\"time\":\"2009-02-06T11:14:14.655Z\",\"node\":\"lb1\","
		"\"client\":\"10.0.1.2:33317\",\"frontend\":\"http_front\","
		"\"backend\":null,\"server\":null,\"method\":null,\"target\":null,\"host\":null,"
		"\"request_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
		"\"status\":null,\"bytes_out\":0,\"bytes_in\":17,\"request_ms\":null,"
		"\"queue_ms\":null,\"connect_ms\":null,\"response_ms\":null,\"total_ms\":1000.999,"
		"\"reason\":\"REQ_LINE\",\"reason_text\":\"malformed request line\","
		"\"termination\":\"PR--\",\"limit\":null,\"size\":null,\"retries\":0,"
		"\"redispatched\":false,\"tried\":[],\"limited\":null,"
		"\"user_agent\":null,\"referer\":null}");
}
END_TEST

START_TEST(h93_json_shows_each_attempt)
{
	const struct access_attempt tried[] = {
		{ STR("web1"), REASON_CONNECT_REFUSED },
		{ STR("web2"), REASON_SERVER_CLOSED },
	};
	struct access_record r = plain_record();
	const char *line;

	r.retries = 2;
	r.redispatched = true;
	r.n_tried = 2;
	r.tried = tried;
	line = format(CONF_LOG_JSON, &r);
	ck_assert_ptr_nonnull(strstr(
		line, "\"retries\":2,\"redispatched\":true,\"tried\":["
		      "{\"server\":\"web1\",\"reason\":\"CONNECT_REFUSED\"},"
		      "{\"server\":\"web2\",\"reason\":\"SERVER_CLOSED\"}],\"limited\":null,"));
}
END_TEST

START_TEST(limits_are_named)
{
	struct access_limit l = { .name = STR("login"), .key = STR("192.0.2.7") };
	struct access_record r = plain_record();

	r.limited = &l;
	ck_assert(str_ends(str_of(format(CONF_LOG_HAPROXY, &r)),
			   STR(" 4/3/2/1/0 0/0 {limit:login} \"GET /index.html HTTP/1.1\" "
			       "id=4bf92f3577b34da6a3ce929d0e0e4736")));
	ck_assert_ptr_nonnull(strstr(format(CONF_LOG_JSON, &r),
				     ",\"limited\":{\"name\":\"login\",\"key\":\"192.0.2.7\","
				     "\"dry_run\":false},\"user_agent\":"));
	l.dry_run = true;
	ck_assert(str_ends(str_of(format(CONF_LOG_HAPROXY, &r)),
			   STR(" 4/3/2/1/0 0/0 {dry_run:login} \"GET /index.html HTTP/1.1\" "
			       "id=4bf92f3577b34da6a3ce929d0e0e4736")));
	r.request_id = STR_NONE;
	ck_assert(str_ends(str_of(format(CONF_LOG_HAPROXY, &r)),
			   STR(" 0/0 {dry_run:login} \"GET /index.html HTTP/1.1\"")));
	ck_assert_ptr_nonnull(strstr(format(CONF_LOG_JSON, &r), "\"dry_run\":true},"));
}
END_TEST

START_TEST(combined_lines)
{
	struct access_record r = plain_record();

	ck_assert_str_eq(format(CONF_LOG_COMBINED, &r),
			 "10.0.1.2 - - [06/Feb/2009:12:14:14 +0100] \"GET /index.html HTTP/1.1\" "
			 "200 2750 \"http://a.example/\\\"x\" \"curl/7.88.1\" "
			 "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
	r = bad_record();
	ck_assert_str_eq(format(CONF_LOG_COMBINED, &r),
			 "10.0.1.2 - - [06/Feb/2009:12:14:14 +0100] \"-\" 400 - \"-\" \"-\" "
			 "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
}
END_TEST

/* Seconds that share a place in the cache, in turn, and the change to summer time. */
START_TEST(time_follows_each_record)
{
	static const struct {
		uint64_t at;
		const char *local, *zone;
	} cases[] = {
		{ 1238288399999999ull, "[29/Mar/2009:01:59:59.999]", "+0100]" },
		{ 1238288400000000ull, "[29/Mar/2009:03:00:00.000]", "+0200]" },
		{ 1238288403000001ull, "[29/Mar/2009:03:00:03.000]", "+0200]" },
		{ 1238288399000000ull, "[29/Mar/2009:01:59:59.000]", "+0100]" },
		{ 1230764399001000ull, "[31/Dec/2008:23:59:59.001]", "+0100]" },
		{ 0, "[01/Jan/1970:01:00:00.000]", "+0100]" },
	};
	struct access_record r = plain_record();

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			r.start_wall_us = cases[i].at;
			const char *line = format(CONF_LOG_HAPROXY, &r);

			ck_assert_ptr_nonnull(strstr(line, cases[i].local));
			line = format(CONF_LOG_COMBINED, &r);
			ck_assert_ptr_nonnull(strstr(line, cases[i].zone));
		}
	}
	r.start_wall_us = UINT64_MAX;
	ck_assert_ptr_nonnull(strstr(format(CONF_LOG_JSON, &r), "\"total_ms\""));
}
END_TEST

/* Whatever a client sends and however long, the line ends as its format says. */
START_TEST(long_input_keeps_the_end)
{
	static char junk[20000];
	static const char bytes[] = { 'a', '"', '\\', '\xff', '\x01', '#', '\xe9' };
	struct access_attempt tried[ACCESSLOG_TRIED];
	struct access_record r = plain_record();
	struct access_limit limited;
	struct str line;

	memset(junk, bytes[_i], sizeof(junk));
	r.method = r.target = r.authority = r.user_agent = r.referer =
		(struct str){ junk, sizeof(junk) };
	r.request_id = r.node = r.frontend = r.backend = r.server = r.target;
	for (unsigned i = 0; i < ACCESSLOG_TRIED; i++)
		tried[i] = (struct access_attempt){ r.target, REASON_RES_TOO_MANY_INTERIM };
	r.tried = tried;
	r.n_tried = ACCESSLOG_TRIED;
	r.version = r.target;
	r.reason = REASON_REQ_VERSION_UNSUPPORTED;
	r.size = r.limit = UINT64_MAX;
	limited = (struct access_limit){ .name = r.target, .key = r.target };
	r.limited = &limited;
	r.request_us = r.queue_us = r.connect_us = r.response_us = r.total_us = INT64_MAX;
	r.bytes_to_client = r.bytes_from_client = UINT64_MAX;
	ck_assert_ptr_null(addr_parse(
		&r.client, STR("[2001:0db8:1111:2222:3333:4444:255.255.255.255]:65535")));
	line = str_of(format(CONF_LOG_HAPROXY, &r));
	ck_assert(str_find(line, STR("\" REQ_VERSION_UNSUPPORTED size=18446744073709551615 "
				     "limit=18446744073709551615 id=")) > 0);
	ck_assert_uint_gt(line.n, ACCESSLOG_LINE - 60);
	r.detail = "no shared cipher";
	line = str_of(format(CONF_LOG_HAPROXY, &r));
	ck_assert(str_find(line, STR("\" REQ_VERSION_UNSUPPORTED (no shared cipher) "
				     "size=18446744073709551615 limit=18446744073709551615 "
				     "id=")) > 0);
	line = str_of(format(CONF_LOG_COMBINED, &r));
	ck_assert_int_eq(line.p[line.n - 1], '"');
	line = str_of(format(CONF_LOG_JSON, &r));
	ck_assert(str_ends(line, STR("\"}")));
	ck_assert(str_find(line, STR(",\"user_agent\":\"")) > 0);
	ck_assert(str_find(line, STR(",\"detail\":\"no shared cipher\",")) > 0);
}
END_TEST

/* An escape is written whole or not at all, at every length of what stands before it. */
START_TEST(escapes_are_never_cut)
{
	static char target[ACCESSLOG_LINE + 64];
	static const char behind[] = " HTTP/1.1\" id=4bf92f3577b34da6a3ce929d0e0e4736";
	struct access_record r = plain_record();
	struct str line;
	ptrdiff_t end;

	for (size_t n = ACCESSLOG_LINE - 300; n < ACCESSLOG_LINE; n++) {
		memset(target, 'a', n);
		memcpy(target + n, "\xff\xff\xff\xff", 4);
		r.target = (struct str){ target, n + 4 };
		line = str_of(format(CONF_LOG_HAPROXY, &r));
		ck_assert(str_ends(line, STR(behind)));
		end = (ptrdiff_t)(line.n - strlen(behind));
		while (end >= 3 && memcmp(line.p + end - 3, "#FF", 3) == 0)
			end -= 3;
		ck_assert_int_eq(line.p[end - 1], 'a');
	}
}
END_TEST

START_TEST(no_size_is_overrun)
{
	struct access_record r = plain_record();
	char line[700];

	for (size_t size = 0; size < sizeof(line); size++) {
		for (int f = CONF_LOG_HAPROXY; f <= CONF_LOG_COMBINED; f++) {
			size_t n;

			memset(line, '~', sizeof(line));
			n = accesslog_format((enum conf_log_format)f, &r, line, size);
			ck_assert_uint_le(n, size);
			ck_assert_int_eq(line[size], '~');
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proxy/accesslog");
	TCase *t = tcase_create("lines");
	SRunner *r = srunner_create(s);
	int failed;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	tcase_add_test(t, haproxy_complete);
	tcase_add_test(t, haproxy_unreadable);
	tcase_add_test(t, h34_h80_limit_and_size_are_named);
	tcase_add_test(t, haproxy_redispatched);
	tcase_add_test(t, haproxy_queued);
	tcase_add_test(t, haproxy_ipv6_and_unix);
	tcase_add_test(t, h148_haproxy_of_tcp);
	tcase_add_test(t, h148_others_of_tcp);
	tcase_add_loop_test(t, escapes_each_way, 0, sizeof(escapes) / sizeof(escapes[0]));
	tcase_add_test(t, json_complete);
	tcase_add_test(t, json_unreadable);
	tcase_add_test(t, h93_json_shows_each_attempt);
	tcase_add_test(t, limits_are_named);
	tcase_add_test(t, combined_lines);
	tcase_add_test(t, time_follows_each_record);
	tcase_add_loop_test(t, long_input_keeps_the_end, 0, 7);
	tcase_add_test(t, escapes_are_never_cut);
	tcase_add_test(t, no_size_is_overrun);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
