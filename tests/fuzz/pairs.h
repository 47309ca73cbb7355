/* What fuzz_query and fuzz_cookie share: conditions on NAME=VALUE pairs, each alone in a
 * router, compiled once; and what each is to say of a pair. */
#ifndef HPCBAL_TESTS_FUZZ_PAIRS_H
#define HPCBAL_TESTS_FUZZ_PAIRS_H

#include <stdio.h>

#include "fuzzing.h"
#include "route/route.h"

enum pairs_test { PAIRS_FOUND, PAIRS_EXACT, PAIRS_FOLDED, PAIRS_BEG, PAIRS_END, PAIRS_SUB,
		  PAIRS_TESTS };

#define PAIRS_NAME STR("a")
#define PAIRS_VALUE STR("b1")

static const char *const pairs_behind[PAIRS_TESTS] = {
	"-m found", "b1", "-i B1", "-m beg b1", "-m end b1", "-m sub b1"
};

static struct router *pairs_routers[PAIRS_TESTS];
static struct router_scratch *pairs_scratch;

static inline void pairs_prepare(const char *word)
{
	static struct conf conf;
	static struct conf_source source = { .path = STR("fuzz") };
	static char text[PAIRS_TESTS][64];
	static struct conf_route routes[PAIRS_TESTS];
	static struct conf_frontend frontends[PAIRS_TESTS];
	struct diags diags;

	if (pairs_scratch)
		return;
	diags_init(&diags);
	pairs_scratch = router_scratch_new();
	must(pairs_scratch);
	for (unsigned i = 0; i < PAIRS_TESTS; i++) {
		snprintf(text[i], sizeof(text[i]), "%s(a) %s", word, pairs_behind[i]);
		routes[i] = (struct conf_route){ .when = str_of(text[i]), .line = 1 };
		frontends[i] = (struct conf_frontend){ .name = STR("f"), .routes = &routes[i],
						       .n_routes = 1, .default_backend = -1 };
		pairs_routers[i] = router_compile(&conf, &source, &frontends[i], &diags);
		must(pairs_routers[i]);
	}
	diags_free(&diags);
}

static inline bool pairs_says(enum pairs_test t, struct str value)
{
	switch (t) {
	case PAIRS_FOUND:
		return true;
	case PAIRS_EXACT:
		return str_eq(value, PAIRS_VALUE);
	case PAIRS_FOLDED:
		return value.n == 2 && (value.p[0] | 0x20) == 'b' && value.p[1] == '1';
	case PAIRS_BEG:
		return str_begins(value, PAIRS_VALUE);
	case PAIRS_END:
		return str_ends(value, PAIRS_VALUE);
	default:
		return str_find(value, PAIRS_VALUE) >= 0;
	}
}

/* Bit t: test t holds of this request. */
static inline unsigned pairs_asked(const struct http_request *req)
{
	struct route_facts facts = { .req = req, .dst_port = 80, .scratch = pairs_scratch };
	unsigned holds = 0;
	int route;

	for (unsigned t = 0; t < PAIRS_TESTS; t++) {
		int backend = router_decide(pairs_routers[t], &facts, &route);

		must(backend == route && (route == 0 || route == -1));
		holds |= (unsigned)(route == 0) << t;
	}
	return holds;
}

/* Bit t: test t is to hold because of this pair. */
static inline unsigned pairs_of_value(struct str value)
{
	unsigned holds = 0;

	for (unsigned t = 0; t < PAIRS_TESTS; t++)
		holds |= (unsigned)pairs_says(t, value) << t;
	return holds;
}

#endif
