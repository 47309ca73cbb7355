/* Faults, the wait after a link that flapped, and the settling of a link at boot. */
#include "base/clock.h"
#include "vrrp/fsm_turn.h"

#define FLAP_FIRST (5 * CLOCK_SEC)
#define FLAP_MAX (60 * CLOCK_SEC)
/* A link that stayed up for so long after its wait has made good. */
#define FLAP_FORGET (60 * CLOCK_SEC)

#define BIT_IF(is, name) ((is) ? VROUTER_FAULT_##name : 0)

static const uint32_t returns_late = 0
#define FAULT(name, bit, late, sends, text) | BIT_IF(late, name)
#include "vrrp/fault.def"
#undef FAULT
	;

static const uint32_t cannot_send = 0
#define FAULT(name, bit, late, sends, text) | BIT_IF(!(sends), name)
#include "vrrp/fault.def"
#undef FAULT
	;

/* The gravest: rows and bits stand in that order. */
enum vrouter_reason fault_reason(uint32_t faults)
{
	return VROUTER_WHY_FAULT_INTERFACE + (enum vrouter_reason)__builtin_ctz(faults);
}

void fault_begin(struct turn *t, enum vrouter_reason why)
{
	t->v->been_up = true;
	if (vrouter_priority(t->v) == VRRP_PRIORITY_OWNER)
		master_enter(t, VROUTER_WHY_OWNER);
	else
		backup_enter(t, why);
}

void fault_settle_or_begin(struct turn *t)
{
	struct vrouter *v = t->v;

	if (t->c->settle == 0 || vrouter_priority(v) == VRRP_PRIORITY_OWNER) {
		fault_begin(t, VROUTER_WHY_STARTED);
		return;
	}
	turn_set_state(t, VROUTER_INIT, VROUTER_WHY_SETTLING);
	v->due[VROUTER_T_SETTLE] = t->now + t->c->settle;
}

/* 5 s, doubling while it flaps and another node is master. */
static uint64_t flap_wait(struct turn *t)
{
	struct vrouter *v = t->v;
	bool again = v->flap && t->now - v->flap_at < v->flap + FLAP_FORGET;

	v->flap_at = t->now;
	v->flap = again ? v->flap * 2 : FLAP_FIRST;
	if (v->flap > FLAP_MAX)
		v->flap = FLAP_MAX;
	return v->flap;
}

/* That something flaps is no reason to leave the addresses to nobody: once no master was heard
 * for long enough, the wait is over. */
void fault_wait(struct turn *t)
{
	struct vrouter *v = t->v;
	uint64_t silence = times_down(t->c->format.version, vrouter_priority(v),
				      v->master_interval);

	if (silence < FLAP_FIRST)
		silence = FLAP_FIRST;
	v->due[VROUTER_T_RETURN] = t->now + silence;
	turn_at_latest(t, VROUTER_T_RETURN, v->hold_until);
}

void fault_keep_away(struct turn *t, enum vrouter_reason why)
{
	t->v->hold_until = t->now + flap_wait(t);
	turn_set_state(t, VROUTER_FAULT, why);
	fault_wait(t);
}

void fault_on(struct turn *t)
{
	struct vrouter *v = t->v;
	uint32_t news = t->e->faults & ~v->faults;

	v->faults |= news;
	if (!v->running || !news || (v->state == VROUTER_FAULT && v->faults != news))
		return;
	if (v->state == VROUTER_MASTER)
		master_leave(t, !(news & cannot_send));
	v->master.size = 0;
	turn_set_state(t, VROUTER_FAULT, fault_reason(news));
}

static void come_back(struct turn *t)
{
	if (!t->v->been_up) {
		fault_settle_or_begin(t);
	} else if (t->v->hold_until > t->now) {
		turn_set_state(t, VROUTER_FAULT, VROUTER_WHY_WAITS);
		fault_wait(t);
	} else {
		fault_begin(t, VROUTER_WHY_FIT);
	}
}

void fault_off(struct turn *t)
{
	struct vrouter *v = t->v;
	uint32_t gone = t->e->faults & v->faults;

	v->faults &= ~gone;
	if (!v->running || !gone)
		return;
	if (v->been_up && gone & returns_late)
		v->hold_until = t->now + flap_wait(t);
	if (!v->faults && v->state == VROUTER_FAULT)
		come_back(t);
}
