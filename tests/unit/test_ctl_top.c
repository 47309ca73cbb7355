/* What `top` shows, without a terminal. */
#include <check.h>
#include <stdlib.h>

#include "admin_boards.h"
#include "ctl/top_grid.h"
#include "ctl/top_rates.h"
#include "ctl/top_screen.h"

static struct snapshot *before, *now;
static struct top_rates *rates;
static struct top_view view;
static struct top_lines lines;

static struct snapshot *take(uint64_t later_us)
{
	struct snapshot *s;

	if (stats_get(vrrp->beat_us))
		stats_set(vrrp->beat_us, MONO + later_us);
	s = snapshot_take(sup, proxy, vrrp, NOW + later_us, MONO + later_us);
	ck_assert(s);
	return s;
}

/* ---- the boards: a request and its road ---- */

static struct board_frontend *front(void)
{
	return &proxy->frontends[1]; /* http_front */
}

static struct board_backend *web(void)
{
	return &proxy->backends[1];
}

static struct board_server *web1(void)
{
	return &proxy->servers[2];
}

static void grow(_Atomic uint64_t *counter, uint64_t n)
{
	stats_set(*counter, stats_get(*counter) + n);
}

static void answer(unsigned backend_slot, enum board_code code, uint64_t n)
{
	grow(&proxy->roads[1][backend_slot].codes[code], n);
}

static void setup(void)
{
	boards_setup();
	boards_fill_supervisor();
	boards_fill_proxy();
	boards_fill_vrrp();
	view = (struct top_view){.interval_us = 2 * CLOCK_SEC};
	answer(1, BOARD_2XX, 1000000);
	grow(&web()->latency.count[0], 1000000);
	before = take(0);
}

static void teardown(void)
{
	snapshot_free(before);
	snapshot_free(now);
	free(rates);
	top_lines_free(&lines);
	boards_teardown();
	before = now = NULL;
	rates = NULL;
}

static void look(uint64_t later_us)
{
	now = take(later_us);
	rates = top_rates(before, now);
	ck_assert(rates);
}

static void draw(unsigned width, unsigned height)
{
	top_lines_free(&lines);
	if (!now)
		now = take(2 * CLOCK_SEC);
	ck_assert(top_screen(before, now, &view, width, height, &lines));
	ck_assert_uint_eq(lines.n, height);
	for (size_t i = 0; i < lines.n; i++) {
		unsigned n = top_width(lines.line[i].text), at = 0;

		ck_assert_msg(n <= width, "line %zu has %u columns: %s", i, n, lines.line[i].text);
		for (unsigned k = 0; k < lines.line[i].n_marks; k++) {
			struct top_mark m = lines.line[i].marks[k];

			ck_assert_uint_ge(m.from, at);
			ck_assert(!m.n || m.from + m.n <= width);
			at = m.from + m.n;
		}
	}
}

/* The first line that has this in it, from that line on; -1: none. */
static int find_from(int from, const char *text)
{
	for (int i = from; i < (int)lines.n; i++)
		if (strstr(lines.line[i].text, text))
			return i;
	return -1;
}

static int find(const char *text)
{
	return find_from(0, text);
}

static void expect(const char *text)
{
	if (find(text) >= 0)
		return;
	for (size_t i = 0; i < lines.n; i++)
		fprintf(stderr, "%s\n", lines.line[i].text);
	ck_abort_msg("nowhere: %s", text);
}

static void keys(const char *typed)
{
	for (; *typed; typed++)
		ck_assert(top_view_key(&view, *typed));
}

static bool about(double v, double wanted)
{
	return v > wanted - 0.001 && v < wanted + 0.001;
}

/* ---- rates ---- */

START_TEST(what_grew_per_second)
{
	answer(1, BOARD_2XX, 10);
	answer(1, BOARD_5XX, 4);
	answer(0, BOARD_4XX, 6);
	answer(BOARD_NOWHERE, BOARD_4XX, 2);
	grow(&front()->stats.bytes_in, 3000);
	grow(&front()->stats.bytes_out, 5000);
	grow(&web1()->stats.requests, 8);
	grow(&web1()->stats.connect_errors, 1);
	grow(&web1()->stats.response_errors, 1);
	look(2 * CLOCK_SEC);
	ck_assert(about(rates->all.requests, 11));
	ck_assert(about(rates->all.client_errors, 4));
	ck_assert(about(rates->all.server_errors, 2));
	ck_assert(about(rates->all.in, 1500) && about(rates->all.out, 2500));
	/* in the file's order: http_front, admin_front; web_backend, app_backend; web1 */
	ck_assert(about(rates->frontends[0].requests, 11));
	ck_assert(about(rates->frontends[0].in, 1500));
	ck_assert(about(rates->frontends[1].requests, 0));
	ck_assert(about(rates->backends[0].requests, 7));
	ck_assert(about(rates->backends[0].server_errors, 2));
	ck_assert(about(rates->backends[1].requests, 3));
	ck_assert(about(rates->backends[1].client_errors, 3));
	ck_assert(about(rates->servers[0].requests, 4));
	ck_assert(about(rates->servers[0].errors, 1));
}
END_TEST

START_TEST(percentiles_of_what_ended_meanwhile)
{
	/* 90 between 10 ms and 25 ms (or what the bounds are), 10 beyond the last bound */
	grow(&web()->latency.count[3], 90);
	grow(&web()->latency.count[LATENCY_BOUNDS], 10);
	look(CLOCK_SEC);
	double low = latency_bound_us[2], high = latency_bound_us[3];

	ck_assert(about(rates->times[0].p50, low + (high - low) * 50 / 90));
	ck_assert(about(rates->times[0].p95, latency_bound_us[LATENCY_BOUNDS - 1]));
	ck_assert(about(rates->times[1].p50, RATE_UNKNOWN));
	ck_assert(about(rates->all_times.p50, rates->times[0].p50));
}
END_TEST

START_TEST(counters_that_go_back_are_not_known)
{
	answer(1, BOARD_2XX, (uint64_t)-500); /* back */
	answer(0, BOARD_2XX, 7);
	stats_set(web1()->stats.requests, 0);
	stats_set(web()->latency.count[0], 3);
	stats_set(front()->stats.bytes_in, 100);
	before->frontends[0].bytes_in = 200;
	look(CLOCK_SEC);
	ck_assert(about(rates->all.requests, RATE_UNKNOWN));
	ck_assert(about(rates->all.in, RATE_UNKNOWN));
	ck_assert(about(rates->all.out, 0));
	ck_assert(about(rates->backends[0].requests, RATE_UNKNOWN));
	ck_assert(about(rates->backends[1].requests, 7));
	ck_assert(about(rates->servers[0].requests, RATE_UNKNOWN));
	ck_assert(about(rates->servers[0].errors, 0));
	ck_assert(about(rates->times[0].p50, RATE_UNKNOWN));
}
END_TEST

static void expect_nothing_known(void)
{
	ck_assert(about(rates->all.requests, RATE_UNKNOWN));
	ck_assert(about(rates->all_times.p99, RATE_UNKNOWN));
	ck_assert(about(rates->frontends[0].in, RATE_UNKNOWN));
	ck_assert(about(rates->backends[0].requests, RATE_UNKNOWN));
	ck_assert(about(rates->servers[0].requests, RATE_UNKNOWN));
}

START_TEST(nothing_is_known_at_first)
{
	now = take(0);
	rates = top_rates(NULL, now);
	expect_nothing_known();
}
END_TEST

START_TEST(nothing_is_known_of_another_daemon)
{
	stats_set(sup->started_wall_us, AGO(1));
	look(CLOCK_SEC);
	expect_nothing_known();
}
END_TEST

START_TEST(nothing_is_known_when_no_time_passed)
{
	look(0);
	expect_nothing_known();
}
END_TEST

START_TEST(who_is_new_in_an_old_place_is_not_known)
{
	strcpy(web1()->address, "10.9.9.9:80");
	strcpy(proxy->backends[0].name, "other_backend");
	look(CLOCK_SEC);
	ck_assert(about(rates->servers[0].requests, RATE_UNKNOWN));
	ck_assert(about(rates->backends[1].requests, RATE_UNKNOWN));
	ck_assert(about(rates->backends[0].requests, 0));
}
END_TEST

/* ---- the screen ---- */

START_TEST(all_that_is_to_be_seen)
{
	answer(1, BOARD_2XX, 50);
	grow(&web()->latency.count[0], 50);
	draw(120, 50);
	expect("hpcbal lb1  ");
	expect("all is well");
	ck_assert_int_eq(lines.line[find("all is well")].look, TOP_GOOD);
	expect("25.0 requests/s, 0 4xx/s, 0 5xx/s; 1 connection; latency p50 0.5ms");
	ck_assert_int_ge(find("VI_1"), 0);
	expect("10.9.0.1/24 10.9.0.2/24");
	expect("0.0.0.0:80 [::]:80");
	expect("web_backend");
	expect("web_backend/web2 (backup)");
	expect("passed 4s ago in 1.2 ms: status 200");
	ck_assert_ptr_eq(strstr(lines.line[49].text, "1-"), lines.line[49].text);
	ck_assert_int_eq(lines.line[0].look, TOP_BAR);
	ck_assert_int_eq(lines.line[49].look, TOP_BAR);
}
END_TEST

START_TEST(what_is_wrong_stands_on_top_and_stays)
{
	int row;

	boards_put_down(0, "connection refused");
	draw(100, 14);
	row = find("app_backend/app1 is DOWN");
	ck_assert_int_ge(row, 1);
	ck_assert_int_le(row, 14 / 3);
	ck_assert_int_eq(lines.line[row].look, TOP_BAD);
	keys("G");
	draw(100, 14);
	ck_assert_int_eq(find("app_backend/app1 is DOWN"), row);
	view.offset = 0;
	draw(100, 60);
	row = find_from(find("SERVER"), "app_backend/app1");
	ck_assert_int_eq(lines.line[row].n_marks, 1);
	ck_assert_int_eq(lines.line[row].marks[0].look, TOP_BAD);
	ck_assert_int_eq(strncmp(top_skip(lines.line[row].text, lines.line[row].marks[0].from),
				 "DOWN", 4),
			 0);
}
END_TEST

START_TEST(much_that_is_wrong_leaves_room_and_says_so)
{
	for (unsigned i = 0; i < 40; i++) {
		char name[16];
		struct board_server *v;

		snprintf(name, sizeof(name), "x%u", i);
		v = boards_add_server("web_backend", name, 10 + i);
		stats_set(v->health, BOARD_SERVER_DOWN);
	}
	draw(80, 24);
	expect("lines more: hpcbalctl status shows all");
	ck_assert_int_eq(find("lines more"), 24 / 3);
	expect("requests/s");
}
END_TEST

START_TEST(every_size_has_its_lines)
{
	boards_put_down(0, "a reason that is longer than a small terminal is wide, by far");
	view.lost = "no daemon at /run/hpcbal/control.sock";
	for (unsigned width = 1; width <= 200; width += width < 30 ? 1 : 17)
		for (unsigned height = 1; height <= 60; height += height < 12 ? 1 : 7)
			draw(width, height);
}
END_TEST

START_TEST(small_and_wide)
{
	int row;

	draw(40, 60);
	row = find("SERVER");
	ck_assert(strstr(lines.line[row].text, "STATE"));
	ck_assert(strstr(lines.line[row].text, "REQ/s"));
	ck_assert(!strstr(lines.line[row].text, "CHECK"));
	ck_assert(!strstr(lines.line[row].text, "WEIGHT"));
	expect("web_backend/web1");
	draw(200, 60);
	row = find("SERVER");
	ck_assert(strstr(lines.line[row].text, "CHECK"));
	ck_assert(strstr(lines.line[row].text, "WEIGHT"));
	draw(20, 60); /* not even that */
	row = find("SERVER");
	ck_assert(strstr(lines.line[row].text, "STATE"));
	expect("web_bac~");
}
END_TEST

START_TEST(the_daemon_is_gone)
{
	view.lost = "no daemon at /run/x: Connection refused";
	view.lost_us = 12 * CLOCK_SEC;
	draw(200, 30);
	expect("no answer from hpcbald for 12s, what is shown is old: no daemon at /run/x");
	expect("web_backend/web1");
	view.lost = NULL;
	draw(200, 30);
	ck_assert_int_lt(find("no answer"), 0);
}
END_TEST

START_TEST(boards_that_are_missing)
{
	snapshot_free(before);
	before = NULL;
	now = snapshot_take(sup, NULL, NULL, NOW, MONO);
	draw(80, 24);
	expect("hpcbal lb1");
	snapshot_free(now);
	now = snapshot_take(NULL, NULL, NULL, NOW, MONO);
	draw(80, 24);
	expect("the supervisor's board is missing");
}
END_TEST

START_TEST(text_of_others)
{
	strcpy(web1()->check_reason, "\303\244\303\266\303\274 \346\274\242");
	stats_set(web1()->checked, 1);
	stats_set(web1()->check_last_wall_us, AGO(1));
	for (unsigned width = 10; width < 130; width++)
		draw(width, 40);
	expect("\303\244\303\266\303\274 \346\274\242");
}
END_TEST

/* ---- keys ---- */

START_TEST(sorting)
{
	int first, second;

	grow(&proxy->servers[0].stats.requests, 100); /* app1, the last in the file */
	answer(0, BOARD_2XX, 100);
	draw(120, 60);
	first = find_from(find("SERVER"), "web_backend/web1");
	second = find_from(find("SERVER"), "app_backend/app1");
	ck_assert_int_lt(first, second);
	ck_assert_int_lt(find("web_backend "), find("app_backend "));
	keys("s");
	draw(120, 60);
	expect("s:requests");
	first = find_from(find("SERVER"), "app_backend/app1");
	second = find_from(find("SERVER"), "web_backend/web1");
	ck_assert_int_lt(first, second);
	ck_assert_int_lt(find("app_backend "), find("web_backend "));
	keys("r");
	draw(120, 60);
	ck_assert_int_gt(find_from(find("SERVER"), "app_backend/app1"),
			 find_from(find("SERVER"), "web_backend/web1"));
	keys("rssss"); /* by state */
	boards_put_down(0, "refused");
	snapshot_free(now);
	now = NULL;
	draw(120, 60);
	expect("s:state");
	ck_assert_int_eq(find_from(find("SERVER"), "app_backend/app1"), find("SERVER") + 1);
	keys("SSSSS");
	draw(120, 60);
	expect("s:file");
	keys("S");
	draw(120, 60);
	expect("s:name");
	ck_assert_int_eq(find_from(find("SERVER"), "app_backend/app1"), find("SERVER") + 1);
}
END_TEST

START_TEST(who_waits)
{
	stats_set(proxy->servers[0].stats.queued, 7); /* app1 */
	stats_set(proxy->backends[0].queued, 2);
	keys("sss");
	draw(120, 60);
	expect("s:queue");
	ck_assert_int_lt(find("app_backend "), find("web_backend "));
	ck_assert(strstr(lines.line[find("app_backend ")].text, "1/1       0      9"));
	ck_assert_int_eq(find_from(find("SERVER"), "app_backend/app1"), find("SERVER") + 1);
	ck_assert(strstr(lines.line[find("app_backend/app1")].text, "100       0      7"));
}
END_TEST

START_TEST(filter)
{
	keys("/web");
	draw(120, 60);
	expect("/web_");
	ck_assert_int_lt(find("app_backend"), 0);
	expect("web_backend/web1");
	keys("q"); /* is typed, and ends nothing */
	draw(120, 60);
	expect("no backend has \"webq\" in its name");
	keys("\177\n");
	draw(120, 60);
	expect("/web");
	expect("web_backend/web1");
	keys("\033");
	draw(120, 60);
	expect("app_backend/app1");
	keys("/app\033");
	draw(120, 60);
	expect("web_backend/web1");
	keys("/");
	for (unsigned i = 0; i < 200; i++)
		keys("x");
	ck_assert_uint_eq(strlen(view.filter), sizeof(view.filter) - 1);
}
END_TEST

START_TEST(scrolling_stays_within)
{
	draw(80, 10);
	ck_assert_uint_eq(view.offset, 0);
	ck_assert_uint_gt(view.lines, view.page);
	ck_assert(top_view_key(&view, TOP_KEY_UP));
	ck_assert_uint_eq(view.offset, 0);
	ck_assert(top_view_key(&view, TOP_KEY_DOWN));
	ck_assert_uint_eq(view.offset, 1);
	ck_assert(top_view_key(&view, TOP_KEY_PAGE_DOWN));
	ck_assert_uint_eq(view.offset, view.page);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(top_view_key(&view, TOP_KEY_PAGE_DOWN));
	ck_assert_uint_eq(view.offset, view.lines - view.page);
	draw(80, 10);
	expect("web_backend/web2");
	draw(80, 60); /* made higher: all fits */
	ck_assert_uint_eq(view.offset, 0);
	draw(80, 10);
	ck_assert(top_view_key(&view, TOP_KEY_END));
	ck_assert_uint_eq(view.offset, view.lines - view.page);
	ck_assert(top_view_key(&view, TOP_KEY_HOME));
	ck_assert_uint_eq(view.offset, 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(top_view_key(&view, TOP_KEY_PAGE_UP));
	ck_assert_uint_eq(view.offset, 0);
}
END_TEST

START_TEST(help_pause_and_the_end)
{
	keys("?");
	draw(80, 40);
	expect("sorts backends and servers");
	ck_assert_int_lt(find("web_backend"), 0);
	keys("\033p");
	draw(80, 40);
	expect("PAUSED");
	expect("web_backend");
	keys("p");
	draw(80, 40);
	ck_assert_int_lt(find("PAUSED"), 0);
	ck_assert(top_view_key(&view, TOP_KEY_OTHER));
	ck_assert(!top_view_key(&view, 'q'));
}
END_TEST

/* ---- lines ---- */

START_TEST(wrapping)
{
	top_lines_wrap(&lines, TOP_PLAIN, 10, "  ", "one two three fourfivesixseven x");
	ck_assert_uint_eq(lines.n, 5);
	ck_assert_str_eq(lines.line[0].text, "one two");
	ck_assert_str_eq(lines.line[1].text, "  three");
	ck_assert_str_eq(lines.line[2].text, "  fourfive");
	ck_assert_str_eq(lines.line[3].text, "  sixseven");
	ck_assert_str_eq(lines.line[4].text, "  x");
}
END_TEST

START_TEST(columns_are_characters)
{
	char text[] = "a\303\244b\346\274\242c";

	ck_assert_uint_eq(top_width(text), 5);
	ck_assert_str_eq(top_skip(text, 2), "b\346\274\242c");
	ck_assert_str_eq(top_skip(text, 9), "");
	top_cut(text, 2);
	ck_assert_str_eq(text, "a\303\244");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_grew_per_second,
		percentiles_of_what_ended_meanwhile,
		counters_that_go_back_are_not_known,
		nothing_is_known_at_first,
		nothing_is_known_of_another_daemon,
		nothing_is_known_when_no_time_passed,
		who_is_new_in_an_old_place_is_not_known,
		all_that_is_to_be_seen,
		what_is_wrong_stands_on_top_and_stays,
		much_that_is_wrong_leaves_room_and_says_so,
		every_size_has_its_lines,
		small_and_wide,
		the_daemon_is_gone,
		boards_that_are_missing,
		text_of_others,
		sorting,
		who_waits,
		filter,
		scrolling_stays_within,
		help_pause_and_the_end,
		wrapping,
		columns_are_characters,
	};
	Suite *s = suite_create("ctl/top");
	TCase *t = tcase_create("top");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
