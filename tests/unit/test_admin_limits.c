/* The board of limits as screens, JSON and metrics. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "admin/snapshot.h"
#include "admin_boards.h"
#include "ipc/limit_board.h"

#define NS 1000000000ull
#define MONO_NS (MONO * 1000)

static struct board_limits *limits;
static char *text; /* what the last call printed */
static size_t text_size;
static char why[256];

static void setup(void)
{
	boards_setup();
	boards_fill_supervisor();
	limits = mmap(NULL, sizeof(*limits), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	ck_assert_ptr_ne(limits, MAP_FAILED);
}

static void teardown(void)
{
	boards_teardown();
	munmap(limits, sizeof(*limits));
	free(text);
	text = NULL;
}

static struct board_limit *add_limit(const char *frontend, const char *name, const char *rate)
{
	int at = board_limit_slot(limits, str_of(frontend), str_of(name));
	struct board_limit *l = &limits->limits[at];

	ck_assert_int_ge(at, 0);
	strcpy(l->by, "src");
	strcpy(l->rate, rate);
	stats_set(l->current, BOARD_CURRENT);
	stats_set(l->order, 10 - (unsigned)at);
	return l;
}

/* login: ten a minute, five at once. */
static struct board_limit *add_login(void)
{
	struct board_limit *l = add_limit("front", "login", "10/m");

	stats_set(l->burst, 5);
	stats_set(l->step_ns, 6 * NS);
	stats_set(l->depth_ns, 30 * NS);
	stats_set(l->stats.refused, 41);
	return l;
}

static struct board_limit *add_conns(void)
{
	struct board_limit *l = add_limit("front", "conns", "");

	stats_set(l->connections, 3);
	stats_set(l->stats.refused, 2);
	return l;
}

/* An entry of its own set. */
static struct board_limit_note *add_key(const struct board_limit *l, const char *key,
					uint64_t arrival)
{
	static unsigned next;
	unsigned set = next++ * 97 % BOARD_LIMIT_SETS, way = next % BOARD_LIMIT_WAYS;
	struct board_limit_note *n = &limits->sets[set].note[way];

	stats_set(limits->sets[set].owner[way], 1 + next);
	stats_set(limits->sets[set].arrival[way], arrival);
	limits->touched[set / 64] |= 1ull << set % 64;
	n->key.limit = l->id;
	strcpy(n->key.text, key);
	if (*key == '#')
		n->key.digest = 0x1122334455667788ull;
	return n;
}

static void refuse(struct board_limit_note *n, uint64_t times, unsigned since_s, unsigned last_s)
{
	stats_set(n->refused, times);
	stats_set(n->since, MONO_NS - since_s * NS);
	stats_set(n->last, MONO_NS - last_s * NS);
}

static void exempt(unsigned slot, const char *key, const struct board_limit *l, uint64_t until)
{
	struct limit_exemption *e = &limits->exempt[slot].is;

	e->until_us = until;
	strcpy(e->text, key);
	if (net_parse(&e->net, str_of(key)))
		e->digest = 0x1122334455667788ull;
	if (l) {
		e->limits = l->id;
		strcpy(e->limit, l->name);
	}
	stats_set(limits->exempt[slot].used, 1);
	stats_set(limits->n_exempt, slot + 1);
}

static bool print_with(bool (*print)(const struct snapshot *s, const char *limit, FILE *out,
				     char *w, size_t w_size),
		       const char *limit)
{
	struct snapshot *s = snapshot_take(sup, NULL, NULL, NOW, MONO);
	FILE *f;
	bool good;

	ck_assert_ptr_nonnull(s);
	ck_assert(snapshot_add_limits(s, limits));
	free(text);
	f = open_memstream(&text, &text_size);
	why[0] = '\0';
	good = print(s, limit, f, why, sizeof(why));
	fclose(f);
	snapshot_free(s);
	return good;
}

static json_t *load(const char *limit)
{
	json_t *j;

	ck_assert(print_with(snapshot_json_limits, limit));
	j = json_loads(text, 0, NULL);
	ck_assert_ptr_nonnull(j);
	return j;
}

START_TEST(nobody_is_limited)
{
	ck_assert(print_with(snapshot_print_limits, NULL));
	ck_assert_str_eq(text, "no frontend has limits\n");
	add_login();
	ck_assert(print_with(snapshot_print_limits, NULL));
	ck_assert_str_eq(text, "LIMIT        BY   ALLOWS           REFUSED  EXEMPTED  NOTE\n"
			       "front/login  src  10/m, 5 at once       41         0  -\n"
			       "\n"
			       "nobody is limited now\n");
}
END_TEST

static void fill(void)
{
	struct board_limit *l = add_login(), *c = add_conns(), *d = add_limit("web", "try", "1/s");

	stats_set(d->dry_run, 1);
	stats_set(d->step_ns, NS);
	stats_set(d->depth_ns, NS);
	stats_set(d->burst, 1);
	stats_set(d->stats.would_refuse, 7);
	/* Three tokens short of full: in 3 s it is let in; another one would be at once. */
	refuse(add_key(l, "192.0.2.7", MONO_NS + 27 * NS), 12, 70, 1);
	refuse(add_key(l, "192.0.2.8", MONO_NS + 24 * NS), 40, 9, 9);
	refuse(add_key(l, "192.0.2.9", MONO_NS + 1 * NS), 3, 100, 31); /* too long ago */
	add_key(l, "192.0.2.10", MONO_NS + 29 * NS);                   /* was never refused */
	stats_set(add_key(c, "198.51.100.1", 1)->connections, 3);
	stats_set(add_key(c, "198.51.100.2", 1)->connections, 2);
	refuse(add_key(d, "#1122334455667788", MONO_NS - NS), 7, 5, 2);
	exempt(0, "192.0.2.0/29", l, UINT64_MAX);
	exempt(1, "#1122334455667788", NULL, MONO + 90 * CLOCK_SEC);
	exempt(2, "10.0.0.1", NULL, MONO - 1); /* over */
}

START_TEST(who_is_limited_and_who_is_exempt)
{
	fill();
	ck_assert(print_with(snapshot_print_limits, NULL));
	ck_assert_str_eq(
		text, "LIMIT        BY   ALLOWS           REFUSED  EXEMPTED  NOTE\n"
		      "web/try      src  1/s, 1 at once         7         0  dry run: it refuses "
		      "nobody\n"
		      "front/conns  src  3 connections          2         0  -\n"
		      "front/login  src  10/m, 5 at once       41         0  -\n"
		      "\n"
		      "LIMITED BY   KEY                FOR  REFUSED  LET IN         OPEN  NOTE\n"
		      "web/try      #1122334455667788   5s        7  now               -  exempt\n"
		      "front/conns  198.51.100.1         -        0  when one ends     3  -\n"
		      "front/login  192.0.2.8           9s       40  now               -  -\n"
		      "front/login  192.0.2.7           1m       12  3.0s              -  exempt\n"
		      "\n"
		      "EXEMPT             FROM        FOR\n"
		      "192.0.2.0/29       login       until it is ended\n"
		      "#1122334455667788  all limits  1m 30s\n");
}
END_TEST

START_TEST(one_limit_alone)
{
	static const char *const names[] = { "login", "front/login" };

	fill();
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(print_with(snapshot_print_limits, names[i]));
		ck_assert_ptr_nonnull(strstr(text, "192.0.2.7"));
		ck_assert_ptr_null(strstr(text, "conns"));
		ck_assert_ptr_null(strstr(text, "web/try"));
	}
	ck_assert(!print_with(snapshot_print_limits, "web/login"));
	ck_assert_str_eq(why, "there is no limit \"web/login\"; `hpcbalctl limits` lists them");
	ck_assert(!print_with(snapshot_print_limits, "logn"));
	ck_assert_str_eq(why, "there is no limit \"logn\"; did you mean \"login\"?");
	ck_assert(!print_with(snapshot_json_limits, "logn"));
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(json_keeps_its_promise)
{
	json_t *j, *e;

	fill();
	stats_set(limits->evicted, 5);
	j = load("login");
	ck_assert_int_eq(json_integer_value(json_object_get(j, "evicted_total")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "untracked_total")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "limits")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "limited")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "exempt")), 2);
	e = json_loads("{\"frontend\":\"front\",\"name\":\"login\",\"by\":\"src\","
		       "\"rate\":\"10/m\",\"burst\":5,\"connections\":null,"
		       "\"dry_run\":false,\"refused_total\":41,"
		       "\"would_refuse_total\":0,\"exempted_total\":0}",
		       0, NULL);
	ck_assert(json_equal(json_array_get(json_object_get(j, "limits"), 0), e));
	json_decref(e);
	e = json_loads("{\"frontend\":\"front\",\"limit\":\"login\",\"key\":\"192.0.2.7\","
		       "\"since\":\"2026-02-06T11:13:04.655Z\","
		       "\"last\":\"2026-02-06T11:14:13.655Z\","
		       "\"until\":\"2026-02-06T11:14:17.655Z\",\"refused\":12,"
		       "\"connections\":null,\"dry_run\":false,\"exempt\":true}",
		       0, NULL);
	ck_assert_msg(json_equal(json_array_get(json_object_get(j, "limited"), 1), e), "%s", text);
	json_decref(e);
	e = json_loads("{\"key\":\"#1122334455667788\",\"limit\":null,"
		       "\"until\":\"2026-02-06T11:15:44.655Z\"}",
		       0, NULL);
	ck_assert_msg(json_equal(json_array_get(json_object_get(j, "exempt"), 1), e), "%s", text);
	json_decref(e);
	json_decref(j);
	j = load("conns");
	e = json_array_get(json_object_get(j, "limited"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(e, "connections")), 3);
	ck_assert(json_is_null(json_object_get(e, "until")));
	ck_assert(json_is_null(json_object_get(e, "since")));
	json_decref(j);
}
END_TEST

START_TEST(a_screen_is_not_flooded)
{
	struct board_limit *l = add_login();
	char key[32];
	unsigned n = 0;

	for (unsigned i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "10.0.%u.%u", i / 256, i % 256);
		refuse(add_key(l, key, MONO_NS), 1000 - i, 3, 1);
	}
	ck_assert(print_with(snapshot_print_limits, NULL));
	for (const char *p = text; (p = strstr(p, "front/login  10.0.")); p++)
		n++;
	ck_assert_uint_eq(n, 200);
	ck_assert_ptr_nonnull(strstr(text, "\nand 100 more; --json lists them all\n"));
	ck_assert_ptr_nonnull(strstr(text, "10.0.0.0 ")); /* refused most */
	ck_assert_ptr_null(strstr(text, "10.0.1.40 "));
	json_decref(load(NULL));
	ck_assert_ptr_nonnull(strstr(text, "\"10.0.1.40\""));
}
END_TEST

static bool print_metrics(const struct snapshot *s, const char *limit, FILE *out, char *w,
			  size_t w_size)
{
	(void)limit;
	(void)w;
	(void)w_size;
	snapshot_print_metrics(s, out);
	return true;
}

static unsigned times(const char *part)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

START_TEST(metrics_have_a_series_a_limit)
{
	ck_assert(print_with(print_metrics, NULL));
	ck_assert_ptr_null(strstr(text, "hpcbal_limit"));
	fill();
	stats_set(limits->evicted, 5);
	ck_assert(print_with(print_metrics, NULL));
	ck_assert_ptr_nonnull(strstr(
		text, "\nhpcbal_limit_refused_total{frontend=\"front\",limit=\"login\"} 41\n"));
	ck_assert_ptr_nonnull(strstr(
		text, "\nhpcbal_limit_would_refuse_total{frontend=\"web\",limit=\"try\"} 7\n"));
	ck_assert_ptr_nonnull(strstr(
		text, "\nhpcbal_limit_exempted_total{frontend=\"web\",limit=\"try\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nhpcbal_limit_evicted_total 5\n"));
	/* Two of one name, on a board that is broken. */
	strcpy(limits->limits[2].frontend, "front");
	strcpy(limits->limits[2].name, "login");
	ck_assert(print_with(print_metrics, NULL));
	ck_assert_uint_eq(times("hpcbal_limit_refused_total{frontend=\"front\",limit=\"login\"}"),
			  1);
}
END_TEST

/* Whatever stands there: texts end, JSON is well-formed, nothing is read beyond its array. */
START_TEST(nonsense_on_the_board_does_no_harm)
{
	unsigned char *p = (unsigned char *)limits;

	srand((unsigned)_i);
	fill();
	for (size_t i = offsetof(struct board_limits, limits);
	     i < offsetof(struct board_limits, sets) + 64 * sizeof(limits->sets[0]); i++)
		if (rand() % 3)
			p[i] = (unsigned char)rand();
	/* A reader waits a little for a turn that is odd; so few are. */
	for (unsigned i = 0; i < BOARD_LIMITS; i++) {
		stats_set(limits->limits[i].current, BOARD_CURRENT);
		limits->limits[i].turn &= i % 16 ? ~1u : ~0u;
	}
	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++)
		limits->exempt[i].turn &= i % 16 ? ~1u : ~0u;
	for (unsigned i = 0; i < 64; i++)
		for (unsigned w = 0; w < BOARD_LIMIT_WAYS; w++) {
			limits->sets[i].note[w].turn &= ~1u;
			limits->sets[i].note[w].key.limit = limits->limits[i].id;
		}
	ck_assert(print_with(snapshot_print_limits, NULL));
	json_decref(load(NULL));
	ck_assert(print_with(print_metrics, NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin limits");
	TCase *t = tcase_create("limits");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nobody_is_limited);
	tcase_add_test(t, who_is_limited_and_who_is_exempt);
	tcase_add_test(t, one_limit_alone);
	tcase_add_test(t, json_keeps_its_promise);
	tcase_add_test(t, a_screen_is_not_flooded);
	tcase_add_test(t, metrics_have_a_series_a_limit);
	tcase_add_loop_test(t, nonsense_on_the_board_does_no_harm, 0, 8);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
