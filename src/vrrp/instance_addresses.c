/* A virtual router's addresses: their leases, and telling the neighbours of them. */
#include "vrrp/instance.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"

/* How long addresses that could not be set are left alone. */
#define RETRY_US (5 * CLOCK_SEC)

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
	address_lease_free(&i->leases[n]);
	must(address_lease_init(&i->leases[n], i->segment->on.index, &i->addresses[n], prefix,
				lifetime_s(i)));
}

void instance_prepare_leases(struct instance *i, bool adopt)
{
	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		struct address_lease *l = &i->leases[n];
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

static const struct address_lease *lease_of(const struct address_lease *list, unsigned n,
					    const struct vrrp_ip *ip)
{
	for (unsigned k = 0; k < n; k++)
		if (list[k].add && vrrp_ip_eq(&list[k].ip, ip))
			return &list[k];
	return NULL;
}

static void drop_leases(struct instance *i, struct address_lease *old, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		if (old[k].held && !lease_of(i->leases, i->brief->n_addresses, &old[k].ip))
			address_delete(i->world->addresses, &old[k]);
		address_lease_free(&old[k]);
	}
	free(old);
}

void instance_change_leases(struct instance *i, unsigned n_old)
{
	struct address_lease *old = i->leases;

	i->leases = calloc(i->brief->n_addresses, sizeof(*i->leases));
	must(i->leases);
	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		const struct address_lease *was = lease_of(old, n_old, &i->addresses[n]);

		make_lease(i, n, was ? was->prefix : wanted_prefix(i, n));
		if (was && was->held)
			address_lease_adopt(&i->leases[n]);
	}
	drop_leases(i, old, n_old);
}

void instance_build_frames(struct instance *i)
{
	const struct segment *s = i->segment;

	for (unsigned n = 0; s->neighbour && n < i->brief->n_addresses; n++)
		neighbour_build_announcement(&i->frames[n], NEIGHBOUR_REQUEST,
					     neighbour_mac(s->neighbour), &i->addresses[n],
					     s->router);
}

static bool set_addresses(struct instance *i,
			  int (*set)(struct address_socket *s, struct address_lease *l))
{
	bool good = true;

	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		if (set(i->world->addresses, &i->leases[n]) == 0)
			continue;
		world_say(i->world, LOG_ERR, good, "%s: %s", instance_name(i),
			  address_why(i->world->addresses));
		good = false;
	}
	if (!good)
		i->address_retry = clock_now_us() + RETRY_US;
	return good;
}

bool instance_add_addresses(struct instance *i)
{
	return set_addresses(i, address_add);
}

bool instance_renew_addresses(struct instance *i)
{
	return set_addresses(i, address_renew);
}

void instance_delete_addresses(struct instance *i)
{
	bool held = false;

	for (unsigned n = 0; n < i->brief->n_addresses; n++) {
		held |= i->leases[n].held;
		/* Without an interface there is no request, and nothing to delete. */
		if (!i->leases[n].del)
			continue;
		if (address_delete(i->world->addresses, &i->leases[n]) != 0)
			world_say(i->world, LOG_ERR, true,
				  "%s: %s; the kernel takes it away %u s after it was renewed",
				  instance_name(i), address_why(i->world->addresses),
				  i->leases[n].lifetime_s);
	}
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
