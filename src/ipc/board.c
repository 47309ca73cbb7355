#include "ipc/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOARD_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define BOARD_READ_TRIES 1000
#define BOARD_READ_STILL 50 /* of them, while nothing moves */

_Static_assert(sizeof(struct board_proxy) < UINT32_MAX, "a board's size fits its head");

int board_create(const char *name, size_t size, void **map)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct board_head *head;
	int saved;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)size) == 0 && fchmod(fd, 0600) == 0 &&
	    fcntl(fd, F_ADD_SEALS, BOARD_SEALS) == 0) {
		head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (head != MAP_FAILED) {
			head->magic = BOARD_MAGIC;
			head->layout = BOARD_LAYOUT;
			head->size = (uint32_t)size;
			*map = head;
			return fd;
		}
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int board_reader(int fd)
{
	char path[64];

	/* A file description of its own: dup() would keep the right to write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static const char *board_wrong(const struct board_head *head, size_t size)
{
	if (head->magic != BOARD_MAGIC)
		return "it is no board";
	if (head->layout != BOARD_LAYOUT || head->size != size)
		return "the board has the layout of another version; "
		       "use the hpcbalctl of the running hpcbald";
	return NULL;
}

void *board_map(int fd, size_t size, bool writable, const char **why)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *p;

	/* Without this seal a reader could be killed by a writer that shortens the file. */
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) != 0 ||
	    st.st_size < (off_t)sizeof(struct board_head)) {
		*why = "it is no board";
		return NULL;
	}
	if ((size_t)st.st_size != size) {
		*why = "the board has the size of another version; "
		       "use the hpcbalctl of the running hpcbald";
		return NULL;
	}
	p = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		*why = "the board cannot be mapped";
		return NULL;
	}
	*why = board_wrong(p, size);
	if (*why) {
		munmap(p, size);
		return NULL;
	}
	return p;
}

void board_text(char *to, size_t to_size, const char *from, size_t from_size)
{
	size_t n = 0;

	while (n + 1 < to_size && n < from_size) {
		char c = __atomic_load_n(&from[n], __ATOMIC_ACQUIRE);

		if (c == '\0')
			break;
		to[n++] = c;
	}
	to[n] = '\0';
}

/* The bytes are stored and loaded one by one with release and acquire order, which keeps
 * them between the two turns; fences would do as well, but no thread checker knows them. */
void board_write_text(_Atomic uint32_t *turn, char *to, size_t to_size, struct str text)
{
	size_t n = text.n < to_size ? text.n : to_size - 1;

	atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
	for (size_t i = 0; i < n; i++)
		__atomic_store_n(&to[i], text.p[i], __ATOMIC_RELEASE);
	__atomic_store_n(&to[n], '\0', __ATOMIC_RELEASE);
	atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
}

/* What was read between `before` and now is whole. Else `tries` counts towards giving up: soon
 * where the turn stands still and odd, as whoever writes does not run. */
static bool was_whole(_Atomic uint32_t *turn, uint32_t before, unsigned *tries)
{
	bool same = atomic_load_explicit(turn, memory_order_acquire) == before;

	*tries += same ? BOARD_READ_TRIES / BOARD_READ_STILL : 1;
	return same && before % 2 == 0;
}

bool board_read_text(_Atomic uint32_t *turn, char *to, size_t to_size, const char *from,
		     size_t from_size)
{
	for (unsigned tries = 0; tries < BOARD_READ_TRIES;) {
		uint32_t before = atomic_load_explicit(turn, memory_order_acquire);

		board_text(to, to_size, from, from_size);
		if (was_whole(turn, before, &tries))
			return true;
	}
	return false;
}

/* Byte by byte, as texts: no writer may be waited for, and nothing may tear unnoticed. */
void board_write_block(_Atomic uint32_t *turn, void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
	for (size_t i = 0; i < n; i++)
		__atomic_store_n(&t[i], f[i], __ATOMIC_RELEASE);
	atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
}

bool board_read_block(_Atomic uint32_t *turn, void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	for (unsigned tries = 0; tries < BOARD_READ_TRIES;) {
		uint32_t before = atomic_load_explicit(turn, memory_order_acquire);

		for (size_t k = 0; k < n; k++)
			t[k] = __atomic_load_n(&f[k], __ATOMIC_ACQUIRE);
		if (was_whole(turn, before, &tries))
			return true;
	}
	return false;
}

uint64_t board_events_first(const struct board_events *e)
{
	uint64_t count = stats_get(e->count);

	return count > BOARD_EVENTS ? count - BOARD_EVENTS : 0;
}

bool board_event_read(const struct board_events *e, uint64_t number, struct event_line *to)
{
	size_t at = number % BOARD_EVENTS;
	/* Reading a turn needs no right to write it: the map may be read-only. */
	_Atomic uint32_t *turn = (_Atomic uint32_t *)(uintptr_t)&e->slot[at].turn;

	if (number >= stats_get(e->count) ||
	    !board_read_block(turn, to, &e->slot[at].line, sizeof(*to)) || to->number != number)
		return false;
	to->who[sizeof(to->who) - 1] = to->text[sizeof(to->text) - 1] = '\0';
	return true;
}

static bool text_is(const char *text, size_t size, struct str s)
{
	return s.n < size && memcmp(text, s.p, s.n) == 0 && text[s.n] == '\0';
}

/* What a walk over the slots that were given finds: the first that nobody got after all, the
 * first that is free again. */
struct pick {
	int unused, old;
};

static void pick_note(struct pick *p, int i, uint32_t used, bool is_free)
{
	if (!used && p->unused < 0)
		p->unused = i;
	else if (used && is_free && p->old < 0)
		p->old = i;
}

/* What was removed keeps its counters for as long as there is room: it may come back. */
static int pick_slot(const struct pick *p, _Atomic uint32_t *n, unsigned most)
{
	uint32_t all = stats_get(*n);

	if (p->unused >= 0)
		return p->unused;
	if (all >= most)
		return p->old;
	atomic_store_explicit(n, all + 1, memory_order_release);
	return (int)all;
}

/* `used` is the first member of every slot; it is down while the owner changes. */
static void slot_clear(_Atomic uint32_t *used, size_t size)
{
	atomic_store_explicit(used, 0, memory_order_release);
	memset((char *)used + sizeof(*used), 0, size - sizeof(*used));
}

static void slot_give(_Atomic uint32_t *used, _Atomic uint32_t *current)
{
	if (stats_get(*current) != BOARD_CURRENT)
		stats_set(*current, BOARD_PREPARED);
	atomic_store_explicit(used, 1, memory_order_release);
}

static void slot_forget(_Atomic uint32_t *current)
{
	if (stats_get(*current) == BOARD_PREPARED)
		stats_set(*current, BOARD_GONE);
}

static unsigned given(const _Atomic uint32_t *n, unsigned most)
{
	uint32_t all = atomic_load_explicit(n, memory_order_acquire);

	return all < most ? all : most;
}

unsigned board_n_frontends(const struct board_proxy *b)
{
	return given(&b->n_frontends, BOARD_FRONTENDS);
}

unsigned board_n_backends(const struct board_proxy *b)
{
	return given(&b->n_backends, BOARD_BACKENDS);
}

unsigned board_n_servers(const struct board_proxy *b)
{
	return given(&b->n_servers, BOARD_SERVERS);
}

void board_forget_prepared(struct board_proxy *b)
{
	for (unsigned i = 0; i < board_n_frontends(b); i++)
		slot_forget(&b->frontends[i].current);
	for (unsigned i = 0; i < board_n_backends(b); i++)
		slot_forget(&b->backends[i].current);
	for (unsigned i = 0; i < board_n_servers(b); i++)
		slot_forget(&b->servers[i].current);
}

static void road_clear(struct board_road *r)
{
	stats_set(r->open, 0);
	for (unsigned i = 0; i < BOARD_CODES; i++)
		stats_set(r->codes[i], 0);
}

static bool server_is(const struct board_server *s, struct str backend, struct str name,
		      struct str address)
{
	return stats_get(s->used) && text_is(s->name, sizeof(s->name), name) &&
	       text_is(s->backend, sizeof(s->backend), backend) &&
	       text_is(s->address, sizeof(s->address), address);
}

static bool server_is_free(const struct board_server *s)
{
	return !stats_get(s->current) && !stats_get(s->stats.active) && !stats_get(s->stats.idle);
}

int board_server_slot(struct board_proxy *b, struct str backend, struct str name,
		      struct str address)
{
	struct pick pick = {-1, -1};
	struct board_server *s;
	int at;

	if (backend.n >= BOARD_NAME || name.n >= BOARD_NAME || address.n >= BOARD_TEXT)
		return -1;
	for (int i = 0; i < (int)board_n_servers(b); i++) {
		s = &b->servers[i];
		if (server_is(s, backend, name, address)) {
			slot_give(&s->used, &s->current);
			return i;
		}
		pick_note(&pick, i, stats_get(s->used), server_is_free(s));
	}
	at = pick_slot(&pick, &b->n_servers, BOARD_SERVERS);
	if (at < 0)
		return -1;
	s = &b->servers[at];
	slot_clear(&s->used, sizeof(*s));
	str_copy(s->backend, sizeof(s->backend), backend);
	str_copy(s->name, sizeof(s->name), name);
	str_copy(s->address, sizeof(s->address), address);
	slot_give(&s->used, &s->current);
	return at;
}

int board_backend_slot(struct board_proxy *b, struct str name)
{
	struct pick pick = {-1, -1};
	struct board_backend *s;
	int at;

	if (name.n >= BOARD_NAME)
		return -1;
	for (int i = 0; i < (int)board_n_backends(b); i++) {
		s = &b->backends[i];
		if (stats_get(s->used) && text_is(s->name, sizeof(s->name), name)) {
			slot_give(&s->used, &s->current);
			return i;
		}
		pick_note(&pick, i, stats_get(s->used), !stats_get(s->current));
	}
	at = pick_slot(&pick, &b->n_backends, BOARD_BACKENDS);
	if (at < 0)
		return -1;
	s = &b->backends[at];
	slot_clear(&s->used, sizeof(*s));
	for (unsigned i = 0; i < board_n_frontends(b); i++)
		road_clear(&b->roads[i][at]);
	str_copy(s->name, sizeof(s->name), name);
	slot_give(&s->used, &s->current);
	return at;
}

int board_frontend_slot(struct board_proxy *b, struct str name)
{
	struct pick pick = {-1, -1};
	struct board_frontend *s;
	int at;

	if (name.n >= BOARD_NAME)
		return -1;
	for (int i = 0; i < (int)board_n_frontends(b); i++) {
		s = &b->frontends[i];
		if (stats_get(s->used) && text_is(s->name, sizeof(s->name), name)) {
			slot_give(&s->used, &s->current);
			return i;
		}
		pick_note(&pick, i, stats_get(s->used),
			  !stats_get(s->current) && !stats_get(s->stats.connections));
	}
	at = pick_slot(&pick, &b->n_frontends, BOARD_FRONTENDS);
	if (at < 0)
		return -1;
	s = &b->frontends[at];
	slot_clear(&s->used, sizeof(*s));
	for (unsigned i = 0; i <= BOARD_BACKENDS; i++)
		road_clear(&b->roads[at][i]);
	str_copy(s->name, sizeof(s->name), name);
	slot_give(&s->used, &s->current);
	return at;
}

#define STATS_GAUGE(name, help) stats_set(stats->name, 0);
#define STATS_COUNTER(name, help)

static void server_gauges_clear(struct server_stats *stats)
{
#define STATS_SERVER
#include "base/stats.def"
#undef STATS_SERVER
}

static void frontend_gauges_clear(struct frontend_stats *stats)
{
#define STATS_FRONTEND
#include "base/stats.def"
#undef STATS_FRONTEND
}

static void proxy_gauges_clear(struct proxy_stats *stats)
{
#define STATS_PROXY
#include "base/stats.def"
#undef STATS_PROXY
}

/* An odd turn would have the next writer's text read as half written for ever. */
static void turn_close(_Atomic uint32_t *turn)
{
	if (stats_get(*turn) % 2)
		atomic_fetch_add_explicit(turn, 1, memory_order_acq_rel);
}

void board_proxy_died(struct board_proxy *b)
{
	for (unsigned i = 0; i < BOARD_WORKERS; i++)
		stats_set(b->worker[i].beat_us, 0);
	stats_set(b->main_beat_us, 0);
	stats_set(b->health_beat_us, 0);
	stats_set(b->pid, 0);
	proxy_gauges_clear(&b->stats);
	for (unsigned i = 0; i < board_n_frontends(b); i++) {
		frontend_gauges_clear(&b->frontends[i].stats);
		turn_close(&b->frontends[i].bind_turn);
	}
	for (unsigned i = 0; i < board_n_backends(b); i++)
		stats_set(b->backends[i].queued, 0);
	for (unsigned i = 0; i < board_n_servers(b); i++) {
		server_gauges_clear(&b->servers[i].stats);
		turn_close(&b->servers[i].check_turn);
		turn_close(&b->servers[i].admin_turn);
		turn_close(&b->servers[i].history_turn);
		turn_close(&b->servers[i].eject_turn);
	}
	board_forget_prepared(b);
}

void board_vrrp_died(struct board_vrrp *b)
{
	stats_set(b->pid, 0);
	stats_set(b->beat_us, 0);
	for (unsigned i = 0; i < BOARD_ROUTERS; i++)
		turn_close(&b->routers[i].turn);
}

void board_add_check(struct board_server *b, const struct board_check *c)
{
	struct board_history h = b->history; /* nobody else writes */

	h.n = h.n < BOARD_CHECKS ? h.n + 1 : BOARD_CHECKS;
	memmove(&h.checks[1], &h.checks[0], (h.n - 1) * sizeof(h.checks[0]));
	h.checks[0] = *c;
	board_write_block(&b->history_turn, &b->history, &h, sizeof(h));
}

void board_forget_checks(struct board_server *b)
{
	static const struct board_history none;

	board_write_block(&b->history_turn, &b->history, &none, sizeof(none));
}

const char *board_router_state_name(enum board_router_state s)
{
	static const char *const names[] = {"INIT", "BACKUP", "MASTER", "FAULT"};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}

enum board_server_state board_server_state(const struct board_server *s)
{
	uint32_t health = stats_get(s->health);

	switch (stats_get(s->admin)) {
	case BOARD_ADMIN_MAINT:
		return BOARD_SERVER_MAINT;
	case BOARD_ADMIN_DRAIN:
		return health == BOARD_SERVER_DOWN ? BOARD_SERVER_DOWN : BOARD_SERVER_DRAIN;
	default:
		if (health == BOARD_SERVER_UP && stats_get(s->draining))
			return BOARD_SERVER_DRAIN;
		return health <= BOARD_SERVER_DOWN ? (enum board_server_state)health
						   : BOARD_SERVER_DOWN;
	}
}

const char *board_server_state_name(enum board_server_state s)
{
	static const char *const names[] = {"STARTING", "UP", "DOWN", "DRAIN", "MAINT"};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "?";
}
