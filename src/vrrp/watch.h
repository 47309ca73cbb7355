/* What the kernel says of the interfaces that matter: whether they are there, up and with a
 * carrier, and which addresses they have. A mirror of each, kept by route netlink's messages,
 * and a callback for each change. Owner: the vrrp thread; nothing blocks, and nothing is
 * allocated after watch_open(). No rights are needed. */
#ifndef HPCBAL_VRRP_WATCH_H
#define HPCBAL_VRRP_WATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "vrrp/packet.h"

struct watch;

/* More on one interface are not mirrored, but counted. */
#define WATCH_ADDRESSES 128
#define WATCH_FOREVER UINT32_MAX

struct watch_address {
	struct vrrp_ip ip;
	uint8_t prefix;
	uint8_t mark;      /* who set it (IFA_PROTO); ADDRESS_MARK: a process of ours; 0: unsaid */
	uint32_t flags;    /* IFA_F_… of <linux/if_addr.h> */
	uint32_t lifetime_s; /* as last told, WATCH_FOREVER: no end */
};

/* An interface of this name, there or not. Owned by the caller, who reads it; it must stay
 * until watch_remove(). */
struct watch_link {
	struct list link;
	char name[IFNAMSIZ];
	int index;       /* 0: there is none of this name */
	bool up;         /* set up by the administrator (IFF_UP) */
	bool running;    /* able to carry packets: up (IFF_RUNNING too), and with its carrier */
	bool ethernet;   /* ARPHRD_ETHER */
	uint8_t mac[6];  /* of Ethernet */
	uint32_t mtu;
	uint32_t carrier_changes; /* since the interface exists; tells flaps that nobody saw */
	unsigned n_addresses;
	unsigned n_left_out;      /* for which there was no room */
	struct watch_address addresses[WATCH_ADDRESSES];
};

enum watch_what {
	WATCH_LINK_NEW,     /* also a new one of the same name: sockets on it must be reopened */
	WATCH_LINK_GONE,    /* deleted, renamed, or moved to another namespace */
	WATCH_LINK_UP,      /* `running` became true */
	WATCH_LINK_DOWN,    /* … or false; before GONE too */
	WATCH_LINK_CHANGED, /* MAC, MTU, or carrier changes that went by unseen */
	WATCH_ADDRESS_ADDED,
	WATCH_ADDRESS_RENEWED, /* was there: only lifetime, flags or mark may be different */
	WATCH_ADDRESS_REMOVED, /* by hand, by its lifetime, or with the interface; told even of
				  one that was never told of */
	WATCH_SETTLED,      /* no message is left, the mirrors say all; `link` is NULL */
	WATCH_WHATS
};

struct watch_event {
	enum watch_what what;
	struct watch_link *link;             /* already as it is now */
	const struct watch_address *address; /* a copy for the call; NULL: none */
	bool own; /* by our own request (the port given to watch_open()). IPv4 only: the kernel
		     does not say it for IPv6, so compare with the lease's `held`. It also tells
		     of a new IPv6 address only some milliseconds after it is there */
};

/* `own_port`: address_port(), or 0. NULL: `why` says which step failed and what to do. */
struct watch *watch_open(uint32_t own_port,
			 void (*changed)(void *arg, const struct watch_event *e), void *arg,
			 char *why, size_t size);
void watch_close(struct watch *w); /* NULL: no effect; forgets its links */
/* Readable: call watch_drain(). */
int watch_fd(const struct watch *w);

/* Begins to watch, and reads how it is now, without a callback. False when the kernel did not
 * answer (errno); an interface that is not there is well. */
bool watch_add(struct watch *w, struct watch_link *l, const char *name);
void watch_remove(struct watch_link *l);
/* Reads all messages and calls back for each change, then WATCH_SETTLED. When the kernel had
 * to drop messages the mirrors are read anew, and the differences are told. The callback may
 * use addresses and wires, not the watch. */
void watch_drain(struct watch *w);
/* Asks how the link is now, and tells the differences (10 µs). The kernel holds a message of a
 * lost carrier back for up to a second when there was another one shortly before; who wants
 * to know earlier looks before each advertisement. False: no answer (errno). */
bool watch_look(struct watch *w, struct watch_link *l);
/* How often messages were lost and everything was read anew. */
uint64_t watch_resyncs(const struct watch *w);

/* The address in the mirror, whatever its prefix; NULL: not there. Pure. */
const struct watch_address *watch_find(const struct watch_link *l, const struct vrrp_ip *ip);
/* The one to send from: IPv4 the first that is no secondary, IPv6 the link-local one; none of
 * `ours`, and none that is not usable yet. NULL: none. Pure. */
const struct watch_address *watch_primary(const struct watch_link *l, bool ipv6,
					  const struct vrrp_ip *ours, size_t n_ours);

#endif
