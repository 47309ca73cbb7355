#include "supervisor/children.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "supervisor/state.h"

/* To resign and to delete the addresses; behind it the kernel lets them go by itself. */
#define VRRP_GRACE_US (2 * CLOCK_SEC)
/* For the notifications of that. */
#define RUNNER_GRACE_US (5 * CLOCK_SEC)
/* For answers that are on their way. */
#define ADMIN_GRACE_US (1 * CLOCK_SEC)

static struct supervisor *of_service(struct service *s)
{
	return s->owner;
}

/* ---- the reload's business ---- */

static void prepared(struct service *s)
{
	reload_prepared(&of_service(s)->reload);
}

static void committed(struct service *s)
{
	reload_committed(&of_service(s)->reload, s);
}

static void failed(struct service *s, const char *why)
{
	reload_failed(&of_service(s)->reload, s, why);
}

/* ---- life and death ---- */

void children_describe(const struct supervisor *sv, char *to, size_t size)
{
	const struct edition *g = sv->reload.running;
	size_t n = (size_t)snprintf(to, size, "generation %llu",
				    g ? (unsigned long long)g->number : 0);

	for (unsigned i = 0; i < SERVICES && n < size; i++)
		if (sv->service[i].child.pid && sv->service[i].running)
			n += (size_t)snprintf(to + n, size - n, ", %s pid %d",
					      sv->service[i].kind->name,
					      (int)sv->service[i].child.pid);
}

static void settled(struct service *s)
{
	struct supervisor *sv = of_service(s);
	char status[128];

	if (s->up && sv->phase == SUPERVISOR_RUNNING) {
		supervisor_event(sv, LOG_NOTICE, "%s (pid %d) %s again", s->kind->name,
				 s->child.pid, s->slot == BOARD_PROXY ? "serves" : "runs");
		children_describe(sv, status, sizeof(status));
		notify_send(&sv->notify, "STATUS=%s", status);
	}
	reload_settled(&sv->reload);
}

/* What is left on its board must not be taken for something alive. */
void children_clear_board(struct supervisor *sv, const struct service *s)
{
	if (s->slot == BOARD_PROXY) {
		board_proxy_died(sv->proxy_board);
		board_limits_died(sv->limits_board);
	}
	if (sv->beat[s->slot])
		stats_set(sv->beat[s->slot]->beat_us, 0);
	if (s->slot != BOARD_VRRP)
		return;
	board_vrrp_died(sv->vrrp_board);
	if (s->running)
		return;
	/* It has no successor that would take its routers on. */
	for (unsigned i = 0; i < BOARD_ROUTERS; i++)
		stats_set(sv->vrrp_board->routers[i].used, 0);
}

static void gone(struct service *s, const char *how)
{
	struct supervisor *sv = of_service(s);

	children_clear_board(sv, s);
	heartbeat_reset(&sv->heartbeat[s->slot], loop_now_exact(sv->loop));
	if (sv->phase == SUPERVISOR_STOPPING)
		log_info("%s %s", s->kind->name, how);
	else if (s->stopping)
		supervisor_event(sv, LOG_NOTICE, "%s %s; nothing needs it any more", s->kind->name,
				 how);
	else
		supervisor_event(sv, LOG_ERR, "%s %s", s->kind->name, how);
	children_end_unwanted(sv);
	if (sv->phase == SUPERVISOR_STOPPING && children_are_gone(sv))
		supervisor_end(sv, EXIT_SUCCESS);
}

/* ---- what they say ---- */

/* Which words of whose go to whom. */
static const struct relay {
	enum msg_type type;
	enum board_process from, to;
	bool (*reaches)(const struct service *to);
} relays[] = {
	{MSG_NOTIFY, BOARD_VRRP, BOARD_RUNNER, service_takes_messages},
	{MSG_SCRIPT, BOARD_RUNNER, BOARD_VRRP, service_takes_messages},
	/* The first checks of new servers belong to PREPARE. */
	{MSG_CHECK, BOARD_PROXY, BOARD_RUNNER, service_hears},
	{MSG_CHECKED, BOARD_RUNNER, BOARD_PROXY, service_hears},
};

/* So that nobody waits for what will not come. */
static void refuse_check(struct supervisor *sv, const struct msg *m)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%.*s%c%cno runner process is there", (int)m->text.n,
			 m->text.p, '\0', MSG_VERDICT_UNASKED);
	struct msg answer = {.type = MSG_CHECKED, .arg = m->arg};

	answer.text = str_first((struct str){text, (size_t)n}, sizeof(text) - 1);
	service_send(&sv->service[BOARD_PROXY], &answer);
}

static void relay(struct supervisor *sv, const struct relay *r, const struct msg *m)
{
	struct service *to = &sv->service[r->to];

	if (r->reaches(to))
		service_send(to, m);
	else if (m->type == MSG_CHECK)
		refuse_check(sv, m);
	else if (m->type == MSG_NOTIFY)
		log_warn("a notification of the vrrp process (program %u) is lost: no runner "
			 "process is there to carry it out",
			 MSG_PROGRAM_INDEX(m->arg));
	/* A script's next result is not far, and nobody asked for that of a check any more. */
}

/* Of a child that must not wait for a log. */
void children_say(struct supervisor *sv, enum board_process slot, pid_t pid, const struct msg *m)
{
	const char *name = service_kinds[slot].name;

	log_relay(name, (int)pid, (int)(m->arg & 7), m->text);
	if (m->arg & MSG_SAY_EVENT)
		events_add(&sv->own_board->events, clock_wall_us(), name, m->text);
}

static void said(struct service *s, const struct msg *m)
{
	struct supervisor *sv = of_service(s);

	if (m->type == MSG_LOG_LOST)
		supervisor_reopen_log(sv);
	else if (m->type == MSG_EVENT)
		events_add(&sv->own_board->events, clock_wall_us(), s->kind->name, m->text);
	else if (m->type == MSG_SAY)
		children_say(sv, s->slot, s->child.pid, m);
	for (size_t i = 0; i < sizeof(relays) / sizeof(relays[0]); i++)
		if (m->type == relays[i].type && s->slot == relays[i].from)
			relay(sv, &relays[i], m);
	/* HELLO_OK asks for nothing; the rest are late answers to what was given up, or nothing
	 * that this one has to say. */
}

void children_send_log(struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++)
		service_send_log(&sv->service[i], &sv->reload.running->log);
	elders_send_log(&sv->elders);
}

bool children_control(struct supervisor *sv, enum board_process slot, int client,
		      struct str request, char *why, size_t size)
{
	struct msg m = {.type = MSG_CONTROL, .text = request, .fds = {client}, .n_fds = 1};
	struct service *s = &sv->service[slot];
	const char *end = sv->own_board->process[slot].last_end;

	if (service_takes_messages(s)) {
		service_send(s, &m);
		return true;
	}
	if (sv->upgrade.adopts)
		snprintf(why, size, "an upgrade is under way; try again\n");
	else if (!s->running && slot == BOARD_VRRP)
		snprintf(why, size, "this configuration has no virtual router\n");
	else if (*end)
		snprintf(why, size,
			 "the %s process is not running (it ended: %s); it is started again; "
			 "try again\n",
			 s->kind->name, end);
	else
		snprintf(why, size, "the %s process is just starting; try again\n",
			 s->kind->name);
	return false;
}

/* ---- heartbeats ---- */

static void read_beats(struct supervisor *sv, const struct service *s, struct beats *to)
{
	/* Threads of one that stops may be over, and then have no beat any more. */
	bool stops = s->stopping || sv->phase == SUPERVISOR_STOPPING;
	uint64_t since = s->up && !stops ? s->up_since_us : 0;

	*to = (struct beats){0};
	if (s->slot == BOARD_PROXY)
		beats_of_proxy(to, sv->proxy_board, since);
	if (s->slot == BOARD_VRRP)
		beats_of_vrrp(to, sv->vrrp_board, since);
	if (sv->beat[s->slot])
		beats_of_one(to, sv->beat[s->slot], since,
			     s->slot == BOARD_ADMIN ? HEARTBEAT_NICE_ABORT_US
						    : HEARTBEAT_ABORT_US);
}

static void look_at(struct supervisor *sv, struct service *s, uint64_t now)
{
	struct beats beats;
	char which[64];

	read_beats(sv, s, &beats);
	switch (heartbeat_judge(&sv->heartbeat[s->slot], &beats, now, which, sizeof(which))) {
	case HEARTBEAT_FINE:
		break;
	case HEARTBEAT_ABORT:
		supervisor_event(sv, LOG_CRIT,
				 "%s (pid %d): its %s hangs since more than %llu s; it gets "
				 "SIGABRT, so that there is a core to read",
				 s->kind->name, s->child.pid, which,
				 (unsigned long long)(beats.limit_us / CLOCK_SEC));
		child_kill(&s->child, SIGABRT);
		break;
	case HEARTBEAT_KILL:
		child_kill(&s->child, SIGKILL);
		break;
	}
}

void children_look(struct supervisor *sv, uint64_t now)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (sv->service[i].child.pid)
			look_at(sv, &sv->service[i], now);
	elders_look(&sv->elders, now);
}

/* ---- the end ---- */

static bool is_unwanted(const struct service *s)
{
	return s->child.pid && !s->running;
}

static bool others_are_gone(const struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (i != BOARD_ADMIN && sv->service[i].child.pid)
			return false;
	return elders_are_gone(&sv->elders);
}

void children_end_unwanted(struct supervisor *sv)
{
	struct service *vrrp = &sv->service[BOARD_VRRP], *runner = &sv->service[BOARD_RUNNER];
	struct service *admin = &sv->service[BOARD_ADMIN];
	bool stops = sv->phase == SUPERVISOR_STOPPING;

	if (is_unwanted(vrrp) && !vrrp->stopping && vrrp->up)
		service_stop(vrrp, VRRP_GRACE_US);
	/* It goes on with checks until the proxy has finished what runs. */
	if (is_unwanted(runner) && !runner->stopping && runner->up && !is_unwanted(vrrp) &&
	    !is_unwanted(&sv->service[BOARD_PROXY]))
		service_stop(runner, RUNNER_GRACE_US);
	/* Until then it tells that this node stops. */
	if (is_unwanted(admin) && !admin->stopping && admin->up && (!stops || others_are_gone(sv)))
		service_stop(admin, ADMIN_GRACE_US);
}

void children_stop(struct supervisor *sv, uint64_t grace_us, bool again)
{
	for (unsigned i = 0; i < SERVICES; i++)
		service_set_running(&sv->service[i], NULL);
	children_end_unwanted(sv);
	service_stop(&sv->service[BOARD_PROXY], grace_us);
	elders_stop(&sv->elders, grace_us);
	for (unsigned i = 0; again && i < SERVICES; i++)
		service_stop(&sv->service[i], 0);
}

bool children_are_gone(const struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (sv->service[i].child.pid)
			return false;
	return elders_are_gone(&sv->elders);
}

/* ---- the start ---- */

static const struct service_calls calls = {
	.prepared = prepared,
	.committed = committed,
	.failed = failed,
	.settled = settled,
	.gone = gone,
	.said = said,
};

static void set_up(struct supervisor *sv, enum board_process slot)
{
	const struct service_kind *kind = &service_kinds[slot];
	struct service *s = &sv->service[slot];

	s->kind = kind;
	s->slot = slot;
	s->owner = sv;
	s->program = sv->program;
	s->listen = !sv->options->foreground;
	s->board = sv->own_board;
	s->calls = &calls;
	if (kind->own_board) {
		s->hello[0] = sv->board[kind->own_board];
		s->hello[1] = sv->reader[0];
		s->hello[2] = sv->reader[kind->other_board];
		s->n_hello = 3;
	}
	for (unsigned i = 0; kind->all_boards && i < CONTROL_BOARDS; i++)
		s->hello[s->n_hello++] = sv->reader[i];
	if (kind->second_board)
		s->hello[s->n_hello++] = sv->board[kind->second_board];
	if (slot == BOARD_PROXY)
		s->hello[s->n_hello++] = sv->tickets;
	if (kind->beats)
		s->hello[s->n_hello++] = sv->beat_board[slot];
	service_init(s, sv->loop);
	heartbeat_reset(&sv->heartbeat[slot], loop_now(sv->loop));
}

void children_init(struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++)
		set_up(sv, (enum board_process)i);
}
