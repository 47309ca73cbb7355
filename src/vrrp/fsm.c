/* The turn: an event goes in, its handler acts on the plan, the one timer is set again. */
#include "vrrp/fsm.h"

#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "vrrp/fsm_turn.h"

#define TIMER(name) (1u << VROUTER_T_##name)

/* The timers that run only in one state. */
static const unsigned timers_of[VROUTER_STATES] = {
	[VROUTER_INIT] = TIMER(SETTLE),
	[VROUTER_BACKUP] = TIMER(DOWN),
	[VROUTER_MASTER] = TIMER(ADVERT) | TIMER(ANNOUNCE) | TIMER(RESTORE) | TIMER(DEMOTE) |
			   TIMER(RIVAL_GONE),
	[VROUTER_FAULT] = TIMER(RETURN),
};

static const unsigned note_gap_s[VROUTER_NOTES] = {
#define NOTE(name, gap_s, text) gap_s,
#include "vrrp/note.def"
#undef NOTE
};

void vrouter_init(struct vrouter *v, const struct vrouter_config *c)
{
	memset(v, 0, sizeof(*v));
	v->effective = c->priority;
	v->master_interval = c->format.interval;
	v->armed = TIMES_NEVER;
	for (unsigned i = 0; i < VROUTER_TIMERS; i++)
		v->due[i] = TIMES_NEVER;
}

uint8_t vrouter_priority(const struct vrouter *v)
{
	return v->demoted ? VRRP_PRIORITY_YIELD : v->effective;
}

struct vrouter_action *turn_act(struct turn *t, enum vrouter_act act)
{
	struct vrouter_action *a = &t->plan->actions[t->plan->n];

	must(t->plan->n < VROUTER_ACTIONS_MAX);
	t->plan->n++;
	memset(a, 0, sizeof(*a));
	a->act = act;
	return a;
}

void turn_note(struct turn *t, enum vrouter_note note, const struct vrrp_ip *peer)
{
	uint64_t *last = &t->v->noted[note];
	struct vrouter_action *a;

	if (*last && t->now - *last < note_gap_s[note] * CLOCK_SEC)
		return;
	*last = t->now;
	a = turn_act(t, VROUTER_NOTE);
	a->note = note;
	if (peer)
		a->peer = *peer;
}

void turn_outcome(struct turn *t, enum vrouter_outcome outcome)
{
	turn_act(t, VROUTER_OUTCOME)->outcome = outcome;
}

void turn_set_state(struct turn *t, enum vrouter_state to, enum vrouter_reason why)
{
	struct vrouter *v = t->v;
	struct vrouter_action *a = turn_act(t, VROUTER_STATE);

	a->from = v->state;
	a->to = to;
	a->why = why;
	for (unsigned i = 0; i < VROUTER_TIMERS; i++)
		if (timers_of[v->state] & 1u << i)
			v->due[i] = TIMES_NEVER;
	if (v->demoting)
		demote_left(t, why);
	v->state = to;
	v->why = why;
	v->since = t->now;
}

/* --- start and stop --- */

static void start_demoted(struct turn *t)
{
	if (!t->e->start.demoted)
		return;
	t->v->demoted = true;
	if (t->e->start.demoted_until)
		t->v->due[VROUTER_T_DEMOTED_END] = t->e->start.demoted_until;
}

/* A predecessor's addresses are kept only while no other node can have claimed them. */
static void start_adopting(struct turn *t)
{
	uint64_t silent = t->now - t->e->start.last_sent;

	t->v->been_up = true;
	if (silent <= times_down_min(t->c->format.version, t->c->format.interval)) {
		master_enter(t, VROUTER_WHY_ADOPTED);
		return;
	}
	turn_act(t, VROUTER_DELETE);
	t->v->holds_back = true;
	backup_enter(t, VROUTER_WHY_STALLED);
}

static void on_start(struct turn *t)
{
	struct vrouter *v = t->v;

	must(!v->running && v->state == VROUTER_INIT);
	v->running = true;
	v->holds_back = t->e->start.holds_back;
	start_demoted(t);
	if (t->e->start.adopt && !v->faults) {
		start_adopting(t);
		return;
	}
	turn_act(t, VROUTER_DELETE);
	if (v->faults)
		turn_set_state(t, VROUTER_FAULT, fault_reason(v->faults));
	else if (t->e->start.settled)
		fault_begin(t, t->e->start.resumes ? VROUTER_WHY_ADOPTED : VROUTER_WHY_STARTED);
	else
		fault_settle_or_begin(t);
}

static void on_stop(struct turn *t)
{
	struct vrouter *v = t->v;

	if (!v->running)
		return;
	if (v->state == VROUTER_MASTER)
		master_leave(t, true);
	turn_set_state(t, VROUTER_INIT, VROUTER_WHY_STOPPED);
	v->running = v->demoted = v->holds_back = v->been_up = false;
	v->master.size = 0;
	v->flap = v->hold_until = 0;
	v->due[VROUTER_T_DEMOTED_END] = TIMES_NEVER;
}

/* --- the other events --- */

static void on_source(struct turn *t)
{
	t->v->source = t->e->source;
}

static void on_priority(struct turn *t)
{
	must(t->e->priority >= VRRP_PRIORITY_MIN);
	t->v->effective = t->e->priority;
}

static void on_settled(struct turn *t)
{
	if (t->v->due[VROUTER_T_SETTLE] != TIMES_NEVER)
		fault_begin(t, VROUTER_WHY_STARTED);
}

static void note_oddities(struct turn *t, unsigned news)
{
	static const struct {
		unsigned odd;
		enum vrouter_note note;
	} rows[] = {
		{ VRRP_ODD_LIST, VROUTER_NOTE_LIST_DIFFERS },
		{ VRRP_ODD_FIRST_ADDRESS, VROUTER_NOTE_FIRST_ADDRESS },
		{ VRRP_ODD_INTERVAL, VROUTER_NOTE_INTERVAL_DIFFERS },
		{ VRRP_ODD_CHECKSUM, VROUTER_NOTE_CHECKSUM_DIFFERS },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (news & rows[i].odd)
			turn_note(t, rows[i].note, &t->e->advert->source);
}

/* What is heard proves that the link carries packets, and ends its settling. A wait after a
 * flap ends early only for a master that leaves or is silent: nobody else may be there to
 * serve. */
static void listen_while_waiting(struct turn *t)
{
	struct vrouter *v = t->v;

	if (v->due[VROUTER_T_SETTLE] != TIMES_NEVER)
		fault_begin(t, VROUTER_WHY_STARTED);
	else if (v->due[VROUTER_T_RETURN] == TIMES_NEVER)
		return;
	else if (t->e->advert->priority <= VRRP_PRIORITY_YIELD)
		fault_begin(t, VROUTER_WHY_FIT);
	else
		fault_wait(t);
}

static void on_advert(struct turn *t)
{
	struct vrouter *v = t->v;

	if (!v->running)
		return;
	note_oddities(t, peers_heard(v->peers, t->e->advert, t->now));
	listen_while_waiting(t);
	if (v->state == VROUTER_MASTER)
		master_on_advert(t);
	else if (v->state == VROUTER_BACKUP)
		backup_on_advert(t);
}

static void on_send_failed(struct turn *t)
{
	if (t->v->state == VROUTER_MASTER)
		master_on_send_failed(t);
}

static void on_address_lost(struct turn *t)
{
	if (t->v->state == VROUTER_MASTER)
		master_on_address_lost(t);
}

static void on_resumed(struct turn *t)
{
	if (t->v->state == VROUTER_MASTER) {
		master_leave(t, false);
		t->v->holds_back = true;
		backup_enter(t, VROUTER_WHY_STALLED);
	} else if (t->v->state == VROUTER_BACKUP) {
		backup_listen(t);
	}
}

static void on_reconfigured(struct turn *t)
{
	if (t->v->state == VROUTER_MASTER)
		master_on_reconfigured(t);
	else if (t->v->state == VROUTER_BACKUP)
		backup_on_reconfigured(t);
}

/* --- the timer --- */

static void on_settle_timer(struct turn *t)
{
	fault_begin(t, VROUTER_WHY_STARTED);
}

static void on_return_timer(struct turn *t)
{
	fault_begin(t, VROUTER_WHY_FIT);
}

static void (*const timer_handlers[VROUTER_TIMERS])(struct turn *t) = {
	[VROUTER_T_SETTLE] = on_settle_timer,
	[VROUTER_T_RETURN] = on_return_timer,
	[VROUTER_T_DOWN] = backup_on_down_timer,
	[VROUTER_T_DEMOTED_END] = demote_on_end_timer,
	[VROUTER_T_DEMOTE] = demote_on_timer,
	[VROUTER_T_RESTORE] = master_restore,
	[VROUTER_T_ADVERT] = master_advertise,
	[VROUTER_T_ANNOUNCE] = master_on_announce_timer,
	[VROUTER_T_RIVAL_GONE] = master_on_rival_gone,
};

/* A handler reads its own `due` to know how late it is, and starts it again or not. */
static void on_timer(struct turn *t)
{
	t->v->armed = TIMES_NEVER;
	for (unsigned i = 0; i < VROUTER_TIMERS; i++)
		if (t->v->due[i] <= t->now)
			timer_handlers[i](t);
}

static void arm(struct turn *t)
{
	struct vrouter *v = t->v;
	uint64_t first = TIMES_NEVER;

	for (unsigned i = 0; i < VROUTER_TIMERS; i++)
		if (v->due[i] < first)
			first = v->due[i];
	if (first == v->armed)
		return;
	v->armed = first;
	turn_act(t, VROUTER_ARM)->at = first;
}

static void (*const handlers[VROUTER_HAPPENINGS])(struct turn *t) = {
	[VROUTER_SOURCE] = on_source,
	[VROUTER_PRIORITY] = on_priority,
	[VROUTER_FAULT_ON] = fault_on,
	[VROUTER_FAULT_OFF] = fault_off,
	[VROUTER_START] = on_start,
	[VROUTER_STOP] = on_stop,
	[VROUTER_SETTLED] = on_settled,
	[VROUTER_TIMER] = on_timer,
	[VROUTER_ADVERT] = on_advert,
	[VROUTER_SEND_FAILED] = on_send_failed,
	[VROUTER_ADDRESS_LOST] = on_address_lost,
	[VROUTER_RESUMED] = on_resumed,
	[VROUTER_RECONFIGURED] = on_reconfigured,
	[VROUTER_DEMOTE] = demote_on_demote,
	[VROUTER_PROMOTE] = demote_on_promote,
};

void vrouter_step(struct vrouter *v, const struct vrouter_config *c,
		  const struct vrouter_event *e, uint64_t now, struct vrouter_plan *plan)
{
	struct turn t = { v, c, e, now, plan };

	must((unsigned)e->what < VROUTER_HAPPENINGS);
	plan->n = 0;
	master_fence(&t);
	handlers[e->what](&t);
	arm(&t);
	must((v->state == VROUTER_MASTER) == (v->due[VROUTER_T_ADVERT] != TIMES_NEVER));
	must((v->state == VROUTER_BACKUP) == (v->due[VROUTER_T_DOWN] != TIMES_NEVER));
}
