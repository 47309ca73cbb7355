/* A generation: one configuration made runnable. The immutable configuration, its compiled
 * routers, and the pools of its backends, of which all that did not change is shared with
 * the generation before. Made by the main thread, read by all, counted. */
#ifndef HPCBAL_PROXY_GENERATION_H
#define HPCBAL_PROXY_GENERATION_H

#include "balance/pool.h"
#include "conf/conf.h"
#include "http/codec.h"
#include "http/named.h"
#include "http/named.h"
#include "ipc/board.h"
#include "ipc/bundle.h"
#include "limit/limit.h"
#include "net/tls_client.h"
#include "route/route.h"

/* One listening socket, for as long as a generation or a session knows it. The descriptor is
 * closed as soon as the last worker that watched it gives it up: a socket that nobody
 * accepts from must not take connections. */
struct listener {
	char text[MANIFEST_TEXT];
	struct addr addr;
	int fd; /* owned; -1: closed */
	_Atomic unsigned references, watchers;
};

/* What a generation says of one. */
struct generation_listener {
	struct listener *listener; /* a reference */
	unsigned frontend;
	const struct conf_bind *bind;
	struct tls_server *tls; /* a reference; NULL: plain */
};

/* A limit of requests, or of connections. */
struct frontend_limit {
	struct limit limit;
	struct http_named named; /* that it counts by; no name: by something else */
};

struct split;

struct frontend {
	const struct conf_frontend *conf;
	struct h1_limits limits; /* of requests */
	struct router *router;
	enum http_field_id request_id; /* of its name */
	struct split **splits; /* by routes, NULL for those that have none; or NULL: none has */
	unsigned n_rates, n_holds;
	struct frontend_limit *rates, *holds; /* of requests; of connections */
	struct frontend_stats *stats;
	unsigned slot; /* on the board */
	struct board_road *roads; /* by slots of backends */
};

/* So many bytes has the value of a sticky cookie. */
#define STICKY_VALUE 16

struct backend {
	const struct conf_backend *conf;
	const struct codec *codec; /* what its requests are written in, for HTTP/2 too */
	struct http_named sticky;  /* the cookie that binds clients; without a name: none */
	const char (*sticky_value)[STICKY_VALUE + 1]; /* of each server */
	struct http_named key;     /* of balance = "hdr(N)" and its kin; without a name: none */
	struct pool *pool;
	struct router *edits; /* its changes to fields; NULL: none */
	struct server **servers; /* in the order of conf->servers; a reference each */
	struct tls_client **tls; /* too; NULL: plain. NULL: all are */
	unsigned slot; /* on the board */
	struct latency *latency;
};

struct generation {
	_Atomic unsigned references;
	uint64_t number;
	const struct manifest *manifest; /* mapped: the text of everything below */
	size_t manifest_size;
	struct arena arena;
	struct conf_source source;
	struct conf *conf;
	struct str pseudonym; /* of this node, in Forwarded and Via */
	struct frontend *frontends;
	struct backend *backends;
	struct generation_listener listeners[MANIFEST_LISTENERS];
	unsigned n_listeners;
};

/* Listening sockets on their way in, by index in the manifest; -1: none was sent. Those
 * that the generation takes are set to -1. */
struct listener_fds {
	int fd[MANIFEST_LISTENERS];
	int keys; /* the keyring */
};

/* `old` (may be NULL) lends what did not change. NULL: `why` says at which step. Takes the
 * bundle's descriptor in any case. */
struct generation *generation_make(int bundle, uint64_t number, const struct generation *old,
				   struct listener_fds *fds, struct board_proxy *board,
				   struct board_limits *limits, char *why, size_t why_size);
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g);

/* The frontend that `l` belongs to, or NULL when this generation does not have it. */
const struct frontend *generation_frontend(const struct generation *g, const struct listener *l);
/* What this generation says of `l`, or NULL. */
const struct generation_listener *generation_listener(const struct generation *g,
						      const struct listener *l);
/* This generation now runs instead of `old`: says so on the board, sets weights, retires
 * the servers that are gone. */
void generation_publish(struct generation *g, struct generation *old, struct board_proxy *board,
			struct board_limits *limits, uint64_t now);

struct listener *listener_ref(struct listener *l);
void listener_unref(struct listener *l);
/* A worker watches the descriptor, or does so no more. */
void listener_watch(struct listener *l);
void listener_unwatch(struct listener *l);

#endif
