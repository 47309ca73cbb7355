/* One connection to the admin address: reads a request, answers it, reads the next. A request
 * and an answer have a time for the whole of it, so that one byte now and then buys nothing. */
#ifndef HPCBAL_WEB_CLIENT_H
#define HPCBAL_WEB_CLIENT_H

#include "base/arena.h"
#include "base/iovq.h"
#include "http/h1_parse.h"
#include "net/conn.h"
#include "web/reply.h"
#include "web/server.h"

#define CLIENT_REQUEST_MAX 8192 /* bytes of a head */
#define CLIENT_FIRST_US 10000000ull
#define CLIENT_IDLE_US 75000000ull /* a scraper that comes once a minute keeps its connection */
#define CLIENT_REQUEST_US 10000000ull
#define CLIENT_ANSWER_US 30000000ull
#define CLIENT_LINGER_US 2000000ull

/* Who gives way first stands first. */
enum client_state { CLIENT_LINGERING, CLIENT_IDLE, CLIENT_READING, CLIENT_WRITING };

struct web_client {
	struct list link; /* in server->clients */
	struct web_server *server;
	struct conn conn;
	struct loop_timer deadline;
	struct loop_task again; /* there is more to do */
	struct loop_task bury;
	enum client_state state;
	uint64_t since_us; /* of the state */
	uint64_t host;     /* a hash of the peer's address */
	bool local;        /* it came to an address that nobody reaches from elsewhere */
	bool close;        /* behind this answer */
	struct arena arena;
	struct h1_parser parser;
	struct http_request req;
	struct document document;
	struct iovq out;
	char head[REPLY_HEAD];
	size_t n; /* of `in` */
	char in[CLIENT_REQUEST_MAX + 1024];
};

/* Takes the descriptor (non-blocking), also when it fails: out of memory, or not watched. */
void client_begin(struct web_server *s, int fd, const struct addr *peer);
/* Closes it; the memory goes at the end of the turn. */
void client_end(struct web_client *c);

#endif
