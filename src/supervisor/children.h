/* The supervisor's long-lived children together: what they say and to whom it goes, their
 * heartbeats, and the order in which they end. */
#ifndef HPCBAL_SUPERVISOR_CHILDREN_H
#define HPCBAL_SUPERVISOR_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/board.h"
#include "ipc/msg.h"

struct supervisor;

/* After the boards, the loop and the program are there. */
void children_init(struct supervisor *sv);
/* A turn of the look at the heartbeats. */
void children_look(struct supervisor *sv, uint64_t now_us);
/* The process of this service is gone: what is left on its board is not alive. */
struct service;
void children_clear_board(struct supervisor *sv, const struct service *s);
/* A line of one that must not wait for a log; m: MSG_SAY. */
void children_say(struct supervisor *sv, enum board_process slot, pid_t pid, const struct msg *m);
/* The log target changed. */
void children_send_log(struct supervisor *sv);
/* Ends, each in its turn, those that no configuration wants any more: the runner behind vrrp,
 * whose last notifications it still has to carry out; at the end of all, admin behind the
 * others. */
void children_end_unwanted(struct supervisor *sv);
/* All of them. The proxy has `grace_us` for its requests; again: at once. */
void children_stop(struct supervisor *sv, uint64_t grace_us, bool again);
bool children_are_gone(const struct supervisor *sv);
/* "generation 3, proxy pid 12, vrrp pid 14" */
void children_describe(const struct supervisor *sv, char *to, size_t size);
/* Hands the client's descriptor, which stays the caller's, to that process. False: `why`
 * (of `size` bytes, a line) says why there is none. */
bool children_control(struct supervisor *sv, enum board_process slot, int client,
		      struct str request, char *why, size_t size);

#endif
