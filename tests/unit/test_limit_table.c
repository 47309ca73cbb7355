/* Token buckets, the table that holds them, and counts of connections, by one thread, on a clock
 * of its own. */
#include "base/hash.h"
#include "limit_rig.h"

/* ---- the bucket ---- */

static const struct gcra fifty = { NS / 50, 100 * (NS / 50) };

START_TEST(bucket_gives_its_burst_at_once_and_then_one_a_step)
{
	uint64_t arrival = 0, now = 12345 * NS, next;

	for (unsigned i = 0; i < 100; i++) {
		ck_assert(gcra_ask(&fifty, arrival, now, &next));
		arrival = next;
	}
	for (unsigned i = 0; i < 500; i++) {
		ck_assert(!gcra_ask(&fifty, arrival, now, &next));
		ck_assert_uint_eq(next, arrival);
		ck_assert(!gcra_ask(&fifty, arrival, now + NS / 50 - 1, &next));
		now += NS / 50;
		ck_assert(gcra_ask(&fifty, arrival, now, &next));
		arrival = next;
	}
}
END_TEST

static unsigned empty(uint64_t *arrival, uint64_t now)
{
	unsigned n = 0;

	for (uint64_t next; gcra_ask(&fifty, *arrival, now, &next); n++)
		*arrival = next;
	return n;
}

START_TEST(bucket_is_full_again_after_its_depth_and_no_sooner)
{
	uint64_t arrival = 0;

	ck_assert_uint_eq(empty(&arrival, 7 * NS), 100);
	ck_assert_uint_eq(empty(&arrival, 9 * NS), 100);
	ck_assert_uint_eq(empty(&arrival, 11 * NS - 1), 99);
	arrival = 9 * NS;
	ck_assert_uint_eq(empty(&arrival, 3600 * NS), 100);
}
END_TEST

/* The same as a bucket that counts, whose level is kept in nanoseconds. */
START_TEST(bucket_is_what_a_counting_bucket_is)
{
	srand(4);
	for (unsigned round = 0; round < 200; round++) {
		struct gcra g = { .step = 1 + (uint64_t)rand() % 1000 };
		uint64_t now = 1000000, arrival = 0, level, next;

		g.depth = g.step * (1 + (uint64_t)rand() % 20);
		level = g.depth;
		for (unsigned i = 0; i < 2000; i++) {
			uint64_t pause = (uint64_t)rand() % (2 * g.step);
			bool admits;

			pause *= rand() % 50 == 0 ? 30 : 1;
			now += pause;
			level = level + pause < g.depth ? level + pause : g.depth;
			admits = level >= g.step;
			level -= admits ? g.step : 0;
			ck_assert_int_eq(gcra_ask(&g, arrival, now, &next), admits);
			arrival = next;
		}
	}
}
END_TEST

START_TEST(bucket_says_exactly_how_long_to_wait)
{
	srand(5);
	for (unsigned round = 0; round < 5000; round++) {
		struct gcra g = { .step = 2 + (uint64_t)rand() % 100000 };
		uint64_t now = 1000000, next, wait, arrival;

		g.depth = g.step * (1 + (uint64_t)rand() % 9);
		arrival = now + (uint64_t)rand() % (g.depth + 1);
		wait = gcra_wait(&g, arrival, now);
		ck_assert_int_eq(wait == 0, gcra_ask(&g, arrival, now, &next));
		ck_assert(gcra_ask(&g, arrival, now + wait, &next));
		if (wait)
			ck_assert(!gcra_ask(&g, arrival, now + wait - 1, &next));
	}
}
END_TEST

/* Emptied at one request an hour, now under ten a second: nobody pays for the old rate. */
START_TEST(bucket_under_a_new_rate_owes_no_more_than_its_depth)
{
	const struct gcra g = { NS / 10, 10 * (NS / 10) };
	uint64_t now = 50 * NS, arrival = now + 3600 * NS, next;

	ck_assert(!gcra_ask(&g, arrival, now, &next));
	ck_assert_uint_eq(next, now + g.depth);
	ck_assert_uint_eq(gcra_wait(&g, arrival, now), NS / 10);
	ck_assert(gcra_ask(&g, next, now + NS / 10, &arrival));
}
END_TEST

/* ---- one thread ---- */

START_TEST(limit_lets_its_rate_through_over_an_hour_and_not_one_more)
{
	struct rig r;
	struct addr a = rig_addr("192.0.2.7");
	struct limit *l;
	uint64_t now = 100 * NS, let = 0;

	rig_open(&r);
	l = rig_rate(&r, "odd", 7, 3); /* a step is no whole number of nanoseconds */
	for (uint64_t ms = 0; ms <= 3600 * 1000; ms += 20)
		let += rig_take(&r, l, &a, now + ms * 1000000);
	ck_assert_uint_le(let, 7 * 3600 + 3);
	ck_assert_uint_ge(let, 7 * 3600 + 3 - 1);
	rig_close(&r);
}
END_TEST

START_TEST(limit_counts_each_key_and_each_limit_apart)
{
	struct rig r;
	struct addr a = rig_addr("192.0.2.7"), b = rig_addr("192.0.2.8");
	struct limit *l, *m;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 5);
	m = rig_rate(&r, "two", 1, 4);
	ck_assert_uint_eq(rig_takes(&r, l, &a, NS, 20), 5);
	ck_assert_uint_eq(rig_takes(&r, l, &b, NS, 20), 5);
	ck_assert_uint_eq(rig_takes(&r, m, &a, NS, 20), 4);
	ck_assert_uint_eq(rig_takes(&r, l, &a, 3 * NS, 20), 2);
	rig_close(&r);
}
END_TEST

START_TEST(limit_takes_a_network_for_one_source)
{
	static const struct {
		const char *a, *b;
		unsigned prefix4, prefix6;
		bool same;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.8", 32, 64, false },
		{ "192.0.2.7", "192.0.2.200", 24, 64, true },
		{ "192.0.2.7", "192.0.3.7", 24, 64, false },
		{ "192.0.2.127", "192.0.2.128", 25, 64, false },
		{ "192.0.2.7", "198.51.100.1", 0, 64, true },
		{ "2001:db8::1", "2001:db8::ffff:1", 32, 64, true },
		{ "2001:db8::1", "2001:db8:0:1::1", 32, 64, false },
		{ "2001:db8::1", "2001:db8:0:1::1", 32, 48, true },
		{ "2001:db8::1", "2001:db8::2", 32, 128, false },
		{ "::ffff:192.0.2.7", "192.0.2.7", 32, 64, true },
		{ "::ffff:192.0.2.7", "::ffff:192.0.2.8", 32, 64, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = rig_addr(cases[i].a), b = rig_addr(cases[i].b);
		struct rig r;
		struct limit *l;

		rig_open(&r);
		l = rig_limit(&r, (struct conf_limit){ .name = STR("n"), .rate = 1,
						       .period = 1000000, .burst = 1,
						       .prefix4 = cases[i].prefix4,
						       .prefix6 = cases[i].prefix6 });
		r.conf[0].prefix4 = cases[i].prefix4;
		ck_assert(rig_take(&r, l, &a, NS));
		ck_assert_msg(rig_take(&r, l, &b, NS) != cases[i].same, "%s and %s", cases[i].a,
			      cases[i].b);
		rig_close(&r);
	}
}
END_TEST

START_TEST(limit_of_a_client_without_an_address_counts_all_of_them)
{
	struct addr a = { .len = sizeof(a.u.un) };
	char text[BOARD_KEY_TEXT];
	struct limit_key k;
	struct limit *l;
	struct rig r;

	a.u.un.sun_family = AF_UNIX;
	rig_open(&r);
	l = rig_rate(&r, "one", 1, 2);
	ck_assert_uint_eq(rig_takes(&r, l, &a, NS, 9), 2);
	k = rig_src(&r, l, &a);
	limit_key_text(r.board, &k, text);
	ck_assert_str_eq(text, "unix");
	rig_close(&r);
}
END_TEST

START_TEST(peek_takes_nothing)
{
	struct rig r;
	struct addr a = rig_addr("192.0.2.7");
	struct limit_key k;
	struct limit *l;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 2);
	k = rig_src(&r, l, &a);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(limit_peek(r.table, &k, NS), 0);
	ck_assert_uint_eq(rig_takes(&r, l, &a, NS, 9), 2);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(limit_peek(r.table, &k, NS), NS);
	ck_assert_uint_eq(limit_peek(r.table, &k, 2 * NS), 0);
	rig_close(&r);
}
END_TEST

/* A reload makes new limits of the same names, a new process a new table. */
START_TEST(reload_and_a_new_process_find_the_buckets_as_they_were)
{
	struct addr a = rig_addr("192.0.2.7");
	struct limit again, *l;
	struct rig r;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 5);
	ck_assert_uint_eq(rig_takes(&r, l, &a, NS, 3), 3);
	ck_assert(limit_init(&again, &r.frontend, 0, r.board));
	ck_assert_ptr_eq(again.on, l->on);
	ck_assert_uint_eq(rig_takes(&r, &again, &a, NS, 1), 1);
	limit_table_free(r.table);
	board_limits_died(r.board);
	r.table = limit_table_new(r.board);
	ck_assert_uint_eq(rig_takes(&r, &again, &a, NS, 9), 1);
	rig_close(&r);
}
END_TEST

/* ---- the table is full ---- */

START_TEST(full_set_gives_away_whom_it_costs_least)
{
	static const unsigned takes[BOARD_LIMIT_WAYS] = { 5, 4, 9, 2, 10, 3, 6, 7 };
	struct addr a[BOARD_LIMIT_WAYS + 1];
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 10);
	rig_same_set(&r, l, a, BOARD_LIMIT_WAYS + 1);
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		ck_assert_uint_eq(rig_takes(&r, l, &a[i], NS, takes[i]), takes[i]);
	ck_assert(rig_take(&r, l, &a[BOARD_LIMIT_WAYS], NS));
	ck_assert_uint_eq(stats_get(r.board->evicted), 1);
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		if (takes[i] != 2)
			ck_assert_uint_eq(rig_takes(&r, l, &a[i], NS, 20), 10 - takes[i]);
	rig_close(&r);
}
END_TEST

START_TEST(entry_whose_bucket_is_full_again_goes_without_loss)
{
	struct addr a[2 * BOARD_LIMIT_WAYS];
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 3);
	rig_same_set(&r, l, a, 2 * BOARD_LIMIT_WAYS);
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		ck_assert_uint_eq(rig_takes(&r, l, &a[i], NS, 9), 3);
	for (unsigned i = BOARD_LIMIT_WAYS; i < 2 * BOARD_LIMIT_WAYS; i++)
		ck_assert_uint_eq(rig_takes(&r, l, &a[i], 4 * NS + 1, 9), 3);
	ck_assert_uint_eq(stats_get(r.board->evicted), 0);
	/* The first ones come back, and have what an hour's pause gives: the burst. */
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		ck_assert_uint_eq(rig_takes(&r, l, &a[i], 3600 * NS, 9), 3);
	rig_close(&r);
}
END_TEST

/* A flood of sources that come once does not wash away one that is being refused. */
START_TEST(flood_of_keys_does_not_free_who_is_refused)
{
	struct addr bad = rig_addr("192.0.2.66");
	struct limit *l;
	struct rig r;
	unsigned let = 0;

	rig_open(&r);
	l = rig_rate(&r, "one", 10, 20);
	for (unsigned i = 0; i < 400000; i++) {
		struct addr a = rig_nth(i);

		rig_take(&r, l, &a, NS + i * 1000);
		if (i % 100 == 0)
			let += rig_take(&r, l, &bad, NS + i * 1000);
	}
	/* 0.4 s: four, and the burst. */
	ck_assert_uint_le(let, 24);
	ck_assert_uint_ge(let, 23);
	ck_assert_uint_gt(stats_get(r.board->evicted), 0);
	rig_close(&r);
}
END_TEST

/* ---- connections ---- */

START_TEST(connections_are_counted_to_the_last_and_given_back)
{
	struct addr a = rig_addr("192.0.2.7"), b = rig_addr("192.0.2.8");
	uint32_t place[4], other;
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_connections(&r, "conns", 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(rig_hold(&r, l, &a, &place[i]), LIMIT_HELD);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[3]), LIMIT_TURNED);
	ck_assert_int_eq(rig_hold(&r, l, &b, &other), LIMIT_HELD);
	limit_release(r.table, place[3], true);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[3]), LIMIT_TURNED);
	limit_release(r.table, place[3], true);
	limit_release(r.table, place[0], false);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[0]), LIMIT_HELD);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[3]), LIMIT_TURNED);
	rig_close(&r);
}
END_TEST

START_TEST(connections_that_are_told_why_are_few)
{
	struct addr a = rig_addr("192.0.2.7");
	uint32_t first, place[LIMIT_TOLD_MOST], last = 7;
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_connections(&r, "conns", 1);
	ck_assert_int_eq(rig_hold(&r, l, &a, &first), LIMIT_HELD);
	for (unsigned i = 0; i < LIMIT_TOLD_MOST; i++)
		ck_assert_int_eq(rig_hold(&r, l, &a, &place[i]), LIMIT_TURNED);
	ck_assert_int_eq(rig_hold(&r, l, &a, &last), LIMIT_TURNED_AT_ONCE);
	ck_assert_uint_eq(last, 0);
	limit_release(r.table, place[0], true);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[0]), LIMIT_TURNED);
	rig_close(&r);
}
END_TEST

START_TEST(connections_that_are_forced_count_too)
{
	struct addr a = rig_addr("192.0.2.7");
	uint32_t place[3];
	struct limit_key k;
	struct limit *l;
	struct rig r;
	bool over;

	rig_open(&r);
	l = rig_connections(&r, "conns", 1);
	k = rig_src(&r, l, &a);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(limit_hold(r.table, &k, true, NS, &place[i], &over), LIMIT_HELD);
		ck_assert_int_eq(over, i > 0);
	}
	limit_release(r.table, place[0], false);
	limit_release(r.table, place[1], false);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place[0]), LIMIT_TURNED);
	rig_close(&r);
}
END_TEST

/* Whoever has connections keeps his entry; when a set has no other, a new key goes uncounted. */
START_TEST(entries_with_connections_are_never_given_away)
{
	struct addr a[BOARD_LIMIT_WAYS + 1];
	uint32_t place[BOARD_LIMIT_WAYS], second;
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_connections(&r, "conns", 1);
	rig_same_set(&r, l, a, BOARD_LIMIT_WAYS + 1);
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		ck_assert_int_eq(rig_hold(&r, l, &a[i], &place[i]), LIMIT_HELD);
	ck_assert_int_eq(rig_hold(&r, l, &a[BOARD_LIMIT_WAYS], &second), LIMIT_HELD);
	ck_assert_uint_eq(second, 0);
	ck_assert_uint_eq(stats_get(r.board->untracked), 1);
	limit_release(r.table, 0, false);
	for (unsigned i = 0; i < BOARD_LIMIT_WAYS; i++)
		ck_assert_int_eq(rig_hold(&r, l, &a[i], &second), LIMIT_TURNED);
	rig_close(&r);
}
END_TEST

START_TEST(connections_of_a_dead_process_are_gone)
{
	struct addr a = rig_addr("192.0.2.7");
	struct board_limit_set *s;
	uint32_t place;
	struct limit_key k;
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_connections(&r, "conns", 1);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place), LIMIT_HELD);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place), LIMIT_TURNED);
	k = rig_src(&r, l, &a);
	s = &r.board->sets[k.owner % BOARD_LIMIT_SETS];
	atomic_store(&s->arrival[5], BOARD_LIMIT_MOVES); /* it died just there */
	atomic_store(&s->owner[5], 77);
	atomic_store(&s->note[5].turn, 3);
	board_limits_died(r.board);
	ck_assert_uint_eq(s->owner[5], 0);
	ck_assert_uint_eq(s->arrival[5], 0);
	ck_assert_uint_eq(s->note[5].turn % 2, 0);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place), LIMIT_HELD);
	ck_assert_int_eq(rig_hold(&r, l, &a, &place), LIMIT_TURNED);
	rig_close(&r);
}
END_TEST

/* ---- who lists ---- */

START_TEST(refusals_that_follow_one_another_are_one_story)
{
	struct addr a = rig_addr("192.0.2.7");
	struct board_limit_note *n;
	struct limit_key k;
	struct limit *l;
	struct rig r;

	rig_open(&r);
	l = rig_rate(&r, "one", 1, 2);
	k = rig_src(&r, l, &a);
	ck_assert_uint_eq(rig_takes(&r, l, &a, NS, 2), 2);
	n = &r.board->sets[k.owner % BOARD_LIMIT_SETS].note[0];
	limit_note_refusal(r.table, &k, 2 * NS);
	limit_note_refusal(r.table, &k, 9 * NS);
	limit_note_refusal(r.table, &k, 19 * NS);
	ck_assert_uint_eq(n->refused, 3);
	ck_assert_uint_eq(n->since, 2 * NS);
	ck_assert_uint_eq(n->last, 19 * NS);
	limit_note_refusal(r.table, &k, 30 * NS);
	ck_assert_uint_eq(n->refused, 1);
	ck_assert_uint_eq(n->since, 30 * NS);
	rig_close(&r);
}
END_TEST

static void text_is(struct rig *r, const struct limit *l, struct str value, const char *expected)
{
	struct limit_key k = limit_key_make(r->board, l, NULL, value);
	char text[BOARD_KEY_TEXT];
	size_t n = limit_key_text(r->board, &k, text);

	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(n, strlen(text));
}

START_TEST(keys_have_texts_and_secrets_have_digests)
{
	static const char key48[] = "0123456789abcdef0123456789abcdef0123456789abcdef";
	struct limit_key k;
	struct limit *l, *secret, *all;
	char digest[32], text[BOARD_KEY_TEXT], expected[BOARD_KEY_TEXT];
	struct rig r;
	struct addr a;
	uint64_t d;

	rig_open(&r);
	l = rig_limit(&r, (struct conf_limit){ .name = STR("app"), .by = CONF_LIMIT_HEADER,
					       .rate = 1, .period = 1000000, .burst = 1 });
	secret = rig_limit(&r, (struct conf_limit){ .name = STR("who"), .by = CONF_LIMIT_COOKIE,
						    .secret = true, .rate = 1,
						    .period = 1000000, .burst = 1 });
	all = rig_limit(&r, (struct conf_limit){ .name = STR("all"), .by = CONF_LIMIT_ROUTE,
						 .rate = 1, .period = 1000000, .burst = 1 });
	text_is(&r, l, STR("mobile 1.2"), "mobile 1.2");
	snprintf(digest, sizeof(digest), "#%016llx",
		 (unsigned long long)limit_digest(r.board, STR("hunter2")));
	text_is(&r, secret, STR("hunter2"), digest);
	ck_assert(limit_read_digest(str_of(digest), &d));
	ck_assert_uint_eq(d, limit_digest(r.board, STR("hunter2")));
	text_is(&r, all, STR("whatever"), "all");
	snprintf(expected, sizeof(expected), "%.30s#%016llx", key48,
		 (unsigned long long)limit_digest(r.board, str_of(key48)));
	text_is(&r, l, str_of(key48), expected);
	snprintf(expected, sizeof(expected), "a?b#%016llx",
		 (unsigned long long)limit_digest(r.board, STR("a\tb")));
	text_is(&r, l, STR("a\tb"), expected);
	ck_assert(!limit_read_digest(STR("#12"), &d));
	ck_assert(!limit_read_digest(STR("plain"), &d));
	rig_close(&r);
	rig_open(&r);
	l = rig_limit(&r, (struct conf_limit){ .name = STR("n"), .rate = 1, .period = 1000000,
					       .burst = 1, .prefix4 = 24 });
	a = rig_addr("192.0.2.7");
	k = rig_src(&r, l, &a);
	limit_key_text(r.board, &k, text);
	ck_assert_str_eq(text, "192.0.2.0/24");
	a = rig_addr("2001:db8:1:2:3:4:5:6");
	k = rig_src(&r, l, &a);
	limit_key_text(r.board, &k, text);
	ck_assert_str_eq(text, "2001:db8:1:2::/64");
	rig_close(&r);
}
END_TEST

/* ---- slots ---- */

START_TEST(slots_belong_to_names_and_are_given_again_when_all_are_taken)
{
	struct rig r;
	char name[32];
	int first, again;

	rig_open(&r);
	first = board_limit_slot(r.board, STR("a"), STR("x"));
	again = board_limit_slot(r.board, STR("b"), STR("x"));
	ck_assert_int_ne(first, again);
	ck_assert_int_eq(board_limit_slot(r.board, STR("a"), STR("x")), first);
	stats_set(r.board->limits[first].current, BOARD_CURRENT);
	for (unsigned i = 0; i < BOARD_LIMITS - 2; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_ge(board_limit_slot(r.board, STR("a"), str_of(name)), 0);
	}
	ck_assert_int_eq(board_limit_slot(r.board, STR("a"), STR("more")), -1);
	board_limits_forget_prepared(r.board);
	ck_assert_int_ge(board_limit_slot(r.board, STR("a"), STR("more")), 0);
	ck_assert_uint_eq(r.board->limits[first].current, BOARD_CURRENT);
	ck_assert_str_eq(r.board->limits[first].name, "x");
	rig_close(&r);
}
END_TEST

/* ---- the hash ---- */

/* The example of the algorithm's authors, and the first of their vectors. */
START_TEST(keyed_hash_is_siphash)
{
	const uint64_t key[2] = { 0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull };
	char bytes[15];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	ck_assert_uint_eq(hash_keyed(key, STR_NONE), 0x726fdb47dd0e0e31ull);
	ck_assert_uint_eq(hash_keyed(key, (struct str){ bytes, 15 }), 0xa129ca6149be45e5ull);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limit table");
	TCase *bucket = tcase_create("bucket"), *one = tcase_create("one thread");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(bucket, bucket_gives_its_burst_at_once_and_then_one_a_step);
	tcase_add_test(bucket, bucket_is_full_again_after_its_depth_and_no_sooner);
	tcase_add_test(bucket, bucket_is_what_a_counting_bucket_is);
	tcase_add_test(bucket, bucket_says_exactly_how_long_to_wait);
	tcase_add_test(bucket, bucket_under_a_new_rate_owes_no_more_than_its_depth);
	tcase_add_test(bucket, keyed_hash_is_siphash);
	tcase_add_test(one, limit_lets_its_rate_through_over_an_hour_and_not_one_more);
	tcase_add_test(one, limit_counts_each_key_and_each_limit_apart);
	tcase_add_test(one, limit_takes_a_network_for_one_source);
	tcase_add_test(one, limit_of_a_client_without_an_address_counts_all_of_them);
	tcase_add_test(one, peek_takes_nothing);
	tcase_add_test(one, reload_and_a_new_process_find_the_buckets_as_they_were);
	tcase_add_test(one, full_set_gives_away_whom_it_costs_least);
	tcase_add_test(one, entry_whose_bucket_is_full_again_goes_without_loss);
	tcase_add_test(one, flood_of_keys_does_not_free_who_is_refused);
	tcase_add_test(one, connections_are_counted_to_the_last_and_given_back);
	tcase_add_test(one, connections_that_are_told_why_are_few);
	tcase_add_test(one, connections_that_are_forced_count_too);
	tcase_add_test(one, entries_with_connections_are_never_given_away);
	tcase_add_test(one, connections_of_a_dead_process_are_gone);
	tcase_add_test(one, refusals_that_follow_one_another_are_one_story);
	tcase_add_test(one, keys_have_texts_and_secrets_have_digests);
	tcase_add_test(one, slots_belong_to_names_and_are_given_again_when_all_are_taken);
	tcase_set_timeout(one, 60);
	suite_add_tcase(s, bucket);
	suite_add_tcase(s, one);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
