#include "fake_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ipc/board.h"
#include "ipc/bundle.h"
#include "ipc/control.h"
#include "ipc/limit_board.h"
#include "ipc/msg.h"
#include "ipc/sealed.h"

enum who { PROXY, VRRP, RUNNER, ADMIN, KINDS };

static const char *const names[KINDS] = {"proxy", "vrrp", "runner", "admin"};
static const char *const prefixes[KINDS] = {"", "vrrp_", "runner_", "admin_"};

static struct fake {
	enum who who;
	struct board_proxy *proxy_board;
	struct board_vrrp *vrrp_board;
	struct board_beat *beat_board;
	int prepared[MANIFEST_LISTENERS], listeners[MANIFEST_LISTENERS];
	unsigned n_prepared, n_listeners;
	char next[FAKE_SCRIPT_MAX], script[FAKE_SCRIPT_MAX];
	uint64_t generation, asked, since_us, prepared_us, stop_us;
} self;

static char buf[MSG_TEXT_MAX + 1];

/* ---- what it is to do ---- */

static const char *word_of(const char *word)
{
	static char own[64];

	snprintf(own, sizeof(own), "%s%s", prefixes[self.who], word);
	return own;
}

static bool find(const char *script, const char *word, struct str *value)
{
	return fake_find(str_of(script), word_of(word), value);
}

static bool has(const char *script, const char *word)
{
	struct str value;

	return find(script, word, &value);
}

/* The first that comes takes the file away. */
static bool is_once(const char *word)
{
	struct str value;
	char path[256];

	return find(self.next, word, &value) && str_copy(path, sizeof(path), value) &&
	       unlink(path) == 0;
}

static bool journal_has(const char *script, const char *part)
{
	static char text[65536];
	struct str value;
	char path[256];
	FILE *f;

	if (!fake_find(str_of(script), "journal", &value))
		return false;
	str_copy(path, sizeof(path), value);
	f = fopen(path, "re");
	if (!f)
		return false;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return strstr(text, part) != NULL;
}

/* By the journal, the proxy has been told to take what we have prepared. */
static bool proxy_commits(void)
{
	char line[64];

	snprintf(line, sizeof(line), "proxy COMMIT %llu", (unsigned long long)self.asked);
	return journal_has(self.next, line);
}

static bool may_stop(void)
{
	struct str value;
	char part[128];

	return !find(self.script, "stop_awaits", &value) ||
	       (str_copy(part, sizeof(part), value) && journal_has(self.script, part));
}

static void await_file(const char *word)
{
	struct str value;
	char path[256];

	if (!find(self.next, word, &value) || !str_copy(path, sizeof(path), value))
		return;
	while (access(path, F_OK) == 0)
		usleep(1000);
}

/* One write() a line: others write there, too. */
static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	const char *script = *self.next ? self.next : self.script;
	char path[256], line[512];
	struct str value;
	va_list ap;
	int fd, n;

	if (!fake_find(str_of(script), "journal", &value))
		return;
	str_copy(path, sizeof(path), value);
	n = snprintf(line, sizeof(line), "%s ", names[self.who]);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(10);
	close(fd);
}

static void note_message(const struct msg *m)
{
	char text[256];
	size_t n = m->text.n < sizeof(text) - 1 ? m->text.n : sizeof(text) - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = m->text.p[i] ? m->text.p[i] : ' ';
	text[n] = '\0';
	note("%s %llu %s", msg_type_name(m->type), (unsigned long long)m->arg, text);
}

static void say(enum msg_type type, uint64_t arg, struct str text)
{
	struct msg m = {.type = type, .arg = arg, .text = text};

	if (msg_send(MSG_CHILD_FD, &m) != MSG_OK)
		_exit(6);
}

/* ---- messages ---- */

/* Of admin: all boards, and none of them to write. */
static void take_all_boards(const struct msg *m)
{
	static const size_t sizes[CONTROL_BOARDS] = {
		sizeof(struct board_supervisor), sizeof(struct board_proxy),
		sizeof(struct board_vrrp), sizeof(struct board_limits)};
	const char *why;

	if (m->n_fds != CONTROL_BOARDS + 1)
		_exit(5);
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		if (!board_map(m->fds[i], sizes[i], false, &why) ||
		    board_map(m->fds[i], sizes[i], true, &why))
			_exit(5);
	self.beat_board = board_map(m->fds[CONTROL_BOARDS], sizeof(*self.beat_board), true, &why);
	if (!self.beat_board)
		_exit(5);
	say(MSG_HELLO_OK, 0, STR_NONE);
}

static void on_hello(const struct msg *m)
{
	const char *why;

	if (self.who == ADMIN) {
		take_all_boards(m);
		return;
	}
	if (self.who == PROXY)
		self.proxy_board = board_map(m->fds[0], sizeof(*self.proxy_board), true, &why);
	if (self.who == VRRP)
		self.vrrp_board = board_map(m->fds[0], sizeof(*self.vrrp_board), true, &why);
	if (self.who == RUNNER)
		self.beat_board = board_map(m->fds[0], sizeof(*self.beat_board), true, &why);
	if (self.who == RUNNER && !self.beat_board)
		_exit(5);
	if (m->n_fds != (self.who == RUNNER ? 1 : self.who == PROXY ? 5 : 3))
		_exit(5);
	if (self.who == PROXY && !board_map(m->fds[BOARD_LIMITS_FD], sizeof(struct board_limits),
					    true, &why))
		_exit(5);
	if (self.who == PROXY &&
	    (!self.proxy_board || !board_map(m->fds[2], sizeof(struct board_vrrp), false, &why)))
		_exit(5);
	if (self.who == VRRP &&
	    (!self.vrrp_board || !board_map(m->fds[2], sizeof(struct board_proxy), false, &why)))
		_exit(5);
	if (self.who != RUNNER &&
	    !board_map(m->fds[1], sizeof(struct board_supervisor), false, &why))
		_exit(5);
	if (self.proxy_board)
		stats_set(self.proxy_board->pid, getpid());
	if (self.vrrp_board)
		stats_set(self.vrrp_board->pid, getpid());
	say(MSG_HELLO_OK, 0, STR_NONE);
}

static void read_bundle(const struct msg *m)
{
	const char *why;
	size_t size;
	const struct manifest *bundle = bundle_map(m->fds[0], &size, &why);

	if (!bundle || (self.who == PROXY && bundle->n_listeners != self.n_prepared))
		_exit(4);
	str_copy(self.next, sizeof(self.next), bundle_sections(bundle));
	bundle_unmap(bundle, size);
}

static void read_brief(const struct msg *m)
{
	const char *why;
	size_t size;
	const char *brief = sealed_map(m->fds[0], 1, sizeof(self.next) - 1, &size, &why);

	if (!brief)
		_exit(4);
	str_copy(self.next, sizeof(self.next), (struct str){brief, size});
	munmap((void *)(uintptr_t)brief, size);
}

static void on_prepare(const struct msg *m)
{
	struct str value;

	if (m->n_fds != (self.who != ADMIN) || (self.who == ADMIN && self.n_prepared != 1))
		_exit(4);
	if (self.who == VRRP)
		read_brief(m);
	else if (self.who != ADMIN)
		read_bundle(m);
	note_message(m);
	if (has(self.next, "dies_at_prepare"))
		abort();
	if (find(self.next, "refuse", &value)) {
		say(MSG_REFUSED, m->arg, value);
	} else if (!has(self.next, "silent")) {
		self.prepared_us = clock_now_us();
		self.asked = m->arg;
		say(MSG_PREPARED, m->arg, STR_NONE);
	}
}

static void say_more(void)
{
	struct str value;

	if (find(self.script, "mutters", &value)) {
		fprintf(stderr, "%.*s\nno end", STR_ARGS(value));
		close(STDERR_FILENO);
		close(STDOUT_FILENO);
	}
	if (find(self.script, "event", &value))
		say(MSG_EVENT, 0, value);
	if (has(self.script, "log_lost"))
		say(MSG_LOG_LOST, 0, STR_NONE);
	if (find(self.script, "notifies", &value))
		say(MSG_NOTIFY, MSG_PROGRAM(self.generation, 1), value);
	if (find(self.script, "scripts", &value))
		say(MSG_SCRIPT, MSG_PROGRAM(self.generation, 2), value);
}

static void on_commit(const struct msg *m)
{
	if (has(self.next, "dies_at_commit") || is_once("dies_once"))
		abort();
	if (has(self.next, "uncommitted") || is_once("silent_once"))
		return;
	for (unsigned i = 0; i < self.n_listeners; i++)
		close(self.listeners[i]);
	memcpy(self.listeners, self.prepared, sizeof(self.listeners));
	self.n_listeners = self.n_prepared;
	self.n_prepared = 0;
	await_file("commit_awaits");
	usleep((useconds_t)fake_number(str_of(self.next), word_of("commit_takes"), 0) * 1000);
	strcpy(self.script, self.next);
	self.next[0] = '\0';
	self.generation = m->arg;
	self.since_us = clock_now_us();
	self.prepared_us = 0;
	if (self.vrrp_board)
		stats_set(self.vrrp_board->routers[0].used, 1);
	say(MSG_COMMITTED, m->arg, STR_NONE);
	say_more();
}

static void forget(void)
{
	while (self.n_prepared)
		close(self.prepared[--self.n_prepared]);
	self.next[0] = '\0';
	self.prepared_us = 0;
}

static void on_control(const struct msg *m)
{
	if (m->n_fds != 1)
		_exit(11);
	control_send(m->fds[0], 'o', STR("the steps\n"));
	control_send_exit(m->fds[0], CONTROL_DONE);
}

static void on_message(struct msg *m)
{
	if (m->type != MSG_PREPARE && m->type != MSG_HELLO && m->type != MSG_LOG)
		note_message(m);
	switch (m->type) {
	case MSG_HELLO:
		on_hello(m);
		break;
	case MSG_LOG:
		/* A line into the new target, so that a test sees where it leads. */
		if (m->n_fds && dprintf(m->fds[0], "log kind %u\n", (unsigned)(m->arg & 0xff)) < 0)
			_exit(3);
		break;
	case MSG_LISTENER:
		if (self.who != ADMIN && (m->arg != self.n_prepared || self.who != PROXY))
			_exit(3);
		self.prepared[self.n_prepared++] = m->fds[0];
		m->n_fds = 0;
		break;
	case MSG_PREPARE:
		on_prepare(m);
		break;
	case MSG_COMMIT:
		on_commit(m);
		break;
	case MSG_ABORT:
		forget();
		break;
	case MSG_STOP:
		if (!has(self.script, "ignores_stop"))
			self.stop_us = clock_now_us() +
				       fake_number(str_of(self.script), word_of("stop_takes"), 0) *
					       CLOCK_MS;
		break;
	case MSG_CONTROL:
		on_control(m);
		break;
	case MSG_NOTIFY:
		if (self.who != RUNNER)
			_exit(2);
		break;
	case MSG_SCRIPT:
		if (self.who != VRRP)
			_exit(2);
		break;
	default:
		_exit(2);
	}
	msg_close_fds(m);
}

/* ---- turns ---- */

static void serve(struct pollfd *polled)
{
	for (unsigned i = 0; i < self.n_listeners; i++) {
		int fd;

		if (!polled[i].revents)
			continue;
		fd = accept(self.listeners[i], NULL, NULL);
		if (fd < 0)
			continue;
		dprintf(fd, "%llu %d\n", (unsigned long long)self.generation, (int)getpid());
		close(fd);
	}
}

static void beat(uint64_t now)
{
	if (self.proxy_board)
		stats_set(self.proxy_board->main_beat_us, now);
	if (self.vrrp_board)
		stats_set(self.vrrp_board->beat_us, now);
	if (self.beat_board)
		stats_set(self.beat_board->beat_us, now);
}

static void act_on_time(void)
{
	uint64_t now = clock_now_us(), age = (now - self.since_us) / CLOCK_MS;
	struct str script = str_of(self.script);

	if (self.stop_us && now >= self.stop_us && may_stop()) {
		note("ends");
		_exit(0);
	}
	if (self.prepared_us &&
	    (now - self.prepared_us) / CLOCK_MS >=
		    fake_number(str_of(self.next), word_of("dies_prepared"), UINT64_MAX))
		abort();
	if (self.prepared_us && has(self.next, "dies_beside_proxy") && proxy_commits() &&
	    is_once("dies_beside_proxy"))
		abort();
	if (!self.generation)
		return;
	if (age >= fake_number(script, word_of("dies_after"), UINT64_MAX))
		raise(SIGSEGV);
	if (age < fake_number(script, word_of("hangs_after"), UINT64_MAX))
		beat(now);
}

static int run(enum who who)
{
	self.who = who;
	for (;;) {
		struct pollfd polled[1 + MANIFEST_LISTENERS] = {{MSG_CHILD_FD, POLLIN, 0}};
		struct msg m;

		for (unsigned i = 0; i < self.n_listeners; i++)
			polled[1 + i] = (struct pollfd){self.listeners[i], POLLIN, 0};
		poll(polled, 1 + self.n_listeners, 20);
		act_on_time();
		serve(polled + 1);
		if (!polled[0].revents)
			continue;
		if (msg_recv(MSG_CHILD_FD, &m, buf) != MSG_OK)
			return 0;
		on_message(&m);
		act_on_time();
	}
}

bool fake_child_run(int argc, char **argv, int *status)
{
	if (argc < 3 || strcmp(argv[1], "--role") != 0)
		return false;
	if (argc == 5 && strcmp(argv[2], "loader") == 0 && strcmp(argv[3], "--config") == 0) {
		*status = fake_loader(argv[4]);
		return true;
	}
	for (enum who who = PROXY; argc == 3 && who < KINDS; who++) {
		if (strcmp(argv[2], names[who]) == 0) {
			*status = run(who);
			return true;
		}
	}
	return false;
}
