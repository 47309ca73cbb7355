/* The counters of a server, a backend, a frontend, a limit, the proxy,
 * a virtual router: plain structs of relaxed
 * atomics, so that they can lie on a board that other processes read. Rows are in stats.def;
 * a gauge goes up and down, a counter only up. */
#ifndef HPCBAL_BASE_STATS_H
#define HPCBAL_BASE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STATS_GAUGE(name, help) _Atomic uint64_t name;
#define STATS_COUNTER(name, help) _Atomic uint64_t name;

struct server_stats {
#define STATS_SERVER
#include "base/stats.def"
#undef STATS_SERVER
};

struct frontend_stats {
#define STATS_FRONTEND
#include "base/stats.def"
#undef STATS_FRONTEND
};

struct limit_stats {
#define STATS_LIMIT
#include "base/stats.def"
#undef STATS_LIMIT
};

struct proxy_stats {
#define STATS_PROXY
#include "base/stats.def"
#undef STATS_PROXY
};

struct router_stats {
#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
};

#undef STATS_GAUGE
#undef STATS_COUNTER

#define stats_add(field, n) ((void)atomic_fetch_add_explicit(&(field), (n), memory_order_relaxed))
#define stats_sub(field, n) ((void)atomic_fetch_sub_explicit(&(field), (n), memory_order_relaxed))
#define stats_get(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define stats_set(field, n) atomic_store_explicit(&(field), (n), memory_order_relaxed)

/* One more, where there are fewer than `most`. False: there are not. However many threads count
 * there, it is never more. */
static inline bool stats_add_below(_Atomic uint64_t *field, uint64_t most)
{
	uint64_t n = atomic_load_explicit(field, memory_order_relaxed);

	while (n < most)
		if (atomic_compare_exchange_weak_explicit(field, &n, n + 1, memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

#endif
