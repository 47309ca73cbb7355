#include "supervisor/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/children.h"
#include "supervisor/state.h"

#define WORDS_MAX 16
#define PAUSE_US (500 * CLOCK_MS)
#define TELL_AGAIN_US (60 * CLOCK_SEC)

struct client {
	struct list link;
	struct commands *commands;
	struct loop_fd watch;
	struct loop_timer silence;
	int fd;
	uint64_t run;       /* of the reload that it waits for; 0: for none */
	bool upgrade;       /* which is an upgrade */
	struct str request; /* while it is carried out */
};

/* ---- answers ---- */

static void client_free(struct client *c)
{
	loop_fd_del(&c->watch);
	loop_timer_stop(&c->silence);
	list_del(&c->link);
	c->commands->n_clients--;
	close(c->fd);
	free(c);
}

static void client_end(struct client *c, char kind, struct str text, enum control_exit status)
{
	if (control_send(c->fd, kind, text))
		control_send_exit(c->fd, status);
	client_free(c);
}

static void run_boards(struct client *c)
{
	if (control_send_boards(c->fd, c->commands->supervisor->shown))
		control_send_exit(c->fd, CONTROL_DONE);
	client_free(c);
}

static void run_reload(struct client *c)
{
	struct supervisor *sv = c->commands->supervisor;

	if (sv->phase == SUPERVISOR_STOPPING) {
		client_end(c, 'e', STR("hpcbald is stopping\n"), CONTROL_REFUSED);
		return;
	}
	/* Known before it begins, since it may be over before reload_ask() returns. */
	c->run = sv->reload.run + 1;
	reload_ask(&sv->reload);
}

static void run_upgrade(struct client *c)
{
	struct supervisor *sv = c->commands->supervisor;

	if (sv->phase == SUPERVISOR_STOPPING) {
		client_end(c, 'e', STR("hpcbald is stopping\n"), CONTROL_REFUSED);
		return;
	}
	c->run = sv->reload.run + 1;
	c->upgrade = true;
	reload_ask_upgrade(&sv->reload);
}

/* It answers and closes; we forget the client. */
static void run_in(struct client *c, enum board_process slot)
{
	char why[256];

	if (children_control(c->commands->supervisor, slot, c->fd, c->request, why, sizeof(why)))
		client_free(c);
	else
		client_end(c, 'e', str_of(why), CONTROL_REFUSED);
}

static void run_in_vrrp(struct client *c)
{
	run_in(c, BOARD_VRRP);
}

static void run_in_proxy(struct client *c)
{
	run_in(c, BOARD_PROXY);
}

/* Who is limited stands on a board; what is to change is for who writes that. */
static void run_limits(struct client *c)
{
	if (str_find_char(c->request, '\0') < 0)
		run_boards(c);
	else
		run_in_proxy(c);
}

static void run_version(struct client *c)
{
	struct supervisor *sv = c->commands->supervisor;
	char text[128];
	int n = snprintf(text, sizeof(text), "hpcbald %s, pid %d\n", sv->own_board->version,
			 (int)getpid());

	client_end(c, 'o', (struct str){text, (size_t)n}, CONTROL_DONE);
}

static void run_events(struct client *c)
{
	struct report out = {NULL, 0};

	events_print(&c->commands->supervisor->own_board->events, &out);
	client_end(c, 'o', report_text(&out), CONTROL_DONE);
	report_clear(&out);
}

/* ---- the table ---- */

/* What needs no child is answered here; a row of a child's command hands the client's
 * descriptor on (MSG_CONTROL). `most`: how many words may follow the first. */
static const struct command {
	const char *word;
	unsigned most;
	void (*run)(struct client *c);
} commands[] = {
	{"status", 0, run_boards}, {"servers", 1, run_boards}, {"boards", 0, run_boards},
	{"reload", 0, run_reload}, {"events", 0, run_events},  {"version", 0, run_version},
	{"upgrade", 0, run_upgrade},
	{"vrrp", 1, run_boards},   {"demote", 8, run_in_vrrp}, {"promote", 8, run_in_vrrp},
	{"sessions", 3, run_in_proxy}, {"kill", 2, run_in_proxy},
	{"limits", 4, run_limits},     {"drain", 3, run_in_proxy},  {"maint", 3, run_in_proxy},
	{"explain", 32, run_in_proxy},
	{"ready", 1, run_in_proxy},    {"weight", 2, run_in_proxy},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(struct str word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (str_eq(word, str_of(commands[i].word)))
			return &commands[i];
	return NULL;
}

static void refuse_word(struct client *c, struct str word)
{
	struct report text = {NULL, 0};
	char known[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < COMMANDS; i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
				      commands[i].word);
	/* The word comes from outside: only what can be a word is shown. */
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] <= ' ' || word.p[i] >= 0x7f)
			word.n = i;
	report_add(&text, "unknown command \"%.*s\"; this daemon knows: %s",
		   word.n < 64 ? (int)word.n : 64, word.p, known);
	client_end(c, 'e', report_text(&text), CONTROL_USAGE);
	report_clear(&text);
}

static void carry_out(struct client *c, struct str request)
{
	struct str word = STR_NONE, rest = request, other;
	const struct command *found;
	unsigned more = 0;

	str_split(&rest, '\0', &word);
	while (str_split(&rest, '\0', &other))
		more++;
	found = find_command(word);
	if (!found) {
		refuse_word(c, word);
	} else if (more > found->most) {
		client_end(c, 'e', STR("too many words behind the command\n"), CONTROL_USAGE);
	} else {
		c->request = request;
		found->run(c);
	}
}

/* ---- clients ---- */

static void client_ready(struct loop_fd *f, unsigned what)
{
	struct client *c = list_of(f, struct client, watch);
	char request[CONTROL_REQUEST_MAX + 1];
	ssize_t n = recv(c->fd, request, sizeof(request), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	loop_fd_del(&c->watch);
	loop_timer_stop(&c->silence);
	if ((size_t)n > CONTROL_REQUEST_MAX)
		client_end(c, 'e', STR("the command is too long\n"), CONTROL_USAGE);
	else
		carry_out(c, (struct str){request, (size_t)n});
}

static void client_is_silent(struct loop_timer *t)
{
	client_free(list_of(t, struct client, silence));
}

/* One that has said nothing yet, the oldest, gives way to those that may have something to
 * say. False: all of them wait for an answer. */
static bool make_room(struct commands *commands_)
{
	struct list *e, *tmp;

	if (commands_->n_clients < COMMANDS_CLIENTS)
		return true;
	list_each_safe(e, tmp, &commands_->clients)
	{
		struct client *c = list_of(e, struct client, link);

		if (!c->run) {
			client_free(c);
			return true;
		}
	}
	return false;
}

static struct client *client_make(struct commands *commands_, int fd)
{
	struct client *c = make_room(commands_) ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		control_send(fd, 'e', STR("too many clients at the control socket; try again\n"));
		control_send_exit(fd, CONTROL_REFUSED);
		close(fd);
		return NULL;
	}
	c->commands = commands_;
	c->fd = fd;
	c->watch.fd = -1;
	list_append(&commands_->clients, &c->link);
	commands_->n_clients++;
	loop_timer_init(&c->silence, client_is_silent);
	return c;
}

static void client_new(struct commands *commands_, int fd)
{
	struct loop *l = commands_->supervisor->loop;
	struct client *c = client_make(commands_, fd);

	if (!c)
		return;
	if (!loop_fd_add(l, &c->watch, fd, LOOP_READ, client_ready)) {
		client_free(c);
		return;
	}
	loop_timer_set(l, &c->silence, loop_now(l) + COMMANDS_SILENCE_US);
}

/* The client that waits would wake us again and again. */
static void listener_pause(struct commands *c, int error)
{
	struct loop *l = c->supervisor->loop;

	loop_fd_del(&c->listener);
	loop_timer_set(l, &c->pause, loop_now(l) + PAUSE_US);
	if (c->pause_told_at && loop_now(l) - c->pause_told_at < TELL_AGAIN_US)
		return;
	c->pause_told_at = loop_now(l);
	log_warn("control socket: clients wait, none can be accepted: %s; raise the limit of open "
		 "files (LimitNOFILE=, ulimit -n)",
		 strerror(error));
}

static void listener_ready(struct loop_fd *f, unsigned what)
{
	struct commands *c = list_of(f, struct commands, listener);
	int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd >= 0)
		client_new(c, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		listener_pause(c, errno);
}

static void pause_is_over(struct loop_timer *t)
{
	struct commands *c = list_of(t, struct commands, pause);
	struct loop *l = c->supervisor->loop;

	if (!loop_fd_add(l, &c->listener, c->fd, LOOP_READ, listener_ready))
		loop_timer_set(l, t, loop_now(l) + PAUSE_US);
}

void commands_init(struct commands *c, struct supervisor *sv)
{
	c->supervisor = sv;
	c->n_clients = 0;
	c->pause_told_at = 0;
	loop_timer_init(&c->pause, pause_is_over);
	c->listener.fd = -1;
	c->listener.event = NULL;
	list_init(&c->clients);
}

bool commands_open(struct commands *c, int fd)
{
	c->fd = fd;
	return loop_fd_add(c->supervisor->loop, &c->listener, fd, LOOP_READ, listener_ready);
}

/* ---- an upgrade ---- */

void commands_hand_over(const struct commands *c, struct handover *h)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &c->clients)
	{
		const struct client *client = list_of(e, struct client, link);
		struct handover_client *to = &h->clients[h->n_clients];

		if (h->n_clients == HANDOVER_CLIENTS)
			return;
		h->n_clients++;
		to->fd = client->fd;
		to->waits = client->upgrade ? HANDOVER_UPGRADE
			    : client->run   ? HANDOVER_RELOAD
					    : HANDOVER_NOTHING;
	}
}

void commands_adopt(struct commands *c, const struct handover_client *from, uint64_t run)
{
	int fd = handover_copy(from->fd);
	struct client *client;

	if (fd < 0)
		return;
	if (from->waits == HANDOVER_NOTHING) {
		client_new(c, fd);
		return;
	}
	client = client_make(c, fd);
	if (!client)
		return;
	client->upgrade = from->waits == HANDOVER_UPGRADE;
	client->run = client->upgrade ? run : run + 1;
}

/* ---- the end of what clients wait for ---- */

static int describe_upgrade(const struct supervisor *sv, char *to, size_t size)
{
	uint64_t connections = stats_get(sv->own_board->old_connections);
	int n = snprintf(to, size, "upgraded: hpcbald %s took over from %s: generation %llu",
			 sv->own_board->version, sv->upgrade.from,
			 (unsigned long long)sv->reload.running->number);

	if (connections)
		n += snprintf(to + n, size - (size_t)n,
			      "; %llu connections end in the old proxy, within %llu s",
			      (unsigned long long)connections,
			      (unsigned long long)(sv->reload.running->m->drain_us / CLOCK_SEC));
	return n + snprintf(to + n, size - (size_t)n, "\n");
}

static void tell_reload(struct client *c, bool ok, const struct report *report)
{
	struct supervisor *sv = c->commands->supervisor;
	char text[256];
	int n;

	if (!ok) {
		client_end(c, 'e', report_text(report), CONTROL_REFUSED);
		return;
	}
	if (c->upgrade)
		n = describe_upgrade(sv, text, sizeof(text));
	else
		n = snprintf(text, sizeof(text), "reloaded: generation %llu\n",
			     (unsigned long long)sv->reload.running->number);
	if (control_send(c->fd, 'o', (struct str){text, (size_t)n}))
		client_end(c, 'e', report_text(report), CONTROL_DONE);
	else
		client_free(c);
}

void commands_reload_done(struct commands *c, uint64_t run, bool upgrade, bool ok,
			  const struct report *report)
{
	struct list *e, *tmp;

	list_each_safe(e, tmp, &c->clients)
	{
		struct client *client = list_of(e, struct client, link);

		if (client->upgrade ? upgrade : client->run && client->run <= run)
			tell_reload(client, ok, report);
	}
}

void commands_close(struct commands *c)
{
	struct list *e, *tmp;

	loop_fd_del(&c->listener);
	loop_timer_stop(&c->pause);
	list_each_safe(e, tmp, &c->clients)
		client_end(list_of(e, struct client, link), 'e', STR("hpcbald is stopping\n"),
			   CONTROL_REFUSED);
}
