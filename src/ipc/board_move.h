/* Boards when a proxy takes over from another that still runs (an upgrade): the successor gets
 * copies of the boards that the proxy writes, and the supervisor moves over what the old one
 * goes on counting. */
#ifndef HPCBAL_IPC_BOARD_MOVE_H
#define HPCBAL_IPC_BOARD_MOVE_H

#include <stddef.h>

#include "ipc/limit_board.h"

/* Copies what was ever written; what was not stays without memory. `to` is a fresh board of the
 * same size. False with errno. */
bool board_copy(int from, void *to, size_t size);
/* Of a copy: nothing runs and nothing was counted; all else stays as it is. */
void board_proxy_renew(struct board_proxy *b);
void board_limits_renew(struct board_limits *b);
/* Adds all counters of `from` to those of the same frontend, backend or server in `to`, and
 * leaves zeros. Both may be counting meanwhile; no count is lost or seen twice, but what `to`
 * does not have any more. */
void board_proxy_move(struct board_proxy *from, struct board_proxy *to);
void board_limits_move(struct board_limits *from, struct board_limits *to);

#endif
