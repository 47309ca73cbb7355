#include "fake_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/board.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"

static char buf[MSG_TEXT_MAX + 1];

/* The value behind a word of the script; false when the word is not there. */
static bool script_find(struct str script, const char *word, struct str *value)
{
	struct str rest = script, line;

	while (str_split(&rest, '\n', &line)) {
		struct str key = line;
		ptrdiff_t space = str_find_char(line, ' ');

		if (space >= 0)
			key = str_first(line, (size_t)space);
		if (!str_eq(key, str_of(word)))
			continue;
		*value = space >= 0 ? str_from(line, (size_t)space + 1) : STR_NONE;
		return true;
	}
	return false;
}

static uint64_t script_number(struct str script, const char *word, uint64_t otherwise)
{
	struct str value;
	uint64_t n;

	return script_find(script, word, &value) && str_to_u64(value, &n) ? n : otherwise;
}

static void script_copy(struct str script, const char *word, char *to, size_t size)
{
	struct str value;

	if (script_find(script, word, &value))
		str_copy(to, size, value);
}

/* ---- loader ---- */

static void add_binds(struct manifest *m, struct str script)
{
	struct str rest = script, line;

	while (str_split(&rest, '\n', &line)) {
		struct manifest_listener *l = &m->listeners[m->n_listeners];

		if (!str_begins(line, STR("bind ")))
			continue;
		line = str_from(line, 5);
		if (addr_parse(&l->addr, line))
			exit(9);
		str_copy(l->text, sizeof(l->text), line);
		strcpy(l->frontend_name, "front");
		l->backlog = 16;
		m->n_listeners++;
	}
}

static int load(const char *path)
{
	static struct manifest m;
	static char text[16384];
	FILE *f = fopen(path, "re");
	struct msg out = {.type = MSG_BUNDLE};
	struct str script = {text, 0}, value;

	if (!f)
		return 8;
	script.n = fread(text, 1, sizeof(text), f);
	if (script_find(script, "loader_dies", &value))
		abort();
	if (script_find(script, "loader_babbles", &value))
		return send(MSG_CHILD_FD, "x", 1, 0) == 1 ? sleep(30), 0 : 1;
	if (script_find(script, "fault", &value)) {
		out.type = MSG_FAULTS;
		out.text = value;
		msg_send(MSG_CHILD_FD, &out);
		return 1;
	}
	m.threads = (uint32_t)script_number(script, "threads", 1);
	m.max_connections = script_number(script, "max", 100);
	m.grace_us = script_number(script, "grace", 1000) * CLOCK_MS;
	m.prepare_us = script_number(script, "prepare", 500) * CLOCK_MS;
	m.log_facility = LOG_LOCAL0;
	strcpy(m.log_target, "none");
	strcpy(m.node, "lb1");
	str_copy(m.config_file, sizeof(m.config_file), str_of(path));
	script_copy(script, "control", m.control_socket, sizeof(m.control_socket));
	script_copy(script, "log", m.log_target, sizeof(m.log_target));
	add_binds(&m, script);
	script_find(script, "warn", &out.text);
	out.fds[0] = bundle_write(&m, script);
	out.n_fds = 1;
	return msg_send(MSG_CHILD_FD, &out) == MSG_OK ? 0 : 7;
}

/* ---- proxy ---- */

struct proxy {
	struct board_proxy *board;
	const struct board_supervisor *supervisor;
	int prepared[MANIFEST_LISTENERS], listeners[MANIFEST_LISTENERS];
	unsigned n_prepared, n_listeners;
	char next[16384], script[16384];
	uint64_t generation, since_us;
	int log_fd;
};

static void say(enum msg_type type, uint64_t arg, struct str text)
{
	struct msg m = {.type = type, .arg = arg, .text = text};

	if (msg_send(MSG_CHILD_FD, &m) != MSG_OK)
		_exit(6);
}

static void on_hello(struct proxy *p, const struct msg *m)
{
	const char *why;

	p->board = board_map(m->fds[0], sizeof(*p->board), true, &why);
	p->supervisor = board_map(m->fds[1], sizeof(*p->supervisor), false, &why);
	if (!p->board || !p->supervisor || m->n_fds != 3)
		_exit(5);
	stats_set(p->board->pid, getpid());
	say(MSG_HELLO_OK, 0, STR_NONE);
}

static void on_prepare(struct proxy *p, const struct msg *m)
{
	const struct manifest *bundle;
	const char *why;
	struct str value, script;
	size_t size;

	bundle = bundle_map(m->fds[0], &size, &why);
	if (!bundle || bundle->n_listeners != p->n_prepared)
		_exit(4);
	str_copy(p->next, sizeof(p->next), bundle_sections(bundle));
	bundle_unmap(bundle, size);
	script = str_of(p->next);
	if (script_find(script, "dies_at_prepare", &value))
		abort();
	if (script_find(script, "refuse", &value))
		say(MSG_REFUSED, m->arg, value);
	else if (!script_find(script, "silent", &value))
		say(MSG_PREPARED, m->arg, STR_NONE);
}

static void on_commit(struct proxy *p, const struct msg *m)
{
	struct str script = str_of(p->next), value;

	if (script_find(script, "uncommitted", &value))
		return;
	for (unsigned i = 0; i < p->n_listeners; i++)
		close(p->listeners[i]);
	memcpy(p->listeners, p->prepared, sizeof(p->listeners));
	p->n_listeners = p->n_prepared;
	p->n_prepared = 0;
	strcpy(p->script, p->next);
	p->generation = m->arg;
	p->since_us = clock_now_us();
	say(MSG_COMMITTED, m->arg, STR_NONE);
	if (script_find(str_of(p->script), "mutters", &value)) {
		fprintf(stderr, "%.*s\nno end", STR_ARGS(value));
		close(STDERR_FILENO);
		close(STDOUT_FILENO);
	}
	if (script_find(str_of(p->script), "event", &value))
		say(MSG_EVENT, 0, value);
	if (script_find(str_of(p->script), "log_lost", &value))
		say(MSG_LOG_LOST, 0, STR_NONE);
}

static void forget(struct proxy *p)
{
	while (p->n_prepared)
		close(p->prepared[--p->n_prepared]);
}

static void on_message(struct proxy *p, struct msg *m)
{
	struct str value;

	switch (m->type) {
	case MSG_HELLO:
		on_hello(p, m);
		break;
	case MSG_LOG:
		/* A line into the new target, so that a test sees where it leads. */
		if (m->n_fds && dprintf(m->fds[0], "log kind %u\n", (unsigned)(m->arg & 0xff)) < 0)
			_exit(3);
		break;
	case MSG_LISTENER:
		if (m->arg != p->n_prepared)
			_exit(3);
		p->prepared[p->n_prepared++] = m->fds[0];
		m->n_fds = 0;
		break;
	case MSG_PREPARE:
		on_prepare(p, m);
		break;
	case MSG_COMMIT:
		on_commit(p, m);
		break;
	case MSG_ABORT:
		forget(p);
		break;
	case MSG_STOP:
		if (!script_find(str_of(p->script), "ignores_stop", &value))
			_exit(0);
		break;
	default:
		_exit(2);
	}
	msg_close_fds(m);
}

static void serve(struct proxy *p, struct pollfd *polled)
{
	for (unsigned i = 0; i < p->n_listeners; i++) {
		int fd;

		if (!polled[i].revents)
			continue;
		fd = accept(p->listeners[i], NULL, NULL);
		if (fd < 0)
			continue;
		dprintf(fd, "%llu %d\n", (unsigned long long)p->generation, (int)getpid());
		close(fd);
	}
}

static void act_on_time(struct proxy *p)
{
	uint64_t age = (clock_now_us() - p->since_us) / CLOCK_MS;
	struct str script = str_of(p->script);

	if (!p->generation)
		return;
	if (age >= script_number(script, "dies_after", UINT64_MAX))
		raise(SIGSEGV);
	if (age < script_number(script, "hangs_after", UINT64_MAX))
		stats_set(p->board->main_beat_us, clock_now_us());
}

static int proxy(void)
{
	static struct proxy p;

	for (;;) {
		struct pollfd polled[1 + MANIFEST_LISTENERS] = {{MSG_CHILD_FD, POLLIN, 0}};
		struct msg m;

		for (unsigned i = 0; i < p.n_listeners; i++)
			polled[1 + i] = (struct pollfd){p.listeners[i], POLLIN, 0};
		poll(polled, 1 + p.n_listeners, 20);
		act_on_time(&p);
		serve(&p, polled + 1);
		if (!polled[0].revents)
			continue;
		if (msg_recv(MSG_CHILD_FD, &m, buf) != MSG_OK)
			return 0;
		on_message(&p, &m);
	}
}

bool fake_child_run(int argc, char **argv, int *status)
{
	if (argc == 5 && strcmp(argv[1], "--role") == 0 && strcmp(argv[2], "loader") == 0 &&
	    strcmp(argv[3], "--config") == 0)
		*status = load(argv[4]);
	else if (argc == 3 && strcmp(argv[1], "--role") == 0 && strcmp(argv[2], "proxy") == 0)
		*status = proxy();
	else
		return false;
	return true;
}
