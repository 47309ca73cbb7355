#include "vrrp/peers.h"

static struct vrrp_peer *place_of(struct vrrp_peer list[VRRP_PEERS], const struct vrrp_ip *ip)
{
	struct vrrp_peer *best = &list[0];

	for (unsigned i = 0; i < VRRP_PEERS; i++) {
		if (vrrp_ip_eq(&list[i].ip, ip))
			return &list[i];
		if (list[i].ip.size == 0 ? best->ip.size != 0 :
					   best->ip.size != 0 && list[i].heard < best->heard)
			best = &list[i];
	}
	*best = (struct vrrp_peer){ .ip = *ip };
	return best;
}

unsigned peers_heard(struct vrrp_peer list[VRRP_PEERS], const struct vrrp_advert *a, uint64_t now)
{
	struct vrrp_peer *p = place_of(list, &a->source);
	unsigned news = a->odd & ~p->odd;

	p->priority = a->priority;
	p->interval = a->interval;
	p->checksum = a->checksum;
	p->odd |= a->odd;
	p->heard = now;
	p->adverts++;
	return news;
}
