/* What all virtual routers of the process share. Private to vrrp/. */
#ifndef HPCBAL_VRRP_WORLD_H
#define HPCBAL_VRRP_WORLD_H

#include <syslog.h>

#include "ipc/board.h"
#include "ipc/msg.h"
#include "net/loop.h"
#include "vrrp/address.h"
#include "vrrp/heartwatch.h"
#include "vrrp/renewer.h"
#include "vrrp/segment.h"

struct vrrp_world {
	struct loop *loop;
	int sock; /* the supervisor's */
	struct segments *segments;
	struct address_socket *addresses;
	struct renewer *renewer;
	struct board_vrrp *board;
	const struct board_supervisor *supervisor;
	const struct board_proxy *proxy;
	struct heartwatch heart; /* of the proxy */
	uint64_t generation;     /* that runs */
	/* Reads all that waits, and looks whether the machine stood still: before a decision. */
	void (*catch_up)(struct vrrp_world *w);
	uint64_t unsaid;         /* lines that the supervisor's socket had no room for */
};

/* A line for the log, by the supervisor's hand: this process waits for nobody. `event`: for
 * the ring of events too. */
void world_say(struct vrrp_world *w, int level, bool event, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Has the runner run a program of the manifest; `words`, each ended by NUL. */
void world_notify(struct vrrp_world *w, uint32_t program, struct str words);

#endif
