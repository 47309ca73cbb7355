/* Messages between the supervisor and one child: SOCK_SEQPACKET, one message a packet,
 * descriptors beside it. Both ends are this program, of one build but for what MSG_LAYOUT
 * covers. */
#ifndef HPCBAL_IPC_MSG_H
#define HPCBAL_IPC_MSG_H

#include <stdint.h>

#include "base/str.h"

/* The descriptor a child finds its socket at, and what its environment is: none. */
#define MSG_CHILD_FD 3

#define MSG_FDS_MAX 8
#define MSG_TEXT_MAX 32768
#define MSG_TICKETS_SIZE 4096

#define MSG_TYPES(X)                                                                          \
	/* supervisor → child; fds in brackets */                                             \
	X(HELLO)     /* [own board (writable), supervisor board, other board, and of the      \
		      * proxy: board of limits (writable), MSG_TICKETS_SIZE bytes for keys of \
		      * session tickets (net/tls_tickets.h)] first of all; admin gets all     \
		      * boards to read, as control_send_boards(); it and the runner have      \
		      * as their last, or only, one a board for their heartbeat (writable);   \
		      * arg: generation counter so far. The log target follows by LOG. */     \
	X(LOG)       /* [fd, or none] arg: enum log_kind | facility << 8 */                   \
	X(LISTENER)  /* [fd] arg: index in the manifest of the bundle that follows */         \
	X(PREPARE)   /* arg: generation. proxy: [bundle, keyring]; runner: [bundle]; vrrp:    \
		      * [brief]; admin: none */                                               \
	X(COMMIT)    /* arg: generation */                                                    \
	X(ABORT)     /* arg: generation: forget what was prepared */                          \
	X(STOP)      /* arg: grace in µs */                                                   \
	X(CONTROL)   /* [client] text: the command's words, separated by NUL; the child       \
		      * answers and closes */                                                 \
	X(NOTIFY)    /* runner: run a program. arg: MSG_PROGRAM(); text: its arguments, each  \
		      * ended by NUL. Programs of notifications run one after the other */    \
	X(SCRIPT)    /* vrrp: a tracking script ended. arg: MSG_PROGRAM(); text: empty, it is \
		      * well, or what went wrong. The runner says the same to the supervisor */ \
	X(CHECK)     /* runner: run the external check of a server. arg: MSG_PROGRAM(), of the \
		      * manifest's checks; text: a number that comes back with the answer */  \
	X(CHECKED)   /* proxy: how that went. arg: as asked; text: the number, NUL, a letter  \
		      * (enum msg_verdict), and words: why it is bad, or the first line that  \
		      * a good one wrote */                                                   \
	/* child → supervisor */                                                              \
	X(HELLO_OK)                                                                           \
	X(PREPARED)  /* arg: generation */                                                    \
	X(REFUSED)   /* arg: generation; text: why */                                         \
	X(COMMITTED) /* arg: generation */                                                    \
	X(LOG_LOST)  /* the log target does not take lines: open it again, please */          \
	X(EVENT)     /* text: something changed state, for the ring of events */              \
	X(SAY)       /* text: a line for the log, of a child that must never wait for one.    \
		      * arg: level of <syslog.h>, | MSG_SAY_EVENT: for the ring of events too */ \
	/* vrrp → supervisor: NOTIFY; proxy → supervisor: CHECK; runner → supervisor:         \
	 * SCRIPT, CHECKED; all as above */                                                   \
	/* loader → supervisor */                                                             \
	X(BUNDLE)    /* [bundle, brief, keyring] text: the warnings */                        \
	X(FAULTS)    /* text: the mistakes, one a line, maybe over several messages */        \
	/* supervisor → child: behind all others, so that their numbers stay */               \
	X(LEAVE)     /* a successor takes over. proxy: accept no more, end connections by     \
		      * their next answers; arg: the longest, in µs. vrrp: end now, and leave \
		      * the addresses as they are */

/* Of LEAVE, STOP, LOG and what a child says: children of one version hear it from a supervisor of
 * the next. Counted up when one of them changes. */
#define MSG_LAYOUT 2u

#define MSG_SAY_EVENT 256u

/* UNASKED: this side could not ask, which says nothing of the server. */
enum msg_verdict { MSG_VERDICT_GOOD = 'g', MSG_VERDICT_BAD = 'b', MSG_VERDICT_UNASKED = 'u' };

/* A program, or a check, of the manifest of one generation. */
#define MSG_PROGRAM(generation, index) ((generation) << 16 | (index))
#define MSG_PROGRAM_GENERATION(arg) ((arg) >> 16)
#define MSG_PROGRAM_INDEX(arg) ((unsigned)((arg) & 0xffff))

enum msg_type {
#define X(name) MSG_##name,
	MSG_TYPES(X)
#undef X
	MSG_COUNT
};

struct msg {
	enum msg_type type;
	uint64_t arg;
	struct str text; /* in: points into the caller's buffer */
	int fds[MSG_FDS_MAX];
	unsigned n_fds;
};

enum msg_result { MSG_OK, MSG_AGAIN, MSG_EOF, MSG_FAIL };

const char *msg_type_name(enum msg_type t);
/* The descriptors stay the caller's. MSG_FAIL sets errno. */
enum msg_result msg_send(int sock, const struct msg *m);
/* `buf` holds the text (MSG_TEXT_MAX + 1 bytes, NUL behind); the descriptors, all
 * close-on-exec, become the caller's. A packet that is no message is MSG_FAIL with EBADMSG. */
enum msg_result msg_recv(int sock, struct msg *m, char *buf);
void msg_close_fds(struct msg *m);

#endif
