/* Time. Durations and instants are microseconds in uint64_t everywhere. Only shells read
 * the clock (a loop once a turn); pure code gets `now` as an argument. */
#ifndef HPCBAL_BASE_CLOCK_H
#define HPCBAL_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_MS 1000ull
#define CLOCK_SEC 1000000ull

/* CLOCK_MONOTONIC; never jumps. */
uint64_t clock_now_us(void);
/* The calendar, for log lines only. */
uint64_t clock_wall_us(void);

#endif
