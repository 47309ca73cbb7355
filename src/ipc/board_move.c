#include "ipc/board_move.h"

#include <errno.h>
#include <unistd.h>

/* ---- the copy ---- */

static bool copy_piece(int from, char *to, off_t at, off_t end)
{
	while (at < end) {
		ssize_t n = pread(from, to + at, (size_t)(end - at), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
	}
	return true;
}

bool board_copy(int from, void *to, size_t size)
{
	off_t end = (off_t)size, at = lseek(from, 0, SEEK_DATA);

	while (at >= 0 && at < end) {
		off_t hole = lseek(from, at, SEEK_HOLE);

		if (hole < 0 || !copy_piece(from, to, at, hole < end ? hole : end))
			return false;
		at = lseek(from, hole, SEEK_DATA);
	}
	/* No more data behind here. */
	return at >= 0 || errno == ENXIO;
}

/* ---- the counters ---- */

/* One at a time, so that whoever counts meanwhile counts on. */
static void move(_Atomic uint64_t *from, _Atomic uint64_t *to)
{
	uint64_t n = stats_get(*from);

	if (!n)
		return;
	n = atomic_exchange_explicit(from, 0, memory_order_relaxed);
	if (to)
		stats_add(*to, n);
}

#define STATS_GAUGE(name, help)
#define STATS_COUNTER(name, help) move(&from->name, to ? &to->name : NULL);

static void move_server(struct server_stats *from, struct server_stats *to)
{
#define STATS_SERVER
#include "base/stats.def"
#undef STATS_SERVER
}

static void move_frontend(struct frontend_stats *from, struct frontend_stats *to)
{
#define STATS_FRONTEND
#include "base/stats.def"
#undef STATS_FRONTEND
}

static void move_limit(struct limit_stats *from, struct limit_stats *to)
{
#define STATS_LIMIT
#include "base/stats.def"
#undef STATS_LIMIT
}

static void move_proxy(struct proxy_stats *from, struct proxy_stats *to)
{
#define STATS_PROXY
#include "base/stats.def"
#undef STATS_PROXY
}

static void move_latency(struct latency *from, struct latency *to)
{
	move(&from->sum_us, to ? &to->sum_us : NULL);
	for (unsigned i = 0; i <= LATENCY_BOUNDS; i++)
		move(&from->count[i], to ? &to->count[i] : NULL);
}

static void move_road(struct board_road *from, struct board_road *to)
{
	for (unsigned i = 0; i < BOARD_CODES; i++)
		move(&from->codes[i], to ? &to->codes[i] : NULL);
}

/* ---- who is who ---- */

/* Slots stay where they are in a copy; only a reload since then may have given one away. The
 * same slot first, then all. */
#define FIND(name, slot, is_same)                                                              \
	static int name(struct slot *from, struct slot *list, unsigned n, unsigned at)         \
	{                                                                                      \
		if (at < n && is_same(from, &list[at]))                                        \
			return (int)at;                                                        \
		for (unsigned i = 0; i < n; i++)                                               \
			if (is_same(from, &list[i]))                                           \
				return (int)i;                                                 \
		return -1;                                                                     \
	}

static bool same_text(const char *a, const char *b, size_t size)
{
	return strncmp(a, b, size) == 0;
}

static bool same_frontend(const struct board_frontend *a, const struct board_frontend *b)
{
	return stats_get(b->used) && same_text(a->name, b->name, sizeof(a->name));
}

static bool same_backend(const struct board_backend *a, const struct board_backend *b)
{
	return stats_get(b->used) && same_text(a->name, b->name, sizeof(a->name));
}

static bool same_server(const struct board_server *a, const struct board_server *b)
{
	return stats_get(b->used) && same_text(a->name, b->name, sizeof(a->name)) &&
	       same_text(a->backend, b->backend, sizeof(a->backend)) &&
	       same_text(a->address, b->address, sizeof(a->address));
}

static bool same_limit(const struct board_limit *a, const struct board_limit *b)
{
	return stats_get(b->used) && a->id == b->id;
}

FIND(find_frontend, board_frontend, same_frontend)
FIND(find_backend, board_backend, same_backend)
FIND(find_server, board_server, same_server)
FIND(find_limit, board_limit, same_limit)

/* ---- the walk ---- */

static void move_servers(struct board_proxy *from, struct board_proxy *to)
{
	for (unsigned i = 0; i < board_n_servers(from); i++) {
		struct board_server *s = &from->servers[i];
		int at;

		if (!stats_get(s->used))
			continue;
		at = to ? find_server(s, to->servers, board_n_servers(to), i) : -1;
		move_server(&s->stats, at < 0 ? NULL : &to->servers[at].stats);
	}
}

/* `backends`: where those of `from` are in `to`, -1: nowhere. */
static void move_roads(struct board_road *from, struct board_road *to,
		       const int backends[BOARD_BACKENDS])
{
	for (unsigned i = 0; i < BOARD_BACKENDS; i++)
		if (stats_get(from[i].open))
			move_road(&from[i], to && backends[i] >= 0 ? &to[backends[i]] : NULL);
	move_road(&from[BOARD_NOWHERE], to ? &to[BOARD_NOWHERE] : NULL);
}

static void move_backends(struct board_proxy *from, struct board_proxy *to,
			  int backends[BOARD_BACKENDS])
{
	for (unsigned i = 0; i < BOARD_BACKENDS; i++)
		backends[i] = -1;
	for (unsigned i = 0; i < board_n_backends(from); i++) {
		struct board_backend *k = &from->backends[i];

		if (!stats_get(k->used))
			continue;
		if (to)
			backends[i] = find_backend(k, to->backends, board_n_backends(to), i);
		move_latency(&k->latency,
			     backends[i] < 0 ? NULL : &to->backends[backends[i]].latency);
	}
}

static void move_frontends(struct board_proxy *from, struct board_proxy *to,
			   const int backends[BOARD_BACKENDS])
{
	for (unsigned i = 0; i < board_n_frontends(from); i++) {
		struct board_frontend *f = &from->frontends[i];
		int at;

		if (!stats_get(f->used))
			continue;
		at = to ? find_frontend(f, to->frontends, board_n_frontends(to), i) : -1;
		move_frontend(&f->stats, at < 0 ? NULL : &to->frontends[at].stats);
		move_roads(from->roads[i], at < 0 ? NULL : to->roads[at], backends);
	}
}

/* Without `to` they are dropped. */
static void move_all(struct board_proxy *from, struct board_proxy *to)
{
	int backends[BOARD_BACKENDS];

	move_proxy(&from->stats, to ? &to->stats : NULL);
	move_servers(from, to);
	move_backends(from, to, backends);
	move_frontends(from, to, backends);
}

void board_proxy_move(struct board_proxy *from, struct board_proxy *to)
{
	move_all(from, to);
}

void board_proxy_renew(struct board_proxy *b)
{
	board_proxy_died(b);
	move_all(b, NULL);
}

static void move_limits(struct board_limits *from, struct board_limits *to)
{
	move(&from->evicted, to ? &to->evicted : NULL);
	move(&from->untracked, to ? &to->untracked : NULL);
	for (unsigned i = 0; i < BOARD_LIMITS; i++) {
		struct board_limit *l = &from->limits[i];
		int at;

		if (!stats_get(l->used))
			continue;
		at = to ? find_limit(l, to->limits, BOARD_LIMITS, i) : -1;
		move_limit(&l->stats, at < 0 ? NULL : &to->limits[at].stats);
	}
}

void board_limits_move(struct board_limits *from, struct board_limits *to)
{
	move_limits(from, to);
}

void board_limits_renew(struct board_limits *b)
{
	board_limits_died(b);
	move_limits(b, NULL);
}
