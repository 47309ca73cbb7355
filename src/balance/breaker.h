/* Circuit breaking: whether a server is ejected for what requests met with there, in a row or as
 * a share of those of a window, and for how long, which grows. Pure; time is an argument (µs of
 * one clock). Whoever owns one guards it; breaker_good() needs no guard. */
#ifndef HPCBAL_BALANCE_BREAKER_H
#define HPCBAL_BALANCE_BREAKER_H

#include <stdatomic.h>

#include "conf/conf.h"

/* Zeroes are a new one. */
struct breaker {
	_Atomic uint32_t good;   /* in the window */
	_Atomic uint32_t in_row; /* errors since the last that was good */
	uint32_t bad;            /* in the window */
	uint64_t window_at;      /* when it began: with an error */
	unsigned ejections;      /* so far, without a long time of peace between */
	uint64_t until;          /* of the last one */
};

enum breaker_verdict { BREAKER_STAYS, BREAKER_IN_ROW, BREAKER_RATE };

/* A request that went well. The hot path: nothing is locked. */
static inline void breaker_good(struct breaker *b)
{
	atomic_fetch_add_explicit(&b->good, 1, memory_order_relaxed);
	if (atomic_load_explicit(&b->in_row, memory_order_relaxed))
		atomic_store_explicit(&b->in_row, 0, memory_order_relaxed);
}

/* One that did not: whether the server is to be ejected, and for which of the rules. */
enum breaker_verdict breaker_bad(struct breaker *b, const struct conf_breaker *c, uint64_t now);
/* It is: until when. The first time for `ejection`, twice as long each time after, at most
 * `max_ejection`; once it has had peace for `max_ejection` it is as if it never was. Counting
 * begins anew. */
uint64_t breaker_eject(struct breaker *b, const struct conf_breaker *c, uint64_t now);
/* In words, into `to`: "5 errors in a row", "12 of 20 requests failed". */
void breaker_format(const struct breaker *b, enum breaker_verdict v, char *to, size_t size);

#endif
