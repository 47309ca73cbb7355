/* What the state machine does beyond the RFCs: demotions, faults, leases, announcements. */
#include "vrrp_rig.h"

static void setup(void)
{
	use(3, SEC, 100);
}

/* --- demotion: make before break --- */

START_TEST(demote_serves_until_another_is_heard)
{
	use_master(2, SEC, 150);
	run(4500 * MS); /* the announcements of the takeover are over */
	says(demote(), "SEND 1, RENEW 2s");
	ck_assert(v.demoting && v.demoted);
	says(run(2450 * MS), "SEND 1, RENEW 2s, SEND 1, RENEW 2s, SEND 1, RENEW 2s");
	says(hear(100, 20),
	     "DELETE, MASTER>BACKUP DEMOTED, OUTCOME TAKEN_OVER 10.9.0.20");
	ck_assert(!v.demoting && v.demoted);
	ck_assert_uint_eq(v.due[VROUTER_T_DEMOTE], TIMES_NEVER);
}
END_TEST

START_TEST(demoted_does_not_come_back)
{
	use_master(3, 100 * MS, 150);
	run(SEC);
	demote();
	hear(100, 20);
	for (unsigned i = 0; i < 1000; i++) {
		says(run(100 * MS), "");
		says(hear(2, 20), "");
	}
	says(promote(), "OUTCOME PROMOTED");
	hear(2, 20);
	says(fire(), "SEND 150, ADD 1s, ANNOUNCE 1, BACKUP>MASTER PREEMPTED");
}
END_TEST

START_TEST(demoted_holds_what_nobody_else_does)
{
	use_master(3, 100 * MS, 150);
	run(SEC);
	demote();
	hear(100, 20);
	says(fire(), "SEND 1, ADD 1s, ANNOUNCE 1, BACKUP>MASTER MASTER_SILENT");
	ck_assert(v.demoted && !v.demoting);
	says(hear(2, 20), "DELETE, MASTER>BACKUP DEMOTED"); /* to any other claimant */
}
END_TEST

START_TEST(demote_takes_it_back_when_nobody_takes_over)
{
	use_master(3, 100 * MS, 150);
	run(5 * SEC);
	demote();
	ck_assert_uint_eq(count_of(run(1399 * MS), "SEND 1"), 14);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
	says(run(1 * MS), "SEND 150, OUTCOME NOT_TAKEN");
	ck_assert(!v.demoted && !v.demoting);
	ck_assert(!vrouter_outcome_done(VROUTER_OUTCOME_NOT_TAKEN));
	ck_assert_uint_eq(count_of(run(SEC), "SEND 150"), 10);
}
END_TEST

START_TEST(demote_by_force_resigns)
{
	use_master(3, SEC, 150);
	says(tell(.what = VROUTER_DEMOTE, .demote = { .force = true }),
	     "SEND 0, DELETE, MASTER>BACKUP RESIGNED, OUTCOME RESIGNED");
	ck_assert_uint_eq(v.armed - now, times_down(3, 1, SEC));
	says(fire(), "SEND 1, ADD 2s, ANNOUNCE 1, BACKUP>MASTER NO_MASTER");
}
END_TEST

START_TEST(demote_by_force_while_it_waits)
{
	use_master(3, SEC, 150);
	demote();
	says(tell(.what = VROUTER_DEMOTE, .demote = { .force = true }),
	     "SEND 0, DELETE, MASTER>BACKUP RESIGNED, OUTCOME RESIGNED");
}
END_TEST

START_TEST(demote_of_others)
{
	use_backup(3, SEC, 150);
	says(demote(), "OUTCOME NOT_MASTER");
	says(demote(), "OUTCOME ALREADY");
	ck_assert_uint_eq(vrouter_priority(&v), 1);
	use_backup(3, SEC, 150);
	fault(LINK);
	says(demote(), "OUTCOME NOT_MASTER");
	use_master(3, SEC, 150);
	demote();
	says(demote(), "OUTCOME ALREADY");
	use_master(3, SEC, 150);
	demote();
	hear(200, 20);
	fire();
	says(demote(), "OUTCOME HOLDS_ALONE");
}
END_TEST

START_TEST(demote_for_a_time)
{
	use_master(3, SEC, 150);
	run(SEC);
	tell(.what = VROUTER_DEMOTE, .demote = { .until = now + 60 * SEC });
	hear(100, 20);
	for (unsigned i = 0; i < 59; i++) {
		says(run(SEC), "");
		says(hear(100, 20), "");
	}
	says(run(SEC), "NOTE DEMOTION_OVER");
	says(hear(100, 20), "");
	ck_assert_int_eq(v.claim, VROUTER_WHY_PREEMPTED);
}
END_TEST

START_TEST(demotion_survives_a_crash)
{
	uint64_t until = now + 60 * SEC;

	says(tell(.what = VROUTER_START, .start = { .adopt = true, .last_sent = now,
						    .demoted = true, .demoted_until = until }),
	     "SEND 1, ADD 2s, ANNOUNCE 1, INIT>MASTER ADOPTED");
	ck_assert_uint_eq(v.due[VROUTER_T_DEMOTED_END], until);
	ck_assert_uint_eq(count_of(run(60 * SEC),
				   "SEND 100, RENEW 2s, NOTE DEMOTION_OVER"), 1);
	/* and not a restart of the daemon */
	tell(.what = VROUTER_DEMOTE);
	stop();
	start();
	ck_assert(!v.demoted);
}
END_TEST

START_TEST(demotion_ends_otherwise)
{
	use_master(3, SEC, 150);
	demote();
	says(fault(SCRIPT),
	     "SEND 0, DELETE, MASTER>FAULT FAULT_SCRIPT, OUTCOME ENDED");
	use_master(3, SEC, 150);
	demote();
	says(stop(), "SEND 0, DELETE, MASTER>INIT STOPPED, OUTCOME STOPPED");
	use_master(3, SEC, 150);
	demote();
	now += 10 * SEC;
	says(tell(.what = VROUTER_TIMER), "DELETE, MASTER>BACKUP STALLED, OUTCOME ENDED");
	use_master(3, SEC, 150);
	run(500 * MS);
	demote();
	run(100 * MS);
	says(promote(), "SEND 150, RENEW 2s, OUTCOME PROMOTED");
	says(promote(), "OUTCOME NOT_DEMOTED");
}
END_TEST

START_TEST(demote_hears_a_peer_that_resigns)
{
	use_master(3, SEC, 150);
	run(SEC / 2);
	demote();
	run(SEC / 2);
	says(hear(0, 20), "SEND 1, RENEW 2s");
	ck_assert(v.demoting);
}
END_TEST

/* An old master's advertisement that crossed our claim: it will hear the claim and let go, so
 * nobody would be left. */
START_TEST(demote_while_the_claim_is_under_way)
{
	use_master(3, SEC, 150);
	demote();
	says(hear(100, 20), "ANNOUNCE 1, NOTE TWO_MASTERS 10.9.0.20");
	ck_assert(v.demoting);
	run(50 * MS);
	says(hear(100, 20), "DELETE, MASTER>BACKUP DEMOTED, OUTCOME TAKEN_OVER 10.9.0.20");
	use_master(3, SEC, 150); /* and the same when weights take priority away */
	tell(.what = VROUTER_PRIORITY, .priority = 50);
	hear(100, 20);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
	says(hear(151, 20), "DELETE, MASTER>BACKUP HIGHER_PRIORITY");
}
END_TEST

START_TEST(two_demoted_masters_are_decided_by_the_address)
{
	use_master(3, SEC, 150);
	demote();
	run(SEC / 2);
	says(hear(1, 5), "SEND 1, RENEW 2s, ANNOUNCE 1, NOTE TWO_MASTERS 10.9.0.5");
	says(hear(1, 20), "DELETE, MASTER>BACKUP DEMOTED, OUTCOME TAKEN_OVER 10.9.0.20");
}
END_TEST

/* --- the other side of it --- */

START_TEST(priority_1_is_taken_over_at_once_even_without_preempt)
{
	cfg.preempt = _i;
	start();
	hear(200, 20);
	run(SEC);
	says(hear(1, 20), "");
	ck_assert_uint_le(v.armed - now, 5 * MS);
	says(fire(), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_YIELDED");
}
END_TEST

START_TEST(priority_1_in_the_preempt_delay_and_after_a_stall)
{
	cfg.preempt_delay = 60 * SEC;
	start();
	hear(1, 20); /* the first that is heard at all */
	ck_assert_uint_le(v.armed - now, 5 * MS);
	use_master(3, SEC, 100);
	now += 10 * SEC;
	hear(200, 20);
	ck_assert(v.holds_back);
	hear(1, 20);
	ck_assert_uint_le(v.armed - now, 5 * MS);
}
END_TEST

START_TEST(priority_1_of_another_than_the_master_says_nothing)
{
	uint64_t armed;

	cfg.preempt = _i;
	start();
	hear(200, 20);
	armed = v.armed;
	run(SEC);
	says(hear(1, 30), ""); /* was still on its way when .20 took over */
	ck_assert_uint_eq(v.armed, armed);
	ck_assert(vrrp_ip_eq(&v.master, &(struct vrrp_ip){ 4, { 10, 9, 0, 20 } }));
}
END_TEST

START_TEST(priority_1_is_not_above_a_demoted_node)
{
	use_backup(3, SEC, 100);
	demote();
	hear(1, 20);
	ck_assert_uint_eq(v.armed - now, down());
}
END_TEST

START_TEST(the_higher_takes_over_first)
{
	for (unsigned p = 2; p < 255; p++) {
		ck_assert_uint_gt(times_yield((uint8_t)p), times_yield((uint8_t)(p + 1)));
		ck_assert_uint_lt(times_yield((uint8_t)p), 5100);
	}
}
END_TEST

/* --- faults --- */

struct fault_case {
	enum vrouter_fault fault;
	const char *name;
	bool sends, returns_late;
};

static const struct fault_case fault_cases[] = {
	{ VROUTER_FAULT_INTERFACE, "FAULT_INTERFACE", false, true },
	{ VROUTER_FAULT_LINK, "FAULT_LINK", false, true },
	{ VROUTER_FAULT_SOURCE, "FAULT_SOURCE", false, true },
	{ VROUTER_FAULT_TRACKED_INTERFACE, "FAULT_TRACKED_INTERFACE", true, true },
	{ VROUTER_FAULT_SCRIPT, "FAULT_SCRIPT", true, false },
	{ VROUTER_FAULT_PROXY, "FAULT_PROXY", true, false },
	{ VROUTER_FAULT_ADDRESS, "FAULT_ADDRESS", true, true },
	{ VROUTER_FAULT_CONFLICT, "FAULT_CONFLICT", true, false },
};

START_TEST(fault_of_a_master)
{
	const struct fault_case *c = &fault_cases[_i];
	char want[128];

	use_master(3, SEC, 100);
	snprintf(want, sizeof(want), "%sDELETE, MASTER>FAULT %s", c->sends ? "SEND 0, " : "",
		 c->name);
	says(tell(.what = VROUTER_FAULT_ON, .faults = c->fault), want);
	says(run(10 * SEC), "");
	says(hear(0, 20), "");
	says(tell(.what = VROUTER_FAULT_OFF, .faults = c->fault),
	     c->returns_late ? "FAULT>FAULT WAITS" : "FAULT>BACKUP FIT");
	if (c->returns_late) {
		says(run(5 * SEC - 1), "");
		says(run(1), "FAULT>BACKUP FIT");
	}
	ck_assert_uint_eq(v.armed, now + down());
}
END_TEST

START_TEST(fault_of_a_backup)
{
	use_backup(3, SEC, 100);
	says(fault(PROXY), "BACKUP>FAULT FAULT_PROXY");
	says(fault(PROXY), "");
	says(fault(SCRIPT), "");
	says(no_fault(PROXY), "");
	says(no_fault(PROXY), "");
	says(no_fault(SCRIPT), "FAULT>BACKUP FIT");
}
END_TEST

START_TEST(several_faults_at_once_say_the_gravest)
{
	use_master(3, SEC, 100);
	says(tell(.what = VROUTER_FAULT_ON,
		  .faults = VROUTER_FAULT_PROXY | VROUTER_FAULT_LINK),
	     "DELETE, MASTER>FAULT FAULT_LINK");
	says(no_fault(LINK), "");
	says(run(20 * SEC), ""); /* the wait is over when the proxy is back */
	says(no_fault(PROXY), "FAULT>BACKUP FIT");
}
END_TEST

START_TEST(an_owner_comes_back_as_master)
{
	use(3, SEC, 255);
	start();
	fault(PROXY);
	says(no_fault(PROXY), "SEND 255, ADD 2s, ANNOUNCE 1, FAULT>MASTER OWNER");
}
END_TEST

/* While another node is master. */
static uint64_t wait_after_flap(void)
{
	uint64_t from;

	fault(LINK);
	run(100 * MS);
	no_fault(LINK);
	from = now;
	ck_assert_int_eq(v.state, VROUTER_FAULT);
	while (v.state == VROUTER_FAULT) {
		hear(200, 20);
		run(SEC);
	}
	ck_assert_int_eq(v.state, VROUTER_BACKUP);
	return now - from;
}

START_TEST(f11_a_flapping_link_waits_longer_each_time)
{
	static const uint64_t waits[] = { 5, 10, 20, 40, 60, 60, 60 };

	use_backup(3, SEC, 100);
	for (unsigned i = 0; i < LEN(waits); i++)
		ck_assert_uint_eq(wait_after_flap(), waits[i] * SEC);
	run(119 * SEC - 59 * SEC);
	hear(200, 20);
	ck_assert_uint_eq(wait_after_flap(), 5 * SEC); /* it made good */
}
END_TEST

START_TEST(f11_a_flap_during_the_wait)
{
	use_backup(3, SEC, 100);
	fault(LINK);
	says(no_fault(LINK), "FAULT>FAULT WAITS");
	says(run(4 * SEC), "");
	says(fault(LINK), "FAULT>FAULT FAULT_LINK");
	says(run(10 * SEC), "");
	says(no_fault(LINK), "FAULT>FAULT WAITS");
	says(run(4900 * MS), "");
	says(hear(200, 20), "");
	says(run(4900 * MS), "");
	says(hear(200, 20), "");
	says(run(200 * MS - 1), "");
	says(run(1), "FAULT>BACKUP FIT");
}
END_TEST

/* A switch that starts again takes the link from all nodes. */
START_TEST(f11_the_wait_is_no_longer_when_nobody_serves)
{
	use_backup(3, SEC, 100);
	for (unsigned i = 0; i < 5; i++) {
		fault(LINK);
		says(no_fault(LINK), "FAULT>FAULT WAITS");
	}
	says(run(SEC), "");
	says(hear(200, 20), "");
	says(run(5 * SEC - 1), "");
	says(run(1), "FAULT>BACKUP FIT");
	says(run(down()), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER NO_MASTER");
	/* A master that speaks rarely is heard rarely. */
	use(3, 10 * SEC, 100);
	start();
	fault(LINK);
	no_fault(LINK);
	fault(LINK);
	no_fault(LINK);
	fault(LINK);
	no_fault(LINK);
	fault(LINK);
	no_fault(LINK);
	says(run(down() - 1), "");
	says(run(1), "FAULT>BACKUP FIT");
}
END_TEST

START_TEST(f11_the_wait_ends_when_the_master_leaves)
{
	use_backup(3, SEC, 100);
	fault(LINK);
	no_fault(LINK);
	says(hear(200, 20), "");
	says(hear(2, 20), "");
	says(hear(1, 20), "FAULT>BACKUP FIT");
	says(fire(), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_YIELDED");
}
END_TEST

START_TEST(f12_the_link_settles_at_boot)
{
	cfg.settle = 30 * SEC;
	says(start(), "DELETE, INIT>INIT SETTLING");
	says(run(30 * SEC - 1), "");
	says(run(1), "INIT>BACKUP STARTED");
	ck_assert_uint_eq(v.armed, now + down());
}
END_TEST

START_TEST(f12_the_link_was_proved)
{
	cfg.settle = 30 * SEC;
	start();
	run(SEC);
	says(tell(.what = VROUTER_SETTLED), "INIT>BACKUP STARTED");
	says(tell(.what = VROUTER_SETTLED), "");
	use(3, SEC, 100);
	cfg.settle = 30 * SEC;
	start();
	says(hear(200, 20), "INIT>BACKUP STARTED"); /* what is heard proves it too */
	ck_assert_uint_eq(v.master_priority, 200);
}
END_TEST

START_TEST(f12_the_link_comes_up_first_after_boot)
{
	cfg.settle = 30 * SEC;
	fault(LINK);
	says(start(), "DELETE, INIT>FAULT FAULT_LINK");
	run(100 * SEC);
	says(no_fault(LINK), "FAULT>INIT SETTLING");
	says(fault(LINK), "INIT>FAULT FAULT_LINK");
	says(no_fault(LINK), "FAULT>INIT SETTLING");
	says(fire(), "INIT>BACKUP STARTED");
}
END_TEST

/* --- sending that fails --- */

START_TEST(a_failed_send_renews_nothing)
{
	use_master(3, SEC, 100);
	run(10 * SEC);
	says(fire(), "SEND 100, RENEW 2s");
	says(send_failed(), "NOTE CANNOT_SEND");
	says(fire(), "SEND 100, RENEW 2s");
	says(send_failed(), "");
	says(fire(), "SEND 100, RENEW 2s"); /* this one goes out */
	run(10 * SEC);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}
END_TEST

START_TEST(a_failed_send_renews_with_the_next)
{
	use_master(3, 100 * MS, 100);
	run(5 * SEC);
	while (count_of(fire(), "RENEW") == 0)
		continue;
	send_failed();
	ck_assert_uint_eq(count_of(fire(), "SEND 100, RENEW 1s"), 1);
}
END_TEST

START_TEST(who_cannot_send_keeps_away)
{
	use_master(3, SEC, 100);
	for (unsigned i = 0; i < 3; i++) {
		says(send_failed(), i ? "" : "NOTE CANNOT_SEND");
		while (count_of(fire(), "SEND") == 0)
			continue;
	}
	send_failed();
	run(100 * MS); /* the announcement there may be */
	now = v.due[VROUTER_T_ADVERT];
	says(tell(.what = VROUTER_TIMER), "DELETE, MASTER>FAULT CANNOT_SEND");
	says(run(5 * SEC), "FAULT>BACKUP FIT");
	says(fire(), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER NO_MASTER");
	says(send_failed(), "");
}
END_TEST

/* --- addresses that somebody else takes away --- */

START_TEST(f10_a_lost_address_is_put_back_at_once)
{
	use_master(3, SEC, 100);
	run(10 * SEC);
	now += 300 * MS;
	says(lost(), "NOTE ADDRESS_LOST, SEND 100, ADD 2s, ANNOUNCE 1");
	ck_assert_int_eq(v.state, VROUTER_MASTER);
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], times_next_beat(SEC, now));
	ck_assert_uint_eq(v.due[VROUTER_T_ANNOUNCE], now + 50 * MS);
}
END_TEST

START_TEST(f10_ten_addresses_at_once_are_one_loss)
{
	use_master(3, SEC, 100);
	run(10 * SEC);
	ck_assert_uint_eq(count_of(lost(), "ADD 2s"), 1);
	for (unsigned i = 1; i < 10; i++)
		says(lost(), "");
	says(run(5 * MS), "SEND 100, ADD 2s, ANNOUNCE 1");
	ck_assert_uint_eq(count_of(run(10 * SEC), "ADD"), 0);
}
END_TEST

/* Whoever deletes as fast as we add does not make us flood the wire. */
START_TEST(f10_a_fast_fight)
{
	unsigned added = 0, sent = 0;

	use_master(3, SEC, 100);
	run(10 * SEC);
	for (unsigned i = 0; i < 10000; i++) {
		const char *did = lost();

		added += count_of(did, "ADD");
		sent += count_of(did, "SEND");
		did = run(MS);
		added += count_of(did, "ADD");
		sent += count_of(did, "SEND");
	}
	ck_assert_uint_ge(added, 180);
	ck_assert_uint_le(added, 220);
	ck_assert_uint_le(sent, added + 11);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}
END_TEST

START_TEST(f10_a_fight)
{
	use_master(3, SEC, 100);
	run(10 * SEC);
	ck_assert_uint_eq(count_of(lost(), "FIGHT"), 0);
	run(2 * SEC);
	ck_assert_uint_eq(count_of(lost(), "FIGHT"), 0);
	run(2 * SEC);
	ck_assert_uint_eq(count_of(lost(), "FIGHT"), 1);
	run(2 * SEC);
	ck_assert_uint_eq(count_of(lost(), "FIGHT"), 0);
	use_backup(3, SEC, 100);
	says(lost(), "");
}
END_TEST

/* --- the lease --- */

struct lease_case {
	uint64_t interval;
	unsigned lifetime_s;
	uint64_t renewed_every;
};

static const struct lease_case lease_cases[] = {
	{ 10 * MS, 1, 250 * MS },   { 100 * MS, 1, 300 * MS },	{ 200 * MS, 1, 400 * MS },
	{ 250 * MS, 1, 250 * MS },  { 500 * MS, 1, 500 * MS },	{ 510 * MS, 2, 510 * MS },
	{ 1000 * MS, 2, SEC },	    { 1500 * MS, 2, 1500 * MS }, { 40950 * MS, 42, 40950 * MS },
};

/* Renewed only together with an advertisement, and long before it ends. */
START_TEST(lease_is_renewed_with_adverts_only)
{
	const struct lease_case *c = &lease_cases[_i];
	uint64_t last, gap;
	unsigned renewed = 0;

	use_master(3, c->interval, 100);
	run(5 * c->interval + 5 * SEC);
	last = v.renewed;
	while (renewed < 50) {
		const char *did = fire();

		if (!strstr(did, "RENEW"))
			continue;
		ck_assert_uint_eq(count_of(did, "SEND 100, RENEW"), 1);
		gap = now - last;
		last = now;
		ck_assert_uint_eq(gap, c->renewed_every);
		renewed++;
	}
	ck_assert_uint_eq(times_lease(c->interval), c->lifetime_s);
}
END_TEST

/* --- announcements --- */

static const char *announcements(uint64_t us)
{
	static char text[2048];
	uint64_t from = now;
	size_t n = 0;

	text[0] = 0;
	while (v.armed <= from + us) {
		unsigned count = count_of(fire(), "ANNOUNCE");

		ck_assert_uint_le(count, 1);
		if (count)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llu", n ? " " : "",
					      (unsigned long long)((now - from) / MS));
	}
	return text;
}

struct announce_case {
	struct times_announce how;
	const char *first, *then; /* ms */
};

static const struct announce_case announce_cases[] = {
	{ { .count = 1 }, "ANNOUNCE 1", "50 250 1000 2500" },
	{ { .count = 0 }, "ANNOUNCE 1", "50 250 1000 2500" },
	{ { .count = 5 }, "ANNOUNCE 5", "50 250 1000 2500" },
	{ { .count = 3, .interval = 100 * MS }, "ANNOUNCE 1", "50 100 200 250 1000 2500" },
	{ { .count = 3, .interval = 50 * MS }, "ANNOUNCE 1", "50 100 250 1000 2500" },
	{ { .count = 4, .interval = SEC }, "ANNOUNCE 1", "50 250 1000 2000 2500 3000" },
};

START_TEST(announcements_of_a_new_master)
{
	const struct announce_case *c = &announce_cases[_i];

	cfg.announce = c->how;
	start();
	ck_assert_uint_eq(count_of(fire(), c->first), 1);
	says(announcements(300 * SEC), c->then);
}
END_TEST

START_TEST(announcements_are_refreshed)
{
	uint64_t last = 0;
	unsigned differ = 0;

	cfg.announce = (struct times_announce){ .count = 1, .refresh = 60 * SEC };
	start();
	fire();
	announcements(3 * SEC);
	last = now;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t gap;

		while (!strstr(fire(), "ANNOUNCE"))
			continue;
		gap = now - last;
		last = now;
		ck_assert(i == 0 || (gap >= 54 * SEC && gap <= 66 * SEC));
		differ += gap > 61 * SEC || gap < 59 * SEC;
	}
	ck_assert_uint_gt(differ, 50);
}
END_TEST

START_TEST(announcements_that_are_late_come_once)
{
	cfg.format.interval = 40 * SEC;
	start();
	fire();
	now += 600 * MS;
	ck_assert_uint_eq(count_of(tell(.what = VROUTER_TIMER), "ANNOUNCE 1"), 1);
	ck_assert_uint_eq(v.due[VROUTER_T_ANNOUNCE], v.announce_from + SEC);
}
END_TEST

static TCase *demote_case(void)
{
	TCase *t = tcase_create("demotion");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, demote_serves_until_another_is_heard);
	tcase_add_test(t, demoted_does_not_come_back);
	tcase_add_test(t, demoted_holds_what_nobody_else_does);
	tcase_add_test(t, demote_takes_it_back_when_nobody_takes_over);
	tcase_add_test(t, demote_by_force_resigns);
	tcase_add_test(t, demote_by_force_while_it_waits);
	tcase_add_test(t, demote_of_others);
	tcase_add_test(t, demote_for_a_time);
	tcase_add_test(t, demotion_survives_a_crash);
	tcase_add_test(t, demotion_ends_otherwise);
	tcase_add_test(t, demote_hears_a_peer_that_resigns);
	tcase_add_test(t, demote_while_the_claim_is_under_way);
	tcase_add_test(t, two_demoted_masters_are_decided_by_the_address);
	tcase_add_loop_test(t, priority_1_is_taken_over_at_once_even_without_preempt, 0, 2);
	tcase_add_test(t, priority_1_in_the_preempt_delay_and_after_a_stall);
	tcase_add_loop_test(t, priority_1_of_another_than_the_master_says_nothing, 0, 2);
	tcase_add_test(t, priority_1_is_not_above_a_demoted_node);
	tcase_add_test(t, the_higher_takes_over_first);
	return t;
}

static TCase *fault_case(void)
{
	TCase *t = tcase_create("faults");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, fault_of_a_master, 0, LEN(fault_cases));
	tcase_add_test(t, fault_of_a_backup);
	tcase_add_test(t, several_faults_at_once_say_the_gravest);
	tcase_add_test(t, an_owner_comes_back_as_master);
	tcase_add_test(t, f11_a_flapping_link_waits_longer_each_time);
	tcase_add_test(t, f11_a_flap_during_the_wait);
	tcase_add_test(t, f11_the_wait_is_no_longer_when_nobody_serves);
	tcase_add_test(t, f11_the_wait_ends_when_the_master_leaves);
	tcase_add_test(t, f12_the_link_settles_at_boot);
	tcase_add_test(t, f12_the_link_was_proved);
	tcase_add_test(t, f12_the_link_comes_up_first_after_boot);
	tcase_add_test(t, a_failed_send_renews_nothing);
	tcase_add_test(t, a_failed_send_renews_with_the_next);
	tcase_add_test(t, who_cannot_send_keeps_away);
	tcase_add_test(t, f10_a_lost_address_is_put_back_at_once);
	tcase_add_test(t, f10_ten_addresses_at_once_are_one_loss);
	tcase_add_test(t, f10_a_fast_fight);
	tcase_add_test(t, f10_a_fight);
	return t;
}

static TCase *time_case(void)
{
	TCase *t = tcase_create("leases and announcements");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, lease_is_renewed_with_adverts_only, 0, LEN(lease_cases));
	tcase_add_loop_test(t, announcements_of_a_new_master, 0, LEN(announce_cases));
	tcase_add_test(t, announcements_are_refreshed);
	tcase_add_test(t, announcements_that_are_late_come_once);
	return t;
}

int main(void)
{
	Suite *s = suite_create("vrrp service");
	SRunner *runner;
	int failed;

	suite_add_tcase(s, demote_case());
	suite_add_tcase(s, fault_case());
	suite_add_tcase(s, time_case());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
