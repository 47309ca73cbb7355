/* How long to wait before a child that died is started again. Pure. */
#ifndef HPCBAL_SUPERVISOR_BACKOFF_H
#define HPCBAL_SUPERVISOR_BACKOFF_H

#include <stdint.h>

#include "base/clock.h"

#define BACKOFF_FIRST_US (100 * CLOCK_MS)
#define BACKOFF_MOST_US (5 * CLOCK_SEC)
/* A child that served for so long is forgiven all that went before. */
#define BACKOFF_GOOD_LIFE_US (10 * CLOCK_SEC)

struct backoff {
	unsigned deaths; /* in a row, without a good life between them */
};

/* `served_us`: how long the one that died did its work; 0: it never came so far. The first
 * death waits for nothing. */
uint64_t backoff_next(struct backoff *b, uint64_t served_us);

#endif
