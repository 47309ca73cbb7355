/* What has to hold on a segment whatever happens on it: once packets flow again there is one
 * master at most within three intervals and the skew, and always one when a healthy node
 * exists; no address stays where no master is. Seeded: the seed of a failure is printed.
 * HPCBAL_SIM_ROUNDS=1000 plays more of it. */
#include "vrrp_sim.h"

struct segment {
	unsigned nodes;
	uint8_t version;
	uint64_t interval;
	unsigned strangers; /* so many of them, from the last */
	uint64_t chaos;     /* simulated, in all */
};

static const struct segment segments[] = {
	{ 2, 2, 1000 * MS, 0, 2000 * SEC }, { 2, 3, 1000 * MS, 0, 2000 * SEC },
	{ 2, 3, 100 * MS, 0, 1000 * SEC },  { 2, 3, 10 * MS, 0, 200 * SEC },
	{ 3, 2, 1000 * MS, 0, 2000 * SEC }, { 3, 3, 500 * MS, 0, 2000 * SEC },
	{ 3, 3, 100 * MS, 0, 1000 * SEC },  { 4, 3, 100 * MS, 0, 1000 * SEC },
	{ 4, 2, 2000 * MS, 0, 2000 * SEC }, { 2, 2, 1000 * MS, 1, 2000 * SEC },
	{ 3, 3, 100 * MS, 1, 1000 * SEC },  { 4, 3, 1000 * MS, 2, 2000 * SEC },
};

#define N_SEGMENTS ((int)(sizeof(segments) / sizeof(segments[0])))

/* --- what may happen to a node that runs --- */

static void tell(unsigned i, enum vrouter_happening what)
{
	node_tell(i, (struct vrouter_event){ .what = what });
}

static void do_demote(unsigned i)
{
	uint64_t until = chance(2) ? TIMES_NEVER : sim.now + chance(20 * sim.interval);

	node_tell(i, (struct vrouter_event){ .what = VROUTER_DEMOTE,
					     .demote = { .force = chance(3) == 0,
							 .until = until } });
}

static void do_promote(unsigned i)
{
	tell(i, VROUTER_PROMOTE);
}

static void do_stall(unsigned i)
{
	node_stall(i, chance(8 * sim.interval));
}

static void do_crash(unsigned i)
{
	node_crash(i);
	post((struct item){ .what = REBOOT, .to = i, .at = sim.now + chance(15 * sim.interval) });
}

/* Its supervisor starts a successor, mostly at once. */
static void do_crash_alone(unsigned i)
{
	uint64_t wait = chance(4) ? 5 * MS + chance(15 * MS) : chance(6 * sim.interval);

	node_crash(i);
	post((struct item){ .what = ADOPT, .to = i, .at = sim.now + wait });
}

static void do_restart(unsigned i)
{
	tell(i, VROUTER_STOP);
	node_crash(i);
	post((struct item){ .what = REBOOT, .to = i, .at = sim.now + chance(5 * sim.interval) });
}

static void do_link(unsigned i)
{
	struct sim_node *s = &sim.node[i];

	s->link_down = !s->link_down;
	node_tell(i, (struct vrouter_event){
			     .what = s->link_down ? VROUTER_FAULT_ON : VROUTER_FAULT_OFF,
			     .faults = VROUTER_FAULT_LINK });
}

static void do_script(unsigned i)
{
	bool on = sim.node[i].v.faults & VROUTER_FAULT_SCRIPT;

	node_tell(i, (struct vrouter_event){ .what = on ? VROUTER_FAULT_OFF : VROUTER_FAULT_ON,
					     .faults = VROUTER_FAULT_SCRIPT });
}

static void do_priority(unsigned i)
{
	node_tell(i, (struct vrouter_event){ .what = VROUTER_PRIORITY,
					     .priority = (uint8_t)(2 + chance(253)) });
}

static void do_delete(unsigned i)
{
	if (sim.node[i].vip)
		lose_address(i);
}

static void do_reconfigure(unsigned i)
{
	sim.node[i].c.preempt = chance(2);
	sim.node[i].c.preempt_delay = chance(2) * chance(10 * sim.interval);
	tell(i, VROUTER_RECONFIGURED);
}

static void do_resumed(unsigned i)
{
	tell(i, VROUTER_RESUMED);
}

static void (*const node_deeds[])(unsigned i) = {
	do_demote, do_promote, do_stall, do_stall, do_crash, do_crash_alone, do_restart, do_link,
	do_link, do_script, do_script, do_priority, do_delete, do_reconfigure, do_resumed,
};

/* --- what may happen to the wire --- */

static void wire_deed(void)
{
	unsigned a = (unsigned)chance(sim.n), b = (unsigned)chance(sim.n);
	uint64_t which = chance(6);

	if (which < 2)
		sim.cut[a][b] = true;
	else if (which == 2)
		sim.cut[a][b] = sim.cut[b][a] = chance(2);
	else if (which == 3)
		memset(sim.cut, 0, sizeof(sim.cut));
	else if (which == 4)
		sim.loss = (unsigned)chance(400);
	else
		sim.fail = chance(2) ? 0 : (unsigned)chance(500);
}

static void deed(void)
{
	unsigned i = (unsigned)chance(sim.n);
	const struct sim_node *s = &sim.node[i];

	if (chance(3) == 0)
		wire_deed();
	else if (s->alive && !s->stalled && !s->stranger)
		node_deeds[chance(sizeof(node_deeds) / sizeof(node_deeds[0]))](i);
}

static void begin(const struct segment *g, uint64_t seed)
{
	sim_init(seed, g->nodes, g->version, g->interval);
	for (unsigned i = 0; i < g->nodes; i++) {
		struct sim_node *s = &sim.node[i];

		s->stranger = i >= g->nodes - g->strangers;
		s->c.preempt = chance(3) != 0;
		if (chance(4) == 0)
			s->c.priority = 200; /* ties */
		if (g->version == 3 && chance(3) == 0)
			s->c.format.interval = g->interval * (1 + chance(2));
		if (s->c.format.interval > sim.interval)
			sim.interval = s->c.format.interval;
		node_start(i, false, NULL);
	}
}

static void trouble(void)
{
	uint64_t until = sim.now + sim.interval + chance(30 * sim.interval);

	sim.quiet = false;
	while (sim.now < until) {
		sim_run(chance(4 * sim.interval));
		deed();
	}
	/* a machine that was stalled is whole again; a cable stays as it is */
	sim_calm();
}

START_TEST(one_master_once_packets_flow_again)
{
	const struct segment *g = &segments[_i % N_SEGMENTS];
	uint64_t spent = 0;

	begin(g, (uint64_t)_i);
	while (spent < g->chaos / 2) {
		uint64_t from = sim.now;

		trouble();
		sim_run(2 * patience() + chance(20 * sim.interval));
		spent += sim.now - from;
	}
}
END_TEST

/* --- leases --- */

/* Nodes die, stall, lose their link; the wire is whole. With intervals of 800 ms and more, or
 * of 450 to 500 ms, and nobody who preempts, no two nodes ever have the address, but for the
 * moment that an advertisement needs. */
START_TEST(a_dead_node_gives_the_address_up_before_it_is_claimed)
{
	static const uint64_t intervals[] = { 450 * MS, 500 * MS, 800 * MS, 1000 * MS, 2000 * MS };
	static void (*const deeds[])(unsigned i) = {
		do_stall, do_stall, do_crash, do_crash_alone, do_link, do_restart, do_resumed,
	};
	uint64_t interval = intervals[_i % 5];

	sim_init((uint64_t)_i, 2 + _i % 3, interval % SEC ? 3 : 2, interval);
	ck_assert(times_lease_bound(sim.node[0].c.format.version, interval, true).exclusive);
	for (unsigned i = 0; i < sim.n; i++) {
		sim.node[i].c.preempt = false;
		node_start(i, false, NULL);
	}
	for (unsigned k = 0; k < 400; k++) {
		unsigned i = (unsigned)chance(sim.n);

		sim_run(chance(8 * interval));
		if (sim.node[i].alive && !sim.node[i].stalled)
			deeds[chance(7)](i);
		if (sim.worst_vips > crossing())
			sim_fails("two nodes had the address for %.6f s",
				  (double)sim.worst_vips / 1e6);
	}
}
END_TEST

/* --- demotion --- */

static unsigned the_master(void)
{
	for (unsigned i = 0; i < sim.n; i++)
		if (can_serve(&sim.node[i]) && sim.node[i].v.state == VROUTER_MASTER)
			return i;
	sim_fails("no master");
}

/* With a peer of ours that is fit, at once and without a moment's gap; and so back. */
START_TEST(demote_leaves_no_gap)
{
	static const uint64_t intervals[] = { 10 * MS, 100 * MS, 1000 * MS };
	uint64_t interval = intervals[_i % 3];

	sim_init((uint64_t)_i, 2 + _i % 3, interval == SEC ? 2 : 3, interval);
	sim.in_order = true;
	for (unsigned i = 0; i < sim.n; i++) {
		sim.node[i].c.preempt = chance(2);
		node_start(i, false, NULL);
	}
	sim_run(2 * patience());
	sim_calm();
	for (unsigned k = 0; k < 50; k++) {
		unsigned m;

		while (sim.now - sim.node[the_master()].v.since < 50 * MS)
			sim_run(MS);
		m = the_master();
		sim.node[m].has_outcome = false;
		node_tell(m, (struct vrouter_event){ .what = VROUTER_DEMOTE });
		sim_run(10 * MS + crossing());
		if (!sim.node[m].has_outcome || sim.node[m].outcome != VROUTER_OUTCOME_TAKEN_OVER)
			sim_fails("node %u was demoted, and nobody took over", m);
		sim_run(chance(10 * interval));
		do_promote(m);
		sim_run(chance(10 * interval));
		ck_assert_uint_eq(sim.worst_no_vip, 0);
		ck_assert_uint_le(sim.worst_vips, crossing());
	}
}
END_TEST

/* Demoted in the moment of a claim, while the old master's advertisement is still under way to
 * the new one: neither lets go because of the other. */
START_TEST(demote_in_the_moment_of_a_claim)
{
	static const uint64_t intervals[] = { 10 * MS, 100 * MS, 1000 * MS };
	uint64_t interval = intervals[_i % 3];

	sim_init((uint64_t)_i, 2 + _i % 3, interval == SEC ? 2 : 3, interval);
	sim.in_order = true;
	for (unsigned i = 0; i < sim.n; i++)
		node_start(i, false, NULL);
	sim_run(2 * patience());
	sim_calm();
	for (unsigned k = 0; k < 20; k++) {
		do_stall(0);
		sim_run(4 * patience());
		do_promote(0);
		while (sim.node[0].v.state != VROUTER_MASTER)
			sim_run(20);
		sim_calm();
		sim_run(chance(crossing()));
		node_tell(0, (struct vrouter_event){ .what = VROUTER_DEMOTE });
		sim_run(patience());
		ck_assert_uint_eq(sim.worst_no_vip, 0);
		ck_assert_uint_ne(the_master(), 0);
	}
}
END_TEST

/* A stranger takes over after its own down interval when it preempts, and else never: then
 * everything is as before. */
START_TEST(demote_beside_a_stranger)
{
	bool preempts = _i % 2;
	uint64_t interval = _i % 4 < 2 ? SEC : 100 * MS;

	sim_init((uint64_t)_i, 2, interval == SEC ? 2 : 3, interval);
	sim.node[1].stranger = true;
	sim.node[1].c.preempt = preempts;
	node_start(0, false, NULL);
	node_start(1, false, NULL);
	sim_run(2 * patience());
	sim_calm();
	ck_assert_uint_eq(the_master(), 0);
	node_tell(0, (struct vrouter_event){ .what = VROUTER_DEMOTE });
	sim_run(4 * interval + SEC + 10 * MS);
	ck_assert(sim.node[0].has_outcome);
	ck_assert_int_eq(sim.node[0].outcome, preempts ? VROUTER_OUTCOME_TAKEN_OVER :
							 VROUTER_OUTCOME_NOT_TAKEN);
	ck_assert_uint_eq(the_master(), preempts);
	ck_assert_uint_eq(sim.worst_no_vip, 0);
	sim_run(20 * interval);
	ck_assert_uint_eq(the_master(), preempts);
}
END_TEST

/* Nothing moves on a segment where nothing happens, whatever the wake-ups' lateness. */
START_TEST(nothing_moves_without_a_cause)
{
	const struct segment *g = &segments[_i];
	unsigned before[NODES];

	begin(g, (uint64_t)_i);
	sim.lateness = g->interval / 2;
	sim_run(3 * patience());
	for (unsigned i = 0; i < sim.n; i++)
		before[i] = sim.node[i].transitions;
	sim_run(1000 * g->interval);
	for (unsigned i = 0; i < sim.n; i++)
		ck_assert_uint_eq(sim.node[i].transitions, before[i]);
}
END_TEST

/* --- one machine, and anything at all --- */

static struct vrouter_event anything(struct vrrp_advert *a)
{
	static const uint8_t priorities[] = { 0, 1, 2, 100, 149, 150, 151, 254, 255 };
	struct vrouter_event e = { .what = (enum vrouter_happening)chance(VROUTER_HAPPENINGS) };

	*a = (struct vrrp_advert){ .source = sim_ip(8 + (unsigned)chance(5)),
				   .priority = priorities[chance(sizeof(priorities))],
				   .interval = (1 + chance(4095)) * 10 * MS,
				   .odd = (unsigned)chance(16) };
	if (e.what == VROUTER_ADVERT)
		e.advert = a;
	else if (e.what == VROUTER_SOURCE)
		e.source = sim_ip(10);
	else if (e.what == VROUTER_PRIORITY)
		e.priority = (uint8_t)(2 + chance(253));
	else if (e.what == VROUTER_FAULT_ON || e.what == VROUTER_FAULT_OFF)
		e.faults = 1u << chance(7);
	if (e.what == VROUTER_DEMOTE) {
		e.demote.force = chance(2);
		e.demote.until = chance(2) * (sim.now + chance(SEC));
	} else if (e.what == VROUTER_START) {
		e.start.adopt = chance(2);
		e.start.last_sent = sim.now - chance(8 * SEC);
		e.start.demoted = chance(2);
	}
	return e;
}

static void monkey_checks(const struct vrouter *v, const struct vrouter_plan *plan)
{
	bool holds = v->state == VROUTER_MASTER;
	unsigned sends = 0;

	ck_assert_uint_le(plan->n, VROUTER_ACTIONS_MAX / 2);
	ck_assert(v->running || v->state == VROUTER_INIT);
	ck_assert(!v->demoting || (v->demoted && holds));
	ck_assert(holds || v->due[VROUTER_T_DEMOTE] == TIMES_NEVER);
	ck_assert(v->state != VROUTER_FAULT || v->faults ||
		  v->due[VROUTER_T_RETURN] != TIMES_NEVER);
	ck_assert(!v->faults || v->state == VROUTER_FAULT || !v->running);
	ck_assert_uint_ge(vrouter_priority(v), 1);
	for (unsigned i = 0; i < plan->n; i++) {
		if (plan->actions[i].act != VROUTER_SEND)
			continue;
		ck_assert_uint_eq(plan->actions[i].priority, holds ? vrouter_priority(v) : 0);
		sends++;
	}
	ck_assert_uint_le(sends, 1);
}

/* Events in any order at any time: the machine's own asserts hold, and these. */
START_TEST(anything_at_any_time)
{
	struct vrrp_advert a;
	struct vrouter_plan plan;
	struct vrouter *v = &sim.node[0].v;

	sim_init((uint64_t)_i, 1, _i & 1 ? 2 : 3, SEC);
	sim.node[0].c.settle = _i & 2 ? 2 * SEC : 0;
	sim.node[0].c.preempt_delay = _i & 4 ? SEC : 0;
	vrouter_init(v, &sim.node[0].c);
	for (unsigned k = 0; k < 30000; k++) {
		struct vrouter_event e = anything(&a);

		sim.now += chance(3) ? chance(10 * MS) : chance(k % 7 ? SEC : 20 * SEC);
		if (chance(3) == 0 && v->armed != TIMES_NEVER) {
			sim.now = v->armed > sim.now ? v->armed : sim.now;
			e = (struct vrouter_event){ .what = VROUTER_TIMER };
		}
		if (e.what == VROUTER_STOP && chance(10))
			continue;
		if (e.what == VROUTER_START && v->running)
			continue;
		vrouter_step(v, &sim.node[0].c, &e, sim.now, &plan);
		monkey_checks(v, &plan);
	}
}
END_TEST

static int rounds(void)
{
	const char *wanted = getenv("HPCBAL_SIM_ROUNDS");

	return wanted && atoi(wanted) > 0 ? atoi(wanted) : 4;
}

int main(void)
{
	int n = rounds();
	Suite *s = suite_create("vrrp simulation");
	TCase *t = tcase_create("simulation");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, one_master_once_packets_flow_again, 0, n * N_SEGMENTS);
	tcase_add_loop_test(t, a_dead_node_gives_the_address_up_before_it_is_claimed, 0, n * 5);
	tcase_add_loop_test(t, demote_leaves_no_gap, 0, n * 3);
	tcase_add_loop_test(t, demote_in_the_moment_of_a_claim, 0, n * 3);
	tcase_add_loop_test(t, demote_beside_a_stranger, 0, 8);
	tcase_add_loop_test(t, nothing_moves_without_a_cause, 0, N_SEGMENTS);
	tcase_add_loop_test(t, anything_at_any_time, 0, n * 2);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
