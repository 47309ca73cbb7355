/* The listening socket of the admin address and those who came to it. A client holds its own
 * place and nothing else: places are few, each step has its time, and when all places are taken
 * the one goes that has the least claim to it. */
#ifndef HPCBAL_WEB_SERVER_H
#define HPCBAL_WEB_SERVER_H

#include "net/loop.h"
#include "web/documents.h"

#define SERVER_CLIENTS 64
/* Nobody loses the place before this: who asks at once is answered. */
#define SERVER_CLIENT_SAFE_US 250000ull
/* Bytes of answers that may wait for those who read them, together. */
#define SERVER_HELD_MAX ((size_t)128 << 20)

struct web_server {
	struct loop *loop;
	struct web_boards boards;
	struct loop_fd listener; /* fd -1: none */
	int fd;                  /* it, owned; -1: none */
	struct loop_timer pause; /* until it is looked at again */
	struct list clients;     /* oldest first */
	unsigned n_clients;
	size_t held; /* bytes of their answers */
	bool stopping;
	/* After each answer that was made: a turn may make one for each client, which takes
	 * long. */
	void (*alive)(struct web_server *s);
	void (*idle)(struct web_server *s); /* once it stops: the last answer is out */
};

void server_init(struct web_server *s, struct loop *l, void (*alive)(struct web_server *s),
		 void (*idle)(struct web_server *s));
/* Takes the descriptor in place of the one before; who is connected stays so. False, with
 * errno: it cannot be watched, and is closed. */
bool server_listen(struct web_server *s, int fd);
/* Nobody comes in any more, and only answers that are on their way go on. */
void server_stop(struct web_server *s);
void server_close(struct web_server *s); /* at once */

#endif
