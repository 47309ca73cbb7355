/* A supervisor with the children of fake_child.h, in a folder of its own, and what a test
 * asks it. */
#ifndef TESTS_UNIT_DAEMON_FIXTURE_H
#define TESTS_UNIT_DAEMON_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/control.h"
#include "ipc/limit_board.h"

struct daemon_boards {
	const struct board_supervisor *supervisor;
	const struct board_proxy *proxy;
	const struct board_vrrp *vrrp;
	const struct board_limits *limits;
	int fds[CONTROL_BOARDS];
};

extern char daemon_dir[64], daemon_control[128];
extern char daemon_answer[65536]; /* the text of the last daemon_ask() */
extern pid_t daemon_pid;

void daemon_setup(void);
void daemon_teardown(void);
/* The configuration: the control socket, and these lines. */
void daemon_write_config(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void daemon_start(bool foreground);
/* What it wrote to stderr so far. */
const char *daemon_said(void);
/* Its exit status; the test fails when it still runs then. */
int daemon_wait_exit(unsigned most_ms);
void daemon_sleep_ms(unsigned ms);

/* Exit status; -1: no daemon, -2: it died on the way. */
int daemon_ask(int argc, char **argv);
int daemon_ask_word(const char *word);
/* -1: refused. */
int daemon_connect(unsigned port);
/* The generation that answers at the port; 0: refused. `pid` is who it was. */
unsigned daemon_answered(unsigned port, int *pid);
void daemon_wait_ready(unsigned port);
/* Until another process than `first` answers there. */
void daemon_wait_another(unsigned port, int first);
/* A port that nobody has. */
unsigned daemon_free_port(void);
struct daemon_boards daemon_boards(void);
/* When it has come to rest. */
unsigned daemon_open_files(void);
/* Until no more than so many are open. Like all that waits, the test fails when that does not
 * come. */
void daemon_wait_open_files(unsigned most);
/* Until nobody listens there. */
void daemon_wait_refused(unsigned port);
/* Until `text` is in what it wrote to stderr, or in a file of its folder. */
void daemon_wait_said(const char *text);
void daemon_wait_file(const char *name, const char *text);
/* In its folder. */
bool daemon_has(const char *name);
/* What the children wrote to "journal" in its folder. */
const char *daemon_journal(void);
/* Until `text` is `times` times in the journal; the test fails when that does not come. */
void daemon_wait_journal(const char *text, unsigned times);

#endif
