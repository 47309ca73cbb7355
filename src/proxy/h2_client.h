/* A client's connection that speaks HTTP/2: it owns the streams, each of which is a session with
 * one exchange. The connection's own session carries it (SESSION_CARRIER), and lends it timer and
 * task. What exchanges say goes out at the end of the turn. Belongs to its worker. */
#ifndef HPCBAL_PROXY_H2_CLIENT_H
#define HPCBAL_PROXY_H2_CLIENT_H

#include "base/reason.h"

struct session;
struct h2_client;

/* What the session has read so far is the connection's beginning. NULL: out of memory. */
struct h2_client *h2_client_new(struct session *carrier);
/* For its beginning: takes what was read before. As the events below it may end the carrier. */
void h2_client_begin(struct h2_client *c);
/* Drops all streams. The memory goes when the last of their sessions has gone. */
void h2_client_free(struct h2_client *c);

void h2_client_ready(struct h2_client *c);
void h2_client_run(struct h2_client *c); /* the carrier's task */
void h2_client_timed_out(struct h2_client *c);

/* GOAWAY, in two steps: what has come is answered (RFC 9113 6.8). */
void h2_client_leave(struct h2_client *c);
/* The carrier has another frontend. */
void h2_client_follow(struct h2_client *c);

/* A stream's session is over: its memory is the client's. */
void h2_client_release(struct session *stream);

#endif
