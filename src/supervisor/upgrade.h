/* The old program's half of an upgrade: finds the new one, has it try the hand-over on, and
 * executes it in this process's place. The new one's half is adopt.h. */
#ifndef HPCBAL_SUPERVISOR_UPGRADE_H
#define HPCBAL_SUPERVISOR_UPGRADE_H

#include "supervisor/child.h"
#include "supervisor/handover.h"
#include "supervisor/report.h"

#define UPGRADE_TRIAL_US (10 * CLOCK_SEC)

struct supervisor;

struct upgrade {
	struct supervisor *owner;
	/* As the old one. */
	int program; /* of the new one; -1: none */
	struct child trial;
	struct loop_timer limit;
	bool fine;     /* the trial's verdict */
	char why[512]; /* or this */
	/* As the new one, until it is decided. */
	bool adopts;
	int fd; /* of the hand-over */
	const struct handover *left;
	bool same_vrrp; /* the vrrp board is the one that the old vrrp process writes */
	char from[32];  /* the version that was here before */
};

void upgrade_init(struct upgrade *u, struct supervisor *sv);
/* The program that is installed now, as a descriptor that stays the upgrade's. -1, and lines. */
int upgrade_open(struct upgrade *u, struct report *why);
/* The reload has loaded: ends in the new program, or in reload_refuse(). */
void upgrade_leave(struct upgrade *u);
/* Gives up what is under way. */
void upgrade_stop(struct upgrade *u);

#endif
