#include "supervisor/reload.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

static void loader_said(struct child *c, struct msg *m);
static void loader_gone(struct child *c, int status);
static void loader_is_late(struct loop_timer *t);

void reload_init(struct reload *r, struct loop *l)
{
	r->loop = l;
	r->bundle = -1;
	child_init(&r->loader, l, "loader", loader_said, loader_gone);
	loop_timer_init(&r->limit, loader_is_late);
}

const char *reload_state_name(enum reload_state s)
{
	static const char *const names[] = {"IDLE", "LOADING", "WAITING", "PREPARING",
					    "COMMITTING"};

	return names[s];
}

/* ---- ends ---- */

static void begin(struct reload *r);

static void finish(struct reload *r, bool ok)
{
	if (r->bundle >= 0)
		close(r->bundle);
	r->bundle = -1;
	r->state = RELOAD_IDLE;
	r->calls->done(r, ok);
	report_clear(&r->report);
	if (r->again && !r->stopped)
		begin(r);
}

static void refuse(struct reload *r)
{
	if (r->next)
		edition_drop(r->next);
	r->next = NULL;
	finish(r, false);
}

/* ---- LOADING ---- */

static void begin(struct reload *r)
{
	char *argv[] = {(char *)"hpcbald",
			(char *)"--role",
			(char *)"loader",
			(char *)"--config",
			(char *)(uintptr_t)r->config,
			NULL};
	struct child_spec spec = {r->program, argv, 0, r->listen};

	r->again = false;
	r->run++;
	r->faults = false;
	r->state = RELOAD_LOADING;
	r->calls->begun(r);
	if (!child_start(&r->loader, &spec)) {
		report_add(&r->report, "the loader process cannot be started: %s",
			   strerror(errno));
		refuse(r);
		return;
	}
	loop_timer_set(r->loop, &r->limit, loop_now_exact(r->loop) + RELOAD_LOADER_US);
}

uint64_t reload_ask(struct reload *r)
{
	if (r->state == RELOAD_IDLE) {
		uint64_t run = r->run + 1;

		begin(r);
		return run;
	}
	r->again = true;
	return r->run + 1;
}

static void loader_said(struct child *c, struct msg *m)
{
	struct reload *r = list_of(c, struct reload, loader);

	if (m->type == MSG_BUNDLE && m->n_fds == 1 && r->bundle < 0) {
		r->bundle = m->fds[0];
		m->n_fds = 0;
	}
	if (m->type == MSG_FAULTS)
		r->faults = true;
	report_lines(&r->report, m->text);
	msg_close_fds(m);
}

static void loader_is_late(struct loop_timer *t)
{
	struct reload *r = list_of(t, struct reload, limit);

	report_add(&r->report,
		   "%s: reading it took more than %llu s; does it name a host that "
		   "cannot be resolved, or a file that does not answer?",
		   r->config, (unsigned long long)(RELOAD_LOADER_US / CLOCK_SEC));
	r->faults = true;
	child_kill(&r->loader, SIGKILL);
}

static void prepare(struct reload *r);

static void loader_gone(struct child *c, int status)
{
	struct reload *r = list_of(c, struct reload, loader);
	char how[128];

	loop_timer_stop(&r->limit);
	if (!r->faults && (r->bundle < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		child_describe(status, how, sizeof(how));
		report_add(&r->report, "%s: the loader process failed: %s", r->config, how);
		r->faults = true;
	}
	if (r->faults) {
		refuse(r);
		return;
	}
	prepare(r);
}

/* ---- WAITING, PREPARING ---- */

static bool judge(struct reload *r)
{
	const char *why;

	r->next = edition_new(r->bundle, &why);
	r->bundle = -1;
	if (!r->next) {
		report_add(&r->report, "%s: what the loader made cannot be used: %s", r->config,
			   why);
		return false;
	}
	r->next->number = r->numbers + 1;
	return (!r->running || edition_may_follow(r->next, r->running, &r->report)) &&
	       r->calls->loaded(r) && edition_open(r->next, r->running, &r->report);
}

static void prepare(struct reload *r)
{
	if (!service_is_settled(r->service)) {
		r->state = RELOAD_WAITING;
		return;
	}
	r->state = RELOAD_PREPARING;
	if (!judge(r)) {
		refuse(r);
		return;
	}
	/* The number is used up by asking: a late answer must not fit the next try. */
	r->numbers++;
	service_prepare(r->service, r->next);
}

void reload_settled(struct reload *r)
{
	if (r->state == RELOAD_WAITING && service_is_settled(r->service))
		prepare(r);
}

/* ---- COMMITTING ---- */

void reload_prepared(struct reload *r)
{
	must(r->state == RELOAD_PREPARING);
	r->state = RELOAD_COMMITTING;
	service_commit(r->service);
}

void reload_committed(struct reload *r)
{
	must(r->state == RELOAD_COMMITTING);
	service_set_running(r->service, r->next);
	edition_settle(r->next, r->running);
	r->running = r->next;
	r->next = NULL;
	finish(r, true);
}

void reload_failed(struct reload *r, const char *why)
{
	must(r->state == RELOAD_PREPARING || r->state == RELOAD_COMMITTING);
	report_add(&r->report, "%s: %s", r->config, why);
	refuse(r);
}

void reload_stop(struct reload *r)
{
	r->stopped = true;
	loop_timer_stop(&r->limit);
	child_end(&r->loader);
	service_abort(r->service);
	if (r->next)
		edition_drop(r->next);
	r->next = NULL;
	if (r->bundle >= 0)
		close(r->bundle);
	r->bundle = -1;
	report_clear(&r->report);
	r->state = RELOAD_IDLE;
}
