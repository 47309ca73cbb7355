/* A vrrp process under test: the test is its supervisor, with boards and messages. */
#ifndef HPCBAL_TESTS_VRRP_NODE_H
#define HPCBAL_TESTS_VRRP_NODE_H

#include <check.h>
#include <sys/types.h>

#include "ipc/board.h"
#include "ipc/brief.h"
#include "ipc/control.h"
#include "ipc/msg.h"

struct vrrp_node {
	pid_t pid;
	int sock;
	int namespace;
	int board_fd, supervisor_fd, proxy_fd;
	struct board_vrrp *board;
	struct board_supervisor *supervisor;
	struct board_proxy *proxy;
	struct brief brief;
	uint64_t generation;
	char said[16384];     /* the lines, one after the other */
	char notified[4096];  /* "INSTANCE VI_1 MASTER 250\n"… */
	uint64_t notifier;    /* MSG_PROGRAM() of the last of them */
};

/* One router "VI" with id 51 and 10.9.0.100/24, version 3 and 100 ms, in `n->brief`. */
void vrrp_node_init(struct vrrp_node *n, int namespace, const char *interface, uint8_t priority);
/* Starts the process, has it prepare and commit the brief. */
void vrrp_node_start(struct vrrp_node *n);
/* PREPARE and COMMIT of the brief as it is now. */
void vrrp_node_reload(struct vrrp_node *n);
/* Its next answer; lines and notifications before that are kept. */
enum msg_type vrrp_node_answer(struct vrrp_node *n);
/* What PREPARE answers; `text` (NULL: of no interest) gets the words. */
enum msg_type vrrp_node_prepare(struct vrrp_node *n, char *text, size_t size);
void vrrp_node_send(struct vrrp_node *n, enum msg_type type, uint64_t arg, const char *text,
		    int fd);
/* By STOP; true when it exited with 0. */
bool vrrp_node_stop(struct vrrp_node *n);
void vrrp_node_kill(struct vrrp_node *n);
/* What the supervisor's board says of the proxy. */
void vrrp_node_proxy_runs(struct vrrp_node *n, bool runs);
/* What the control socket's client hears, until the end: "s VI\t…\n". `words`: `size` bytes,
 * separated by NUL. */
enum control_exit vrrp_node_command(struct vrrp_node *n, const char *words, size_t size, char *out,
				    size_t out_size);
/* `words`, a demotion, of a master. One that stood still meanwhile is promoted, and demoted
 * again. */
enum control_exit vrrp_node_demote(struct vrrp_node *n, const char *words, size_t size, char *out,
				   size_t out_size);
/* As a reload makes them; `text`: "10.9.0.100/24". */
void vrrp_node_set_address(struct vrrp_node *n, unsigned which, const char *text);
/* Reads what it said so far. */
void vrrp_node_listen(struct vrrp_node *n);
/* Whether it has said this by now: for WAIT_FOR(). What it says of a change comes behind what the
 * board shows of it. */
bool vrrp_node_said(struct vrrp_node *n, const char *part);
struct router_facts vrrp_node_facts(struct vrrp_node *n, unsigned which);
bool vrrp_node_is(struct vrrp_node *n, enum board_router_state state);
void vrrp_node_wait(struct vrrp_node *n, enum board_router_state state);
/* Whether its namespace has the address. */
bool vrrp_node_has(struct vrrp_node *n, const char *address);
/* Reads what it says from here on, and forgets what it said. */
void vrrp_node_forget(struct vrrp_node *n);
/* Whether it says that it stood still for too long, or that its master did. */
bool vrrp_node_stood_still(struct vrrp_node *n);

/* Ends the test when `condition` does not hold, unless one of the two nodes, `a` and `b`, stood
 * still: then the other one took over, as it should, and what a busy machine does is not what is
 * to be shown. */
#define STAYS(condition)                                                                    \
	do {                                                                                \
		if (!(condition)) {                                                         \
			WAIT_FOR(vrrp_node_stood_still(&a) || vrrp_node_stood_still(&b));   \
			printf("line %d is not shown: the machine stood still\n", __LINE__); \
		}                                                                           \
	} while (0)

#endif
