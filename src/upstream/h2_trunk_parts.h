/* Between the files of upstream/h2_trunk: the connection, and its lines. */
#ifndef HPCBAL_UPSTREAM_H2_TRUNK_PARTS_H
#define HPCBAL_UPSTREAM_H2_TRUNK_PARTS_H

#include "http/h2_origin.h"
#include "upstream/h2_trunk.h"

struct h2_trunk {
	struct conn *below;
	struct loop *loop;
	struct buf_pool *buffers;
	const struct h2_trunk_calls *calls;
	void *owner;
	enum h2_trunk_state state;
	struct h2_session *origin; /* from H2_TRUNK_OPEN on */
	struct list lines;        /* all whose memory is there */
	struct list woken;        /* those of them that something has happened to */
	struct list blocked;
	unsigned expected;        /* how many the server will allow, as far as that is known */
	unsigned n_open;          /* lines that are in use */
	unsigned refs;            /* of the owner, and one of each line */
	unsigned busy;            /* its own code is on the stack */
	struct buf *in, *out;     /* frames; only while there are any */
	struct loop_task task;
	struct loop_timer timer;
	uint64_t heard_at;
	bool ended;  /* the server has closed its side */
	bool broken; /* nothing can be sent or read */
	bool silent; /* a line was given up without a byte from the server since it began */
	bool ending; /* it is to be over */
	bool greeted; /* who waits for the server's SETTINGS was told that they came */
};

struct h2_line {
	struct h2_stream h2;
	struct h2_trunk *trunk;
	struct conn *conn; /* the user's; NULL: left */
	struct list link, woken;
	struct list blocked; /* among those whose users wait for room */
	uint64_t began;
	bool websocket;
	char text[96]; /* about the trunk's fault */
	enum reason why;
};

/* Something has happened to it: its user hears of that in the trunk's turn. */
void h2_line_wake(struct h2_line *l);
/* Nobody uses it, and the trunk's origin has done with it. */
void h2_line_free(struct h2_line *l);
/* CONN_FAIL; the first errno is kept. */
enum conn_result h2_line_break(struct conn *c, int error);
void h2_trunk_flush_soon(struct h2_trunk *t);
void h2_trunk_unref(struct h2_trunk *t);

#endif
