/* The board of limits: how often, and how lately, each key was let through, and who is exempt.
 * A board as those of board.h; written by the proxy (by limit/, which says how), and by the
 * supervisor when the proxy is dead. A proxy that comes back goes on from it.
 *
 * Instants are nanoseconds of CLOCK_MONOTONIC, as the ends of the board's readers have it too. */
#ifndef HPCBAL_IPC_LIMIT_BOARD_H
#define HPCBAL_IPC_LIMIT_BOARD_H

#include "base/addr.h"
#include "ipc/board.h"

/* Its place among the descriptors of HELLO. */
#define BOARD_LIMITS_FD 3

#define BOARD_LIMITS 512
#define BOARD_LIMIT_SETS 8192u
#define BOARD_LIMIT_WAYS 8u
#define BOARD_EXEMPTIONS 64
#define BOARD_KEY_TEXT 48 /* of a key as users see it */

/* `arrival` of an entry that is just being given to another key. */
#define BOARD_LIMIT_MOVES UINT64_MAX

/* One limit of the configuration. Frontend and name together are its identity, so it keeps its
 * keys over a reload. */
struct board_limit {
	_Atomic uint32_t used;    /* as in struct board_server */
	_Atomic uint32_t current; /* enum board_place */
	uint64_t id;              /* of the identity: board_limit_id() */
	char frontend[BOARD_NAME], name[BOARD_NAME];
	_Atomic uint32_t turn; /* odd: the texts below are being written */
	char by[BOARD_NAME], rate[32]; /* as configured; rate empty: of connections */
	_Atomic uint32_t order, dry_run;
	_Atomic uint32_t secret; /* its values are shown as digests only */
	_Atomic uint64_t step_ns;  /* one token's; 0: of connections */
	_Atomic uint64_t depth_ns; /* until an empty bucket is full */
	_Atomic uint64_t connections, burst;
	_Atomic uint64_t told_us; /* when its dry run was last told of */
	struct limit_stats stats;
};

/* Whose an entry is, for who lists, clears and exempts. */
struct board_key {
	uint64_t limit;  /* board_limit.id */
	uint64_t digest; /* of the value, keyed; of an address 0 */
	char text[BOARD_KEY_TEXT]; /* an address or network, the value, or "#" and the digest */
};

struct board_limit_note {
	_Atomic uint32_t turn;        /* odd: `key` is being written */
	_Atomic uint32_t connections; /* open now, and let in */
	_Atomic uint32_t turned_away; /* open still, while they are told that they were refused */
	/* Refusals that follow one another: how many, the first one, the last one. */
	_Atomic uint64_t refused, since, last;
	struct board_key key;
};

/* Refusals that are farther apart than this, or than a bucket takes to fill, are two stories. */
#define BOARD_LIMIT_QUIET_NS 10000000000ull

/* A key is only ever in the one set that its hash names. */
struct board_limit_set {
	_Atomic uint64_t owner[BOARD_LIMIT_WAYS];   /* hash of limit and value; 0: nobody's */
	_Atomic uint64_t arrival[BOARD_LIMIT_WAYS]; /* when its bucket is full again */
	struct board_limit_note note[BOARD_LIMIT_WAYS];
};

/* Plain memory, copied whole under `turn` of struct board_exemption. */
struct limit_exemption {
	uint64_t limits;   /* board_limit_id() of a name, or of one limit; 0: all */
	uint64_t until_us; /* CLOCK_MONOTONIC; UINT64_MAX: until it is ended */
	uint64_t digest;   /* of a value */
	struct net net;    /* of a key that is an address; family_bytes 0: it is none */
	char text[BOARD_KEY_TEXT];
	char limit[2 * BOARD_NAME]; /* as it was given; empty: all */
};

struct board_exemption {
	_Atomic uint32_t used;
	_Atomic uint32_t turn;
	struct limit_exemption is;
};

struct board_limits {
	struct board_head head;
	uint64_t key[2]; /* of all hashes; random, set by the supervisor when it makes the board */
	_Atomic uint64_t evicted;   /* keys that lost their count, since a set was full */
	_Atomic uint64_t untracked; /* let through uncounted: a set was full of connections */
	struct board_limit limits[BOARD_LIMITS];
	_Atomic uint32_t n_exempt; /* slots in use */
	struct board_exemption exempt[BOARD_EXEMPTIONS];
	/* A bit a set that was ever used: walks leave the memory of the others alone. */
	_Atomic uint64_t touched[BOARD_LIMIT_SETS / 64];
	struct board_limit_set sets[BOARD_LIMIT_SETS];
};

/* Of a limit; with an empty frontend, of all limits of that name. */
uint64_t board_limit_id(struct str frontend, struct str name);
/* As board_frontend_slot(). */
int board_limit_slot(struct board_limits *b, struct str frontend, struct str name);
void board_limits_forget_prepared(struct board_limits *b);
/* The supervisor, when the proxy is dead: its connections went with it, and what it was just
 * writing is whole again. */
void board_limits_died(struct board_limits *b);

/* The next set from `*at` on that was ever used, and `*at` behind it; NULL at the end. */
const struct board_limit_set *board_limit_next(const struct board_limits *b, unsigned *at);

/* The exemption in a slot, whole and bounded. False: there is none, or it is over. */
bool board_exemption_read(const struct board_limits *b, unsigned i, uint64_t now_us,
			  struct limit_exemption *to);
/* Refusals of this limit that lie farther back are forgotten. */
uint64_t board_limit_quiet(const struct board_limit *l);
/* Whether it speaks of this limit, and of this value or (`src`, else NULL) this client. */
bool board_exempts(const struct limit_exemption *e, const struct board_limit *limit,
		   uint64_t digest, const struct addr *src);

#endif
