#include "netns_lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In a child, so that the caller stays where it is. */
static int try_it(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return 1;
	if (system("ip link add va type veth peer name vb >/dev/null 2>&1") != 0)
		return 2;
	return 0;
}

static bool is_possible(char *why, unsigned size)
{
	static const char *const steps[] = {
		"", "a network namespace of one's own (CAP_SYS_ADMIN: run it as root)",
		"`ip link add ... type veth` (iproute2, and a kernel with veth)",
	};
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(try_it());
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		snprintf(why, size, "cannot start a process: %s", strerror(errno));
		return false;
	}
	if (WEXITSTATUS(status) == 0)
		return true;
	snprintf(why, size, "not to be had here: %s", steps[WEXITSTATUS(status) == 1 ? 1 : 2]);
	return false;
}

void netns_enter(int namespace)
{
	ck_assert_msg(setns(namespace, CLONE_NEWNET) == 0, "setns: %s", strerror(errno));
}

void netns_run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	ck_assert_msg(system(command) == 0, "failed: %s", command);
}

const char *netns_output(const char *format, ...)
{
	static char text[4096];
	char command[512];
	va_list args;
	FILE *f;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	pclose(f);
	return text;
}

/* Without waiting for duplicate address detection. */
static int new_namespace(void)
{
	int fd;

	ck_assert_msg(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno));
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	netns_run("for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad; done");
	netns_run("ip link set lo up");
	return fd;
}

static void dress(const char *name, int number)
{
	netns_run("ip link set %s address 02:00:00:00:00:0%d addrgenmode none", name, number);
	netns_run("ip link set %s up", name);
	netns_run("ip addr add 10.9.0.%d/24 dev %s", number, name);
	netns_run("ip addr add 2001:db8:9::%d/64 dev %s nodad", number, name);
	netns_run("ip addr add fe80::%d/64 dev %s nodad", number, name);
}

/* Also without duplicate address detection the kernel joins the group at which an IPv6 address is
 * asked for (RFC 4861, 7.2.1) a moment later only, and says nothing of it at the address. */
static bool hears_questions(const char *name, int number)
{
	char both[64];

	snprintf(both, sizeof(both), "ff02::1:ff00:%d users 2", number);
	return strstr(netns_output("ip -6 maddr show dev %s", name), both);
}

/* The kernel drops all frames until it has taken note of the carrier. */
static void settle(const char *name, int number)
{
	WAIT_FOR(!*netns_output("ip -6 -o addr show tentative"));
	WAIT_FOR(strstr(netns_output("ip -o link show %s", name), "state UP"));
	WAIT_FOR(hears_questions(name, number));
}

struct netns_lan netns_lan_make(void)
{
	struct sched_param real_time = { .sched_priority = 1 };
	struct netns_lan l;

	/* Without the right to it, a machine with too much to do may spoil what is timed. */
	sched_setscheduler(0, SCHED_RR, &real_time);
	l.b = new_namespace();
	l.a = new_namespace();
	netns_run("ip link add va type veth peer name vb netns /proc/%d/fd/%d", (int)getpid(),
		  l.b);
	netns_enter(l.b);
	dress("vb", 2);
	netns_enter(l.a);
	dress("va", 1);
	settle("va", 1);
	netns_enter(l.b);
	settle("vb", 2);
	netns_enter(l.a);
	return l;
}

void netns_give_up_root(void)
{
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
	ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
}

/* Each test is a process of its own, or the namespaces of one would be those of the next. */
int netns_run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	char why[256];
	int failed;

	if (!is_possible(why, sizeof(why))) {
		printf("skipped: %s\n", why);
		srunner_free(r);
		return 77;
	}
	srunner_set_fork_status(r, CK_FORK);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

struct vrrp_ip ip_of(const char *text)
{
	uint8_t bytes[16];

	if (strchr(text, ':')) {
		ck_assert_int_eq(inet_pton(AF_INET6, text, bytes), 1);
		return vrrp_ip_v6(bytes);
	}
	ck_assert_int_eq(inet_pton(AF_INET, text, bytes), 1);
	return vrrp_ip_v4(bytes);
}

bool readable(int fd, uint64_t wait_us)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, (int)(wait_us / 1000)) == 1;
}
