/* One virtual router as a pure machine: (configuration, event, now) → a list of actions. It
 * reads no clock, sends nothing, logs nothing and allocates nothing; a shell with sockets and
 * netlink feeds it and carries out the plan, in order.
 *
 * What the shell owes the machine:
 *  - `now` is monotonic, in µs, and never goes back.
 *  - Before it tells TIMER it has read its sockets empty: a late wake-up must first hear what
 *    came meanwhile. Only packets that vrrp_packet_parse() took are told.
 *  - A plan has one SEND at most. When it fails, the ADD, RENEW and ANNOUNCE behind it are left
 *    out and SEND_FAILED is told next: an address is never held longer than an advertisement
 *    that went out says. DELETE is always carried out.
 *  - ADD and RENEW are one netlink request (create or replace, with the lifetime); it is
 *    harmless to repeat. DELETE of what is not there is well. */
#ifndef HPCBAL_VRRP_FSM_H
#define HPCBAL_VRRP_FSM_H

#include "vrrp/packet.h"
#include "vrrp/peers.h"
#include "vrrp/times.h"

/* Immutable while the machine runs; a new one is told by RECONFIGURED. */
struct vrouter_config {
	struct vrrp_format format;
	uint8_t priority; /* 2..254, 255: owner */
	bool preempt;
	uint64_t preempt_delay;         /* from seeing a lower master */
	uint64_t settle;                /* at most so long the link settles at boot */
	struct times_announce announce;
};

enum vrouter_state { VROUTER_INIT, VROUTER_BACKUP, VROUTER_MASTER, VROUTER_FAULT, VROUTER_STATES };

enum vrouter_reason {
#define TRANSITION(name, text) VROUTER_WHY_##name,
#include "vrrp/transition.def"
#undef TRANSITION
#define FAULT(name, bit, late, sends, text) VROUTER_WHY_FAULT_##name,
#include "vrrp/fault.def"
#undef FAULT
	VROUTER_REASONS
};

/* Bits of `faults`. */
enum vrouter_fault {
#define FAULT(name, bit, late, sends, text) VROUTER_FAULT_##name = 1 << bit,
#include "vrrp/fault.def"
#undef FAULT
};

enum vrouter_note {
#define NOTE(name, gap_s, text) VROUTER_NOTE_##name,
#include "vrrp/note.def"
#undef NOTE
	VROUTER_NOTES
};

enum vrouter_outcome {
#define OUTCOME(name, done, text) VROUTER_OUTCOME_##name,
#include "vrrp/outcome.def"
#undef OUTCOME
	VROUTER_OUTCOMES
};

const char *vrouter_state_name(enum vrouter_state s);    /* "MASTER" … */
const char *vrouter_reason_name(enum vrouter_reason r);  /* "MASTER_SILENT", "FAULT_LINK" … */
const char *vrouter_reason_text(enum vrouter_reason r);
const char *vrouter_note_name(enum vrouter_note n);
const char *vrouter_note_text(enum vrouter_note n);
const char *vrouter_outcome_name(enum vrouter_outcome o);
const char *vrouter_outcome_text(enum vrouter_outcome o);
bool vrouter_outcome_done(enum vrouter_outcome o);

/* --- what happens to it --- */

enum vrouter_happening {
	/* May come before START too, and then only say how things stand. */
	VROUTER_SOURCE,    /* the address that we send from: ties are decided by it */
	VROUTER_PRIORITY,  /* the effective priority, of weights */
	VROUTER_FAULT_ON,  /* one bit or several of enum vrouter_fault */
	VROUTER_FAULT_OFF,

	VROUTER_START,
	VROUTER_STOP,
	VROUTER_SETTLED,      /* the link was proved to carry packets */
	VROUTER_TIMER,        /* the instant of the last TIMER action has come */
	VROUTER_ADVERT,       /* an advertisement that was taken */
	VROUTER_SEND_FAILED,  /* the last SEND did not go out */
	VROUTER_ADDRESS_LOST, /* an address of ours is gone, and we did not delete it */
	VROUTER_RESUMED,      /* the machine or the process was stopped, however the clock went */
	VROUTER_RECONFIGURED, /* the configuration given from now on is another */
	VROUTER_DEMOTE,
	VROUTER_PROMOTE,
	VROUTER_HAPPENINGS
};

struct vrouter_event {
	enum vrouter_happening what;
	union {
		struct {
			bool adopt;          /* a predecessor was master when it crashed… */
			uint64_t last_sent;  /* …and advertised last at this instant */
			bool demoted;
			uint64_t demoted_until; /* 0 or TIMES_NEVER: until promoted */
			bool holds_back;
			bool settled; /* it was in use a moment ago: the link needs no time */
			bool resumes; /* it was by a predecessor that left in order */
		} start;
		struct {
			bool force;
			uint64_t until; /* 0 or TIMES_NEVER: until promoted */
		} demote;
		const struct vrrp_advert *advert; /* borrowed for the call */
		struct vrrp_ip source;
		uint32_t faults;
		uint8_t priority;
	};
};

/* --- what it wants done --- */

enum vrouter_act {
	VROUTER_SEND,     /* one advertisement with `priority` */
	VROUTER_ADD,      /* all addresses, with `lifetime_s` */
	VROUTER_RENEW,    /* their lifetimes */
	VROUTER_DELETE,   /* all addresses; nothing of them may stay */
	VROUTER_ANNOUNCE, /* gratuitous ARP or neighbour advertisements, `count` an address */
	VROUTER_STATE,    /* `from` → `to`, because of `why`: log, count, publish, notify */
	VROUTER_NOTE,     /* log `note`, about `peer` when it has one */
	VROUTER_OUTCOME,  /* a demotion or promotion ended: answer who asked */
	VROUTER_ARM,      /* set the one timer to the instant `at`; TIMES_NEVER: stop it */
	VROUTER_ACTS
};

const char *vrouter_act_name(enum vrouter_act a);

struct vrouter_action {
	enum vrouter_act act;
	union {
		uint8_t priority;
		unsigned lifetime_s;
		unsigned count;
		uint64_t at;
		struct {
			enum vrouter_state from, to;
			enum vrouter_reason why;
		};
		struct {
			enum vrouter_note note;
			struct vrrp_ip peer;
		};
		struct {
			enum vrouter_outcome outcome;
			struct vrrp_ip taker; /* TAKEN_OVER */
		};
	};
};

#define VROUTER_ACTIONS_MAX 32

struct vrouter_plan {
	unsigned n;
	struct vrouter_action actions[VROUTER_ACTIONS_MAX];
};

/* --- the machine --- */

enum vrouter_timer {
	VROUTER_T_SETTLE,
	VROUTER_T_RETURN,      /* the end of the wait after a flap */
	VROUTER_T_DOWN,        /* the master's silence is long enough */
	VROUTER_T_DEMOTED_END, /* of a demotion for a time */
	VROUTER_T_DEMOTE,      /* nobody took over */
	VROUTER_T_RESTORE,     /* addresses that were lost a moment after they were put back */
	VROUTER_T_ADVERT,
	VROUTER_T_ANNOUNCE,
	VROUTER_T_RIVAL_GONE,  /* another master was not heard for so long that it let go */
	VROUTER_TIMERS
};

struct vrouter {
	/* to be read by anybody */
	enum vrouter_state state; /* written by its setter only */
	enum vrouter_reason why;
	uint64_t since;
	bool running;
	uint8_t effective; /* priority with weights, without a demotion */
	bool demoted;
	bool demoting;    /* still serving, waiting for somebody to take over */
	bool holds_back;  /* does not preempt after a stall, until promoted or master again */
	uint32_t faults;
	struct vrrp_ip source;
	struct vrrp_ip master; /* whom we follow; size 0: unknown */
	uint8_t master_priority;
	struct vrrp_ip rival; /* as master: another master that was heard, last at `rival_heard` */
	uint64_t rival_heard;
	uint64_t last_sent;
	uint64_t due[VROUTER_TIMERS]; /* TIMES_NEVER: not running */
	struct vrrp_peer peers[VRRP_PEERS];

	/* the machine's own */
	uint64_t armed;
	uint64_t master_interval; /* of the last advertisement that was accepted */
	enum vrouter_reason claim; /* why it would claim when DOWN fires */
	bool looked;               /* listened once more after a late wake-up */
	bool been_up;
	uint64_t preempt_at; /* 0: no lower master seen */
	uint64_t sent_before, renewed, renewed_before;
	bool send_failing;
	uint8_t claimed_with; /* the priority with which it became master */
	uint64_t announce_from, rival_announced, rival_gap;
	uint64_t lost[3]; /* the last times that an address was lost */
	uint64_t flap, flap_at, hold_until;
	uint64_t noted[VROUTER_NOTES];
};

void vrouter_init(struct vrouter *v, const struct vrouter_config *c);
/* One event. The plan is overwritten. */
void vrouter_step(struct vrouter *v, const struct vrouter_config *c,
		  const struct vrouter_event *e, uint64_t now, struct vrouter_plan *plan);
/* What it advertises, or would. */
uint8_t vrouter_priority(const struct vrouter *v);

#endif
