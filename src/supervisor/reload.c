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
	r->bundle = r->brief = r->keys = -1;
	child_init(&r->loader, l, "loader", loader_said, loader_gone);
	loop_timer_init(&r->limit, loader_is_late);
}

const char *reload_state_name(enum reload_state s)
{
	static const char *const names[] = {"IDLE",      "LOADING",    "WAITING",  "LEAVING",
					    "PREPARING", "COMMITTING", "FOLLOWING"};

	return names[s];
}

/* ---- ends ---- */

static void begin(struct reload *r, bool upgrades, bool files_only);

static void close_loaded(struct reload *r)
{
	if (r->bundle >= 0)
		close(r->bundle);
	if (r->brief >= 0)
		close(r->brief);
	if (r->keys >= 0)
		close(r->keys);
	r->bundle = r->brief = r->keys = -1;
}

static void finish(struct reload *r, bool ok)
{
	close_loaded(r);
	r->state = RELOAD_IDLE;
	r->calls->done(r, ok);
	report_clear(&r->report);
	if (r->stopped)
		return;
	if (r->again)
		begin(r, false, false);
	else if (r->upgrade_asked)
		begin(r, true, false);
}

/* What a new program's loader cannot even begin with lies with the program. */
static void add_loader(struct reload *r, const char *how)
{
	if (r->upgrades)
		report_add(&r->report,
			   "the new hpcbald (%s) cannot be used: its loader process failed: %s",
			   r->installed, how);
	else
		report_add(&r->report, "%s: the loader process failed: %s", r->config, how);
}

static void refuse(struct reload *r)
{
	for (unsigned i = 0; i < SERVICES; i++)
		service_abort(&r->services[i]);
	if (r->next)
		edition_drop(r->next);
	r->next = NULL;
	finish(r, false);
}

/* ---- LOADING ---- */

static void begin(struct reload *r, bool upgrades, bool files_only)
{
	char *argv[] = {(char *)"hpcbald",
			(char *)"--role",
			(char *)"loader",
			(char *)"--config",
			(char *)(uintptr_t)r->config,
			NULL};
	struct child_spec spec = {-1, argv, 0, r->listen};

	if (upgrades)
		r->upgrade_asked = false;
	else
		r->again = false;
	r->upgrades = upgrades;
	r->files_only = files_only;
	r->run++;
	r->faults = false;
	r->state = RELOAD_LOADING;
	r->calls->begun(r);
	spec.program = r->calls->program(r, upgrades);
	if (spec.program < 0) {
		refuse(r);
		return;
	}
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

		begin(r, false, false);
		return run;
	}
	r->again = true;
	return r->run + 1;
}

void reload_ask_files(struct reload *r)
{
	if (r->state == RELOAD_IDLE)
		begin(r, false, true);
	else
		r->again = true;
}

void reload_ask_upgrade(struct reload *r)
{
	if (r->state == RELOAD_IDLE)
		begin(r, true, false);
	else if (!r->upgrades)
		r->upgrade_asked = true;
}

static void loader_said(struct child *c, struct msg *m)
{
	struct reload *r = list_of(c, struct reload, loader);

	if (m->type == MSG_BUNDLE && m->n_fds >= 1 && m->n_fds <= 3 && r->bundle < 0) {
		r->bundle = m->fds[0];
		r->brief = m->n_fds >= 2 ? m->fds[1] : -1;
		r->keys = m->n_fds == 3 ? m->fds[2] : -1;
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

static void go_on(struct reload *r);

static void loader_gone(struct child *c, int status)
{
	struct reload *r = list_of(c, struct reload, loader);
	char how[128];

	loop_timer_stop(&r->limit);
	if (!r->faults && (r->bundle < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		child_describe(status, how, sizeof(how));
		add_loader(r, how);
		r->faults = true;
	}
	if (r->faults) {
		refuse(r);
		return;
	}
	go_on(r);
}

/* ---- WAITING, PREPARING ---- */

/* Who edits the configuration may be in the middle of it when a certificate is renewed. */
static bool nobody_edits(struct reload *r)
{
	if (!r->files_only || !strcmp(r->next->m->config_sha256, r->running->m->config_sha256))
		return true;
	report_add(&r->report,
		   "%s: a certificate or key has changed, and so has the configuration itself, "
		   "which nobody has asked to take; hpcbalctl reload takes both",
		   r->config);
	return false;
}

static bool judge(struct reload *r)
{
	const char *why;

	r->next = edition_new(r->bundle, r->brief, r->keys, &why);
	r->bundle = r->brief = r->keys = -1;
	if (!r->next) {
		report_add(&r->report, "%s: what the loader made cannot be used: %s", r->config,
			   why);
		return false;
	}
	r->next->number = r->numbers + 1;
	return nobody_edits(r) &&
	       (!r->running || edition_may_follow(r->next, r->running, &r->report)) &&
	       r->calls->loaded(r) && edition_open(r->next, r->running, &r->report);
}

static bool is_wanted(const struct reload *r, const struct service *s)
{
	return s->kind->wanted(r->next->m);
}

static bool all_are_settled(const struct reload *r)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (!service_is_settled(&r->services[i]))
			return false;
	return true;
}

static void prepare(struct reload *r)
{
	r->state = RELOAD_PREPARING;
	if (!judge(r)) {
		refuse(r);
		return;
	}
	/* The number is used up by asking: a late answer must not fit the next try. */
	r->numbers++;
	/* One that cannot even be started ends it all at once. */
	for (unsigned i = 0; i < SERVICES && r->state == RELOAD_PREPARING; i++)
		if (is_wanted(r, &r->services[i]))
			service_prepare(&r->services[i], r->next);
}

static void go_on(struct reload *r)
{
	r->state = RELOAD_WAITING;
	if (!all_are_settled(r))
		return;
	if (!r->upgrades) {
		prepare(r);
		return;
	}
	r->state = RELOAD_LEAVING;
	r->calls->leave(r);
}

void reload_settled(struct reload *r)
{
	if (r->state == RELOAD_WAITING && all_are_settled(r))
		go_on(r);
}

void reload_refuse(struct reload *r, const char *why)
{
	report_lines(&r->report, str_of(why));
	refuse(r);
}

void reload_adopt(struct reload *r, int bundle, int brief, int keys, const char *warnings)
{
	r->upgrades = true;
	r->run++;
	r->bundle = bundle;
	r->brief = brief;
	r->keys = keys;
	report_lines(&r->report, str_of(warnings));
	prepare(r);
}

void reload_resume(struct reload *r, const char *why)
{
	r->upgrades = true;
	r->run++;
	reload_refuse(r, why);
}

/* ---- COMMITTING ---- */

void reload_prepared(struct reload *r)
{
	must(r->state == RELOAD_PREPARING);
	for (unsigned i = 0; i < SERVICES; i++)
		if (is_wanted(r, &r->services[i]) && r->services[i].step != SERVICE_PREPARED)
			return;
	r->state = RELOAD_COMMITTING;
	service_commit(&r->services[BOARD_PROXY]);
}

/* ---- FOLLOWING ---- */

/* Is over when nobody commits any more. */
static void look_who_follows(struct reload *r)
{
	for (unsigned i = 0; i < SERVICES; i++)
		if (r->services[i].step == SERVICE_COMMITTING && !r->services[i].by_self)
			return;
	finish(r, true);
}

static void decide(struct reload *r)
{
	struct edition *old = r->running;

	r->state = RELOAD_FOLLOWING;
	r->running = r->next;
	r->next = NULL;
	r->calls->decided(r);
	service_set_running(&r->services[BOARD_PROXY], r->running);
	/* From the last on: the runner knows the programs before vrrp has one started. */
	for (unsigned i = SERVICES - 1; i > BOARD_PROXY; i--) {
		struct service *s = &r->services[i];

		if (s->kind->wanted(r->running->m))
			service_follow(s, r->running);
		else
			service_set_running(s, NULL);
	}
	r->calls->taken(r);
	edition_settle(r->running, old);
	look_who_follows(r);
}

void reload_committed(struct reload *r, struct service *s)
{
	if (s->slot == BOARD_PROXY) {
		must(r->state == RELOAD_COMMITTING);
		decide(r);
	} else {
		must(r->state == RELOAD_FOLLOWING);
		look_who_follows(r);
	}
}

void reload_failed(struct reload *r, struct service *s, const char *why)
{
	bool of_proxy = s->slot == BOARD_PROXY;

	must(r->state >= RELOAD_PREPARING);
	if (r->state == RELOAD_PREPARING || of_proxy) {
		report_add(&r->report, "%s: %s", r->config, why);
		refuse(r);
		return;
	}
	/* The proxy may serve the new one already. */
	report_add(&r->report, "warning: %s; it is started again", why);
	if (r->state == RELOAD_FOLLOWING)
		look_who_follows(r);
}

void reload_stop(struct reload *r)
{
	r->stopped = true;
	loop_timer_stop(&r->limit);
	child_end(&r->loader);
	for (unsigned i = 0; i < SERVICES; i++)
		service_abort(&r->services[i]);
	if (r->next)
		edition_drop(r->next);
	r->next = NULL;
	close_loaded(r);
	report_clear(&r->report);
	r->state = RELOAD_IDLE;
}
