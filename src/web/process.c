#include "web/web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/control.h"
#include "ipc/serve.h"
#include "web/server.h"

#define BEAT_US (100 * CLOCK_MS)

struct web {
	struct loop *loop;
	int sock, log_fd;
	struct loop_fd sock_io;
	struct web_server server;
	int prepared; /* the listening socket of the next generation; -1: none */
	uint64_t next;
	struct loop_timer grace;
	struct board_beat *board;
	struct loop_timer beat;
};

static void tell(struct web *w, enum msg_type type, uint64_t arg, const char *text)
{
	struct msg m = {.type = type, .arg = arg, .text = str_of(text)};

	if (msg_send(w->sock, &m) != MSG_OK)
		log_warn("message %s to the supervisor was lost: %s", msg_type_name(type),
			 strerror(errno));
}

/* ---- the supervisor's messages ---- */

static void on_log(struct web *w, struct msg *m)
{
	int old = w->log_fd;

	w->log_fd = m->n_fds ? m->fds[0] : -1;
	m->fds[0] = -1;
	log_open((enum log_kind)(m->arg & 0xff), w->log_fd, (int)(m->arg >> 8), "admin");
	if (old >= 0)
		close(old);
}

static void *map_board(const struct msg *m, unsigned i, size_t size, bool writable)
{
	const char *why = "no board was handed over";
	void *p = NULL;

	if (i < m->n_fds)
		p = board_map(m->fds[i], size, writable, &why);
	if (p)
		return p;
	log_error("the admin process cannot map its boards: %s", why);
	exit(1);
}

static void beat(struct loop_timer *t)
{
	struct web *w = list_of(t, struct web, beat);
	uint64_t now = loop_now(w->loop);

	stats_set(w->board->beat_us, now);
	loop_timer_set(w->loop, t, now + BEAT_US);
}

static void an_answer_was_made(struct web_server *s)
{
	stats_set(list_of(s, struct web, server)->board->beat_us, clock_now_us());
}

static void on_hello(struct web *w, const struct msg *m)
{
	struct web_boards *b = &w->server.boards;

	b->supervisor = map_board(m, 0, sizeof(*b->supervisor), false);
	b->proxy = map_board(m, 1, sizeof(*b->proxy), false);
	b->vrrp = map_board(m, 2, sizeof(*b->vrrp), false);
	b->limits = map_board(m, 3, sizeof(*b->limits), false);
	w->board = map_board(m, CONTROL_BOARDS, sizeof(*w->board), true);
	beat(&w->beat);
	tell(w, MSG_HELLO_OK, 0, "");
}

static void forget_prepared(struct web *w)
{
	if (w->prepared >= 0)
		close(w->prepared);
	w->prepared = -1;
}

static void on_listener(struct web *w, struct msg *m)
{
	forget_prepared(w);
	w->prepared = m->n_fds ? m->fds[0] : -1;
	m->fds[0] = -1;
}

static void on_prepare(struct web *w, uint64_t generation)
{
	w->next = generation;
	if (w->prepared >= 0 && w->server.boards.supervisor)
		tell(w, MSG_PREPARED, generation, "");
	else
		tell(w, MSG_REFUSED, generation, "no listening socket was handed over");
}

/* The socket may be the one that it has; what waits in it stays there. */
static void on_commit(struct web *w, uint64_t generation)
{
	int fd = w->prepared;

	if (fd < 0 || w->next != generation) {
		tell(w, MSG_REFUSED, generation, "nothing of that number was prepared");
		return;
	}
	w->prepared = -1;
	if (!server_listen(&w->server, fd)) {
		log_error("the admin address cannot be watched: %s", strerror(errno));
		loop_stop(w->loop);
		return;
	}
	tell(w, MSG_COMMITTED, generation, "");
}

/* ---- the end ---- */

static void no_client_is_left(struct web_server *s)
{
	loop_stop(s->loop);
}

static void grace_is_over(struct loop_timer *t)
{
	loop_stop(list_of(t, struct web, grace)->loop);
}

static void on_stop(struct web *w, uint64_t grace)
{
	loop_timer_set(w->loop, &w->grace, loop_now(w->loop) + grace);
	server_stop(&w->server);
}

static void handle(void *arg, struct msg *m)
{
	struct web *w = arg;

	switch (m->type) {
	case MSG_HELLO:
		on_hello(w, m);
		return;
	case MSG_LOG:
		on_log(w, m);
		return;
	case MSG_LISTENER:
		on_listener(w, m);
		return;
	case MSG_PREPARE:
		on_prepare(w, m->arg);
		return;
	case MSG_COMMIT:
		on_commit(w, m->arg);
		return;
	case MSG_ABORT:
		forget_prepared(w);
		return;
	case MSG_STOP:
		on_stop(w, m->arg);
		return;
	default:
		log_warn("message %s from the supervisor is not for the admin process",
			 msg_type_name(m->type));
	}
}

static void sock_ready(struct loop_fd *io, unsigned what)
{
	struct web *w = list_of(io, struct web, sock_io);

	(void)what;
	if (serve_read(w->sock, SERVE_ALL, handle, w))
		return;
	log_error("the supervisor is gone: the admin process leaves");
	loop_stop(w->loop);
}

static void unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)(uintptr_t)p, size);
}

static void tear_down(struct web *w)
{
	struct web_boards *b = &w->server.boards;

	server_close(&w->server);
	loop_turn(w->loop, 0); /* buries the clients */
	forget_prepared(w);
	loop_timer_stop(&w->grace);
	loop_timer_stop(&w->beat);
	loop_fd_del(&w->sock_io);
	log_open(LOG_KIND_NONE, -1, 0, "admin");
	if (w->log_fd >= 0)
		close(w->log_fd);
	loop_free(w->loop);
	unmap(b->supervisor, sizeof(*b->supervisor));
	unmap(b->proxy, sizeof(*b->proxy));
	unmap(b->vrrp, sizeof(*b->vrrp));
	unmap(b->limits, sizeof(*b->limits));
	if (w->board)
		stats_set(w->board->beat_us, 0);
	unmap(w->board, sizeof(*w->board));
}

int web_main(int sock)
{
	struct web *w = calloc(1, sizeof(*w));

	serve_begin(sock);
	if (!w || !(w->loop = loop_new()))
		return 1;
	w->sock = sock;
	w->log_fd = w->prepared = -1;
	server_init(&w->server, w->loop, an_answer_was_made, no_client_is_left);
	loop_timer_init(&w->grace, grace_is_over);
	loop_timer_init(&w->beat, beat);
	if (!loop_fd_add(w->loop, &w->sock_io, sock, LOOP_READ, sock_ready))
		return 1;
	loop_run(w->loop);
	tear_down(w);
	close(sock);
	free(w);
	return 0;
}
