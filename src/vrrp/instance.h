/* One virtual router: hands what happens to the machine (vrrp/fsm.h), carries out its plan in
 * order, and writes how it stands on the board. Owner: the vrrp thread. Private to vrrp/. */
#ifndef HPCBAL_VRRP_INSTANCE_H
#define HPCBAL_VRRP_INSTANCE_H

#include "ipc/brief.h"
#include "vrrp/fsm.h"
#include "vrrp/probe.h"
#include "vrrp/track.h"
#include "vrrp/world.h"

struct instance;

/* Who wants to know what a demotion or a promotion does; see vrrp/demotion.h. */
struct instance_ear {
	void (*outcome)(struct instance_ear *ear, struct instance *i,
			const struct vrouter_action *a);
};

struct instance {
	struct list link;
	struct vrrp_world *world;
	struct brief_router *brief; /* a copy of its own */
	struct vrouter_config config;
	struct vrouter machine;
	struct vrrp_ip advertised[BRIEF_ADDRESSES], peers[BRIEF_PEERS];
	struct vrrp_ip addresses[BRIEF_ADDRESSES]; /* all, as in the brief */

	struct segment *segment;
	enum segment_wire by;
	struct renewer_set set; /* its leases: one for each of `addresses` */
	struct neighbour_frame frames[BRIEF_ADDRESSES];
	struct tracks tracks;
	struct loop_fd timer_io; /* a timerfd */
	uint64_t armed;          /* for this instant */
	struct probe conflict;   /* does another host have an address of ours? */
	struct instance_ear *ear; /* NULL: nobody listens */

	uint64_t sockets_retry; /* when sockets that could not be had are tried again */
	uint64_t sockets_told;  /* when the log was told why */
	uint64_t proxy_trust;      /* for so long it has to serve after a fault of it */
	uint64_t proxy_failed;     /* when the last fault of it began; 0: never */
	uint64_t proxy_well_since;  /* after a fault of it; 0: no fault, or not yet */
	uint64_t address_retry;     /* when addresses that could not be set are tried again */
	uint64_t conflict_retry;    /* when those that another host has are */
	uint64_t event_at;          /* when the event came that is being answered */
	uint64_t let_go;            /* when addresses that were held were deleted last */
	uint64_t stray_told;        /* when the log was told of an address set by others */
	uint64_t check_at;          /* when to look for other hosts with our addresses */
	unsigned checked;           /* how many addresses were */
	uint64_t since_wall;        /* of the state */
	uint64_t told[VRRP_DISCARDS]; /* when a discard was logged last */
	uint64_t foreign_heard;
	bool foreign_is_host; /* it has an address of ours */
	char foreign[160];
	bool dirty; /* the facts on the board are old */
	const struct router_facts *resumes; /* while it starts behind one that left in order */
	struct board_router *board;
};

/* Not started. NULL: `why` says what cannot be. */
struct instance *instance_new(struct vrrp_world *w, const struct brief_router *r, char *why,
			      size_t size);
/* Frees it; the addresses stay as they are. */
void instance_free(struct instance *i);
/* Whether `r` can be taken by a running instance, without beginning anew. */
bool instance_is(const struct instance *i, const struct brief_router *r);
/* NULL, or why `r` cannot be carried out (a literal). */
const char *instance_brief_error(const struct brief_router *r);
/* The new configuration of a running instance; instance_is() said yes. `b`: all of it. */
void instance_take(struct instance *i, const struct brief *b, const struct brief_router *r);

/* `left`: what a predecessor that is gone left there, or NULL. */
struct instance_left {
	uint64_t last_sent;     /* 0: was no master */
	uint64_t demoted_until; /* 0: was not demoted */
	bool holds_back;        /* had lost the addresses by a stall, or a crash before this one */
	/* It left in order: what it knew is known, and a state that goes on is no news. NULL: it
	 * was killed. */
	const struct router_facts *facts;
};
void instance_start(struct instance *i, const struct instance_left *left);
/* Resigns if it is master, and takes the addresses away. */
void instance_stop(struct instance *i);
/* The place on the board, which may change with a reload. */
void instance_set_board(struct instance *i, struct board_router *board);

/* One event. */
void instance_tell(struct instance *i, const struct vrouter_event *e);
void instance_packet(struct instance *i, enum segment_wire by, const struct wire_packet *p);
/* Of its own segment, or one that it tracks. */
void instance_changed(struct instance *i, struct segment *s, const struct watch_event *e);
void instance_script(struct instance *i, uint32_t program, struct str fault);
/* Every look: the proxy, the backends, what is due. */
void instance_look(struct instance *i, uint64_t now);
/* The clocks say that the machine stood still. */
void instance_resumed(struct instance *i);

const char *instance_name(const struct instance *i);

/* --- instance_plan.c --- */

void instance_carry_out(struct instance *i, struct vrouter_plan *plan);

/* --- instance_addresses.c --- */

/* Makes the requests for those addresses that are not held, as the interface wants them now.
 * `adopt`: what is there is ours. */
void instance_prepare_leases(struct instance *i, bool adopt);
void instance_build_frames(struct instance *i);
/* Without leases to begin with. False: no memory. */
bool instance_make_leases(struct instance *i);
void instance_free_leases(struct instance *i);
/* For the addresses of a new brief: what nobody of it has any more is deleted, what stays is
 * held on. */
void instance_change_leases(struct instance *i, const struct brief *b);
bool instance_add_addresses(struct instance *i);
/* Whatever prefix they stand there with. */
void instance_delete_addresses(struct instance *i);
/* What somebody else set of them, or another instance left here. */
void instance_delete_strays(struct instance *i);
/* The renewer says so. */
void instance_renewal_failed(struct instance *i, int error);
void instance_announce(struct instance *i, unsigned count);

/* --- facts.c --- */

void instance_write_facts(struct instance *i, uint64_t now);

#endif
