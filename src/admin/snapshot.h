/* What the boards say, taken together: the material of `status`, `servers`, `vrrp`, `limits` and
 * the metrics.
 * Reads shared memory that other processes write, trusts none of it, and works while a
 * child is dead. */
#ifndef HPCBAL_ADMIN_SNAPSHOT_H
#define HPCBAL_ADMIN_SNAPSHOT_H

#include <stdio.h>

#include "ipc/limit_board.h"

struct snapshot; /* a copy: nothing changes while it is printed */

/* Any board may be NULL (its process never ran). `now_wall_us` is clock_wall_us() and
 * `now_us` clock_now_us(): ages are counted from there. NULL: out of memory. */
struct snapshot *snapshot_take(const struct board_supervisor *s, const struct board_proxy *p,
			       const struct board_vrrp *v, uint64_t now_wall_us,
			       uint64_t now_us);
/* Adds what the board of limits says; NULL: nothing. False: out of memory. */
bool snapshot_add_limits(struct snapshot *s, const struct board_limits *b);
void snapshot_free(struct snapshot *s);

/* Empty when there is no supervisor's board. They live as long as the snapshot. */
const char *snapshot_version(const struct snapshot *s);
const char *snapshot_config_file(const struct snapshot *s);
unsigned snapshot_routers(const struct snapshot *s); /* how many */

/* For people: one screen, and what is wrong at its end. False: out of memory. */
bool snapshot_print_status(const struct snapshot *s, FILE *out);
/* `name` is BACKEND or BACKEND/SERVER, then with its last checks; NULL: all. False: there is
 * none (`why` names the nearest), or out of memory. */
bool snapshot_print_servers(const struct snapshot *s, const char *name, FILE *out, char *why,
			    size_t why_size);
/* As `status --json` promises. False: out of memory. */
bool snapshot_json_status(const struct snapshot *s, FILE *out);
/* { "servers": [ … ] }; false as with snapshot_print_servers(). */
bool snapshot_json_servers(const struct snapshot *s, const char *name, FILE *out, char *why,
			   size_t why_size);
/* A block a virtual router; `instance` NULL: all. False as with snapshot_print_servers(). */
bool snapshot_print_vrrp(const struct snapshot *s, const char *instance, FILE *out, char *why,
			 size_t why_size);
/* { "vrrp": [ … ] } */
bool snapshot_json_vrrp(const struct snapshot *s, const char *instance, FILE *out, char *why,
			size_t why_size);
/* The limits, who is limited now, and who is exempt; `limit` (a name, or FRONTEND/NAME) NULL:
 * all. False as with snapshot_print_servers(). */
bool snapshot_print_limits(const struct snapshot *s, const char *limit, FILE *out, char *why,
			   size_t why_size);
/* { "limits": [ … ], "limited": [ … ], "exempt": [ … ], … } */
bool snapshot_json_limits(const struct snapshot *s, const char *limit, FILE *out, char *why,
			  size_t why_size);
/* { "events": [ … ] }, oldest first. False: out of memory. */
bool snapshot_json_events(const struct snapshot *s, FILE *out);
/* In Prometheus' text format. */
void snapshot_print_metrics(const struct snapshot *s, FILE *out);
/* Whether this node can serve: its proxy lives and is not about to end. */
bool snapshot_is_healthy(const struct snapshot *s, char *why, size_t why_size);
/* { "healthy", "reason", "node", "generation" }; the reason of snapshot_is_healthy(), or null.
 * False: out of memory. */
bool snapshot_json_health(const struct snapshot *s, FILE *out);
/* { "hpcbalctl": …, "hpcbald": … }; `s` NULL: no daemon answers. */
bool snapshot_json_version(const struct snapshot *s, const char *own, FILE *out);

#endif
