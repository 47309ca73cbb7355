/* Between the files of upstream/upstream: a worker's connections to servers. */
#ifndef HPCBAL_UPSTREAM_UPSTREAM_PARTS_H
#define HPCBAL_UPSTREAM_UPSTREAM_PARTS_H

#include "upstream/upstream.h"

struct upstream {
	struct loop *loop;
	struct buf_pool *buffers;
	struct list idle[CONF_MAX_SERVERS]; /* by server->slot, last used first */
	unsigned n_idle[CONF_MAX_SERVERS];
	struct list trunks[CONF_MAX_SERVERS]; /* those that carry HTTP/2, or will */
	bool speaks_h1[CONF_MAX_SERVERS]; /* so it was agreed on, when it was asked for HTTP/2 */
	unsigned streams[CONF_MAX_SERVERS]; /* that it allowed last; 0: not known */
	unsigned slots; /* no slot from here on was ever used */
	struct list aged; /* all idle ones, those of clients' own too; longest idle first */
	unsigned n_aged;
	struct upstream_limit *limit;
	uint64_t stray_told_at; /* 0: never */
	uint64_t fault_told_at;
};

/* One with a descriptor of its own, and TLS with the words of ALPN that its way asks for. NULL
 * with errno. */
struct upstream_conn *upstream_dial(struct upstream *up, struct server *s,
				    const struct upstream_way *way, struct str header, void *user,
				    void (*ready)(struct upstream_conn *u));
/* One that is not open. NULL: no memory. */
struct upstream_conn *upstream_new_conn(struct upstream *up, struct server *s,
					const struct upstream_way *way, void *user,
					void (*ready)(struct upstream_conn *u));
void upstream_conn_ready(struct conn *c);
void upstream_become_idle(struct upstream_conn *u, uint64_t max_idle);
/* Harmless for one that is not idle. */
void upstream_leave_idle(struct upstream_conn *u);
struct list *upstream_trunks(struct upstream *up, const struct server *s);

/* ---- upstream_h2.c: as their namesakes, of a stream ---- */

struct upstream_conn *upstream_h2_reuse(struct upstream *up, struct server *s,
					const struct upstream_way *way, void *user,
					void (*ready)(struct upstream_conn *u));
struct upstream_conn *upstream_h2_connect(struct upstream *up, struct server *s,
					  const struct upstream_way *way, struct str header,
					  void *user, void (*ready)(struct upstream_conn *u));
enum conn_result upstream_h2_replace(struct upstream_conn **u);
/* The stream is closed. */
void upstream_h2_left(struct upstream_conn *u);
/* The connection that carries it is to be closed. */
void upstream_h2_end(struct upstream_trunk *t);

#endif
