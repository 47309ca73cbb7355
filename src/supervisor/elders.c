#include "supervisor/elders.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/board_move.h"
#include "supervisor/adopt.h"
#include "supervisor/children.h"
#include "supervisor/state.h"

#define MOVE_EVERY_US (1 * CLOCK_SEC)
#define MARGIN_US (2 * CLOCK_SEC)
#define VRRP_LEAVES_US (200 * CLOCK_MS)
#define VRRP_STOPS_US (2 * CLOCK_SEC)

static const char *role_of(const struct elder *e)
{
	return service_kinds[e->slot].name;
}

/* ---- what they say ---- */

static void pass_on(struct elder *e, enum board_process to, const struct msg *m)
{
	struct elder *other = elders_find(&e->owner->elders, to);

	if (other)
		child_send(&other->child, m);
}

/* Behind the decision nobody runs the programs of the old configuration any more. */
static void pass_check_on(struct elder *e, const struct msg *m)
{
	struct msg answer = {.type = MSG_CHECKED, .arg = m->arg};
	char text[128];
	int n;

	if (elders_find(&e->owner->elders, BOARD_RUNNER)) {
		pass_on(e, BOARD_RUNNER, m);
		return;
	}
	n = snprintf(text, sizeof(text), "%.*s%c%cno runner process is there", (int)m->text.n,
		     m->text.p, '\0', MSG_VERDICT_UNASKED);
	if (n <= 0 || (size_t)n >= sizeof(text))
		return;
	answer.text = (struct str){text, (size_t)n};
	child_send(&e->child, &answer);
}

static void elder_said(struct child *c, struct msg *m)
{
	struct elder *e = list_of(c, struct elder, child);
	struct supervisor *sv = e->owner;

	msg_close_fds(m);
	switch (m->type) {
	case MSG_NOTIFY:
		pass_on(e, BOARD_RUNNER, m);
		break;
	case MSG_CHECK:
		pass_check_on(e, m);
		break;
	case MSG_CHECKED:
		pass_on(e, BOARD_PROXY, m);
		break;
	case MSG_SCRIPT:
		pass_on(e, BOARD_VRRP, m);
		break;
	case MSG_LOG_LOST:
		supervisor_reopen_log(sv);
		break;
	case MSG_SAY:
		children_say(sv, e->slot, c->pid, m);
		break;
	case MSG_EVENT:
		/* Behind that its successor sees the same. */
		if (!e->leaves)
			events_add(&sv->own_board->events, clock_wall_us(), role_of(e),
				   m->text);
		break;
	default:
		break;
	}
}

/* ---- their end ---- */

static void forget(struct elder *e)
{
	loop_timer_stop(&e->end);
	if (e->map)
		munmap(e->map, sizeof(*e->map));
	if (e->limits_map)
		munmap(e->limits_map, sizeof(*e->limits_map));
	if (e->board >= 0)
		close(e->board);
	if (e->limits >= 0)
		close(e->limits);
	e->map = NULL;
	e->limits_map = NULL;
	e->board = e->limits = -1;
}

/* To those who serve; before it is decided these are elders, too, and whoever goes back finds
 * there what was counted meanwhile. */
static void move_counters(struct elder *e)
{
	struct supervisor *sv = e->owner;
	const struct elder *serves = sv->upgrade.adopts ? elders_find(&sv->elders, BOARD_PROXY)
							: NULL;
	struct board_proxy *to = sv->proxy_board;
	struct board_limits *limits_to = sv->limits_board;

	if (sv->upgrade.adopts) {
		to = serves ? serves->map : NULL;
		limits_to = serves ? serves->limits_map : NULL;
	}
	if (e->leaves && e->map && to)
		board_proxy_move(e->map, to);
	if (e->leaves && e->limits_map && limits_to)
		board_limits_move(e->limits_map, limits_to);
}

static void elder_gone(struct child *c, int status)
{
	struct elder *e = list_of(c, struct elder, child);
	struct supervisor *sv = e->owner;
	char how[128], why[256];

	child_describe(status, how, sizeof(how));
	/* Its own program knows what to do about it. */
	if (sv->upgrade.adopts && !e->leaves) {
		snprintf(why, sizeof(why), "the %s process died meanwhile: %s; try again",
			 role_of(e), how);
		adopt_go_back(sv, 0, why);
	}
	if (status != 0)
		supervisor_event(sv, LOG_ERR, "the old %s %s", role_of(e), how);
	else if (e->slot == BOARD_PROXY)
		supervisor_event(sv, LOG_NOTICE, "the old proxy has ended all that ran there");
	move_counters(e);
	forget(e);
	children_end_unwanted(sv);
	if (sv->phase == SUPERVISOR_STOPPING && children_are_gone(sv))
		supervisor_end(sv, EXIT_SUCCESS);
}

static void end_is_due(struct loop_timer *t)
{
	struct elder *e = list_of(t, struct elder, end);

	log_warn("the old %s (pid %d) did not end in time; it is killed", role_of(e),
		 e->child.pid);
	child_kill(&e->child, SIGKILL);
}

/* ---- their place ---- */

void elders_init(struct elders *all, struct supervisor *sv)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++) {
		struct elder *e = &all->elder[i];

		child_init(&e->child, sv->loop, "old", elder_said, elder_gone);
		loop_timer_init(&e->end, end_is_due);
		e->owner = sv;
		e->board = e->limits = -1;
	}
}

static struct elder *find_free(struct elders *all)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (!all->elder[i].child.pid)
			return &all->elder[i];
	return NULL;
}

/* One of another layout is not read: nobody knows what it counts. */
static void map_boards(struct elder *e, const struct handover_child *c)
{
	const char *why;

	e->board = handover_copy(c->board);
	e->limits = handover_copy(c->limits);
	if (e->board >= 0)
		e->map = board_map(e->board, sizeof(*e->map), true, &why);
	if (e->limits >= 0)
		e->limits_map = board_map(e->limits, sizeof(*e->limits_map), true, &why);
}

bool elders_add(struct elders *all, const struct handover_child *c)
{
	struct elder *e = find_free(all);
	int sock, words;

	if (!e)
		return false;
	e->slot = (enum board_process)c->slot;
	e->leaves = c->leaves;
	e->since_us = c->since_us;
	e->until_us = c->until_us;
	e->child.mutter.who = role_of(e);
	sock = handover_copy(c->sock);
	words = handover_copy(c->words);
	if (!child_adopt(&e->child, c->pid, sock, words))
		return false;
	map_boards(e, c);
	heartbeat_reset(&e->heartbeat, loop_now_exact(e->child.loop));
	if (e->until_us)
		loop_timer_set(e->child.loop, &e->end, e->until_us);
	return true;
}

struct elder *elders_find(struct elders *all, enum board_process slot)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++) {
		struct elder *e = &all->elder[i];

		if (e->child.pid && e->slot == slot && !e->leaves)
			return e;
	}
	return NULL;
}

/* ---- leaving ---- */

static void tell(struct elder *e, enum msg_type type, uint64_t most_us)
{
	struct msg m = {.type = type, .arg = most_us};

	e->leaves = true;
	e->until_us = loop_now_exact(e->child.loop) + most_us + MARGIN_US;
	child_send(&e->child, &m);
	loop_timer_set(e->child.loop, &e->end, e->until_us);
}

void elders_leave(struct elder *e, uint64_t most_us)
{
	tell(e, e->slot == BOARD_PROXY ? MSG_LEAVE : MSG_STOP, most_us);
}

void elders_end_vrrp(struct elder *e, bool keep)
{
	struct board_vrrp *b = e->owner->vrrp_board;
	struct msg m = {.type = keep ? MSG_LEAVE : MSG_STOP, .arg = VRRP_STOPS_US};
	int32_t pid = stats_get(b->pid);

	child_send(&e->child, &m);
	child_finish(&e->child, keep ? VRRP_LEAVES_US : VRRP_STOPS_US);
	forget(e);
	/* The successor has signed already. */
	board_vrrp_died(b);
	stats_set(b->pid, pid);
}

void elders_stop(struct elders *all, uint64_t grace_us)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (all->elder[i].child.pid)
			tell(&all->elder[i], MSG_STOP, grace_us);
}

/* ---- looking ---- */

void elders_move_counters(struct elders *all)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (all->elder[i].child.pid)
			move_counters(&all->elder[i]);
}

static void look_at(struct elder *e, uint64_t now)
{
	struct beats beats;
	char which[64];

	beats_of_proxy(&beats, e->map, e->leaves ? 0 : e->since_us);
	switch (heartbeat_judge(&e->heartbeat, &beats, now, which, sizeof(which))) {
	case HEARTBEAT_FINE:
		break;
	case HEARTBEAT_ABORT:
		supervisor_event(e->owner, LOG_CRIT,
				 "the old proxy (pid %d): its %s hangs; it gets SIGABRT, so that "
				 "there is a core to read",
				 e->child.pid, which);
		child_kill(&e->child, SIGABRT);
		break;
	case HEARTBEAT_KILL:
		child_kill(&e->child, SIGKILL);
		break;
	}
}

/* For `status`: what is no part of the running proxy's own figures. */
static void show(struct elders *all)
{
	struct board_supervisor *b = all->elder[0].owner->own_board;
	uint64_t n = 0, connections = 0;

	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++) {
		const struct elder *e = &all->elder[i];

		if (!e->child.pid || e->slot != BOARD_PROXY || !e->leaves)
			continue;
		n++;
		if (e->map)
			connections += stats_get(e->map->stats.connections);
	}
	stats_set(b->old_proxies, n);
	stats_set(b->old_connections, connections);
}

void elders_look(struct elders *all, uint64_t now)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (all->elder[i].child.pid && all->elder[i].map)
			look_at(&all->elder[i], now);
	show(all);
	if (now - all->moved_us < MOVE_EVERY_US)
		return;
	all->moved_us = now;
	elders_move_counters(all);
}

void elders_send_log(struct elders *all)
{
	const struct logdest *log = &all->elder[0].owner->reload.running->log;

	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (all->elder[i].child.pid)
			service_tell_log(&all->elder[i].child, log);
}

bool elders_are_gone(const struct elders *all)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++)
		if (all->elder[i].child.pid)
			return false;
	return true;
}

unsigned elders_count(const struct elders *all, unsigned *proxies)
{
	unsigned n = 0;

	*proxies = 0;
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++) {
		const struct elder *e = &all->elder[i];

		if (!e->child.pid || !e->leaves)
			continue;
		n++;
		*proxies += e->slot == BOARD_PROXY;
	}
	return n;
}

void elders_close(struct elders *all)
{
	for (unsigned i = 0; i < HANDOVER_CHILDREN; i++) {
		child_end(&all->elder[i].child);
		forget(&all->elder[i]);
	}
}
