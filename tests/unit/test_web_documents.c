/* What the admin address answers to a request, without a connection. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin_boards.h"
#include "http/h1_parse.h"
#include "web/documents.h"
#include "web/reply.h"

static struct board_limits *limited;
static struct web_boards boards;
static struct arena arena;
static struct document doc;
static struct http_request req;

static void setup(void)
{
	boards_setup();
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_fill_vrrp();
	limited = calloc(1, sizeof(*limited));
	boards = (struct web_boards){sup, proxy, vrrp, limited};
	arena_init(&arena, 4096, 0);
}

static void teardown(void)
{
	boards_teardown();
	free(limited);
	document_free(&doc);
	arena_free(&arena);
}

/* The text has a NUL behind it. */
static void ask_with(const char *line, const char *host, bool local)
{
	static const struct h1_limits limits = {8192, 8192, 100, false};
	static char bytes[1024];
	struct h1_parser p;
	enum reason why;
	int n = snprintf(bytes, sizeof(bytes), "%s HTTP/1.1\r\nHost: %s\r\n\r\n", line, host);

	h1_parser_reset(&p);
	ck_assert_int_eq(h1_parse_request(&p, (struct str){bytes, (size_t)n}, &limits, &arena,
					  &req, &why),
			 HTTP_OK);
	document_free(&doc);
	document_make(&doc, &boards, &req, local);
	ck_assert_ptr_nonnull(doc.body);
	ck_assert_uint_eq(strlen(doc.body), doc.n);
}

static void ask(const char *line)
{
	ask_with(line, "127.0.0.1:8404", true);
}

static json_t *load(void)
{
	json_t *j = json_loads(doc.body, 0, NULL);

	ck_assert_msg(j != NULL, "%s", doc.body);
	ck_assert_str_eq(doc.type, "application/json");
	return j;
}

static void expect_error(unsigned status, const char *part)
{
	ck_assert_uint_eq(doc.status, status);
	ck_assert_msg(strstr(doc.body, part) != NULL, "%s", doc.body);
}

static const struct {
	const char *line, *key;
} documents[] = {
	{"GET /api/v1/status", "backends"},   {"GET /api/v1/servers", "servers"},
	{"GET /api/v1/vrrp", "vrrp"},	      {"GET /api/v1/limits", "limits"},
	{"GET /api/v1/events", "events"},     {"GET /api/v1", "documents"},
	{"GET /api/v1/", "documents"},	      {"GET /health", "healthy"},
	{"HEAD /api/v1/status", "vrrp"},      {"GET /api/v1/status?at=now", "node"},
	{"GET //api//v1/./status", "node"},   {"GET /api/v1/servers/web_backend", "servers"},
	{"GET /api/v1/vrrp/VI_1", "vrrp"},    {"GET /api/v1/%73tatus", "node"},
	{"GET http://127.0.0.1:8404/health", "node"},
};

START_TEST(each_has_its_path)
{
	json_t *j;

	ask(documents[_i].line);
	ck_assert_uint_eq(doc.status, 200);
	j = load();
	ck_assert_ptr_nonnull(json_object_get(j, documents[_i].key));
	json_decref(j);
}
END_TEST

START_TEST(a_name_chooses)
{
	json_t *j;

	ask("GET /api/v1/servers/app_backend");
	j = load();
	ck_assert_uint_eq(json_array_size(json_object_get(j, "servers")), 1);
	json_decref(j);
	ask("GET /api/v1/servers/app_backen");
	expect_error(404, "did you mean \\\"app_backend\\\"?");
	json_decref(load());
	ask("GET /api/v1/limits/front/none");
	expect_error(404, "front/none");
	json_decref(load());
}
END_TEST

START_TEST(metrics_and_page)
{
	ask("GET /metrics");
	ck_assert_uint_eq(doc.status, 200);
	ck_assert_str_eq(doc.type, "text/plain; version=0.0.4; charset=utf-8");
	ck_assert_ptr_nonnull(strstr(doc.body, "\nhpcbal_build_info{"));
	ask("GET /");
	ck_assert_uint_eq(doc.status, 200);
	ck_assert_str_eq(doc.type, "text/html; charset=utf-8");
	ck_assert_ptr_nonnull(strstr(doc.policy, "script-src 'sha256-"));
	ck_assert_ptr_null(strstr(doc.policy, "unsafe"));
	/* It fetches nothing from anywhere else. */
	ck_assert_ptr_null(strstr(doc.body, "src="));
	ck_assert_ptr_null(strstr(strstr(doc.body, "http://www.w3.org/2000/svg") + 8, "://"));
	ask("GET /health");
	ck_assert_ptr_null(doc.policy);
}
END_TEST

START_TEST(what_is_not_there)
{
	static const char *const lines[][2] = {
		{"GET /metrcs", "there is no /metrcs; did you mean /metrics?\n"},
		{"GET /metrics/", "did you mean /metrics?\n"},
		{"GET /nothing/of/the/kind", "/ and /api/v1/ list what there is\n"},
		{"GET /api/v1/statu", "did you mean /api/v1/status?\""},
		{"GET /api/v1/servers/", "there is no /api/v1/servers/"},
		{"GET /api/v1/status/x", "there is no /api/v1/status/x"},
		{"GET /%1b%5b31m", "there is no /?[31m"},
		{"GET /%ff%fe", "there is no /??"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ask(lines[i][0]);
		expect_error(404, lines[i][1]);
	}
}
END_TEST

START_TEST(only_reading)
{
	static const char *const lines[] = {"POST /metrics", "DELETE /api/v1/status", "PUT /",
					    "OPTIONS *", "BREW /health"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ask(lines[i]);
		expect_error(405, "use GET or HEAD");
		ck_assert_str_eq(doc.allow, "GET, HEAD");
	}
	ask("GET /metrics");
	ck_assert_ptr_null(doc.allow);
}
END_TEST

START_TEST(names_that_were_made_to_lead_here)
{
	static const char *const bad[] = {"evil.example", "evil.example:8404", "localhost.example",
					  "127.0.0.1.example", "lb1.example"};
	static const char *const good[] = {"localhost", "LocalHost:8404", "127.0.0.1:9",
					   "[::1]:8404", "10.1.2.3", "lb1:8404", "LB1"};
	char machine[256] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ask_with("GET /api/v1/events", bad[i], true);
		expect_error(421, "ask for localhost");
		json_decref(load());
		ask_with("GET /api/v1/events", bad[i], false);
		ck_assert_uint_eq(doc.status, 200);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ask_with("GET /metrics", good[i], true);
		ck_assert_uint_eq(doc.status, 200);
	}
	gethostname(machine, sizeof(machine) - 1);
	ask_with("GET /metrics", machine, true);
	ck_assert_uint_eq(doc.status, 200);
}
END_TEST

/* ---- health ---- */

static void expect_ill(const char *why)
{
	json_t *j;

	ask("GET /health");
	ck_assert_uint_eq(doc.status, 503);
	j = load();
	ck_assert(json_is_false(json_object_get(j, "healthy")));
	ck_assert_msg(strstr(json_string_value(json_object_get(j, "reason")), why), "%s",
		      doc.body);
	json_decref(j);
}

static void expect_well(void)
{
	json_t *j;

	ask("GET /health");
	ck_assert_uint_eq(doc.status, 200);
	j = load();
	ck_assert(json_is_true(json_object_get(j, "healthy")));
	ck_assert(json_is_null(json_object_get(j, "reason")));
	ck_assert_str_eq(json_string_value(json_object_get(j, "node")), "lb1");
	json_decref(j);
}

START_TEST(health)
{
	uint64_t now = clock_now_us();

	stats_set(proxy->main_beat_us, now);
	stats_set(proxy->worker[0].beat_us, now);
	stats_set(proxy->worker[1].beat_us, now);
	expect_well();
	/* One of its threads hangs: some clients wait for ever. */
	stats_set(proxy->worker[1].beat_us, now - 3 * CLOCK_SEC);
	expect_ill("the proxy (pid 4720) has not moved for 3");
	stats_set(proxy->n_workers, 1);
	expect_well();
	stats_set(proxy->main_beat_us, now - 3 * CLOCK_SEC);
	expect_ill("has not moved");
	stats_set(proxy->main_beat_us, now);
	stats_set(sup->process[BOARD_PROXY].running, 0);
	expect_ill("the proxy (pid 4720) is starting");
	stats_set(sup->process[BOARD_PROXY].pid, 0);
	strcpy(sup->process[BOARD_PROXY].last_end, "killed by SIGSEGV");
	expect_ill("the proxy is not running; the last one ended: killed by SIGSEGV");
	stats_set(sup->stopping, 1);
	expect_ill("hpcbald is stopping");
}
END_TEST

/* ---- the response ---- */

static char *text_of(struct iovq *q)
{
	static char text[8192];
	size_t n = 0;

	for (unsigned i = q->first; i < q->first + q->count; i++) {
		memcpy(text + n, q->v[i].iov_base, q->v[i].iov_len);
		n += q->v[i].iov_len;
	}
	text[n] = '\0';
	return text;
}

START_TEST(responses)
{
	struct reply_form f = {.method = METHOD_GET, .client_minor = 1, .wall_seconds = 0};
	struct document d = {.status = 200, .type = "text/plain", .body = (char[]){"hello"},
			     .n = 5};
	char head[REPLY_HEAD], *text;
	struct iovq out;

	reply_write(&d, &f, head, &out);
	text = text_of(&out);
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 ", 40), 0);
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 5\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Type: text/plain\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nCache-Control: no-store\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n\r\nhello"));
	ck_assert_ptr_null(strstr(text, "\r\nConnection:"));
	ck_assert_ptr_null(strstr(text, "Access-Control"));
	f.method = METHOD_HEAD;
	f.close = true;
	d.allow = "GET, HEAD";
	reply_write(&d, &f, head, &out);
	text = text_of(&out);
	ck_assert(str_ends(str_of(text),
			   STR("\r\nAllow: GET, HEAD\r\nConnection: close\r\n\r\n")));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 5\r\n"));
	f = (struct reply_form){.method = METHOD_GET, .client_minor = 0};
	d.body = NULL;
	reply_write(&d, &f, head, &out);
	text = text_of(&out);
	ck_assert_int_eq(strncmp(text, "HTTP/1.1 503 Service Unavailable\r\n", 34), 0);
	ck_assert(str_ends(str_of(text), STR("Connection: keep-alive\r\n\r\nout of memory\n")));
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		enum reason why;
		unsigned status;
	} all[] = {{REASON_REQ_LINE, 400},
		   {REASON_REQ_HEAD_TOO_LARGE, 431},
		   {REASON_REQ_TRACE, 405},
		   {REASON_NO_MEMORY, 500},
		   {REASON_COMPLETE, 400}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		document_free(&doc);
		document_refuse(&doc, all[i].why);
		ck_assert_uint_eq(doc.status, all[i].why == REASON_NO_MEMORY
						      ? reason_status(all[i].why)
						      : all[i].status);
		ck_assert_uint_gt(doc.n, 3);
		ck_assert_int_eq(doc.allow != NULL, doc.status == 405);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/documents");
	TCase *t = tcase_create("documents");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_has_its_path, 0,
			    (int)(sizeof(documents) / sizeof(documents[0])));
	tcase_add_test(t, a_name_chooses);
	tcase_add_test(t, metrics_and_page);
	tcase_add_test(t, what_is_not_there);
	tcase_add_test(t, only_reading);
	tcase_add_test(t, names_that_were_made_to_lead_here);
	tcase_add_test(t, health);
	tcase_add_test(t, responses);
	tcase_add_test(t, refusals);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
