/* The supervisor's state: private to supervisor/. */
#ifndef HPCBAL_SUPERVISOR_STATE_H
#define HPCBAL_SUPERVISOR_STATE_H

#include <limits.h>

#include "ipc/limit_board.h"
#include "supervisor/commands.h"
#include "supervisor/elders.h"
#include "supervisor/events.h"
#include "supervisor/filewatch.h"
#include "supervisor/heartbeat.h"
#include "supervisor/notify.h"
#include "supervisor/reload.h"
#include "supervisor/runfiles.h"
#include "supervisor/service.h"
#include "supervisor/supervisor.h"
#include "supervisor/upgrade.h"

enum supervisor_phase { SUPERVISOR_STARTING, SUPERVISOR_RUNNING, SUPERVISOR_STOPPING };

struct supervisor {
	const struct supervisor_options *options;
	enum supervisor_phase phase;
	int exit_status;
	struct loop *loop;
	int program;           /* descriptor of this binary */
	char installed[PATH_MAX]; /* where it was started from, and a new one will be */
	char config[PATH_MAX]; /* absolute */
	int parent;            /* background_ready()'s; -1: in the foreground, or done */

	/* The boards, in the order of control_send_boards(): as we hold them, and as readers get
	 * them. */
	int board[CONTROL_BOARDS], reader[CONTROL_BOARDS];
	int shown[CONTROL_BOARDS]; /* readers for users; but during an upgrade the same */
	struct board_supervisor *own_board;
	struct board_proxy *proxy_board;
	struct board_vrrp *vrrp_board;
	struct board_limits *limits_board;
	/* Of services without a board of their own, for their heartbeat; NULL: it has one. */
	struct board_beat *beat[SERVICES];
	int beat_board[SERVICES];
	int tickets; /* the memory of the proxies' keys of tickets, unread */

	struct service service[SERVICES];
	struct heartbeat heartbeat[SERVICES];
	struct elders elders;
	struct reload reload;
	struct upgrade upgrade;
	struct runfiles runfiles;
	struct commands commands;
	struct notify notify;
	struct loop_timer look;     /* at the heartbeats, and files */
	struct filewatch files;
	struct loop_timer watchdog; /* the service manager's */
	struct loop_timer relog;    /* a syslog that was not there */
	uint64_t asked_us;          /* when the reload that runs began */
};

/* Something changed: to the log and to the ring of events. */
void supervisor_event(struct supervisor *sv, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The log target is opened again, and the children are told. */
void supervisor_reopen_log(struct supervisor *sv);
/* Steps of the start, for a successor too. False with errno, after a line to standard error. */
bool supervisor_open_program(struct supervisor *sv);
bool supervisor_set_up_loop(struct supervisor *sv);
void supervisor_set_up_parts(struct supervisor *sv);
/* Ends the main loop. */
void supervisor_end(struct supervisor *sv, int status);

#endif
