/* What a virtual router tracks, and what that does to it: interfaces, scripts and backends
 * change the priority or make it unfit, by keepalived's arithmetic (vrrp/priority.h). Owner:
 * the vrrp thread. Private to vrrp/. */
#ifndef HPCBAL_VRRP_TRACK_H
#define HPCBAL_VRRP_TRACK_H

#include "ipc/brief.h"
#include "vrrp/priority.h"
#include "vrrp/segment.h"
#include "vrrp/world.h"

struct tracks {
	unsigned n;
	struct vrrp_tracker trackers[BRIEF_TRACKS];
	bool known[BRIEF_TRACKS];             /* a first result is there */
	char why[BRIEF_TRACKS][BOARD_TEXT];   /* why it is down */
	struct segment *interfaces[BRIEF_TRACKS];
	const struct brief_router *brief; /* borrowed */
};

/* False: `why`. `old` (NULL: none): what it knows of the same things is kept. */
bool tracks_init(struct tracks *t, struct vrrp_world *w, const struct brief_router *r,
		 const struct tracks *old, char *why, size_t size);
void tracks_free(struct tracks *t);
/* Of one that is not known, in the facts. */
#define TRACKS_UNKNOWN "not known yet"
/* "script /usr/local/sbin/check" */
void tracks_name(const struct tracks *t, unsigned n, char to[BOARD_TEXT]);
/* What a process before this one knew of the same things. */
void tracks_resume(struct tracks *t, const struct router_facts *f);

/* News; each returns whether something counts differently now. */
bool tracks_interface(struct tracks *t, const struct segment *s, uint64_t now);
bool tracks_script(struct tracks *t, uint32_t program, struct str fault, uint64_t now);
bool tracks_look(struct tracks *t, const struct board_proxy *b, bool master, uint64_t now);

/* Bits of enum vrouter_fault. */
uint32_t tracks_faults(const struct tracks *t);

#endif
