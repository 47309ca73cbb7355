#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_child.h"
#include "ipc/bundle.h"
#include "ipc/msg.h"
#include "ipc/sealed.h"

bool fake_find(struct str script, const char *word, struct str *value)
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

uint64_t fake_number(struct str script, const char *word, uint64_t otherwise)
{
	struct str value;
	uint64_t n;

	return fake_find(script, word, &value) && str_to_u64(value, &n) ? n : otherwise;
}

static void script_copy(struct str script, const char *word, char *to, size_t size)
{
	struct str value;

	if (fake_find(script, word, &value))
		str_copy(to, size, value);
}

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

static void add_admin(struct manifest *m, struct str script)
{
	struct manifest_listener *l = &m->listeners[m->n_listeners];
	struct str address;

	if (!fake_find(script, "admin", &address))
		return;
	if (addr_parse(&l->addr, address))
		exit(9);
	str_copy(l->text, sizeof(l->text), address);
	l->backlog = 16;
	m->has_admin = 1;
}

static void add_programs(struct manifest *m, struct str script)
{
	m->n_programs = (uint32_t)fake_number(script, "programs", 0);
	for (uint32_t i = 0; i < m->n_programs; i++) {
		m->programs[i].kind = MANIFEST_NOTIFY;
		m->programs[i].timeout_us = CLOCK_SEC;
		strcpy(m->programs[i].path, "/nowhere/to/be/found");
	}
}

static void fill(struct manifest *m, struct str script, const char *path)
{
	m->threads = (uint32_t)fake_number(script, "threads", 1);
	m->max_connections = fake_number(script, "max", 100);
	m->grace_us = fake_number(script, "grace", 1000) * CLOCK_MS;
	m->prepare_us = fake_number(script, "prepare", 9000) * CLOCK_MS;
	m->n_routers = (uint32_t)fake_number(script, "routers", 0);
	m->log_facility = LOG_LOCAL0;
	strcpy(m->log_target, "none");
	strcpy(m->node, "lb1");
	str_copy(m->config_file, sizeof(m->config_file), str_of(path));
	script_copy(script, "control", m->control_socket, sizeof(m->control_socket));
	script_copy(script, "log", m->log_target, sizeof(m->log_target));
	add_binds(m, script);
	add_admin(m, script);
	add_programs(m, script);
}

int fake_loader(const char *path)
{
	static struct manifest m;
	static char text[FAKE_SCRIPT_MAX];
	FILE *f = fopen(path, "re");
	struct msg out = {.type = MSG_BUNDLE};
	struct str script = {text, 0}, value;

	if (!f)
		return 8;
	script.n = fread(text, 1, sizeof(text), f);
	if (fake_find(script, "loader_dies", &value))
		abort();
	if (fake_find(script, "loader_babbles", &value))
		return send(MSG_CHILD_FD, "x", 1, 0) == 1 ? sleep(30), 0 : 1;
	if (fake_find(script, "fault", &value)) {
		out.type = MSG_FAULTS;
		out.text = value;
		msg_send(MSG_CHILD_FD, &out);
		return 1;
	}
	fill(&m, script, path);
	fake_find(script, "warn", &out.text);
	out.fds[out.n_fds++] = bundle_write(&m, NULL, script);
	/* The supervisor does not read it: it may as well be the script. */
	if (m.n_routers && !fake_find(script, "unbriefed", &value))
		out.fds[out.n_fds++] = sealed_make("brief", &script, 1);
	return msg_send(MSG_CHILD_FD, &out) == MSG_OK ? 0 : 7;
}
