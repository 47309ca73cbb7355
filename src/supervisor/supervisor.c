#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "supervisor/adopt.h"
#include "supervisor/background.h"
#include "supervisor/boards.h"
#include "supervisor/children.h"
#include "supervisor/state.h"

#define RELOG_US (5 * CLOCK_SEC)
/* Descriptors that must not be the one a child finds its socket at. */
#define FD_FLOOR 10

void supervisor_event(struct supervisor *sv, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_msg(level, "%s", text);
	events_add(&sv->own_board->events, clock_wall_us(), "supervisor", str_of(text));
}

/* ---- the log ---- */

void supervisor_reopen_log(struct supervisor *sv)
{
	struct edition *g = sv->reload.running;
	struct logdest fresh;
	char why[512];

	if (!g)
		return;
	if (logdest_open(&fresh, g->m->log_target, g->m->log_facility, why, sizeof(why))) {
		/* Ours is used until it is closed, and never after. */
		logdest_use(&fresh);
		logdest_close(&g->log);
		g->log = fresh;
		children_send_log(sv);
		return;
	}
	if (!logdest_missing(&fresh))
		log_error("%s; lines go on where they went", why);
	loop_timer_set(sv->loop, &sv->relog, loop_now(sv->loop) + RELOG_US);
}

static void relog_is_due(struct loop_timer *t)
{
	supervisor_reopen_log(list_of(t, struct supervisor, relog));
}

static void log_take(struct supervisor *sv, const struct logdest *log)
{
	logdest_use(log);
	if (logdest_missing(log))
		loop_timer_set(sv->loop, &sv->relog, loop_now(sv->loop) + RELOG_US);
}

/* ---- the end ---- */

void supervisor_end(struct supervisor *sv, int status)
{
	sv->exit_status = status;
	loop_stop(sv->loop);
}

static void stop_begin(struct supervisor *sv, int signo)
{
	struct edition *g = sv->reload.running;
	bool again = sv->phase == SUPERVISOR_STOPPING;
	uint64_t grace = again || !g ? 0 : g->m->grace_us;

	sv->phase = SUPERVISOR_STOPPING;
	stats_set(sv->own_board->stopping, 1);
	notify_send(&sv->notify, "STOPPING=1\nSTATUS=stopping");
	if (again)
		log_notice("SIG%s again: the grace is cut short", sigabbrev_np(signo));
	else
		log_notice("SIG%s: stopping; running requests have %llu ms to end",
			   sigabbrev_np(signo), (unsigned long long)(grace / CLOCK_MS));
	if (!again) {
		reload_stop(&sv->reload);
		upgrade_stop(&sv->upgrade);
		commands_close(&sv->commands);
	}
	children_stop(sv, grace, again);
	/* Our copies would keep connections waiting for somebody who is gone. */
	if (g && !again)
		sockets_close(&g->sockets, g->m);
	if (children_are_gone(sv))
		supervisor_end(sv, EXIT_SUCCESS);
}

/* ---- the reload's calls ---- */

static void reload_begun(struct reload *r)
{
	struct supervisor *sv = list_of(r, struct supervisor, reload);

	if (sv->phase == SUPERVISOR_RUNNING)
		notify_send(&sv->notify, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=%s %s",
			    (unsigned long long)clock_now_us(),
			    r->upgrades ? "upgrading; reads" : "reloading", sv->config);
}

/* At the start: the other daemon is noticed before any of its ports is asked for. */
static bool reload_loaded(struct reload *r)
{
	struct supervisor *sv = list_of(r, struct supervisor, reload);

	if (sv->runfiles.fd >= 0)
		return true;
	if (!runfiles_open(&sv->runfiles, r->next->m->control_socket, &r->report))
		return false;
	if (commands_open(&sv->commands, sv->runfiles.fd))
		return true;
	report_add(&r->report, "control socket %s cannot be watched: %s", sv->runfiles.socket,
		   strerror(errno));
	return false;
}

static void board_take(struct supervisor *sv, const struct edition *g)
{
	struct board_supervisor *b = sv->own_board;
	const char *admin = g->m->has_admin ? g->m->listeners[g->m->n_listeners].text : "";

	board_write_text(&b->text_turn, b->admin_listen, sizeof(b->admin_listen), str_of(admin));
	board_write_text(&b->text_turn, b->node, sizeof(b->node), str_of(g->m->node));
	board_write_text(&b->text_turn, b->config_file, sizeof(b->config_file),
			 str_of(g->m->config_file));
	board_write_text(&b->text_turn, b->config_sha256, sizeof(b->config_sha256),
			 str_of(g->m->config_sha256));
	stats_set(b->config_loaded_wall_us, clock_wall_us());
	stats_set(b->reload_refused_wall_us, 0);
	stats_set(b->generation, g->number);
}

static void tell_ready(struct supervisor *sv)
{
	char main_pid[32] = "", status[128];

	/* The manager's own child was the process that waited for us. */
	if (!sv->options->foreground)
		snprintf(main_pid, sizeof(main_pid), "\nMAINPID=%d", (int)getpid());
	children_describe(sv, status, sizeof(status));
	notify_send(&sv->notify, "READY=1\nSTATUS=%s%s", status, main_pid);
}

/* The first configuration serves: whoever waits for that is told. */
static void start_is_over(struct supervisor *sv)
{
	struct report why = {NULL, 0};

	sv->phase = SUPERVISOR_RUNNING;
	if (!runfiles_write_pid(&sv->runfiles, &why))
		report_log(&why, LOG_WARNING);
	report_clear(&why);
	log_echo(sv->options->foreground && !getenv("JOURNAL_STREAM"));
	if (sv->parent < 0)
		return;
	if (sv->reload.running->log.kind == LOG_KIND_STDERR)
		log_warn("log.target is \"stderr\", which a daemon does not have: from here on "
			 "lines are lost; start with --foreground or set another target");
	background_ready(sv->parent);
	sv->parent = -1;
	if (sv->reload.running->log.kind == LOG_KIND_STDERR)
		supervisor_reopen_log(sv);
}

/* The proxy serves it; the log of the one before is about to be closed. */
static void reload_taken(struct reload *r)
{
	struct supervisor *sv = list_of(r, struct supervisor, reload);

	log_take(sv, &r->running->log);
	if (sv->phase != SUPERVISOR_STARTING)
		children_send_log(sv);
	board_take(sv, r->running);
	children_end_unwanted(sv);
}

static void reload_is_good(struct supervisor *sv)
{
	const struct edition *g = sv->reload.running;
	bool first = sv->phase == SUPERVISOR_STARTING;

	report_log(&sv->reload.report, LOG_WARNING);
	if (first)
		start_is_over(sv);
	if (sv->reload.upgrades)
		supervisor_event(sv, LOG_NOTICE, "upgraded: hpcbald %s took over from %s",
				 PACKAGE_VERSION, sv->upgrade.from);
	supervisor_event(sv, LOG_NOTICE, "%s %s: generation %llu", first ? "serving" : "reloaded",
			 g->m->config_file, (unsigned long long)g->number);
}

static void reload_done(struct reload *r, bool ok)
{
	struct supervisor *sv = list_of(r, struct supervisor, reload);

	if (!ok && sv->phase == SUPERVISOR_STARTING) {
		fprintf(stderr, "%.*s", STR_ARGS(report_text(&r->report)));
		supervisor_end(sv, EXIT_FAILURE);
		return;
	}
	if (!ok && sv->upgrade.adopts)
		adopt_go_back(sv, 0, NULL);
	if (ok) {
		reload_is_good(sv);
	} else {
		report_log(&r->report, LOG_ERR);
		if (!r->upgrades)
			stats_set(sv->own_board->reload_refused_wall_us, clock_wall_us());
		supervisor_event(sv, LOG_ERR, "%s refused; generation %llu goes on",
				 r->upgrades ? "upgrade" : "reload",
				 (unsigned long long)r->running->number);
	}
	tell_ready(sv);
	commands_reload_done(&sv->commands, r->run, r->upgrades, ok, &r->report);
}

static int reload_program(struct reload *r, bool upgrades)
{
	struct supervisor *sv = list_of(r, struct supervisor, reload);

	return upgrades ? upgrade_open(&sv->upgrade, &r->report) : sv->program;
}

static void reload_leave(struct reload *r)
{
	upgrade_leave(&list_of(r, struct supervisor, reload)->upgrade);
}

static void reload_decided(struct reload *r)
{
	adopt_decided(list_of(r, struct supervisor, reload));
}

static const struct reload_calls reload_calls = {
	.program = reload_program,
	.begun = reload_begun,
	.leave = reload_leave,
	.loaded = reload_loaded,
	.decided = reload_decided,
	.taken = reload_taken,
	.done = reload_done,
};

/* ---- clocks ---- */

static void look_at_files(struct supervisor *sv, uint64_t now)
{
	const char *changed = NULL;

	if (sv->phase == SUPERVISOR_RUNNING && sv->reload.state == RELOAD_IDLE)
		changed = filewatch_look(&sv->files, sv->reload.running->m, now);
	if (!changed)
		return;
	supervisor_event(sv, LOG_NOTICE, "%s has changed: reloading", changed);
	reload_ask_files(&sv->reload);
}

static void look_is_due(struct loop_timer *t)
{
	struct supervisor *sv = list_of(t, struct supervisor, look);
	uint64_t now = loop_now_exact(sv->loop);

	loop_timer_set(sv->loop, t, now + HEARTBEAT_LOOK_US);
	children_look(sv, now);
	look_at_files(sv, now);
}

static void watchdog_is_due(struct loop_timer *t)
{
	struct supervisor *sv = list_of(t, struct supervisor, watchdog);

	loop_timer_set(sv->loop, t, loop_now_exact(sv->loop) + sv->notify.watchdog_us / 2);
	if (sv->service[BOARD_PROXY].up || sv->phase != SUPERVISOR_RUNNING ||
	    sv->upgrade.adopts)
		notify_send(&sv->notify, "WATCHDOG=1");
}

/* ---- signals ---- */

static void got_signal(int signo, void *arg)
{
	struct supervisor *sv = arg;

	switch (signo) {
	case SIGTERM:
	case SIGINT:
		/* Those who serve are the old program's, which ends them as is due. */
		if (sv->upgrade.adopts)
			adopt_go_back(sv, signo, "hpcbald is stopping");
		stop_begin(sv, signo);
		break;
	case SIGHUP:
		if (sv->phase != SUPERVISOR_STOPPING)
			reload_ask(&sv->reload);
		break;
	case SIGUSR1:
		supervisor_reopen_log(sv);
		break;
	}
}

static bool watch_signals(struct supervisor *sv)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a log over RLIMIT_FSIZE is as on a full disk */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!loop_signal(sv->loop, signals[i], got_signal, sv))
			return false;
	return true;
}

/* ---- the start ---- */

static bool fail_at(const char *step)
{
	fprintf(stderr, "hpcbald: cannot start: %s: %s\n", step, strerror(errno));
	return false;
}

/* Whoever starts us with them closed must not get our sockets as their terminal. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Whoever starts us with signals blocked must not get a daemon that cannot be stopped. */
static void hear_all_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The daemon changes its directory; a symbolic link is followed anew at each reload. */
static bool find_config(struct supervisor *sv)
{
	char here[PATH_MAX];
	int n;

	if (sv->options->config[0] == '/') {
		n = snprintf(sv->config, sizeof(sv->config), "%s", sv->options->config);
	} else {
		if (!getcwd(here, sizeof(here)))
			return fail_at("the current directory");
		n = snprintf(sv->config, sizeof(sv->config), "%s/%s", here, sv->options->config);
	}
	errno = ENAMETOOLONG;
	return (n > 0 && (size_t)n < sizeof(sv->config)) || fail_at(sv->options->config);
}

/* Where the next version will be: the link tells of a file that was replaced since it was started
 * with a word behind the name. */
static bool find_installed(struct supervisor *sv)
{
	static const struct str gone = STR(" (deleted)");
	ssize_t n = readlink(sv->options->program, sv->installed, sizeof(sv->installed) - 1);
	struct str path = {sv->installed, n > 0 ? (size_t)n : 0};

	if (n <= 0)
		return fail_at(sv->options->program);
	if (path.n > gone.n && str_eq(str_from(path, path.n - gone.n), gone))
		path.n -= gone.n;
	sv->installed[path.n] = '\0';
	return true;
}

/* Children run this very binary, also after another took its place on disk. */
bool supervisor_open_program(struct supervisor *sv)
{
	int fd = open(sv->options->program, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return fail_at(sv->options->program);
	sv->program = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	close(fd);
	return sv->program >= 0 || fail_at(sv->options->program);
}

bool supervisor_set_up_loop(struct supervisor *sv)
{
	sv->loop = loop_new();
	if (!sv->loop || !watch_signals(sv))
		return fail_at("the event loop");
	loop_timer_init(&sv->look, look_is_due);
	loop_timer_init(&sv->watchdog, watchdog_is_due);
	loop_timer_init(&sv->relog, relog_is_due);
	loop_timer_set(sv->loop, &sv->look, loop_now(sv->loop) + HEARTBEAT_LOOK_US);
	if (sv->notify.watchdog_us)
		loop_timer_set(sv->loop, &sv->watchdog, loop_now(sv->loop));
	return true;
}

void supervisor_set_up_parts(struct supervisor *sv)
{
	children_init(sv);
	elders_init(&sv->elders, sv);
	upgrade_init(&sv->upgrade, sv);
	sv->reload.listen = !sv->options->foreground;
	sv->reload.config = sv->config;
	sv->reload.installed = sv->installed;
	sv->reload.services = sv->service;
	sv->reload.calls = &reload_calls;
	reload_init(&sv->reload, sv->loop);
	commands_init(&sv->commands, sv);
}

static bool set_up(struct supervisor *sv)
{
	const char *step;

	fill_standard_fds();
	hear_all_signals();
	runfiles_init(&sv->runfiles);
	if (!find_config(sv) || !find_installed(sv) || !supervisor_open_program(sv))
		return false;
	if (!sv->options->foreground) {
		sv->parent = background_start();
		if (sv->parent < 0)
			return fail_at("going into the background");
	}
	log_open(LOG_KIND_STDERR, STDERR_FILENO, LOG_DAEMON, "supervisor");
	log_echo(true);
	if (!notify_open(&sv->notify))
		log_warn("the service manager's NOTIFY_SOCKET cannot be reached: %s",
			 strerror(errno));
	if (!boards_make(sv, &step))
		return fail_at(step);
	if (!supervisor_set_up_loop(sv))
		return false;
	supervisor_set_up_parts(sv);
	return true;
}

static void put_away(struct supervisor *sv)
{
	reload_stop(&sv->reload);
	upgrade_stop(&sv->upgrade);
	elders_close(&sv->elders);
	for (unsigned i = 0; i < SERVICES; i++)
		child_end(&sv->service[i].child);
	commands_close(&sv->commands);
	if (sv->reload.running) {
		log_open(LOG_KIND_STDERR, STDERR_FILENO, LOG_DAEMON, "supervisor");
		edition_close(sv->reload.running);
	}
	runfiles_close(&sv->runfiles);
	notify_close(&sv->notify);
	loop_free(sv->loop);
	boards_close(sv);
	close(sv->program);
}

int supervisor_main(const struct supervisor_options *o)
{
	struct supervisor *sv = calloc(1, sizeof(*sv));
	int status = EXIT_FAILURE;

	if (!sv)
		return EXIT_FAILURE;
	sv->options = o;
	sv->parent = -1;
	if (o->adopt >= 0 ? adopt_set_up(sv) : set_up(sv)) {
		if (o->adopt >= 0)
			adopt_begin(sv);
		else
			reload_ask(&sv->reload);
		loop_run(sv->loop);
		status = sv->exit_status;
		if (status == EXIT_SUCCESS)
			log_notice("stopped");
		put_away(sv);
	}
	free(sv);
	return status;
}
