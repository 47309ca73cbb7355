#include "vrrp_node.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "netns_lan.h"
#include "vrrp/vrrp.h"

void vrrp_node_set_address(struct vrrp_node *n, unsigned which, const char *text)
{
	struct brief_address *a = &n->brief.routers[0].addresses[which];
	char ip[64];
	const char *slash = strchr(text, '/');

	memset(a, 0, sizeof(*a));
	snprintf(a->text, sizeof(a->text), "%s", text);
	snprintf(ip, sizeof(ip), "%.*s", (int)(slash - text), text);
	a->ip.size = strchr(ip, ':') ? 16 : 4;
	ck_assert_int_eq(inet_pton(a->ip.size == 16 ? AF_INET6 : AF_INET, ip, a->ip.bytes), 1);
	a->prefix = (uint8_t)atoi(slash + 1);
	a->advertised = 1;
}

void vrrp_node_init(struct vrrp_node *n, int namespace, const char *interface, uint8_t priority)
{
	struct brief_router *r = &n->brief.routers[0];

	memset(n, 0, sizeof(*n));
	n->namespace = namespace;
	n->brief.n_routers = 1;
	snprintf(r->name, sizeof(r->name), "VI");
	snprintf(r->interface, sizeof(r->interface), "%s", interface);
	r->version = 3;
	r->vrid = 51;
	r->priority = priority;
	r->preempt = r->accept = 1;
	r->garp_count = 5;
	r->garp_refresh_us = 60 * CLOCK_SEC;
	r->interval_us = 100 * CLOCK_MS;
	r->proxy_grace_us = 500 * CLOCK_MS;
	r->notify = BRIEF_NONE;
	r->n_addresses = 1;
	vrrp_node_set_address(n, 0, "10.9.0.100/24");
	n->board_fd = board_create("test-vrrp", sizeof(*n->board), (void **)&n->board);
	n->supervisor_fd = board_create("test-supervisor", sizeof(*n->supervisor),
					(void **)&n->supervisor);
	n->proxy_fd = board_create("test-proxy", sizeof(*n->proxy), (void **)&n->proxy);
	ck_assert(n->board_fd >= 0 && n->supervisor_fd >= 0 && n->proxy_fd >= 0);
	stats_set(n->supervisor->process[BOARD_PROXY].running, 1);
}

static void hello(struct vrrp_node *n)
{
	struct msg m = { .type = MSG_HELLO, .n_fds = 3 };

	m.fds[0] = n->board_fd;
	m.fds[1] = board_reader(n->supervisor_fd);
	m.fds[2] = board_reader(n->proxy_fd);
	ck_assert_int_eq(msg_send(n->sock, &m), MSG_OK);
	close(m.fds[1]);
	close(m.fds[2]);
}

static void fork_process(struct vrrp_node *n)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	n->pid = fork();
	ck_assert_int_ge(n->pid, 0);
	if (n->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		netns_enter(n->namespace);
		_exit(vrrp_main(pair[1]));
	}
	close(pair[1]);
	n->sock = pair[0];
}

void vrrp_node_send(struct vrrp_node *n, enum msg_type type, uint64_t arg, const char *text,
		    int fd)
{
	struct msg m = { .type = type, .arg = arg, .text = str_of(text) };

	if (fd >= 0) {
		m.fds[0] = fd;
		m.n_fds = 1;
	}
	ck_assert_int_eq(msg_send(n->sock, &m), MSG_OK);
}

static void keep(char *to, size_t size, const char *text, size_t n)
{
	size_t used = strlen(to);

	if (used + n + 2 > size)
		return;
	for (size_t i = 0; i < n; i++)
		to[used + i] = text[i] ? text[i] : ' ';
	to[used + n] = '\n';
	to[used + n + 1] = '\0';
}

/* MSG_COUNT: nothing but lines and notifications came. */
static enum msg_type take(struct vrrp_node *n, bool wait, char *text, size_t size)
{
	static char buf[MSG_TEXT_MAX + 1];
	struct msg m;

	while (wait || readable(n->sock, 0)) {
		ck_assert_msg(readable(n->sock, PATIENCE_US), "no answer:\n%.500s", n->said);
		ck_assert_msg(msg_recv(n->sock, &m, buf) == MSG_OK, "it is gone:\n%.500s",
			      n->said);
		msg_close_fds(&m);
		if (m.type == MSG_SAY) {
			keep(n->said, sizeof(n->said), m.text.p, m.text.n);
		} else if (m.type == MSG_NOTIFY) {
			keep(n->notified, sizeof(n->notified), m.text.p, m.text.n - 1);
			n->notifier = m.arg;
		} else {
			if (text)
				str_copy(text, size, m.text);
			return m.type;
		}
	}
	return MSG_COUNT;
}

void vrrp_node_listen(struct vrrp_node *n)
{
	ck_assert_int_eq(take(n, false, NULL, 0), MSG_COUNT);
}

bool vrrp_node_said(struct vrrp_node *n, const char *part)
{
	vrrp_node_listen(n);
	return strstr(n->said, part) != NULL;
}

enum msg_type vrrp_node_answer(struct vrrp_node *n)
{
	return take(n, true, NULL, 0);
}

enum msg_type vrrp_node_prepare(struct vrrp_node *n, char *text, size_t size)
{
	int fd = brief_write(&n->brief);

	ck_assert_int_ge(fd, 0);
	vrrp_node_send(n, MSG_PREPARE, ++n->generation, "", fd);
	close(fd);
	return take(n, true, text, size);
}

void vrrp_node_reload(struct vrrp_node *n)
{
	char text[512] = "";
	enum msg_type got = vrrp_node_prepare(n, text, sizeof(text));

	ck_assert_msg(got == MSG_PREPARED, "%s: %s", msg_type_name(got), text);
	vrrp_node_send(n, MSG_COMMIT, n->generation, "", -1);
	ck_assert_int_eq(take(n, true, NULL, 0), MSG_COMMITTED);
}

void vrrp_node_start(struct vrrp_node *n)
{
	fork_process(n);
	hello(n);
	ck_assert_int_eq(take(n, true, NULL, 0), MSG_HELLO_OK);
	vrrp_node_reload(n);
}

static int reap(struct vrrp_node *n)
{
	int status = 0;

	ck_assert_int_eq(waitpid(n->pid, &status, 0), n->pid);
	close(n->sock);
	n->pid = 0;
	return status;
}

bool vrrp_node_stop(struct vrrp_node *n)
{
	int status;

	vrrp_node_send(n, MSG_STOP, 0, "", -1);
	status = reap(n);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void vrrp_node_kill(struct vrrp_node *n)
{
	kill(n->pid, SIGKILL);
	reap(n);
	board_vrrp_died(n->board);
}

enum control_exit vrrp_node_command(struct vrrp_node *n, const char *words, size_t size, char *out,
				    size_t out_size)
{
	static char buf[CONTROL_PACKET_MAX];
	struct msg m = { .type = MSG_CONTROL, .text = { words, size }, .n_fds = 1 };
	struct control_packet p;
	int pair[2];
	size_t used = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	m.fds[0] = pair[1];
	ck_assert_int_eq(msg_send(n->sock, &m), MSG_OK);
	close(pair[1]);
	for (;;) {
		ck_assert(readable(pair[0], PATIENCE_US));
		ck_assert(control_read(pair[0], &p, buf));
		ck_assert_msg(p.kind, "no exit status: %s", out);
		if (p.kind == 'x')
			break;
		used += (size_t)snprintf(out + used, out_size - used, "%c %.*s\n", p.kind,
					 STR_ARGS(p.body));
	}
	close(pair[0]);
	return (enum control_exit)p.body.p[0];
}

enum control_exit vrrp_node_demote(struct vrrp_node *n, const char *words, size_t size, char *out,
				   size_t out_size)
{
	enum control_exit status;

	for (;;) {
		*out = '\0';
		status = vrrp_node_command(n, words, size, out, out_size);
		if (!strstr(out, "for another reason"))
			return status;
		WAIT_FOR(vrrp_node_stood_still(n));
		ck_assert_int_eq(vrrp_node_command(n, "promote", 7, out, out_size), CONTROL_DONE);
		vrrp_node_wait(n, BOARD_ROUTER_MASTER);
	}
}

void vrrp_node_proxy_runs(struct vrrp_node *n, bool runs)
{
	stats_set(n->supervisor->process[BOARD_PROXY].running, runs);
}

struct router_facts vrrp_node_facts(struct vrrp_node *n, unsigned which)
{
	struct board_router *r = &n->board->routers[which];
	struct router_facts f;
	bool whole = false;

	/* On a busy machine the writer can be stopped in the middle. */
	for (unsigned i = 0; i < 1000 && !whole; i++) {
		whole = board_read_block(&r->turn, &f, &r->facts, sizeof(f));
		if (!whole)
			usleep(1000);
	}
	ck_assert(whole);
	return f;
}

bool vrrp_node_is(struct vrrp_node *n, enum board_router_state state)
{
	return vrrp_node_facts(n, 0).state == state;
}

void vrrp_node_wait(struct vrrp_node *n, enum board_router_state state)
{
	uint64_t until = clock_now_us() + PATIENCE_US;

	while (!vrrp_node_is(n, state)) {
		struct router_facts f = vrrp_node_facts(n, 0);

		vrrp_node_listen(n);
		ck_assert_msg(clock_now_us() < until, "it is %s, not %s (%s)\n%s",
			      board_router_state_name((enum board_router_state)f.state),
			      board_router_state_name(state), f.faults, n->said);
		usleep(1000);
	}
}

void vrrp_node_forget(struct vrrp_node *n)
{
	vrrp_node_listen(n);
	*n->said = '\0';
}

bool vrrp_node_stood_still(struct vrrp_node *n)
{
	if (n->pid)
		vrrp_node_listen(n);
	return strstr(n->said, "stood still for longer") ||
	       strstr(n->said, "the master fell silent");
}

bool vrrp_node_has(struct vrrp_node *n, const char *address)
{
	const char *list;

	netns_enter(n->namespace);
	list = netns_output("ip -o addr show");
	return strstr(list, address) != NULL;
}
