/* The vrrp process on bad days: reloads at the wrong moment, commands that overlap, sockets
 * that cannot be had, a supervisor that does not listen. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
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

static struct brief_router *router(struct vrrp_node *n)
{
	return &n->brief.routers[0];
}

static void wait_on(struct vrrp_node *n, const char *interface)
{
	snprintf(router(n)->interface, sizeof(router(n)->interface), "%s", interface);
	vrrp_node_start(n);
	vrrp_node_wait(n, BOARD_ROUTER_FAULT);
}

static void come(const char *interface, const char *also)
{
	netns_enter(lan.a);
	netns_run("ip link set va down && ip link set va name %s %s && ip link set %s up",
		  interface, also, interface);
}

/* ---- reloads ---- */

START_TEST(reload_may_add_addresses_while_the_interface_is_missing)
{
	char text[32];

	wait_on(&a, "later");
	for (unsigned i = 0; i < BRIEF_ADDRESSES; i++) {
		snprintf(text, sizeof(text), "10.9.0.%u/24", 100 + i);
		vrrp_node_set_address(&a, i, text);
	}
	router(&a)->n_addresses = BRIEF_ADDRESSES;
	vrrp_node_reload(&a);
	come("later", "");
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR(vrrp_node_has(&a, "10.9.0.131/32"));
	WAIT_FOR(vrrp_node_has(&a, VIP "/32"));
	ck_assert(vrrp_node_stop(&a));
	ck_assert(!vrrp_node_has(&a, "10.9.0.131"));
}
END_TEST

START_TEST(reload_sees_how_an_interface_is_that_it_begins_to_track)
{
	struct brief_track *t = router(&a)->tracks;

	netns_enter(lan.a);
	netns_run("ip link add other type veth peer name end && ip link set lo up");
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	t[0] = (struct brief_track){ .kind = BRIEF_TRACK_INTERFACE, .rise = 1, .fall = 1,
				     .weight = 2, .program = BRIEF_NONE, .name = "lo" };
	t[1] = (struct brief_track){ .kind = BRIEF_TRACK_INTERFACE, .rise = 1, .fall = 1,
				     .weight = -20, .program = BRIEF_NONE,
				     .name = "other" };
	router(&a)->n_tracks = 2;
	vrrp_node_reload(&a);
	WAIT_FOR(vrrp_node_facts(&a, 0).effective_priority == 232);
	t[1].weight = 0;
	vrrp_node_reload(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	WAIT_FOR(!vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* Programs have other numbers in each generation. */
START_TEST(router_that_goes_notifies_by_the_generation_that_knew_it)
{
	router(&a)->notify = 3;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR((vrrp_node_listen(&a), strstr(a.notified, "MASTER")));
	*a.notified = '\0';
	a.brief.n_routers = 0;
	vrrp_node_reload(&a);
	ck_assert_str_eq(a.notified, "INSTANCE VI STOP 250\n");
	ck_assert_uint_eq(a.notifier, MSG_PROGRAM(a.generation - 1, 3));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

START_TEST(what_was_prepared_and_given_up_leaves_nothing)
{
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	router(&a)->vrid = 52;
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(vrrp_node_prepare(&a, NULL, 0), MSG_PREPARED);
		if (i)
			vrrp_node_send(&a, MSG_ABORT, a.generation, "", -1);
	}
	vrrp_node_send(&a, MSG_COMMIT, a.generation, "", -1);
	router(&a)->vrid = 51;
	ck_assert_int_eq(vrrp_node_prepare(&a, NULL, 0), MSG_REFUSED);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER) && vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* The one that gets it comes first in the file, and the one that had it behind. */
START_TEST(reload_moves_an_address_from_one_router_to_another)
{
	struct brief_router *other = &a.brief.routers[1];

	*other = *router(&a);
	snprintf(other->name, sizeof(other->name), "OTHER");
	other->vrid = 52;
	vrrp_node_set_address(&a, 0, "10.9.0.101/24");
	a.brief.n_routers = 2;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR(vrrp_node_has(&a, VIP) && vrrp_node_has(&a, "10.9.0.101"));
	vrrp_node_set_address(&a, 0, VIP "/24");
	other->addresses[0].ip.bytes[3] = 102;
	vrrp_node_reload(&a);
	ck_assert(vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_has(&a, "10.9.0.102"));
	ck_assert(!vrrp_node_has(&a, "10.9.0.101"));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* It settles at boot, and was in use until now. */
START_TEST(router_with_a_new_id_does_not_wait_for_the_link)
{
	router(&a)->settle_us = 1000 * CLOCK_SEC;
	vrrp_node_start(&b);
	vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
	vrrp_node_start(&a); /* hears the other */
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&b));
	router(&a)->vrid = 52;
	vrrp_node_listen(&a);
	*a.said = '\0';
	vrrp_node_reload(&a);
	ck_assert_uint_eq(vrrp_node_facts(&a, 0).vrid, 52);
	WAIT_FOR(vrrp_node_said(&a, "VI: INIT → BACKUP: started"));
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* ---- addresses that somebody else sets ---- */

START_TEST(r60_address_that_somebody_sets_on_a_backup_is_taken_away)
{
	vrrp_node_start(&a);
	vrrp_node_start(&b);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&b, BOARD_ROUTER_BACKUP);
	netns_enter(lan.b);
	netns_run("ip addr add " VIP "/24 dev vb");
	WAIT_FOR(!vrrp_node_has(&b, VIP));
	WAIT_FOR(vrrp_node_said(&b, "VI: somebody else set " VIP "/24 on vb"));
	ck_assert(vrrp_node_stop(&b));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* With another prefix the kernel has it twice. */
START_TEST(address_that_somebody_sets_beside_ours_is_taken_away)
{
	vrrp_node_start(&a);
	vrrp_node_start(&b);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&b, BOARD_ROUTER_BACKUP);
	netns_enter(lan.a);
	netns_run("ip addr add " VIP "/24 dev va");
	/* It would stay when all is killed. */
	WAIT_FOR(!vrrp_node_has(&a, VIP "/24"));
	STAYS(vrrp_node_has(&a, VIP "/32"));
	netns_run("ip addr add " VIP "/24 dev va");
	ck_assert(vrrp_node_stop(&a));
	ck_assert(!vrrp_node_has(&a, VIP));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

/* ---- crashes ---- */

START_TEST(one_that_crashes_again_and_again_does_not_flap_back)
{
	const struct router_stats *of_b = &b.board->routers[0].stats;
	char out[256] = "";
	uint64_t before;

	vrrp_node_start(&a);
	vrrp_node_start(&b);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	vrrp_node_wait(&b, BOARD_ROUTER_BACKUP);
	before = stats_get(of_b->became_master);
	for (int i = 0; i < 3; i++) {
		vrrp_node_kill(&a);
		vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
		if (i == 0) {
			WAIT_FOR(vrrp_node_stood_still(&b));
			vrrp_node_forget(&b);
		}
		vrrp_node_start(&a);
		WAIT_FOR(vrrp_node_is(&a, BOARD_ROUTER_BACKUP) || vrrp_node_stood_still(&a));
	}
	usleep(700000);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_BACKUP) &&
	      stats_get(of_b->became_master) == before + 1);
	ck_assert_int_eq(vrrp_node_command(&a, "promote", 7, out, sizeof(out)), CONTROL_DONE);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
	ck_assert(vrrp_node_stop(&b));
}
END_TEST

/* ---- commands ---- */

START_TEST(demotion_whose_time_is_over_before_anybody_took_over_is_answered)
{
	static const char words[] = "demote\0for=200000";
	char out[4096] = "";

	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert_int_eq(vrrp_node_demote(&a, words, sizeof(words) - 1, out, sizeof(out)),
			 CONTROL_REFUSED);
	ck_assert_msg(strstr(out, "\t0\tno peer took over"), "%s", out);
	STAYS(vrrp_node_is(&a, BOARD_ROUTER_MASTER));
	ck_assert(!vrrp_node_facts(&a, 0).demoted);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* ---- sockets ---- */

/* Below an MTU of 1280 there is no IPv6. */
START_TEST(family_that_an_interface_lacks_is_no_fault_of_the_other)
{
	struct brief_router *six = &a.brief.routers[1];

	*six = *router(&a);
	snprintf(six->name, sizeof(six->name), "SIX");
	six->ipv6 = 1;
	a.brief.n_routers = 2;
	vrrp_node_set_address(&a, 0, "fe80::100/64");
	six->addresses[0] = router(&a)->addresses[0];
	vrrp_node_set_address(&a, 0, VIP "/24");
	snprintf(six->interface, sizeof(six->interface), "later");
	wait_on(&a, "later");
	come("later", "mtu 1000");
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	WAIT_FOR(vrrp_node_has(&a, VIP));
	ck_assert_int_eq(vrrp_node_facts(&a, 1).state, BOARD_ROUTER_FAULT);
	WAIT_FOR(vrrp_node_said(&a, "joining ff02::12"));
	/* There is no message of the kernel about what would work now. */
	netns_run("ip link set later mtu 1500");
	WAIT_FOR(vrrp_node_facts(&a, 1).state != BOARD_ROUTER_FAULT);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* The messages about it are lost; then it is one change, link and link address. */
START_TEST(link_address_that_changed_unseen_is_announced)
{
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	netns_enter(lan.a);
	netns_run("ip link set va down");
	vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
	kill(a.pid, SIGSTOP);
	netns_run("ip link add flood type veth peer name end; for i in $(seq 10000); do "
		  "echo addr add 192.0.2.1/32 dev flood; echo addr del 192.0.2.1/32 dev flood; "
		  "done | ip -batch -; "
		  "ip link set va address 02:00:00:00:00:77 && ip link set va up");
	kill(a.pid, SIGCONT);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	netns_enter(lan.b);
	netns_run("ip neigh replace " VIP " lladdr 02:00:00:00:00:66 dev vb nud stale");
	WAIT_FOR(vrrp_node_has(&a, VIP));
	netns_run("ip addr del " VIP "/32 dev va");
	netns_enter(lan.b);
	WAIT_FOR(strstr(netns_output("ip neigh show " VIP), "02:00:00:00:00:77"));
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* ---- a supervisor that does not listen ---- */

START_TEST(answer_waits_for_room)
{
	char out[256] = "";
	int pair[2], fd;
	bool lost;

	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	/* Each makes it say a line. */
	for (int i = 0; i < 2000; i++)
		vrrp_node_send(&a, MSG_CONTROL, 0, "promote", pair[1]);
	fd = brief_write(&a.brief);
	vrrp_node_send(&a, MSG_PREPARE, ++a.generation, "", fd);
	close(fd);
	close(pair[0]);
	close(pair[1]);
	/* When it answers this, it has answered that. */
	ck_assert_int_eq(vrrp_node_command(&a, "promote", 7, out, sizeof(out)), CONTROL_DONE);
	ck_assert_int_eq(vrrp_node_answer(&a), MSG_PREPARED);
	vrrp_node_send(&a, MSG_COMMIT, a.generation, "", -1);
	ck_assert_int_eq(vrrp_node_answer(&a), MSG_COMMITTED);
	/* One that stood still may have had something to say as soon as there was room. */
	lost = vrrp_node_said(&a, "lines were lost");
	vrrp_node_forget(&a);
	ck_assert_int_eq(vrrp_node_command(&a, "promote", 7, out, sizeof(out)), CONTROL_DONE);
	ck_assert_msg(vrrp_node_said(&a, "lines were lost") || lost, "%.300s", a.said);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

/* ---- a proxy that dies again and again ---- */

START_TEST(proxy_that_dies_again_and_again_is_trusted_later_each_time)
{
	uint64_t begun, took[3];

	/* Of one that is not heard of for four of them the other expects nothing. */
	a.brief.routers[0].interval_us = b.brief.routers[0].interval_us = 300 * CLOCK_MS;
	vrrp_node_start(&a);
	vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	for (int i = 0; i < 3; i++) {
		if (i)
			vrrp_node_start(&b);
		vrrp_node_proxy_runs(&a, false);
		vrrp_node_wait(&a, BOARD_ROUTER_FAULT);
		if (i)
			vrrp_node_wait(&b, BOARD_ROUTER_MASTER);
		begun = clock_now_us();
		vrrp_node_proxy_runs(&a, true);
		WAIT_FOR(!vrrp_node_is(&a, BOARD_ROUTER_FAULT));
		took[i] = clock_now_us() - begun;
		/* One that stood still, on a busy machine, would wait for the other to go. */
		if (i)
			ck_assert(vrrp_node_stop(&b));
		vrrp_node_wait(&a, BOARD_ROUTER_MASTER);
	}
	ck_assert_uint_ge(took[0], CLOCK_SEC);
	ck_assert_uint_ge(took[1], 2 * CLOCK_SEC);
	ck_assert_uint_ge(took[2], 4 * CLOCK_SEC);
	ck_assert(vrrp_node_stop(&a));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("vrrp trouble");
	TCase *c = tcase_create("trouble");

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_set_timeout(c, 4 * PATIENCE_US / CLOCK_SEC);
	tcase_add_test(c, reload_may_add_addresses_while_the_interface_is_missing);
	tcase_add_test(c, reload_sees_how_an_interface_is_that_it_begins_to_track);
	tcase_add_test(c, router_that_goes_notifies_by_the_generation_that_knew_it);
	tcase_add_test(c, what_was_prepared_and_given_up_leaves_nothing);
	tcase_add_test(c, reload_moves_an_address_from_one_router_to_another);
	tcase_add_test(c, router_with_a_new_id_does_not_wait_for_the_link);
	tcase_add_test(c, r60_address_that_somebody_sets_on_a_backup_is_taken_away);
	tcase_add_test(c, address_that_somebody_sets_beside_ours_is_taken_away);
	tcase_add_test(c, one_that_crashes_again_and_again_does_not_flap_back);
	tcase_add_test(c, demotion_whose_time_is_over_before_anybody_took_over_is_answered);
	tcase_add_test(c, family_that_an_interface_lacks_is_no_fault_of_the_other);
	tcase_add_test(c, link_address_that_changed_unseen_is_announced);
	tcase_add_test(c, answer_waits_for_room);
	tcase_add_test(c, proxy_that_dies_again_and_again_is_trusted_later_each_time);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return netns_run_suite(suite());
}
