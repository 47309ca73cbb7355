#include "proxy/linger.h"

#include "base/clock.h"

/* How long, for how many bytes, and with what pauses a client may go on sending after our last
 * word has reached it. The bytes are as many as the sockets' buffers at both ends may have held
 * when it was said: a client whose next write fails does not look for our word any more. */
#define LONGEST (5 * CLOCK_SEC)
#define PAUSE (2 * CLOCK_SEC)
#define MOST (16u << 20)
/* What has to be taken in that time while our last word is on its way: 500 bytes a second. A
 * kernel whose buffer is full may be silent for seconds about what its program takes. */
#define LEAST_TAKEN 2500

void linger_begin(struct linger_state *l, uint64_t now)
{
	*l = (struct linger_state){ .until = now + LONGEST };
}

uint64_t linger_due(const struct linger_state *l, uint64_t now)
{
	return now + PAUSE < l->until ? now + PAUSE : l->until;
}

bool linger_goes_on(struct linger_state *l, uint64_t now, size_t missing)
{
	size_t before = l->missing;

	if (now < l->until) /* it is silent */
		return missing > 0;
	if (missing ? before && missing + LEAST_TAKEN > before : !before)
		return false;
	l->until = now + LONGEST;
	l->missing = missing;
	return true;
}

bool linger_reads_on(struct linger_state *l, size_t missing)
{
	l->read = missing ? 0 : l->read + l->turn;
	l->turn = 0;
	return l->read < MOST;
}
