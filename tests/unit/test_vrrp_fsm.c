/* The state machine by the rules of RFC 3768, 5798 and 9568, each test with its rule's number. */
#include "vrrp_rig.h"

static void setup(void)
{
	use(3, SEC, 100);
}

/* --- adverts --- */

START_TEST(r17_adverts_every_interval)
{
	use_master(3, 100 * MS, 100);
	ck_assert_uint_eq(count_of(run(10 * SEC), "SEND 100"), 100);
	use_master(2, SEC, 100);
	ck_assert_uint_eq(count_of(run(100 * SEC), "SEND 100"), 100);
}
END_TEST

/* Wake-ups that are late do not add up. */
START_TEST(r17_the_beat_does_not_drift)
{
	uint64_t from;
	unsigned sent = 0;

	use_master(3, 100 * MS, 100);
	from = now;
	while (now < from + 10 * SEC) {
		now = v.armed + 7 * MS;
		sent += count_of(tell(.what = VROUTER_TIMER), "SEND 100");
	}
	ck_assert_uint_ge(sent, 99);
	ck_assert_uint_le(sent, 101);
}
END_TEST

START_TEST(r17_only_a_master_sends)
{
	use_backup(3, SEC, 100);
	for (unsigned i = 0; i < 10; i++) {
		says(run(SEC), "");
		says(hear(200, 20), "");
	}
}
END_TEST

START_TEST(a_timer_that_is_early_changes_nothing)
{
	struct vrouter before;
	uint64_t armed;

	use_backup(3, SEC, 100);
	armed = v.armed;
	now = armed - 1;
	before = v;
	says(tell(.what = VROUTER_TIMER), "");
	ck_assert_uint_eq(plan.n, 1); /* set again */
	ck_assert_int_eq(plan.actions[0].act, VROUTER_ARM);
	ck_assert_uint_eq(plan.actions[0].at, armed);
	ck_assert_int_eq(memcmp(&before, &v, sizeof(v)), 0);
}
END_TEST

/* --- start --- */

START_TEST(r49_owner_is_master_at_once)
{
	use(3, SEC, 255);
	cfg.settle = 30 * SEC;
	says(start(), "DELETE, SEND 255, ADD 2s, ANNOUNCE 1, INIT>MASTER OWNER");
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], now + SEC);
}
END_TEST

START_TEST(r50_others_listen)
{
	says(start(), "DELETE, INIT>BACKUP STARTED");
	ck_assert_uint_eq(v.armed, now + down());
	says(run(down() - 1), "");
	says(run(1), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER NO_MASTER");
}
END_TEST

START_TEST(events_before_start_say_how_things_stand)
{
	says(fault(LINK), "");
	says(tell(.what = VROUTER_PRIORITY, .priority = 90), "");
	says(hear(200, 20), "");
	says(run(100 * SEC), "");
	says(start(), "DELETE, INIT>FAULT FAULT_LINK");
	ck_assert_uint_eq(vrouter_priority(&v), 90);
}
END_TEST

/* --- backup --- */

START_TEST(r43_claims_when_the_master_is_silent)
{
	use_backup(2, SEC, 100);
	run(300 * MS);
	hear(200, 20);
	says(run(3609 * MS), "");
	says(run(1 * MS), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_SILENT");
	ck_assert_uint_eq(v.master.size, 0);
}
END_TEST

START_TEST(r44_at_start_the_own_interval_counts)
{
	use(3, 300 * MS, 128);
	start();
	ck_assert_uint_eq(v.armed - now, 3 * 300 * MS + 150 * MS);
}
END_TEST

START_TEST(r45_adopts_the_interval_of_the_master)
{
	use(3, SEC, 128);
	start();
	hear_interval(200, 20, 100 * MS);
	ck_assert_uint_eq(v.armed - now, 350 * MS);
	hear_interval(200, 20, 2 * SEC);
	ck_assert_uint_eq(v.armed - now, 7 * SEC);
}
END_TEST

START_TEST(r46_adopts_it_from_the_winner_too)
{
	use_master(3, SEC, 128);
	says(hear_interval(200, 20, 100 * MS), "DELETE, MASTER>BACKUP HIGHER_PRIORITY");
	ck_assert_uint_eq(v.armed - now, 350 * MS);
}
END_TEST

START_TEST(r47_as_master_the_own_interval_counts_again)
{
	use(3, SEC, 128);
	start();
	hear_interval(200, 20, 100 * MS);
	says(fire(), "SEND 128, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_SILENT");
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], times_next_beat(SEC, now));
	ck_assert_uint_eq(v.master_interval, SEC);
}
END_TEST

START_TEST(r51_resignation_starts_the_skew_time)
{
	use_backup(2, SEC, 192);
	says(hear(0, 30), ""); /* whoever sent it; but the master is still known */
	ck_assert_uint_eq(v.armed - now, 250 * MS);
	ck_assert_uint_eq(v.master_priority, 200);
	ck_assert_uint_eq(v.master.size, 4);
	says(hear(0, 20), "");
	ck_assert_uint_eq(v.armed - now, 250 * MS);
	ck_assert_uint_eq(v.master.size, 0);
	says(fire(), "SEND 192, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_RESIGNED");
	use(3, SEC, 128);
	start();
	hear_interval(200, 20, 100 * MS);
	hear_interval(0, 20, 100 * MS);
	ck_assert_uint_eq(v.armed - now, 50 * MS);
}
END_TEST

START_TEST(r51_repeated_resignations_do_not_delay)
{
	use_backup(2, SEC, 192);
	hear(0, 20);
	for (unsigned i = 0; i < 24; i++) {
		says(run(10 * MS), "");
		says(hear(0, 20), "");
	}
	says(run(10 * MS), "SEND 192, ADD 2s, ANNOUNCE 1, BACKUP>MASTER MASTER_RESIGNED");
}
END_TEST

START_TEST(r52_equal_priority_is_followed)
{
	use(3, SEC, 100);
	start();
	run(SEC);
	hear(100, 5); /* a lower address: in Backup nobody compares */
	ck_assert_uint_eq(v.armed - now, down());
	ck_assert(vrrp_ip_eq(&v.master, &(struct vrrp_ip){ 4, { 10, 9, 0, 5 } }));
}
END_TEST

START_TEST(r52_without_preempt_a_lower_one_is_followed)
{
	cfg.preempt = false;
	start();
	for (unsigned i = 0; i < 20; i++) {
		says(run(SEC), "");
		says(hear(50, 20), "");
	}
	ck_assert_int_eq(v.state, VROUTER_BACKUP);
	ck_assert_uint_eq(v.master_priority, 50);
}
END_TEST

START_TEST(r53_with_preempt_the_timer_runs_on)
{
	uint64_t due;

	start();
	due = v.armed;
	run(SEC);
	says(hear(50, 20), "");
	run(SEC);
	says(hear(50, 20), "");
	ck_assert_uint_eq(v.armed, due);
	ck_assert_uint_eq(v.master_interval, SEC);
	ck_assert_uint_eq(v.master.size, 0);
	says(fire(), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER PREEMPTED");
}
END_TEST

START_TEST(preempt_delay)
{
	cfg.preempt_delay = 10 * SEC;
	start();
	for (unsigned i = 0; i < 10; i++) {
		says(run(SEC), "");
		says(hear(50, 20), "");
	}
	/* seen for 9 s; at 10 s and later it is no longer followed */
	says(run(SEC), "");
	says(hear(50, 20), "");
	says(run(SEC), "");
	says(hear(50, 20), "");
	ck_assert_int_eq(v.claim, VROUTER_WHY_PREEMPTED);
	says(fire(), "SEND 100, ADD 2s, ANNOUNCE 1, BACKUP>MASTER PREEMPTED");
}
END_TEST

START_TEST(preempt_delay_begins_again_with_a_better_master)
{
	cfg.preempt_delay = 10 * SEC;
	start();
	hear(50, 20);
	run(SEC);
	hear(200, 30);
	ck_assert_uint_eq(v.preempt_at, 0);
	run(SEC);
	hear(50, 20);
	ck_assert_uint_eq(v.preempt_at, now + 10 * SEC);
}
END_TEST

START_TEST(r54_announces_what_it_holds)
{
	cfg.announce = (struct times_announce){ .count = 5 };
	start();
	says(run(down()), "SEND 100, ADD 2s, ANNOUNCE 5, BACKUP>MASTER NO_MASTER");
}
END_TEST

/* --- master --- */

START_TEST(r55_answers_a_resignation)
{
	use_master(3, SEC, 100);
	run(300 * MS);
	says(hear(0, 20), "SEND 100, RENEW 2s");
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], times_next_beat(SEC, now));
}
END_TEST

START_TEST(r55_a_flood_of_resignations_is_answered_at_a_bounded_rate)
{
	unsigned sent = 0;

	use_master(3, SEC, 100);
	for (unsigned i = 0; i < 10000; i++) {
		sent += count_of(run(100), "SEND 100");
		sent += count_of(hear(0, 20), "SEND 100");
	}
	ck_assert_uint_ge(sent, 90);
	ck_assert_uint_le(sent, 110);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}
END_TEST

/* However short a backup's skew time after a resignation is, it hears the master in time. */
START_TEST(r55_the_answer_is_never_dropped)
{
	use_master(2, SEC, 100);
	run_to(v.due[VROUTER_T_ADVERT]); /* sent just now */
	says(hear(0, 20), "");
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], now + 10 * MS);
	ck_assert_uint_eq(count_of(run(10 * MS), "SEND 100"), 1);
}
END_TEST

START_TEST(r56_gives_way_to_a_higher_priority)
{
	use_master(3, SEC, 100);
	run(SEC);
	says(hear(101, 5), "DELETE, MASTER>BACKUP HIGHER_PRIORITY");
	ck_assert_uint_eq(v.armed, now + down());
	ck_assert_uint_eq(v.master_priority, 101);
}
END_TEST

struct tie {
	unsigned other;
	bool gives_way;
};

static const struct tie ties[] = { { 9, false }, { 11, true }, { 255, true }, { 1, false } };

START_TEST(r57_a_tie_is_decided_by_the_address)
{
	use_master(3, SEC, 100);
	run(SEC / 2);
	says(hear(100, ties[_i].other),
	     ties[_i].gives_way ? "DELETE, MASTER>BACKUP HIGHER_ADDRESS" :
	     ties[_i].other == 9 ? "SEND 100, RENEW 2s, ANNOUNCE 1, NOTE TWO_MASTERS 10.9.0.9" :
				   "SEND 100, RENEW 2s, ANNOUNCE 1, NOTE TWO_MASTERS 10.9.0.1");
}
END_TEST

START_TEST(r57_addresses_of_ipv6_compare_as_128_bits)
{
	static const uint8_t low[16] = { 0xfe, 0x80, [14] = 1, [15] = 0xff };
	static const uint8_t high[16] = { 0xfe, 0x80, [14] = 2, [15] = 0 };
	struct vrrp_advert a = { .priority = 100, .interval = SEC, .source = vrrp_ip_v6(high) };

	use_master(3, SEC, 100);
	tell(.what = VROUTER_SOURCE, .source = vrrp_ip_v6(low));
	says(tell(.what = VROUTER_ADVERT, .advert = &a), "DELETE, MASTER>BACKUP HIGHER_ADDRESS");
	use_master(3, SEC, 100);
	run(SEC / 2);
	a.source = vrrp_ip_v6(low);
	tell(.what = VROUTER_SOURCE, .source = vrrp_ip_v6(high));
	says(tell(.what = VROUTER_ADVERT, .advert = &a),
	     "SEND 100, RENEW 2s, ANNOUNCE 1, NOTE TWO_MASTERS fe80::1ff");
}
END_TEST

START_TEST(r58_answers_a_lower_master_at_once)
{
	use_master(3, SEC, 100);
	run(SEC / 2);
	says(hear(50, 20), "SEND 100, RENEW 2s, ANNOUNCE 1, NOTE TWO_MASTERS 10.9.0.20");
	ck_assert(vrrp_ip_eq(&v.rival, &(struct vrrp_ip){ 4, { 10, 9, 0, 20 } }));
	ck_assert_uint_eq(v.rival_heard, now);
}
END_TEST

START_TEST(r58_at_most_ten_answers_an_interval)
{
	unsigned sent = 0;

	use_master(3, SEC, 100);
	for (unsigned i = 0; i < 100000; i++) {
		sent += count_of(run(100), "SEND 100");
		sent += count_of(hear(50, 20), "SEND 100");
	}
	ck_assert_uint_ge(sent, 95);
	ck_assert_uint_le(sent, 105);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}
END_TEST

/* 1, 2, 4, 8, then every 10 s, for as long as the other does not hear us. */
START_TEST(r58_announcements_in_a_quarrel_become_rare)
{
	unsigned announced = 0;

	use_master(3, SEC, 100);
	run(5 * SEC); /* those of the takeover are over */
	for (unsigned i = 0; i < 1000; i++) {
		run(100 * MS);
		announced += count_of(hear(50, 20), "ANNOUNCE");
	}
	ck_assert_uint_ge(announced, 11);
	ck_assert_uint_le(announced, 14);
	run(20 * SEC);
	ck_assert_uint_eq(count_of(hear(50, 20), "ANNOUNCE"), 1);
	run(SEC);
	ck_assert_uint_eq(count_of(hear(50, 20), "ANNOUNCE"), 1);
	run(SEC);
	ck_assert_uint_eq(count_of(hear(50, 20), "ANNOUNCE"), 0);
}
END_TEST

/* F18: it lets go without a word when it hears us, and neighbours that spoke with it go on so. */
START_TEST(f18_announces_when_a_quarrel_is_over)
{
	use_master(3, 100 * MS, 100);
	run(5 * SEC);
	for (unsigned i = 0; i < 200; i++) {
		run(100 * MS);
		hear(50, 20);
	}
	ck_assert_uint_eq(count_of(run(300 * MS), "ANNOUNCE"), 0);
	ck_assert_uint_eq(count_of(run(1 * MS), "ANNOUNCE"), 1);
	/* Or it died, and its lease is over now. */
	ck_assert_uint_eq(count_of(run(1499 * MS), "ANNOUNCE"), 0);
	ck_assert_uint_eq(count_of(run(1 * MS), "ANNOUNCE"), 1);
	ck_assert_uint_eq(count_of(run(20 * SEC), "ANNOUNCE"), 0);
}
END_TEST

/* Whoever sends such a packet now and then makes us send no more than before. */
START_TEST(f18_announces_no_faster_for_one_that_comes_and_goes)
{
	unsigned announced = 0;

	use_master(3, 10 * MS, 100);
	for (unsigned i = 0; i < 50; i++)
		run(100 * MS);
	for (unsigned i = 0; i < 200; i++) {
		announced += count_of(hear(50, 20), "ANNOUNCE");
		announced += count_of(run(50 * MS), "ANNOUNCE");
	}
	ck_assert_uint_le(announced, 21);
}
END_TEST

START_TEST(r35_two_owners_are_decided_by_the_election)
{
	use(3, SEC, 255);
	start();
	run(SEC / 2);
	says(hear(255, 5), "SEND 255, RENEW 2s, ANNOUNCE 1, NOTE TWO_OWNERS 10.9.0.5");
	says(hear(255, 11), "DELETE, MASTER>BACKUP HIGHER_ADDRESS");
}
END_TEST

START_TEST(r59_a_master_resigns_when_it_stops)
{
	use_master(3, SEC, 100);
	says(stop(), "SEND 0, DELETE, MASTER>INIT STOPPED");
	ck_assert_uint_eq(v.armed, TIMES_NEVER);
	says(run(100 * SEC), "");
	says(hear(0, 20), "");
	says(stop(), "");
}
END_TEST

START_TEST(r59_a_backup_stops_silently)
{
	use_backup(3, SEC, 100);
	says(stop(), "BACKUP>INIT STOPPED");
	ck_assert_uint_eq(v.armed, TIMES_NEVER);
	says(start(), "DELETE, INIT>BACKUP STARTED");
}
END_TEST

/* A packet that was rejected never reaches the machine (finding 3: a flood of wrong passwords);
 * one that is not for its state leaves it as it was. */
START_TEST(r64_wrong_passwords_do_not_reach_it)
{
	struct vrrp_datagram d = { .source = node(66), .destination = *vrrp_group(false),
				   .ttl = 255 };
	struct vrrp_format wrong;
	struct vrrp_advert a;
	uint8_t bytes[64];
	unsigned sent = 0;

	use_master(2, SEC, 100);
	vrrp_format_set_password(&cfg.format, "secret12");
	wrong = cfg.format;
	vrrp_format_set_password(&wrong, "secret13");
	run(10 * SEC);
	for (unsigned i = 0; i < 100000; i++) {
		d.bytes = bytes;
		d.n = vrrp_packet_build(&wrong, 255, &d.source, &d.destination, bytes,
					sizeof(bytes));
		if (vrrp_packet_parse(&cfg.format, &d, &a) == VRRP_TAKEN)
			tell(.what = VROUTER_ADVERT, .advert = &a);
		sent += count_of(run(100), "SEND 100");
	}
	ck_assert_uint_eq(sent, 10);
	ck_assert_int_eq(v.state, VROUTER_MASTER);
}
END_TEST

START_TEST(r64_what_does_not_count_changes_nothing)
{
	uint64_t armed;

	start();
	armed = v.armed;
	for (unsigned i = 0; i < 1000; i++) {
		run(1 * MS);
		says(hear(2, 20), "");
		ck_assert_uint_eq(v.armed, armed);
	}
	stop();
	says(hear(255, 20), "");
	ck_assert_uint_eq(v.armed, TIMES_NEVER);
	start();
	fault(LINK);
	says(hear(255, 20), "");
	says(hear(0, 20), "");
	ck_assert_uint_eq(v.armed, TIMES_NEVER);
}
END_TEST

/* --- stalls --- */

START_TEST(r65_a_stalled_master_lets_go_before_it_sends)
{
	use_master(3, 100 * MS, 200);
	now = v.last_sent + times_down_min(3, 100 * MS);
	ck_assert_uint_eq(count_of(tell(.what = VROUTER_TIMER), "SEND 200"), 1);
	now = v.last_sent + times_down_min(3, 100 * MS) + 1;
	says(tell(.what = VROUTER_TIMER), "DELETE, MASTER>BACKUP STALLED");
	ck_assert_uint_eq(v.armed, now + down());
}
END_TEST

START_TEST(r65_whatever_event_comes_first)
{
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(hear(100, 20), "DELETE, MASTER>BACKUP STALLED");
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(stop(), "DELETE, MASTER>BACKUP STALLED, BACKUP>INIT STOPPED");
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(lost(), "DELETE, MASTER>BACKUP STALLED");
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(demote(), "DELETE, MASTER>BACKUP STALLED, OUTCOME NOT_MASTER");
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(fault(PROXY), "DELETE, MASTER>BACKUP STALLED, BACKUP>FAULT FAULT_PROXY");
}
END_TEST

START_TEST(r65_and_does_not_take_back)
{
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	hear(100, 20);
	for (unsigned i = 0; i < 600; i++) {
		says(run(100 * MS), "");
		says(hear(100, 20), "");
	}
	promote();
	for (unsigned i = 0; i < 3; i++) {
		says(hear(100, 20), "");
		says(run(100 * MS), "");
	}
	says(fire(), "SEND 200, ADD 1s, ANNOUNCE 1, BACKUP>MASTER PREEMPTED");
}
END_TEST

START_TEST(r65_but_takes_what_nobody_holds)
{
	use_master(3, 100 * MS, 200);
	now += 6 * SEC;
	says(tell(.what = VROUTER_TIMER), "DELETE, MASTER>BACKUP STALLED");
	says(fire(), "SEND 200, ADD 1s, ANNOUNCE 1, BACKUP>MASTER NO_MASTER");
	ck_assert(!v.holds_back);
}
END_TEST

START_TEST(r65_resumed_however_the_clock_went)
{
	use_master(3, SEC, 200);
	run(10 * MS);
	says(tell(.what = VROUTER_RESUMED), "DELETE, MASTER>BACKUP STALLED");
	use_backup(3, SEC, 100);
	run(3 * SEC);
	says(tell(.what = VROUTER_RESUMED), "");
	ck_assert_uint_eq(v.armed, now + down());
}
END_TEST

START_TEST(a_backup_that_wakes_late_listens_once_more)
{
	use_backup(3, 100 * MS, 100);
	now = v.armed + 100 * MS;
	says(tell(.what = VROUTER_TIMER),
	     "SEND 100, ADD 1s, ANNOUNCE 1, BACKUP>MASTER MASTER_SILENT");
	use_backup(3, 100 * MS, 100);
	now = v.armed + 100 * MS + 1;
	says(tell(.what = VROUTER_TIMER), "NOTE WOKE_LATE");
	ck_assert_uint_eq(v.armed, now + down());
	now = v.armed + 200 * MS; /* once only: somebody has to serve */
	says(tell(.what = VROUTER_TIMER),
	     "SEND 100, ADD 1s, ANNOUNCE 1, BACKUP>MASTER MASTER_SILENT");
}
END_TEST

START_TEST(adopts_after_a_crash)
{
	use(3, SEC, 100);
	now = 1000 * SEC;
	says(tell(.what = VROUTER_START, .start = { .adopt = true, .last_sent = now - SEC }),
	     "SEND 100, ADD 2s, ANNOUNCE 1, INIT>MASTER ADOPTED");
	use(3, SEC, 100);
	says(tell(.what = VROUTER_START, .start = { .adopt = true, .last_sent = now - 4 * SEC }),
	     "DELETE, INIT>BACKUP STALLED");
	ck_assert(v.holds_back);
	use(3, SEC, 100);
	fault(PROXY);
	says(tell(.what = VROUTER_START, .start = { .adopt = true, .last_sent = now - SEC }),
	     "DELETE, INIT>FAULT FAULT_PROXY");
}
END_TEST

START_TEST(reconfigured)
{
	use_master(3, SEC, 100);
	cfg.format.interval = 100 * MS;
	tell(.what = VROUTER_PRIORITY, .priority = 150);
	says(tell(.what = VROUTER_RECONFIGURED), "SEND 150, ADD 1s, ANNOUNCE 1");
	ck_assert_uint_eq(v.due[VROUTER_T_ADVERT], times_next_beat(100 * MS, now));
	use_backup(2, SEC, 100);
	cfg.format.interval = 2 * SEC;
	says(tell(.what = VROUTER_RECONFIGURED), "");
	ck_assert_uint_eq(v.armed - now, times_down(2, 100, 2 * SEC));
	use(3, SEC, 100);
	says(tell(.what = VROUTER_RECONFIGURED), "");
}
END_TEST

START_TEST(weights_change_what_is_advertised)
{
	use_master(3, SEC, 100);
	run(5 * SEC);
	says(tell(.what = VROUTER_PRIORITY, .priority = 70), "");
	says(run(SEC), "SEND 70, RENEW 2s");
	says(hear(90, 20), "DELETE, MASTER>BACKUP HIGHER_PRIORITY");
	ck_assert_uint_eq(v.armed - now, times_down(3, 70, SEC));
}
END_TEST

START_TEST(oddities_are_noted_once_a_peer)
{
	struct vrrp_advert a = { .source = node(20), .priority = 200, .interval = SEC,
				 .odd = VRRP_ODD_LIST | VRRP_ODD_INTERVAL };

	start();
	says(tell(.what = VROUTER_ADVERT, .advert = &a),
	     "NOTE LIST_DIFFERS 10.9.0.20, NOTE INTERVAL_DIFFERS 10.9.0.20");
	says(tell(.what = VROUTER_ADVERT, .advert = &a), "");
	a.odd |= VRRP_ODD_CHECKSUM;
	says(tell(.what = VROUTER_ADVERT, .advert = &a), "NOTE CHECKSUM_DIFFERS 10.9.0.20");
	a.source = node(21);
	a.odd = VRRP_ODD_FIRST_ADDRESS;
	says(tell(.what = VROUTER_ADVERT, .advert = &a), "NOTE FIRST_ADDRESS 10.9.0.21");
	ck_assert_uint_eq(v.peers[0].adverts, 3);
	ck_assert_uint_eq(v.peers[1].adverts, 1);
}
END_TEST

START_TEST(the_oldest_peer_makes_room)
{
	start();
	for (unsigned i = 0; i < VRRP_PEERS; i++, now++)
		hear(200, 20 + i);
	hear(200, 20);
	now++;
	hear(200, 99);
	ck_assert_uint_eq(v.peers[0].ip.bytes[3], 20);
	ck_assert_uint_eq(v.peers[1].ip.bytes[3], 99);
	ck_assert_uint_eq(v.peers[2].ip.bytes[3], 22);
}
END_TEST

START_TEST(everything_has_words)
{
	for (unsigned i = 0; i < VROUTER_REASONS; i++)
		ck_assert_uint_gt(strlen(vrouter_reason_text((enum vrouter_reason)i)), 4);
	for (unsigned i = 0; i < VROUTER_NOTES; i++)
		ck_assert_uint_gt(strlen(vrouter_note_text((enum vrouter_note)i)), 10);
	for (unsigned i = 0; i < VROUTER_OUTCOMES; i++)
		ck_assert_uint_gt(strlen(vrouter_outcome_text((enum vrouter_outcome)i)), 10);
	ck_assert_str_eq(vrouter_act_name(VROUTER_ARM), "ARM");
	ck_assert_str_eq(vrouter_state_name(VROUTER_FAULT), "FAULT");
	ck_assert(!vrouter_outcome_done(VROUTER_OUTCOME_NOT_TAKEN));
	ck_assert(vrouter_outcome_done(VROUTER_OUTCOME_TAKEN_OVER));
}
END_TEST

static TCase *backup_case(void)
{
	TCase *t = tcase_create("start and backup");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_timer_that_is_early_changes_nothing);
	tcase_add_test(t, r49_owner_is_master_at_once);
	tcase_add_test(t, r50_others_listen);
	tcase_add_test(t, events_before_start_say_how_things_stand);
	tcase_add_test(t, r43_claims_when_the_master_is_silent);
	tcase_add_test(t, r44_at_start_the_own_interval_counts);
	tcase_add_test(t, r45_adopts_the_interval_of_the_master);
	tcase_add_test(t, r46_adopts_it_from_the_winner_too);
	tcase_add_test(t, r47_as_master_the_own_interval_counts_again);
	tcase_add_test(t, r51_resignation_starts_the_skew_time);
	tcase_add_test(t, r51_repeated_resignations_do_not_delay);
	tcase_add_test(t, r52_equal_priority_is_followed);
	tcase_add_test(t, r52_without_preempt_a_lower_one_is_followed);
	tcase_add_test(t, r53_with_preempt_the_timer_runs_on);
	tcase_add_test(t, preempt_delay);
	tcase_add_test(t, preempt_delay_begins_again_with_a_better_master);
	tcase_add_test(t, r54_announces_what_it_holds);
	tcase_add_test(t, r64_wrong_passwords_do_not_reach_it);
	tcase_add_test(t, r64_what_does_not_count_changes_nothing);
	tcase_add_test(t, oddities_are_noted_once_a_peer);
	tcase_add_test(t, the_oldest_peer_makes_room);
	tcase_add_test(t, everything_has_words);
	return t;
}

static TCase *master_case(void)
{
	TCase *t = tcase_create("master and stalls");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, r17_adverts_every_interval);
	tcase_add_test(t, r17_the_beat_does_not_drift);
	tcase_add_test(t, r17_only_a_master_sends);
	tcase_add_test(t, r35_two_owners_are_decided_by_the_election);
	tcase_add_test(t, r55_answers_a_resignation);
	tcase_add_test(t, r55_a_flood_of_resignations_is_answered_at_a_bounded_rate);
	tcase_add_test(t, r55_the_answer_is_never_dropped);
	tcase_add_test(t, r56_gives_way_to_a_higher_priority);
	tcase_add_loop_test(t, r57_a_tie_is_decided_by_the_address, 0, LEN(ties));
	tcase_add_test(t, r57_addresses_of_ipv6_compare_as_128_bits);
	tcase_add_test(t, r58_answers_a_lower_master_at_once);
	tcase_add_test(t, r58_at_most_ten_answers_an_interval);
	tcase_add_test(t, r58_announcements_in_a_quarrel_become_rare);
	tcase_add_test(t, f18_announces_when_a_quarrel_is_over);
	tcase_add_test(t, f18_announces_no_faster_for_one_that_comes_and_goes);
	tcase_add_test(t, r59_a_master_resigns_when_it_stops);
	tcase_add_test(t, r59_a_backup_stops_silently);
	tcase_add_test(t, r65_a_stalled_master_lets_go_before_it_sends);
	tcase_add_test(t, r65_whatever_event_comes_first);
	tcase_add_test(t, r65_and_does_not_take_back);
	tcase_add_test(t, r65_but_takes_what_nobody_holds);
	tcase_add_test(t, r65_resumed_however_the_clock_went);
	tcase_add_test(t, a_backup_that_wakes_late_listens_once_more);
	tcase_add_test(t, adopts_after_a_crash);
	tcase_add_test(t, reconfigured);
	tcase_add_test(t, weights_change_what_is_advertised);
	return t;
}

int main(void)
{
	Suite *s = suite_create("vrrp fsm");
	SRunner *runner;
	int failed;

	suite_add_tcase(s, backup_case());
	suite_add_tcase(s, master_case());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
