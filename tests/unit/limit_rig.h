/* A board of limits in this process's own memory, limits as a configuration would have them, and
 * keys. */
#ifndef HPCBAL_TESTS_LIMIT_RIG_H
#define HPCBAL_TESTS_LIMIT_RIG_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "limit/table.h"

#define NS 1000000000ull
#define RIG_LIMITS 4

struct rig {
	struct board_limits *board;
	struct limit_table *table;
	struct conf_limit conf[RIG_LIMITS];
	struct conf_frontend frontend;
	struct limit limits[RIG_LIMITS];
};

static inline void rig_open(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	r->board = mmap(NULL, sizeof(*r->board), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(r->board, MAP_FAILED);
	r->board->key[0] = 0x0123456789abcdefull;
	r->board->key[1] = 0xfedcba9876543210ull;
	r->table = limit_table_new(r->board);
	ck_assert_ptr_nonnull(r->table);
	r->frontend = (struct conf_frontend){ .name = STR("front"), .limits = r->conf };
}

static inline void rig_close(struct rig *r)
{
	limit_table_free(r->table);
	munmap(r->board, sizeof(*r->board));
}

static inline struct limit *rig_limit(struct rig *r, struct conf_limit c)
{
	static const char *const by[] = { [CONF_LIMIT_SRC] = "src",
					  [CONF_LIMIT_HEADER] = "hdr(X)",
					  [CONF_LIMIT_COOKIE] = "cookie(x)",
					  [CONF_LIMIT_ROUTE] = "route" };
	unsigned i = r->frontend.n_limits++;

	ck_assert_uint_lt(i, RIG_LIMITS);
	c.prefix4 = c.prefix4 ? c.prefix4 : 32;
	c.prefix6 = c.prefix6 ? c.prefix6 : 64;
	c.by_text = c.by_text.n ? c.by_text : str_of(by[c.by]);
	r->conf[i] = c;
	ck_assert(limit_init(&r->limits[i], &r->frontend, i, r->board));
	limit_publish(&r->limits[i], i);
	return &r->limits[i];
}

/* So many in a second, so many at once. */
static inline struct limit *rig_rate(struct rig *r, const char *name, uint64_t rate,
				     uint64_t burst)
{
	return rig_limit(r, (struct conf_limit){ .name = str_of(name), .rate = rate,
						 .period = 1000000, .burst = burst,
						 .rate_text = STR("N/s") });
}

static inline struct limit *rig_connections(struct rig *r, const char *name, uint64_t most)
{
	return rig_limit(r, (struct conf_limit){ .name = str_of(name), .connections = most });
}

static inline struct addr rig_addr(const char *host)
{
	struct addr a;

	ck_assert_ptr_null(addr_parse_host(&a, str_of(host), 4711));
	return a;
}

/* The n-th address of 10.0.0.0/8. */
static inline struct addr rig_nth(unsigned n)
{
	char text[32];

	snprintf(text, sizeof(text), "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	return rig_addr(text);
}

static inline struct limit_key rig_src(struct rig *r, const struct limit *l, const struct addr *a)
{
	return limit_key_make(r->board, l, a, STR_NONE);
}

static inline bool rig_take(struct rig *r, const struct limit *l, const struct addr *a,
			    uint64_t now)
{
	struct limit_key k = rig_src(r, l, a);
	uint64_t wait;

	return limit_take(r->table, &k, now, &wait);
}

/* How many of `tries` at once get through. */
static inline unsigned rig_takes(struct rig *r, const struct limit *l, const struct addr *a,
				 uint64_t now, unsigned tries)
{
	unsigned n = 0;

	while (tries--)
		n += rig_take(r, l, a, now);
	return n;
}

/* So many more addresses of the same set. */
static inline void rig_same_set(struct rig *r, const struct limit *l, struct addr *to,
				unsigned n)
{
	uint64_t set = UINT64_MAX;

	for (unsigned i = 0; n; i++) {
		struct addr a = rig_nth(i);
		struct limit_key k = rig_src(r, l, &a);

		if (set == UINT64_MAX)
			set = k.owner % BOARD_LIMIT_SETS;
		if (k.owner % BOARD_LIMIT_SETS != set)
			continue;
		*to++ = a;
		n--;
	}
}

static inline enum limit_hold rig_hold(struct rig *r, const struct limit *l,
				       const struct addr *a, uint32_t *place)
{
	struct limit_key k = rig_src(r, l, a);
	bool over;

	return limit_hold(r->table, &k, false, NS, place, &over);
}

#endif
