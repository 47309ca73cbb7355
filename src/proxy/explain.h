/* The command explain: where a request that somebody describes would go, and why: each limit and
 * route with its verdict, the backend, and each of its servers. Nothing is counted and nobody is
 * asked. Main thread. */
#ifndef HPCBAL_PROXY_EXPLAIN_H
#define HPCBAL_PROXY_EXPLAIN_H

#include "ipc/control.h"
#include "proxy/generation.h"

/* The words of the request with NUL between them: explain METHOD URL, then any of "from=ADDRESS",
 * "frontend=NAME" and "header=NAME: VALUE". `*text` (malloc'ed, the caller's, NULL when memory ran
 * out) is lines. */
enum control_exit explain_command(const struct generation *g, struct str request, uint64_t now,
				  char **text);

#endif
