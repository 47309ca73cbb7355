#include "web/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/client.h"

#define ACCEPTS_A_TURN 16
#define ROOM_PAUSE_US (50 * CLOCK_MS)
#define ERROR_PAUSE_US (500 * CLOCK_MS)

static struct web_client *client_of(struct list *e)
{
	return list_of(e, struct web_client, link);
}

/* ---- who gives way ---- */

static unsigned count_of_host(const struct web_server *s, uint64_t host)
{
	unsigned n = 0;

	for (struct list *e = s->clients.next; e != &s->clients; e = e->next)
		n += client_of(e)->host == host;
	return n;
}

/* A turn may take longer than the time within which nobody goes: this one's question is there,
 * and was not read yet. */
static bool has_asked(const struct web_client *c)
{
	char first;

	return c->state == CLIENT_IDLE &&
	       recv(c->conn.io.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static bool may_go(const struct web_client *c)
{
	return c->state == CLIENT_LINGERING ||
	       (loop_now(c->server->loop) - c->since_us >= SERVER_CLIENT_SAFE_US &&
		!has_asked(c));
}

/* First of the host that has the most, so that none takes the others' places; of those the one
 * that waits for the least; of those the one that has waited longest. */
static struct web_client *find_victim(const struct web_server *s)
{
	struct web_client *best = NULL;
	unsigned most = 0;

	for (struct list *e = s->clients.next; e != &s->clients; e = e->next) {
		struct web_client *c = client_of(e);
		unsigned n = count_of_host(s, c->host);

		if (!may_go(c) || n < most)
			continue;
		if (!best || n > most || c->state < best->state ||
		    (c->state == best->state && c->since_us < best->since_us))
			best = c;
		most = n;
	}
	return best;
}

/* ---- accepting ---- */

/* Who waits in the socket would wake us again and again. */
static void pause_listening(struct web_server *s, uint64_t time)
{
	loop_fd_del(&s->listener);
	loop_timer_set(s->loop, &s->pause, loop_now(s->loop) + time);
}

/* `victim` gives way, if there is one to come. */
static bool accept_one(struct web_server *s, struct web_client *victim)
{
	struct addr peer = {.len = sizeof(peer.u)};
	int fd = accept4(s->fd, &peer.u.sa, &peer.len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		if (victim)
			client_end(victim);
		client_begin(s, fd, &peer);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		log_warn("the admin address: clients wait, none can be accepted: %s",
			 strerror(errno));
		pause_listening(s, ERROR_PAUSE_US);
	}
	return errno == ECONNABORTED || errno == EINTR;
}

static void listener_ready(struct loop_fd *f, unsigned what)
{
	struct web_server *s = list_of(f, struct web_server, listener);

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		bool full = s->n_clients >= SERVER_CLIENTS;
		struct web_client *victim = full ? find_victim(s) : NULL;

		if (full && !victim) {
			pause_listening(s, ROOM_PAUSE_US);
			return;
		}
		if (!accept_one(s, victim))
			return;
	}
}

static void pause_is_over(struct loop_timer *t)
{
	struct web_server *s = list_of(t, struct web_server, pause);

	if (!loop_fd_add(s->loop, &s->listener, s->fd, LOOP_READ, listener_ready))
		loop_timer_set(s->loop, t, loop_now(s->loop) + ERROR_PAUSE_US);
}

/* ---- its life ---- */

void server_init(struct web_server *s, struct loop *l, void (*alive)(struct web_server *s),
		 void (*idle)(struct web_server *s))
{
	*s = (struct web_server){.loop = l, .fd = -1, .alive = alive, .idle = idle};
	s->listener.fd = -1;
	list_init(&s->clients);
	loop_timer_init(&s->pause, pause_is_over);
}

static void close_listener(struct web_server *s)
{
	loop_timer_stop(&s->pause);
	loop_fd_del(&s->listener);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

bool server_listen(struct web_server *s, int fd)
{
	close_listener(s);
	s->fd = fd;
	if (loop_fd_add(s->loop, &s->listener, fd, LOOP_READ, listener_ready))
		return true;
	close_listener(s);
	return false;
}

void server_stop(struct web_server *s)
{
	struct list *e, *tmp;

	s->stopping = true;
	close_listener(s);
	list_each_safe(e, tmp, &s->clients)
	{
		if (client_of(e)->state != CLIENT_WRITING)
			client_end(client_of(e));
	}
	if (!s->n_clients)
		s->idle(s);
}

void server_close(struct web_server *s)
{
	s->stopping = false;
	close_listener(s);
	while (!list_empty(&s->clients))
		client_end(client_of(s->clients.next));
}
