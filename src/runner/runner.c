#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/board.h"
#include "ipc/serve.h"
#include "runner/checks.h"
#include "runner/notices.h"
#include "runner/scripts.h"

#define BEAT_US (100 * CLOCK_MS)
/* How long notifications may go on when the supervisor has died. */
#define ORPHAN_GRACE_US (5 * CLOCK_SEC)

struct runner {
	struct loop *loop;
	int sock, log_fd;
	struct loop_fd sock_io;
	struct board_beat *board;
	struct loop_timer beat;

	/* The others take a generation at another moment than we do: they may still name the
	 * programs of the one before, and already those of the next. */
	struct programs now, next, before;
	struct run_table table;
	struct scripts scripts;
	struct notices notices;
	struct checks checks;

	bool stopping;
	struct loop_timer grace;
};

static void tell(struct runner *r, enum msg_type type, uint64_t arg, const char *text)
{
	struct msg m = {.type = type, .arg = arg, .text = str_of(text)};

	if (r->sock_io.fd < 0)
		return; /* nobody is there any more */
	if (msg_send(r->sock, &m) != MSG_OK)
		log_warn("message %s to the supervisor was lost: %s", msg_type_name(type),
			 strerror(errno));
}

/* ---- what scripts and notifications have to say ---- */

static void script_result(void *owner, unsigned index, const char *how)
{
	struct runner *r = owner;

	tell(r, MSG_SCRIPT, MSG_PROGRAM(r->now.generation, index), how);
}

static void notice_failed(void *owner, const char *line)
{
	log_warn("%s", line);
	tell(owner, MSG_EVENT, 0, line);
}

static void check_result(void *owner, uint64_t check, const char *number,
			 enum msg_verdict verdict, const char *words)
{
	struct runner *r = owner;
	char text[CHECKS_NUMBER + CHECKS_WORDS + 2];
	int n = snprintf(text, sizeof(text), "%s%c%c%s", number, '\0', (char)verdict, words);
	struct msg m = {.type = MSG_CHECKED, .arg = check, .text = {text, (size_t)n}};

	/* Who does not hear it does not wait for ever. */
	if (r->sock_io.fd >= 0)
		(void)msg_send(r->sock, &m);
}

static void leave_when_done(void *owner)
{
	struct runner *r = owner;

	if (r->stopping && notices_count(&r->notices) == 0)
		loop_stop(r->loop);
}

/* ---- the supervisor's messages ---- */

static void beat(struct loop_timer *t)
{
	struct runner *r = list_of(t, struct runner, beat);
	uint64_t now = loop_now(r->loop);

	stats_set(r->board->beat_us, now);
	loop_timer_set(r->loop, t, now + BEAT_US);
}

static void on_hello(struct runner *r, const struct msg *m)
{
	const char *why = "no board was handed over";

	if (m->n_fds)
		r->board = board_map(m->fds[0], sizeof(*r->board), true, &why);
	if (!r->board) {
		log_error("the runner cannot map its board: %s", why);
		exit(1);
	}
	beat(&r->beat);
	tell(r, MSG_HELLO_OK, 0, "");
}

static void on_log(struct runner *r, struct msg *m)
{
	int old = r->log_fd;

	r->log_fd = m->n_fds ? m->fds[0] : -1;
	m->fds[0] = -1;
	log_open((enum log_kind)(m->arg & 0xff), r->log_fd, (int)(m->arg >> 8), "runner");
	if (old >= 0)
		close(old);
}

static void programs_forget(struct programs *p)
{
	free(p->checks);
	memset(p, 0, sizeof(*p));
}

static bool programs_read(struct programs *p, uint64_t generation, const struct manifest *m)
{
	size_t size = m->n_checks * sizeof(*p->checks);

	if (size && !(p->checks = malloc(size)))
		return false;
	if (size)
		memcpy(p->checks, bundle_checks(m), size);
	p->known = true;
	p->generation = generation;
	p->n = m->n_programs;
	p->n_checks = m->n_checks;
	memcpy(p->of, m->programs, sizeof(p->of));
	return true;
}

static void on_prepare(struct runner *r, struct msg *m)
{
	const char *why = "no bundle was handed over";
	const struct manifest *manifest = NULL;
	size_t size;
	bool good;

	programs_forget(&r->next);
	if (m->n_fds)
		manifest = bundle_map(m->fds[0], &size, &why);
	if (!manifest) {
		tell(r, MSG_REFUSED, m->arg, why);
		return;
	}
	good = programs_read(&r->next, m->arg, manifest);
	bundle_unmap(manifest, size);
	if (good)
		tell(r, MSG_PREPARED, m->arg, "");
	else
		tell(r, MSG_REFUSED, m->arg, "out of memory");
}

static void on_commit(struct runner *r, uint64_t generation)
{
	if (!r->next.known || r->next.generation != generation) {
		tell(r, MSG_REFUSED, generation, "nothing of that number was prepared");
		return;
	}
	free(r->before.checks);
	r->before = r->now;
	r->now = r->next;
	memset(&r->next, 0, sizeof(r->next));
	if (!r->stopping)
		scripts_renew(&r->scripts, &r->before, &r->now);
	tell(r, MSG_COMMITTED, generation, "");
}

static const struct programs *find(const struct runner *r, uint64_t arg)
{
	const struct programs *all[] = {&r->now, &r->next, &r->before};

	for (unsigned k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (all[k]->known && all[k]->generation == MSG_PROGRAM_GENERATION(arg))
			return all[k];
	return NULL;
}

static void on_notify(struct runner *r, const struct msg *m)
{
	const struct programs *p = find(r, m->arg);
	unsigned i = MSG_PROGRAM_INDEX(m->arg);

	if (p && i < p->n && p->of[i].kind == MANIFEST_NOTIFY)
		notices_add(&r->notices, &p->of[i], m->text);
	else
		log_warn("notification program %u of generation %llu is not known here and is "
			 "not run",
			 MSG_PROGRAM_INDEX(m->arg),
			 (unsigned long long)MSG_PROGRAM_GENERATION(m->arg));
}

static void on_check(struct runner *r, const struct msg *m)
{
	const struct programs *p = find(r, m->arg);
	unsigned i = MSG_PROGRAM_INDEX(m->arg);
	char number[CHECKS_NUMBER];

	if (p && i < p->n_checks && !r->stopping) {
		const struct manifest_check *c = &p->checks[i];

		checks_ask(&r->checks, m->arg, m->text, &p->of[c->program], c);
		return;
	}
	str_copy(number, sizeof(number), str_first(m->text, sizeof(number) - 1));
	check_result(r, m->arg, number, MSG_VERDICT_UNASKED,
		     r->stopping ? "the runner is about to end"
				 : "the runner does not know this check");
}

/* ---- the end ---- */

static void stop(struct runner *r, uint64_t grace)
{
	r->stopping = true;
	scripts_stop(&r->scripts);
	checks_stop(&r->checks);
	loop_timer_set(r->loop, &r->grace, loop_now(r->loop) + grace);
}

static void grace_over(struct loop_timer *t)
{
	struct runner *r = list_of(t, struct runner, grace);

	log_warn("%u notifications were not finished when the grace of the stop ended; they are "
		 "given up",
		 notices_count(&r->notices));
	loop_stop(r->loop);
}

static void orphaned(struct runner *r)
{
	loop_fd_del(&r->sock_io);
	if (r->stopping)
		return;
	log_error("the supervisor is gone: the runner finishes its notifications and leaves");
	stop(r, ORPHAN_GRACE_US);
}

static void handle(void *arg, struct msg *m)
{
	struct runner *r = arg;

	switch (m->type) {
	case MSG_HELLO:
		on_hello(r, m);
		return;
	case MSG_LOG:
		on_log(r, m);
		return;
	case MSG_PREPARE:
		on_prepare(r, m);
		return;
	case MSG_COMMIT:
		on_commit(r, m->arg);
		return;
	case MSG_ABORT:
		programs_forget(&r->next);
		return;
	case MSG_CHECK:
		on_check(r, m);
		return;
	case MSG_NOTIFY:
		on_notify(r, m);
		return;
	case MSG_STOP:
		stop(r, m->arg);
		return;
	default:
		log_warn("message %s from the supervisor is not for the runner",
			 msg_type_name(m->type));
	}
}

static void sock_ready(struct loop_fd *io, unsigned what)
{
	struct runner *r = list_of(io, struct runner, sock_io);

	(void)what;
	/* What came together with STOP is still done. */
	if (!serve_read(r->sock, SERVE_ALL, handle, r))
		orphaned(r);
	leave_when_done(r);
}

static void tear_down(struct runner *r)
{
	scripts_stop(&r->scripts);
	checks_stop(&r->checks);
	run_table_end(&r->table);
	notices_end(&r->notices);
	loop_timer_stop(&r->grace);
	loop_timer_stop(&r->beat);
	if (r->board) {
		stats_set(r->board->beat_us, 0);
		munmap(r->board, sizeof(*r->board));
	}
	loop_fd_del(&r->sock_io);
	log_open(LOG_KIND_NONE, -1, 0, "runner");
	if (r->log_fd >= 0)
		close(r->log_fd);
	loop_free(r->loop);
	programs_forget(&r->now);
	programs_forget(&r->next);
	programs_forget(&r->before);
}

int runner_main(int sock)
{
	struct runner *r = calloc(1, sizeof(*r));

	serve_begin(sock);
	/* What has ended must be there to be asked how. */
	signal(SIGCHLD, SIG_DFL);
	if (!r || !(r->loop = loop_new()))
		return 1;
	r->sock = sock;
	r->log_fd = -1;
	run_table_init(&r->table, r->loop);
	scripts_init(&r->scripts, &r->table, r, script_result);
	notices_init(&r->notices, &r->table, r, notice_failed, leave_when_done);
	checks_init(&r->checks, &r->table, r, check_result);
	loop_timer_init(&r->grace, grace_over);
	loop_timer_init(&r->beat, beat);
	if (!loop_fd_add(r->loop, &r->sock_io, sock, LOOP_READ, sock_ready))
		return 1;
	loop_run(r->loop);
	tear_down(r);
	close(sock);
	free(r);
	return 0;
}
