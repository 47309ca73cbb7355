/* The control socket's side that answers: reads the words of a client, finds them in one
 * table, and answers or keeps the client until a reload is over. A client can hold up
 * nobody: what it does not read it loses. */
#ifndef HPCBAL_SUPERVISOR_COMMANDS_H
#define HPCBAL_SUPERVISOR_COMMANDS_H

#include "ipc/control.h"
#include "net/loop.h"
#include "supervisor/handover.h"
#include "supervisor/report.h"

#define COMMANDS_CLIENTS 64
#define COMMANDS_SILENCE_US (5 * CLOCK_SEC)

struct supervisor;

struct commands {
	struct supervisor *supervisor;
	int fd; /* the listening one, borrowed */
	struct loop_fd listener;
	struct loop_timer pause; /* while there are no descriptors for clients */
	uint64_t pause_told_at;
	struct list clients;
	unsigned n_clients;
};

void commands_init(struct commands *c, struct supervisor *sv);
/* Begins to accept at the listening descriptor, which stays the caller's. False with errno. */
bool commands_open(struct commands *c, int fd);
/* Tells the clients that wait for this run of the reload, or for an upgrade. */
void commands_reload_done(struct commands *c, uint64_t run, bool upgrade, bool ok,
			  const struct report *report);
/* The clients of an upgrade's two sides; `run`: the upgrade's. */
void commands_hand_over(const struct commands *c, struct handover *h);
void commands_adopt(struct commands *c, const struct handover_client *from, uint64_t run);
/* No more clients; those that wait hear why. */
void commands_close(struct commands *c);

#endif
