/* Renewing leases on a thread of its own. Each request to the kernel waits for whoever changes
 * interfaces just then, on any part of the machine; and when that one has to wait for a CPU, so
 * do we: tens of milliseconds, in which a master must not stop to advertise. What is added or
 * deleted is a decision, and is done by the vrrp thread itself, with the renewer locked out:
 * an address that was deleted cannot be renewed afterwards. Private to vrrp/. */
#ifndef HPCBAL_VRRP_RENEWER_H
#define HPCBAL_VRRP_RENEWER_H

#include <stdatomic.h>

#include "base/list.h"
#include "vrrp/address.h"

struct renewer;

/* The leases of one virtual router. Owned by the caller. `leases` and `n` change, and the
 * leases are touched, only between renewer_lock() and renewer_unlock(). */
struct renewer_set {
	struct list link;
	struct address_lease *leases;
	unsigned n;
	_Atomic uint64_t wanted; /* they are to be renewed, but not after this instant; 0: no */
	_Atomic int error;       /* errno of a renewal that failed; whoever reads it clears it */
};

/* NULL: `why` says which step failed and what to do. */
struct renewer *renewer_start(char *why, size_t size);
void renewer_stop(struct renewer *r); /* NULL: no effect */

void renewer_lock(struct renewer *r);
void renewer_unlock(struct renewer *r);
void renewer_add(struct renewer *r, struct renewer_set *s);
void renewer_remove(struct renewer *r, struct renewer_set *s);
/* The set is to be renewed, because an advertisement went out; not later than `until`, since
 * who stood still meanwhile must not hold on to what the advertisement said. Never waits. */
void renewer_want(struct renewer *r, struct renewer_set *s, uint64_t until);

#endif
