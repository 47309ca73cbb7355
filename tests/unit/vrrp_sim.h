/* A segment of up to four nodes on a fake clock and a fake wire: packets are built, lost,
 * delayed, cut off in one direction and parsed; nodes crash, stall, wake late, are demoted; the
 * kernel of each takes the address away when its lifetime is over. All from one seed. */
#ifndef HPCBAL_TESTS_UNIT_VRRP_SIM_H
#define HPCBAL_TESTS_UNIT_VRRP_SIM_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vrrp/fsm.h"

#define NODES 4
#define QUEUE 8192
#define INBOX 64
#define MESSAGE 64
#define MS CLOCK_MS
#define SEC CLOCK_SEC

enum happening { DELIVER, TIMER, EXPIRE, RESUME, REBOOT, ADOPT };

struct item {
	uint64_t at, order;
	enum happening what;
	unsigned to, from;
	uint64_t stamp; /* of a timer or a lease: another one makes this void */
	uint8_t bytes[MESSAGE];
	size_t n;
};

struct letter {
	unsigned from;
	uint8_t bytes[MESSAGE];
	size_t n;
};

struct sim_node {
	struct vrouter_config c;
	struct vrouter v;
	struct vrrp_ip ip;
	bool stranger; /* an RFC router of another make: it knows no priority of 1 */
	bool alive, stalled, link_down;
	uint64_t timer_stamp, lease_stamp;
	bool vip, vip_lost;
	uint64_t died;    /* when it crashed with the address */
	uint64_t healthy; /* since when it could serve; TIMES_NEVER: it cannot */
	struct letter inbox[INBOX];
	unsigned n_inbox;
	enum vrouter_outcome outcome;
	bool has_outcome;
	unsigned transitions;
};

struct sim {
	uint64_t now, seed, random, order;
	struct item queue[QUEUE];
	unsigned n_queue;
	struct sim_node node[NODES];
	unsigned n;
	unsigned loss, fail;      /* per mille */
	uint64_t delay, lateness; /* at most */
	bool cut[NODES][NODES];   /* from, to */
	uint64_t interval;        /* the longest of all */
	bool in_order;            /* packets of one node do not overtake each other */
	uint64_t last_at[NODES][NODES];

	bool quiet;               /* nothing happens to the nodes, and every packet arrives */
	uint64_t quiet_from;
	uint64_t many_masters, many_vips, no_vip; /* since when; TIMES_NEVER */
	uint64_t worst_vips, worst_no_vip;        /* the longest time */
};

static struct sim sim;

/* --- chance --- */

static inline uint64_t chance(uint64_t below)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return below ? (sim.random >> 11) % below : 0;
}

#define sim_fails(...)                                                                     \
	do {                                                                               \
		fprintf(stderr, "seed %llu, at %.6f s: ", (unsigned long long)sim.seed,    \
			(double)sim.now / 1e6);                                            \
		fprintf(stderr, __VA_ARGS__);                                              \
		fprintf(stderr, "\n");                                                     \
		ck_abort_msg("the simulation broke a promise, see above");                 \
	} while (0)

/* --- the queue: a heap by time, then by order --- */

static inline bool item_before(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void queue_swap(unsigned i, unsigned j)
{
	struct item x = sim.queue[i];

	sim.queue[i] = sim.queue[j];
	sim.queue[j] = x;
}

static inline void post(struct item item)
{
	unsigned i = sim.n_queue++;

	ck_assert_uint_lt(i, QUEUE);
	item.order = sim.order++;
	sim.queue[i] = item;
	while (i && item_before(&sim.queue[i], &sim.queue[(i - 1) / 2])) {
		queue_swap(i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

static inline struct item queue_pop(void)
{
	struct item first = sim.queue[0];
	unsigned i = 0;

	sim.queue[0] = sim.queue[--sim.n_queue];
	for (;;) {
		unsigned least = i, l = 2 * i + 1, r = l + 1;

		if (l < sim.n_queue && item_before(&sim.queue[l], &sim.queue[least]))
			least = l;
		if (r < sim.n_queue && item_before(&sim.queue[r], &sim.queue[least]))
			least = r;
		if (least == i)
			return first;
		queue_swap(i, least);
		i = least;
	}
}

/* --- the wire --- */

static inline void transmit(unsigned from, uint8_t priority)
{
	struct sim_node *s = &sim.node[from];
	struct item item = { .what = DELIVER, .from = from };

	item.n = vrrp_packet_build(&s->c.format, priority, &s->ip, vrrp_group(false), item.bytes,
				   sizeof(item.bytes));
	ck_assert_uint_gt(item.n, 0);
	for (unsigned to = 0; to < sim.n; to++) {
		item.to = to;
		item.at = sim.now + 20 + chance(sim.delay);
		if (to == from || sim.cut[from][to] || s->link_down || sim.node[to].link_down)
			continue;
		if (chance(1000) < sim.loss)
			continue;
		if (sim.in_order && item.at <= sim.last_at[from][to])
			item.at = sim.last_at[from][to] + 1;
		sim.last_at[from][to] = item.at;
		post(item);
	}
}

/* --- what a plan wants --- */

static inline void node_tell(unsigned i, struct vrouter_event e);

static inline void take_lease(unsigned i, unsigned lifetime_s)
{
	struct sim_node *s = &sim.node[i];

	s->vip = true;
	s->lease_stamp++;
	if (!s->stranger)
		post((struct item){ .what = EXPIRE, .to = i, .stamp = s->lease_stamp,
				    .at = sim.now + lifetime_s * SEC + chance(300 * MS) });
}

static inline void drop_address(unsigned i)
{
	sim.node[i].vip = false;
	sim.node[i].lease_stamp++;
}

static inline void set_timer(unsigned i, uint64_t at)
{
	struct sim_node *s = &sim.node[i];

	s->timer_stamp++;
	if (at == TIMES_NEVER)
		return;
	at = at > sim.now ? at : sim.now;
	post((struct item){ .what = TIMER, .to = i, .stamp = s->timer_stamp,
			    .at = at + chance(sim.lateness) });
}

static inline bool can_serve(const struct sim_node *s)
{
	return s->alive && !s->stalled && s->v.running &&
	       (s->v.state == VROUTER_BACKUP || s->v.state == VROUTER_MASTER);
}

static inline void note_health(struct sim_node *s)
{
	if (!can_serve(s))
		s->healthy = TIMES_NEVER;
	else if (s->healthy == TIMES_NEVER)
		s->healthy = sim.now;
}

/* True: a SEND did not go out. */
static inline bool carry_out(unsigned i, const struct vrouter_plan *plan)
{
	struct sim_node *s = &sim.node[i];
	bool failed = false;

	for (unsigned k = 0; k < plan->n; k++) {
		const struct vrouter_action *a = &plan->actions[k];

		if (a->act == VROUTER_SEND) {
			failed = chance(1000) < sim.fail;
			if (!failed)
				transmit(i, a->priority);
		} else if ((a->act == VROUTER_ADD || a->act == VROUTER_RENEW) && !failed) {
			take_lease(i, a->lifetime_s);
		} else if (a->act == VROUTER_DELETE) {
			drop_address(i);
		} else if (a->act == VROUTER_ARM) {
			set_timer(i, a->at);
		} else if (a->act == VROUTER_OUTCOME) {
			s->outcome = a->outcome;
			s->has_outcome = true;
		} else if (a->act == VROUTER_STATE) {
			s->transitions++;
		}
	}
	return failed;
}

static inline void node_tell(unsigned i, struct vrouter_event e)
{
	struct sim_node *s = &sim.node[i];
	struct vrouter_plan plan;
	bool failed;

	vrouter_step(&s->v, &s->c, &e, sim.now, &plan);
	failed = carry_out(i, &plan);
	if (failed)
		node_tell(i, (struct vrouter_event){ .what = VROUTER_SEND_FAILED });
	else if (s->v.state != VROUTER_MASTER && s->vip &&
		 (s->v.running || e.what == VROUTER_STOP))
		sim_fails("node %u is %s and has the address", i, vrouter_state_name(s->v.state));
	note_health(s);
}

/* Another make of router: our machine with the meaning of 1 taken away from what it hears, and
 * nothing of what we do beyond the RFCs. */
static inline void hear(unsigned i, unsigned from, const uint8_t *bytes, size_t n)
{
	struct sim_node *s = &sim.node[i];
	struct vrrp_datagram d = { .source = sim.node[from].ip, .ttl = 255, .bytes = bytes,
				   .n = n, .destination = *vrrp_group(false) };
	struct vrrp_advert a;
	enum vrrp_discard why = vrrp_packet_parse(&s->c.format, &d, &a);

	if (why != VRRP_TAKEN)
		sim_fails("node %u: %s", i, vrrp_discard_text(why));
	if (s->stranger && a.priority == VRRP_PRIORITY_YIELD && s->v.state == VROUTER_BACKUP)
		a.priority = 2; /* still the lowest that is, without a meaning */
	node_tell(i, (struct vrouter_event){ .what = VROUTER_ADVERT, .advert = &a });
}

/* --- what becomes of a node --- */

static inline struct vrrp_ip sim_ip(unsigned last)
{
	uint8_t bytes[4] = { 10, 9, 0, (uint8_t)last };

	return vrrp_ip_v4(bytes);
}

static inline void node_start(unsigned i, bool adopt, const struct vrouter *before)
{
	struct sim_node *s = &sim.node[i];
	struct vrouter_event e = { .what = VROUTER_START };

	s->alive = true;
	s->stalled = s->has_outcome = false;
	s->n_inbox = 0;
	vrouter_init(&s->v, &s->c);
	node_tell(i, (struct vrouter_event){ .what = VROUTER_SOURCE, .source = s->ip });
	if (s->link_down)
		node_tell(i, (struct vrouter_event){ .what = VROUTER_FAULT_ON,
						     .faults = VROUTER_FAULT_LINK });
	if (before) {
		e.start.adopt = adopt;
		e.start.last_sent = before->last_sent;
		e.start.demoted = before->demoted;
		e.start.demoted_until = before->due[VROUTER_T_DEMOTED_END];
	}
	node_tell(i, e);
}

static inline void node_crash(unsigned i)
{
	struct sim_node *s = &sim.node[i];

	s->alive = false;
	s->died = sim.now;
	s->timer_stamp++;
	note_health(s);
}

static inline void node_stall(unsigned i, uint64_t us)
{
	sim.node[i].stalled = true;
	note_health(&sim.node[i]);
	post((struct item){ .what = RESUME, .to = i, .at = sim.now + us });
}

/* What the shell promises: first everything that was received, then the timer. */
static inline void node_resume(unsigned i)
{
	struct sim_node *s = &sim.node[i];

	if (!s->alive || !s->stalled)
		return;
	s->stalled = false;
	for (unsigned k = 0; k < s->n_inbox; k++)
		hear(i, s->inbox[k].from, s->inbox[k].bytes, s->inbox[k].n);
	s->n_inbox = 0;
	if (s->vip_lost)
		node_tell(i, (struct vrouter_event){ .what = VROUTER_ADDRESS_LOST });
	s->vip_lost = false;
	if (s->v.armed <= sim.now)
		node_tell(i, (struct vrouter_event){ .what = VROUTER_TIMER });
	note_health(s);
}

static inline void on_deliver(const struct item *item)
{
	struct sim_node *s = &sim.node[item->to];
	struct letter *l = &s->inbox[s->n_inbox];

	if (!s->alive)
		return;
	if (!s->stalled) {
		hear(item->to, item->from, item->bytes, item->n);
	} else if (s->n_inbox < INBOX) {
		*l = (struct letter){ .from = item->from, .n = item->n };
		memcpy(l->bytes, item->bytes, item->n);
		s->n_inbox++;
	}
}

static inline void lose_address(unsigned i)
{
	struct sim_node *s = &sim.node[i];

	drop_address(i);
	if (s->alive && s->stalled)
		s->vip_lost = true;
	else if (s->alive)
		node_tell(i, (struct vrouter_event){ .what = VROUTER_ADDRESS_LOST });
}

static inline void happen(const struct item *item)
{
	struct sim_node *s = &sim.node[item->to];
	struct vrouter before = s->v;

	if (item->what == DELIVER)
		on_deliver(item);
	else if (item->what == TIMER && item->stamp == s->timer_stamp && s->alive && !s->stalled)
		node_tell(item->to, (struct vrouter_event){ .what = VROUTER_TIMER });
	else if (item->what == EXPIRE && item->stamp == s->lease_stamp && s->vip)
		lose_address(item->to);
	else if (item->what == RESUME)
		node_resume(item->to);
	else if (item->what == REBOOT && !s->alive)
		node_start(item->to, false, NULL);
	else if (item->what == ADOPT && !s->alive)
		node_start(item->to, before.state == VROUTER_MASTER, &before);
}

/* --- promises --- */

static inline uint64_t patience(void)
{
	return 3 * sim.interval + (sim.node[0].c.format.version == 2 ? SEC : sim.interval) +
	       4 * sim.delay + 4 * sim.lateness + 10 * MS;
}

/* A new master's advertisement is on its way to the old one for so long, and with three nodes
 * there may be one more on the way. */
static inline uint64_t crossing(void)
{
	return 4 * sim.delay + 4 * sim.lateness + 6 * MS;
}

static inline void mark(uint64_t *since, bool is)
{
	if (!is)
		*since = TIMES_NEVER;
	else if (*since == TIMES_NEVER)
		*since = sim.now;
}

static inline uint64_t lasted(uint64_t since)
{
	return since == TIMES_NEVER ? 0 : sim.now - since;
}

static inline unsigned masters(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sim.n; i++)
		n += can_serve(&sim.node[i]) && sim.node[i].v.state == VROUTER_MASTER;
	return n;
}

static inline unsigned vips(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sim.n; i++)
		n += sim.node[i].vip;
	return n;
}

static inline void check_healthy(uint64_t settled)
{
	for (unsigned i = 0; i < sim.n; i++) {
		const struct sim_node *s = &sim.node[i];

		if (masters() == 0 && s->healthy != TIMES_NEVER &&
		    sim.now > s->healthy + patience() && sim.now > settled)
			sim_fails("nobody is master, but node %u could be", i);
		if (sim.now > settled + crossing() && s->alive && !s->stalled &&
		    s->vip != (s->v.state == VROUTER_MASTER))
			sim_fails("node %u is %s and %s the address", i,
				  vrouter_state_name(s->v.state), s->vip ? "has" : "lacks");
		if (!s->alive && s->vip && !s->stranger &&
		    sim.now > s->died + times_lease(s->c.format.interval) * SEC + 310 * MS)
			sim_fails("the address stays on the dead node %u", i);
	}
}

static inline void check(void)
{
	uint64_t settled = sim.quiet_from + patience();

	mark(&sim.many_masters, masters() > 1);
	if (sim.quiet) {
		if (sim.now > settled + crossing() && lasted(sim.many_masters) > crossing())
			sim_fails("%u masters", masters());
		check_healthy(settled);
	}
	if (lasted(sim.many_vips) > sim.worst_vips)
		sim.worst_vips = lasted(sim.many_vips);
	if (lasted(sim.no_vip) > sim.worst_no_vip)
		sim.worst_no_vip = lasted(sim.no_vip);
	mark(&sim.many_vips, vips() > 1);
	mark(&sim.no_vip, vips() == 0);
}

/* --- running --- */

static inline void sim_run_to(uint64_t until)
{
	while (sim.n_queue && sim.queue[0].at <= until) {
		struct item item = queue_pop();

		sim.now = item.at;
		happen(&item);
		check();
	}
	sim.now = until;
	check();
}

static inline void sim_run(uint64_t us)
{
	sim_run_to(sim.now + us);
}

/* The wire is whole, nobody is stalled, and it stays so. */
static inline void sim_calm(void)
{
	sim.loss = sim.fail = 0;
	memset(sim.cut, 0, sizeof(sim.cut));
	for (unsigned i = 0; i < sim.n; i++)
		node_resume(i);
	sim.quiet = true;
	sim.quiet_from = sim.now;
	sim.many_masters = sim.many_vips = sim.no_vip = TIMES_NEVER;
	sim.worst_vips = sim.worst_no_vip = 0;
}

static inline void sim_init(uint64_t seed, unsigned n, uint8_t version, uint64_t interval)
{
	static struct vrrp_ip vip;

	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.random = (seed + 1) * 0x9e3779b97f4a7c15ull;
	sim.now = 1000 * SEC;
	sim.n = n;
	sim.interval = interval;
	sim.delay = interval / 20 < 2 * MS ? interval / 20 : 2 * MS;
	sim.lateness = sim.delay / 4;
	sim.many_masters = sim.many_vips = sim.no_vip = TIMES_NEVER;
	vip = sim_ip(100);
	for (unsigned i = 0; i < n; i++) {
		sim.node[i].ip = sim_ip(10 + i);
		sim.node[i].healthy = TIMES_NEVER;
		sim.node[i].c = (struct vrouter_config){
			.format = { .version = version, .vrid = 51, .interval = interval,
				    .addresses = &vip, .n_addresses = 1 },
			.priority = (uint8_t)(250 - 20 * i), .preempt = true,
			.announce = { .count = 1, .refresh = 60 * SEC },
		};
	}
}

#endif
