/* clear, exempt and enforce, and what exemptions do. */
#include "limit/command.h"
#include "limit/exempt.h"
#include "limit_rig.h"

#define NOW_US 1000000000ull
#define NOW_NS (NOW_US * 1000)

static struct rig r;
static struct limit *login, *conns, *app, *who;
static struct limit_answer answer;

static void setup(void)
{
	rig_open(&r);
	login = rig_rate(&r, "login", 1, 5);
	conns = rig_connections(&r, "conns", 2);
	app = rig_limit(&r, (struct conf_limit){ .name = STR("app"), .by = CONF_LIMIT_HEADER,
						 .rate = 1, .period = 1000000, .burst = 1 });
	who = rig_limit(&r, (struct conf_limit){ .name = STR("who"), .by = CONF_LIMIT_COOKIE,
						 .secret = true, .rate = 1, .period = 1000000,
						 .burst = 1 });
}

static void teardown(void)
{
	rig_close(&r);
}

/* Words with blanks between them. */
static enum control_exit ask_at(uint64_t now_us, const char *words)
{
	char request[512];
	size_t n = strlen(words);

	memcpy(request, words, n);
	for (size_t i = 0; i < n; i++)
		if (request[i] == ' ')
			request[i] = '\0';
	limit_command(r.table, (struct str){ request, n }, now_us, &answer);
	return answer.status;
}

static void says(enum control_exit status, const char *words, const char *text)
{
	ck_assert_msg(ask_at(NOW_US, words) == status, "%s: %s", words, answer.text);
	ck_assert_str_eq(answer.text, text);
}

static bool take_value(const struct limit *l, const char *value)
{
	struct limit_key k = limit_key_make(r.board, l, NULL, str_of(value));
	uint64_t wait;

	return limit_take(r.table, &k, NOW_NS, &wait);
}

static unsigned take(const char *host)
{
	struct addr a = rig_addr(host);

	return rig_takes(&r, login, &a, NOW_NS, 10);
}

static bool is_exempt(const struct limit *l, const char *host, uint64_t now_us)
{
	struct addr a = rig_addr(host);
	struct limit_key k = rig_src(&r, l, &a);

	return limit_is_exempt(r.board, &k, now_us);
}

static bool is_value_exempt(const struct limit *l, const char *value)
{
	struct limit_key k = limit_key_make(r.board, l, NULL, str_of(value));

	return limit_is_exempt(r.board, &k, NOW_US);
}

/* ---- clear ---- */

START_TEST(clear_gives_a_full_bucket)
{
	ck_assert_uint_eq(take("192.0.2.7"), 5);
	ck_assert_uint_eq(take("192.0.2.8"), 5);
	ck_assert(take_value(app, "mobile"));
	says(CONTROL_DONE, "limits clear login 192.0.2.7", "cleared 1 key of login");
	ck_assert_uint_eq(take("192.0.2.7"), 5);
	ck_assert_uint_eq(take("192.0.2.8"), 0);
	says(CONTROL_DONE, "limits clear login", "cleared 2 keys of login");
	ck_assert(!take_value(app, "mobile"));
	ck_assert_uint_eq(take("192.0.2.8"), 5);
	says(CONTROL_DONE, "limits clear", "cleared 2 keys");
	ck_assert(take_value(app, "mobile"));
	ck_assert_uint_eq(take("192.0.2.8"), 5);
	says(CONTROL_DONE, "limits clear front/login", "cleared 1 key of front/login");
	says(CONTROL_DONE, "limits clear login", "cleared 0 keys of login");
}
END_TEST

START_TEST(clear_finds_a_key_however_it_is_written)
{
	char request[64];

	ck_assert_uint_eq(take("192.0.2.7"), 5);
	ck_assert_uint_eq(take("192.0.3.7"), 5);
	says(CONTROL_DONE, "limits clear 192.0.2.0/24", "cleared 1 key");
	ck_assert_uint_eq(take("192.0.2.7"), 5);
	ck_assert_uint_eq(take("2001:db8::1"), 5);
	says(CONTROL_DONE, "limits clear 2001:db8::99", "cleared 1 key"); /* of its network */
	ck_assert(take_value(app, "mobile"));
	ck_assert(take_value(who, "hunter2"));
	says(CONTROL_DONE, "limits clear app mobile", "cleared 1 key of app");
	says(CONTROL_DONE, "limits clear who hunter2", "cleared 1 key of who");
	ck_assert(take_value(who, "hunter2"));
	snprintf(request, sizeof(request), "limits clear #%016llx",
		 (unsigned long long)limit_digest(r.board, STR("hunter2")));
	says(CONTROL_DONE, request, "cleared 1 key");
	ck_assert(take_value(who, "hunter2"));
}
END_TEST

START_TEST(clear_says_when_there_is_nothing_of_that_key)
{
	ck_assert_uint_eq(take("192.0.2.7"), 5);
	says(CONTROL_REFUSED, "limits clear 192.0.2.8",
	     "nothing is counted of the key \"192.0.2.8\", and no limit has that name");
	says(CONTROL_REFUSED, "limits clear login 192.0.2.8",
	     "nothing is counted of the key \"192.0.2.8\" by this limit");
	says(CONTROL_REFUSED, "limits clear logn 192.0.2.7",
	     "no limit is called \"logn\"; there are front/login, front/conns, front/app, "
	     "front/who");
	says(CONTROL_REFUSED, "limits clear other/login 192.0.2.7",
	     "no limit is called \"other/login\"; there are front/login, front/conns, front/app, "
	     "front/who");
}
END_TEST

START_TEST(clear_leaves_connections_counted)
{
	struct addr a = rig_addr("192.0.2.7");
	struct limit_key k = rig_src(&r, conns, &a);
	uint32_t place;
	bool over;

	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(limit_hold(r.table, &k, false, NOW_NS, &place, &over),
				 LIMIT_HELD);
	ck_assert_int_eq(limit_hold(r.table, &k, false, NOW_NS, &place, &over), LIMIT_TURNED);
	limit_note_refusal(r.table, &k, NOW_NS);
	says(CONTROL_DONE, "limits clear", "cleared 1 key");
	ck_assert_int_eq(limit_hold(r.table, &k, false, NOW_NS, &place, &over), LIMIT_TURNED);
}
END_TEST

/* ---- exempt ---- */

START_TEST(exemption_is_of_an_address_or_a_network)
{
	ck_assert(!is_exempt(login, "192.0.2.7", NOW_US));
	says(CONTROL_DONE, "limits exempt 0 192.0.2.7", "192.0.2.7 is exempt from all limits");
	ck_assert(is_exempt(login, "192.0.2.7", NOW_US));
	ck_assert(is_exempt(conns, "192.0.2.7", UINT64_MAX - 1));
	ck_assert(!is_exempt(login, "192.0.2.8", NOW_US));
	says(CONTROL_DONE, "limits exempt 0 10.1.2.3/8 login",
	     "10.0.0.0/8 is exempt from the limit login");
	ck_assert(is_exempt(login, "10.200.0.1", NOW_US));
	ck_assert(!is_exempt(conns, "10.200.0.1", NOW_US));
	says(CONTROL_DONE, "limits exempt 0 2001:db8::/32 front/conns",
	     "2001:db8::/32 is exempt from the limit front/conns");
	ck_assert(is_exempt(conns, "2001:db8:1::1", NOW_US));
	ck_assert(!is_exempt(login, "2001:db8:1::1", NOW_US));
}
END_TEST

START_TEST(exemption_is_of_a_value_and_keeps_a_secret)
{
	char text[128];

	says(CONTROL_DONE, "limits exempt 0 mobile app", "mobile is exempt from the limit app");
	ck_assert(is_value_exempt(app, "mobile"));
	ck_assert(!is_value_exempt(app, "mobil"));
	ck_assert(!is_value_exempt(who, "mobile"));
	snprintf(text, sizeof(text), "#%016llx is exempt from the limit who",
		 (unsigned long long)limit_digest(r.board, STR("hunter2")));
	says(CONTROL_DONE, "limits exempt 0 hunter2 who", text);
	ck_assert(is_value_exempt(who, "hunter2"));
	says(CONTROL_DONE, "limits enforce hunter2",
	     (snprintf(text, sizeof(text), "#%016llx is exempt no more",
		       (unsigned long long)limit_digest(r.board, STR("hunter2"))),
	      text));
	ck_assert(!is_value_exempt(who, "hunter2"));
	snprintf(text, sizeof(text), "limits exempt 0 #%016llx",
		 (unsigned long long)limit_digest(r.board, STR("hunter2")));
	ck_assert_int_eq(ask_at(NOW_US, text), CONTROL_DONE);
	ck_assert(is_value_exempt(who, "hunter2"));
	for (size_t i = 0; i + 7 < sizeof(r.board->exempt); i++)
		ck_assert_msg(memcmp((char *)r.board->exempt + i, "hunter2", 7) != 0,
			      "the secret stands on the board");
}
END_TEST

/* A slip in an address is not taken for a value that nobody counts by. */
START_TEST(exemption_of_what_can_be_no_key_is_refused)
{
	says(CONTROL_REFUSED, "limits exempt 0 192.0.2.777 login",
	     "\"192.0.2.777\" is no address and no network, and this limit counts by nothing "
	     "else; write one as in 198.51.100.7 or 198.51.100.0/24");
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.0/40 front/conns"),
			 CONTROL_REFUSED);
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.777 app"), CONTROL_DONE);
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.777"), CONTROL_DONE);
	for (unsigned i = 0; i < RIG_LIMITS; i++)
		if (!str_begins(str_of(r.board->limits[i].by), STR("src")))
			stats_set(r.board->limits[i].current, BOARD_GONE);
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.777"), CONTROL_REFUSED);
	ck_assert_ptr_nonnull(strstr(answer.text, "all limits count by nothing else"));
	ck_assert_int_eq(ask_at(NOW_US, "limits enforce 192.0.2.777"), CONTROL_DONE);
}
END_TEST

START_TEST(exemption_ends_by_itself_or_by_enforce)
{
	says(CONTROL_DONE, "limits exempt 5000000 192.0.2.7",
	     "192.0.2.7 is exempt from all limits");
	ck_assert(is_exempt(login, "192.0.2.7", NOW_US + 4999999));
	ck_assert(!is_exempt(login, "192.0.2.7", NOW_US + 5000000));
	says(CONTROL_DONE, "limits exempt 0 192.0.2.7", "192.0.2.7 is exempt from all limits");
	ck_assert_uint_eq(r.board->n_exempt, 1); /* the same one, longer */
	ck_assert(is_exempt(login, "192.0.2.7", NOW_US + 5000000));
	says(CONTROL_REFUSED, "limits enforce 192.0.2.7 login",
	     "\"192.0.2.7\" is not exempt from the limit login; hpcbalctl limits shows who is, "
	     "and from what");
	says(CONTROL_DONE, "limits enforce 192.0.2.7", "192.0.2.7 is exempt no more");
	ck_assert(!is_exempt(login, "192.0.2.7", NOW_US));
	ck_assert_uint_eq(r.board->n_exempt, 0);
	says(CONTROL_REFUSED, "limits enforce 192.0.2.7",
	     "\"192.0.2.7\" is not exempt; hpcbalctl limits shows who is, and from what");
	says(CONTROL_REFUSED, "limits exempt 0 192.0.2.7 logn",
	     "no limit is called \"logn\"; there are front/login, front/conns, front/app, "
	     "front/who");
}
END_TEST

START_TEST(exemptions_are_so_many_and_old_ones_make_room)
{
	char request[64];

	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++) {
		snprintf(request, sizeof(request), "limits exempt %u 192.0.2.%u",
			 i == 7 ? 1000 : 0, i);
		ck_assert_int_eq(ask_at(NOW_US, request), CONTROL_DONE);
	}
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 198.51.100.1"), CONTROL_REFUSED);
	ck_assert_ptr_nonnull(strstr(answer.text, "64 keys are exempt already"));
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.9"), CONTROL_DONE);
	ck_assert_int_eq(ask_at(NOW_US + 1000, "limits exempt 0 198.51.100.1"), CONTROL_DONE);
	ck_assert(is_exempt(login, "198.51.100.1", NOW_US));
	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++) {
		snprintf(request, sizeof(request), "192.0.2.%u", i);
		ck_assert_int_eq(is_exempt(login, request, NOW_US + 1000), i != 7);
	}
}
END_TEST

START_TEST(exemption_survives_the_process)
{
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt 0 192.0.2.7"), CONTROL_DONE);
	limit_table_free(r.table);
	board_limits_died(r.board);
	r.table = limit_table_new(r.board);
	ck_assert(is_exempt(login, "192.0.2.7", NOW_US));
}
END_TEST

/* ---- the words ---- */

START_TEST(odd_words_are_refused)
{
	static const char *const words[] = {
		"limits", "limits clean", "limits clear a b c", "limits exempt", "limits exempt 0",
		"limits exempt 0 a b c", "limits enforce", "limits enforce a b c", "", "limits  a",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		ck_assert_int_eq(ask_at(NOW_US, words[i]), CONTROL_USAGE);
		ck_assert_ptr_nonnull(strstr(answer.text, "limits knows clear"));
	}
	ck_assert_int_eq(ask_at(NOW_US, "limits exempt soon 192.0.2.7"), CONTROL_USAGE);
}
END_TEST

START_TEST(a_limit_that_is_gone_has_no_name)
{
	for (unsigned i = 0; i < RIG_LIMITS; i++)
		stats_set(r.board->limits[i].current, BOARD_GONE);
	says(CONTROL_REFUSED, "limits clear login 192.0.2.7",
	     "no limit is called \"login\"; this configuration has none");
}
END_TEST

/* However many names there are, the answer ends. */
START_TEST(long_answers_are_cut)
{
	char name[BOARD_NAME];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (unsigned i = 0; i < 100; i++) {
		int at;

		snprintf(name, 6, "%05u", i);
		name[5] = 'n';
		at = board_limit_slot(r.board, STR("front"), str_of(name));
		stats_set(r.board->limits[at].current, BOARD_CURRENT);
	}
	ck_assert_int_eq(ask_at(NOW_US, "limits clear logn x"), CONTROL_REFUSED);
	ck_assert_uint_eq(strlen(answer.text), sizeof(answer.text) - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limit command");
	TCase *t = tcase_create("command");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, clear_gives_a_full_bucket);
	tcase_add_test(t, clear_finds_a_key_however_it_is_written);
	tcase_add_test(t, clear_says_when_there_is_nothing_of_that_key);
	tcase_add_test(t, clear_leaves_connections_counted);
	tcase_add_test(t, exemption_is_of_an_address_or_a_network);
	tcase_add_test(t, exemption_is_of_a_value_and_keeps_a_secret);
	tcase_add_test(t, exemption_of_what_can_be_no_key_is_refused);
	tcase_add_test(t, exemption_ends_by_itself_or_by_enforce);
	tcase_add_test(t, exemptions_are_so_many_and_old_ones_make_room);
	tcase_add_test(t, exemption_survives_the_process);
	tcase_add_test(t, odd_words_are_refused);
	tcase_add_test(t, a_limit_that_is_gone_has_no_name);
	tcase_add_test(t, long_answers_are_cut);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
