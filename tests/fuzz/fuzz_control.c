/* What a stranger sends to the supervisor's control socket, over the socket itself. Whatever it
 * is, it is answered in whole packets with one exit status at the end, or handed to a
 * child as it came; the client is then forgotten, and no byte of its words comes back that a
 * terminal would obey. The first byte says how the client behaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/assert.h"
#include "ipc/fdpass.h"
#include "supervisor/edition.h"
#include "supervisor/state.h"

#define HOW_RELOAD_FAILS 1
#define HOW_NO_CHILD 2
#define HOW_STOPPING 4
#define HOW_HANGS_UP 8
#define HOW_SENDS_FD 16
#define HOW_SENDS_TWICE 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
uint64_t __wrap_reload_ask(struct reload *r);
void __wrap_reload_ask_upgrade(struct reload *r);
bool __wrap_children_control(struct supervisor *sv, enum board_process slot, int client,
			     struct str request, char *why, size_t size);

static struct supervisor sv;
static struct sockaddr_un address;
static socklen_t address_size = sizeof(sa_family_t);
static int null;
static struct str sent;
static uint8_t how;
static bool handed;

uint64_t __wrap_reload_ask(struct reload *r)
{
	return ++r->run;
}

void __wrap_reload_ask_upgrade(struct reload *r)
{
	++r->run;
}

bool __wrap_children_control(struct supervisor *s, enum board_process slot, int client,
			     struct str request, char *why, size_t size)
{
	must(s == &sv && client >= 0 && str_eq(request, sent));
	must(slot == BOARD_VRRP || slot == BOARD_PROXY);
	handed = !(how & HOW_NO_CHILD);
	snprintf(why, size, "it is just starting\n");
	return handed;
}

static void prepare(void)
{
	static struct board_supervisor board = { .version = "1.2.3" };
	static struct edition edition = { .number = 7 };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	address.sun_family = AF_UNIX; /* and no path: the kernel finds a name */
	must(listener >= 0 && null >= 0);
	must(bind(listener, (struct sockaddr *)&address, address_size) == 0);
	address_size = sizeof(address);
	must(getsockname(listener, (struct sockaddr *)&address, &address_size) == 0);
	must(listen(listener, 8) == 0);
	sv.loop = loop_new();
	must(sv.loop);
	sv.own_board = &board;
	sv.reload.running = &edition;
	for (unsigned i = 0; i < CONTROL_BOARDS; i++)
		sv.shown[i] = null;
	events_add(&board.events, 1, "fuzz", STR("began"));
	commands_init(&sv.commands, &sv);
	must(commands_open(&sv.commands, listener));
}

static void serve(void)
{
	struct report report = { NULL, 0 };

	report_add(&report, "a line");
	for (unsigned i = 0; i < 3; i++)
		loop_turn(sv.loop, 0);
	for (unsigned upgrade = 0; upgrade < 2; upgrade++)
		commands_reload_done(&sv.commands, sv.reload.run, upgrade,
				     !(how & HOW_RELOAD_FAILS), &report);
	loop_turn(sv.loop, 0);
	must(sv.commands.n_clients == 0);
	report_clear(&report);
}

static void judge_text(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		must((text.p[i] >= ' ' && text.p[i] < 0x7f) || text.p[i] == '\n');
}

/* True: there is more to come. */
static bool read_answer(int fd)
{
	static char buf[CONTROL_PACKET_MAX];
	struct control_packet p;

	must(control_read(fd, &p, buf));
	must(p.n_fds == (p.kind == 'f' ? CONTROL_BOARDS : 0));
	fdpass_close(p.fds, &p.n_fds);
	switch (p.kind) {
	case 'o':
	case 'e':
		judge_text(p.body);
		return true;
	case 'f':
		must(p.body.n == 0);
		return true;
	case 'x':
		must(p.body.n == 1 && p.body.p[0] >= 0 && p.body.p[0] < CONTROL_NO_DAEMON);
		must(control_read(fd, &p, buf) && p.kind == 0);
		return false;
	default:
		must(p.kind == 0 && (handed || sent.n == 0));
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iovec iov;
	int fd;

	if (size < 1 || size > 2 * CONTROL_REQUEST_MAX)
		return 0;
	if (!sv.loop)
		prepare();
	how = data[0];
	handed = false;
	sv.phase = how & HOW_STOPPING ? SUPERVISOR_STOPPING : SUPERVISOR_RUNNING;
	sent = (struct str){ (const char *)data + 1, size - 1 };
	iov = (struct iovec){ (void *)(uintptr_t)sent.p, sent.n };
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	must(fd >= 0 && connect(fd, (struct sockaddr *)&address, address_size) == 0);
	for (int i = 0; i < (how & HOW_SENDS_TWICE ? 2 : 1); i++)
		must(fdpass_send(fd, &iov, 1, &null, how & HOW_SENDS_FD ? 1 : 0, 0) >= 0);
	if (how & HOW_HANGS_UP) {
		close(fd);
		serve();
		return 0;
	}
	serve();
	/* What was not read when the daemon closed makes the last read fail. */
	while (!(how & HOW_SENDS_TWICE) && read_answer(fd))
		;
	close(fd);
	return 0;
}
