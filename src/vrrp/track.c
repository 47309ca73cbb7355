#include "vrrp/track.h"

#include <stdio.h>
#include <string.h>

#include "vrrp/fsm.h"

static bool same_thing(const struct brief_track *a, const struct brief_track *b)
{
	return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* What is not known yet counts for nothing: nothing is added for it, and nothing taken. */
static void begin(struct tracks *t, unsigned n, const struct tracks *old)
{
	const struct brief_track *b = &t->brief->tracks[n];
	struct vrrp_tracker *k = &t->trackers[n];

	*k = (struct vrrp_tracker){ .weight = b->weight, .rise = b->rise, .fall = b->fall };
	vrrp_tracker_init(k, b->weight <= 0);
	for (unsigned i = 0; old && i < old->n; i++) {
		if (!same_thing(b, &old->brief->tracks[i]) || !old->known[i])
			continue;
		vrrp_tracker_init(k, old->trackers[i].up);
		t->known[n] = true;
		memcpy(t->why[n], old->why[i], sizeof(t->why[n]));
	}
}

bool tracks_init(struct tracks *t, struct vrrp_world *w, const struct brief_router *r,
		 const struct tracks *old, char *why, size_t size)
{
	memset(t, 0, sizeof(*t));
	t->brief = r;
	for (; t->n < r->n_tracks; t->n++) {
		begin(t, t->n, old);
		if (r->tracks[t->n].kind != BRIEF_TRACK_INTERFACE)
			continue;
		t->interfaces[t->n] = segment_get(w->segments, r->tracks[t->n].name,
						  SEGMENT_NO_WIRE, why, size);
		if (!t->interfaces[t->n]) {
			tracks_free(t);
			return false;
		}
	}
	return true;
}

void tracks_free(struct tracks *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->interfaces[i])
			segment_put(t->interfaces[i], SEGMENT_NO_WIRE);
	t->n = 0;
}

void tracks_name(const struct tracks *t, unsigned n, char to[BOARD_TEXT])
{
	static const char *const kinds[] = { "interface", "script", "backend" };
	const struct brief_track *b = &t->brief->tracks[n];

	snprintf(to, BOARD_TEXT, "%s %.100s", kinds[b->kind], b->name);
}

void tracks_resume(struct tracks *t, const struct router_facts *f)
{
	char name[BOARD_TEXT];

	for (unsigned n = 0; n < t->n; n++) {
		tracks_name(t, n, name);
		for (unsigned k = 0; k < f->n_tracks && k < BOARD_ROUTER_TRACKS; k++) {
			if (strcmp(name, f->tracks[k].what) != 0 ||
			    strcmp(f->tracks[k].why, TRACKS_UNKNOWN) == 0)
				continue;
			vrrp_tracker_init(&t->trackers[n], f->tracks[k].up != 0);
			t->known[n] = true;
			memcpy(t->why[n], f->tracks[k].why, sizeof(t->why[n]));
		}
	}
}

/* A first result counts at once; the later ones as rise and fall say. */
static bool report(struct tracks *t, unsigned n, bool up, const char *why, uint64_t now)
{
	struct vrrp_tracker *k = &t->trackers[n];
	bool before = k->up;

	snprintf(t->why[n], sizeof(t->why[n]), "%s", up ? "" : why);
	if (t->known[n])
		return vrrp_tracker_report(k, up, now);
	t->known[n] = true;
	vrrp_tracker_init(k, up);
	return before != up;
}

static bool is(const struct tracks *t, unsigned n, enum brief_track_kind kind)
{
	return t->brief->tracks[n].kind == kind;
}

bool tracks_interface(struct tracks *t, const struct segment *s, uint64_t now)
{
	bool changed = false;

	for (unsigned i = 0; i < t->n; i++)
		if (is(t, i, BRIEF_TRACK_INTERFACE) && t->interfaces[i] == s)
			changed |= report(t, i, s->on.running,
					  s->on.index ? "the link is down" : "it is missing", now);
	return changed;
}

bool tracks_script(struct tracks *t, uint32_t program, struct str fault, uint64_t now)
{
	char why[BOARD_TEXT];
	bool changed = false;

	snprintf(why, sizeof(why), "%.*s", (int)(fault.n < sizeof(why) ? fault.n : sizeof(why)),
		 fault.n ? fault.p : "");
	for (unsigned i = 0; i < t->n; i++)
		if (is(t, i, BRIEF_TRACK_SCRIPT) && t->brief->tracks[i].program == program)
			changed |= report(t, i, fault.n == 0, why, now);
	return changed;
}

/* 1, 0; -1: the proxy has no such backend on its board (yet). */
static int backend_up(const struct board_proxy *b, const char *name)
{
	int up = -1;

	for (unsigned i = 0; i < board_n_servers(b); i++) {
		const struct board_server *s = &b->servers[i];

		if (!stats_get(s->used) || stats_get(s->current) != BOARD_CURRENT ||
		    strncmp(s->backend, name, sizeof(s->backend)) != 0)
			continue;
		if (board_server_state(s) == BOARD_SERVER_UP)
			return 1;
		up = 0;
	}
	return up;
}

/* Nodes see the same servers go and come up to a check's interval apart. So what would take
 * the address away from a master waits for that long: there its fall, elsewhere its return. */
static bool look_at_backend(struct tracks *t, unsigned n, const struct board_proxy *b, bool master,
			    uint64_t now)
{
	uint64_t hold = t->brief->tracks[n].hold_us;
	int up = backend_up(b, t->brief->tracks[n].name);

	t->trackers[n].hold_down = master ? hold : 0;
	t->trackers[n].hold_up = master ? 0 : hold;
	return up >= 0 && report(t, n, up, "no server of it is up", now);
}

bool tracks_look(struct tracks *t, const struct board_proxy *b, bool master, uint64_t now)
{
	bool changed = false;

	for (unsigned i = 0; i < t->n; i++) {
		if (is(t, i, BRIEF_TRACK_BACKEND))
			changed |= look_at_backend(t, i, b, master, now);
		changed |= vrrp_tracker_tick(&t->trackers[i], now);
	}
	return changed;
}

uint32_t tracks_faults(const struct tracks *t)
{
	uint32_t faults = 0;

	for (unsigned i = 0; i < t->n; i++) {
		if (t->trackers[i].weight || t->trackers[i].up)
			continue;
		faults |= is(t, i, BRIEF_TRACK_SCRIPT) ? VROUTER_FAULT_SCRIPT
						       : VROUTER_FAULT_TRACKED_INTERFACE;
	}
	return faults;
}
