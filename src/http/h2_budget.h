/* How many frames of each kind (h2_floods.def) one client may send. Pure; `now` in µs. */
#ifndef HPCBAL_HTTP_H2_BUDGET_H
#define HPCBAL_HTTP_H2_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum h2_flood {
#define FLOOD(name, burst, rate, counter, what) H2_FLOOD_##name,
#include "http/h2_floods.def"
#undef FLOOD
	H2_FLOODS
};

struct h2_budget {
	unsigned left[H2_FLOODS];
	uint64_t since[H2_FLOODS]; /* when the last one was given back */
};

void h2_budget_init(struct h2_budget *b, uint64_t now);
/* One came. False: that is one too many. */
bool h2_budget_take(struct h2_budget *b, enum h2_flood kind, uint64_t now);
/* We have given cause for so many. */
void h2_budget_give(struct h2_budget *b, enum h2_flood kind, unsigned n);
/* A header block begins: its CONTINUATION frames count from here. */
void h2_budget_fill(struct h2_budget *b, enum h2_flood kind);
const char *h2_flood_text(enum h2_flood kind);

#endif
