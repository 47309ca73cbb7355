/* The other routers that were heard, for people to see and for notes that are made once. */
#ifndef HPCBAL_VRRP_PEERS_H
#define HPCBAL_VRRP_PEERS_H

#include "vrrp/packet.h"

#define VRRP_PEERS 8

struct vrrp_peer {
	struct vrrp_ip ip; /* size 0: a free place */
	uint8_t priority;  /* as last heard */
	uint64_t interval;
	enum vrrp_checksum checksum;
	unsigned odd;    /* VRRP_ODD_* ever heard of it */
	uint64_t heard;  /* when last */
	uint64_t adverts;
};

/* Enters what was heard; a new one takes the place of the one that was silent for longest.
 * Returns the oddities that are new of this peer. */
unsigned peers_heard(struct vrrp_peer list[VRRP_PEERS], const struct vrrp_advert *a, uint64_t now);

#endif
