/* Giving mastership away without a gap: a demoted master advertises the lowest priority, goes
 * on serving, and lets go when it hears another. */
#include "base/clock.h"
#include "vrrp/fsm_turn.h"

/* A stranger that preempts takes its whole down interval to claim. */
static uint64_t patience(const struct turn *t)
{
	return 4 * t->c->format.interval + CLOCK_SEC;
}

void demote_left(struct turn *t, enum vrouter_reason why)
{
	struct vrouter_action *a;

	t->v->demoting = false;
	if (why == VROUTER_WHY_DEMOTED) {
		a = turn_act(t, VROUTER_OUTCOME);
		a->outcome = VROUTER_OUTCOME_TAKEN_OVER;
		a->taker = t->e->advert->source;
	} else if (why == VROUTER_WHY_RESIGNED) {
		turn_outcome(t, VROUTER_OUTCOME_RESIGNED);
	} else if (why == VROUTER_WHY_STOPPED) {
		turn_outcome(t, VROUTER_OUTCOME_STOPPED);
	} else {
		turn_outcome(t, VROUTER_OUTCOME_ENDED);
	}
}

static void resign(struct turn *t)
{
	t->v->demoting = true;
	master_leave(t, true);
	backup_enter(t, VROUTER_WHY_RESIGNED);
}

static void begin(struct turn *t)
{
	t->v->demoting = true;
	t->v->due[VROUTER_T_DEMOTE] = t->now + patience(t);
	master_advertise(t);
}

void demote_on_demote(struct turn *t)
{
	struct vrouter *v = t->v;
	bool before = v->demoted;

	v->demoted = true;
	v->due[VROUTER_T_DEMOTED_END] = t->e->demote.until ? t->e->demote.until : TIMES_NEVER;
	if (v->state != VROUTER_MASTER)
		turn_outcome(t, before ? VROUTER_OUTCOME_ALREADY : VROUTER_OUTCOME_NOT_MASTER);
	else if (t->e->demote.force)
		resign(t);
	else if (!before)
		begin(t);
	else
		turn_outcome(t, v->demoting ? VROUTER_OUTCOME_ALREADY :
					      VROUTER_OUTCOME_HOLDS_ALONE);
}

static void end_demotion(struct turn *t)
{
	struct vrouter *v = t->v;

	v->demoted = v->demoting = v->holds_back = false;
	v->preempt_at = 0;
	v->due[VROUTER_T_DEMOTED_END] = v->due[VROUTER_T_DEMOTE] = TIMES_NEVER;
	if (v->state == VROUTER_MASTER)
		master_advertise(t);
}

void demote_on_promote(struct turn *t)
{
	bool was = t->v->demoted || t->v->holds_back;

	if (was)
		end_demotion(t);
	turn_outcome(t, was ? VROUTER_OUTCOME_PROMOTED : VROUTER_OUTCOME_NOT_DEMOTED);
}

void demote_on_timer(struct turn *t)
{
	end_demotion(t);
	turn_outcome(t, VROUTER_OUTCOME_NOT_TAKEN);
}

void demote_on_end_timer(struct turn *t)
{
	bool waited = t->v->demoting;

	end_demotion(t);
	if (waited)
		turn_outcome(t, VROUTER_OUTCOME_NOT_TAKEN);
	turn_note(t, VROUTER_NOTE_DEMOTION_OVER, NULL);
}
