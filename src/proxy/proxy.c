/* The main thread of the proxy process: it listens to the supervisor and to nobody else,
 * makes generations, and tells the workers. */
#include "proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "ipc/serve.h"
#include "limit/command.h"
#include "net/tls_tickets.h"
#include "proxy/explain.h"
#include "proxy/health.h"
#include "proxy/operate.h"
#include "proxy/roster.h"
#include "proxy/worker_thread.h"

#define BEAT_US (100 * CLOCK_MS)
#define BUILD_LEAVE_US (30 * CLOCK_SEC)
/* Where HELLO has the memory of the keys of tickets. */
#define HELLO_TICKETS (BOARD_LIMITS_FD + 1)
/* How long a proxy whose supervisor has died goes on with what runs. */
#define ORPHAN_GRACE_US (30 * CLOCK_SEC)

struct proxy {
	struct proxy_shared shared;
	struct loop *loop;
	int sock;
	struct loop_fd sock_io;
	struct loop_timer beat;

	struct board_limits *limits; /* shared.limits' */

	struct generation *now, *next; /* running; prepared */
	uint64_t first_round; /* of the checks of what is prepared */
	struct listener_fds fds;
	struct healthd *health;

	enum log_kind log_kind;
	int log_fd, log_facility;

	struct worker *workers[BOARD_WORKERS];
	unsigned n_workers, taking, drained;
	struct roster roster;
	struct operate operate;
	bool stopping;
};

static struct proxy *proxy_of(struct proxy_shared *s)
{
	return list_of(s, struct proxy, shared);
}

static void tell(struct proxy *p, enum msg_type type, uint64_t arg, const char *text)
{
	struct msg m = { .type = type, .arg = arg, .text = str_of(text ? text : "") };

	if (msg_send(p->sock, &m) != MSG_OK)
		log_warn("message %s to the supervisor was lost: %s", msg_type_name(type),
			 strerror(errno));
}

/* ---- words from other threads, on their way to the supervisor ---- */

struct word_letter {
	struct loop_letter letter;
	struct proxy *proxy;
	enum msg_type type;
	uint64_t arg;
	char text[];
};

static void word_delivered(struct loop_letter *m)
{
	struct word_letter *w = list_of(m, struct word_letter, letter);

	tell(w->proxy, w->type, w->arg, w->text);
	/* Of an ejection, perhaps: whose end is ours. */
	if (w->type == MSG_EVENT)
		operate_look_at_times(&w->proxy->operate);
	free(w);
}

static void word_post(struct proxy *p, enum msg_type type, uint64_t arg, const char *text)
{
	size_t n = strlen(text) + 1;
	struct word_letter *w = malloc(sizeof(*w) + n);

	if (!w)
		return;
	w->proxy = p;
	w->type = type;
	w->arg = arg;
	memcpy(w->text, text, n);
	loop_post(p->loop, &w->letter, word_delivered);
}

static void health_changed(void *arg, const char *line)
{
	word_post(arg, MSG_EVENT, 0, line);
}

static void check_wanted(void *arg, uint64_t check, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	word_post(arg, MSG_CHECK, check, text);
}

static void shared_event(struct proxy_shared *shared, const char *line)
{
	word_post(list_of(shared, struct proxy, shared), MSG_EVENT, 0, line);
}

static void log_lost(void *arg)
{
	word_post(arg, MSG_LOG_LOST, 0, "");
}

/* ---- log targets ---- */

static void log_apply(struct proxy *p)
{
	int copy = -1;

	log_open(p->log_kind, p->log_fd, p->log_facility, "proxy");
	if (!p->shared.logger)
		return;
	if (p->log_fd >= 0)
		copy = fcntl(p->log_fd, F_DUPFD_CLOEXEC, 0);
	logger_target(p->shared.logger, copy < 0 ? LOG_KIND_NONE : p->log_kind, copy,
		      p->log_facility);
}

static void on_log(struct proxy *p, struct msg *m)
{
	int old = p->log_fd;

	p->log_kind = (enum log_kind)(m->arg & 0xff);
	p->log_facility = (int)(m->arg >> 8);
	p->log_fd = m->n_fds ? m->fds[0] : -1;
	m->fds[0] = -1;
	log_apply(p);
	if (old >= 0)
		close(old);
}

/* ---- the board ---- */

/* What was counted as running ended with the process that counted it. */
static void board_adopt(struct board_proxy *b)
{
	stats_set(b->pid, getpid());
	stats_set(b->stats.connections, 0);
	for (unsigned i = 0; i < board_n_frontends(b); i++)
		stats_set(b->frontends[i].stats.connections, 0);
	for (unsigned i = 0; i < board_n_servers(b); i++) {
		stats_set(b->servers[i].stats.active, 0);
		stats_set(b->servers[i].stats.idle, 0);
	}
	for (unsigned i = 0; i < BOARD_WORKERS; i++)
		stats_set(b->worker[i].beat_us, 0);
	stats_set(b->main_beat_us, 0);
	stats_set(b->health_beat_us, 0);
}

/* What stands on it was left as it has to be when the last proxy died. */
static void adopt_limits(struct proxy *p, const struct msg *m, const char **why)
{
	if (m->n_fds > BOARD_LIMITS_FD)
		p->limits = board_map(m->fds[BOARD_LIMITS_FD], sizeof(*p->limits), true, why);
	if (p->limits)
		p->shared.limits = limit_table_new(p->limits);
}

/* They outlive this process, as an upgrade and a crash are nothing to a client's session. */
static bool keep_tickets(const struct msg *m, const char **why)
{
	if (m->n_fds <= HELLO_TICKETS || tls_tickets_keep(m->fds[HELLO_TICKETS]))
		return true;
	*why = strerror(errno);
	return false;
}

static void on_hello(struct proxy *p, struct msg *m)
{
	const char *why = "no board was handed over";
	struct board_proxy *b = NULL;

	if (m->n_fds)
		b = board_map(m->fds[0], sizeof(*b), true, &why);
	adopt_limits(p, m, &why);
	if (!b || !p->shared.limits || !keep_tickets(m, &why)) {
		log_error("the proxy cannot map its boards: %s", why);
		exit(1);
	}
	p->shared.board = b;
	board_adopt(b);
	tell(p, MSG_HELLO_OK, 0, NULL);
}

/* ---- prepare ---- */

static unsigned add_targets(const struct generation *g, const struct generation *but,
			    struct health_target *to)
{
	unsigned n = 0, n_external = 0;

	for (unsigned b = 0; g && b < g->conf->n_backends; b++)
		for (unsigned i = 0; i < g->backends[b].conf->n_servers; i++) {
			const struct conf_check *c = &g->backends[b].conf->servers[i].check;
			struct server *s = g->backends[b].servers[i];
			struct tls_client *tls =
				g->backends[b].tls ? g->backends[b].tls[i] : NULL;
			uint64_t external = 0;
			bool known = false;

			/* Counted as the loader did. */
			if (c->kind == CONF_CHECK_EXTERNAL)
				external = MSG_PROGRAM(g->number, n_external++);

			for (unsigned k = 0; but && k < but->conf->n_backends && !known; k++)
				for (unsigned j = 0; j < but->backends[k].conf->n_servers; j++)
					known |= but->backends[k].servers[j] == s;
			if (!known)
				to[n++] = (struct health_target){ s, c, external, tls };
		}
	return n;
}

static unsigned count_servers(const struct generation *g)
{
	unsigned n = 0;

	for (unsigned b = 0; g && b < g->conf->n_backends; b++)
		n += g->backends[b].conf->n_servers;
	return n;
}

/* Watches the servers of `a`, and those that only `b` has. */
static uint64_t watch(struct proxy *p, const struct generation *a, const struct generation *b,
		      void (*decided)(void *arg, uint64_t round))
{
	unsigned room = count_servers(a) + count_servers(b) + 1, n;
	uint64_t round;
	struct health_target *targets = calloc(room, sizeof(*targets));

	must(targets);
	n = add_targets(a, NULL, targets);
	n += add_targets(b, a, targets + n);
	round = healthd_watch(p->health, targets, n, p->loop, decided, p);
	free(targets);
	return round;
}

static void nothing_decided(void *arg, uint64_t round)
{
	(void)arg;
	(void)round;
}

/* The first round of a generation that was given up in the meantime decides nothing for the
 * next. */
static void first_round_decided(void *arg, uint64_t round)
{
	struct proxy *p = arg;

	if (p->next && p->first_round == round)
		tell(p, MSG_PREPARED, p->next->number, NULL);
}

static void watch_first_round(struct proxy *p)
{
	p->first_round = watch(p, p->next, p->now, first_round_decided);
}

static void close_keys(struct proxy *p)
{
	if (p->fds.keys >= 0)
		close(p->fds.keys);
	p->fds.keys = -1;
}

static void close_fds(struct proxy *p)
{
	for (unsigned i = 0; i < MANIFEST_LISTENERS; i++) {
		if (p->fds.fd[i] >= 0)
			close(p->fds.fd[i]);
		p->fds.fd[i] = -1;
	}
	close_keys(p);
}

static void forget_next(struct proxy *p)
{
	if (p->next)
		generation_unref(p->next);
	p->next = NULL;
	if (p->shared.board) {
		board_forget_prepared(p->shared.board);
		board_limits_forget_prepared(p->limits);
	}
}

static bool start_services(struct proxy *p, const char **why)
{
	*why = "the health thread could not be started";
	if (!p->health)
		p->health = healthd_start(p->shared.board, health_changed, check_wanted, p);
	return p->health != NULL;
}

/* The main thread's turn may take as long as a large configuration does: 100 000 values are no
 * hang, for the supervisor nor for who holds the VIP. PREPARE has a time limit of its own. */
static void beat_ahead(struct proxy *p, uint64_t leave_us)
{
	if (p->shared.board)
		stats_set(p->shared.board->main_beat_us, loop_now_exact(p->loop) + leave_us);
}

static void on_prepare(struct proxy *p, struct msg *m)
{
	char why[4096] = "no bundle was handed over";
	const char *fault;

	forget_next(p);
	close_keys(p);
	if (m->n_fds > 1) {
		p->fds.keys = m->fds[1];
		m->fds[1] = -1;
	}
	if (m->n_fds) {
		beat_ahead(p, BUILD_LEAVE_US);
		p->next = generation_make(m->fds[0], m->arg, p->now, &p->fds, p->shared.board,
					  p->limits, why, sizeof(why));
		m->fds[0] = -1;
		beat_ahead(p, 0);
	}
	if (p->next && !start_services(p, &fault)) {
		str_copy(why, sizeof(why), str_of(fault));
		generation_unref(p->next);
		p->next = NULL;
	}
	if (!p->next) {
		forget_next(p);
		close_fds(p);
		tell(p, MSG_REFUSED, m->arg, why);
		return;
	}
	close_keys(p);
	watch_first_round(p);
}

static void on_abort(struct proxy *p)
{
	forget_next(p);
	close_fds(p);
	if (p->now)
		watch(p, p->now, NULL, nothing_decided);
}

/* ---- commit ---- */

static void committed(struct proxy *p)
{
	stats_set(p->shared.board->generation, p->now->number);
	tell(p, MSG_COMMITTED, p->now->number, NULL);
}

static void worker_took(struct proxy_shared *s, struct worker *w)
{
	struct proxy *p = proxy_of(s);

	(void)w;
	if (p->taking && --p->taking == 0)
		committed(p);
}

/* Whoever is let in is served, also when fewer files are allowed than the configuration needs. */
static void set_limits(struct proxy *p)
{
	uint64_t clients = p->now->conf->max_connections, servers = p->now->manifest->servers;
	struct rlimit files = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t room;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	room = files_for_clients(files.rlim_cur, servers);
	if (clients > room)
		clients = room;
	atomic_store(&p->shared.max_connections, clients);
	atomic_store(&p->shared.to_servers.most,
		     files_for_servers(files.rlim_cur, servers, clients));
}

static bool start_workers(struct proxy *p, const char **why)
{
	unsigned n = p->now->manifest->threads;

	if (n > BOARD_WORKERS)
		n = BOARD_WORKERS;
	set_limits(p);
	p->shared.logger = logger_start(n, &p->shared.board->stats, log_lost, p);
	*why = "the log writer could not be started";
	if (!p->shared.logger)
		return false;
	log_apply(p);
	while (p->n_workers < n) {
		struct worker *w = worker_start(&p->shared, p->n_workers, p->now, why);

		if (!w)
			return false;
		p->workers[p->n_workers++] = w;
	}
	stats_set(p->shared.board->n_workers, n);
	return true;
}

static void on_commit(struct proxy *p, struct msg *m)
{
	struct generation *old = p->now;
	const char *why;

	if (!p->next || p->next->number != m->arg) {
		tell(p, MSG_REFUSED, m->arg, "nothing of that number was prepared");
		return;
	}
	p->now = p->next;
	p->next = NULL;
	close_fds(p);
	generation_publish(p->now, old, p->shared.board, p->limits, loop_now(p->loop));
	watch(p, p->now, NULL, nothing_decided);
	set_limits(p);
	if (old) {
		p->taking = p->n_workers;
		for (unsigned i = 0; i < p->n_workers; i++)
			worker_take(p->workers[i], p->now);
		generation_unref(old);
		operate_look_at_times(&p->operate);
	} else if (start_workers(p, &why)) {
		operate_begin(&p->operate, p->shared.board);
		committed(p);
	} else {
		log_error("the proxy cannot start its workers: %s", why);
		exit(1);
	}
}

/* ---- stop ---- */

static void worker_drained(struct proxy_shared *s, struct worker *w)
{
	struct proxy *p = proxy_of(s);

	(void)w;
	if (++p->drained == p->n_workers)
		loop_stop(p->loop);
}

static void stop(struct proxy *p, uint64_t grace, bool end_idle)
{
	uint64_t at = loop_now(p->loop) + grace;

	p->stopping = true;
	roster_stop(&p->roster);
	if (p->n_workers == 0)
		loop_stop(p->loop);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_drain(p->workers[i], at, end_idle);
}

/* A successor serves: what changes is for that one to tell. */
static void leave(struct proxy *p, uint64_t most)
{
	if (p->health)
		healthd_hush(p->health);
	operate_end(&p->operate);
	stop(p, most, false);
}

static void tear_down(struct proxy *p)
{
	if (p->shared.board)
		stats_set(p->shared.board->main_beat_us, 0);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_join(p->workers[i]);
	if (p->health)
		healthd_stop(p->health);
	loop_deliver(p->loop); /* what workers and health thread said last */
	roster_close(&p->roster);
	operate_end(&p->operate);
	if (p->shared.logger)
		logger_stop(p->shared.logger);
	forget_next(p);
	close_fds(p);
	if (p->now)
		generation_unref(p->now);
	loop_fd_del(&p->sock_io);
	loop_timer_stop(&p->beat);
	limit_table_free(p->shared.limits);
	log_open(LOG_KIND_NONE, -1, 0, "proxy");
	if (p->log_fd >= 0)
		close(p->log_fd);
	loop_free(p->loop);
	pthread_mutex_destroy(&p->shared.last_places);
}

/* ---- commands ---- */

static void answer(int fd, enum control_exit status, const char *text)
{
	char line[2048];
	int n = snprintf(line, sizeof(line), "%s\n", text);

	if (control_send(fd, status == CONTROL_DONE ? 'o' : 'e', (struct str){ line, (size_t)n }))
		control_send_exit(fd, status);
}

static void change_limits(struct proxy *p, const struct msg *m)
{
	struct limit_answer a;
	char line[sizeof(a.text) + 16];

	limit_command(p->shared.limits, m->text, loop_now_exact(p->loop), &a);
	if (a.status == CONTROL_DONE) {
		snprintf(line, sizeof(line), "limits: %s", a.text);
		log_notice("%s", line);
		tell(p, MSG_EVENT, 0, line);
	}
	answer(m->fds[0], a.status, a.text);
}

static void server_changed(void *arg, const char *line)
{
	log_notice("%s", line);
	tell(arg, MSG_EVENT, 0, line);
}

static void operate(struct proxy *p, const struct msg *m)
{
	struct operate_answer a;

	operate_command(&p->operate, m->text, &a);
	answer(m->fds[0], a.status, a.text);
}

static void explain(struct proxy *p, const struct msg *m)
{
	char *text;
	enum control_exit status = explain_command(p->now, m->text, loop_now(p->loop), &text);

	if (control_send(m->fds[0], status == CONTROL_DONE ? 'o' : 'e',
			 text ? str_of(text) : STR("out of memory\n")))
		control_send_exit(m->fds[0], status);
	free(text);
}

static const struct {
	const char *word;
	void (*run)(struct proxy *p, const struct msg *m);
} commands[] = {
	{ "explain", explain },
	{ "limits", change_limits }, { "drain", operate },  { "maint", operate },
	{ "ready", operate },	     { "weight", operate },
};

static void on_control(struct proxy *p, struct msg *m)
{
	struct str rest = m->text, word = STR_NONE;

	if (!m->n_fds || !p->now)
		return;
	str_split(&rest, '\0', &word);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (str_eq(word, str_of(commands[i].word))) {
			commands[i].run(p, m);
			return;
		}
	}
	roster_command(&p->roster, p->now->conf, m->fds[0], m->text);
	m->fds[0] = -1;
}

static void on_checked(struct proxy *p, const struct msg *m)
{
	struct str words = m->text, text = STR_NONE;
	uint64_t number;

	str_split(&words, '\0', &text);
	if (p->health && words.n && str_to_u64(text, &number))
		healthd_answer(p->health, number, words.p[0], str_from(words, 1));
}

/* ---- the supervisor's messages ---- */

static void handle(void *arg, struct msg *m)
{
	struct proxy *p = arg;

	switch (m->type) {
	case MSG_HELLO:
		on_hello(p, m);
		return;
	case MSG_LOG:
		on_log(p, m);
		return;
	case MSG_LISTENER:
		if (m->n_fds && m->arg < MANIFEST_LISTENERS) {
			if (p->fds.fd[m->arg] >= 0)
				close(p->fds.fd[m->arg]);
			p->fds.fd[m->arg] = m->fds[0];
			m->fds[0] = -1;
		}
		return;
	case MSG_PREPARE:
		on_prepare(p, m);
		return;
	case MSG_COMMIT:
		on_commit(p, m);
		return;
	case MSG_ABORT:
		on_abort(p);
		return;
	case MSG_STOP:
		stop(p, m->arg, true);
		return;
	case MSG_LEAVE:
		leave(p, m->arg);
		return;
	case MSG_CONTROL:
		on_control(p, m);
		return;
	case MSG_CHECKED:
		on_checked(p, m);
		return;
	default:
		log_warn("message %s from the supervisor is not for the proxy",
			 msg_type_name(m->type));
	}
}

static void orphaned(struct proxy *p)
{
	log_error("the supervisor is gone: the proxy finishes what runs and leaves");
	loop_fd_del(&p->sock_io);
	if (!p->stopping)
		stop(p, p->now ? p->now->conf->grace : ORPHAN_GRACE_US, true);
}

static void sock_ready(struct loop_fd *io, unsigned what)
{
	struct proxy *p = list_of(io, struct proxy, sock_io);

	(void)what;
	if (!serve_read(p->sock, SERVE_ALL, handle, p))
		orphaned(p);
}

static void beat(struct loop_timer *t)
{
	struct proxy *p = list_of(t, struct proxy, beat);

	if (p->shared.board)
		stats_set(p->shared.board->main_beat_us, loop_now(p->loop));
	loop_timer_set(p->loop, t, loop_now(p->loop) + BEAT_US);
}

int proxy_main(int sock)
{
	struct proxy *p = calloc(1, sizeof(*p));

	serve_begin(sock);
	if (!p || !(p->loop = loop_new()))
		return 1;
	p->sock = sock;
	p->log_fd = -1;
	p->log_kind = LOG_KIND_NONE;
	p->shared.main_loop = p->loop;
	pthread_mutex_init(&p->shared.last_places, NULL);
	p->shared.event = shared_event;
	p->shared.worker_took = worker_took;
	p->shared.worker_drained = worker_drained;
	for (unsigned i = 0; i < MANIFEST_LISTENERS; i++)
		p->fds.fd[i] = -1;
	p->fds.keys = -1;
	roster_init(&p->roster, p->loop, p->workers, &p->n_workers);
	operate_init(&p->operate, p->loop, &p->now, server_changed, p);
	loop_timer_init(&p->beat, beat);
	if (!loop_fd_add(p->loop, &p->sock_io, sock, LOOP_READ, sock_ready))
		return 1;
	beat(&p->beat);
	loop_run(p->loop);
	tear_down(p);
	close(sock);
	free(p);
	return 0;
}
