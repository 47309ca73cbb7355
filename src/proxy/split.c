#include "proxy/split.h"

#include "balance/rendezvous.h"
#include "base/hash.h"
#include "proxy/affinity.h"

struct part {
	unsigned backend, weight;
	uint64_t identity;
};

struct split {
	unsigned n; /* those with a weight */
	struct part parts[CONF_MAX_SPLIT];
	enum conf_split_by by;
	struct http_named named;
	unsigned n_turns;
	uint8_t *turns; /* whose turn it is, once around */
	_Atomic uint64_t turn;
};

static unsigned common_divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* As the smooth roundrobin: each gains its weight a turn, the richest pays what all gained. */
static void order_turns(struct split *s, int sum)
{
	int credit[CONF_MAX_SPLIT] = { 0 };

	for (unsigned turn = 0; turn < s->n_turns; turn++) {
		unsigned best = 0;

		for (unsigned i = 0; i < s->n; i++) {
			credit[i] += (int)s->parts[i].weight;
			if (credit[i] > credit[best])
				best = i;
		}
		credit[best] -= sum;
		s->turns[turn] = (uint8_t)best;
	}
}

struct split *split_new(const struct conf *conf, const struct conf_route *route,
			struct arena *arena)
{
	struct split *s = arena_zalloc(arena, sizeof(*s));
	unsigned sum = 0, divisor = 0;

	if (!s)
		return NULL;
	s->by = route->split_by;
	s->named = http_named(s->by == CONF_SPLIT_COOKIE ? HTTP_NAMED_COOKIE : HTTP_NAMED_FIELD,
			      route->split_of);
	for (unsigned i = 0; i < route->n_split; i++) {
		const struct conf_split *c = &route->split[i];

		if (!c->weight)
			continue;
		sum += c->weight;
		divisor = common_divisor(c->weight, divisor);
		s->parts[s->n++] = (struct part){ c->backend, c->weight,
						  hash_bytes(conf->backends[c->backend].name) };
	}
	s->n_turns = divisor ? sum / divisor : 0;
	s->turns = arena_alloc(arena, s->n_turns + 1);
	if (!s->turns || !s->n)
		return NULL;
	order_turns(s, (int)sum);
	return s;
}

/* Who is bound to a server that takes nothing new, because it is drained, is nothing new. */
static bool is_bound(const struct backend *b, const struct http_request *req)
{
	struct server *s = req && b->sticky.name.n ? affinity_bound(b, req) : NULL;

	return s && server_serves(s);
}

static bool can_take(const struct part *part, const struct backend *backends,
		     const struct http_request *req)
{
	const struct backend *b = &backends[part->backend];

	return pool_eligible(b->pool) > 0 || is_bound(b, req);
}

static bool find_key(const struct split *s, const struct addr *client,
		     const struct http_request *req, uint64_t *hash)
{
	struct str value = STR_NONE;

	if (s->by == CONF_SPLIT_TURN)
		return false;
	if (s->by == CONF_SPLIT_SRC) {
		if (client)
			*hash = addr_hash_host(client);
		return client != NULL;
	}
	if (req)
		http_named_first(&s->named, req, &value);
	*hash = hash_bytes(value);
	return value.n > 0;
}

/* The best of those that can take it, or of all. */
static unsigned draw(const struct split *s, const struct backend *backends,
		     const struct http_request *req, uint64_t hash)
{
	struct draw best = { 0 };
	unsigned chosen = 0;
	bool alive = false;

	for (unsigned i = 0; i < s->n; i++) {
		const struct part *part = &s->parts[i];
		struct draw d = rendezvous_draw(part->identity, part->weight, hash);
		bool can = can_take(part, backends, req);

		if (can < alive || (can == alive && i > 0 && !rendezvous_is_better(&d, &best)))
			continue;
		best = d;
		alive = can;
		chosen = i;
	}
	return s->parts[chosen].backend;
}

bool split_by_key(const struct split *s, const struct backend *backends, const struct addr *client,
		  const struct http_request *req, unsigned *backend)
{
	uint64_t hash = 0;

	if (!find_key(s, client, req, &hash))
		return false;
	*backend = draw(s, backends, req, hash);
	return true;
}

unsigned split_choose(struct split *s, const struct backend *backends, const struct addr *client,
		      const struct http_request *req)
{
	unsigned backend = 0;
	uint64_t turn;

	if (split_by_key(s, backends, client, req, &backend))
		return backend;
	turn = atomic_fetch_add_explicit(&s->turn, 1, memory_order_relaxed);
	for (unsigned i = 0; i < s->n_turns; i++) {
		const struct part *part = &s->parts[s->turns[(turn + i) % s->n_turns]];

		if (can_take(part, backends, req))
			return part->backend;
	}
	return s->parts[s->turns[turn % s->n_turns]].backend;
}
