/* What an http check asks and how it judges, from memory: each answer at once and byte by byte. */
#include "upstream/http_check.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static struct conf_status_range expect[] = {{200, 399}};
static struct conf_check check;
static struct arena arena;
static struct probe_result result;
static const unsigned char sample[16] = "the sample nonce";

static void setup(void)
{
	check = (struct conf_check){.kind = CONF_CHECK_HTTP,
				    .method = STR("GET"),
				    .path = STR("/health"),
				    .body = STR("all well"),
				    .n_expect = 1,
				    .expect = expect};
	arena_init(&arena, 1024, 131072);
}

static void teardown(void)
{
	arena_free(&arena);
}

struct answer_case {
	const char *answer;
	bool ends; /* the server closes behind it */
	bool decides, ok;
	const char *reason;
};

static const struct answer_case answers[] = {
	{HEAD "Content-Length: 10\r\n\r\n<all well>", false, true, true, "200 in 3 ms"},
	/* before the end of the body has come */
	{HEAD "Content-Length: 5000\r\n\r\nall well", false, true, true, "200 in 3 ms"},
	{HEAD "\r\nall well", false, true, true, "200 in 3 ms"},
	{HEAD "Content-Length: 8\r\n\r\nall Well", false, true, false,
	 "200, but \"all well\" is not in its body"},
	{HEAD "Content-Length: 8\r\n\r\nall wel", false, false, false, ""},
	{HEAD "Content-Length: 8\r\n\r\nall wel", true, true, false,
	 "closed in the middle of its answer"},
	/* what comes behind the body is no part of it */
	{HEAD "Content-Length: 4\r\n\r\nall well", false, true, false,
	 "200, but \"all well\" is not in its body"},
	{HEAD "\r\nall wel", true, true, false, "200, but \"all well\" is not in its body"},
	{HEAD "X: all well\r\nContent-Length: 0\r\n\r\n", false, true, false,
	 "200, but \"all well\" is not in its body"},
	{"HTTP/1.1 204 No\r\n\r\n", false, true, false,
	 "204, but \"all well\" is not in its body"},
	/* chunks are put together, and their sizes are no text */
	{HEAD CHUNKED "5\r\n all \r\n4\r\nwell\r\n0\r\n\r\n", false, true, true,
	 "200 in 3 ms"},
	{HEAD CHUNKED "5;a=\"all well\"\r\nabcde\r\n0\r\n\r\n", false, true,
	 false, "200, but \"all well\" is not in its body"},
	{HEAD CHUNKED "5\r\n all \r\n", true, true, false,
	 "closed in the middle of its answer"},
	{HEAD CHUNKED "xyz\r\n", false, true, false,
	 "the chunks of its answer are malformed"},
	/* a bad status decides before the body */
	{"HTTP/1.1 500 No\r\nContent-Length: 8\r\n\r\nall well", false, true, false,
	 "500, expected 200-399"},
	{"HTTP/1.1 103 \r\n\r\n" HEAD "Content-Length: 8\r\n\r\nall well", false, true, true,
	 "200 in 3 ms"},
};

static bool judge(const char *in, size_t n, bool ended, struct http_check *h)
{
	return http_check_judge(h, (struct str){in, n}, ended, 3000, &result);
}

/* `_i` even: at once; odd: byte by byte. */
START_TEST(body)
{
	const struct answer_case *c = &answers[_i / 2];
	size_t n = strlen(c->answer), step = _i % 2 ? 1 : n;
	struct http_check h;
	bool decided = false;

	result = (struct probe_result){.ok = true};
	http_check_init(&h, &check, &arena, sample);
	for (size_t at = step; at <= n && !decided; at += step)
		decided = judge(c->answer, at, false, &h);
	if (!decided && c->ends)
		decided = judge(c->answer, n, true, &h);
	ck_assert_int_eq(decided, c->decides);
	if (!decided)
		return;
	ck_assert_str_eq(result.reason, c->reason);
	ck_assert_int_eq(result.ok, c->ok);
}
END_TEST

/* Only the front of a long answer is looked at: `_i` says whether the text still is in it. */
START_TEST(body_within_bounds)
{
	static const char head[] = HEAD "Content-Length: 999999\r\n\r\n";
	static char in[HTTP_CHECK_IN];
	struct http_check h;

	memset(in, 'x', sizeof(in));
	memcpy(in, head, sizeof(head) - 1);
	memcpy(in + sizeof(in) - 8, _i ? "all well" : "ll wellz", 8);
	http_check_init(&h, &check, &arena, sample);
	ck_assert(!judge(in, sizeof(in) - 1, false, &h));
	ck_assert(judge(in, sizeof(in), true, &h));
	ck_assert_int_eq(result.ok, _i);
	if (!_i)
		ck_assert_str_eq(result.reason, "200, but \"all well\" is not in the first 16 KiB "
						"of the answer");
}
END_TEST

static void request_is(const char *fields, const char *expected)
{
	struct http_check h;
	struct addr addr;
	struct str request;

	ck_assert_ptr_null(addr_parse(&addr, STR("unix:/run/app")));
	check.fields = str_of(fields);
	http_check_init(&h, &check, &arena, sample);
	request = http_check_request(&h, &addr);
	ck_assert_uint_eq(request.n, strlen(expected));
	ck_assert_mem_eq(request.p, expected, request.n);
}

START_TEST(fields_of_its_own)
{
	request_is("X-Check: yes\r\nuser-agent: me\r\n",
		   "GET /health HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nX-Check: yes\r\n"
		   "user-agent: me\r\nConnection: close\r\n\r\n");
	request_is("Accept: text/plain\r\nX-User-Agent: a\r\n",
		   "GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: hpcbal-check\r\n"
		   "Accept: text/plain\r\nX-User-Agent: a\r\nConnection: close\r\n\r\n");
}
END_TEST

#define SWITCH                                                                                   \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"     \
	"Sec-WebSocket-Accept: "

/* The key and its answer are those of RFC 6455 1.3. */
static const struct answer_case switches[] = {
	{SWITCH "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", false, true, true, "101 in 3 ms"},
	{SWITCH "s3pPLMBiTxaQ9kYGzzhZRbK+xOp=\r\n\r\n", false, true, false,
	 "101, but its Sec-WebSocket-Accept is not what the key asks for"},
	{"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	 false, true, false, "answer is not HTTP: 101 that was not asked for, "
			     "does not match, or came too early"},
	{"HTTP/1.1 200 OK\r\n\r\n", false, true, false, "200, expected 101"},
	{"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n\r\n", false, true, false,
	 "426, expected 101"},
	{NULL, true, true, false, "closed without an answer"},
};

START_TEST(websocket)
{
	const struct answer_case *c = &switches[_i];
	struct http_check h;

	check.kind = CONF_CHECK_WEBSOCKET;
	http_check_init(&h, &check, &arena, sample);
	ck_assert(judge(c->answer, c->answer ? strlen(c->answer) : 0, c->ends, &h));
	ck_assert_str_eq(result.reason, c->reason);
	ck_assert_int_eq(result.ok, c->ok);
}
END_TEST

START_TEST(websocket_request)
{
	check.kind = CONF_CHECK_WEBSOCKET;
	request_is("Origin: x\r\n",
		   "GET /health HTTP/1.1\r\nHost: localhost\r\nUser-Agent: hpcbal-check\r\n"
		   "Accept: */*\r\nOrigin: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		   "\r\n");
}
END_TEST

struct drain_case {
	const char *header, *answer, *reason;
	bool ok, drain;
};

static const struct drain_case drains[] = {
	{NULL, "HTTP/1.1 404 No\r\n\r\n", "asks to be drained: 404 in 3 ms", true, true},
	{NULL, HEAD "\r\nall well", "200 in 3 ms", true, false},
	{NULL, "HTTP/1.1 403 No\r\n\r\n", "403, expected 200-399", false, false},
	{"x-drain", HEAD "X-Drain: 5\r\n\r\n",
	 "asks to be drained: \"x-drain\", 200 in 3 ms", true, true},
	{"x-drain", HEAD "X-Drains: 5\r\n\r\nall well", "200 in 3 ms", true, false},
	{"State: draining", HEAD "State: up\r\nState: busy, Draining\r\n\r\n",
	 "asks to be drained: \"State: draining\", 200 in 3 ms", true, true},
	{"State: draining", HEAD "State: undraining\r\n\r\nall well", "200 in 3 ms", true, false},
	/* one that is ill is ill */
	{"x-drain", "HTTP/1.1 503 No\r\nX-Drain: 5\r\n\r\n", "503, expected 200-399", false,
	 false},
};

START_TEST(drain)
{
	const struct drain_case *c = &drains[_i];
	struct http_check h;

	check.drain_status = 404;
	check.drain_header = str_of(c->header);
	result = (struct probe_result){.ok = false};
	http_check_init(&h, &check, &arena, sample);
	ck_assert(judge(c->answer, strlen(c->answer), false, &h));
	ck_assert_str_eq(result.reason, c->reason);
	ck_assert_int_eq(result.ok, c->ok);
	ck_assert_int_eq(result.drain, c->drain);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_check");
	TCase *t = tcase_create("http_check");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, body, 0, 2 * sizeof(answers) / sizeof(answers[0]));
	tcase_add_loop_test(t, body_within_bounds, 0, 2);
	tcase_add_test(t, fields_of_its_own);
	tcase_add_loop_test(t, websocket, 0, sizeof(switches) / sizeof(switches[0]));
	tcase_add_test(t, websocket_request);
	tcase_add_loop_test(t, drain, 0, sizeof(drains) / sizeof(drains[0]));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
