/* The metrics, read by a parser that is as strict as the format (0.0.4) allows. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#include "admin/snapshot.h"
#include "admin_boards.h"

#define SAMPLES 20000
#define FAMILIES 64

static char *text; /* what the last call printed */
static size_t text_size;

static struct sample {
	char series[512]; /* name and labels, as printed */
	char value[32];
} samples[SAMPLES];
static unsigned n_samples, n_families;
static char families[FAMILIES][64];

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

/* ---- the parser: each takes what it is named after from *p, or the test fails ---- */

static void take(const char **p, const char *literal)
{
	ck_assert_msg(strncmp(*p, literal, strlen(literal)) == 0, "no \"%s\" at: %.60s", literal,
		      *p);
	*p += strlen(literal);
}

static void take_name(const char **p, char *to, size_t size, bool colon)
{
	size_t n = 0;

	for (char c = **p; (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			   (colon && c == ':') || (n && c >= '0' && c <= '9');
	     c = *++*p) {
		ck_assert_uint_lt(n + 1, size);
		to[n++] = c;
	}
	to[n] = '\0';
	ck_assert_msg(n > 0, "no name at: %.60s", *p);
}

static void take_label_value(const char **p)
{
	take(p, "\"");
	for (; **p != '"'; ++*p) {
		ck_assert_msg(**p && **p != '\n', "a value does not end");
		if (**p == '\\') {
			++*p;
			ck_assert_msg(**p == '\\' || **p == '"' || **p == 'n', "escape \\%c", **p);
		}
	}
	take(p, "\"");
}

static void take_labels(const char **p)
{
	char name[8][64];
	unsigned n = 0;

	take(p, "{");
	do {
		if (n)
			take(p, ",");
		take_name(p, name[n], sizeof(name[n]), false);
		ck_assert_msg(strncmp(name[n], "__", 2) != 0, "%s is reserved", name[n]);
		for (unsigned i = 0; i < n; i++)
			ck_assert_str_ne(name[i], name[n]);
		take(p, "=");
		take_label_value(p);
	} while (++n < 8 && **p != '}');
	take(p, "}");
}

static void take_number(const char **p, char *to, size_t size)
{
	size_t n = strspn(*p, "0123456789");

	if (n && (*p)[n] == '.')
		n += 1 + strspn(*p + n + 1, "0123456789");

	ck_assert_msg(n > 0 && n < size, "no number at: %.60s", *p);
	memcpy(to, *p, n);
	to[n] = '\0';
	*p += n;
}

static int compare_samples(const void *a, const void *b)
{
	return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

/* Of a histogram's family there are three. */
static void check_name(const char *name, const char *family, bool histogram)
{
	const char *suffix = name + strlen(family);

	ck_assert(str_begins(str_of(name), str_of(family)));
	if (histogram)
		ck_assert(strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
			  strcmp(suffix, "_count") == 0);
	else
		ck_assert_str_eq(suffix, "");
}

static void take_sample(const char **p, const char *family, bool histogram)
{
	struct sample *s = &samples[n_samples];
	const char *begin = *p;
	char name[64];

	ck_assert_uint_lt(n_samples, SAMPLES);
	take_name(p, name, sizeof(name), true);
	check_name(name, family, histogram); /* samples of one family stand together */
	if (**p == '{')
		take_labels(p);
	ck_assert_uint_lt((size_t)(*p - begin), sizeof(s->series));
	snprintf(s->series, sizeof(s->series), "%.*s", (int)(*p - begin), begin);
	take(p, " ");
	take_number(p, s->value, sizeof(s->value));
	take(p, "\n");
	n_samples++;
}

/* HELP, TYPE, and at least one sample; a name comes once only. */
static void take_family(const char **p)
{
	char *name = families[n_families], again[64], type[16];
	bool histogram;

	ck_assert_uint_lt(n_families, FAMILIES);
	take(p, "# HELP ");
	take_name(p, name, sizeof(families[0]), true);
	for (unsigned i = 0; i < n_families; i++)
		ck_assert_str_ne(families[i], name);
	take(p, " ");
	ck_assert_uint_gt(strcspn(*p, "\n"), 3);
	ck_assert_ptr_null(memchr(*p, '\\', strcspn(*p, "\n")));
	*p += strcspn(*p, "\n");
	take(p, "\n# TYPE ");
	take_name(p, again, sizeof(again), true);
	ck_assert_str_eq(again, name);
	take(p, " ");
	take_name(p, type, sizeof(type), false);
	take(p, "\n");
	histogram = strcmp(type, "histogram") == 0;
	ck_assert_msg(strcmp(type, "gauge") == 0 || strcmp(type, "counter") == 0 || histogram,
		      "%s", type);
	ck_assert_msg(str_ends(str_of(name), STR("_total")) == (strcmp(type, "counter") == 0),
		      "%s is a %s", name, type);
	n_families++;
	do
		take_sample(p, name, histogram);
	while (**p && **p != '#');
}

static void parse(void)
{
	const char *p = text;

	n_samples = n_families = 0;
	while (*p)
		take_family(&p);
	qsort(samples, n_samples, sizeof(samples[0]), compare_samples);
	for (unsigned i = 1; i < n_samples; i++)
		ck_assert_msg(strcmp(samples[i - 1].series, samples[i].series) != 0, "twice: %s",
			      samples[i].series);
}

static void print_from(const struct board_supervisor *b, const struct board_proxy *p,
		       const struct board_vrrp *v)
{
	struct snapshot *s = snapshot_take(b, p, v, NOW, MONO);
	FILE *f;

	ck_assert_ptr_nonnull(s);
	free(text);
	f = open_memstream(&text, &text_size);
	snapshot_print_metrics(s, f);
	fclose(f);
	snapshot_free(s);
	parse();
}

static void print(void)
{
	print_from(sup, proxy, vrrp);
}

static void expect(const char *series, const char *value)
{
	for (unsigned i = 0; i < n_samples; i++)
		if (strcmp(samples[i].series, series) == 0) {
			ck_assert_msg(strcmp(samples[i].value, value) == 0, "%s is %s, not %s",
				      series, samples[i].value, value);
			return;
		}
	ck_abort_msg("no %s in:\n%s", series, text);
}

static void fill(void)
{
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_fill_vrrp();
}

static void expect_all(const char *const (*wanted)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(wanted[i][0], wanted[i][1]);
}

#define EXPECT_ALL(a) expect_all((a), sizeof(a) / sizeof((a)[0]))

START_TEST(daemon_and_frontends)
{
	static const char *const wanted[][2] = {
		{ "hpcbal_build_info{version=\"0.1.0\",node=\"lb1\"}", "1" },
		{ "hpcbal_config_generation", "3" },
		{ "hpcbal_config_reload_refused", "0" },
		{ "hpcbal_process_restarts_total{process=\"proxy\"}", "0" },
		{ "hpcbal_process_restarts_total{process=\"vrrp\"}", "2" },
		{ "hpcbal_process_restarts_total{process=\"runner\"}", "0" },
		{ "hpcbal_old_proxies", "2" },
		{ "hpcbal_old_connections", "31" },
		{ "hpcbal_http2_connections_total", "9" },
		{ "hpcbal_http2_floods_total{kind=\"reset\"}", "2" },
		{ "hpcbal_http2_floods_total{kind=\"window\"}", "3" },
		{ "hpcbal_http2_floods_total{kind=\"other\"}", "0" },
		{ "hpcbal_log_dropped_total", "7" },
		{ "hpcbal_frontend_connections{frontend=\"http_front\"}", "12" },
		{ "hpcbal_frontend_connections{frontend=\"admin_front\"}", "0" },
		{ "hpcbal_requests_total{frontend=\"admin_front\","
		  "backend=\"app_backend\",code=\"2xx\"}",
		  "20" },
		{ "hpcbal_requests_total{frontend=\"admin_front\","
		  "backend=\"app_backend\",code=\"3xx\"}",
		  "30" },
		{ "hpcbal_requests_total{frontend=\"admin_front\","
		  "backend=\"app_backend\",code=\"4xx\"}",
		  "40" },
		{ "hpcbal_requests_total{frontend=\"admin_front\","
		  "backend=\"app_backend\",code=\"5xx\"}",
		  "50" },
		{ "hpcbal_requests_total{frontend=\"admin_front\","
		  "backend=\"app_backend\",code=\"other\"}",
		  "60" },
		{ "hpcbal_requests_total{frontend=\"admin_front\",backend=\"\",code=\"4xx\"}",
		  "3" },
		{ "hpcbal_requests_total{frontend=\"http_front\",backend=\"\",code=\"2xx\"}",
		  "0" },
		{ "hpcbal_bytes_total{frontend=\"admin_front\",direction=\"in\"}", "1000" },
		{ "hpcbal_bytes_total{frontend=\"admin_front\",direction=\"out\"}",
		  "18446744073709551615" },
	};
	struct frontend_stats *st = &proxy->frontends[0].stats;
	struct board_road *roads = proxy->roads[0];

	fill();
	stats_set(sup->process[BOARD_VRRP].restarts, 2);
	stats_set(sup->old_proxies, 2);
	stats_set(sup->old_connections, 31);
	stats_set(proxy->stats.log_dropped, 7);
	stats_set(proxy->stats.h2_connections, 9);
	stats_set(proxy->stats.h2_reset_floods, 2);
	stats_set(proxy->stats.h2_window_floods, 3);
	for (unsigned i = 0; i < BOARD_CODES; i++)
		stats_set(roads[0].codes[i], 20 + 10 * i);
	stats_set(roads[0].open, 1);
	/* What no configuration leads to any more is not shown. */
	stats_set(roads[1].codes[0], 99);
	stats_set(roads[BOARD_NOWHERE].codes[BOARD_4XX], 3);
	stats_set(roads[BOARD_NOWHERE].open, 1);
	stats_set(proxy->roads[1][BOARD_NOWHERE].open, 1);
	stats_set(st->bytes_in, 1000);
	stats_set(st->bytes_out, UINT64_MAX);
	print();
	EXPECT_ALL(wanted);
	ck_assert_ptr_null(strstr(text, "} 99\n"));
}
END_TEST

START_TEST(durations)
{
	static const char *const wanted[][2] = {
		{ "hpcbal_request_duration_seconds_bucket{backend=\"web_backend\","
		  "le=\"0.001\"}",
		  "2" },
		{ "hpcbal_request_duration_seconds_bucket{backend=\"web_backend\","
		  "le=\"0.0025\"}",
		  "3" },
		{ "hpcbal_request_duration_seconds_bucket{backend=\"web_backend\","
		  "le=\"0.5\"}",
		  "3" },
		{ "hpcbal_request_duration_seconds_bucket{backend=\"web_backend\","
		  "le=\"60\"}",
		  "4" },
		{ "hpcbal_request_duration_seconds_bucket{backend=\"web_backend\","
		  "le=\"+Inf\"}",
		  "5" },
		{ "hpcbal_request_duration_seconds_sum{backend=\"web_backend\"}", "120.002002" },
		{ "hpcbal_request_duration_seconds_count{backend=\"web_backend\"}", "5" },
		{ "hpcbal_request_duration_seconds_count{backend=\"app_backend\"}", "0" },
	};
	static const uint64_t took[] = { 0, 1000, 1001, 60000000, 60000001 };

	fill();
	for (unsigned i = 0; i < sizeof(took) / sizeof(took[0]); i++)
		latency_add(&proxy->backends[1].latency, took[i]);
	print();
	EXPECT_ALL(wanted);
}
END_TEST

START_TEST(servers)
{
	static const char *const wanted[][2] = {
		{ "hpcbal_server_up{backend=\"web_backend\",server=\"web1\"}", "1" },
		{ "hpcbal_server_up{backend=\"web_backend\",server=\"web2\"}", "0" },
		{ "hpcbal_server_up{backend=\"app_backend\",server=\"app1\"}", "0" },
		{ "hpcbal_server_connections{backend=\"web_backend\",server=\"web2\"}", "5" },
		{ "hpcbal_backend_queue{backend=\"web_backend\"}", "3" },
		{ "hpcbal_server_queue{backend=\"web_backend\",server=\"web2\"}", "1" },
		{ "hpcbal_server_requests_total{backend=\"web_backend\",server=\"web1\"}", "456" },
		{ "hpcbal_server_retries_total{backend=\"web_backend\",server=\"web1\"}", "5" },
		{ "hpcbal_server_retries_denied_total{backend=\"web_backend\",server=\"web1\"}",
		  "2" },
		{ "hpcbal_server_http2_connections_total{backend=\"web_backend\","
		  "server=\"web1\"}", "8" },
		{ "hpcbal_server_refused_streams_total{backend=\"web_backend\",server=\"web1\"}",
		  "6" },
		{ "hpcbal_server_check_failures_total{backend=\"app_backend\",server=\"app1\"}",
		  "9" },
	};

	fill();
	boards_put_down(0, "connection refused");
	stats_set(proxy->servers[0].stats.check_failures, 9);
	stats_set(proxy->servers[1].admin, BOARD_ADMIN_DRAIN);
	stats_set(proxy->servers[1].stats.idle, 3);
	print();
	EXPECT_ALL(wanted);
	stats_set(proxy->servers[2].weight, 0); /* web1: up, and takes nothing new */
	print();
	expect("hpcbal_server_up{backend=\"web_backend\",server=\"web1\"}", "0");
}
END_TEST

/* One of the same name and another address took its place; and what belongs to no backend. */
START_TEST(removed_servers_are_left_out)
{
	int at;

	fill();
	stats_set(proxy->servers[1].current, BOARD_GONE); /* web2, with 2 active */
	print();
	ck_assert_ptr_null(strstr(text, "server=\"web2\""));
	at = board_server_slot(proxy, STR("web_backend"), STR("web2"), STR("10.0.0.99:80"));
	stats_set(proxy->servers[at].current, BOARD_CURRENT);
	stats_set(proxy->servers[at].stats.requests, 77);
	boards_add_server("nowhere", "lost", 9);
	print();
	expect("hpcbal_server_requests_total{backend=\"web_backend\",server=\"web2\"}", "77");
	ck_assert_ptr_null(strstr(text, "lost"));
}
END_TEST

START_TEST(virtual_routers)
{
	static const char *const wanted[][2] = {
		{ "hpcbal_vrrp_state{instance=\"VI_1\",state=\"INIT\"}", "0" },
		{ "hpcbal_vrrp_state{instance=\"VI_1\",state=\"BACKUP\"}", "0" },
		{ "hpcbal_vrrp_state{instance=\"VI_1\",state=\"MASTER\"}", "1" },
		{ "hpcbal_vrrp_state{instance=\"VI_1\",state=\"FAULT\"}", "0" },
		{ "hpcbal_vrrp_state{instance=\"VI_2\",state=\"BACKUP\"}", "1" },
		{ "hpcbal_vrrp_transitions_total{instance=\"VI_1\"}", "2" },
		{ "hpcbal_vrrp_priority{instance=\"VI_1\"}", "90" },
		{ "hpcbal_vrrp_advertisements_total{instance=\"VI_1\",direction=\"sent\"}",
		  "300" },
		{ "hpcbal_vrrp_advertisements_total{instance=\"VI_1\",direction=\"received\"}",
		  "37" },
		{ "hpcbal_vrrp_both_master{instance=\"VI_1\"}", "1" },
		{ "hpcbal_vrrp_both_master{instance=\"VI_2\"}", "0" },
		{ "hpcbal_vrrp_send_failures_total{instance=\"VI_2\"}", "6" },
		{ "hpcbal_vrrp_discarded_total{instance=\"VI_1\",reason=\"TTL\"}", "4" },
		{ "hpcbal_vrrp_discarded_total{instance=\"VI_1\",reason=\"PASSWORD\"}", "0" },
	};

	fill();
	strcpy(vrrp->routers[0].facts.rival, "10.0.0.2");
	vrrp->routers[0].facts.rival_heard_us = MONO;
	stats_set(vrrp->routers[1].stats.send_failures, 6);
	print();
	EXPECT_ALL(wanted);
}
END_TEST

/* Nobody knows the state of one whose process is dead, starts, or stands still. */
START_TEST(state_of_a_dead_process)
{
	static const char *const wanted[][2] = {
		{ "hpcbal_vrrp_state{instance=\"VI_1\",state=\"MASTER\"}", "0" },
		{ "hpcbal_vrrp_state{instance=\"VI_2\",state=\"BACKUP\"}", "0" },
		{ "hpcbal_vrrp_transitions_total{instance=\"VI_1\"}", "2" },
	};

	fill();
	stats_set(vrrp->beat_us, MONO_AGO(4));
	print();
	EXPECT_ALL(wanted);
	stats_set(vrrp->beat_us, MONO);
	stats_set(sup->process[BOARD_VRRP].running, 0);
	print();
	EXPECT_ALL(wanted);
}
END_TEST

START_TEST(labels_are_escaped)
{
	fill();
	strcpy(proxy->frontends[1].name, "a\"b\\c\nd");
	strcpy(vrrp->routers[0].facts.name, "caf\xc3\xa9}");
	print();
	/* A line end is no part of a name: it was cleaned before. */
	expect("hpcbal_frontend_connections{frontend=\"a\\\"b\\\\c?d\"}", "12");
	expect("hpcbal_vrrp_priority{instance=\"caf\xc3\xa9}\"}", "90");
}
END_TEST

START_TEST(boards_that_are_missing)
{
	fill();
	print_from(NULL, NULL, NULL);
	ck_assert_uint_eq(n_samples, 0);
	print_from(sup, NULL, NULL);
	ck_assert_uint_eq(n_samples, 1 + 2 + 2 + BOARD_PROCESSES);
	print_from(sup, proxy, NULL);
	expect("hpcbal_log_dropped_total", "0");
	ck_assert_ptr_null(strstr(text, "hpcbal_vrrp_"));
}
END_TEST

/* No series comes twice whatever the boards hold; the parser looks. */
START_TEST(corrupt_names_repeat)
{
	fill();
	strcpy(proxy->frontends[1].name, proxy->frontends[0].name);
	strcpy(proxy->backends[1].name, proxy->backends[0].name);
	strcpy(proxy->servers[2].name, proxy->servers[1].name);
	strcpy(vrrp->routers[1].facts.name, "VI_1");
	strcpy(vrrp->discard_name[1], vrrp->discard_name[0]);
	print();
	expect("hpcbal_vrrp_state{instance=\"VI_1\",state=\"MASTER\"}", "1");
}
END_TEST

static const int fills[] = { 1, 2, 34, 92, 126, 128, 254, 255 };

START_TEST(corrupt_everything)
{
	memset(sup, fills[_i], sizeof(*sup));
	memset(proxy, fills[_i], sizeof(*proxy));
	memset(vrrp, fills[_i], sizeof(*vrrp));
	print();
	ck_assert_uint_gt(n_samples, 0);
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* Name and labels are what dashboards and alerts are made of. */
static const struct promise {
	const char *name, *labels[3];
} promises[] = {
	{"hpcbal_build_info", {NULL}},
	{"hpcbal_config_generation", {NULL}},
	{"hpcbal_config_reload_refused", {NULL}},
	{"hpcbal_frontend_connections", {"frontend"}},
	{"hpcbal_requests_total", {"frontend", "backend", "code"}},
	{"hpcbal_request_duration_seconds_bucket", {"backend", "le"}},
	{"hpcbal_request_duration_seconds_sum", {"backend"}},
	{"hpcbal_request_duration_seconds_count", {"backend"}},
	{"hpcbal_server_up", {"backend", "server"}},
	{"hpcbal_server_connections", {"backend", "server"}},
	{"hpcbal_server_requests_total", {"backend", "server"}},
	{"hpcbal_server_check_failures_total", {"backend", "server"}},
	{"hpcbal_server_ejections_total", {"backend", "server"}},
	{"hpcbal_server_ejected", {"backend", "server"}},
	{"hpcbal_server_weight", {"backend", "server"}},
	{"hpcbal_server_weight_ratio", {"backend", "server"}},
	{"hpcbal_server_slow_starts_total", {"backend", "server"}},
	{"hpcbal_bytes_total", {"frontend", "direction"}},
	{"hpcbal_certificate_expiry_seconds", {"file"}},
	{"hpcbal_vrrp_state", {"instance", "state"}},
	{"hpcbal_vrrp_transitions_total", {"instance"}},
	{"hpcbal_vrrp_priority", {"instance"}},
	{"hpcbal_vrrp_advertisements_total", {"instance", "direction"}},
	{"hpcbal_process_restarts_total", {"process"}},
	{"hpcbal_log_dropped_total", {NULL}},
};

/* The name, and a brace or the value behind it. */
static bool is_of(const struct sample *s, const char *name)
{
	char end = str_begins(str_of(s->series), str_of(name)) ? s->series[strlen(name)] : 'x';

	return end == '{' || end == '\0';
}

START_TEST(promised_names_and_labels)
{
	const struct promise *p = &promises[_i];
	unsigned found = 0;

	fill();
	stats_set(proxy->roads[1][1].open, 1);
	print();
	for (unsigned i = 0; i < n_samples; i++) {
		const char *at = samples[i].series;

		if (!is_of(&samples[i], p->name))
			continue;
		found++;
		for (unsigned k = 0; k < 3 && p->labels[k]; k++) {
			char label[64];

			snprintf(label, sizeof(label), "%c%s=\"", k ? ',' : '{', p->labels[k]);
			at = strstr(at, label);
			ck_assert_msg(at != NULL, "no %s in %s", label, samples[i].series);
		}
	}
	ck_assert_msg(found > 0, "no %s", p->name);
}
END_TEST

START_TEST(ejections_and_slow_starts)
{
	struct board_server *v;

	fill();
	v = &proxy->servers[2]; /* web1 */
	stats_set(v->stats.ejections, 4);
	stats_set(v->ejected_until_us, MONO + CLOCK_SEC);
	stats_set(v->stats.slow_starts, 3);
	stats_set(v->slow_start_us, 10 * CLOCK_SEC);
	stats_set(v->back_since_us, MONO_AGO(4));
	stats_set(v->weight, 50);
	print();
	static const char *const wanted[][2] = {
		{"hpcbal_certificate_expiry_seconds{file=\"/etc/hpcbal/tls/portal.pem\"}",
		 "4102444800"},
		{"hpcbal_server_ejections_total{backend=\"web_backend\",server=\"web1\"}", "4"},
		{"hpcbal_server_ejected{backend=\"web_backend\",server=\"web1\"}", "1"},
		{"hpcbal_server_ejected{backend=\"web_backend\",server=\"web2\"}", "0"},
		{"hpcbal_server_slow_starts_total{backend=\"web_backend\",server=\"web1\"}", "3"},
		{"hpcbal_server_weight{backend=\"web_backend\",server=\"web1\"}", "50"},
		{"hpcbal_server_weight_ratio{backend=\"web_backend\",server=\"web1\"}", "0.40"},
		{"hpcbal_server_weight_ratio{backend=\"web_backend\",server=\"web2\"}", "1.00"},
	};
	EXPECT_ALL(wanted);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin/metrics");
	TCase *t = tcase_create("metrics");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, daemon_and_frontends);
	tcase_add_test(t, durations);
	tcase_add_test(t, servers);
	tcase_add_test(t, removed_servers_are_left_out);
	tcase_add_test(t, ejections_and_slow_starts);
	tcase_add_loop_test(t, promised_names_and_labels, 0, COUNT(promises));
	tcase_add_test(t, virtual_routers);
	tcase_add_test(t, state_of_a_dead_process);
	tcase_add_test(t, labels_are_escaped);
	tcase_add_test(t, boards_that_are_missing);
	tcase_add_test(t, corrupt_names_repeat);
	tcase_add_loop_test(t, corrupt_everything, 0, COUNT(fills));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
