/* What went on between two snapshots, per second. Pure. */
#ifndef HPCBAL_CTL_TOP_RATES_H
#define HPCBAL_CTL_TOP_RATES_H

#include "admin/snapshot_data.h"

/* Of what was not there before, of a counter that went back, of another daemon, of no time. All
 * other rates are 0 or more. */
#define RATE_UNKNOWN (-1.0)

struct rate_flow {
	double requests;                     /* that have ended, or connections in mode tcp */
	double client_errors, server_errors; /* answered with 4xx and 5xx */
	double in, out;                      /* bytes; of backends not known */
};

/* In µs; of nothing that ended RATE_UNKNOWN, and of what took longer than the histogram goes its
 * last bound. */
struct rate_times {
	double p50, p95, p99;
};

struct rate_server {
	double requests, errors;
};

/* Each entry is of the entry of `now` at the same place. */
struct top_rates {
	struct rate_flow all;
	struct rate_times all_times;
	struct rate_flow frontends[BOARD_FRONTENDS];
	struct rate_flow backends[BOARD_BACKENDS];
	struct rate_times times[BOARD_BACKENDS];
	struct rate_server servers[BOARD_SERVERS];
};

/* `before` NULL: nothing is known yet. The caller frees it; NULL: out of memory. */
struct top_rates *top_rates(const struct snapshot *before, const struct snapshot *now);

#endif
