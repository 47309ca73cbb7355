/* What the commands of hpcbalctl share: the line that was typed, and the ways to ask the daemon.
 */
#ifndef HPCBAL_CTL_CALL_H
#define HPCBAL_CTL_CALL_H

#include "admin/client.h"
#include "admin/snapshot.h"

/* How long the daemon may be silent. A reload waits for children that check and prepare; the rest
 * is answered at once. */
#define CALL_TIMEOUT_MS 5000
#define CALL_HEADERS 24

enum {
	TAKES_JSON = 1,
	TAKES_FOLLOW = 2,
	TAKES_FORCE = 4,
	TAKES_FOR = 8,
	TAKES_OLDER = 16,
	TAKES_SERVER = 32,
	TAKES_WAIT = 64,
	TAKES_WHY = 128,
	TAKES_REQUEST = 256, /* --from, --frontend, --header */
	TAKES_INTERVAL = 512,
	TAKES_OUT = TAKES_FOR | TAKES_WAIT | TAKES_WHY
};

struct call;

struct command {
	const char *name, *arguments, *help;
	int arguments_max;
	unsigned flags;
	enum control_exit (*run)(const struct call *c); /* NULL: not in this version */
};

struct call {
	const struct command *command;
	const char *socket;
	bool json, follow, force, wait;
	/* as written; NULL: not given */
	const char *for_time, *older, *server, *why, *from, *frontend, *interval;
	const char *headers[CALL_HEADERS];
	int n_headers;
	int argc; /* words behind the command's name */
	char **argv;
};

/* A line on standard error; returns `status`. */
enum control_exit call_complain(enum control_exit status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The value of an option that is no time. */
enum control_exit call_complain_time(const char *option, const char *text);
/* What the daemon says goes to our own output. `boards` may be NULL. */
enum control_exit call_ask(const struct call *c, char *const *words, int n, int timeout_ms,
			   struct client_boards *boards);
enum control_exit call_snapshot(const struct call *c, struct snapshot **s);
/* Prints nothing: `why` (CLIENT_WHY bytes) says what went wrong. */
enum control_exit call_snapshot_told(const struct call *c, int timeout_ms, struct snapshot **s,
				     char *why);
/* NULL when there is no daemon, and nobody minds. */
struct snapshot *call_snapshot_quietly(const struct call *c);
/* The time of --for in µs; 0: none was given. False: `status` says all. */
bool call_for(const struct call *c, uint64_t *us, enum control_exit *status);

#endif
