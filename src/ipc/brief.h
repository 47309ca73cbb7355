/* What the vrrp process has to do: the virtual routers of one configuration, fixed binary, so
 * that a process with rights over the network parses no text and never stops to do so. It
 * travels from the loader in a sealed memfd of its own, which only the vrrp process gets: it
 * holds the passwords. The supervisor hands it on unread. */
#ifndef HPCBAL_IPC_BRIEF_H
#define HPCBAL_IPC_BRIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRIEF_MAGIC 0x6862616c62726966ull
#define BRIEF_LAYOUT 1u
#define BRIEF_ROUTERS 16
#define BRIEF_ADDRESSES 32 /* of one virtual router */
#define BRIEF_PEERS 16
#define BRIEF_TRACKS 16
#define BRIEF_NAME 64
#define BRIEF_INTERFACE 16
#define BRIEF_PASSWORD 8
#define BRIEF_NONE UINT32_MAX

struct brief_ip {
	uint8_t size; /* 4, 16; 0: none */
	uint8_t bytes[16];
};

struct brief_address {
	struct brief_ip ip;
	uint8_t prefix;      /* as written; 32 or 128 when nothing was */
	uint8_t advertised;  /* 0: set, but not in the advertisements */
	char text[64];       /* as written: "110.15.177.120/26" */
};

enum brief_track_kind { BRIEF_TRACK_INTERFACE, BRIEF_TRACK_SCRIPT, BRIEF_TRACK_BACKEND };

struct brief_track {
	uint32_t kind;    /* enum brief_track_kind */
	int32_t weight;   /* keepalived's; 0: unfit while down (never of a backend) */
	uint32_t program; /* script: index in the manifest's programs; else BRIEF_NONE */
	uint32_t rise, fall;       /* of a script; at least 1 */
	uint64_t hold_us;          /* backend: the interval of its checks; else 0 */
	char name[256];            /* interface, backend, or the script's path, maybe cut */
};

struct brief_router {
	char name[BRIEF_NAME], interface[BRIEF_INTERFACE];
	uint8_t version, vrid, ipv6, priority;
	uint8_t preempt, accept, has_password, unicast;
	uint8_t plain_checksum, strict_list;
	uint8_t leave_conflicts; /* 1: what another host has is given up */
	uint8_t garp_count;
	char password[BRIEF_PASSWORD]; /* padded with zeros */
	uint64_t interval_us, preempt_delay_us, settle_us;
	uint64_t garp_interval_us, garp_refresh_us; /* refresh 0: never */
	uint64_t proxy_grace_us;
	struct brief_ip unicast_source; /* size 0: the interface's primary address */
	uint32_t n_addresses, n_peers, n_tracks;
	uint32_t notify; /* index in the manifest's programs, or BRIEF_NONE */
	struct brief_address addresses[BRIEF_ADDRESSES]; /* those that are advertised first */
	struct brief_ip peers[BRIEF_PEERS];
	struct brief_track tracks[BRIEF_TRACKS];
};

struct brief {
	uint64_t magic;
	uint32_t layout, n_routers;
	struct brief_router routers[BRIEF_ROUTERS];
};

/* Loader: completes the head, writes it into a new sealed memfd, mode 0400. -1 with errno. */
int brief_write(struct brief *b);
/* Checks size, seals, magic, layout, every count, index, flag and every string's end; the map
 * is read-only and private. NULL with `why` (a literal). */
const struct brief *brief_map(int fd, const char **why);
void brief_unmap(const struct brief *b);

#endif
