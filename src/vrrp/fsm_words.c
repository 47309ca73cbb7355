/* The tables of words. */
#include "base/assert.h"
#include "vrrp/fsm.h"

struct word {
	const char *name, *text;
	bool done;
};

static const char *const states[VROUTER_STATES] = { "INIT", "BACKUP", "MASTER", "FAULT" };

static const char *const acts[VROUTER_ACTS] = { "SEND", "ADD", "RENEW", "DELETE", "ANNOUNCE",
						"STATE", "NOTE", "OUTCOME", "ARM" };

static const struct word reasons[VROUTER_REASONS] = {
#define TRANSITION(name, text) { #name, text, false },
#include "vrrp/transition.def"
#undef TRANSITION
#define FAULT(name, bit, late, sends, text) { "FAULT_" #name, text, false },
#include "vrrp/fault.def"
#undef FAULT
};

static const struct word notes[VROUTER_NOTES] = {
#define NOTE(name, gap_s, text) { #name, text, false },
#include "vrrp/note.def"
#undef NOTE
};

static const struct word outcomes[VROUTER_OUTCOMES] = {
#define OUTCOME(name, done, text) { #name, text, done },
#include "vrrp/outcome.def"
#undef OUTCOME
};

const char *vrouter_state_name(enum vrouter_state s)
{
	must((unsigned)s < VROUTER_STATES);
	return states[s];
}

const char *vrouter_act_name(enum vrouter_act a)
{
	must((unsigned)a < VROUTER_ACTS);
	return acts[a];
}

const char *vrouter_reason_name(enum vrouter_reason r)
{
	must((unsigned)r < VROUTER_REASONS);
	return reasons[r].name;
}

const char *vrouter_reason_text(enum vrouter_reason r)
{
	must((unsigned)r < VROUTER_REASONS);
	return reasons[r].text;
}

const char *vrouter_note_name(enum vrouter_note n)
{
	must((unsigned)n < VROUTER_NOTES);
	return notes[n].name;
}

const char *vrouter_note_text(enum vrouter_note n)
{
	must((unsigned)n < VROUTER_NOTES);
	return notes[n].text;
}

const char *vrouter_outcome_name(enum vrouter_outcome o)
{
	must((unsigned)o < VROUTER_OUTCOMES);
	return outcomes[o].name;
}

const char *vrouter_outcome_text(enum vrouter_outcome o)
{
	must((unsigned)o < VROUTER_OUTCOMES);
	return outcomes[o].text;
}

bool vrouter_outcome_done(enum vrouter_outcome o)
{
	must((unsigned)o < VROUTER_OUTCOMES);
	return outcomes[o].done;
}
