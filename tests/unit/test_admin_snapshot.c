#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "admin/snapshot.h"
#include "admin/table.h"
#include "admin/text.h"
#include "base/clock.h"
#include "admin_boards.h"

static char *text; /* what the last call printed */
static size_t text_size;

static void setup(void)
{
	boards_setup();
}

static void teardown(void)
{
	boards_teardown();
	free(text);
	text = NULL;
}

enum what { STATUS, SERVERS, STATUS_JSON, SERVERS_JSON, EVENTS_JSON };

static bool print_from(const struct board_supervisor *b, const struct board_proxy *p,
		       enum what what, const char *backend, char *why, size_t why_size)
{
	struct snapshot *s = snapshot_take(b, p, NULL, NOW, MONO);
	bool good = false;
	FILE *f;

	ck_assert_ptr_nonnull(s);
	free(text);
	f = open_memstream(&text, &text_size);
	switch (what) {
	case STATUS:
		good = snapshot_print_status(s, f);
		break;
	case SERVERS:
		good = snapshot_print_servers(s, backend, f, why, why_size);
		break;
	case STATUS_JSON:
		good = snapshot_json_status(s, f);
		break;
	case SERVERS_JSON:
		good = snapshot_json_servers(s, backend, f, why, why_size);
		break;
	case EVENTS_JSON:
		good = snapshot_json_events(s, f);
		break;
	}
	fclose(f);
	snapshot_free(s);
	return good;
}

static const char *print(enum what what)
{
	char why[256] = "";

	ck_assert_msg(print_from(sup, proxy, what, NULL, why, sizeof(why)), "%s", why);
	return text;
}

static json_t *load(enum what what)
{
	json_error_t error;
	json_t *j = json_loads(print(what), 0, &error);

	ck_assert_msg(j != NULL, "line %d: %s", error.line, error.text);
	return j;
}

START_TEST(status_all_well)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	ck_assert_str_eq(
		print(STATUS),
		"node      lb1: hpcbal 0.1.0, pid 4711, up 2h 5m\n"
		"config    /etc/hpcbal.conf: generation 3, loaded 2026-02-06 11:09:14 (5m ago)\n"
		"proxy     running, pid 4720, up 2h 0m, 2 workers, 1 connection, 0 restarts\n"
		"\n"
		"FRONTEND     MODE  BIND            CONNECTIONS  REQUESTS\n"
		"http_front   http  0.0.0.0:80               12     34567\n"
		"                   [::]:80                              \n"
		"admin_front  tcp   127.0.0.1:8080            0         0\n"
		"\n"
		"BACKEND       UP  BALANCE     ACTIVE  QUEUE  REQUESTS\n"
		"web_backend  2/2  roundrobin       2      3       456\n"
		"app_backend  1/1  leastconn        0      0         0\n"
		"\n"
		"all is well\n");
}
END_TEST

START_TEST(status_tells_what_is_wrong)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_put_down(0, "connection refused");
	stats_set(sup->process[BOARD_PROXY].pid, 0);
	stats_set(sup->process[BOARD_PROXY].restarts, 2);
	strcpy(sup->process[BOARD_PROXY].last_end, "killed by SIGSEGV");
	stats_set(proxy->stats.log_dropped, 7);
	stats_set(proxy->stats.accept_pauses, 1);
	print(STATUS);
	ck_assert_ptr_nonnull(strstr(text, "proxy     not running, 2 workers"));
	ck_assert_ptr_nonnull(strstr(text, "app_backend  0/1  leastconn"));
	ck_assert_str_eq(
		strstr(text, "\nwhat is wrong:"),
		"\nwhat is wrong:\n"
		"  the proxy is not running: no request is answered; the last one ended: killed "
		"by SIGSEGV\n"
		"  the proxy was started again 2 times; the last one ended: killed by SIGSEGV\n"
		"  app_backend has no server up: its requests are answered with 503\n"
		"  app_backend/app1 is DOWN since 2026-02-06 11:12:44 (1m ago): connection "
		"refused\n"
		"  7 access log lines were dropped: the log's target is too slow, full, or gone\n"
		"  accepting was paused 1 time, out of descriptors or at max_connections\n");
}
END_TEST

START_TEST(status_tells_of_weights)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(proxy->servers[2].weight, 0); /* web1 */
	ck_assert_ptr_nonnull(strstr(print(STATUS), "\nall is well\n"));
	stats_set(proxy->servers[1].weight, 0); /* web2 */
	ck_assert_str_eq(strstr(print(STATUS), "\nwhat is wrong:"),
			 "\nwhat is wrong:\n"
			 "  web_backend has no server that is up and has a weight above 0: its "
			 "requests are answered with 503\n");
}
END_TEST

START_TEST(status_tells_of_a_proxy_behind)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(proxy->generation, 2);
	ck_assert_ptr_nonnull(
		strstr(print(STATUS), "  the proxy still runs configuration 2, not 3\n"));
	stats_set(sup->process[BOARD_PROXY].running, 0);
	stats_set(sup->process[BOARD_PROXY].started_wall_us, AGO(4));
	ck_assert_ptr_nonnull(
		strstr(print(STATUS), "  the proxy (pid 4720) has been starting for 4s\n"));
}
END_TEST

START_TEST(status_without_boards)
{
	char why[64];

	ck_assert(print_from(NULL, NULL, STATUS, NULL, why, sizeof(why)));
	ck_assert_str_eq(text, "what is wrong:\n  the supervisor's board is missing\n");
	ck_assert(print_from(NULL, NULL, STATUS_JSON, NULL, why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(text, "\"node\": null"));
	ck_assert(print_from(NULL, NULL, SERVERS_JSON, NULL, why, sizeof(why)));
	ck_assert_str_eq(text, "{\n  \"servers\": []\n}\n");
}
END_TEST

static void take_out(unsigned i, enum board_admin how, uint64_t for_us, const char *why)
{
	struct board_server *s = &proxy->servers[i];

	stats_set(s->admin, how);
	stats_set(s->admin_since_wall_us, NOW - 5 * 60 * CLOCK_SEC);
	stats_set(s->admin_until_us, for_us ? MONO + for_us : 0);
	board_write_text(&s->admin_turn, s->admin_why, sizeof(s->admin_why), str_of(why));
}

START_TEST(servers_a_row_each)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_put_down(0, "connection refused");
	take_out(1, BOARD_ADMIN_MAINT, 600 * CLOCK_SEC, "new disk");
	ck_assert_str_eq(
		print(SERVERS),
		"SERVER                     ADDRESS      STATE  FOR  WEIGHT  ACTIVE  QUEUE  "
		"TOTAL  ERRORS  RETRIES  CHECK\n"
		"web_backend/web1           10.0.0.1:80  UP      1h     100       0      0  "
		"  456       7        5  no check\n"
		"web_backend/web2 (backup)  10.0.0.2:80  MAINT   1h     100     2/2      1  "
		"    0       0        0  by hand 5m ago, for 10m more: new disk\n"
		"app_backend/app1           10.0.0.3:80  DOWN    1m     100       0      0  "
		"    0       0        0  failed 1s ago in 1.2 ms: connection refused\n"
		"web_backend: waiting for any server: 2\n");
}
END_TEST

START_TEST(servers_of_one_backend)
{
	char why[256];

	boards_fill_supervisor();
	boards_fill_proxy();
	ck_assert(print_from(sup, proxy, SERVERS, "app_backend", why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(text, "app_backend/app1"));
	ck_assert_ptr_nonnull(strstr(text, "passed 2s ago in 1.2 ms: status 200\n"));
	ck_assert_ptr_null(strstr(text, "web_backend"));
	ck_assert(!print_from(sup, proxy, SERVERS, "ap_backend", why, sizeof(why)));
	ck_assert_str_eq(why, "there is no backend \"ap_backend\"; did you mean \"app_backend\"?");
	ck_assert(!print_from(sup, proxy, SERVERS_JSON, "elsewhere", why, sizeof(why)));
	ck_assert_str_eq(why,
			 "there is no backend \"elsewhere\"; `hpcbalctl status` lists them");
}
END_TEST

START_TEST(prepared_servers_are_not_shown)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(boards_add_server("web_backend", "web9", 9)->current, BOARD_PREPARED);
	ck_assert_ptr_null(strstr(print(SERVERS), "web9"));
	ck_assert_ptr_nonnull(strstr(print(STATUS), "web_backend  2/2"));
}
END_TEST

/* What a reload took away is shown for as long as something runs there, and not counted. */
START_TEST(removed_servers)
{
	json_t *j;

	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(proxy->servers[1].current, 0); /* web2, with 2 active */
	stats_set(proxy->servers[2].current, 0); /* web1, with none */
	ck_assert_ptr_nonnull(strstr(print(STATUS), "web_backend  0/0  roundrobin       2"));
	print(SERVERS);
	ck_assert_ptr_null(strstr(text, "web_backend/web1"));
	ck_assert_ptr_nonnull(strstr(text, "web_backend/web2 (backup)  10.0.0.2:80  DRAIN"));
	ck_assert_ptr_nonnull(strstr(text, "removed by a reload; ends what runs there\n"));
	j = load(STATUS_JSON);
	ck_assert_uint_eq(json_array_size(json_object_get(
				  json_array_get(json_object_get(j, "backends"), 0),
				  "servers_detail")),
			  0);
	json_decref(j);
}
END_TEST

/* The document of the contract, key by key. */
START_TEST(json_status_document)
{
	json_t *want, *got;
	json_error_t error;

	boards_fill_supervisor();
	boards_fill_proxy();
	boards_put_down(0, "status 500, not 200-399");
	stats_set(proxy->servers[0].check_status, 500);
	stats_set(proxy->servers[1].admin, BOARD_ADMIN_DRAIN);
	stats_set(proxy->servers[1].admin_since_wall_us, AGO(60));
	got = load(STATUS_JSON);
	want = json_loads(
		"{\"node\":\"lb1\",\"version\":\"0.1.0\",\"pid\":4711,\"uptime_s\":7500,"
		"\"generation\":3,"
		"\"config\":{\"file\":\"/etc/hpcbal.conf\",\"sha256\":\"e3b0c4\"},"
		"\"old_proxies\":{\"count\":0,\"connections\":0},\"vrrp\":[],"
		"\"frontends\":[{\"name\":\"http_front\",\"mode\":\"http\","
		"\"bind\":[\"0.0.0.0:80\",\"[::]:80\"],"
		"\"connections\":12,\"requests_total\":34567},"
		"{\"name\":\"admin_front\",\"mode\":\"tcp\",\"bind\":[\"127.0.0.1:8080\"],"
		"\"connections\":0,\"requests_total\":0}],"
		"\"backends\":[{\"name\":\"web_backend\",\"queue\":3,\"balance\":\"roundrobin\","
		"\"servers_up\":1,\"servers\":2,\"servers_detail\":["
		"{\"name\":\"web1\",\"address\":\"10.0.0.1:80\",\"state\":\"UP\",\"weight\":100,"
		"\"active\":0,\"requests_total\":456,\"check\":null},"
		"{\"name\":\"web2\",\"address\":\"10.0.0.2:80\",\"state\":\"DRAIN\","
		"\"weight\":100,\"active\":2,\"requests_total\":0,\"check\":null}]},"
		"{\"name\":\"app_backend\",\"queue\":0,\"balance\":\"leastconn\",\"servers_up\":0,"
		"\"servers\":1,\"servers_detail\":["
		"{\"name\":\"app1\",\"address\":\"10.0.0.3:80\",\"state\":\"DOWN\","
		"\"weight\":100,\"active\":0,\"requests_total\":0,"
		"\"check\":{\"last\":\"2026-02-06T11:14:13.655Z\",\"status\":500,"
		"\"duration_ms\":1.234,\"reason\":\"status 500, not 200-399\"}}]}],"
		"\"wrong\":[\"web_backend/web2 is drained by hand 1m ago\","
		"\"app_backend has no server up: its requests are answered with 503\","
		"\"app_backend/app1 is DOWN since 2026-02-06 11:12:44 (1m ago): "
		"status 500, not 200-399\"]}",
		0, &error);
	ck_assert_msg(want != NULL, "column %d: %s", error.column, error.text);
	ck_assert_msg(json_equal(want, got), "%s", text);
	json_decref(want);
	json_decref(got);
}
END_TEST

START_TEST(what_was_taken_out_is_wrong)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	take_out(2, BOARD_ADMIN_DRAIN, 0, "");
	take_out(1, BOARD_ADMIN_MAINT, 240 * CLOCK_SEC, "new disk");
	ck_assert_msg(strstr(print(STATUS),
			     "  web_backend/web1 is drained by hand 5m ago\n"
			     "  web_backend/web2 is in maintenance by hand 5m ago, for 4m more: "
			     "new disk\n") != NULL, "%s", text);
}
END_TEST

static void add_checks(struct board_server *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct board_check c = {.at_wall_us = AGO(100 - i),
					.duration_us = 1234 + i * CLOCK_MS,
					.status = i % 2 ? 200 : 0,
					.ok = i % 2};

		snprintf(c.reason, sizeof(c.reason), "result %u", i);
		board_add_check(b, &c);
	}
}

START_TEST(last_checks_of_one_server)
{
	char why[256];

	boards_fill_supervisor();
	boards_fill_proxy();
	proxy->servers[1].checked = 1;
	ck_assert(print_from(sup, proxy, SERVERS, "web_backend/web2", why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(text, "\nno check has ended yet\n"));
	add_checks(&proxy->servers[1], BOARD_CHECKS + 2);
	ck_assert(print_from(sup, proxy, SERVERS, "web_backend/web2", why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(text, "web_backend/web2"));
	ck_assert_ptr_null(strstr(text, "web_backend/web1"));
	ck_assert_ptr_nonnull(strstr(text, "passed     200  10.2  result 9\n"));
	ck_assert_ptr_nonnull(strstr(text, "failed       -   9.2  result 8\n"));
	ck_assert(strstr(text, "result 9") < strstr(text, "result 8"));
	ck_assert_ptr_nonnull(strstr(text, "result 2"));
	ck_assert_ptr_null(strstr(text, "result 1\n")); /* eight of them */
	ck_assert(print_from(sup, proxy, SERVERS, "web_backend", why, sizeof(why)));
	ck_assert_ptr_null(strstr(text, "result 2"));
	ck_assert(!print_from(sup, proxy, SERVERS, "web_backend/web3", why, sizeof(why)));
	ck_assert_str_eq(why, "web_backend has no server \"web3\"; did you mean \"web1\"?");
	ck_assert(!print_from(sup, proxy, SERVERS, "web_backend/", why, sizeof(why)));
	ck_assert(!print_from(sup, proxy, SERVERS, "web_backen/web1", why, sizeof(why)));
	board_forget_checks(&proxy->servers[1]);
	ck_assert(print_from(sup, proxy, SERVERS, "web_backend/web2", why, sizeof(why)));
	ck_assert_ptr_null(strstr(text, "result"));
}
END_TEST

/* A board that its writer left in disorder: no count and no text is believed. */
START_TEST(checks_out_of_bounds)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	proxy->servers[1].history.n = 1000;
	memset(proxy->servers[1].history.checks[0].reason, 'x', BOARD_CHECK_TEXT);
	proxy->servers[1].history.checks[1].reason[0] = '\x1b';
	json_decref(load(SERVERS_JSON));
	ck_assert_ptr_null(strchr(text, '\x1b'));
}
END_TEST

START_TEST(ejected)
{
	char why[256];

	boards_fill_supervisor();
	boards_fill_proxy();
	proxy->servers[2].ejected_until_us = MONO + 7 * CLOCK_SEC;
	strcpy(proxy->servers[2].eject_why, "5 errors in a row, the last: status 503");
	ck_assert(print_from(sup, proxy, SERVERS, "web_backend/web1", why, sizeof(why)));
	ck_assert_ptr_nonnull(
		strstr(text, "ejected for 7s more: 5 errors in a row, the last: status 503"));
	json_decref(load(SERVERS_JSON));
	ck_assert_ptr_nonnull(strstr(text, "2026-02-06T11:14:21.655Z"));
	print(STATUS);
	ck_assert_ptr_nonnull(strstr(text, "web_backend/web1 is ejected for 7s more: 5 errors"));
	proxy->servers[2].ejected_until_us = MONO;
	print(STATUS);
	ck_assert_ptr_null(strstr(text, "ejected"));
}
END_TEST

START_TEST(json_of_checks)
{
	json_t *got, *want, *list;

	boards_fill_supervisor();
	boards_fill_proxy();
	add_checks(&proxy->servers[1], 2);
	got = load(SERVERS_JSON);
	list = json_object_get(json_array_get(json_object_get(got, "servers"), 1), "checks");
	want = json_loads("[{\"at\":\"2026-02-06T11:12:35.655Z\",\"ok\":true,\"status\":200,"
			  "\"duration_ms\":2.234,\"reason\":\"result 1\"},"
			  "{\"at\":\"2026-02-06T11:12:34.655Z\",\"ok\":false,\"status\":null,"
			  "\"duration_ms\":1.234,\"reason\":\"result 0\"}]",
			  0, NULL);
	ck_assert_msg(json_equal(want, list), "%s", text);
	json_decref(want);
	json_decref(got);
}
END_TEST

START_TEST(json_servers_document)
{
	json_t *want, *got, *second;

	boards_fill_supervisor();
	boards_fill_proxy();
	take_out(1, BOARD_ADMIN_MAINT, 600 * CLOCK_SEC, "new disk");
	stats_set(proxy->servers[2].weight_given, 1);
	stats_set(proxy->servers[2].draining, 1);
	got = load(SERVERS_JSON);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "servers")), 3);
	want = json_loads("{\"name\":\"web1\",\"address\":\"10.0.0.1:80\",\"state\":\"DRAIN\","
			  "\"weight\":100,\"active\":0,\"requests_total\":456,\"check\":null,"
			  "\"backend\":\"web_backend\",\"current\":0,\"total\":456,\"errors\":7,"
			  "\"retries\":5,\"retries_denied\":2,\"http2_connections\":8,"
			  "\"refused_streams\":6,\"weight_percent\":100,"
			  "\"queue\":0,\"max_connections\":null,\"backup\":false,"
			  "\"removed\":false,\"weight_given\":true,\"asks_drain\":true,"
			  "\"since\":\"2026-02-06T09:17:34.655Z\",\"taken_out\":null,"
			  "\"checks\":[],\"ejected\":null}",
			  0, NULL);
	ck_assert_ptr_nonnull(want);
	ck_assert_msg(json_equal(want, json_array_get(json_object_get(got, "servers"), 0)), "%s",
		      text);
	json_decref(want);
	want = json_loads("{\"since\":\"2026-02-06T11:09:14.655Z\","
			  "\"until\":\"2026-02-06T11:24:14.655Z\",\"why\":\"new disk\"}",
			  0, NULL);
	second = json_array_get(json_object_get(got, "servers"), 1);
	ck_assert_msg(json_equal(want, json_object_get(second, "taken_out")), "%s", text);
	json_decref(want);
	json_decref(got);
}
END_TEST

/* Boards that a broken or hostile process wrote. */

START_TEST(corrupt_texts_are_bounded_and_clean)
{
	json_t *j;

	boards_fill_supervisor();
	boards_fill_proxy();
	memset(sup->node, 'n', sizeof(sup->node));
	memset(sup->config_file, '\xff', sizeof(sup->config_file));
	strcpy(sup->version, "\x1b[2J\xc2\x9b");
	memset(proxy->frontends[1].binds, '\n', sizeof(proxy->frontends[1].binds));
	memset(proxy->servers[0].address, 'a', sizeof(proxy->servers[0].address));
	boards_put_down(0, "caf\xc3\xa9 \x07\r\n");
	j = load(STATUS_JSON);
	ck_assert_uint_eq(json_string_length(json_object_get(j, "node")), BOARD_NAME - 1);
	ck_assert_str_eq(json_string_value(json_object_get(j, "version")), "?[2J??");
	json_decref(j);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "caf\xc3\xa9 ???\n"));
	for (const char *p = text; *p; p++)
		ck_assert((unsigned char)*p >= 0x20 || *p == '\n');
}
END_TEST

START_TEST(corrupt_numbers_are_harmless)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(sup->started_wall_us, UINT64_MAX);
	stats_set(sup->config_loaded_wall_us, UINT64_MAX);
	stats_set(proxy->server_order[0], UINT32_MAX);
	stats_set(proxy->backends[0].order, UINT32_MAX);
	stats_set(proxy->frontends[0].order, UINT32_MAX);
	stats_set(proxy->servers[0].health, 77);
	stats_set(proxy->servers[0].admin, 77);
	stats_set(proxy->servers[0].check_last_wall_us, UINT64_MAX);
	stats_set(proxy->servers[0].checked, 1);
	stats_set(proxy->servers[1].stats.active, UINT64_MAX); /* -1 */
	stats_set(proxy->stats.connections, UINT64_MAX - 3);
	stats_set(proxy->servers[2].stats.requests, UINT64_MAX);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "web_backend  2/2  roundrobin       0"));
	ck_assert_ptr_nonnull(strstr(text, "2 workers, 0 connections"));
	ck_assert_ptr_nonnull(strstr(text, "up 0s\n"));
	ck_assert_ptr_nonnull(strstr(text, "loaded at no time (0s ago)\n"));
	ck_assert_ptr_nonnull(strstr(text, "app_backend/app1 is DOWN"));
	json_decref(load(STATUS_JSON));
	ck_assert_ptr_nonnull(strstr(text, "\"last\": null"));
	ck_assert_ptr_nonnull(strstr(text, "\"requests_total\": 9223372036854775807"));
}
END_TEST

/* Every slot in use, all of one name, none with an end: bounds hold, and it ends. */
static const int fills[] = { 1, 2, 126, 128, 254 };

START_TEST(corrupt_everything)
{
	json_t *j;

	memset(sup, fills[_i], sizeof(*sup));
	memset(proxy, fills[_i], sizeof(*proxy));
	print(STATUS);
	ck_assert_ptr_nonnull(strstr(text, "what is wrong"));
	if (fills[_i] % 2) /* all turns are odd: each text is waited for a little */
		return;
	print(SERVERS);
	json_decref(load(STATUS_JSON));
	j = load(SERVERS_JSON);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "servers")), BOARD_SERVERS);
	json_decref(j);
}
END_TEST

/* A writer that died in the middle of a text leaves its turn odd for ever. */
START_TEST(corrupt_turn_does_not_hang)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	stats_set(sup->text_turn, 1);
	stats_set(proxy->frontends[0].bind_turn, 3);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "node      lb1: hpcbal 0.1.0"));
}
END_TEST

START_TEST(servers_of_no_backend)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_add_server("nowhere", "lost", 9);
	ck_assert_ptr_nonnull(strstr(print(SERVERS), "\nnowhere/lost "));
	print(STATUS);
	ck_assert_ptr_null(strstr(text, "lost"));
}
END_TEST

/* Texts and tables. */

START_TEST(bytes)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1023, "1023" },
		{ 1024, "1.0K" },
		{ 1536, "1.5K" },
		{ 10 * 1024 - 1, "9.9K" },
		{ 10 * 1024, "10K" },
		{ 1024 * 1024 - 1, "1023K" },
		{ 1024 * 1024, "1.0M" },
		{ UINT64_MAX, "15E" },
	};
	char to[TEXT_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(text_bytes(to, cases[i].n), cases[i].text);
}
END_TEST

START_TEST(ages)
{
	static const struct {
		uint64_t seconds;
		const char *age, *uptime;
	} cases[] = {
		{ 0, "0s", "0s" },
		{ 59, "59s", "59s" },
		{ 60, "1m", "1m 0s" },
		{ 3599, "59m", "59m 59s" },
		{ 3600, "1h", "1h 0m" },
		{ 86399, "23h", "23h 59m" },
		{ 86400 * 3 + 3600 * 4, "3d", "3d 4h" },
		{ 86400 * 1000, "1000d", "1000d 0h" },
	};
	char to[TEXT_TIME];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_str_eq(text_age(to, AGO(cases[i].seconds), NOW), cases[i].age);
		ck_assert_str_eq(text_uptime(to, AGO(cases[i].seconds), NOW), cases[i].uptime);
	}
	ck_assert_str_eq(text_age(to, NOW + 5 * CLOCK_SEC, NOW), "0s");
	ck_assert(!text_iso_time(to, 0));
	ck_assert(!text_iso_time(to, 253402300800ull * CLOCK_SEC));
	ck_assert(text_iso_time(to, 253402300799ull * CLOCK_SEC));
	ck_assert_str_eq(to, "9999-12-31T23:59:59.000Z");
}
END_TEST

START_TEST(table_aligns_characters)
{
	struct table t;
	FILE *f;

	table_init(&t, "lr");
	table_head(&t, "A|B");
	table_add(&t, "h\xc3\xa9");
	table_add(&t, "%d", 1);
	table_add(&t, "four");
	table_add(&t, "%d", 1000);
	table_add(&t, "half a row is not printed");
	free(text);
	f = open_memstream(&text, &text_size);
	ck_assert(table_print(&t, f));
	fclose(f);
	ck_assert_str_eq(text, "A        B\nh\xc3\xa9       1\nfour  1000\n");
}
END_TEST

static void add_event(uint64_t number, const char *said)
{
	struct event_line l = { .number = number, .wall_us = AGO(60) };

	strcpy(l.who, "proxy");
	strncpy(l.text, said, sizeof(l.text) - 1);
	board_write_block(&sup->events.slot[number % BOARD_EVENTS].turn,
			  &sup->events.slot[number % BOARD_EVENTS].line, &l, sizeof(l));
	stats_set(sup->events.count, number + 1);
}

START_TEST(events_as_json)
{
	json_t *j, *list, *one;

	boards_fill_supervisor();
	j = load(EVENTS_JSON);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "events")), 0);
	json_decref(j);
	for (unsigned i = 0; i < BOARD_EVENTS + 2; i++)
		add_event(i, i == 5 ? "it \033[31m\"moved\"" : "something");
	/* A slot that holds another one's text, or is just being written, is passed over. */
	sup->events.slot[3].line.number = 77;
	stats_add(sup->events.slot[4].turn, 1);
	j = load(EVENTS_JSON);
	list = json_object_get(j, "events");
	ck_assert_uint_eq(json_array_size(list), BOARD_EVENTS - 2);
	one = json_array_get(list, 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "text")), "it ?[31m\"moved\"");
	ck_assert_str_eq(json_string_value(json_object_get(one, "who")), "proxy");
	ck_assert_str_eq(json_string_value(json_object_get(one, "time")),
			 "2026-02-06T11:13:14.655Z");
	json_decref(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin/snapshot");
	TCase *t = tcase_create("snapshot");
	SRunner *r = srunner_create(s);
	int failed;

	setenv("TZ", "UTC", 1);
	tzset();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, status_all_well);
	tcase_add_test(t, status_tells_what_is_wrong);
	tcase_add_test(t, status_tells_of_weights);
	tcase_add_test(t, status_tells_of_a_proxy_behind);
	tcase_add_test(t, status_without_boards);
	tcase_add_test(t, servers_a_row_each);
	tcase_add_test(t, servers_of_one_backend);
	tcase_add_test(t, prepared_servers_are_not_shown);
	tcase_add_test(t, removed_servers);
	tcase_add_test(t, json_status_document);
	tcase_add_test(t, json_servers_document);
	tcase_add_test(t, last_checks_of_one_server);
	tcase_add_test(t, checks_out_of_bounds);
	tcase_add_test(t, json_of_checks);
	tcase_add_test(t, ejected);
	tcase_add_test(t, what_was_taken_out_is_wrong);
	tcase_add_test(t, corrupt_texts_are_bounded_and_clean);
	tcase_add_test(t, corrupt_numbers_are_harmless);
	tcase_add_loop_test(t, corrupt_everything, 0, sizeof(fills) / sizeof(fills[0]));
	tcase_add_test(t, corrupt_turn_does_not_hang);
	tcase_add_test(t, servers_of_no_backend);
	tcase_add_test(t, events_as_json);
	tcase_add_test(t, ages);
	tcase_add_test(t, bytes);
	tcase_add_test(t, table_aligns_characters);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
