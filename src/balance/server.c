#include "balance/server.h"

#include <stdlib.h>

#include "balance/queue.h"
#include "base/assert.h"
#include "base/hash.h"

#define WEIGHT_DEFAULT 100

struct server *server_new(struct str backend, struct str name, const struct addr *addr,
			  unsigned slot, struct server_stats *stats)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (!str_copy(s->backend, sizeof(s->backend), backend) ||
	    !str_copy(s->name, sizeof(s->name), name)) {
		free(s);
		return NULL;
	}
	s->addr = *addr;
	addr_format(addr, s->address_text, sizeof(s->address_text));
	s->slot = slot;
	s->hash = hash_pair(hash_bytes(name), hash_bytes(str_of(s->address_text)));
	s->stats = stats ? stats : &s->own_stats;
	atomic_init(&s->health, SERVER_STARTING);
	atomic_init(&s->admin, SERVER_READY);
	atomic_init(&s->draining, 0);
	atomic_init(&s->weight, WEIGHT_DEFAULT);
	atomic_init(&s->most, SERVER_UNLIMITED);
	atomic_init(&s->slow_start, 0);
	atomic_init(&s->back_since, 0);
	atomic_init(&s->retired, 0);
	atomic_init(&s->avoid_until, 0);
	atomic_init(&s->ejected_until, 0);
	atomic_init(&s->references, 1);
	list_init(&s->bound);
	return s;
}

struct server *server_ref(struct server *s)
{
	unsigned before = atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);

	must(before > 0);
	return s;
}

void server_unref(struct server *s)
{
	unsigned before;

	if (!s)
		return;
	before = atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel);
	must(before > 0);
	if (before > 1)
		return;
	must(list_empty(&s->bound));
	queue_unref(s->queue);
	free(s);
}

bool server_set_health(struct server *s, enum server_health to)
{
	if (atomic_exchange_explicit(&s->health, to, memory_order_acq_rel) == (unsigned)to)
		return false;
	if (to == SERVER_UP)
		server_avoid(s, 0);
	return true;
}

void server_set_admin(struct server *s, enum server_admin to)
{
	atomic_store_explicit(&s->admin, to, memory_order_relaxed);
}

/* Never 0 but for a weight of 0. */
uint64_t server_weight_of_one_back(struct server *s, unsigned weight, uint64_t now)
{
	uint64_t since = atomic_load_explicit(&s->back_since, memory_order_relaxed);
	uint64_t time = atomic_load_explicit(&s->slow_start, memory_order_relaxed), part = 0;

	if (now > since)
		part = now - since < time ? (now - since) * SERVER_WEIGHT_WHOLE / time
					  : SERVER_WEIGHT_WHOLE;
	else if (time == 0)
		part = SERVER_WEIGHT_WHOLE;
	return (uint64_t)weight * (part ? part : 1);
}

void server_set_draining(struct server *s, bool on)
{
	atomic_store_explicit(&s->draining, on, memory_order_relaxed);
}

const char *server_health_name(enum server_health h)
{
	switch (h) {
	case SERVER_STARTING:
		return "STARTING";
	case SERVER_UP:
		return "UP";
	case SERVER_DOWN:
		return "DOWN";
	}
	wrong("no such server health");
}
