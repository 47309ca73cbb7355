/* An interface, and what the virtual routers on it share: the mirror of its state, the wires
 * by which advertisements come and go, the sockets for its neighbours. Interfaces come and go;
 * a segment is there as long as somebody wants it, and opens its sockets anew when its
 * interface is a new one. Owner: the vrrp thread. Private to vrrp/. */
#ifndef HPCBAL_VRRP_SEGMENT_H
#define HPCBAL_VRRP_SEGMENT_H

#include "net/loop.h"
#include "vrrp/neighbour.h"
#include "vrrp/watch.h"
#include "vrrp/wire.h"

enum segment_wire { SEGMENT_IPV4, SEGMENT_IPV6, SEGMENT_UNICAST4, SEGMENT_WIRES };
/* For an interface that is only tracked. */
#define SEGMENT_NO_WIRE SEGMENT_WIRES

struct segments;

struct segment_port {
	struct segment *segment;
	struct wire *wire; /* NULL: nobody wants it, or the interface is not there */
	struct loop_fd io;
	unsigned users;
};

struct segment {
	struct list link;
	struct segments *all;
	unsigned users;
	struct watch_link on; /* to be read by anybody */
	struct segment_port ports[SEGMENT_WIRES];
	struct neighbour *neighbour; /* NULL: nobody wants a wire, or no interface */
	struct loop_fd neighbour_io;
	int carrier; /* its count of carrier changes in sysfs; -1: not to be had */
	bool settled; /* a virtual router took part here, and the link stayed up since */
	bool router; /* it forwards IPv6: a flag of neighbour advertisements */
	char trouble[256]; /* why its sockets cannot be opened; empty: nothing is wrong */
};

struct segment_calls {
	void (*packet)(void *arg, struct segment *s, enum segment_wire by,
		       const struct wire_packet *p);
	/* Anything about the interface or its addresses; sockets are already as they are now. */
	void (*changed)(void *arg, struct segment *s, const struct watch_event *e);
};

/* `own_port`: address_port(). NULL: `why` says which step failed and what to do. */
struct segments *segments_open(struct loop *l, uint32_t own_port,
			       const struct segment_calls *calls, void *arg, char *why,
			       size_t size);
void segments_close(struct segments *all);
/* Reads everything that the kernel has for us, so that nothing is decided on old news. */
void segments_catch_up(struct segments *all);
/* Whether the carrier was lost a moment ago, which the kernel may be late to say: by a count
 * that can be read without waiting for others, where there is one. */
void segments_look(struct segment *s);
/* Whether an address is one of this node, on any of the interfaces. */
bool segments_is_own(const struct segments *all, const struct vrrp_ip *ip);

/* NULL: `why`. An interface that is not there is well; one that is no Ethernet is not, nor are
 * missing rights. To be given back once for each. */
struct segment *segment_get(struct segments *all, const char *interface, enum segment_wire by,
			    char *why, size_t size);
void segment_put(struct segment *s, enum segment_wire by);
/* Its wire and its neighbours can be used. */
bool segment_ready(const struct segment *s, enum segment_wire by);
/* Opens what could not be opened when the interface came. False: `trouble` says why. */
bool segment_retry(struct segment *s, enum segment_wire by);

#endif
