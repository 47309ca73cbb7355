/* The backup: whom it follows, and when it claims. */
#include "vrrp/fsm_turn.h"

static uint64_t down_interval(const struct turn *t)
{
	return times_down(t->c->format.version, vrouter_priority(t->v), t->v->master_interval);
}

static uint64_t skew_time(const struct turn *t)
{
	return times_skew(t->c->format.version, vrouter_priority(t->v), t->v->master_interval);
}

void backup_listen(struct turn *t)
{
	t->v->looked = false;
	t->v->due[VROUTER_T_DOWN] = t->now + down_interval(t);
}

void backup_enter(struct turn *t, enum vrouter_reason why)
{
	struct vrouter *v = t->v;

	v->master_interval = t->c->format.interval;
	v->master.size = 0;
	v->preempt_at = 0;
	v->claim = VROUTER_WHY_NO_MASTER;
	turn_set_state(t, VROUTER_BACKUP, why);
	backup_listen(t);
}

void backup_accept(struct turn *t)
{
	struct vrouter *v = t->v;
	const struct vrrp_advert *a = t->e->advert;

	if (t->c->format.version == 3)
		v->master_interval = a->interval;
	v->master = a->source;
	v->master_priority = a->priority;
	v->claim = VROUTER_WHY_MASTER_SILENT;
	if (a->priority >= vrouter_priority(v))
		v->preempt_at = 0;
	backup_listen(t);
}

static bool may_preempt(struct turn *t)
{
	struct vrouter *v = t->v;

	if (!t->c->preempt || v->demoted || v->holds_back)
		return false;
	if (v->preempt_at == 0)
		v->preempt_at = t->now + t->c->preempt_delay;
	return t->now >= v->preempt_at;
}

/* Never later than it would anyway: a repeated resignation must not keep us waiting. */
static void claim_soon(struct turn *t, uint64_t wait, enum vrouter_reason claim)
{
	t->v->claim = claim;
	turn_at_latest(t, VROUTER_T_DOWN, t->now + wait);
}

static void on_resignation(struct turn *t)
{
	if (vrrp_ip_eq(&t->v->master, &t->e->advert->source))
		t->v->master.size = 0;
	claim_soon(t, skew_time(t), VROUTER_WHY_MASTER_RESIGNED);
}

/* Only the master can ask. From anybody else it is an advertisement that was on its way while
 * the next master took over already, and says nothing. */
static void on_yield(struct turn *t)
{
	struct vrouter *v = t->v;

	if (v->master.size == 0 || vrrp_ip_eq(&v->master, &t->e->advert->source))
		claim_soon(t, times_yield(v->effective), VROUTER_WHY_MASTER_YIELDED);
}

void backup_on_advert(struct turn *t)
{
	uint8_t own = vrouter_priority(t->v), theirs = t->e->advert->priority;

	if (theirs == VRRP_PRIORITY_STOP)
		on_resignation(t);
	else if (theirs == VRRP_PRIORITY_YIELD && own > VRRP_PRIORITY_YIELD)
		on_yield(t);
	else if (theirs < own && may_preempt(t))
		t->v->claim = VROUTER_WHY_PREEMPTED;
	else
		backup_accept(t);
}

/* The interval that was learnt from a master stays. */
void backup_on_reconfigured(struct turn *t)
{
	if (t->c->format.version == 2 || t->v->master.size == 0)
		t->v->master_interval = t->c->format.interval;
	backup_listen(t);
}

/* Later than an interval: we were not running, and packets may have been lost meanwhile. */
void backup_on_down_timer(struct turn *t)
{
	struct vrouter *v = t->v;

	if (!v->looked && t->now - v->due[VROUTER_T_DOWN] > v->master_interval) {
		backup_listen(t);
		v->looked = true;
		turn_note(t, VROUTER_NOTE_WOKE_LATE, NULL);
		return;
	}
	master_enter(t, v->claim);
}
