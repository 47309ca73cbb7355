/* Between the files of proxy/h2_client: the connection, and its streams as sessions. */
#ifndef HPCBAL_PROXY_H2_CLIENT_PARTS_H
#define HPCBAL_PROXY_H2_CLIENT_PARTS_H

#include "http/h2_server.h"
#include "proxy/h2_client.h"
#include "proxy/session.h"

struct h2_client {
	struct session *carrier;
	struct buf_pool *buffers; /* the worker's */
	struct h2_session *h2; /* NULL: it is over */
	struct list streams;      /* all whose memory is there */
	struct list woken;        /* those of them that something has happened to */
	struct list blocked;      /* those with data that there was no room for, in turn */
	struct buf *out;          /* frames on their way */
	unsigned refs;            /* of the carrier, and one of each stream */
	bool ended;               /* the client has closed its side */
	bool leaves;              /* GOAWAY is on its way, in two steps */
	bool idle_told;           /* or was sent because nothing happened */
	uint64_t settle_due, head_due, leave_due; /* 0: nothing is due */
	uint64_t idle_since;      /* no stream since then */
	uint64_t look_due;        /* at what goes on behind exchanges that are over */
	uint64_t taken, taken_at; /* what the client had got at the last look, and since when */
};

/* What the server tells is the streams'. */
extern const struct h2_owner h2_streams_calls;

static inline struct loop *h2_client_loop(const struct h2_client *c)
{
	return c->carrier->worker->loop;
}

static inline const struct conf_frontend *h2_client_conf(const struct h2_client *c)
{
	return c->carrier->frontend->conf;
}

/* What is to be said goes out at the end of the turn. */
static inline void h2_client_flush_soon(struct h2_client *c)
{
	loop_task_queue(h2_client_loop(c), &c->carrier->task);
}

/* A look at what goes out is due by then. */
static inline void h2_client_look_by(struct h2_client *c, uint64_t due)
{
	if (!c->look_due || due < c->look_due)
		c->look_due = due;
}

void h2_client_unref(struct h2_client *c);

/* ---- h2_client_streams.c ---- */

/* Those that something has happened to. */
void h2_streams_run(struct h2_client *c);
/* Those that there is room for now, and whether there are any. */
void h2_streams_run_blocked(struct h2_client *c);
bool h2_streams_have_room(const struct h2_client *c);
/* All end: with this reason, or, with REASON_COMPLETE, because their client is gone. */
void h2_streams_cut(struct h2_client *c, enum reason why);
/* The client has closed its side: what is not whole never will be. */
void h2_streams_client_ended(struct h2_client *c);
/* And it has all that could be sent: what is left waits for a window that nobody will open. */
void h2_streams_give_up(struct h2_client *c);
/* From time to time: at those whose exchanges are over and who are not taken, or whose requests
 * go on. */
void h2_streams_look(struct h2_client *c, uint64_t now);
/* At the end of the connection: none is anybody's any more; behind that, its server is gone. */
void h2_streams_leave(struct h2_client *c);
void h2_streams_drop(struct h2_client *c);

#endif
