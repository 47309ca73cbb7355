#include "ctl/top_rates.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* A sum of what counters grew by; one that went back, or was not there, spoils it. */
struct tally {
	uint64_t grown;
	bool unknown;
};

static void tally_add(struct tally *t, uint64_t now, uint64_t before)
{
	if (now < before)
		t->unknown = true;
	else
		t->grown += now - before;
}

static double per_second(struct tally t, double span_s)
{
	return t.unknown ? RATE_UNKNOWN : (double)t.grown / span_s;
}

/* ---- who is who: a place on the board that has the same name as before ---- */

struct pair {
	const struct snapshot *before, *now;
	double span_s;
};

static const struct snap_frontend *old_frontend(const struct pair *p,
						const struct snap_frontend *f)
{
	for (unsigned i = 0; i < p->before->n_frontends; i++) {
		const struct snap_frontend *old = &p->before->frontends[i];

		if (old->slot == f->slot)
			return strcmp(old->name, f->name) == 0 ? old : NULL;
	}
	return NULL;
}

static const struct snap_backend *old_backend(const struct pair *p, const struct snap_backend *k)
{
	for (unsigned i = 0; i < p->before->n_backends; i++) {
		const struct snap_backend *old = &p->before->backends[i];

		if (old->slot == k->slot)
			return strcmp(old->name, k->name) == 0 ? old : NULL;
	}
	return NULL;
}

static bool is_same_server(const struct snap_server *a, const struct snap_server *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->backend, b->backend) == 0 &&
	       strcmp(a->address, b->address) == 0;
}

/* ---- requests ---- */

struct road_tally {
	struct tally all, client, server;
};

static void tally_road(struct road_tally *t, const struct snap_road *now,
		       const struct snap_road *before)
{
	for (unsigned i = 0; i < BOARD_CODES; i++)
		tally_add(&t->all, now->codes[i], before->codes[i]);
	tally_add(&t->client, now->codes[BOARD_4XX], before->codes[BOARD_4XX]);
	tally_add(&t->server, now->codes[BOARD_5XX], before->codes[BOARD_5XX]);
}

static void put_requests(struct rate_flow *to, const struct road_tally *t, double span_s)
{
	to->requests = per_second(t->all, span_s);
	to->client_errors = per_second(t->client, span_s);
	to->server_errors = per_second(t->server, span_s);
}

/* All roads of a frontend, or those that lead to a backend: `f` or `k` may be NULL, which means
 * each one that was there before. */
static void tally_roads(const struct pair *p, struct road_tally *t, const struct snap_frontend *f,
			const struct snap_backend *k)
{
	const struct snapshot *now = p->now, *before = p->before;

	for (unsigned i = 0; i < now->n_frontends; i++) {
		unsigned from = now->frontends[i].slot;

		if ((f && f->slot != from) || !old_frontend(p, &now->frontends[i]))
			continue;
		for (unsigned n = 0; n < now->n_backends; n++) {
			unsigned to = now->backends[n].slot;

			if ((!k || k->slot == to) && old_backend(p, &now->backends[n]))
				tally_road(t, &now->roads[from][to], &before->roads[from][to]);
		}
		if (!k)
			tally_road(t, &now->roads[from][BOARD_NOWHERE],
				   &before->roads[from][BOARD_NOWHERE]);
	}
}

static void rate_frontend(const struct pair *p, unsigned i, struct top_rates *r, struct tally *in,
			  struct tally *out)
{
	const struct snap_frontend *f = &p->now->frontends[i], *old = old_frontend(p, f);
	struct tally own_in = {0}, own_out = {0};
	struct road_tally t = {{0}, {0}, {0}};

	if (!old)
		return;
	tally_roads(p, &t, f, NULL);
	put_requests(&r->frontends[i], &t, p->span_s);
	tally_add(&own_in, f->bytes_in, old->bytes_in);
	tally_add(&own_out, f->bytes_out, old->bytes_out);
	r->frontends[i].in = per_second(own_in, p->span_s);
	r->frontends[i].out = per_second(own_out, p->span_s);
	tally_add(in, f->bytes_in, old->bytes_in);
	tally_add(out, f->bytes_out, old->bytes_out);
}

static void rate_frontends(const struct pair *p, struct top_rates *r)
{
	struct tally in = {0}, out = {0};
	struct road_tally t = {{0}, {0}, {0}};

	for (unsigned i = 0; i < p->now->n_frontends; i++)
		rate_frontend(p, i, r, &in, &out);
	tally_roads(p, &t, NULL, NULL);
	put_requests(&r->all, &t, p->span_s);
	r->all.in = per_second(in, p->span_s);
	r->all.out = per_second(out, p->span_s);
}

/* ---- latencies ---- */

/* How many took how long; false: some of them went back. */
static bool grow(const struct snap_backend *now, const struct snap_backend *before,
		 uint64_t grown[LATENCY_BOUNDS + 1])
{
	for (unsigned i = 0; i <= LATENCY_BOUNDS; i++)
		if (now->latency[i] < before->latency[i])
			return false;
	for (unsigned i = 0; i <= LATENCY_BOUNDS; i++)
		grown[i] += now->latency[i] - before->latency[i];
	return true;
}

/* Within a bucket all lie evenly. */
static double quantile(const uint64_t grown[LATENCY_BOUNDS + 1], double q)
{
	double all = 0, under = 0, low = 0;

	for (unsigned i = 0; i <= LATENCY_BOUNDS; i++)
		all += (double)grown[i];
	if (all <= 0)
		return RATE_UNKNOWN;
	for (unsigned i = 0; i < LATENCY_BOUNDS; i++) {
		double n = (double)grown[i];

		if (n > 0 && under + n >= q * all)
			return low + (latency_bound_us[i] - low) * (q * all - under) / n;
		under += n;
		low = latency_bound_us[i];
	}
	return low;
}

static struct rate_times times_of(const uint64_t grown[LATENCY_BOUNDS + 1])
{
	return (struct rate_times){quantile(grown, 0.5), quantile(grown, 0.95),
				   quantile(grown, 0.99)};
}

static void rate_backends(const struct pair *p, struct top_rates *r)
{
	uint64_t all[LATENCY_BOUNDS + 1] = {0};

	for (unsigned i = 0; i < p->now->n_backends; i++) {
		const struct snap_backend *k = &p->now->backends[i], *old = old_backend(p, k);
		uint64_t own[LATENCY_BOUNDS + 1] = {0};
		struct road_tally t = {{0}, {0}, {0}};

		if (!old)
			continue;
		tally_roads(p, &t, NULL, k);
		put_requests(&r->backends[i], &t, p->span_s);
		if (!grow(k, old, own))
			continue;
		grow(k, old, all);
		r->times[i] = times_of(own);
	}
	r->all_times = times_of(all);
}

/* ---- servers ---- */

static void rate_servers(const struct pair *p, struct top_rates *r)
{
	/* 1 + the place in `before`, by slot */
	uint16_t place[BOARD_SERVERS] = {0};

	for (unsigned i = 0; i < p->before->n_servers; i++)
		place[p->before->servers[i].slot] = (uint16_t)(i + 1);
	for (unsigned i = 0; i < p->now->n_servers; i++) {
		const struct snap_server *v = &p->now->servers[i], *old;
		struct tally requests = {0}, errors = {0};

		if (!place[v->slot])
			continue;
		old = &p->before->servers[place[v->slot] - 1];
		if (!is_same_server(v, old))
			continue;
		tally_add(&requests, v->requests, old->requests);
		tally_add(&errors, v->errors, old->errors);
		r->servers[i].requests = per_second(requests, p->span_s);
		r->servers[i].errors = per_second(errors, p->span_s);
	}
}

static void forget_all(struct top_rates *r)
{
	const struct rate_flow no_flow = {RATE_UNKNOWN, RATE_UNKNOWN, RATE_UNKNOWN, RATE_UNKNOWN,
					  RATE_UNKNOWN};
	const struct rate_times no_times = {RATE_UNKNOWN, RATE_UNKNOWN, RATE_UNKNOWN};

	r->all = no_flow;
	r->all_times = no_times;
	for (unsigned i = 0; i < BOARD_FRONTENDS; i++)
		r->frontends[i] = no_flow;
	for (unsigned i = 0; i < BOARD_BACKENDS; i++) {
		r->backends[i] = no_flow;
		r->times[i] = no_times;
	}
	for (unsigned i = 0; i < BOARD_SERVERS; i++)
		r->servers[i] = (struct rate_server){RATE_UNKNOWN, RATE_UNKNOWN};
}

/* Both are of one run of the daemon, with some time between them. */
static bool is_comparable(const struct snapshot *before, const struct snapshot *now)
{
	return before && before->has_proxy && now->has_proxy && before->pid == now->pid &&
	       before->started_us == now->started_us && now->mono_us > before->mono_us;
}

struct top_rates *top_rates(const struct snapshot *before, const struct snapshot *now)
{
	struct top_rates *r = malloc(sizeof(*r));
	struct pair p = {before, now, 0};

	if (!r)
		return NULL;
	forget_all(r);
	if (!is_comparable(before, now))
		return r;
	p.span_s = (double)(now->mono_us - before->mono_us) / CLOCK_SEC;
	rate_frontends(&p, r);
	rate_backends(&p, r);
	rate_servers(&p, r);
	return r;
}
