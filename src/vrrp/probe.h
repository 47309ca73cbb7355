/* Asking a segment who has an address, again and again, until somebody answers or the time is
 * over. Owner: the vrrp thread. Private to vrrp/. */
#ifndef HPCBAL_VRRP_PROBE_H
#define HPCBAL_VRRP_PROBE_H

#include "net/loop.h"
#include "vrrp/segment.h"

struct probe {
	struct loop *loop;
	struct segment *segment; /* NULL: it does not ask */
	struct neighbour *neighbour; /* by which it asks: gone with the interface */
	struct neighbour_probe question;
	struct loop_fd timer_io; /* a timerfd */
	uint64_t every, until;
	/* The end: `mac` of who answered, NULL when nobody did in time. May begin another. */
	void (*ended)(struct probe *p, const uint8_t *mac);
};

/* False: no descriptor for its timer. */
bool probe_init(struct probe *p, struct loop *l,
		void (*ended)(struct probe *p, const uint8_t *mac));
/* Ends without a call. */
void probe_stop(struct probe *p);
void probe_free(struct probe *p);
/* `sender`: so that the answer comes to us alone; NULL: no neighbour learns from the question.
 * A probe that ran is stopped. */
void probe_begin(struct probe *p, struct segment *s, const struct vrrp_ip *sender,
		 const struct vrrp_ip *target, uint64_t every, uint64_t until);

#endif
