/* A server as the proxy runs it: one object for as long as any configuration or exchange
 * knows it, shared by reloads whose backend, name and address are the same, so that its
 * health, counters and connections go on. Counted; freed by the last server_unref().
 *
 * Threads: the constant part is free to read. `health`, `draining`, `admin` are written by their
 * setters only (health thread, main thread) and read anywhere. The counters may lie on a
 * board; without one the object owns them. */
#ifndef HPCBAL_BALANCE_SERVER_H
#define HPCBAL_BALANCE_SERVER_H

#include <stdatomic.h>

#include "balance/breaker.h"
#include "base/addr.h"
#include "base/list.h"
#include "base/stats.h"
#include "conf/conf.h"

enum server_health { SERVER_STARTING, SERVER_UP, SERVER_DOWN };
enum server_admin { SERVER_READY, SERVER_DRAIN, SERVER_MAINT };

struct server {
	/* constant */
	char backend[CONF_NAME_MAX + 1], name[CONF_NAME_MAX + 1];
	struct addr addr;
	char address_text[ADDR_TEXT];
	unsigned slot; /* a small number of its own among living servers: indexes tables */
	uint64_t hash;  /* of name and address: the same on every node */
	struct server_stats *stats;
	void *owner; /* the proxy's: its board slot */

	/* changing */
	_Atomic unsigned health; /* enum server_health */
	_Atomic unsigned admin;  /* enum server_admin */
	_Atomic unsigned draining; /* 1: it asks for that itself, in answers to checks */
	_Atomic unsigned weight;
	_Atomic uint64_t most; /* requests and tunnels at the same time */
	_Atomic uint64_t slow_start; /* µs until it has its whole weight after it came back */
	_Atomic uint64_t back_since; /* when it did; 0: it was there all the time */
	/* When it left the running configuration, from when on idle connections close; 0: it is
	 * in there. */
	_Atomic uint64_t retired;
	_Atomic uint64_t avoid_until; /* a connection failed just now; see server_avoid() */
	_Atomic uint64_t ejected_until; /* by its breaker; see server_eject() */
	struct breaker breaker;
	uint64_t held_told_at; /* of the breaker's owner: that it could not eject */
	_Atomic unsigned references;
	struct server_stats own_stats;

	/* Of balance/queue.h: set by the first pool that has it, before other threads do. */
	struct queue *queue;
	struct list bound; /* who waits for this server and no other; under the queue's lock */
};

struct server *server_new(struct str backend, struct str name, const struct addr *addr,
			  unsigned slot, struct server_stats *stats /* NULL: its own */);
struct server *server_ref(struct server *s);
void server_unref(struct server *s);

/* The one setter of health. True when it changed (the caller logs, counts and publishes). */
bool server_set_health(struct server *s, enum server_health to);
/* The one setter of what administrators say. */
void server_set_admin(struct server *s, enum server_admin to);
/* Nothing new from now on but who is bound to it, or all again. Health thread. */
void server_set_draining(struct server *s, bool on);
/* May those go on there who are bound to it? Others' connections to it are not kept else. */
static inline bool server_serves(struct server *s)
{
	return atomic_load_explicit(&s->health, memory_order_acquire) == SERVER_UP &&
	       atomic_load_explicit(&s->admin, memory_order_relaxed) != SERVER_MAINT &&
	       atomic_load_explicit(&s->retired, memory_order_relaxed) == 0;
}

/* It could not be connected: until `until` (µs) others are chosen rather. Most requests so
 * spare the try, long before a check finds the server down; one a second finds out. */
#define SERVER_AVOID_US 1000000ull
static inline void server_avoid(struct server *s, uint64_t until)
{
	atomic_store_explicit(&s->avoid_until, until, memory_order_relaxed);
}

static inline bool server_is_avoided(struct server *s, uint64_t now)
{
	return atomic_load_explicit(&s->avoid_until, memory_order_relaxed) > now;
}

/* Requests had too many errors there: until `until` (µs) it is as if it were down, as far as its
 * backend has a breaker. */
static inline void server_eject(struct server *s, uint64_t until)
{
	atomic_store_explicit(&s->ejected_until, until, memory_order_relaxed);
}

static inline bool server_is_ejected(struct server *s, uint64_t now)
{
	return atomic_load_explicit(&s->ejected_until, memory_order_relaxed) > now;
}

/* For one request more, within `most`. */
#define SERVER_UNLIMITED UINT64_MAX
static inline bool server_has_room(struct server *s)
{
	uint64_t most = atomic_load_explicit(&s->most, memory_order_relaxed);

	return most == SERVER_UNLIMITED || atomic_load(&s->stats->active) < most;
}

const char *server_health_name(enum server_health h); /* "UP" … */

/* Weights are parts of their whole, so that they can grow in steps. */
#define SERVER_WEIGHT_WHOLE 1024u
/* It takes work again from now on (µs): its weight grows from nearly nothing, if it has a slow
 * start. Before its health or what administrators say lets it be chosen. */
static inline void server_begin_slow_start(struct server *s, uint64_t now)
{
	atomic_store_explicit(&s->back_since, now, memory_order_relaxed);
}
uint64_t server_weight_of_one_back(struct server *s, unsigned weight, uint64_t now);

/* The one rule of eligibility: the weight with which new work may go there now, 0: none may.
 * Everything else (which one is best) is the algorithm's. */
static inline uint64_t server_weight(struct server *s, uint64_t now)
{
	unsigned weight = atomic_load_explicit(&s->weight, memory_order_relaxed);

	if (atomic_load_explicit(&s->health, memory_order_acquire) != SERVER_UP ||
	    atomic_load_explicit(&s->admin, memory_order_relaxed) != SERVER_READY ||
	    atomic_load_explicit(&s->draining, memory_order_relaxed))
		return 0;
	if (atomic_load_explicit(&s->back_since, memory_order_relaxed) == 0)
		return (uint64_t)weight * SERVER_WEIGHT_WHOLE;
	return server_weight_of_one_back(s, weight, now);
}

static inline bool server_eligible(struct server *s)
{
	return server_weight(s, 0) > 0;
}

#endif
