#include "supervisor/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/boards.h"
#include "supervisor/children.h"
#include "supervisor/state.h"

/* For the notifications that it still has to carry out, and for answers on their way. */
#define OTHERS_GRACE_US (5 * CLOCK_SEC)

/* ---- the configuration that runs ---- */

/* What a program knows of a configuration that it cannot read. */
static struct manifest *manifest_of(const struct handover *h, size_t *size)
{
	struct manifest *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	*size = sizeof(*m);
	m->grace_us = m->drain_us = h->grace_us;
	str_copy(m->config_file, sizeof(m->config_file), str_of(h->config));
	str_copy(m->control_socket, sizeof(m->control_socket), str_of(h->control_socket));
	str_copy(m->log_target, sizeof(m->log_target), str_of(h->log_target));
	m->log_facility = h->log_facility;
	m->n_listeners = h->n_sockets;
	for (uint32_t i = 0; i < h->n_sockets; i++) {
		m->listeners[i].addr = h->sockets[i].addr;
		str_copy(m->listeners[i].text, sizeof(m->listeners[i].text),
			 str_of(h->sockets[i].text));
	}
	return m;
}

static void fill_edition(struct edition *g, const struct handover *h)
{
	g->number = h->number;
	g->log.kind = (enum log_kind)h->log_kind;
	g->log.fd = handover_copy(h->log_fd);
	g->log.facility = h->log_facility;
	g->sockets.n = h->n_sockets;
	for (uint32_t i = 0; i < h->n_sockets; i++) {
		struct socket_entry *e = &g->sockets.entry[i];

		e->fd = handover_copy(h->sockets[i].fd);
		e->dev = (dev_t)h->sockets[i].dev;
		e->ino = (ino_t)h->sockets[i].ino;
	}
}

static struct edition *read_edition(const struct handover *h, const char **why)
{
	struct edition *g = edition_new(handover_copy(h->bundle), handover_copy(h->brief),
					handover_copy(h->keys), why);

	if (g)
		fill_edition(g, h);
	return g;
}

static struct edition *guess_edition(const struct handover *h, const char **why)
{
	struct edition *g = calloc(1, sizeof(*g));

	*why = "out of memory";
	if (!g)
		return NULL;
	g->bundle = g->brief = g->keys = -1;
	g->m = manifest_of(h, &g->size);
	if (!g->m) {
		free(g);
		return NULL;
	}
	fill_edition(g, h);
	return g;
}

/* ---- what was left ---- */

static bool is_back(const struct supervisor *sv)
{
	return sv->options->refused != NULL;
}

static void take_files(struct supervisor *sv, const struct handover *h)
{
	str_copy(sv->config, sizeof(sv->config), str_of(h->config));
	str_copy(sv->installed, sizeof(sv->installed), str_of(h->program));
	str_copy(sv->upgrade.from, sizeof(sv->upgrade.from), str_of(h->version));
	runfiles_init(&sv->runfiles);
	str_copy(sv->runfiles.socket, sizeof(sv->runfiles.socket), str_of(h->control_socket));
	str_copy(sv->runfiles.pidfile, sizeof(sv->runfiles.pidfile), str_of(h->pidfile));
	sv->runfiles.fd = handover_copy(h->control);
	sv->notify.fd = handover_copy(h->notify);
	sv->notify.watchdog_us = h->watchdog_us;
}

static void resume_service(struct supervisor *sv, struct service *s,
			   const struct handover_child *c)
{
	service_adopt(s, c->pid, handover_copy(c->sock), handover_copy(c->words), c->since_us,
		      sv->reload.running);
	if (!s->child.pid)
		children_clear_board(sv, s);
}

static void take_child(struct supervisor *sv, const struct handover *h,
		       const struct handover_child *c)
{
	struct handover_child elder = *c;

	if (c->slot >= SERVICES)
		return;
	if (!c->leaves && is_back(sv)) {
		resume_service(sv, &sv->service[c->slot], c);
		return;
	}
	if (!c->leaves && c->slot == BOARD_PROXY) {
		elder.board = h->board[BOARD_PROXY + 1];
		elder.limits = h->board[CONTROL_BOARDS - 1];
	}
	elders_add(&sv->elders, &elder);
}

/* One that had died when the other program was called, and still waits for its turn. */
static void start_missing(struct supervisor *sv)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		struct service *s = &sv->service[i];

		if (!s->running && s->kind->wanted(sv->reload.running->m))
			service_follow(s, sv->reload.running);
	}
}

static bool take_parts(struct supervisor *sv, const struct handover *h, const char **step)
{
	struct reload *r = &sv->reload;

	r->running = is_back(sv) ? read_edition(h, step) : guess_edition(h, step);
	if (!r->running)
		return false;
	r->numbers = h->numbers;
	r->again = h->again != 0;
	logdest_use(&r->running->log);
	log_echo(sv->options->foreground && !getenv("JOURNAL_STREAM"));
	for (uint32_t i = 0; i < h->n_children; i++)
		take_child(sv, h, &h->children[i]);
	if (is_back(sv))
		start_missing(sv);
	*step = "the control socket";
	if (!commands_open(&sv->commands, sv->runfiles.fd))
		return false;
	for (uint32_t i = 0; i < h->n_clients; i++)
		commands_adopt(&sv->commands, &h->clients[i], r->run + 1);
	return true;
}

static bool take_all(struct supervisor *sv, const struct handover *h, const char **step)
{
	*step = "this program, the event loop";
	take_files(sv, h);
	if (!supervisor_open_program(sv) ||
	    !(is_back(sv) ? boards_resume : boards_adopt)(sv, h, step) ||
	    !supervisor_set_up_loop(sv))
		return false;
	supervisor_set_up_parts(sv);
	return take_parts(sv, h, step);
}

/* ---- the start ---- */

/* Nothing was heard of the supervisor's own memory yet that could not be forgotten. */
static void fail(struct supervisor *sv, const struct handover *h, const char *step)
{
	char text[256];

	snprintf(text, sizeof(text), "the new hpcbald cannot take over: %s: %s", step,
		 strerror(errno));
	if (!is_back(sv))
		handover_execute(h->old_program, sv->options->adopt, h, text);
	fprintf(stderr, "hpcbald: %s\n", text);
}

bool adopt_set_up(struct supervisor *sv)
{
	int fd = sv->options->adopt;
	const char *why;
	const struct handover *h = handover_map(fd, &why);

	if (!h) {
		fprintf(stderr, "hpcbald: --adopt is for its own use: %s\n", why);
		return false;
	}
	prctl(PR_SET_NAME, "hpcbald", 0, 0, 0);
	handover_keep(h, false);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	log_open(LOG_KIND_STDERR, STDERR_FILENO, LOG_DAEMON, "supervisor");
	sv->phase = SUPERVISOR_RUNNING;
	if (!take_all(sv, h, &why)) {
		fail(sv, h, why);
		return false;
	}
	sv->upgrade.fd = fd;
	sv->upgrade.left = h;
	sv->upgrade.adopts = !is_back(sv);
	sv->upgrade.same_vrrp = boards_fit(h->board[BOARD_VRRP + 1], BOARD_VRRP + 1);
	return true;
}

static void let_go(struct upgrade *u)
{
	handover_close(u->left);
	handover_unmap(u->left);
	close(u->fd);
	u->left = NULL;
	u->fd = -1;
	u->adopts = false;
}

void adopt_begin(struct supervisor *sv)
{
	const struct handover *h = sv->upgrade.left;

	handover_listen();
	if (is_back(sv)) {
		let_go(&sv->upgrade);
		reload_resume(&sv->reload, sv->options->refused);
		return;
	}
	reload_adopt(&sv->reload, handover_copy(h->next_bundle), handover_copy(h->next_brief),
		     handover_copy(h->next_keys), h->warnings);
}

/* ---- the end ---- */

/* One that no configuration wants any more has nobody who would say so. */
static void clear_process(struct supervisor *sv, const struct service *s)
{
	if (s->child.pid)
		return;
	stats_set(sv->own_board->process[s->slot].pid, 0);
	stats_set(sv->own_board->process[s->slot].running, 0);
}

static void end_vrrp(struct supervisor *sv, struct elder *e)
{
	bool follows = sv->service[BOARD_VRRP].child.pid != 0;

	elders_end_vrrp(e, follows && sv->upgrade.same_vrrp);
	for (unsigned i = 0; !follows && i < BOARD_ROUTERS; i++)
		stats_set(sv->vrrp_board->routers[i].used, 0);
}

void adopt_decided(struct supervisor *sv)
{
	uint64_t drain = sv->reload.running->m->drain_us;
	struct elder *e;

	if (!sv->upgrade.adopts)
		return;
	let_go(&sv->upgrade);
	boards_show(sv);
	if ((e = elders_find(&sv->elders, BOARD_PROXY)))
		elders_leave(e, drain);
	elders_move_counters(&sv->elders);
	if ((e = elders_find(&sv->elders, BOARD_VRRP)))
		end_vrrp(sv, e);
	for (unsigned i = BOARD_RUNNER; i < SERVICES; i++)
		if ((e = elders_find(&sv->elders, (enum board_process)i)))
			elders_leave(e, OTHERS_GRACE_US);
	for (unsigned i = 0; i < SERVICES; i++)
		clear_process(sv, &sv->service[i]);
	elders_look(&sv->elders, loop_now_exact(sv->loop));
}

void adopt_go_back(struct supervisor *sv, int signo, const char *why)
{
	const struct upgrade *u = &sv->upgrade;
	struct str text = report_text(&sv->reload.report);
	char words[HANDOVER_WORDS];

	str_copy(words, sizeof(words), why ? str_of(why) : text);
	log_warn("the upgrade failed; back to hpcbald %s: %s", u->from, words);
	child_end(&sv->reload.loader);
	for (unsigned i = 0; i < SERVICES; i++)
		child_end(&sv->service[i].child);
	if (signo) {
		handover_hold();
		kill(getpid(), signo);
	}
	handover_execute(u->left->old_program, u->fd, u->left, words);
	log_msg(LOG_CRIT,
		"the old hpcbald cannot be executed again (%s): its children go on, and a reload "
		"tries once more to replace them",
		strerror(errno));
}
