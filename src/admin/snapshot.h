/* What the boards say, taken together: the material of `status`, `servers` and the metrics.
 * Reads shared memory that other processes write, trusts none of it, and works while a
 * child is dead. */
#ifndef HPCBAL_ADMIN_SNAPSHOT_H
#define HPCBAL_ADMIN_SNAPSHOT_H

#include <stdio.h>

#include "ipc/board.h"

struct snapshot; /* a copy: nothing changes while it is printed */

/* Any board may be NULL (its process never ran). NULL: out of memory. */
struct snapshot *snapshot_take(const struct board_supervisor *s, const struct board_proxy *p,
			       const struct board_vrrp *v);
void snapshot_free(struct snapshot *s);

/* For people: one screen, and what is wrong at its end. */
void snapshot_print_status(const struct snapshot *s, FILE *out);
/* `backend` NULL: all. False: no such backend (`why` names the nearest). */
bool snapshot_print_servers(const struct snapshot *s, const char *backend, FILE *out, char *why,
			    size_t why_size);
/* As `status --json` promises. */
bool snapshot_json_status(const struct snapshot *s, FILE *out);
bool snapshot_json_servers(const struct snapshot *s, const char *backend, FILE *out, char *why,
			   size_t why_size);

#endif
