/* The health thread: runs the checks of the servers of the running configuration on its own
 * loop, sets their health, publishes it on the proxy's board and logs each change with its
 * reason. Servers whose board slot says that they were UP or DOWN before (a restarted proxy)
 * begin there, without a first round. */
#ifndef HPCBAL_PROXY_HEALTH_H
#define HPCBAL_PROXY_HEALTH_H

#include "balance/server.h"
#include "ipc/board.h"
#include "net/loop.h"
#include "net/tls_client.h"
#include "proxy/external.h"

struct health_target {
	/* A reference is taken. server->owner is its struct board_server, server->slot that
	 * one's place on the board. */
	struct server *server;
	const struct conf_check *check; /* copied */
	uint64_t external; /* of an external one: MSG_PROGRAM() */
	struct tls_client *tls; /* a reference is taken; NULL: plain */
};

struct healthd;

/* A server is about to take work again: its slow start begins, on the board too. */
void health_begin_slow_start(struct server *s, uint64_t now);

/* Starts the thread. `event` is called in the health thread for each change of state, with
 * one line of text, to be passed on to the ring of events; it must not block. So is `ask`, for
 * each external check. NULL: the thread could not be started. */
struct healthd *healthd_start(struct board_proxy *board,
			      void (*event)(void *arg, const char *line), external_ask *ask,
			      void *arg);
/* Main thread: what came back of an external check; see externals_answer(). */
void healthd_answer(struct healthd *h, uint64_t number, char verdict, struct str words);
/* Changes of state are neither told nor counted any more: a successor sees the same ones; nor is
 * it told what could not be checked. */
void healthd_hush(struct healthd *h);
/* Joins the thread; running checks are dropped. */
void healthd_stop(struct healthd *h);

/* Main thread: the whole list of what is to be checked from now on. Servers that stay keep
 * their rhythm and streak (also when only the check's settings changed); new ones are
 * checked at once; those that left are forgotten. A server without a check is set UP.
 * Answers the number of this round; `decided` is called with it in `back`'s thread, once, when
 * every server of the list has had its first result; each first check is bounded by its timeout,
 * so this always comes, unless the thread is stopped before. */
uint64_t healthd_watch(struct healthd *h, const struct health_target *targets, unsigned n,
		       struct loop *back, void (*decided)(void *arg, uint64_t round), void *arg);

#endif
