/* What one supervisor leaves to the next, which runs in its place after an exec: all that it
 * holds, descriptors by their numbers, in one sealed memfd. The successor works with copies of
 * them and leaves those that are named here as they are until it is decided that it stays; until
 * then the program before it can be executed again and finds everything. */
#ifndef HPCBAL_SUPERVISOR_HANDOVER_H
#define HPCBAL_SUPERVISOR_HANDOVER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "ipc/board.h"
#include "ipc/bundle.h"
#include "ipc/control.h"

#define HANDOVER_MAGIC 0x6862616c68616e64ull
/* Counted up when anything of this file changes, or the order of the boards. */
#define HANDOVER_LAYOUT 3u
#define HANDOVER_CHILDREN 64
#define HANDOVER_CLIENTS 64
#define HANDOVER_WORDS 8192

/* Signals are held back when the successor begins; it lets them through once it listens. */

struct handover_child {
	uint32_t slot;   /* enum board_process */
	uint32_t leaves; /* 1: it was replaced, and ends what runs */
	int32_t pid;
	int32_t sock, words;         /* the pipe of what it mutters; -1: none */
	int32_t board, limits;       /* of a proxy that leaves: those it writes; else -1 */
	uint64_t since_us, until_us; /* when it began to serve; when it is killed, 0: never */
};

enum handover_wait { HANDOVER_NOTHING, HANDOVER_RELOAD, HANDOVER_UPGRADE };

struct handover_client {
	int32_t fd;
	uint32_t waits; /* enum handover_wait: for its end */
};

struct handover_socket {
	int32_t fd;
	uint64_t dev, ino; /* of a unix socket's path */
	struct addr addr;
	char text[MANIFEST_TEXT];
};

struct handover {
	uint64_t magic;
	uint32_t layout, msg_layout;
	char version[32];
	char program[PATH_MAX]; /* where a new one is installed */
	char config[PATH_MAX];
	int32_t old_program; /* the binary that wrote this */
	uint32_t foreground;
	uint32_t again;    /* a reload was asked for meanwhile */
	uint32_t by_hand;  /* servers and routers that somebody has taken out */
	int32_t board[CONTROL_BOARDS];
	int32_t beat[BOARD_PROCESSES]; /* -1: none */
	int32_t tickets; /* net/tls_tickets.h */

	char control_socket[108], pidfile[128];
	int32_t control, notify;
	uint64_t watchdog_us;

	/* The configuration that runs, which only the old program can read. */
	uint64_t number, numbers, grace_us;
	int32_t bundle, brief, keys;
	char log_target[MANIFEST_TEXT];
	int32_t log_kind, log_fd, log_facility;
	uint32_t n_sockets;
	struct handover_socket sockets[MANIFEST_LISTENERS + 1];

	/* The next one, which the new program's loader made of the file, and its warnings. */
	int32_t next_bundle, next_brief, next_keys;
	char warnings[HANDOVER_WORDS];

	uint32_t n_children, n_clients;
	struct handover_child children[HANDOVER_CHILDREN];
	struct handover_client clients[HANDOVER_CLIENTS];
};

/* Seals it (with magic and layouts). -1 with errno. */
int handover_write(const struct handover *h);
/* Checks it. NULL with `why` (a literal); it says whether a restart is needed. */
const struct handover *handover_map(int fd, const char **why);
void handover_unmap(const struct handover *h);
/* All descriptors that it names: whether they outlive an exec. */
void handover_keep(const struct handover *h, bool keep);
void handover_close(const struct handover *h);
/* A copy of one of them, close-on-exec; -1 of -1. Out of descriptors: -1, too. */
int handover_copy(int fd);

/* Executes `program` (a descriptor) in this process's place, as a supervisor that finds the
 * hand-over at `fd`; `refused` (NULL: none) says why it comes back. Returns when that failed, with
 * errno, and nothing has changed. */
void handover_execute(int program, int fd, const struct handover *h, const char *refused);
/* Signals wait from now on, until handover_execute() failed or a successor listens. */
void handover_hold(void);
/* The successor, once it listens to signals. */
void handover_listen(void);

#endif
