/* Children of the supervisor before an upgrade, beside the services that took their places. Until
 * that is decided they go on as they were; then they leave: a proxy ends what runs there and
 * keeps its own board, from which the supervisor takes what it still counts. */
#ifndef HPCBAL_SUPERVISOR_ELDERS_H
#define HPCBAL_SUPERVISOR_ELDERS_H

#include "supervisor/child.h"
#include "supervisor/handover.h"
#include "supervisor/heartbeat.h"
#include "supervisor/service.h"

/* Of old proxies, and of all that end: with more than that, upgrades have to wait. */
#define ELDERS_PROXIES 16
#define ELDERS_MOST (HANDOVER_CHILDREN - 2 * SERVICES)

struct supervisor;

struct elder {
	struct child child; /* pid 0: this place is free */
	struct supervisor *owner;
	enum board_process slot;
	bool leaves;
	struct heartbeat heartbeat;
	/* What a proxy writes: our own descriptors, -1: none; maps, NULL: of another layout. */
	int board, limits;
	struct board_proxy *map;
	struct board_limits *limits_map;
	uint64_t since_us, until_us;
	struct loop_timer end;
};

struct elders {
	struct elder elder[HANDOVER_CHILDREN];
	uint64_t moved_us; /* when their counters were taken last */
};

void elders_init(struct elders *all, struct supervisor *sv);
/* Its descriptors are copied. False: it is gone. */
bool elders_add(struct elders *all, const struct handover_child *c);
/* The running one in this slot that does not leave yet, or NULL. */
struct elder *elders_find(struct elders *all, enum board_process slot);
/* Asks a proxy to leave, and tells a runner or admin process to stop. */
void elders_leave(struct elder *e, uint64_t most_us);
/* vrrp's: over when this returns. `keep`: its successor goes on with its addresses. */
void elders_end_vrrp(struct elder *e, bool keep);
/* What they counted since the last time goes to the board of their successor. */
void elders_move_counters(struct elders *all);
/* A turn of the look at the heartbeats. */
void elders_look(struct elders *all, uint64_t now_us);
/* The log target changed. */
void elders_send_log(struct elders *all);
void elders_stop(struct elders *all, uint64_t grace_us);
bool elders_are_gone(const struct elders *all);
/* How many leave, and how many of them are proxies. */
unsigned elders_count(const struct elders *all, unsigned *proxies);
/* Ends all of them at once. */
void elders_close(struct elders *all);

#endif
