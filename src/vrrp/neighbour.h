/* Telling the neighbours on an Ethernet where an address is, and asking them who has it:
 * gratuitous ARP (RFC 5227) and unsolicited neighbour advertisements (RFC 4861), ARP probes
 * and neighbour solicitations. First the frames, pure; then the sockets of one interface.
 * Owner: the vrrp thread. Nothing blocks, and after neighbour_open() nothing allocates. Needs
 * CAP_NET_RAW to open, no rights afterwards. */
#ifndef HPCBAL_VRRP_NEIGHBOUR_H
#define HPCBAL_VRRP_NEIGHBOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "vrrp/packet.h"

#define NEIGHBOUR_MAC 6
#define NEIGHBOUR_FRAME_MAX 86

/* A whole Ethernet frame, to be made once and sent often. */
struct neighbour_frame {
	uint8_t bytes[NEIGHBOUR_FRAME_MAX];
	uint16_t n; /* 42 ARP, 78 or 86 neighbour discovery */
};

/* Linux takes a request at any time, but a reply only when its target is its sender, and some
 * old equipment replies only: so both forms, and a choice for the administrator. */
enum neighbour_form { NEIGHBOUR_REQUEST, NEIGHBOUR_REPLY };

/* Gratuitous ARP, to all: `ip` (IPv4) is at `mac`. */
void neighbour_build_garp(struct neighbour_frame *f, enum neighbour_form form,
			  const uint8_t mac[NEIGHBOUR_MAC], const struct vrrp_ip *ip);
/* Unsolicited neighbour advertisement from `ip` (IPv6) to ff02::1: override, not solicited;
 * `router` when this node forwards IPv6. */
void neighbour_build_na(struct neighbour_frame *f, const uint8_t mac[NEIGHBOUR_MAC],
			const struct vrrp_ip *ip, bool router);
/* The one of the two that the family of `ip` wants; `form` is for ARP, `router` for the other. */
void neighbour_build_announcement(struct neighbour_frame *f, enum neighbour_form form,
				  const uint8_t mac[NEIGHBOUR_MAC], const struct vrrp_ip *ip,
				  bool router);
/* "Who has `target`?", to all (ARP) or to its solicited-node group (IPv6). `sender`: an
 * address of this node, then the answer comes to it alone; NULL, or size 0: none, so that no
 * neighbour learns anything from the question. */
void neighbour_build_question(struct neighbour_frame *f, const uint8_t mac[NEIGHBOUR_MAC],
			      const struct vrrp_ip *sender, const struct vrrp_ip *target);

/* What a received message says: `ip` is at `mac`. Any ARP packet with a sender address says
 * so, whether a request or a reply (RFC 5227, 2.1.1). */
bool neighbour_parse_arp(const uint8_t *frame, size_t n, struct vrrp_ip *ip,
			 uint8_t mac[NEIGHBOUR_MAC]);
/* An ICMPv6 message, without its IPv6 header. A neighbour advertisement without the option
 * that tells the MAC gives zeros. */
bool neighbour_parse_na(const uint8_t *message, size_t n, struct vrrp_ip *ip,
			uint8_t mac[NEIGHBOUR_MAC]);

/* --- the sockets of one interface --- */

struct neighbour;

/* NULL: `why` says which step failed and what to do; InfiniBand and others that are no
 * Ethernet are refused. To be opened again when the interface is a new one, or its MAC. */
struct neighbour *neighbour_open(const char *interface, char *why, size_t size);
void neighbour_close(struct neighbour *n); /* NULL: no effect; forgets its probes */
const uint8_t *neighbour_mac(const struct neighbour *n);
/* 0, or errno (ENOBUFS, ENETDOWN, ENXIO, ENODEV). */
int neighbour_send(struct neighbour *n, const struct neighbour_frame *f);

/* Readable: call neighbour_drain(). Quiet while no probe runs. */
int neighbour_fd(const struct neighbour *n);
void neighbour_drain(struct neighbour *n);

/* A question that is open until neighbour_probe_end(); how long, and how often it is asked, is
 * for the caller. Owned by the caller. */
struct neighbour_probe {
	struct list link;
	struct vrrp_ip target;
	struct neighbour_frame frame;
	/* Another host says that it has `target`: for each answer; may end this probe. */
	void (*answered)(struct neighbour_probe *p, const uint8_t mac[NEIGHBOUR_MAC]);
};

/* Asks once, and listens from just before. 0, or errno; then the probe has not begun. */
int neighbour_probe_begin(struct neighbour *n, struct neighbour_probe *p,
			  const struct vrrp_ip *sender, const struct vrrp_ip *target,
			  void (*answered)(struct neighbour_probe *p,
					   const uint8_t mac[NEIGHBOUR_MAC]));
int neighbour_probe_again(struct neighbour *n, struct neighbour_probe *p);
void neighbour_probe_end(struct neighbour *n, struct neighbour_probe *p);

#endif
