/* HTTP/2 between frames and the text of HTTP/1.1, against the sentences of the acceptance list
 * (the numbers in the names). The client is nghttp2's, in memory. */
#include <nghttp2/nghttp2.h>

#include "http/h1_chunk.h"
#include "http/h2_request.h"
#include "http/h2_server.h"
#include "http_testing.h"

#define KEY "MDEyMzQ1Njc4OWFiY2RlZg=="

/* ---- fields → a head ---- */

static char text[BUF_SIZE];

struct pair {
	const char *name, *value;
};

static struct str head_of(const struct pair *fields, bool ended, enum reason *fault)
{
	static const struct h2_limits wide = { 16384, 100 };
	struct h2_request r;

	h2_request_begin(&r, &wide, text, sizeof(text), false);
	for (; fields->name; fields++)
		h2_request_field(&r, str_of(fields->name), str_of(fields->value));
	h2_request_end(&r, ended, KEY);
	*fault = r.block.fault;
	return (struct str){ text, r.block.n };
}

static void expect_head(const struct pair *fields, bool ended, const char *want)
{
	enum reason fault;
	struct str head = head_of(fields, ended, &fault);

	ck_assert_int_eq(fault, REASON_COMPLETE);
	ck_assert_int_eq(head.n, strlen(want));
	ck_assert_mem_eq(head.p, want, head.n);
}

START_TEST(h104_h108_h109_a_head_as_http_1_has_it)
{
	expect_head((const struct pair[]){ { ":authority", "a:80" },
					   { ":path", "/x?y" },
					   { ":scheme", "https" },
					   { ":method", "GET" },
					   { "cookie", "a=1" },
					   { "x-a", "b" },
					   { "cookie", "b=2" },
					   { "cookie", "" },
					   { NULL, NULL } },
		    true,
		    "GET /x?y HTTP/1.1\r\nhost: a:80\r\ncookie: a=1; b=2; \r\nx-a: b\r\n\r\n");
	expect_head((const struct pair[]){ { ":method", "POST" },
					   { ":scheme", "http" },
					   { ":path", "/" },
					   { "host", "b" },
					   { NULL, NULL } },
		    false,
		    "POST / HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n");
	expect_head((const struct pair[]){ { ":method", "POST" },
					   { ":scheme", "http" },
					   { ":path", "/" },
					   { ":authority", "a" },
					   { "host", "A:80" },
					   { "content-length", "3" },
					   { NULL, NULL } },
		    false, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n");
}
END_TEST

START_TEST(h137_extended_connect_is_an_upgrade)
{
	expect_head((const struct pair[]){ { ":method", "CONNECT" },
					   { ":protocol", "websocket" },
					   { ":scheme", "http" },
					   { ":path", "/ws" },
					   { ":authority", "a" },
					   { "sec-websocket-key", "of the client's own" },
					   { "sec-websocket-version", "13" },
					   { NULL, NULL } },
		    false,
		    "GET /ws HTTP/1.1\r\nhost: a\r\nsec-websocket-version: 13\r\n"
		    "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: " KEY
		    "\r\n\r\n");
}
END_TEST

/* What is refused names the request for the log, and nothing of it can be read as one. */
static void expect_refusal(const struct pair *fields, enum reason why, const char *line)
{
	enum reason fault, told;
	struct str head = head_of(fields, true, &fault);
	size_t size;

	ck_assert_int_eq(fault, why);
	ck_assert(h2_refusal_read(&head, &told, &size));
	ck_assert_int_eq(told, why);
	ck_assert_int_eq(head.n, strlen(line));
	ck_assert_mem_eq(head.p, line, head.n);
}

#define PSEUDO(path_) { ":method", "GET" }, { ":scheme", "http" }, { ":path", path_ }

START_TEST(h101_h102_h103_h110_refusals)
{
	expect_refusal((const struct pair[]){ PSEUDO("/x"), { "x", "a\r\nb: c" }, { NULL, NULL } },
		       REASON_H2_FIELD, "GET /x HTTP/2.0\r\n");
	expect_refusal((const struct pair[]){ PSEUDO("/x"), { "te", "gzip" }, { NULL, NULL } },
		       REASON_H2_FIELD, "GET /x HTTP/2.0\r\n");
	expect_refusal((const struct pair[]){ PSEUDO("/\r\nx"), { "a", "b" }, { NULL, NULL } },
		       REASON_H2_PSEUDO, "GET - HTTP/2.0\r\n");
	expect_refusal((const struct pair[]){ { ":path", "/" }, { NULL, NULL } },
		       REASON_H2_PSEUDO, "- / HTTP/2.0\r\n");
	expect_refusal((const struct pair[]){ PSEUDO("/"), { "x", "y" }, { ":authority", "a" },
					      { NULL, NULL } },
		       REASON_H2_PSEUDO, "GET / HTTP/2.0\r\n");
	expect_refusal((const struct pair[]){ PSEUDO("/"), { "content-length", "1" },
					      { NULL, NULL } },
		       REASON_H2_LENGTH, "GET / HTTP/2.0\r\n");
}
END_TEST

/* The largest there can be of everything fits. */
START_TEST(h118_heads_at_the_limit)
{
	static char value[61440];
	const struct h2_limits limits_ = { 61440, 1000 };
	struct h2_request r;

	memset(value, 'a', sizeof(value));
	h2_request_begin(&r, &limits_, text, sizeof(text), false);
	h2_request_field(&r, STR(":method"), STR("CONNECT"));
	h2_request_field(&r, STR(":authority"), (struct str){ value, 512 });
	h2_request_field(&r, STR("cookie"), (struct str){ value, 30000 });
	h2_request_field(&r, STR("x"), (struct str){ value, 15000 });
	h2_request_field(&r, STR("cookie"), (struct str){ value, 15000 });
	h2_request_end(&r, false, KEY);
	ck_assert_int_eq(r.block.fault, REASON_COMPLETE);
	h2_request_begin(&r, &limits_, text, sizeof(text), false);
	h2_request_field(&r, STR(":path"), (struct str){ value, 28001 });
	ck_assert_int_eq(r.block.fault, REASON_REQ_LINE_TOO_LONG);
	h2_request_begin(&r, &limits_, text, sizeof(text), false);
	h2_request_field(&r, STR("x"), (struct str){ value, sizeof(value) });
	h2_request_end(&r, false, KEY);
	ck_assert_int_eq(r.block.fault, REASON_REQ_HEAD_TOO_LARGE);
}
END_TEST

/* ---- floods ---- */

START_TEST(h119_h120_budgets)
{
	struct h2_budget b;
	unsigned n = 0;

	h2_budget_init(&b, 1000);
	while (h2_budget_take(&b, H2_FLOOD_PING, 1000))
		n++;
	ck_assert_uint_eq(n, 100);
	ck_assert(h2_budget_take(&b, H2_FLOOD_RESET, 1000));
	ck_assert(!h2_budget_take(&b, H2_FLOOD_PING, 1000 + 99999));
	ck_assert(h2_budget_take(&b, H2_FLOOD_PING, 1000 + 100000));
	ck_assert(!h2_budget_take(&b, H2_FLOOD_PING, 1000 + 100000));
	for (n = 0; h2_budget_take(&b, H2_FLOOD_PING, 3600000000u); n++)
		;
	ck_assert_uint_eq(n, 100);
	for (n = 0; h2_budget_take(&b, H2_FLOOD_CONTINUATION, 3600000000u); n++)
		;
	ck_assert_uint_eq(n, 7);
	h2_budget_fill(&b, H2_FLOOD_CONTINUATION);
	ck_assert(h2_budget_take(&b, H2_FLOOD_CONTINUATION, 3600000000u));
}
END_TEST

/* ---- both ends in memory ---- */

static struct {
	struct h2_session *server;
	struct h2_stream streams[8];
	unsigned n, requests;
	struct buf_pool buffers;
	nghttp2_session *client;
	char status[8], body[400000], trailer[64];
	size_t body_n, upload_at, upload_n;
	uint32_t reset;
	bool ended;
} rig;

static struct h2_stream *on_begin(void *owner)
{
	(void)owner;
	return &rig.streams[rig.n++];
}

static void on_key(void *owner, char key[24])
{
	(void)owner;
	memcpy(key, KEY, 24);
}

static void on_request(void *owner, struct h2_stream *st)
{
	(void)owner;
	(void)st;
	rig.requests++;
}

static void on_other(void *owner, struct h2_stream *st)
{
	(void)owner;
	(void)st;
}

static const struct h2_owner owner = { on_begin, on_key, on_request, on_other, on_other,
				       NULL };

static int client_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
			 size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
			 void *arg)
{
	struct str n = { (const char *)name, name_n }, v = { (const char *)value, value_n };

	(void)s;
	(void)f;
	(void)flags;
	(void)arg;
	if (str_eq(n, STR(":status")))
		ck_assert(str_copy(rig.status, sizeof(rig.status), v));
	if (str_eq(n, STR("x-t")))
		ck_assert(str_copy(rig.trailer, sizeof(rig.trailer), v));
	return 0;
}

static int client_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data,
		       size_t n, void *arg)
{
	(void)s;
	(void)flags;
	(void)id;
	(void)arg;
	memcpy(rig.body + rig.body_n, data, n);
	rig.body_n += n;
	return 0;
}

static int client_closed(nghttp2_session *s, int32_t id, uint32_t code, void *arg)
{
	(void)s;
	(void)id;
	(void)arg;
	rig.ended = true;
	rig.reset = code;
	return 0;
}

static ssize_t client_upload(nghttp2_session *s, int32_t id, uint8_t *to, size_t room,
			     uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	size_t n = rig.upload_n - rig.upload_at;

	(void)s;
	(void)id;
	(void)source;
	(void)arg;
	n = n < room ? n : room;
	memset(to, 'u', n);
	rig.upload_at += n;
	if (rig.upload_at == rig.upload_n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void rig_setup(void)
{
	const struct h2_limits most = { 16384, 100 };
	nghttp2_session_callbacks *c;

	http_setup();
	memset(&rig, 0, sizeof(rig));
	buf_pool_init(&rig.buffers, 4);
	rig.server = h2_server_new(&most, 100, &owner, NULL, &rig.buffers, 1);
	ck_assert_int_eq(nghttp2_session_callbacks_new(&c), 0);
	nghttp2_session_callbacks_set_on_header_callback(c, client_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, client_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, client_closed);
	ck_assert_int_eq(nghttp2_session_client_new(&rig.client, c, NULL), 0);
	nghttp2_session_callbacks_del(c);
	ck_assert_int_eq(nghttp2_submit_settings(rig.client, 0, NULL, 0), 0);
}

static void rig_teardown(void)
{
	for (unsigned i = 0; i < rig.n; i++)
		h2_stream_leave(&rig.streams[i], H2_CANCEL);
	h2_session_free(rig.server);
	for (unsigned i = 0; i < rig.n; i++)
		h2_stream_drop(&rig.streams[i], &rig.buffers);
	buf_pool_free(&rig.buffers);
	nghttp2_session_del(rig.client);
	http_teardown();
}

/* Until neither has anything to say. */
static void talk(void)
{
	static char frames[BUF_SIZE];
	const uint8_t *said;
	bool more = true;
	size_t back;
	ssize_t n;

	while (more) {
		more = false;
		while ((n = nghttp2_session_mem_send(rig.client, &said)) > 0) {
			ck_assert(h2_session_recv(rig.server,
						 (struct str){ (const char *)said, (size_t)n },
						 2));
			more = true;
		}
		while ((back = h2_session_send(rig.server, frames, sizeof(frames))) > 0) {
			n = nghttp2_session_mem_recv(rig.client, (const uint8_t *)frames, back);
			ck_assert_int_eq(n, (ssize_t)back);
			more = true;
		}
	}
}

static nghttp2_nv pair(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value,
			     strlen(name), strlen(value), 0 };
}

static void ask(const char *method, size_t upload)
{
	const nghttp2_nv fields[] = { pair(":method", method), pair(":scheme", "http"),
				      pair(":path", "/"), pair(":authority", "a") };
	const nghttp2_data_provider body = { .read_callback = client_upload };

	rig.upload_n = upload;
	ck_assert_int_gt(nghttp2_submit_request(rig.client, NULL, fields, 4,
						upload ? &body : NULL, NULL), 0);
	talk();
	ck_assert_uint_eq(rig.requests, 1);
}

static size_t give(struct h2_stream *st, const char *said, size_t size)
{
	struct iovec v = { (void *)(uintptr_t)said, size };
	size_t n;

	ck_assert(h2_stream_give(st, &v, 1, &n));
	return n;
}

START_TEST(h109_h111_h144_a_response_in_pieces)
{
	static const char said[] = "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
				   "HTTP/1.1 200 OK\r\nConnection: close\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: end\r\n\r\n";
	const size_t heads = (size_t)(strstr(said, "3\r\nabc") - said);
	struct h2_stream *st;

	ask("GET", 0);
	st = &rig.streams[0];
	ck_assert_uint_eq(give(st, said, heads), heads);
	talk();
	ck_assert_str_eq(rig.status, "200");
	for (size_t at = heads; at < sizeof(said) - 1; at++) {
		ck_assert_uint_eq(give(st, said + at, 1), 1);
		talk();
	}
	h2_stream_leave(st, H2_INTERNAL_ERROR);
	talk();
	ck_assert_uint_eq(rig.body_n, 13);
	ck_assert_mem_eq(rig.body, "abc0123456789", 13);
	ck_assert_str_eq(rig.trailer, "end");
	ck_assert(rig.ended && rig.reset == 0 && st->gone);
}
END_TEST

/* What takes no more is not taken, and nothing is lost of what is. */
START_TEST(h112_h114_a_response_larger_than_the_window)
{
	static char large[300000];
	static char head[64];
	struct h2_stream *st;
	size_t at = 0, n;

	memset(large, 'b', sizeof(large));
	ask("GET", 0);
	st = &rig.streams[0];
	n = (size_t)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			     sizeof(large));
	ck_assert_uint_eq(give(st, head, n), n);
	n = give(st, large, sizeof(large));
	ck_assert_uint_eq(n, 65535);
	ck_assert_uint_eq(h2_stream_room(st), 0);
	ck_assert_uint_eq(give(st, large + n, 1000), 0);
	for (at = n; at < sizeof(large); at += n) {
		talk();
		n = give(st, large + at, sizeof(large) - at);
		ck_assert_uint_gt(n, 0);
	}
	talk();
	ck_assert_uint_eq(rig.body_n, sizeof(large));
	ck_assert_mem_eq(rig.body, large, sizeof(large));
	ck_assert_uint_eq(h2_stream_waiting(st), 0);
}
END_TEST

/* A body of which nobody takes anything stops at its window, which has become wide; taken byte by
 * byte it is the chunked coding of what was sent. */
START_TEST(h109_h112_an_upload)
{
	struct h1_chunks chunks;
	struct h2_stream *st;
	size_t total = 0;

	ask("POST", 600000);
	st = &rig.streams[0];
	ck_assert_uint_eq(rig.upload_at, 4 * 65535);
	h1_chunks_init(&chunks, &limits);
	while (!chunks.done) {
		struct str in, data = STR_NONE;
		enum reason why;
		char byte[7];
		size_t used;

		in = (struct str){ byte, h2_stream_take(st, byte, sizeof(byte)) };
		if (in.n == 0) {
			talk();
			ck_assert(h2_stream_has_more(st));
		}
		while (in.n) {
			used = 0;
			ck_assert_int_ne(h1_chunks_next(&chunks, in, &arena, &used, &data, &why),
					 HTTP_BAD);
			total += data.n;
			data = STR_NONE;
			in = str_from(in, used);
		}
	}
	ck_assert_uint_eq(total, 600000);
	ck_assert(!h2_stream_has_more(st));
}
END_TEST

START_TEST(h73_a_cut_response_is_reset_behind_what_there_is)
{
	static const char said[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";

	ask("GET", 0);
	give(&rig.streams[0], said, sizeof(said) - 1);
	h2_stream_leave(&rig.streams[0], H2_INTERNAL_ERROR);
	talk();
	ck_assert_uint_eq(rig.body_n, 3);
	ck_assert(rig.ended && rig.reset == NGHTTP2_INTERNAL_ERROR);
}
END_TEST

START_TEST(h121_the_two_steps_of_goaway)
{
	ask("GET", 0);
	h2_server_leave(rig.server);
	ck_assert(!h2_server_left(rig.server));
	talk();
	ck_assert(h2_server_left(rig.server));
	ck_assert_int_eq(nghttp2_session_get_last_proc_stream_id(rig.client), 0);
	h2_server_leave_now(rig.server);
	talk();
	ck_assert(!h2_session_is_over(rig.server));
	give(&rig.streams[0], "HTTP/1.1 204 No Content\r\n\r\n", 27);
	h2_stream_leave(&rig.streams[0], H2_INTERNAL_ERROR);
	talk();
	ck_assert_str_eq(rig.status, "204");
	ck_assert(h2_session_is_over(rig.server));
}
END_TEST

int main(void)
{
	TCase *pure = tcase_create("text"), *both = tcase_create("both ends");
	Suite *s = suite_create("http/h2");

	suite_add_tcase(s, pure);
	suite_add_tcase(s, both);
	tcase_add_test(pure, h104_h108_h109_a_head_as_http_1_has_it);
	tcase_add_test(pure, h137_extended_connect_is_an_upgrade);
	tcase_add_test(pure, h101_h102_h103_h110_refusals);
	tcase_add_test(pure, h118_heads_at_the_limit);
	tcase_add_test(pure, h119_h120_budgets);
	tcase_add_checked_fixture(both, rig_setup, rig_teardown);
	tcase_add_test(both, h109_h111_h144_a_response_in_pieces);
	tcase_add_test(both, h112_h114_a_response_larger_than_the_window);
	tcase_add_test(both, h109_h112_an_upload);
	tcase_add_test(both, h73_a_cut_response_is_reset_behind_what_there_is);
	tcase_add_test(both, h121_the_two_steps_of_goaway);
	return http_run(s);
}
