#include "supervisor/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/assert.h"
#include "base/log.h"

/* What a child may take beyond the grace it was given to end. */
#define STOP_MARGIN_US (2 * CLOCK_SEC)

#define TEXT_SIZE 512

static void child_said(struct child *c, struct msg *m);
static void child_gone(struct child *c, int status);
static void answer_is_late(struct loop_timer *t);
static void restart_is_due(struct loop_timer *t);

void service_init(struct service *s, struct loop *l)
{
	child_init(&s->child, l, s->kind->name, child_said, child_gone);
	loop_timer_init(&s->answer, answer_is_late);
	loop_timer_init(&s->restart, restart_is_due);
}

bool service_is_settled(const struct service *s)
{
	return s->step == SERVICE_IDLE && (!s->child.pid || (s->up && s->running && !s->stopping));
}

bool service_takes_messages(const struct service *s)
{
	return s->child.pid && !s->stopping && (s->up || s->step == SERVICE_COMMITTING);
}

bool service_hears(const struct service *s)
{
	return s->child.pid && !s->stopping && (s->up || s->step != SERVICE_IDLE);
}

/* ---- what it is told ---- */

static void child_plain(struct child *c, enum msg_type type, uint64_t arg)
{
	struct msg m = {.type = type, .arg = arg};

	child_send(c, &m);
}

static void child_fd(struct child *c, enum msg_type type, uint64_t arg, int fd)
{
	struct msg m = {.type = type, .arg = arg, .fds = {fd}, .n_fds = 1};

	child_send(c, &m);
}

static void send_plain(struct service *s, enum msg_type type, uint64_t arg)
{
	child_plain(&s->child, type, arg);
}

static void send_fd(struct service *s, enum msg_type type, uint64_t arg, int fd)
{
	child_fd(&s->child, type, arg, fd);
}

void service_tell_log(struct child *c, const struct logdest *t)
{
	uint64_t facility = (uint64_t)(unsigned)t->facility << 8;

	if (t->fd >= 0)
		child_fd(c, MSG_LOG, (uint64_t)t->kind | facility, t->fd);
	else
		child_plain(c, MSG_LOG, (uint64_t)LOG_KIND_NONE | facility);
}

void service_send_log(struct service *s, const struct logdest *t)
{
	service_tell_log(&s->child, t);
}

void service_send(struct service *s, const struct msg *m)
{
	child_send(&s->child, m);
}

static void send_hello(struct service *s, const struct edition *g)
{
	struct msg hello = {.type = MSG_HELLO, .arg = g->number, .n_fds = s->n_hello};

	memcpy(hello.fds, s->hello, sizeof(s->hello));
	child_send(&s->child, &hello);
	service_send_log(s, &g->log);
}

static void send_carried(struct service *s, const struct edition *g)
{
	struct msg m = {.type = MSG_PREPARE, .arg = g->number};
	int secrets = s->kind->secrets ? s->kind->secrets(g) : -1;

	if (s->kind->carried)
		m.fds[m.n_fds++] = s->kind->carried(g);
	if (secrets >= 0)
		m.fds[m.n_fds++] = secrets;
	child_send(&s->child, &m);
}

static void send_prepare(struct service *s, const struct edition *g)
{
	for (unsigned i = 0; s->kind->listens && i < g->sockets.n; i++)
		if (s->kind->listens(g->m, i))
			send_fd(s, MSG_LISTENER, i, g->sockets.entry[i].fd);
	send_carried(s, g);
	s->step = SERVICE_PREPARING;
	s->target = g;
	loop_timer_set(s->child.loop, &s->answer,
		       loop_now_exact(s->child.loop) + g->m->prepare_us);
}

/* ---- its life ---- */

static bool start(struct service *s, const struct edition *g)
{
	char *role = (char *)(uintptr_t)s->kind->name;
	char *argv[] = {(char *)"hpcbald", (char *)"--role", role, NULL};
	struct child_spec spec = {s->program, argv, s->kind->files(g->m), s->listen};

	loop_timer_stop(&s->restart);
	s->up = false;
	if (!child_start(&s->child, &spec))
		return false;
	s->last_pid = s->child.pid;
	stats_set(s->board->process[s->slot].pid, s->child.pid);
	stats_set(s->board->process[s->slot].started_wall_us, clock_wall_us());
	send_hello(s, g);
	return true;
}

static void allow_files(struct service *s, const struct edition *g)
{
	struct rlimit now, more;

	more.rlim_cur = more.rlim_max = s->kind->files(g->m);
	if (prlimit(s->child.pid, RLIMIT_NOFILE, NULL, &now) == 0 && now.rlim_max < more.rlim_max)
		prlimit(s->child.pid, RLIMIT_NOFILE, &more, NULL);
}

static void drop_step(struct service *s)
{
	s->step = SERVICE_IDLE;
	s->target = NULL;
	loop_timer_stop(&s->answer);
}

/* A step ended badly; whoever began it hears why. */
static void fail(struct service *s, const char *why)
{
	bool by_self = s->by_self;

	drop_step(s);
	if (by_self)
		log_error("%s: %s", s->kind->name, why);
	else
		s->calls->failed(s, why);
}

static void restart_after(struct service *s, uint64_t wait_us)
{
	loop_timer_set(s->child.loop, &s->restart, loop_now_exact(s->child.loop) + wait_us);
}

static void begin(struct service *s, const struct edition *g, bool by_self)
{
	char why[TEXT_SIZE];

	s->by_self = by_self;
	s->stopping = false;
	if (s->child.pid)
		allow_files(s, g);
	if (s->child.pid || start(s, g)) {
		send_prepare(s, g);
		return;
	}
	snprintf(why, sizeof(why), "the %s process cannot be started: %s", s->kind->name,
		 strerror(errno));
	fail(s, why);
	if (s->running && !s->stopping)
		restart_after(s, BACKOFF_MOST_US);
}

void service_prepare(struct service *s, const struct edition *g)
{
	must(service_is_settled(s));
	begin(s, g, false);
}

static void restart_is_due(struct loop_timer *t)
{
	struct service *s = list_of(t, struct service, restart);

	if (s->child.pid == 0 && s->running && !s->stopping)
		begin(s, s->running, true);
}

void service_adopt(struct service *s, pid_t pid, int sock, int words, uint64_t since_us,
		   const struct edition *g)
{
	s->running = g;
	if (!child_adopt(&s->child, pid, sock, words)) {
		restart_after(s, 0);
		return;
	}
	s->last_pid = pid;
	s->up = true;
	s->up_since_us = since_us;
	stats_set(s->board->process[s->slot].pid, pid);
	stats_set(s->board->process[s->slot].running, 1);
}

void service_commit(struct service *s)
{
	must(s->step == SERVICE_PREPARED);
	s->step = SERVICE_COMMITTING;
	send_plain(s, MSG_COMMIT, s->target->number);
	loop_timer_set(s->child.loop, &s->answer,
		       loop_now_exact(s->child.loop) + s->target->m->prepare_us);
}

void service_abort(struct service *s)
{
	bool up = s->up;

	if (s->step == SERVICE_IDLE || s->by_self)
		return;
	if (up)
		send_plain(s, MSG_ABORT, s->target->number);
	drop_step(s);
	if (!up)
		child_kill(&s->child, SIGKILL);
}

void service_set_running(struct service *s, const struct edition *g)
{
	s->running = g;
	if (g)
		return;
	loop_timer_stop(&s->restart);
	if (s->step != SERVICE_IDLE) {
		drop_step(s);
		child_kill(&s->child, SIGKILL);
	}
}

void service_follow(struct service *s, const struct edition *g)
{
	s->running = g;
	if (s->step == SERVICE_PREPARED && s->target == g) {
		service_commit(s);
		return;
	}
	/* It died on the way. What came up since then is of a generation that is over. */
	drop_step(s);
	if (s->child.pid)
		child_kill(&s->child, SIGKILL);
	else
		restart_after(s, 0);
}

void service_stop(struct service *s, uint64_t grace_us)
{
	s->stopping = true;
	loop_timer_stop(&s->restart);
	if (!s->child.pid)
		return;
	if (!s->up)
		child_kill(&s->child, SIGKILL);
	send_plain(s, MSG_STOP, grace_us);
	drop_step(s);
	loop_timer_set(s->child.loop, &s->answer,
		       loop_now_exact(s->child.loop) + grace_us + STOP_MARGIN_US);
}

/* ---- what it says ---- */

static void on_prepared(struct service *s)
{
	loop_timer_stop(&s->answer);
	s->step = SERVICE_PREPARED;
	if (s->by_self)
		service_commit(s);
	else
		s->calls->prepared(s);
}

static void on_refused(struct service *s, struct str text)
{
	char why[TEXT_SIZE];
	bool up = s->up;

	/* Also what it had taken for this before it saw that it could not. */
	if (up)
		send_plain(s, MSG_ABORT, s->target->number);
	snprintf(why, sizeof(why), "the %s process refuses the configuration: %.*s", s->kind->name,
		 STR_ARGS(text));
	fail(s, why);
	/* One that cannot even take what ran before is replaced, with backoff. */
	if (!up)
		child_kill(&s->child, SIGKILL);
}

static void on_committed(struct service *s)
{
	bool by_self = s->by_self;

	drop_step(s);
	if (!s->up)
		s->up_since_us = loop_now(s->child.loop);
	s->up = true;
	stats_set(s->board->process[s->slot].running, 1);
	if (by_self)
		s->calls->settled(s);
	else
		s->calls->committed(s);
}

static bool is_of_step(const struct service *s, enum service_step step, const struct msg *m)
{
	return s->step == step && s->target && s->target->number == m->arg;
}

static void child_said(struct child *c, struct msg *m)
{
	struct service *s = list_of(c, struct service, child);

	msg_close_fds(m);
	if (m->type == MSG_PREPARED && is_of_step(s, SERVICE_PREPARING, m))
		on_prepared(s);
	else if (m->type == MSG_REFUSED && is_of_step(s, SERVICE_PREPARING, m))
		on_refused(s, m->text);
	else if (m->type == MSG_COMMITTED && is_of_step(s, SERVICE_COMMITTING, m))
		on_committed(s);
	else
		s->calls->said(s, m);
}

static void answer_is_late(struct loop_timer *t)
{
	struct service *s = list_of(t, struct service, answer);
	bool preparing = s->step == SERVICE_PREPARING, up = s->up;
	char why[TEXT_SIZE];

	if (s->stopping) {
		log_warn("%s (pid %d) did not end in time; it is killed", s->kind->name,
			 s->child.pid);
		child_kill(&s->child, SIGKILL);
		return;
	}
	if (s->step == SERVICE_IDLE)
		return;
	snprintf(why, sizeof(why), "the %s process did not answer %s within %llu ms",
		 s->kind->name, preparing ? "PREPARE" : "COMMIT",
		 (unsigned long long)(s->target->m->prepare_us / CLOCK_MS));
	if (preparing && up)
		send_plain(s, MSG_ABORT, s->target->number);
	/* Half committed, or never up: nobody can say what it would serve. Before anybody hears of
	 * it, so that who comes then is not accepted by it any more. */
	if (!preparing || !up)
		child_kill(&s->child, SIGKILL);
	fail(s, why);
}

/* ---- its death ---- */

static void write_board(struct service *s, const char *end)
{
	struct board_supervisor *b = s->board;

	stats_set(b->process[s->slot].pid, 0);
	stats_set(b->process[s->slot].running, 0);
	if (s->running && !s->stopping)
		stats_add(b->process[s->slot].restarts, 1);
	board_write_text(&b->text_turn, b->process[s->slot].last_end,
			 sizeof(b->process[s->slot].last_end), str_of(end));
}

static void plan_restart(struct service *s, uint64_t served_us, char *to, size_t size)
{
	uint64_t wait;

	*to = '\0';
	if (s->stopping || !s->running)
		return;
	wait = backoff_next(&s->backoff, served_us);
	restart_after(s, wait);
	if (wait)
		snprintf(to, size, "; started again in %llu ms",
			 (unsigned long long)(wait / CLOCK_MS));
	else
		snprintf(to, size, "; started again at once");
}

static void child_gone(struct child *c, int status)
{
	struct service *s = list_of(c, struct service, child);
	uint64_t served = s->up ? loop_now_exact(c->loop) - s->up_since_us : 0;
	char end[BOARD_TEXT], next[64], how[TEXT_SIZE], why[TEXT_SIZE];

	child_describe(status, end, sizeof(end));
	write_board(s, end);
	s->up = false;
	plan_restart(s, served, next, sizeof(next));
	snprintf(how, sizeof(how), "(pid %d) %s%s", (int)s->last_pid, end, next);
	loop_timer_stop(&s->answer);
	if (s->step != SERVICE_IDLE) {
		snprintf(why, sizeof(why), "the %s process died on the way: %s", s->kind->name,
			 end);
		fail(s, why);
	}
	s->calls->gone(s, how);
	s->calls->settled(s);
}
