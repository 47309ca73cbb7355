/* How a virtual router stands, for the board: what hpcbalctl and the metrics show. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "vrrp/instance.h"

_Static_assert(sizeof(((struct router_facts *)0)->master) >= VRRP_IP_TEXT, "addresses fit");
_Static_assert((int)BOARD_ROUTER_MASTER == (int)VROUTER_MASTER &&
		       (int)BOARD_ROUTER_FAULT == (int)VROUTER_FAULT,
	       "the board's states are the machine's");
_Static_assert(BOARD_ROUTER_PEERS == VRRP_PEERS, "every peer has a place");

static void put_ip(char to[48], const struct vrrp_ip *ip)
{
	to[0] = '\0';
	if (ip->size)
		vrrp_ip_format(ip, to);
}

static void put_text(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text);
}

static void put_faults(struct router_facts *f, const struct instance *i)
{
	size_t n = 0;

	for (unsigned bit = 0; bit < 32; bit++) {
		enum vrouter_reason why = VROUTER_WHY_FAULT_INTERFACE + (enum vrouter_reason)bit;

		if (i->machine.faults & 1u << bit && n < sizeof(f->faults))
			n += (size_t)snprintf(f->faults + n, sizeof(f->faults) - n, "%s%s",
					      n ? "; " : "", vrouter_reason_text(why));
	}
}

static void put_addresses(struct router_facts *f, const struct instance *i)
{
	f->n_addresses = i->brief->n_addresses;
	for (unsigned n = 0; n < f->n_addresses; n++) {
		const struct brief_address *a = &i->brief->addresses[n];

		put_text(f->addresses[n].text, sizeof(f->addresses[n].text), a->text);
		f->addresses[n].prefix = i->set.leases[n].prefix;
		f->addresses[n].held = watch_find(&i->segment->on, &i->addresses[n]) != NULL;
		f->addresses[n].advertised = a->advertised;
	}
}

static void put_peers(struct router_facts *f, const struct instance *i)
{
	for (unsigned n = 0; n < VRRP_PEERS; n++) {
		const struct vrrp_peer *p = &i->machine.peers[n];

		if (!p->ip.size)
			continue;
		put_ip(f->peers[f->n_peers].address, &p->ip);
		f->peers[f->n_peers].priority = p->priority;
		f->peers[f->n_peers].interval_us = p->interval;
		f->peers[f->n_peers].heard_us = p->heard;
		f->peers[f->n_peers].adverts = p->adverts;
		f->n_peers++;
	}
}

static void put_tracks(struct router_facts *f, const struct instance *i, uint64_t now)
{
	bool unwell = i->machine.faults & VROUTER_FAULT_PROXY ||
		      heartwatch_unwell(&i->world->heart, now);

	for (unsigned n = 0; n < i->tracks.n; n++) {
		tracks_name(&i->tracks, n, f->tracks[n].what);
		f->tracks[n].weight = i->brief->tracks[n].weight;
		f->tracks[n].up = i->tracks.trackers[n].up;
		put_text(f->tracks[n].why, sizeof(f->tracks[n].why),
			 i->tracks.known[n] ? i->tracks.why[n] : TRACKS_UNKNOWN);
	}
	f->n_tracks = i->tracks.n + 1;
	put_text(f->tracks[i->tracks.n].what, sizeof(f->tracks[0].what), "proxy");
	f->tracks[i->tracks.n].up = !unwell;
	if (unwell)
		put_text(f->tracks[i->tracks.n].why, sizeof(f->tracks[0].why),
			 i->world->heart.unwell_since ? i->world->heart.why
						      : "it serves again since a moment");
}

static void put_state(struct router_facts *f, const struct instance *i)
{
	const struct vrouter *m = &i->machine;

	f->state = m->state;
	put_text(f->why, sizeof(f->why), vrouter_reason_text(m->why));
	f->since_wall_us = i->since_wall;
	f->priority = i->brief->priority;
	f->effective_priority = m->effective;
	f->advertised_priority = vrouter_priority(m);
	f->interval_us = i->config.format.interval;
	f->demoted = m->demoted;
	f->demoting = m->demoting;
	f->demoted_until_us = m->demoted ? m->due[VROUTER_T_DEMOTED_END] : 0;
	put_ip(f->source, &m->source);
	put_ip(f->master, m->state == VROUTER_MASTER ? &m->source : &m->master);
	f->master_priority = m->state == VROUTER_MASTER ? vrouter_priority(m) : m->master_priority;
	if (m->state == VROUTER_MASTER) {
		put_ip(f->rival, &m->rival);
		f->rival_heard_us = m->rival_heard;
	}
}

/* Two masters hear each other, or the other heard us not: until nothing of it came for three
 * of our intervals. */
static bool two_masters(const struct instance *i, uint64_t now)
{
	const struct vrouter *m = &i->machine;
	uint64_t patience = 3 * i->config.format.interval + CLOCK_SEC;

	return m->state == VROUTER_MASTER && m->rival.size && now - m->rival_heard < patience;
}

void instance_write_facts(struct instance *i, uint64_t now)
{
	static struct router_facts f; /* too large for the stack, and there is one thread */

	memset(&f, 0, sizeof(f));
	put_text(f.name, sizeof(f.name), i->brief->name);
	put_text(f.interface, sizeof(f.interface), i->brief->interface);
	f.version = i->brief->version;
	f.vrid = i->brief->vrid;
	f.ipv6 = i->brief->ipv6;
	put_state(&f, i);
	put_faults(&f, i);
	put_text(f.foreign, sizeof(f.foreign), i->foreign);
	f.foreign_heard_us = i->foreign_heard;
	f.foreign_is_host = i->foreign_is_host;
	put_addresses(&f, i);
	put_peers(&f, i);
	put_tracks(&f, i, now);
	stats_set(i->board->stats.two_masters, two_masters(i, now));
	board_write_block(&i->board->turn, &i->board->facts, &f, sizeof(f));
	i->dirty = two_masters(i, now);
}
