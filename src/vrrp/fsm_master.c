/* The master: advertisements with the lease that hangs on them, announcements, rivals. */
#include "base/clock.h"
#include "base/hash.h"
#include "vrrp/fsm_turn.h"

/* An answer to somebody else's advertisement comes at once, but not more often than this
 * part of the interval: whoever floods us must not make us flood. To a resignation we answer
 * faster, before a backup's skew time makes it claim. */
#define ANSWER_RIVAL 10
#define ANSWER_RESIGNATION 100

#define RIVAL_GAP_MIN CLOCK_SEC
#define RIVAL_GAP_MAX (10 * CLOCK_SEC)
#define RESTORE_GAP (5 * CLOCK_MS)
#define RESTORE_GAP_FIGHT (50 * CLOCK_MS) /* after three in a second */
/* How long an advertisement may be under way that its sender sent before it heard our claim. */
#define CROSSING_MAX (50 * CLOCK_MS)
#define FIGHT_TIME (10 * CLOCK_SEC)
#define LOSSES 3

static uint64_t lease_us(const struct turn *t)
{
	return times_lease(t->c->format.interval) * CLOCK_SEC;
}

/* One advertisement a turn, so that it is plain what was lost with one that failed; a later
 * wish has it say the later priority. */
static bool send_again(struct turn *t)
{
	for (unsigned i = 0; i < t->plan->n; i++) {
		struct vrouter_action *a = &t->plan->actions[i];

		if (a->act != VROUTER_SEND)
			continue;
		a->priority = vrouter_priority(t->v);
		return true;
	}
	return false;
}

static void send_advert(struct turn *t)
{
	struct vrouter *v = t->v;

	if (send_again(t))
		return;
	v->sent_before = v->last_sent;
	v->last_sent = t->now;
	v->send_failing = false;
	v->renewed_before = v->renewed;
	turn_act(t, VROUTER_SEND)->priority = vrouter_priority(v);
}

/* Behind a SEND: when that failed, `renewed` is 0 again, and the next one tries again. */
static void add_addresses(struct turn *t)
{
	t->v->renewed_before = 0;
	t->v->renewed = t->now;
	turn_act(t, VROUTER_ADD)->lifetime_s = times_lease(t->c->format.interval);
}

/* Fast advertisements do not all renew: the lease ends no later for it, and often enough. */
static void renew_lease(struct turn *t)
{
	uint64_t interval = t->c->format.interval, renew = times_lease_renew(interval);

	if (interval < renew && t->now - t->v->renewed < renew)
		return;
	t->v->renewed = t->now;
	turn_act(t, VROUTER_RENEW)->lifetime_s = times_lease(interval);
}

static void announce(struct turn *t, unsigned count)
{
	turn_act(t, VROUTER_ANNOUNCE)->count = count;
}

/* A seed of its own for each node, so that refreshes do not fall together. */
static uint64_t announce_offset_after(const struct turn *t, uint64_t offset)
{
	const struct vrrp_ip *ip = &t->v->source;
	uint64_t seed = hash_bytes((struct str){ (const char *)ip->bytes, ip->size });

	return times_announce_next(&t->c->announce, lease_us(t), offset,
				   hash_pair(seed, t->c->format.vrid));
}

static void announce_begin(struct turn *t)
{
	const struct times_announce *a = &t->c->announce;

	t->v->announce_from = t->now;
	announce(t, a->interval == 0 && a->count > 1 ? a->count : 1);
	t->v->due[VROUTER_T_ANNOUNCE] = t->now + announce_offset_after(t, 0);
}

void master_on_announce_timer(struct turn *t)
{
	struct vrouter *v = t->v;
	uint64_t next = v->due[VROUTER_T_ANNOUNCE] - v->announce_from;

	announce(t, 1);
	do
		next = announce_offset_after(t, next);
	while (next != TIMES_NEVER && v->announce_from + next <= t->now);
	v->due[VROUTER_T_ANNOUNCE] = next == TIMES_NEVER ? next : v->announce_from + next;
}

void master_enter(struct turn *t, enum vrouter_reason why)
{
	struct vrouter *v = t->v;

	v->master_interval = t->c->format.interval;
	v->master.size = v->rival.size = 0;
	v->holds_back = false;
	v->preempt_at = 0;
	v->rival_gap = RIVAL_GAP_MIN;
	v->rival_announced = v->rival_heard = 0;
	v->claimed_with = vrouter_priority(v);
	v->last_sent = t->now; /* the others' patience begins with the claim, sent or not */
	send_advert(t);
	add_addresses(t);
	announce_begin(t);
	turn_set_state(t, VROUTER_MASTER, why);
	v->due[VROUTER_T_ADVERT] = times_next_beat(t->c->format.interval, t->now);
}

void master_advertise(struct turn *t)
{
	send_advert(t);
	renew_lease(t);
	t->v->due[VROUTER_T_ADVERT] = times_next_beat(t->c->format.interval, t->now);
}

void master_leave(struct turn *t, bool resign)
{
	if (resign)
		turn_act(t, VROUTER_SEND)->priority = VRRP_PRIORITY_STOP;
	turn_act(t, VROUTER_DELETE);
}

/* Whoever was silent for longer than the most patient backup must take it that another is
 * master now: it lets go first, and looks then, and does not come back by itself. */
void master_fence(struct turn *t)
{
	struct vrouter *v = t->v;

	if (v->state != VROUTER_MASTER ||
	    t->now - v->last_sent <= times_down_min(t->c->format.version, t->c->format.interval))
		return;
	master_leave(t, false);
	if (v->send_failing) {
		fault_keep_away(t, VROUTER_WHY_CANNOT_SEND);
		return;
	}
	v->holds_back = true;
	backup_enter(t, VROUTER_WHY_STALLED);
}

/* --- other masters --- */

static void answer(struct turn *t, uint64_t part)
{
	uint64_t spacing = t->c->format.interval / part;

	if (t->now - t->v->last_sent >= spacing)
		master_advertise(t);
	else
		turn_at_latest(t, VROUTER_T_ADVERT, t->v->last_sent + spacing);
}

/* The neighbours may have learnt the rival's link address. In a quarrel that lasts (it does
 * not hear us) our announcements become rare. */
static void announce_against_rival(struct turn *t)
{
	struct vrouter *v = t->v;

	if (v->rival_heard && t->now - v->rival_heard > RIVAL_GAP_MAX) {
		v->rival_gap = RIVAL_GAP_MIN;
		v->rival_announced = 0;
	}
	if (v->rival_announced && t->now - v->rival_announced < v->rival_gap)
		return;
	if (v->rival_announced)
		v->rival_gap = v->rival_gap * 2 < RIVAL_GAP_MAX ? v->rival_gap * 2 : RIVAL_GAP_MAX;
	v->rival_announced = t->now;
	announce(t, 1);
}

/* A rival that lets go says nothing, and whoever spoke with it would go on doing so until its
 * neighbour entry is old. No sooner than our own announcements against it may come. */
static void await_its_end(struct turn *t)
{
	struct vrouter *v = t->v;
	uint64_t at = t->now + times_down_min(t->c->format.version, t->e->advert->interval);

	if (v->rival_announced && at < v->rival_announced + RIVAL_GAP_MIN)
		at = v->rival_announced + RIVAL_GAP_MIN;
	v->due[VROUTER_T_RIVAL_GONE] = at;
}

void master_on_rival_gone(struct turn *t)
{
	t->v->due[VROUTER_T_RIVAL_GONE] = TIMES_NEVER;
	t->v->rival_announced = t->now;
	announce(t, 1);
	/* One that died instead keeps the addresses for as long as its lease. */
	turn_at_latest(t, VROUTER_T_ANNOUNCE, t->now + lease_us(t) + CLOCK_SEC / 2);
}

static void face_rival(struct turn *t)
{
	const struct vrrp_advert *a = t->e->advert;
	bool owners = a->priority == VRRP_PRIORITY_OWNER;

	answer(t, ANSWER_RIVAL);
	announce_against_rival(t);
	await_its_end(t);
	turn_note(t, owners ? VROUTER_NOTE_TWO_OWNERS : VROUTER_NOTE_TWO_MASTERS, &a->source);
	t->v->rival = a->source;
	t->v->rival_heard = t->now;
}

static void give_way(struct turn *t, enum vrouter_reason why)
{
	master_leave(t, false);
	backup_enter(t, t->v->demoted ? VROUTER_WHY_DEMOTED : why);
	backup_accept(t);
}

/* By which priority others are judged. Just after a claim it is that of the claim, even when
 * ours fell meanwhile: an old master's advertisement that crosses it must not make us let go,
 * when the claim makes the old master let go. */
static uint8_t standing(const struct turn *t)
{
	const struct vrouter *v = t->v;
	uint64_t crossing = t->c->format.interval / 2;
	uint8_t own = vrouter_priority(v);

	if (crossing > CROSSING_MAX)
		crossing = CROSSING_MAX;
	return t->now - v->since < crossing && v->claimed_with > own ? v->claimed_with : own;
}

void master_on_advert(struct turn *t)
{
	const struct vrrp_advert *a = t->e->advert;
	uint8_t own = standing(t);

	if (a->priority == VRRP_PRIORITY_STOP)
		answer(t, ANSWER_RESIGNATION);
	else if (a->priority > own)
		give_way(t, VROUTER_WHY_HIGHER_PRIORITY);
	else if (a->priority == own && vrrp_ip_compare(&a->source, &t->v->source) > 0)
		give_way(t, VROUTER_WHY_HIGHER_ADDRESS);
	else
		face_rival(t);
}

/* --- what goes wrong --- */

/* What was counted on the advertisement is taken back; the next one tries again. */
void master_on_send_failed(struct turn *t)
{
	struct vrouter *v = t->v;

	v->last_sent = v->sent_before;
	v->renewed = v->renewed_before;
	v->send_failing = true;
	turn_note(t, VROUTER_NOTE_CANNOT_SEND, NULL);
}

static void note_loss(struct turn *t)
{
	uint64_t *lost = t->v->lost;

	for (unsigned i = LOSSES - 1; i > 0; i--)
		lost[i] = lost[i - 1];
	lost[0] = t->now;
	turn_note(t, VROUTER_NOTE_ADDRESS_LOST, NULL);
	if (lost[LOSSES - 1] && t->now - lost[LOSSES - 1] <= FIGHT_TIME)
		turn_note(t, VROUTER_NOTE_ADDRESS_FIGHT, NULL);
}

/* With an advertisement, so that the lease stays bound to one. */
void master_restore(struct turn *t)
{
	t->v->due[VROUTER_T_RESTORE] = TIMES_NEVER;
	note_loss(t);
	send_advert(t);
	add_addresses(t);
	announce_begin(t);
	t->v->due[VROUTER_T_ADVERT] = times_next_beat(t->c->format.interval, t->now);
}

/* At once; but when several go together, or go as fast as they come, the next few are put
 * back in one go. */
void master_on_address_lost(struct turn *t)
{
	const uint64_t *lost = t->v->lost;
	bool fight = lost[LOSSES - 1] && t->now - lost[LOSSES - 1] < CLOCK_SEC;
	uint64_t gap = fight ? RESTORE_GAP_FIGHT : RESTORE_GAP;

	if (lost[0] && t->now - lost[0] < gap)
		turn_at_latest(t, VROUTER_T_RESTORE, lost[0] + gap);
	else
		master_restore(t);
}

void master_on_reconfigured(struct turn *t)
{
	t->v->master_interval = t->c->format.interval;
	send_advert(t);
	add_addresses(t);
	announce_begin(t);
	t->v->due[VROUTER_T_ADVERT] = times_next_beat(t->c->format.interval, t->now);
}
