/* The arithmetic of VRRP's time: skew, the down interval, the lease of the addresses, the
 * schedule of gratuitous ARP. Pure; all in µs. */
#ifndef HPCBAL_VRRP_TIMES_H
#define HPCBAL_VRRP_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#define TIMES_NEVER UINT64_MAX

/* R41, R42: version 2 divides a second, version 3 the master's interval. */
uint64_t times_skew(uint8_t version, uint8_t priority, uint64_t master_interval);
/* R43 */
uint64_t times_down(uint8_t version, uint8_t priority, uint64_t master_interval);
/* The soonest that any backup may claim after the last advertisement of `interval`. A master
 * that was silent for longer must assume that it was replaced (R65). */
uint64_t times_down_min(uint8_t version, uint64_t interval);
/* How long after a priority of 1 a node of ours takes over: at once for us, but the higher
 * first when there are several, so that not all of them claim. At most 5 ms. */
uint64_t times_yield(uint8_t priority);

/* When the next advertisement is due: all masters of one interval on a node beat together, so
 * that their leases are renewed together (see times_lease_bound()), and no beat drifts. */
uint64_t times_next_beat(uint64_t interval, uint64_t now);

/* The lifetime that the kernel gets with each address, in whole seconds: the smallest that an
 * advertisement half a second late still renews. */
unsigned times_lease(uint64_t interval);
/* How old a lease may get before the next advertisement renews it: a quarter of its life. */
uint64_t times_lease_renew(uint64_t interval);

struct times_lease_bound {
	unsigned lifetime_s;
	uint64_t gone_by;  /* after the last advertisement the kernel has taken the address away */
	uint64_t claim_at; /* after the last advertisement a backup may claim it */
	uint64_t overlap;  /* so long may a dead node's address answer beside the new master's */
	bool exclusive;    /* overlap is 0 */
};

/* For --check, and for people. `one_beat`: all instances of the node have the same interval.
 * Otherwise their leases end at different moments, and the kernel, which looks once a second,
 * may find one of them still alive. */
struct times_lease_bound times_lease_bound(uint8_t version, uint64_t interval, bool one_beat);

/* Gratuitous ARP (IPv6: unsolicited advertisements of neighbours) of a new master. */
struct times_announce {
	unsigned count;    /* of the first wave; 0 counts as 1 */
	uint64_t interval; /* between those; 0: back to back */
	uint64_t refresh;  /* afterwards, for ever, ±10 %; 0: never */
};

/* Offsets from the takeover: the one after `offset`, or TIMES_NEVER. The wave of `count` is
 * mixed with 50 ms, 250 ms, 1 s, and half a second after the lease of a dead predecessor must
 * be over; then come the refreshes, jittered by `seed`. */
uint64_t times_announce_next(const struct times_announce *a, uint64_t lease_us, uint64_t offset,
			     uint64_t seed);

#endif
