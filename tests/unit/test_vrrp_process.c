/* The vrrp process whole, two of them on one cable: the test is their supervisor. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "netns_lan.h"
#include "vrrp_node.h"

#define VIP "10.9.0.100"

static struct netns_lan lan;
static struct vrrp_node a, b;

static void setup(void)
{
	lan = netns_lan_make();
	vrrp_node_init(&a, lan.a, "va", 250);
	vrrp_node_init(&b, lan.b, "vb", 240);
}

static void start_pair(void)
{
	vrrp_node_start(&a);
	vrrp_node_start(&b);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&b, BOARD_ROUTER_BACKUP);
	WAIT_FOR(vrrp_node_has(&a, VIP));
	ck_assert(!vrrp_node_has(&b, VIP));
}

/* Neither takes over because the other stood still for some time, as on a busy machine. */
static void start_patient_pair(void)
{
	a.brief.routers[0].interval_us = b.brief.routers[0].interval_us = CLOCK_SEC;
	start_pair();
}

static uint64_t became_master(struct vrrp_node *n)
{
	return stats_get(n->board->routers[0].stats.became_master);
}

static uint64_t transitions(struct vrrp_node *n)
{
	return stats_get(n->board->routers[0].stats.transitions);
}

START_TEST(higher_priority_is_master_and_stop_hands_over)
{
	start_patient_pair();
	WAIT_FOR(strcmp(vrrp_node_facts(&b, 0).master, "10.9.0.1") == 0);
	ck_assert_uint_eq(vrrp_node_facts(&b, 0).master_priority, 250);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(!vrrp_node_has(&a, VIP));
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	WAIT_FOR(vrrp_node_has(&b, VIP));
	WAIT_FOR(vrrp_node_said(&b, "VI: BACKUP → MASTER: the master resigned"));
	ck_assert(vrrp_node_stop(&b));
	ck_assert(!vrrp_node_has(&b, VIP));
}
END_TEST

START_TEST(address_goes_by_itself_when_all_is_killed)
{
	uint64_t begun;

	start_pair();
	begun = clock_now_us();
	vrrp_node_kill(&a);
	/* Its time may be over for who looks late. */
	ck_assert(vrrp_node_has(&a, VIP) || clock_now_us() - begun > 100 * CLOCK_MS);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	WAIT_FOR(vrrp_node_has(&b, VIP));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(successor_of_a_killed_one_goes_on)
{
	uint64_t before;

	start_patient_pair(); /* enough for it to start in */
	before = transitions(&b);
	vrrp_node_kill(&a);
	vrrp_node_start(&a);
	ck_assert(vrrp_node_is(&a, BOARD_ROUTER_MASTER));
	ck_assert(vrrp_node_has(&a, VIP));
	WAIT_FOR(vrrp_node_said(&a, "goes on where its predecessor stopped"));
	usleep(600000);
	ck_assert_uint_eq(transitions(&b), before);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(deleted_address_is_back_at_once)
{
	uint64_t begun;

	start_patient_pair();
	for (int i = 0; i < 3; i++) {
		netns_enter(lan.a);
		netns_run("ip addr del $(ip -o addr show va | grep -o '" VIP "/[0-9]*') dev va");
		begun = clock_now_us();
		WAIT_FOR(stats_get(a.board->routers[0].stats.address_losses) > (uint64_t)i);
		WAIT_FOR(vrrp_node_has(&a, VIP));
		printf("back within %llu µs, with a process to see it\n",
		       (unsigned long long)(clock_now_us() - begun));
		usleep(50000);
	}
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER) && became_master(&a) == 1);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(demotion_hands_over_without_a_gap)
{
	char out[4096] = "", *result;
	double gap;

	start_pair();
	ck_assert_int_eq(vrrp_node_demote(&a, "demote", 6, out, sizeof(out)), CONTROL_DONE);
	result = strstr(out, "r VI\t10.9.0.1\t10.9.0.2\t");
	ck_assert_msg(result != NULL, "%s", out);
	ck_assert_int_eq(sscanf(result, "r VI\t10.9.0.1\t10.9.0.2\t%lf\t1", &gap), 1);
	printf("%s", out);
	ck_assert(gap < 1000);
	WAIT_FOR(vrrp_node_has(&b, VIP));
	ck_assert(!vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_facts(&a, 0).demoted);
	usleep(600000);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_BACKUP)); /* it does not take back */
	*out = '\0';
	ck_assert_int_eq(vrrp_node_command(&a, "promote\0instance=VI", 19, out, sizeof(out)),
			 CONTROL_DONE);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(demotion_without_a_peer_is_harmless)
{
	char out[4096] = "";

	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert_int_eq(vrrp_node_demote(&a, "demote", 6, out, sizeof(out)), CONTROL_REFUSED);
	ck_assert_msg(strstr(out, "\t0\tno peer took over"), "%s", out);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER) && vrrp_node_has(&a, VIP));
	STAYS(vrrp_node_facts(&a, 0).advertised_priority == 250);
	*out = '\0';
	ck_assert_int_eq(vrrp_node_command(&a, "demote\0instance=VX", 18, out, sizeof(out)),
			 CONTROL_REFUSED);
	ck_assert_msg(strstr(out, "there are: VI"), "%s", out);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

START_TEST(demotion_survives_a_crash)
{
	char out[4096] = "";

	start_pair();
	ck_assert_int_eq(vrrp_node_demote(&a, "demote", 6, out, sizeof(out)), CONTROL_DONE);
	vrrp_node_kill(&a);
	vrrp_node_start(&a);
	ck_assert(vrrp_node_facts(&a, 0).demoted);
	usleep(600000);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_BACKUP));
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(proxy_back_within_its_grace_costs_nothing)
{
	a.brief.routers[0].proxy_grace_us = PATIENCE_US;
	start_pair();
	vrrp_node_proxy_runs(&a, false);
	usleep(200000);
	vrrp_node_proxy_runs(&a, true);
	usleep(500000);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER) && became_master(&a) == 1);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(proxy_away_for_longer_than_its_grace_costs_mastership)
{
	start_pair();
	vrrp_node_proxy_runs(&a, false);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	ck_assert_ptr_nonnull(strstr(vrrp_node_facts(&a, 0).faults, "the proxy does not serve"));
	vrrp_node_proxy_runs(&a, true);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&b, BOARD_ROUTER_BACKUP);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(stale_heartbeat_of_a_worker_costs_mastership)
{
	start_pair();
	stats_set(a.proxy->n_workers, 1);
	stats_set(a.proxy->worker[0].beat_us, clock_now_us());
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(stopped_master_loses_the_address_and_does_not_take_it_back)
{
	start_pair();
	kill(a.pid, SIGSTOP);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	kill(a.pid, SIGCONT);
	WAIT_FOR(vrrp_node_stood_still(&a) && vrrp_node_stood_still(&b));
	vrrp_node_forget(&a);
	vrrp_node_forget(&b);
	vrrp_node_wait(&a, BOARD_ROUTER_BACKUP);
	usleep(700000);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_BACKUP) && vrrp_node_is(&b, BOARD_ROUTER_MASTER));
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(link_that_goes_is_a_fault)
{
	uint64_t begun;

	start_pair();
	netns_enter(lan.a);
	netns_run("ip link set va down");
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	/* The other end of a cable has no carrier either. */
	vrrp_node_wait(&b, BOARD_ROUTER_FAULT);
	WAIT_FOR(!vrrp_node_has(&b, VIP));
	netns_enter(lan.a);
	begun = clock_now_us();
	netns_run("ip link set va up");
	usleep(500000);
	ck_assert_msg(vrrp_node_is(&a, BOARD_ROUTER_FAULT) ||
		      clock_now_us() - begun >= CLOCK_SEC, "it returns late");
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(interface_may_come_later)
{
	snprintf(a.brief.routers[0].interface, sizeof(a.brief.routers[0].interface), "later");
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	netns_enter(lan.a);
	netns_run("ip link set va down && ip link set va name later && ip link set later up");
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR(vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* As an owner has it who has no other: it is the host's, and not ours to delete. */
START_TEST(only_address_of_the_interface_is_no_leftover)
{
	netns_enter(lan.a);
	netns_run("ip addr del 10.9.0.1/24 dev va && ip addr add " VIP "/24 dev va");
	a.brief.routers[0].priority = 255;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	ck_assert_ptr_nonnull(strstr(vrrp_node_facts(&a, 0).faults, "no address to send from"));
	ck_assert(vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_has(&a, VIP));
}
END_TEST

START_TEST(interface_that_is_no_ethernet_is_refused)
{
	char why[512] = "";

	vrrp_node_start(&a);
	netns_enter(lan.a);
	snprintf(a.brief.routers[0].interface, sizeof(a.brief.routers[0].interface), "lo");
	ck_assert_int_eq(vrrp_node_prepare(&a, why, sizeof(why)), MSG_REFUSED);
	ck_assert_msg(strstr(why, "lo"), "%s", why);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

START_TEST(reload_keeps_mastership_and_changes_addresses)
{
	struct brief_router *r = &a.brief.routers[0];
	uint64_t before;

	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	before = transitions(&a);
	r->addresses[1] = r->addresses[0];
	r->addresses[1].ip.bytes[3] = 101;
	snprintf(r->addresses[1].text, sizeof(r->addresses[1].text), "10.9.0.101/24");
	r->addresses[0].ip.bytes[3] = 102;
	snprintf(r->addresses[0].text, sizeof(r->addresses[0].text), "10.9.0.102/24");
	r->n_addresses = 2;
	vrrp_node_reload(&a);
	ck_assert(vrrp_node_has(&a, "10.9.0.101"));
	ck_assert(vrrp_node_has(&a, "10.9.0.102"));
	ck_assert(!vrrp_node_has(&a, VIP));
	STAYS(transitions(&a) == before);
	a.brief.n_routers = 0;
	vrrp_node_reload(&a);
	ck_assert(!vrrp_node_has(&a, "10.9.0.101"));
	ck_assert_uint_eq(stats_get(a.board->routers[0].used), 0);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* Somebody configured the address by hand on another host. */
static void let_another_host_have_it(void)
{
	netns_enter(lan.b);
	netns_run("ip addr add " VIP "/32 dev vb");
}

START_TEST(another_host_with_the_address_is_told)
{
	let_another_host_have_it();
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR(strstr(vrrp_node_facts(&a, 0).foreign, "02:00:00:00:00:02 has " VIP " too"));
	ck_assert(vrrp_node_facts(&a, 0).foreign_is_host);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER) && vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

START_TEST(another_host_with_the_address_may_keep_it)
{
	let_another_host_have_it();
	a.brief.routers[0].leave_conflicts = 1;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	WAIT_FOR(vrrp_node_said(&a, "→ FAULT: another host has one of the addresses"));
	ck_assert(!vrrp_node_has(&a, VIP));
	ck_assert_ptr_nonnull(strstr(vrrp_node_facts(&a, 0).faults, "another host has one"));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

START_TEST(notifications_are_told_in_order)
{
	a.brief.routers[0].notify = 3;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_proxy_runs(&a, false);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	WAIT_FOR((vrrp_node_listen(&a), strstr(a.notified, "FAULT")));
	STAYS(strcmp(a.notified, "INSTANCE VI BACKUP 250\nINSTANCE VI MASTER 250\n"
				 "INSTANCE VI FAULT 250\n") == 0);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* What it was sent is behind it when it has answered a command that changes nothing. */
static void take_messages(struct vrrp_node *n)
{
	char out[256] = "";

	ck_assert_int_eq(vrrp_node_command(n, "promote", 7, out, sizeof(out)), CONTROL_DONE);
}

START_TEST(scripts_change_the_priority_and_make_unfit)
{
	struct brief_router *r = &a.brief.routers[0];

	r->n_tracks = 2;
	r->tracks[0] = (struct brief_track){ .kind = BRIEF_TRACK_SCRIPT, .weight = -20,
					     .program = 0, .rise = 1, .fall = 2, .name = "/x" };
	r->tracks[1] = (struct brief_track){ .kind = BRIEF_TRACK_SCRIPT, .weight = 0,
					     .program = 1, .rise = 1, .fall = 1, .name = "/y" };
	start_pair();
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation, 0), "", -1);
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation, 0), "exited with status 1", -1);
	take_messages(&a);
	ck_assert_uint_eq(vrrp_node_facts(&a, 0).effective_priority, 250); /* it takes two */
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation, 0), "exited with status 1", -1);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&a, BOARD_ROUTER_BACKUP);
	ck_assert_uint_eq(vrrp_node_facts(&a, 0).effective_priority, 230);
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation, 1), "exited with status 2", -1);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation - 1, 1), "", -1);
	take_messages(&a);
	ck_assert_msg(vrrp_node_is(&a, BOARD_ROUTER_FAULT), "of another generation");
	vrrp_node_send(&a, MSG_SCRIPT, MSG_PROGRAM(a.generation, 1), "", -1);
	vrrp_node_wait(&a, BOARD_ROUTER_BACKUP);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

START_TEST(supervisor_that_dies_is_survived_in_order)
{
	start_patient_pair();
	shutdown(a.sock, SHUT_RDWR);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	WAIT_FOR(vrrp_node_said(&b, "the master resigned"));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("vrrp process");
	TCase *c = tcase_create("process");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_set_timeout(c, 4 * PATIENCE_US / CLOCK_SEC);
	tcase_add_test(c, higher_priority_is_master_and_stop_hands_over);
	tcase_add_test(c, address_goes_by_itself_when_all_is_killed);
	tcase_add_test(c, successor_of_a_killed_one_goes_on);
	tcase_add_test(c, deleted_address_is_back_at_once);
	tcase_add_test(c, demotion_hands_over_without_a_gap);
	tcase_add_test(c, demotion_without_a_peer_is_harmless);
	tcase_add_test(c, demotion_survives_a_crash);
	tcase_add_test(c, proxy_back_within_its_grace_costs_nothing);
	tcase_add_test(c, proxy_away_for_longer_than_its_grace_costs_mastership);
	tcase_add_test(c, stale_heartbeat_of_a_worker_costs_mastership);
	tcase_add_test(c, stopped_master_loses_the_address_and_does_not_take_it_back);
	tcase_add_test(c, link_that_goes_is_a_fault);
	tcase_add_test(c, interface_may_come_later);
	tcase_add_test(c, only_address_of_the_interface_is_no_leftover);
	tcase_add_test(c, interface_that_is_no_ethernet_is_refused);
	tcase_add_test(c, reload_keeps_mastership_and_changes_addresses);
	tcase_add_test(c, another_host_with_the_address_is_told);
	tcase_add_test(c, another_host_with_the_address_may_keep_it);
	tcase_add_test(c, notifications_are_told_in_order);
	tcase_add_test(c, scripts_change_the_priority_and_make_unfit);
	tcase_add_test(c, supervisor_that_dies_is_survived_in_order);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return netns_run_suite(suite());
}
