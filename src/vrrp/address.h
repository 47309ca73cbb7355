/* The virtual addresses of an interface, put there with a finite lifetime, renewed, and taken
 * away, by route netlink. One socket for all; each request is answered by the kernel before
 * the call returns, so nothing waits (µs: `took_us`). Owner: the vrrp thread. Needs
 * CAP_NET_ADMIN for each request. What the kernel says by itself: vrrp/watch.h. */
#ifndef HPCBAL_VRRP_ADDRESS_H
#define HPCBAL_VRRP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vrrp/packet.h"

struct nl_msg;
struct watch_link;
struct address_socket;

/* Addresses that we set bear this mark (IFA_PROTO, Linux 5.18 and later; `ip` calls it
 * "proto"), as the kernel's own and keepalived's bear theirs. */
#define ADDRESS_MARK 0x68

/* NULL: `why` says which step failed and what to do. */
struct address_socket *address_open(char *why, size_t size);
void address_close(struct address_socket *s); /* NULL: no effect */
/* By which the kernel names us in its messages. */
uint32_t address_port(const struct address_socket *s);

/* One address on one interface. Its requests are made in advance: adding, renewing and
 * deleting allocate nothing. Owned by the caller; not to be moved in memory. */
struct address_lease {
	struct vrrp_ip ip;
	uint8_t prefix;      /* as installed; see address_choose_prefix() */
	int ifindex;
	uint32_t lifetime_s;
	bool held;           /* by what we did: written by add, renew, delete and adopt */
	bool found;          /* the last delete had something to delete */
	uint64_t renewed_at; /* when the kernel last took a lifetime; µs, monotonic */
	uint32_t took_us;    /* the last request, by the clock */
	struct nl_msg *add, *del;
};

/* False: out of memory. `lifetime_s` is at least 1. */
bool address_lease_init(struct address_lease *l, int ifindex, const struct vrrp_ip *ip,
			uint8_t prefix, uint32_t lifetime_s);
/* Leaves the address where it is. Harmless after a failed or no init of zeroed memory. */
void address_lease_free(struct address_lease *l);
/* Takes over an address that is there, with the prefix that was found; renew it next. */
void address_lease_adopt(struct address_lease *l);

/* 0, or errno with address_why(). Adding what is there sets its lifetime, and so does
 * renewing; renewing what is not there adds it (vrrp/watch.h tells that it was gone). */
int address_add(struct address_socket *s, struct address_lease *l);
int address_renew(struct address_socket *s, struct address_lease *l);
/* What is not there, or whose interface is gone, is deleted well. */
int address_delete(struct address_socket *s, struct address_lease *l);
/* The last failure: what, to whom, why, what to do. Stays until the next. */
const char *address_why(const struct address_socket *s);

/* The prefix to install `ip`/`written` with: the address alone (32, 128) when the interface
 * has another address in that network, since an address of the same network would be its
 * secondary and go with it; else as written, since then it makes the network reachable.
 * `ours` are the virtual addresses of this interface: those that stand there alone do not
 * count. Pure. */
uint8_t address_choose_prefix(const struct vrrp_ip *ip, uint8_t written,
			      const struct watch_link *on, const struct vrrp_ip *ours,
			      size_t n_ours);

#endif
