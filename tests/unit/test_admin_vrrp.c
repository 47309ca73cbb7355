/* What users see of virtual routers: status, vrrp, what is wrong, JSON. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "admin/snapshot.h"
#include "admin/text.h"
#include "admin_boards.h"

static char *text; /* what the last call printed */
static size_t text_size;
static char why[256];
static struct router_facts *one, *two;

static void setup(void)
{
	boards_setup();
	boards_fill_supervisor();
	boards_fill_vrrp();
	one = &vrrp->routers[0].facts;
	two = &vrrp->routers[1].facts;
	why[0] = '\0';
}

static void teardown(void)
{
	boards_teardown();
	free(text);
	text = NULL;
}

enum what { STATUS, STATUS_JSON, VRRP, VRRP_JSON };

static bool print_of(enum what what, const char *instance)
{
	struct snapshot *s = snapshot_take(sup, NULL, vrrp, NOW, MONO);
	bool good = false;
	FILE *f;

	ck_assert_ptr_nonnull(s);
	free(text);
	f = open_memstream(&text, &text_size);
	if (what == STATUS)
		good = snapshot_print_status(s, f);
	else if (what == STATUS_JSON)
		good = snapshot_json_status(s, f);
	else if (what == VRRP)
		good = snapshot_print_vrrp(s, instance, f, why, sizeof(why));
	else
		good = snapshot_json_vrrp(s, instance, f, why, sizeof(why));
	fclose(f);
	snapshot_free(s);
	return good;
}

static const char *print(enum what what)
{
	ck_assert_msg(print_of(what, NULL), "%s", why);
	return text;
}

static json_t *load(enum what what)
{
	json_error_t error;
	json_t *j = json_loads(print(what), 0, &error);

	ck_assert_msg(j != NULL, "line %d: %s", error.line, error.text);
	return j;
}

/* Exactly this line, and no other, stands below "what is wrong". */
static void expect_wrong(const char *line)
{
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "\nwhat is wrong:\n  %s\n", line);
	print(STATUS);
	ck_assert_ptr_nonnull(strstr(text, "\nwhat is wrong:"));
	ck_assert_str_eq(strstr(text, "\nwhat is wrong:"), wanted);
}

START_TEST(status_all_well)
{
	ck_assert_str_eq(
		print(STATUS),
		"node      lb1: hpcbal 0.1.0, pid 4711, up 2h 5m\n"
		"config    /etc/hpcbal.conf: generation 3, loaded 2026-02-06 11:09:14 (5m ago)\n"
		"proxy     running, pid 4720, up 2h 0m, 0 workers, 0 connections, 0 restarts\n"
		"vrrp      running, pid 4721, up 2h 0m, 0 restarts\n"
		"runner    running, pid 4722, up 2h 0m, 0 restarts\n"
		"\n"
		"INSTANCE  STATE   FOR  PRIORITY  MASTER    ADDRESSES\n"
		"VI_1      MASTER   5m  100/90    10.0.0.1  10.9.0.1/24\n"
		"                                           10.9.0.2/24\n"
		"VI_2      BACKUP   2h  240/240   fe80::2   2001:db8::9/64\n"
		"\n"
		"all is well\n");
}
END_TEST

/* Without virtual routers there is no such process, and nothing is said. */
START_TEST(status_without_routers)
{
	stats_set(vrrp->routers[0].used, 0);
	stats_set(vrrp->routers[1].used, 0);
	stats_set(sup->process[BOARD_VRRP].pid, 0);
	stats_set(sup->process[BOARD_VRRP].running, 0);
	stats_set(sup->process[BOARD_RUNNER].pid, 0);
	print(STATUS);
	ck_assert_ptr_null(strstr(text, "vrrp"));
	ck_assert_ptr_null(strstr(text, "runner"));
	ck_assert_ptr_null(strstr(text, "INSTANCE"));
	ck_assert_ptr_nonnull(strstr(text, "all is well\n"));
	ck_assert_str_eq(print(VRRP), "no virtual router is configured\n");
	ck_assert_str_eq(print(VRRP_JSON), "{\n  \"vrrp\": []\n}\n");
}
END_TEST

START_TEST(wrong_process)
{
	stats_set(sup->process[BOARD_VRRP].pid, 0);
	stats_set(sup->process[BOARD_VRRP].running, 0);
	strcpy(sup->process[BOARD_VRRP].last_end, "killed by SIGKILL");
	expect_wrong("the vrrp process is not running: nothing is advertised, and addresses that "
		     "are here go by themselves; what is shown is the last that was known; the "
		     "last one ended: killed by SIGKILL");
	ck_assert_ptr_nonnull(strstr(text, "\nvrrp      not running, 0 restarts\n"));
	stats_set(sup->process[BOARD_VRRP].pid, 5000);
	stats_set(sup->process[BOARD_VRRP].started_wall_us, AGO(4));
	expect_wrong("the vrrp process (pid 5000) has been starting for 4s");
	stats_set(sup->process[BOARD_VRRP].running, 1);
	stats_set(sup->process[BOARD_VRRP].restarts, 2);
	expect_wrong("the vrrp process was started again 2 times; the last one ended: killed by "
		     "SIGKILL");
	stats_set(sup->process[BOARD_VRRP].restarts, 0);
	stats_set(vrrp->generation, 2);
	expect_wrong("the vrrp process still carries out configuration 2, not 3");
	stats_set(vrrp->beat_us, MONO_AGO(1) - 200 * CLOCK_MS);
	expect_wrong("the vrrp process (pid 5000) has not moved for 1.2s: it is stopped or "
		     "starved, and addresses that are here go by themselves; what is shown is "
		     "the last that was known");
	ck_assert_ptr_nonnull(strstr(print(VRRP), "; the vrrp process stands still, this is the "
						  "last known\n"));
	ck_assert_ptr_nonnull(strstr(print(VRRP_JSON), "\"live\": false"));
	stats_set(sup->process[BOARD_VRRP].running, 0);
	ck_assert_ptr_nonnull(strstr(print(VRRP), "; the vrrp process does not run, this is the "
						  "last known\n"));
}
END_TEST

/* It moved less than a second ago. */
START_TEST(vrrp_is_late)
{
	stats_set(vrrp->beat_us, MONO - 900 * CLOCK_MS);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "\nall is well\n"));
}
END_TEST

START_TEST(wrong_runner)
{
	stats_set(sup->process[BOARD_RUNNER].pid, 0);
	stats_set(sup->process[BOARD_RUNNER].running, 0);
	expect_wrong("the runner is not running: tracked scripts are not asked; the last one "
		     "ended: how is not known");
	one->n_tracks = 1;
	ck_assert_ptr_nonnull(strstr(print(STATUS), "all is well"));
	stats_set(sup->process[BOARD_RUNNER].restarts, 1);
	strcpy(sup->process[BOARD_RUNNER].last_end, "exit status 3");
	expect_wrong("the runner was started again 1 time; the last one ended: exit status 3");
}
END_TEST

static bool says_both_master(void)
{
	json_t *j = load(STATUS_JSON);
	json_t *rival = json_object_get(json_array_get(json_object_get(j, "vrrp"), 0), "rival");
	bool says = json_is_string(rival);

	if (says)
		ck_assert_str_eq(json_string_value(rival), "10.0.0.2");
	json_decref(j);
	return says;
}

START_TEST(wrong_both_master)
{
	strcpy(one->rival, "10.0.0.2");
	one->rival_heard_us = MONO_AGO(1);
	expect_wrong("VI_1: BOTH MASTER: 10.0.0.2 advertises too, last heard 1.0s ago; it does "
		     "not hear us, or discards what it hears: let VRRP (IP protocol 112) from "
		     "10.0.0.1 reach it (its firewall, the switch), and configure both nodes "
		     "alike");
	ck_assert_ptr_nonnull(strstr(text, "\nVI_1      BOTH MASTER   5m"));
	ck_assert(says_both_master());
	ck_assert_ptr_nonnull(
		strstr(print(VRRP), "  BOTH MASTER 10.0.0.2 advertises too, last heard 1.0s "
				    "ago\n"));
}
END_TEST

/* Three of the interval, at least 3 s. */
START_TEST(both_master_ends)
{
	static const struct {
		uint64_t interval_us, ago_s;
		bool both;
	} cases[] = {
		{ CLOCK_SEC, 3, true },	   { CLOCK_SEC, 4, false },
		{ 10 * CLOCK_MS, 3, true }, { 10 * CLOCK_MS, 4, false },
		{ 10 * CLOCK_SEC, 30, true }, { 10 * CLOCK_SEC, 31, false },
		{ UINT64_MAX, 766, false },
	};

	strcpy(one->rival, "10.0.0.2");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		one->interval_us = cases[i].interval_us;
		one->rival_heard_us = MONO_AGO(cases[i].ago_s);
		ck_assert_msg(says_both_master() == cases[i].both, "case %zu", i);
	}
	one->rival_heard_us = MONO;
	ck_assert(says_both_master());
	one->state = BOARD_ROUTER_BACKUP;
	ck_assert(!says_both_master());
	one->state = BOARD_ROUTER_MASTER;
	stats_set(sup->process[BOARD_VRRP].running, 0);
	ck_assert(!says_both_master());
	stats_set(sup->process[BOARD_VRRP].running, 1);
	one->rival_heard_us = 0;
	ck_assert(!says_both_master());
	one->rival_heard_us = MONO;
	one->rival[0] = '\0';
	ck_assert(!says_both_master());
}
END_TEST

START_TEST(wrong_fault)
{
	two->state = BOARD_ROUTER_FAULT;
	two->since_wall_us = AGO(90);
	strcpy(two->why, "the link is down");
	expect_wrong("VI_2 is FAULT since 2026-02-06 11:12:44 (1m ago): the link is down");
	strcpy(two->faults, "the link is down, a tracked script fails");
	expect_wrong("VI_2 is FAULT since 2026-02-06 11:12:44 (1m ago): the link is down, a "
		     "tracked script fails");
	ck_assert_ptr_nonnull(
		strstr(print(VRRP), "  unfit       the link is down, a tracked script fails\n"));
}
END_TEST

START_TEST(wrong_demoted)
{
	two->demoted = 1;
	two->demoted_until_us = UINT64_MAX;
	expect_wrong("VI_2: demoted; `hpcbalctl promote VI_2` ends it");
	ck_assert_ptr_nonnull(strstr(text, "\nVI_2      BACKUP (demoted) "));
	ck_assert_ptr_nonnull(strstr(print(VRRP), "  demoted     yes; until promoted\n"));
	two->demoted_until_us = MONO + 600 * CLOCK_SEC;
	expect_wrong("VI_2: demoted, until 2026-02-06 11:24:14 (10m left); `hpcbalctl promote "
		     "VI_2` ends it");
	ck_assert_ptr_nonnull(
		strstr(print(VRRP), "  demoted     yes; until 2026-02-06 11:24:14\n"));
	two->demoted = 0;
	one->demoted = 1;
	one->demoted_until_us = UINT64_MAX;
	expect_wrong("VI_1: demoted, and master since nobody else is; `hpcbalctl promote VI_1` "
		     "ends it");
	one->demoting = 1;
	expect_wrong("VI_1: demoted, waits for another node to take over; `hpcbalctl promote "
		     "VI_1` ends it");
}
END_TEST

START_TEST(wrong_foreign)
{
	strcpy(two->foreign, "10.0.0.9 with 10.8.0.1, priority 100");
	two->foreign_heard_us = MONO - 400 * CLOCK_MS;
	expect_wrong("VI_2: somebody else's router uses virtual router id 52 on eth1 too: "
		     "10.0.0.9 with 10.8.0.1, priority 100, last heard 400ms ago; give one of the "
		     "two another id");
	strcpy(two->foreign, "the host with the link address 02:00:00:00:00:02 has 10.8.0.1 too");
	two->foreign_is_host = 1;
	expect_wrong("VI_2: on eth1 the host with the link address 02:00:00:00:00:02 has 10.8.0.1 "
		     "too, last heard 400ms ago; take the address away there, or give us another");
	strcpy(two->foreign, "10.0.0.9 with 10.8.0.1, priority 100");
	two->foreign_heard_us = MONO_AGO(61);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "all is well"));
	ck_assert_ptr_nonnull(strstr(print(VRRP), "  foreign     10.0.0.9 with 10.8.0.1, priority "
						  "100, last heard 1m ago\n"));
}
END_TEST

START_TEST(wrong_address)
{
	one->addresses[1].held = 0;
	expect_wrong("VI_1 is MASTER without 10.9.0.2/24: it could not be set on eth0; the log "
		     "says why");
	one->state = BOARD_ROUTER_BACKUP;
	ck_assert_ptr_nonnull(strstr(print(STATUS), "all is well"));
}
END_TEST

START_TEST(wrong_trackers)
{
	one->tracks[1].up = 0;
	strcpy(one->tracks[1].why, "exit status 1");
	expect_wrong("VI_1: script /usr/local/sbin/look is down: exit status 1; it costs 10 of "
		     "the priority");
	one->tracks[1].weight = INT32_MIN;
	one->tracks[1].why[0] = '\0';
	expect_wrong("VI_1: script /usr/local/sbin/look is down: why is not known; it costs "
		     "2147483648 of the priority");
	one->tracks[1].up = 1;
	one->tracks[0].up = 0;
	strcpy(one->tracks[0].why, "worker 1 hangs");
	expect_wrong("VI_1: proxy is down: worker 1 hangs; it makes FAULT");
}
END_TEST

START_TEST(wrong_packets)
{
	stats_set(vrrp->routers[1].stats.send_failures, 1);
	expect_wrong("VI_2: 1 advertisement could not be sent; the log says why");
	stats_set(vrrp->routers[1].stats.send_failures, 0);
	stats_set(vrrp->routers[1].discards[1], 12);
	expect_wrong("VI_2: discarded 12 packets: wrong password; configure all nodes alike");
}
END_TEST

START_TEST(vrrp_a_block_each)
{
	print(VRRP);
	ck_assert_ptr_eq(
		strstr(text,
		       "VI_1 on eth0: MASTER since 2026-02-06 11:09:14 (5m ago): the master fell "
		       "silent\n"
		       "  router      id 51, version 2, IPv4, every 1s, from 10.0.0.1\n"
		       "  priority    100, effective 90, advertised 90\n"
		       "  master      10.0.0.1, priority 90\n"
		       "  demoted     no\n"
		       "  ADDRESS      HELD    ADVERTISED\n"
		       "  10.9.0.1/24  as /32  yes\n"
		       "  10.9.0.2/24  as /24  no\n"
		       "  PEER      PRIORITY  EVERY   HEARD  ADVERTISEMENTS\n"
		       "  10.0.0.2        80  100ms  5m ago              37\n"
		       "  TRACKER                      STATE  WEIGHT  WHY\n"
		       "  proxy                        up      fault  -\n"
		       "  script /usr/local/sbin/look  up        -10  -\n"
		       "  COUNTER           VALUE  MEANING\n"
		       "  adverts_sent        300  advertisements sent\n"
		       "  adverts_received     37  advertisements taken\n"),
		text);
#define STATS_GAUGE(name, help) ck_assert_ptr_nonnull(strstr(text, "\n  " #name " "));
#define STATS_COUNTER(name, help) STATS_GAUGE(name, help)
#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
	ck_assert_ptr_nonnull(strstr(text, "  DISCARDED  PACKETS  WHY\n"
					   "  TTL              4  TTL too low\n"
					   "\n"
					   "VI_2 on eth1: BACKUP since "));
	ck_assert_ptr_nonnull(strstr(text, "  2001:db8::9/64  no    yes\n"));
	ck_assert_ptr_nonnull(strstr(text, "  nothing was discarded\n"));
}
END_TEST

START_TEST(vrrp_of_one)
{
	stats_set(vrrp->unknown_vrid, 3);
	ck_assert(print_of(VRRP, "VI_2"));
	ck_assert_ptr_eq(strstr(text, "VI_2 on eth1: BACKUP"), text);
	ck_assert_ptr_null(strstr(text, "VI_1"));
	ck_assert_ptr_null(strstr(text, "not configured here"));
	ck_assert(!print_of(VRRP, "VI_3"));
	ck_assert_str_eq(why, "there is no virtual router \"VI_3\"; did you mean \"VI_1\"?");
	ck_assert_str_eq(text, "");
	ck_assert(!print_of(VRRP_JSON, "somewhere"));
	ck_assert_str_eq(why,
			 "there is no virtual router \"somewhere\"; `hpcbalctl status` lists "
			 "them");
	ck_assert_ptr_nonnull(strstr(
		print(VRRP), "\n3 packets of virtual routers that are not configured here\n"));
	stats_set(vrrp->routers[0].used, 0);
	stats_set(vrrp->routers[1].used, 0);
	ck_assert(!print_of(VRRP, "VI_1"));
	ck_assert_str_eq(why, "there is no virtual router \"VI_1\": none is configured");
}
END_TEST

START_TEST(vrrp_of_a_dead_process)
{
	stats_set(sup->process[BOARD_VRRP].pid, 0);
	stats_set(sup->process[BOARD_VRRP].running, 0);
	ck_assert_ptr_nonnull(strstr(print(VRRP), "the master fell silent; the vrrp process does "
						  "not run, this is the last known\n"));
}
END_TEST

static json_t *parse(const char *want)
{
	json_error_t error;
	json_t *j = json_loads(want, 0, &error);

	ck_assert_msg(j != NULL, "column %d: %s", error.column, error.text);
	return j;
}

#define STATUS_OF_ONE                                                                     \
	"\"name\":\"VI_1\",\"state\":\"MASTER\",\"since\":\"2026-02-06T11:09:14.655Z\","        \
	"\"priority\":100,\"effective_priority\":90,\"interface\":\"eth0\","                      \
	"\"virtual_router_id\":51,\"addresses\":[\"10.9.0.1/24\",\"10.9.0.2/24\"],"             \
	"\"master\":\"10.0.0.1\",\"demoted\":false,\"reason\":\"the master fell silent\","        \
	"\"faults\":null,\"rival\":null,\"version\":2,\"live\":true"

/* The keys of the contract, in its order, and ours behind them. */
START_TEST(json_status_document)
{
	json_t *want = parse("{" STATUS_OF_ONE "}"), *got = load(STATUS_JSON);
	json_t *row = json_array_get(json_object_get(got, "vrrp"), 0);
	void *a = json_object_iter(want), *b = json_object_iter(row);

	ck_assert_msg(json_equal(want, row), "%s", text);
	for (; a; a = json_object_iter_next(want, a), b = json_object_iter_next(row, b))
		ck_assert_str_eq(json_object_iter_key(a), json_object_iter_key(b));
	ck_assert_uint_eq(json_array_size(json_object_get(got, "vrrp")), 2);
	json_decref(want);
	json_decref(got);
}
END_TEST

START_TEST(json_vrrp_document)
{
	json_t *want, *got;

	one->tracks[1].up = 0;
	strcpy(one->tracks[1].why, "exit status 1");
	got = load(VRRP_JSON);
	want = parse(
		"{" STATUS_OF_ONE ",\"interval_ms\":1000.0,\"source\":\"10.0.0.1\","
		"\"advertised_priority\":90,\"master_priority\":90,\"demoting\":false,"
		"\"demoted_until\":null,\"foreign\":null,\"foreign_heard\":null,"
		"\"addresses_detail\":["
		"{\"address\":\"10.9.0.1/24\",\"held\":true,\"prefix\":32,\"advertised\":true},"
		"{\"address\":\"10.9.0.2/24\",\"held\":true,\"prefix\":24,\"advertised\":false}],"
		"\"peers\":[{\"address\":\"10.0.0.2\",\"priority\":80,\"interval_ms\":100.0,"
		"\"heard\":\"2026-02-06T11:09:04.655Z\",\"advertisements\":37}],"
		"\"trackers\":[{\"what\":\"proxy\",\"up\":true,\"weight\":0,\"reason\":null},"
		"{\"what\":\"script /usr/local/sbin/look\",\"up\":false,\"weight\":-10,"
		"\"reason\":\"exit status 1\"}],"
		"\"counters\":{\"adverts_sent\":300,\"adverts_received\":37,\"send_failures\":0,"
		"\"announcements\":0,\"address_losses\":0,\"became_master\":0,\"transitions\":2,"
		"\"late_us_max\":0,\"two_masters\":0},"
		"\"discards\":[{\"reason\":\"TTL\",\"text\":\"TTL too low\",\"packets\":4}]}");
	ck_assert_msg(json_equal(want, json_array_get(json_object_get(got, "vrrp"), 0)), "%s",
		      text);
	json_decref(want);
	json_decref(got);
}
END_TEST

/* Boards that a broken or hostile process wrote. */

START_TEST(corrupt_counts_and_texts)
{
	json_t *j;

	one->n_addresses = one->n_peers = one->n_tracks = UINT32_MAX;
	one->state = 77;
	memset(one->name, 'n', sizeof(one->name));
	memset(one->interface, '\xff', sizeof(one->interface));
	memset(one->foreign, '\x1b', sizeof(one->foreign));
	one->foreign_heard_us = UINT64_MAX;
	one->since_wall_us = one->interval_us = one->demoted_until_us = UINT64_MAX - 1;
	one->demoted = 1;
	memset(one->tracks[BOARD_ROUTER_TRACKS - 1].why, 'w', BOARD_TEXT);
	stats_set(vrrp->n_discards, UINT32_MAX);
	memset(vrrp->discard_text, '\n', sizeof(vrrp->discard_text));
	stats_set(vrrp->routers[0].discards[BOARD_ROUTER_DISCARDS - 1], UINT64_MAX);
	print(STATUS);
	print(VRRP);
	for (const char *p = text; *p; p++)
		ck_assert((unsigned char)*p >= 0x20 || *p == '\n');
	j = load(VRRP_JSON);
	ck_assert_uint_eq(json_string_length(json_object_get(
				  json_array_get(json_object_get(j, "vrrp"), 0), "name")),
			  BOARD_NAME - 1);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(j, "vrrp"), 0), "state")),
			 "INIT");
	json_decref(j);
}
END_TEST

static const int fills[] = { 1, 2, 126, 128, 254, 255 };

START_TEST(corrupt_everything)
{
	memset(vrrp, fills[_i], sizeof(*vrrp));
	print(STATUS);
	print(VRRP);
	json_decref(load(STATUS_JSON));
	json_decref(load(VRRP_JSON));
}
END_TEST

/* A writer that died in the middle of its facts leaves the turn odd for ever. */
START_TEST(corrupt_turn_does_not_hang)
{
	stats_set(vrrp->routers[0].turn, 1);
	ck_assert_ptr_nonnull(strstr(print(STATUS), "\nVI_1      MASTER"));
}
END_TEST

START_TEST(lapses)
{
	static const struct {
		uint64_t us;
		const char *lapse, *interval;
	} cases[] = {
		{ 0, "0.0ms", "0ms" },		{ 400, "0.4ms", "0ms" },
		{ 9999, "10.0ms", "9ms" },	{ 40000, "40ms", "40ms" },
		{ 1000000, "1.0s", "1s" },	{ 1500000, "1.5s", "1500ms" },
		{ 9999999, "9.9s", "9999ms" },	{ 10000000, "10s", "10s" },
		{ 300000000, "5m", "300s" },
	};
	char to[TEXT_TIME];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_str_eq(text_lapse(to, cases[i].us), cases[i].lapse);
		ck_assert_str_eq(text_interval(to, cases[i].us), cases[i].interval);
	}
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("admin/vrrp");
	TCase *t = tcase_create("vrrp");
	SRunner *r = srunner_create(s);
	int failed;

	setenv("TZ", "UTC", 1);
	tzset();
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, status_all_well);
	tcase_add_test(t, status_without_routers);
	tcase_add_test(t, wrong_process);
	tcase_add_test(t, vrrp_is_late);
	tcase_add_test(t, wrong_runner);
	tcase_add_test(t, wrong_both_master);
	tcase_add_test(t, both_master_ends);
	tcase_add_test(t, wrong_fault);
	tcase_add_test(t, wrong_demoted);
	tcase_add_test(t, wrong_foreign);
	tcase_add_test(t, wrong_address);
	tcase_add_test(t, wrong_trackers);
	tcase_add_test(t, wrong_packets);
	tcase_add_test(t, vrrp_a_block_each);
	tcase_add_test(t, vrrp_of_one);
	tcase_add_test(t, vrrp_of_a_dead_process);
	tcase_add_test(t, json_status_document);
	tcase_add_test(t, json_vrrp_document);
	tcase_add_test(t, corrupt_counts_and_texts);
	tcase_add_loop_test(t, corrupt_everything, 0, COUNT(fills));
	tcase_add_test(t, corrupt_turn_does_not_hang);
	tcase_add_test(t, lapses);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
