/* One raw socket of one interface and one family, by which advertisements (IP protocol 112)
 * come and go. It holds no policy: what it hears is told with everything a judge needs, what
 * it is given is sent. Owner: the vrrp thread. Nothing here blocks, and after wire_open()
 * nothing allocates. Needs CAP_NET_RAW to open, no rights afterwards. */
#ifndef HPCBAL_VRRP_WIRE_H
#define HPCBAL_VRRP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrrp/packet.h"

struct wire;

struct wire_setup {
	const char *interface; /* borrowed for the call */
	bool ipv6;
	bool unicast; /* IPv4 only: the group is not joined, so only what is sent to us is heard */
};

/* NULL: `why` says which step failed and what to do. */
struct wire *wire_open(const struct wire_setup *s, char *why, size_t size);
void wire_close(struct wire *w); /* NULL: no effect */
/* Readable: call wire_receive(). Non-blocking, close-on-exec; stays the wire's. */
int wire_fd(const struct wire *w);
int wire_ifindex(const struct wire *w);

/* IPv6 only: the link-local address to send from; none: the kernel chooses. IPv4 messages
 * bring their header and in it their source. */
void wire_set_source(struct wire *w, const struct vrrp_ip *source);

/* IPv4: `bytes` begin with the IPv4 header (vrrp_packet_build_ipv4()); the kernel fills its
 * length, checksum and identification. IPv6: the VRRP message; the kernel fills the VRRP
 * checksum. 0, or errno: ENOBUFS and EAGAIN when the queue of the interface is full, ENETDOWN
 * or ENXIO or ENODEV when the interface is not there, EADDRNOTAVAIL or EINVAL when the source
 * is not (yet) usable. */
int wire_send(struct wire *w, const struct vrrp_ip *to, const uint8_t *bytes, size_t n);

struct wire_packet {
	struct vrrp_datagram datagram; /* `own_source` is left to the caller, who knows */
	enum vrrp_discard discard;     /* VRRP_TAKEN: the datagram is whole so far */
	int ifindex;
	/* When the kernel received it: µs, CLOCK_MONOTONIC, never in the future. When it was read,
	 * in the moment after wire_open() and after somebody set the calendar. */
	uint64_t at;
};

/* Reads the socket empty, at most WIRE_DRAIN packets, oldest first; `got` may send. Returns
 * how many there were. The bytes live until `got` returns. */
#define WIRE_DRAIN 256
unsigned wire_receive(struct wire *w, void (*got)(void *arg, const struct wire_packet *p),
		      void *arg);

#endif
