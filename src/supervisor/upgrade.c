#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "supervisor/state.h"

static void trial_said(struct child *c, struct msg *m);
static void trial_gone(struct child *c, int status);
static void trial_is_late(struct loop_timer *t);

void upgrade_init(struct upgrade *u, struct supervisor *sv)
{
	u->owner = sv;
	u->program = u->fd = -1;
	child_init(&u->trial, sv->loop, "trial", trial_said, trial_gone);
	loop_timer_init(&u->limit, trial_is_late);
}

static void close_program(struct upgrade *u)
{
	if (u->program >= 0)
		close(u->program);
	u->program = -1;
}

void upgrade_stop(struct upgrade *u)
{
	loop_timer_stop(&u->limit);
	child_end(&u->trial);
	close_program(u);
}

/* ---- the new program ---- */

static bool has_room(const struct supervisor *sv, struct report *why)
{
	unsigned proxies, all = elders_count(&sv->elders, &proxies);

	if (all < ELDERS_MOST && proxies < ELDERS_PROXIES)
		return true;
	report_add(why,
		   "%u old proxies still end what runs there; wait for them (status shows them), "
		   "or restart hpcbald, which ends their connections",
		   proxies);
	return false;
}

/* NULL, or why it is none. */
static const char *file_wrong(const char *path, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no file";
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
		return "it cannot be executed";
	return NULL;
}

int upgrade_open(struct upgrade *u, struct report *why)
{
	struct supervisor *sv = u->owner;
	int fd = open(sv->installed, O_PATH | O_CLOEXEC);
	const char *wrong = file_wrong(sv->installed, fd);

	close_program(u);
	if (wrong)
		report_add(why, "the new hpcbald (%s) cannot be used: %s", sv->installed,
			   wrong);
	else if (has_room(sv, why))
		u->program = handover_copy(fd);
	if (fd >= 0)
		close(fd);
	return u->program;
}

/* ---- what is handed over ---- */

static void add_child(struct handover *h, enum board_process slot, const struct child *c,
		      uint64_t since_us)
{
	struct handover_child *to = &h->children[h->n_children++];

	*to = (struct handover_child){.slot = slot,
				      .pid = c->pid,
				      .sock = c->sock,
				      .words = c->mutter.watch.fd,
				      .board = -1,
				      .limits = -1,
				      .since_us = since_us};
}

static void add_elder(struct handover *h, const struct elder *e)
{
	struct handover_child *to = &h->children[h->n_children];

	add_child(h, e->slot, &e->child, e->since_us);
	to->leaves = e->leaves;
	to->board = e->board;
	to->limits = e->limits;
	to->until_us = e->until_us;
}

static void add_children(struct handover *h, const struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (sv->service[i].child.pid)
			add_child(h, (enum board_process)i, &sv->service[i].child,
				  sv->service[i].up_since_us);
	for (unsigned i = 0; i < HANDOVER_CHILDREN && h->n_children < HANDOVER_CHILDREN; i++)
		if (sv->elders.elder[i].child.pid)
			add_elder(h, &sv->elders.elder[i]);
}

static void add_sockets(struct handover *h, const struct edition *g)
{
	h->n_sockets = g->sockets.n;
	for (unsigned i = 0; i < g->sockets.n; i++) {
		const struct socket_entry *from = &g->sockets.entry[i];
		struct handover_socket *to = &h->sockets[i];

		to->fd = from->fd;
		to->dev = from->dev;
		to->ino = from->ino;
		to->addr = g->m->listeners[i].addr;
		str_copy(to->text, sizeof(to->text), str_of(g->m->listeners[i].text));
	}
}

static void add_edition(struct handover *h, const struct reload *r)
{
	const struct edition *g = r->running;

	h->number = g->number;
	h->numbers = r->numbers;
	h->again = r->again;
	h->grace_us = g->m->grace_us;
	h->bundle = g->bundle;
	h->brief = g->brief;
	h->keys = g->keys;
	h->next_bundle = r->bundle;
	h->next_brief = r->brief;
	h->next_keys = r->keys;
	str_copy(h->log_target, sizeof(h->log_target), str_of(g->m->log_target));
	h->log_kind = (int32_t)g->log.kind;
	h->log_fd = g->log.fd;
	h->log_facility = g->log.facility;
	str_copy(h->warnings, sizeof(h->warnings), report_text(&r->report));
	add_sockets(h, g);
}

/* What would be lost with a board of another layout. */
static uint32_t count_by_hand(const struct supervisor *sv)
{
	uint32_t n = stats_get(sv->limits_board->n_exempt);

	for (unsigned i = 0; i < board_n_servers(sv->proxy_board); i++) {
		const struct board_server *s = &sv->proxy_board->servers[i];

		n += stats_get(s->current) == BOARD_CURRENT &&
		     (stats_get(s->admin) != BOARD_ADMIN_READY || stats_get(s->weight_given));
	}
	for (unsigned i = 0; i < BOARD_ROUTERS; i++)
		n += stats_get(sv->vrrp_board->routers[i].used) &&
		     stats_get(sv->vrrp_board->routers[i].demoted_until_us);
	return n;
}

static void fill(struct handover *h, const struct supervisor *sv)
{
	h->magic = HANDOVER_MAGIC;
	h->layout = HANDOVER_LAYOUT;
	h->msg_layout = MSG_LAYOUT;
	str_copy(h->version, sizeof(h->version), STR(PACKAGE_VERSION));
	str_copy(h->program, sizeof(h->program), str_of(sv->installed));
	str_copy(h->config, sizeof(h->config), str_of(sv->config));
	h->old_program = sv->program;
	h->foreground = sv->options->foreground;
	h->by_hand = count_by_hand(sv);
	memcpy(h->board, sv->board, sizeof(h->board));
	for (unsigned i = 0; i < SERVICES; i++)
		h->beat[i] = sv->beat[i] ? sv->beat_board[i] : -1;
	h->tickets = sv->tickets;
	str_copy(h->control_socket, sizeof(h->control_socket), str_of(sv->runfiles.socket));
	str_copy(h->pidfile, sizeof(h->pidfile), str_of(sv->runfiles.pidfile));
	h->control = sv->runfiles.fd;
	h->notify = sv->notify.fd;
	h->watchdog_us = sv->notify.watchdog_us;
	add_edition(h, &sv->reload);
	add_children(h, sv);
	commands_hand_over(&sv->commands, h);
}

/* The memfd, and what is in it, which is the caller's to free. -1 with errno. */
static int hand_over(const struct supervisor *sv, struct handover **h)
{
	*h = calloc(1, sizeof(**h));
	if (!*h)
		return -1;
	fill(*h, sv);
	return handover_write(*h);
}

/* ---- the trial ---- */

static void refuse(struct upgrade *u, const char *why)
{
	close_program(u);
	report_add(&u->owner->reload.report, "the new hpcbald (%s) cannot take over: %s",
		   u->owner->installed, why);
	reload_refuse(&u->owner->reload, "");
}

static void send_trial(struct upgrade *u, int fd)
{
	struct msg m = {.type = MSG_HELLO, .fds = {fd, u->owner->reload.bundle}, .n_fds = 2};

	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		m.fds[m.n_fds++] = u->owner->board[i];
	child_send(&u->trial, &m);
}

void upgrade_leave(struct upgrade *u)
{
	char *argv[] = {(char *)"hpcbald", (char *)"--role", (char *)"trial", NULL};
	struct child_spec spec = {u->program, argv, 0, !u->owner->options->foreground};
	struct handover *h;
	int fd = hand_over(u->owner, &h);

	free(h);
	u->fine = false;
	str_copy(u->why, sizeof(u->why),
		 STR("it does not know what an upgrade is; restart hpcbald"));
	if (fd >= 0 && child_start(&u->trial, &spec)) {
		send_trial(u, fd);
		close(fd);
		loop_timer_set(u->owner->loop, &u->limit,
			       loop_now_exact(u->owner->loop) + UPGRADE_TRIAL_US);
		return;
	}
	refuse(u, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void trial_said(struct child *c, struct msg *m)
{
	struct upgrade *u = list_of(c, struct upgrade, trial);

	msg_close_fds(m);
	if (m->type == MSG_HELLO_OK)
		u->fine = true;
	else if (m->type == MSG_REFUSED)
		str_copy(u->why, sizeof(u->why), m->text);
}

static void trial_is_late(struct loop_timer *t)
{
	struct upgrade *u = list_of(t, struct upgrade, limit);

	str_copy(u->why, sizeof(u->why), STR("its trial did not end in time"));
	u->fine = false;
	child_kill(&u->trial, SIGKILL);
}

/* ---- the step ---- */

/* NULL, or what has to be over first. */
static const char *not_now(const struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		if (!service_is_settled(&sv->service[i]))
			return "a child died meanwhile; try again";
		if (!list_empty(&sv->service[i].child.queue))
			return "a child does not read what it is told; try again";
	}
	return NULL;
}

static void step_over(struct upgrade *u)
{
	struct supervisor *sv = u->owner;
	const char *why = not_now(sv);
	struct handover *h = NULL;
	char text[256];
	int fd = -1;

	if (!why) {
		elders_move_counters(&sv->elders);
		fd = hand_over(sv, &h);
		if (fd >= 0)
			handover_execute(u->program, fd, h, NULL);
		snprintf(text, sizeof(text), "it cannot be executed: %s", strerror(errno));
		why = text;
	}
	if (fd >= 0)
		close(fd);
	free(h);
	refuse(u, why);
}

static void trial_gone(struct child *c, int status)
{
	struct upgrade *u = list_of(c, struct upgrade, trial);

	loop_timer_stop(&u->limit);
	if (u->fine && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		step_over(u);
	else
		refuse(u, u->why);
}
