#include <inttypes.h>

#include "admin/snapshot_data.h"
#include "admin/text.h"
#include "admin/wrong.h"
#include "base/clock.h"

/* For how long after its last packet somebody else's router is worth a line. */
#define FOREIGN_US (60 * CLOCK_SEC)

static const char *end_of(const struct snap_process *p)
{
	return *p->last_end ? p->last_end : "how is not known";
}

static void tell_restarts(struct wrong *w, const struct snap_process *p, const char *name)
{
	if (p->restarts)
		wrong_tell(w,
			   "the %s was started again %" PRIu64 " time%s; the last one ended: %s",
			   name, p->restarts, text_plural(p->restarts), end_of(p));
}

static void tell_vrrp_process(struct wrong *w, const struct snapshot *s)
{
	const struct snap_process *p = &s->process[BOARD_VRRP];
	char age[TEXT_TIME];

	if (p->pid <= 0)
		wrong_tell(w,
			   "the vrrp process is not running: nothing is advertised, and addresses "
			   "that are here go by themselves; what is shown is the last that was "
			   "known; the last one ended: %s",
			   end_of(p));
	else if (!p->running)
		wrong_tell(w, "the vrrp process (pid %" PRId32 ") has been starting for %s",
			   p->pid, text_age(age, p->started_us, s->now_us));
	else if (s->has_vrrp && s->vrrp_beat_us && !s->vrrp_live)
		wrong_tell(w,
			   "the vrrp process (pid %" PRId32
			   ") has not moved for %s: it is stopped "
			   "or starved, and addresses that are here go by themselves; what is "
			   "shown is the last that was known",
			   p->pid, text_lapse(age, snapshot_ago(s, s->vrrp_beat_us)));
	tell_restarts(w, p, "vrrp process");
	if (s->vrrp_live && s->vrrp_generation != s->generation)
		wrong_tell(w,
			   "the vrrp process still carries out configuration %" PRIu64 ", not "
			   "%" PRIu64,
			   s->vrrp_generation, s->generation);
}

static bool has_script(const struct snapshot *s)
{
	for (unsigned i = 0; i < s->n_routers; i++)
		for (unsigned k = 0; k < s->routers[i].facts.n_tracks; k++)
			if (strncmp(s->routers[i].facts.tracks[k].what, "script ", 7) == 0)
				return true;
	return false;
}

static void tell_runner(struct wrong *w, const struct snapshot *s)
{
	const struct snap_process *p = &s->process[BOARD_RUNNER];

	if (p->pid <= 0 && has_script(s))
		wrong_tell(
			w,
			"the runner is not running: tracked scripts are not asked; the last one "
			"ended: %s",
			end_of(p));
	tell_restarts(w, p, "runner");
}

/* What follows is about one virtual router. */

static void tell_state(struct wrong *w, const struct snapshot *s, const struct router_facts *f)
{
	char age[TEXT_TIME], since[TEXT_TIME];

	wrong_tell(w, "%s is FAULT since %s (%s ago): %s", f->name,
		   text_local_time(since, f->since_wall_us),
		   text_age(age, f->since_wall_us, s->now_us),
		   *f->faults ? f->faults
		   : *f->why  ? f->why
			      : "no reason was given");
}

static void tell_rival(struct wrong *w, const struct snapshot *s, const struct router_facts *f)
{
	char age[TEXT_TIME];

	wrong_tell(w,
		   "%s: BOTH MASTER: %s advertises too, last heard %s ago; it does not hear us, "
		   "or discards what it hears: let VRRP (IP protocol 112) from %s reach it "
		   "(its firewall, the switch), and configure both nodes alike",
		   f->name, f->rival, text_lapse(age, snapshot_ago(s, f->rival_heard_us)),
		   *f->source ? f->source : "here");
}

static void tell_demotion(struct wrong *w, const struct snapshot *s, const struct snap_router *r)
{
	const struct router_facts *f = &r->facts;
	const char *here = f->demoting ? ", waits for another node to take over"
			   : r->state == BOARD_ROUTER_MASTER ? ", and master since nobody else is"
							     : "";
	char until[TEXT_TIME], in[TEXT_TIME];

	if (f->demoted_until_us == UINT64_MAX || !f->demoted_until_us)
		wrong_tell(w, "%s: demoted%s; `hpcbalctl promote %s` ends it", f->name, here,
			   f->name);
	else
		wrong_tell(w, "%s: demoted%s, until %s (%s left); `hpcbalctl promote %s` ends it",
			   f->name, here,
			   text_local_time(until, snapshot_wall(s, f->demoted_until_us)),
			   text_age(in, s->mono_us, f->demoted_until_us), f->name);
}

static void tell_foreign(struct wrong *w, const struct snapshot *s, const struct router_facts *f)
{
	char age[TEXT_TIME];

	text_lapse(age, snapshot_ago(s, f->foreign_heard_us));
	if (f->foreign_is_host) {
		wrong_tell(w,
			   "%s: on %s %s, last heard %s ago; take the address away there, or give "
			   "us another",
			   f->name, text_or_dash(f->interface), f->foreign, age);
		return;
	}
	wrong_tell(w,
		   "%s: somebody else's router uses virtual router id %" PRIu32 " on %s too: %s, "
		   "last heard %s ago; give one of the two another id",
		   f->name, f->vrid, text_or_dash(f->interface), f->foreign,
		   age);
}

static void tell_addresses(struct wrong *w, const struct router_facts *f)
{
	for (unsigned i = 0; i < f->n_addresses; i++)
		if (!f->addresses[i].held)
			wrong_tell(w,
				   "%s is MASTER without %s: it could not be set on %s; the log "
				   "says why",
				   f->name, f->addresses[i].text, text_or_dash(f->interface));
}

static void tell_tracks(struct wrong *w, const struct router_facts *f)
{
	for (unsigned i = 0; i < f->n_tracks; i++) {
		int64_t weight = f->tracks[i].weight;
		char costs[64] = "it makes FAULT";

		if (f->tracks[i].up)
			continue;
		if (weight)
			snprintf(costs, sizeof(costs), "it costs %" PRId64 " of the priority",
				 weight < 0 ? -weight : weight);
		wrong_tell(w, "%s: %s is down: %s; %s", f->name, f->tracks[i].what,
			   *f->tracks[i].why ? f->tracks[i].why : "why is not known", costs);
	}
}

static void tell_packets(struct wrong *w, const struct snapshot *s, const struct snap_router *r)
{
	uint64_t n = r->stats.send_failures;

	if (n)
		wrong_tell(w,
			   "%s: %" PRIu64 " advertisement%s could not be sent; the log says why",
			   r->facts.name, n, text_plural(n));
	for (unsigned i = 0; i < s->n_discards; i++)
		if (r->discards[i] && snapshot_discard_is_mismatch(s, i))
			wrong_tell(w,
				   "%s: discarded %" PRIu64 " packet%s: %s; configure all nodes "
				   "alike",
				   r->facts.name, r->discards[i], text_plural(r->discards[i]),
				   s->discard_text[i]);
}

static void tell_router(struct wrong *w, const struct snapshot *s, const struct snap_router *r)
{
	const struct router_facts *f = &r->facts;

	if (r->state == BOARD_ROUTER_FAULT)
		tell_state(w, s, f);
	if (r->both_master)
		tell_rival(w, s, f);
	if (f->demoted || f->demoting)
		tell_demotion(w, s, r);
	if (*f->foreign && snapshot_lately(s, f->foreign_heard_us, FOREIGN_US))
		tell_foreign(w, s, f);
	if (s->vrrp_live && r->state == BOARD_ROUTER_MASTER)
		tell_addresses(w, f);
	tell_tracks(w, f);
	tell_packets(w, s, r);
}

void wrong_find_vrrp(struct wrong *w, const struct snapshot *s)
{
	if (!s->has_supervisor)
		return;
	if (s->n_routers || s->process[BOARD_VRRP].pid > 0)
		tell_vrrp_process(w, s);
	tell_runner(w, s);
	for (unsigned i = 0; i < s->n_routers; i++)
		tell_router(w, s, &s->routers[i]);
}
