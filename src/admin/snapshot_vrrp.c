#include "admin/snapshot_data.h"

#include "admin/text.h"
#include "base/clock.h"

/* It looks around 40 times a second. One that stands still for so long may have lost its addresses
 * to their lease and to a peer, long before the supervisor ends it. */
#define STILL_US (1 * CLOCK_SEC)
/* A rival is one for so long at least, however short the interval. */
#define RIVAL_US (3 * CLOCK_SEC)
/* The longest interval that a packet can tell, for what a broken board may hold. */
#define INTERVAL_MAX_US (255 * CLOCK_SEC)
#define SILENT_INTERVALS 3

#define CLEAN(text) clean((text), sizeof(text))

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	text_clean(text, false);
}

static uint32_t at_most(uint32_t n, uint32_t most)
{
	return n < most ? n : most;
}

static void clean_lists(struct router_facts *f)
{
	f->n_addresses = at_most(f->n_addresses, BOARD_ROUTER_ADDRESSES);
	f->n_peers = at_most(f->n_peers, BOARD_ROUTER_PEERS);
	f->n_tracks = at_most(f->n_tracks, BOARD_ROUTER_TRACKS);
	for (unsigned i = 0; i < f->n_addresses; i++)
		CLEAN(f->addresses[i].text);
	for (unsigned i = 0; i < f->n_peers; i++)
		CLEAN(f->peers[i].address);
	for (unsigned i = 0; i < f->n_tracks; i++) {
		CLEAN(f->tracks[i].what);
		CLEAN(f->tracks[i].why);
	}
}

static void clean_facts(struct router_facts *f)
{
	CLEAN(f->name);
	CLEAN(f->interface);
	CLEAN(f->why);
	CLEAN(f->faults);
	CLEAN(f->source);
	CLEAN(f->master);
	CLEAN(f->rival);
	CLEAN(f->foreign);
	clean_lists(f);
}

#define STATS_GAUGE(name, help) to->name = stats_get(from->name);
#define STATS_COUNTER(name, help) to->name = stats_get(from->name);

static void take_stats(struct snap_router_stats *to, const struct router_stats *from)
{
#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
}

/* A rival that went away is one no longer: who is silent for three intervals is gone. */
static bool is_both_master(const struct snapshot *s, const struct snap_router *r)
{
	uint64_t interval = r->facts.interval_us;
	uint64_t within =
		SILENT_INTERVALS * (interval < INTERVAL_MAX_US ? interval : INTERVAL_MAX_US);

	return s->vrrp_live && r->state == BOARD_ROUTER_MASTER && *r->facts.rival &&
	       snapshot_lately(s, r->facts.rival_heard_us, within > RIVAL_US ? within : RIVAL_US);
}

static void take_router(struct snapshot *s, const struct board_router *from)
{
	struct snap_router *r = &s->routers[s->n_routers];

	/* Reading a turn needs no right to write it: the map may be read-only. */
	board_read_block((_Atomic uint32_t *)(uintptr_t)&from->turn, &r->facts, &from->facts,
			 sizeof(r->facts));
	clean_facts(&r->facts);
	r->state = r->facts.state <= BOARD_ROUTER_FAULT ? (enum board_router_state)r->facts.state
							: BOARD_ROUTER_INIT;
	take_stats(&r->stats, &from->stats);
	for (unsigned i = 0; i < s->n_discards; i++)
		r->discards[i] = stats_get(from->discards[i]);
	r->both_master = is_both_master(s, r);
	s->n_routers++;
}

static void take_discards(struct snapshot *s, const struct board_vrrp *b)
{
	uint32_t n = atomic_load_explicit(&b->n_discards, memory_order_acquire);

	s->n_discards = at_most(n, BOARD_ROUTER_DISCARDS);
	for (unsigned i = 0; i < s->n_discards; i++) {
		board_text(s->discard_name[i], sizeof(s->discard_name[i]), b->discard_name[i],
			   sizeof(b->discard_name[i]));
		board_text(s->discard_text[i], sizeof(s->discard_text[i]), b->discard_text[i],
			   sizeof(b->discard_text[i]));
		CLEAN(s->discard_name[i]);
		CLEAN(s->discard_text[i]);
	}
}

void snapshot_take_vrrp(struct snapshot *s, const struct board_vrrp *b)
{
	s->has_vrrp = true;
	s->vrrp_generation = stats_get(b->generation);
	s->vrrp_beat_us = stats_get(b->beat_us);
	s->unknown_vrid = stats_get(b->unknown_vrid);
	s->vrrp_live =
		s->process[BOARD_VRRP].running && snapshot_lately(s, s->vrrp_beat_us, STILL_US);
	take_discards(s, b);
	for (unsigned i = 0; i < BOARD_ROUTERS; i++)
		if (atomic_load_explicit(&b->routers[i].used, memory_order_acquire))
			take_router(s, &b->routers[i]);
}

uint64_t snapshot_wall(const struct snapshot *s, uint64_t mono_us)
{
	if (!mono_us || mono_us == UINT64_MAX)
		return mono_us;
	return s->now_us - s->mono_us + mono_us;
}

uint64_t snapshot_ago(const struct snapshot *s, uint64_t mono_us)
{
	return s->mono_us > mono_us ? s->mono_us - mono_us : 0;
}

bool snapshot_lately(const struct snapshot *s, uint64_t mono_us, uint64_t within_us)
{
	return mono_us && snapshot_ago(s, mono_us) <= within_us;
}

bool snapshot_discard_is_mismatch(const struct snapshot *s, unsigned i)
{
	static const char *const names[] = {"VERSION", "AUTH_TYPE", "PASSWORD", "INTERVAL",
					    "LIST"};

	for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(s->discard_name[i], names[k]) == 0)
			return true;
	return false;
}

unsigned snapshot_routers(const struct snapshot *s)
{
	return s->n_routers;
}
