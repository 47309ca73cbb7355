#include "vrrp/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "vrrp/timerfd.h"

/* A proxy that failed serves for so long before the virtual router trusts it again, doubled
 * each time while another node serves: one that dies again and again must not move the address
 * each time. At last it is longer than what the supervisor calls a good life. */
#define PROXY_TRUST_US CLOCK_SEC
#define PROXY_TRUST_MOST_US (16 * CLOCK_SEC)
#define PROXY_FORGET_US (60 * CLOCK_SEC)
/* Sockets that cannot be had are tried again so often, and the reason logged. */
#define SOCKETS_AGAIN_US CLOCK_SEC
#define SOCKETS_GAP_US (60 * CLOCK_SEC)
/* A discard of one kind is logged so often; all are counted. */
#define DISCARD_GAP_US (60 * CLOCK_SEC)
/* Other hosts with our addresses are asked for so long, and again after so long. */
#define CONFLICT_EVERY_US (100 * CLOCK_MS)
#define CONFLICT_TIME_US (300 * CLOCK_MS)
#define CONFLICT_AGAIN_US (60 * CLOCK_SEC)

const char *instance_name(const struct instance *i)
{
	return i->brief->name;
}

/* ---- from the brief ---- */

static struct vrrp_ip ip_of(const struct brief_ip *b)
{
	return b->size == 16 ? vrrp_ip_v6(b->bytes)
			     : b->size == 4 ? vrrp_ip_v4(b->bytes) : (struct vrrp_ip){ 0 };
}

static void read_lists(struct instance *i)
{
	const struct brief_router *r = i->brief;
	unsigned n_advertised = 0;

	for (unsigned n = 0; n < r->n_addresses; n++) {
		i->addresses[n] = ip_of(&r->addresses[n].ip);
		if (r->addresses[n].advertised)
			i->advertised[n_advertised++] = i->addresses[n];
	}
	for (unsigned n = 0; n < r->n_peers; n++)
		i->peers[n] = ip_of(&r->peers[n]);
	i->config.format.n_addresses = n_advertised;
	i->config.format.n_peers = r->n_peers;
	i->config.format.addresses = i->advertised;
	i->config.format.peers = i->peers;
}

static void read_brief(struct instance *i)
{
	const struct brief_router *r = i->brief;

	i->config = (struct vrouter_config){
		.format = { .version = r->version,
			    .vrid = r->vrid,
			    .ipv6 = r->ipv6,
			    .has_password = r->has_password,
			    .plain_checksum = r->plain_checksum,
			    .strict_list = r->strict_list,
			    .unicast = r->unicast,
			    .interval = r->interval_us },
		.priority = r->priority,
		.preempt = r->preempt,
		.preempt_delay = r->preempt_delay_us,
		.settle = r->settle_us,
		.announce = { r->garp_count, r->garp_interval_us, r->garp_refresh_us },
	};
	memcpy(i->config.format.password, r->password, sizeof(i->config.format.password));
	read_lists(i);
}

static bool take_brief(struct instance *i, const struct brief_router *r)
{
	struct brief_router *copy = malloc(sizeof(*copy));

	if (!copy)
		return false;
	memcpy(copy, r, sizeof(*copy));
	i->brief = copy;
	read_brief(i);
	return true;
}

const char *instance_brief_error(const struct brief_router *r)
{
	struct instance *i = calloc(1, sizeof(*i));
	const char *why = "out of memory";

	if (i && take_brief(i, r)) {
		why = vrrp_format_error(&i->config.format);
		free(i->brief);
	}
	free(i);
	return why;
}

static enum segment_wire wire_of(const struct brief_router *r)
{
	if (r->ipv6)
		return SEGMENT_IPV6;
	return r->unicast ? SEGMENT_UNICAST4 : SEGMENT_IPV4;
}

bool instance_is(const struct instance *i, const struct brief_router *r)
{
	return strcmp(i->brief->name, r->name) == 0 &&
	       strcmp(i->brief->interface, r->interface) == 0 && i->brief->vrid == r->vrid &&
	       i->brief->version == r->version && wire_of(i->brief) == wire_of(r);
}

/* ---- how it stands, told to the machine ---- */

static struct vrrp_ip find_source(const struct instance *i)
{
	struct vrrp_ip wanted = ip_of(&i->brief->unicast_source);
	const struct watch_address *a;

	if (wanted.size)
		a = watch_find(&i->segment->on, &wanted);
	else
		a = watch_primary(&i->segment->on, i->brief->ipv6, i->addresses,
				  i->brief->n_addresses);
	return a ? a->ip : (struct vrrp_ip){ 0 };
}

static uint32_t link_faults(const struct instance *i, const struct vrrp_ip *source)
{
	uint32_t faults = 0;

	if (!i->segment->on.index || !segment_ready(i->segment, i->by))
		faults |= VROUTER_FAULT_INTERFACE;
	if (!i->segment->on.running)
		faults |= VROUTER_FAULT_LINK;
	if (!source->size)
		faults |= VROUTER_FAULT_SOURCE;
	return faults;
}

static bool somebody_advertises(const struct instance *i, uint64_t now)
{
	for (unsigned n = 0; n < VRRP_PEERS; n++) {
		const struct vrrp_peer *p = &i->machine.peers[n];

		if (p->ip.size && p->priority && now - p->heard < 4 * p->interval)
			return true;
	}
	return false;
}

static bool is_trusted(const struct instance *i, uint64_t now)
{
	uint64_t wait = somebody_advertises(i, now) ? i->proxy_trust : PROXY_TRUST_US;

	return i->proxy_well_since && now - i->proxy_well_since >= wait;
}

static void trust_later(struct instance *i, uint64_t now)
{
	bool again = i->proxy_failed && now - i->proxy_failed < PROXY_FORGET_US;

	i->proxy_failed = now;
	i->proxy_trust = again ? 2 * i->proxy_trust : PROXY_TRUST_US;
	if (i->proxy_trust > PROXY_TRUST_MOST_US)
		i->proxy_trust = PROXY_TRUST_MOST_US;
}

static uint32_t proxy_fault(struct instance *i, uint64_t now)
{
	uint64_t unwell = heartwatch_unwell(&i->world->heart, now);
	bool had = i->machine.faults & VROUTER_FAULT_PROXY;

	if (unwell)
		i->proxy_well_since = 0;
	else if (!i->proxy_well_since)
		i->proxy_well_since = now;
	if (had)
		return is_trusted(i, now) ? 0 : VROUTER_FAULT_PROXY;
	if (unwell < i->brief->proxy_grace_us)
		return 0;
	trust_later(i, now);
	return VROUTER_FAULT_PROXY;
}

static void tell_faults(struct instance *i, uint32_t faults)
{
	struct vrouter_event on = { .what = VROUTER_FAULT_ON };
	struct vrouter_event off = { .what = VROUTER_FAULT_OFF };

	on.faults = faults & ~i->machine.faults;
	off.faults = i->machine.faults & ~faults;
	if (on.faults)
		instance_tell(i, &on);
	if (off.faults)
		instance_tell(i, &off);
}

static void tell_source(struct instance *i, const struct vrrp_ip *source)
{
	struct vrouter_event e = { .what = VROUTER_SOURCE, .source = *source };

	if (i->by == SEGMENT_IPV6 && i->segment->ports[i->by].wire)
		wire_set_source(i->segment->ports[i->by].wire, source);
	if (!vrrp_ip_eq(source, &i->machine.source))
		instance_tell(i, &e);
}

static void tell_priority(struct instance *i)
{
	struct vrouter_event e = { .what = VROUTER_PRIORITY };
	uint8_t before = i->machine.effective;

	e.priority = vrrp_priority_effective(i->brief->priority, i->tracks.trackers, i->tracks.n);
	if (e.priority == before)
		return;
	instance_tell(i, &e);
	if (i->machine.running)
		world_say(i->world, LOG_NOTICE, true, "%s: priority %u → %u", instance_name(i),
			  before, e.priority);
}

/* All is looked at anew, whatever it was that changed. */
static void refresh(struct instance *i)
{
	uint64_t now = clock_now_us();
	struct vrrp_ip source = find_source(i);
	uint32_t faults = link_faults(i, &source) | proxy_fault(i, now);

	faults |= tracks_faults(&i->tracks);
	if (now < i->address_retry)
		faults |= VROUTER_FAULT_ADDRESS;
	if (now < i->conflict_retry)
		faults |= VROUTER_FAULT_CONFLICT;
	if (source.size)
		tell_source(i, &source);
	tell_priority(i);
	tell_faults(i, faults);
}

/* ---- events ---- */

/* For a successor. */
static void publish_reluctance(struct instance *i)
{
	uint64_t until = i->machine.due[VROUTER_T_DEMOTED_END];

	stats_set(i->board->demoted_until_us, i->machine.demoted ? until : 0);
	stats_set(i->board->holds_back, i->machine.holds_back);
}

void instance_tell(struct instance *i, const struct vrouter_event *e)
{
	struct vrouter_plan plan;

	i->event_at = clock_now_us();
	vrouter_step(&i->machine, &i->config, e, i->event_at, &plan);
	instance_carry_out(i, &plan);
	if (i->machine.state == VROUTER_BACKUP || i->machine.state == VROUTER_MASTER)
		i->segment->settled = i->segment->on.running;
	publish_reluctance(i);
	i->dirty = true;
}

void instance_resumed(struct instance *i)
{
	static const struct vrouter_event e = { .what = VROUTER_RESUMED };

	instance_tell(i, &e);
}

static void timer_ready(struct loop_fd *io, unsigned what)
{
	static const struct vrouter_event e = { .what = VROUTER_TIMER };
	struct instance *i = list_of(io, struct instance, timer_io);
	uint64_t now;

	(void)what;
	timerfd_clear(io);
	i->world->catch_up(i->world);
	if (i->machine.state == VROUTER_MASTER)
		segments_look(i->segment);
	now = clock_now_us();
	if (now < i->armed)
		return;
	if (now - i->armed > stats_get(i->board->stats.late_us_max))
		stats_set(i->board->stats.late_us_max, now - i->armed);
	instance_tell(i, &e);
	if (i->address_retry > now)
		refresh(i);
}

/* ---- packets ---- */

/* Of those that are somebody else's router with our id, what they are. */
static const char *const foreign_words[VRRP_DISCARDS] = {
	[VRRP_DISCARD_FOREIGN] = "is a router for ",
	[VRRP_DISCARD_CARP] = "speaks CARP",
	[VRRP_DISCARD_VERSION] = "speaks another version of VRRP",
};

static void note_foreign(struct instance *i, enum vrrp_discard why, const struct vrrp_datagram *d)
{
	char source[VRRP_IP_TEXT], first[VRRP_IP_TEXT] = "";
	struct vrrp_ip address = { 0 };

	if (!foreign_words[why])
		return;
	if (why == VRRP_DISCARD_FOREIGN)
		address = vrrp_packet_address(d, i->brief->ipv6, 0);
	if (address.size)
		vrrp_ip_format(&address, first);
	snprintf(i->foreign, sizeof(i->foreign), "%s %s%s, with our id",
		 vrrp_ip_format(&d->source, source), foreign_words[why], first);
	i->foreign_heard = clock_now_us();
	i->foreign_is_host = false;
}

static void on_discard(struct instance *i, enum vrrp_discard why, const struct vrrp_datagram *d)
{
	uint64_t now = clock_now_us();
	char source[VRRP_IP_TEXT];

	stats_add(i->board->discards[why], 1);
	note_foreign(i, why, d);
	i->dirty = true;
	if (i->told[why] && now - i->told[why] < DISCARD_GAP_US)
		return;
	i->told[why] = now;
	world_say(i->world, LOG_WARNING, foreign_words[why] != NULL,
		  "%s: an advertisement of %s is dropped: %s; such are told once a minute, and "
		  "counted in hpcbalctl vrrp",
		  instance_name(i), vrrp_ip_format(&d->source, source), vrrp_discard_text(why));
}

void instance_packet(struct instance *i, enum segment_wire by, const struct wire_packet *p)
{
	struct vrrp_datagram d = p->datagram;
	struct vrrp_advert advert;
	struct vrouter_event e = { .what = VROUTER_ADVERT, .advert = &advert };
	enum vrrp_discard why = p->discard;

	if (by != i->by)
		return;
	d.own_source = segments_is_own(i->segment->all, &d.source);
	if (why == VRRP_TAKEN)
		why = vrrp_packet_parse(&i->config.format, &d, &advert);
	if (why != VRRP_TAKEN) {
		on_discard(i, why, &d);
		return;
	}
	stats_add(i->board->stats.adverts_received, 1);
	instance_tell(i, &e);
}

/* ---- the interface ---- */

static bool lost_one(struct instance *i, const struct watch_event *e)
{
	if (e->what != WATCH_ADDRESS_REMOVED || !e->address || e->own ||
	    i->machine.state != VROUTER_MASTER)
		return false;
	for (unsigned n = 0; n < i->brief->n_addresses; n++)
		if (vrrp_ip_eq(&e->address->ip, &i->addresses[n]))
			return !watch_find(&i->segment->on, &e->address->ip);
	return false;
}

/* How the interface is now, for what is made in advance. */
static void adapt(struct instance *i, enum watch_what what)
{
	if (what == WATCH_LINK_NEW || what == WATCH_LINK_CHANGED || what == WATCH_LINK_UP)
		instance_build_frames(i);
	if (what == WATCH_LINK_CHANGED && i->machine.state == VROUTER_MASTER)
		instance_announce(i, 1);
	if (i->segment->on.index && what != WATCH_ADDRESS_RENEWED &&
	    i->machine.state != VROUTER_MASTER)
		instance_prepare_leases(i, false);
}

void instance_changed(struct instance *i, struct segment *s, const struct watch_event *e)
{
	static const struct vrouter_event lost = { .what = VROUTER_ADDRESS_LOST };
	bool tracked = tracks_interface(&i->tracks, s, clock_now_us());

	if (s != i->segment) {
		if (tracked)
			refresh(i);
		return;
	}
	if (e->what == WATCH_ADDRESS_RENEWED && !tracked)
		return;
	if (lost_one(i, e)) {
		stats_add(i->board->stats.address_losses, 1);
		instance_tell(i, &lost);
	}
	adapt(i, e->what);
	refresh(i);
}

/* ---- what it tracks ---- */

void instance_script(struct instance *i, uint32_t program, struct str fault)
{
	if (tracks_script(&i->tracks, program, fault, clock_now_us()))
		refresh(i);
	i->dirty = true;
}

/* ---- other hosts with our addresses ---- */

static void on_conflict(struct instance *i, const uint8_t *mac)
{
	uint64_t now = clock_now_us();
	char ip[VRRP_IP_TEXT];

	snprintf(i->foreign, sizeof(i->foreign),
		 "the host with the link address %02x:%02x:%02x:%02x:%02x:%02x has %s too", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5],
		 vrrp_ip_format(&i->addresses[i->checked], ip));
	i->foreign_heard = now;
	i->foreign_is_host = true;
	world_say(i->world, LOG_ERR, true,
		  "%s: %s; take the address away there, or give us another", instance_name(i),
		  i->foreign);
	if (i->brief->leave_conflicts)
		i->conflict_retry = now + CONFLICT_AGAIN_US;
}

static void conflict_ended(struct probe *p, const uint8_t *mac)
{
	struct instance *i = list_of(p, struct instance, conflict);

	if (mac)
		on_conflict(i, mac);
	i->dirty = true;
	i->checked++;
	if (i->checked < i->brief->n_addresses)
		return;
	i->checked = 0;
	i->check_at = clock_now_us() + CONFLICT_AGAIN_US;
}

static void look_for_conflicts(struct instance *i, uint64_t now)
{
	if (i->machine.state != VROUTER_MASTER || now < i->check_at || i->conflict.segment)
		return;
	probe_begin(&i->conflict, i->segment, NULL, &i->addresses[i->checked], CONFLICT_EVERY_US,
		    now + CONFLICT_TIME_US);
}

/* Nobody tells when what a socket lacked is there. */
static void look_at_sockets(struct instance *i, uint64_t now)
{
	if (!i->segment->on.index || segment_ready(i->segment, i->by) || now < i->sockets_retry)
		return;
	i->sockets_retry = now + SOCKETS_AGAIN_US;
	if (segment_retry(i->segment, i->by)) {
		instance_build_frames(i);
		return;
	}
	if (i->sockets_told && now - i->sockets_told < SOCKETS_GAP_US)
		return;
	i->sockets_told = now;
	world_say(i->world, LOG_ERR, true, "%s: %s; it is tried again", instance_name(i),
		  i->segment->trouble);
}

void instance_look(struct instance *i, uint64_t now)
{
	int error = atomic_exchange(&i->set.error, 0);

	if (error)
		instance_renewal_failed(i, error);
	look_at_sockets(i, now);
	tracks_look(&i->tracks, i->world->proxy, i->machine.state == VROUTER_MASTER, now);
	refresh(i);
	if (i->machine.running)
		instance_delete_strays(i);
	look_for_conflicts(i, now);
	if (i->dirty)
		instance_write_facts(i, now);
}

/* ---- its life ---- */

static bool open_timers(struct instance *i, char *why, size_t size)
{
	i->conflict.timer_io.fd = -1;
	if (timerfd_open(i->world->loop, &i->timer_io, timer_ready) &&
	    probe_init(&i->conflict, i->world->loop, conflict_ended))
		return true;
	snprintf(why, size, "%s: no descriptor for its timers: %m; raise the limit of open files",
		 instance_name(i));
	return false;
}

static bool open_all(struct instance *i, char *why, size_t size)
{
	if (!instance_make_leases(i)) {
		snprintf(why, size, "%s: out of memory", instance_name(i));
		return false;
	}
	i->segment = segment_get(i->world->segments, i->brief->interface, i->by, why, size);
	return i->segment && tracks_init(&i->tracks, i->world, i->brief, NULL, why, size) &&
	       open_timers(i, why, size);
}

struct instance *instance_new(struct vrrp_world *w, const struct brief_router *r, char *why,
			      size_t size)
{
	struct instance *i = calloc(1, sizeof(*i));

	if (!i || !take_brief(i, r)) {
		snprintf(why, size, "%s: out of memory", r->name);
		free(i);
		return NULL;
	}
	list_init(&i->link);
	list_init(&i->set.link);
	i->world = w;
	i->by = wire_of(r);
	i->armed = i->check_at = TIMES_NEVER;
	i->timer_io.fd = -1;
	vrouter_init(&i->machine, &i->config);
	if (open_all(i, why, size))
		return i;
	instance_free(i);
	return NULL;
}

void instance_free(struct instance *i)
{
	list_del(&i->link);
	if (i->conflict.loop)
		probe_free(&i->conflict);
	timerfd_close(&i->timer_io);
	tracks_free(&i->tracks);
	instance_free_leases(i);
	if (i->segment)
		segment_put(i->segment, i->by);
	free(i->brief);
	free(i);
}

void instance_set_board(struct instance *i, struct board_router *board)
{
	i->board = board;
	i->dirty = true;
}

/* What began to be tracked is told of when it changes, and has to be looked at once. */
static void look_at_interfaces(struct instance *i)
{
	for (unsigned n = 0; n < i->tracks.n; n++)
		if (i->tracks.interfaces[n] && !i->tracks.known[n])
			tracks_interface(&i->tracks, i->tracks.interfaces[n], clock_now_us());
}

void instance_start(struct instance *i, const struct instance_left *left)
{
	struct vrouter_event e = { .what = VROUTER_START };

	if (left) {
		e.start.adopt = left->last_sent != 0;
		e.start.last_sent = left->last_sent;
		e.start.demoted = left->demoted_until != 0;
		e.start.demoted_until = left->demoted_until;
		e.start.holds_back = left->holds_back;
		i->resumes = left->facts;
	}
	e.start.settled = i->segment->settled;
	if (i->resumes) {
		e.start.resumes = e.start.settled = i->resumes->state != BOARD_ROUTER_INIT;
		tracks_resume(&i->tracks, i->resumes);
	}
	if (i->segment->on.index)
		instance_prepare_leases(i, e.start.adopt);
	instance_build_frames(i);
	look_at_interfaces(i);
	tracks_look(&i->tracks, i->world->proxy, e.start.adopt, clock_now_us());
	refresh(i);
	instance_tell(i, &e);
	i->resumes = NULL;
	instance_write_facts(i, clock_now_us());
}

void instance_stop(struct instance *i)
{
	static const struct vrouter_event e = { .what = VROUTER_STOP };

	instance_tell(i, &e);
}

/* What the machine sees of a brief: programs have other numbers in each generation. */
static bool equal_for_the_machine(const struct brief_router *a, const struct brief_router *b)
{
	struct brief_router x = *a, y = *b;

	x.notify = y.notify = 0;
	memset(x.tracks, 0, sizeof(x.tracks));
	memset(y.tracks, 0, sizeof(y.tracks));
	x.n_tracks = y.n_tracks = 0;
	return memcmp(&x, &y, sizeof(x)) == 0;
}

static void take_tracks(struct instance *i, struct tracks *old)
{
	char why[256];

	if (!tracks_init(&i->tracks, i->world, i->brief, old, why, sizeof(why)))
		world_say(i->world, LOG_ERR, true,
			  "%s: %s; nothing is tracked until the next reload", instance_name(i),
			  why);
	tracks_free(old);
}

void instance_take(struct instance *i, const struct brief *b, const struct brief_router *r)
{
	static const struct vrouter_event e = { .what = VROUTER_RECONFIGURED };
	struct brief_router *before = i->brief;
	struct tracks old = i->tracks;
	bool equal = equal_for_the_machine(before, r);

	must(take_brief(i, r));
	if (!equal)
		instance_change_leases(i, b);
	take_tracks(i, &old);
	look_at_interfaces(i);
	free(before);
	instance_build_frames(i);
	refresh(i);
	if (!equal && i->machine.running)
		instance_tell(i, &e);
	instance_write_facts(i, clock_now_us());
}
