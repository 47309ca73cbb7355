/* The client's side of a command: asks the daemon, passes on what it says. */
#ifndef HPCBAL_ADMIN_CLIENT_H
#define HPCBAL_ADMIN_CLIENT_H

#include <stdio.h>

#include "ipc/control.h"
#include "ipc/limit_board.h"

#define CLIENT_WHY 512

struct client_request {
	const char *socket;
	int argc;
	char *const *argv;
	int timeout_ms; /* the longest silence of the daemon; -1: any */
	FILE *out, *err; /* for what it says; NULL: dropped */
	/* For the packets s, r, l and n (ipc/control.h), as they come and unread; NULL: dropped.
	 * The body is the client's, for the call. */
	void (*tell)(void *arg, char kind, struct str body);
	void *arg; /* for tell() */
};

/* The daemon's boards, mapped read-only; NULL where one did not come. */
struct client_boards {
	const struct board_supervisor *supervisor;
	const struct board_proxy *proxy;
	const struct board_vrrp *vrrp;
	const struct board_limits *limits;
};

/* Returns the exit status of the command. When that is not the daemon's own word, `why`
 * (CLIENT_WHY bytes, else empty) says what happened and what to do. `boards` may be NULL. */
enum control_exit client_ask(const struct client_request *q, struct client_boards *boards,
			     char *why);
void client_unmap(struct client_boards *boards);

#endif
