/* Carrying out a plan of the machine: one function an action, in the order of the plan. */
#include "vrrp/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "vrrp/timerfd.h"

/* How long behind its advertisement a lease may be renewed: so much longer it may live. */
#define RENEWED_WITHIN_US (100 * CLOCK_MS)
/* When other hosts with our addresses are looked for: once a dead predecessor's lease must be
 * over, and then now and then. */
#define CHECK_AFTER_US (600 * CLOCK_MS)

/* False: what hangs on an advertisement that went out is left out from here on. */
static bool send_to(struct instance *i, uint8_t priority, const struct vrrp_ip *to)
{
	const struct vrrp_format *f = &i->config.format;
	uint8_t bytes[VRRP_IPV4_HEADER + VRRP_MESSAGE_MAX];
	size_t n = f->ipv6 ? vrrp_packet_build(f, priority, &i->machine.source, to, bytes,
					       sizeof(bytes))
			   : vrrp_packet_build_ipv4(f, priority, &i->machine.source, to, bytes,
						    sizeof(bytes));

	return n && wire_send(i->segment->ports[i->by].wire, to, bytes, n) == 0;
}

static bool send_to_peers(struct instance *i, uint8_t priority)
{
	bool sent = false;

	for (unsigned n = 0; n < i->config.format.n_peers; n++)
		sent |= send_to(i, priority, &i->peers[n]);
	return sent;
}

static bool act_send(struct instance *i, const struct vrouter_action *a)
{
	bool sent = false;

	if (segment_ready(i->segment, i->by) && i->machine.source.size)
		sent = i->brief->unicast ? send_to_peers(i, a->priority)
					 : send_to(i, a->priority, vrrp_group(i->brief->ipv6));
	if (!sent) {
		stats_add(i->board->stats.send_failures, 1);
		return false;
	}
	stats_add(i->board->stats.adverts_sent, 1);
	if (a->priority != VRRP_PRIORITY_STOP)
		stats_set(i->board->last_sent_us, clock_now_us());
	return true;
}

static bool act_add(struct instance *i, const struct vrouter_action *a)
{
	(void)a;
	return instance_add_addresses(i);
}

static bool act_renew(struct instance *i, const struct vrouter_action *a)
{
	(void)a;
	renewer_want(i->world->renewer, &i->set, clock_now_us() + RENEWED_WITHIN_US);
	return true;
}

static bool act_delete(struct instance *i, const struct vrouter_action *a)
{
	(void)a;
	instance_delete_addresses(i);
	return true;
}

static bool act_announce(struct instance *i, const struct vrouter_action *a)
{
	instance_announce(i, a->count);
	return true;
}

/* As keepalived's notify scripts get it: INSTANCE, name, state, priority. */
static void notify(struct instance *i, const struct vrouter_action *a)
{
	const char *state = vrouter_state_name(a->to);
	char words[BRIEF_NAME + 48];
	int n;

	if (i->brief->notify == BRIEF_NONE)
		return;
	if (a->to == VROUTER_INIT && a->why != VROUTER_WHY_STOPPED)
		return;
	if (a->to == VROUTER_INIT)
		state = "STOP";
	n = snprintf(words, sizeof(words), "INSTANCE%c%s%c%s%c%u", 0, instance_name(i), 0, state,
		     0, vrouter_priority(&i->machine));
	world_notify(i->world, i->brief->notify, (struct str){ words, (size_t)n + 1 });
}

static int level_of(const struct vrouter_action *a)
{
	return a->to == VROUTER_FAULT ? LOG_WARNING : LOG_NOTICE;
}

/* Counts it, and tells those who are to know. */
static void state_changed(struct instance *i, const struct vrouter_action *a)
{
	if (a->from != a->to || !i->since_wall)
		i->since_wall = clock_wall_us();
	if (a->from != a->to)
		stats_add(i->board->stats.transitions, 1);
	if (a->to == VROUTER_MASTER)
		stats_add(i->board->stats.became_master, 1);
	/* What flaps fills no log; `why` says it. */
	if (a->from == a->to && a->to == VROUTER_FAULT)
		return;
	if (a->from == a->to)
		world_say(i->world, LOG_INFO, true, "%s: %s: %s", instance_name(i),
			  vrouter_state_name(a->to), vrouter_reason_text(a->why));
	else
		world_say(i->world, level_of(a), true, "%s: %s → %s: %s", instance_name(i),
			  vrouter_state_name(a->from), vrouter_state_name(a->to),
			  vrouter_reason_text(a->why));
	notify(i, a);
}

static bool act_state(struct instance *i, const struct vrouter_action *a)
{
	uint64_t now = clock_now_us();

	if (a->to == VROUTER_MASTER) {
		i->check_at = now + i->set.leases[0].lifetime_s * CLOCK_SEC + CHECK_AFTER_US;
		i->checked = 0;
	} else {
		stats_set(i->board->last_sent_us, 0);
		i->check_at = TIMES_NEVER;
		probe_stop(&i->conflict);
	}
	if (i->resumes && i->resumes->state == (uint32_t)a->to) {
		i->since_wall = i->resumes->since_wall_us;
		world_say(i->world, LOG_INFO, false, "%s: still %s", instance_name(i),
			  vrouter_state_name(a->to));
	} else {
		state_changed(i, a);
	}
	instance_write_facts(i, now);
	return true;
}

static bool act_note(struct instance *i, const struct vrouter_action *a)
{
	char peer[VRRP_IP_TEXT];

	if (a->peer.size)
		world_say(i->world, LOG_WARNING, true, "%s: %s %s", instance_name(i),
			  vrrp_ip_format(&a->peer, peer), vrouter_note_text(a->note));
	else
		world_say(i->world, LOG_WARNING, true, "%s: %s", instance_name(i),
			  vrouter_note_text(a->note));
	return true;
}

/* Who asked may look at once. */
static bool act_outcome(struct instance *i, const struct vrouter_action *a)
{
	instance_write_facts(i, clock_now_us());
	if (i->ear)
		i->ear->outcome(i->ear, i, a);
	return true;
}

static bool act_arm(struct instance *i, const struct vrouter_action *a)
{
	i->armed = a->at;
	timerfd_arm(&i->timer_io, a->at);
	return true;
}

/* `hangs`: done only together with an advertisement that went out. */
static const struct {
	bool (*run)(struct instance *i, const struct vrouter_action *a);
	bool hangs;
} acts[VROUTER_ACTS] = {
	[VROUTER_SEND] = { act_send, false },	[VROUTER_ADD] = { act_add, true },
	[VROUTER_RENEW] = { act_renew, true },	[VROUTER_DELETE] = { act_delete, false },
	[VROUTER_ANNOUNCE] = { act_announce, true }, [VROUTER_STATE] = { act_state, false },
	[VROUTER_NOTE] = { act_note, false },	[VROUTER_OUTCOME] = { act_outcome, false },
	[VROUTER_ARM] = { act_arm, false },
};

void instance_carry_out(struct instance *i, struct vrouter_plan *plan)
{
	static const struct vrouter_event failed = { .what = VROUTER_SEND_FAILED };
	bool sent = true;

	for (unsigned n = 0; n < plan->n; n++) {
		const struct vrouter_action *a = &plan->actions[n];

		if (acts[a->act].hangs && !sent)
			continue;
		if (!acts[a->act].run(i, a) && a->act == VROUTER_SEND)
			sent = false;
	}
	if (!sent)
		instance_tell(i, &failed);
}
