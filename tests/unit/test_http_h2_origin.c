/* Requests of HTTP/1.1 → fields for an HTTP/2 server, and its fields → responses of HTTP/1.1,
 * against the sentences of the acceptance list (the numbers in the names). */
#include "http/h2_call.h"
#include "http/h2_reply.h"
#include "http_testing.h"

#define KEY "MDEyMzQ1Njc4OWFiY2RlZg=="

/* ---- a head → fields ---- */

static char list[4096];

/* "name=value" lines. */
static const char *fields_of(const char *head, bool secure, struct h2_response *body,
			     struct h2_call *call)
{
	static struct h2_field fields[64];
	static char text[4096];
	size_t n = strlen(head), at = 0;

	memcpy(text, head, n);
	*body = (struct h2_response){ 0 };
	ck_assert(h2_call_read(body, text, n, secure, fields, 64, call));
	list[0] = '\0';
	for (unsigned i = 0; i < call->n; i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%.*s=%.*s\n",
				       STR_ARGS(call->fields[i].name),
				       STR_ARGS(call->fields[i].value));
	return list;
}

START_TEST(h109_what_belongs_to_connections_is_left_out)
{
	struct h2_response body;
	struct h2_call call;

	ck_assert_str_eq(fields_of("GET /a?b HTTP/1.1\r\nHost: h:1\r\nX-A: B\r\nTE: trailers\r\n"
				   "Connection: TE\r\nKeep-Alive: 1\r\nHTTP2-Settings: x\r\n"
				   "Proxy-Connection: close\r\n\r\n", false, &body, &call),
			 ":method=GET\n:scheme=http\n:authority=h:1\n:path=/a?b\nx-a=B\n"
			 "te=trailers\n");
	ck_assert_int_eq(body.state, H2_RESPONSE_DONE);
	ck_assert(!call.upgrades && !call.to_head);
}
END_TEST

START_TEST(h109_what_follows_the_head)
{
	struct h2_response body;
	struct h2_call call;

	ck_assert_str_eq(fields_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n",
				   true, &body, &call),
			 ":method=POST\n:scheme=https\n:authority=h\n:path=/\n"
			 "content-length=7\n");
	ck_assert(body.state == H2_RESPONSE_LENGTH && body.left == 7);
	fields_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", true, &body, &call);
	ck_assert_int_eq(body.state, H2_RESPONSE_DONE);
	ck_assert_str_eq(fields_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
				   "\r\n", true, &body, &call),
			 ":method=POST\n:scheme=https\n:authority=h\n:path=/\n");
	ck_assert_int_eq(body.state, H2_RESPONSE_CHUNK_LINE);
	ck_assert_str_eq(fields_of("OPTIONS * HTTP/1.1\r\nHost: \r\n\r\n", false, &body, &call),
			 ":method=OPTIONS\n:scheme=http\n:path=*\n");
	fields_of("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", false, &body, &call);
	ck_assert(call.to_head);
}
END_TEST

START_TEST(h138_an_upgrade_is_an_extended_connect)
{
	struct h2_response body;
	struct h2_call call;

	ck_assert_str_eq(fields_of("GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: " KEY "\r\n"
				   "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
				   "Connection: Upgrade\r\n\r\n", false, &body, &call),
			 ":method=CONNECT\n:protocol=websocket\n:scheme=http\n:authority=h\n"
			 ":path=/ws\nsec-websocket-version=13\n");
	ck_assert(call.upgrades && str_eq(call.key, STR(KEY)));
	ck_assert_int_eq(body.state, H2_RESPONSE_TUNNEL);
}
END_TEST

START_TEST(more_fields_than_there_is_room_for_are_refused)
{
	char head[] = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n\r\n";
	struct h2_response body = { 0 };
	struct h2_field fields[6];
	struct h2_call call;

	ck_assert(!h2_call_read(&body, head, sizeof(head) - 1, false, fields, 6, &call));
}
END_TEST

START_TEST(secrets_are_not_shared_by_a_table)
{
	ck_assert(h2_call_is_secret(STR("cookie")) && h2_call_is_secret(STR("authorization")));
	ck_assert(h2_call_is_secret(STR("proxy-authorization")));
	ck_assert(!h2_call_is_secret(STR("accept")));
}
END_TEST

/* ---- fields → a head ---- */

struct pair {
	const char *name, *value;
};

static char text[65536];

static struct h2_block reply_of(const struct pair *fields, bool ended,
				const struct h2_reply *as, bool trailers)
{
	const struct h2_limits most = { 4096, 20 };
	struct h2_reply r;

	h2_reply_begin(&r, &most, text, sizeof(text), trailers);
	r.opens = as->opens;
	r.to_head = as->to_head;
	for (; fields->name; fields++)
		h2_reply_field(&r, str_of(fields->name), str_of(fields->value));
	h2_reply_end(&r, ended, STR("abc="));
	return r.block;
}

static void expect(const struct pair *fields, bool ended, const struct h2_reply *as,
		   const char *want)
{
	struct h2_block b = reply_of(fields, ended, as, false);

	ck_assert_int_eq(b.fault, REASON_COMPLETE);
	text[b.n] = '\0';
	ck_assert_str_eq(text, want);
}

#define FIELDS(...) (const struct pair[]){ __VA_ARGS__, { NULL, NULL } }
#define S200 { ":status", "200" }

static const struct h2_reply plain, to_head = { .to_head = true }, opens = { .opens = true };

START_TEST(a_response_as_http_1_has_it)
{
	expect(FIELDS(S200, { "x-a", "B" }), false, &plain,
	       "HTTP/1.1 200 OK\r\nx-a: B\r\ntransfer-encoding: chunked\r\n\r\n");
	expect(FIELDS(S200, { "content-length", "3" }), false, &plain,
	       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
	expect(FIELDS(S200, { "content-length", "3" }, { "content-length", "3" }), false, &plain,
	       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
	expect(FIELDS({ ":status", "103" }, { "link", "x" }), false, &plain,
	       "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
	expect(FIELDS({ ":status", "204" }), false, &plain, "HTTP/1.1 204 No Content\r\n\r\n");
	expect(FIELDS(S200, { "content-length", "3" }), true, &to_head,
	       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n");
}
END_TEST

START_TEST(h144_trailers_only)
{
	expect(FIELDS(S200, { "grpc-status", "5" }), true, &plain,
	       "HTTP/1.1 200 OK\r\ngrpc-status: 5\r\ncontent-length: 0\r\n\r\n");
}
END_TEST

START_TEST(h138_two_hundred_opens_a_websocket)
{
	expect(FIELDS(S200, { "sec-websocket-protocol", "chat" }, { "sec-websocket-accept", "no" },
		      { "content-length", "0" }), false, &opens,
	       "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\n"
	       "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: abc=\r\n\r\n");
	expect(FIELDS({ ":status", "403" }), true, &opens,
	       "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
}
END_TEST

START_TEST(h101_h103_what_is_malformed)
{
	const struct {
		const struct pair *fields;
		bool ended;
		enum reason fault;
	} cases[] = {
		{ FIELDS({ "x", "y" }), true, REASON_RES_H2_STATUS },
		{ FIELDS(S200, S200), true, REASON_RES_H2_STATUS },
		{ FIELDS(S200, { ":method", "GET" }), true, REASON_RES_H2_STATUS },
		{ FIELDS({ ":status", "20" }), true, REASON_RES_H2_STATUS },
		{ FIELDS({ ":status", "0200" }), true, REASON_RES_H2_STATUS },
		{ FIELDS({ ":status", "600" }), true, REASON_RES_H2_STATUS },
		{ FIELDS({ ":status", "101" }), false, REASON_RES_SWITCH },
		{ FIELDS({ ":status", "100" }), true, REASON_RES_H2_BODY },
		{ FIELDS(S200, { "content-length", "1" }), true, REASON_RES_H2_BODY },
		{ FIELDS(S200, { "content-length", "-1" }), false, REASON_RES_LENGTH },
		{ FIELDS(S200, { "content-length", "1, 1" }), false, REASON_RES_LENGTH },
		{ FIELDS(S200, { "X", "y" }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "", "y" }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "x:", "y" }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "x", "y\nz" }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "x", "y " }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "te", "trailers" }), true, REASON_RES_H2_FIELD },
		{ FIELDS(S200, { "upgrade", "x" }), true, REASON_RES_H2_FIELD },
	};

	ck_assert_int_eq(reply_of(cases[_i].fields, cases[_i].ended, &plain, false).fault,
			 cases[_i].fault);
}
END_TEST

START_TEST(limits_and_trailers)
{
	struct pair many[23] = { S200 };
	char value[5000];

	for (unsigned i = 1; i < 22; i++)
		many[i] = (struct pair){ "x", "y" };
	ck_assert_int_eq(reply_of(many, true, &plain, false).fault, REASON_RES_TOO_MANY_FIELDS);
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	ck_assert_int_eq(reply_of(FIELDS(S200, { "x", value }), true, &plain, false).fault,
			 REASON_RES_HEAD_TOO_LARGE);
	ck_assert_int_eq(reply_of(FIELDS({ "x", "y" }), true, &plain, true).n, 6);
	ck_assert_int_eq(reply_of(FIELDS({ "x", "y" }), false, &plain, true).fault,
			 REASON_RES_H2_TRAILER);
	ck_assert_int_eq(reply_of(FIELDS(S200), true, &plain, true).fault, REASON_RES_H2_STATUS);
	ck_assert_int_eq(reply_of(FIELDS({ "x", value }), true, &plain, true).fault,
			 REASON_RES_H2_TRAILER);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("text");
	Suite *s = suite_create("http/h2_origin");

	suite_add_tcase(s, t);
	tcase_add_test(t, h109_what_belongs_to_connections_is_left_out);
	tcase_add_test(t, h109_what_follows_the_head);
	tcase_add_test(t, h138_an_upgrade_is_an_extended_connect);
	tcase_add_test(t, more_fields_than_there_is_room_for_are_refused);
	tcase_add_test(t, secrets_are_not_shared_by_a_table);
	tcase_add_test(t, a_response_as_http_1_has_it);
	tcase_add_test(t, h144_trailers_only);
	tcase_add_test(t, h138_two_hundred_opens_a_websocket);
	tcase_add_loop_test(t, h101_h103_what_is_malformed, 0, 18);
	tcase_add_test(t, limits_and_trailers);
	return http_run(s);
}
