/* A virtual router's addresses: their leases, and telling the neighbours of them. */
#include "vrrp/instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"

/* How long addresses that could not be set are left alone. */
#define RETRY_US (5 * CLOCK_SEC)
/* Addresses that others set are told so often; all are taken away. */
#define STRAY_GAP_US (60 * CLOCK_SEC)

static unsigned lifetime_s(const struct instance *i)
{
	return times_lease(i->config.format.interval);
}

static uint8_t wanted_prefix(const struct instance *i, unsigned n)
{
	const struct watch_address *found = watch_find(&i->segment->on, &i->addresses[n]);

	/* What is there can only be renewed or deleted as it is. */
	if (found)
		return found->prefix;
	return address_choose_prefix(&i->addresses[n], i->brief->addresses[n].prefix,
				     &i->segment->on, i->addresses, i->brief->n_addresses);
}

static void make_lease(struct instance *i, unsigned n, uint8_t prefix)
{
	address_lease_free(&i->set.leases[n]);
	must(address_lease_init(&i->set.leases[n], i->segment->on.index, &i->addresses[n], prefix,
				lifetime_s(i)));
}

static void prepare_leases(struct instance *i, bool adopt)
{
	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		struct address_lease *l = &i->set.leases[n];
		uint8_t prefix = wanted_prefix(i, n);

		if (l->held)
			continue;
		if (!l->add || l->ifindex != i->segment->on.index || l->prefix != prefix ||
		    l->lifetime_s != lifetime_s(i))
			make_lease(i, n, prefix);
		if (adopt && watch_find(&i->segment->on, &i->addresses[n]))
			address_lease_adopt(l);
	}
}

void instance_prepare_leases(struct instance *i, bool adopt)
{
	renewer_lock(i->world->renewer);
	prepare_leases(i, adopt);
	renewer_unlock(i->world->renewer);
}

bool instance_make_leases(struct instance *i)
{
	i->set.leases = calloc(i->brief->n_addresses, sizeof(*i->set.leases));
	if (!i->set.leases)
		return false;
	i->set.n = i->brief->n_addresses;
	renewer_add(i->world->renewer, &i->set);
	return true;
}

void instance_free_leases(struct instance *i)
{
	if (!i->set.leases)
		return;
	renewer_remove(i->world->renewer, &i->set);
	for (unsigned n = 0; n < i->set.n; n++)
		address_lease_free(&i->set.leases[n]);
	free(i->set.leases);
}

static const struct address_lease *lease_of(const struct address_lease *list, unsigned n,
					    const struct vrrp_ip *ip)
{
	for (unsigned k = 0; k < n; k++)
		if (list[k].add && vrrp_ip_eq(&list[k].ip, ip))
			return &list[k];
	return NULL;
}

/* Which may have it by now. */
static bool is_anothers(const struct instance *i, const struct brief *b, const struct vrrp_ip *ip)
{
	for (uint32_t n = 0; n < b->n_routers; n++) {
		const struct brief_router *r = &b->routers[n];

		if (strcmp(r->interface, i->brief->interface) != 0)
			continue;
		for (unsigned k = 0; k < r->n_addresses; k++)
			if (r->addresses[k].ip.size == ip->size &&
			    memcmp(r->addresses[k].ip.bytes, ip->bytes, ip->size) == 0)
				return true;
	}
	return false;
}

static void drop_leases(struct instance *i, const struct brief *b, struct address_lease *old,
			unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		if (old[k].held && !lease_of(i->set.leases, i->set.n, &old[k].ip) &&
		    !is_anothers(i, b, &old[k].ip))
			address_delete(i->world->addresses, &old[k]);
		address_lease_free(&old[k]);
	}
	free(old);
}

static void change_leases(struct instance *i, const struct brief *b)
{
	struct address_lease *old = i->set.leases;
	unsigned n_old = i->set.n;

	i->set.n = i->brief->n_addresses;
	i->set.leases = calloc(i->set.n, sizeof(*i->set.leases));
	must(i->set.leases);
	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		const struct address_lease *was = lease_of(old, n_old, &i->addresses[n]);

		/* Without an interface they are made when it comes. */
		if (!i->segment->on.index)
			continue;
		make_lease(i, n, was ? was->prefix : wanted_prefix(i, n));
		if (was && was->held)
			address_lease_adopt(&i->set.leases[n]);
	}
	drop_leases(i, b, old, n_old);
}

void instance_change_leases(struct instance *i, const struct brief *b)
{
	renewer_lock(i->world->renewer);
	change_leases(i, b);
	renewer_unlock(i->world->renewer);
}

void instance_build_frames(struct instance *i)
{
	const struct segment *s = i->segment;

	for (unsigned n = 0; s->neighbour && n < i->brief->n_addresses; n++)
		neighbour_build_announcement(&i->frames[n], NEIGHBOUR_REQUEST,
					     neighbour_mac(s->neighbour), &i->addresses[n],
					     s->router);
}

/* How many could not be set. */
static unsigned add_addresses(struct instance *i)
{
	unsigned failed = 0;

	for (unsigned n = 0; n < i->set.n; n++) {
		if (address_add(i->world->addresses, &i->set.leases[n]) == 0)
			continue;
		world_say(i->world, LOG_ERR, failed == 0, "%s: %s", instance_name(i),
			  address_why(i->world->addresses));
		failed++;
	}
	return failed;
}

bool instance_add_addresses(struct instance *i)
{
	unsigned failed;

	renewer_lock(i->world->renewer);
	failed = add_addresses(i);
	renewer_unlock(i->world->renewer);
	if (failed)
		i->address_retry = clock_now_us() + RETRY_US;
	return failed == 0;
}

void instance_renewal_failed(struct instance *i, int error)
{
	if (i->machine.state != VROUTER_MASTER)
		return;
	world_say(i->world, LOG_ERR, true,
		  "%s: an address on %s cannot be renewed: %s; it is given up for %u s",
		  instance_name(i), i->brief->interface, strerror(error),
		  (unsigned)(RETRY_US / CLOCK_SEC));
	i->address_retry = clock_now_us() + RETRY_US;
}

static void tell_stray(struct instance *i, const struct watch_address *a, int error)
{
	uint64_t now = clock_now_us();
	char ip[VRRP_IP_TEXT];

	if (i->stray_told && now - i->stray_told < STRAY_GAP_US)
		return;
	i->stray_told = now;
	if (error)
		world_say(i->world, LOG_ERR, true, "%s: %s; this node answers for it until then",
			  instance_name(i), address_why(i->world->addresses));
	else
		world_say(i->world, LOG_WARNING, true,
			  "%s: somebody else set %s/%u on %s, which only hpcbal may, with a "
			  "lifetime: taken away; such are told once a minute",
			  instance_name(i), vrrp_ip_format(&a->ip, ip), a->prefix,
			  i->brief->interface);
}

/* One of our addresses that no lease of ours stands for. The mirror may be a moment old, and
 * what bears our mark was another instance's. */
static void delete_stray(struct instance *i, const struct watch_address *a)
{
	struct address_lease stray;
	int error;

	if (!address_lease_init(&stray, i->segment->on.index, &a->ip, a->prefix, 1))
		return;
	error = address_delete(i->world->addresses, &stray);
	address_lease_free(&stray);
	if (error || (stray.found && a->mark != ADDRESS_MARK))
		tell_stray(i, a, error);
}

/* A master's has the prefix of its lease; what stands there with another one would outlive
 * it. What is the only address of the interface is the host's own, not a left-over. */
static bool is_stray(const struct instance *i, const struct watch_address *a)
{
	bool master = i->machine.state == VROUTER_MASTER;
	bool others = i->machine.source.size && !(i->machine.faults & VROUTER_FAULT_SOURCE);

	for (unsigned n = 0; others && n < i->set.n; n++) {
		const struct address_lease *l = &i->set.leases[n];

		if (l->del && vrrp_ip_eq(&a->ip, &l->ip))
			return !master || a->prefix != l->prefix;
	}
	return false;
}

void instance_delete_strays(struct instance *i)
{
	for (unsigned n = 0; n < i->segment->on.n_addresses; n++)
		if (is_stray(i, &i->segment->on.addresses[n]))
			delete_stray(i, &i->segment->on.addresses[n]);
}

/* Those with another prefix than ours. */
static void delete_twins(struct instance *i, const struct address_lease *l)
{
	const struct watch_link *on = &i->segment->on;

	for (unsigned n = 0; n < on->n_addresses; n++)
		if (vrrp_ip_eq(&on->addresses[n].ip, &l->ip) &&
		    on->addresses[n].prefix != l->prefix)
			delete_stray(i, &on->addresses[n]);
}

/* Whether any was held. */
static bool delete_addresses(struct instance *i)
{
	bool held = false;

	for (unsigned n = 0; n < i->set.n; n++) {
		struct address_lease *l = &i->set.leases[n];

		held |= l->held;
		/* Without an interface there is no request, and nothing to delete. And what is
		 * the only address of the interface is the host's own, not a left-over. */
		if (!l->del || (!l->held && !i->machine.source.size))
			continue;
		if (address_delete(i->world->addresses, l) != 0)
			world_say(i->world, LOG_ERR, true,
				  "%s: %s; the kernel takes it away %u s after it was renewed",
				  instance_name(i), address_why(i->world->addresses),
				  l->lifetime_s);
		if (i->segment->on.index == l->ifindex)
			delete_twins(i, l);
	}
	return held;
}

void instance_delete_addresses(struct instance *i)
{
	bool held;

	renewer_lock(i->world->renewer);
	held = delete_addresses(i);
	renewer_unlock(i->world->renewer);
	if (held)
		i->let_go = clock_now_us();
}

void instance_announce(struct instance *i, unsigned count)
{
	struct neighbour *to = i->segment->neighbour;

	for (unsigned k = 0; to && k < count; k++)
		for (unsigned n = 0; n < i->brief->n_addresses; n++)
			if (neighbour_send(to, &i->frames[n]) == 0)
				stats_add(i->board->stats.announcements, 1);
}
