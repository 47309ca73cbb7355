/* Inside the machine: one turn is one event being answered. Shared by the fsm*.c files only. */
#ifndef HPCBAL_VRRP_FSM_TURN_H
#define HPCBAL_VRRP_FSM_TURN_H

#include "vrrp/fsm.h"

struct turn {
	struct vrouter *v;
	const struct vrouter_config *c;
	const struct vrouter_event *e;
	uint64_t now;
	struct vrouter_plan *plan;
};

/* --- fsm.c: the plan, the setter --- */

struct vrouter_action *turn_act(struct turn *t, enum vrouter_act act);
void turn_note(struct turn *t, enum vrouter_note note, const struct vrrp_ip *peer);
void turn_outcome(struct turn *t, enum vrouter_outcome outcome);
/* The one setter of `state`. Stops the timers of the state that is left; the caller starts
 * those of the new one. */
void turn_set_state(struct turn *t, enum vrouter_state to, enum vrouter_reason why);
static inline void turn_at_latest(struct turn *t, enum vrouter_timer timer, uint64_t at)
{
	if (at < t->v->due[timer])
		t->v->due[timer] = at;
}

/* --- fsm_master.c: what a master does --- */

void master_enter(struct turn *t, enum vrouter_reason why);
/* An advertisement now, and the next with the beat. */
void master_advertise(struct turn *t);
/* Gives the addresses back; `resign`: tells the others first. The state is the caller's. */
void master_leave(struct turn *t, bool resign);
/* Self-fencing (R65), before anything else is done with an event. */
void master_fence(struct turn *t);
void master_on_advert(struct turn *t);
void master_on_send_failed(struct turn *t);
void master_on_address_lost(struct turn *t);
void master_on_reconfigured(struct turn *t);
void master_on_announce_timer(struct turn *t);
void master_on_rival_gone(struct turn *t);
void master_restore(struct turn *t);

/* --- fsm_backup.c: what a backup does --- */

void backup_enter(struct turn *t, enum vrouter_reason why);
/* The advertisement of a master whom we follow. */
void backup_accept(struct turn *t);
void backup_on_advert(struct turn *t);
void backup_on_down_timer(struct turn *t);
void backup_on_reconfigured(struct turn *t);
/* Listens for a whole down interval from now. */
void backup_listen(struct turn *t);

/* --- fsm_fault.c: faults, the return from them, the settling of the link --- */

/* As at a start: the owner is master at once, others listen (R49, R50). */
void fault_begin(struct turn *t, enum vrouter_reason why);
void fault_settle_or_begin(struct turn *t);
/* Keeps away for the time of a flap. */
void fault_keep_away(struct turn *t, enum vrouter_reason why);
/* From now on: until `hold_until`, or until there is no master. */
void fault_wait(struct turn *t);
void fault_on(struct turn *t);
void fault_off(struct turn *t);
enum vrouter_reason fault_reason(uint32_t faults);

/* --- fsm_demote.c --- */

void demote_on_demote(struct turn *t);
void demote_on_promote(struct turn *t);
void demote_on_timer(struct turn *t);
void demote_on_end_timer(struct turn *t);
/* Mastership ends while somebody waits for the outcome of a demotion. */
void demote_left(struct turn *t, enum vrouter_reason why);

#endif
