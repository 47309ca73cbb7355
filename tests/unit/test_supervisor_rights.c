/* What is left of root's rights in each role. */
#include "supervisor/rights.h"

#include <alloca.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#ifdef HPCBAL_SANITIZED
static const bool filtered = false;
#else
static const bool filtered = true;
#endif

/* In a process of its own, that libcheck need not be able to watch: 0 when `act` gives 0.
 * What it says goes to stderr. */
static int in_role(enum role r, int (*act)(void))
{
	char why[256];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (!rights_take(r, why, sizeof(why))) {
			fprintf(stderr, "%s\n", why);
			_exit(99);
		}
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Lines of /proc/self/status that begin with `name` and do not go on with `value`. */
static int status_differs(const char *name, const char *value)
{
	FILE *f = fopen("/proc/self/status", "re");
	int differ = 0, seen = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		seen++;
		if (strcmp(line + strlen(name), value) != 0) {
			fprintf(stderr, "%s", line);
			differ++;
		}
	}
	if (f)
		fclose(f);
	return seen ? differ : 1;
}

static int look_at_proxy(void)
{
	if (status_differs("CapInh:", "\t0000000000000000\n") ||
	    status_differs("CapPrm:", "\t0000000000000000\n") ||
	    status_differs("CapEff:", "\t0000000000000000\n") ||
	    status_differs("CapAmb:", "\t0000000000000000\n"))
		return 1;
	if (status_differs("NoNewPrivs:", "\t1\n"))
		return 2;
	if (filtered && status_differs("Seccomp:", "\t2\n"))
		return 3;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 0 : 4;
}

static int look_at_user(void)
{
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0)
		return 1;
	if (status_differs("Groups:", "\t \n") ||
	    status_differs("CapBnd:", "\t0000000000000000\n"))
		return 2;
	return setuid(0) == -1 && seteuid(0) == -1 ? 0 : 3;
}

START_TEST(proxy_has_no_rights)
{
	ck_assert_int_eq(in_role(ROLE_PROXY, look_at_proxy), 0);
	/* Started by a user, it stays that user. */
	if (geteuid() == 0)
		ck_assert_int_eq(in_role(ROLE_PROXY, look_at_user), 0);
}
END_TEST

/* ---- vrrp ---- */

/* CAP_NET_ADMIN and CAP_NET_RAW. */
#define TWO "\t0000000000003000\n"

static int look_at_vrrp(void)
{
	if (status_differs("CapInh:", "\t0000000000000000\n") || status_differs("CapPrm:", TWO) ||
	    status_differs("CapEff:", TWO) || status_differs("CapAmb:", "\t0000000000000000\n"))
		return 1;
	if (status_differs("NoNewPrivs:", "\t1\n"))
		return 2;
	if (filtered && status_differs("Seccomp:", "\t2\n"))
		return 3;
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? look_at_user() : 4;
}

START_TEST(vrrp_has_two_rights)
{
	if (geteuid() == 0)
		ck_assert_int_eq(in_role(ROLE_VRRP, look_at_vrrp), 0);
}
END_TEST

/* Whether this process could. */
static bool may_be_real_time(void)
{
	const struct sched_param param = {.sched_priority = 1};

	return sched_setscheduler(0, SCHED_RR, &param) == 0;
}

static bool may_lock_all(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_MEMLOCK, &all) == 0 && mlockall(MCL_CURRENT) == 0;
}

static bool may[2];

static int look_at_class_and_memory(void)
{
	struct sched_param param = {0};

	if (may[0] && (sched_getscheduler(0) != SCHED_RR ||
		       sched_getparam(0, &param) != 0 || param.sched_priority != 50))
		return 1;
	/* Refused or not: memory can be had afterwards, in the heap and on the stack. */
	if (filtered && may[1] == !status_differs("VmLck:", "\t       0 kB\n"))
		return 2;
	memset(alloca(4 << 20), 1, 4 << 20);
	return malloc(64 << 20) ? 0 : 3;
}

START_TEST(vrrp_is_urgent_and_stays_in_memory)
{
	bool (*const asked[])(void) = {may_be_real_time, may_lock_all};

	if (geteuid() != 0)
		return;
	for (unsigned i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(asked[i]() ? 0 : 1);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		may[i] = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	ck_assert_int_eq(in_role(ROLE_VRRP, look_at_class_and_memory), 0);
}
END_TEST

START_TEST(vrrp_without_its_rights_says_so)
{
	char why[256] = "";
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		if (rights_take(ROLE_VRRP, why, sizeof(why)))
			_exit(2);
		_exit(strstr(why, "the vrrp process needs the capability net_") &&
				      strstr(why, "start it as root")
			      ? 0
			      : 3);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* ---- the runner and the loader ---- */

static int exec_true(void)
{
	char *argv[] = {(char *)"true", NULL};

	execv("/bin/true", argv);
	return 1;
}

static int look_at_runner(void)
{
	return status_differs("CapPrm:", "\t0000000000000000\n") ||
	       status_differs("CapEff:", "\t0000000000000000\n") ||
	       status_differs("NoNewPrivs:", "\t1\n");
}

START_TEST(runner_has_no_rights_but_starts_programs)
{
	ck_assert_int_eq(in_role(ROLE_RUNNER, exec_true), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(in_role(ROLE_RUNNER, look_at_user), 0);
	ck_assert_int_eq(in_role(ROLE_RUNNER, look_at_runner), 0);
}
END_TEST

static uid_t was;

static int look_at_loader(void)
{
	if (geteuid() != was || status_differs("NoNewPrivs:", "\t1\n"))
		return 1;
	return open("/dev/null", O_RDWR) >= 0 ? 0 : 2;
}

START_TEST(loader_stays_who_it_is_but_gains_nothing)
{
	was = geteuid();
	ck_assert_int_eq(in_role(ROLE_LOADER, look_at_loader), 0);
}
END_TEST

/* ---- admin ---- */

static int niceness;

static int look_at_admin(void)
{
	int want = niceness + 10 < 19 ? niceness + 10 : 19, found = -1;
	FILE *f = fopen("/proc/self/stat", "re");

	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
			    "%*d %*d %d", &found) != 1)
		return 6;
	fclose(f);
	return found == want ? look_at_proxy() : 5;
}

START_TEST(admin_has_no_rights_and_is_nice)
{
	niceness = getpriority(PRIO_PROCESS, 0);
	ck_assert_int_eq(in_role(ROLE_ADMIN, look_at_admin), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(in_role(ROLE_ADMIN, look_at_user), 0);
}
END_TEST

/* ---- what the proxy, vrrp and admin must not do ---- */

static int try_write(void)
{
	return open("/dev/null", O_WRONLY);
}

static int try_create(void)
{
	return open("/tmp/hpcbal-must-not-be", O_RDONLY | O_CREAT, 0600);
}

static int try_exec(void)
{
	char *argv[] = {(char *)"true", NULL};

	return execv("/bin/true", argv);
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return (int)pid;
}

static int try_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int try_mount(void)
{
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int try_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_kill_parent(void)
{
	return kill(getppid(), 0);
}

static int try_unlink(void)
{
	return unlink("/tmp/hpcbal-is-not-there");
}

static int try_chdir(void)
{
	return chdir("/");
}

static int thread_of_own(void);

static const struct {
	const char *name;
	int (*attempt)(void);
	bool of_vrrp, of_proxy;
} forbidden[] = {
	{"open for writing", try_write, true, true},
	{"create", try_create, true, true},
	{"execve", try_exec, true, true},
	{"fork", try_fork, true, true},
	{"ptrace", try_ptrace, true, true},
	{"mount", try_mount, true, true},
	{"AF_PACKET", try_packet_socket, false, true},
	{"AF_NETLINK", try_netlink_socket, false, true},
	{"kill", try_kill_parent, true, true},
	{"unlink", try_unlink, true, true},
	{"chdir", try_chdir, true, true},
	{"a thread", thread_of_own, false, false},
};

static int attempt_number;

static int attempt(void)
{
	errno = 0;
	if (forbidden[attempt_number].attempt() != -1)
		return 1;
	return errno == EPERM ? 0 : 2;
}

static void must_not(enum role r, int i)
{
	int rc;

	if (!filtered)
		return;
	attempt_number = i;
	rc = in_role(r, attempt);
	ck_assert_msg(rc != 1, "%s was let through", forbidden[i].name);
	ck_assert_msg(rc == 0, "%s: %d", forbidden[i].name, rc);
}

START_TEST(proxy_must_not)
{
	if (forbidden[_i].of_proxy)
		must_not(ROLE_PROXY, _i);
}
END_TEST

static int make_a_socket(void)
{
	errno = 0;
	return socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM ? 0 : 1;
}

START_TEST(admin_must_not)
{
	if (forbidden[_i].of_proxy)
		must_not(ROLE_ADMIN, _i);
	/* It has its socket, and reaches nobody. */
	if (filtered)
		ck_assert_int_eq(in_role(ROLE_ADMIN, make_a_socket), 0);
}
END_TEST

START_TEST(vrrp_must_not)
{
	if (forbidden[_i].of_vrrp && geteuid() == 0)
		must_not(ROLE_VRRP, _i);
}
END_TEST

/* ---- what it needs ---- */

static void *thread_main(void *arg)
{
	*(int *)arg = 1;
	return arg;
}

static int make_sockets(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX};

	for (unsigned i = 0; i < 3; i++) {
		int fd = socket(families[i], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0 && errno != EAFNOSUPPORT)
			return 1;
		close(fd);
	}
	return 0;
}

static int make_thread(void)
{
	pthread_t thread;
	int ran = 0;

	return pthread_create(&thread, NULL, thread_main, &ran) != 0 ||
	       pthread_join(thread, NULL) != 0 || !ran;
}

static int thread_of_own(void)
{
	pthread_t thread;
	int ran = 0;
	int rc = pthread_create(&thread, NULL, thread_main, &ran);

	errno = rc;
	return rc ? -1 : 0;
}

static int move_bytes(void)
{
	int pipes[2], fd = memfd_create("x", MFD_CLOEXEC);

	if (fd < 0 || pipe2(pipes, O_CLOEXEC) != 0 || ftruncate(fd, 4096) != 0)
		return 1;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 2;
	return splice(fd, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK) == 4096 ? 0 : 3;
}

static int wait_for_things(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), event = eventfd(1, EFD_NONBLOCK);
	struct epoll_event e = {.events = EPOLLIN};

	if (epoll < 0 || event < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e) != 0)
		return 1;
	return epoll_wait(epoll, &e, 1, 1000) == 1 ? 0 : 2;
}

static int read_things(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return open("/dev/null", O_RDONLY) < 0 || !localtime_r(&now, &tm) || !malloc(64 << 20);
}

static int make_vrrp_sockets(void)
{
	static const int kinds[][3] = {
		{AF_INET, SOCK_RAW, 112},
		{AF_INET6, SOCK_RAW, IPPROTO_ICMPV6},
		{AF_PACKET, SOCK_RAW, 0},
		{AF_NETLINK, SOCK_RAW, 0},
	};

	for (unsigned i = 0; i < 4; i++) {
		int fd = socket(kinds[i][0], kinds[i][1] | SOCK_NONBLOCK | SOCK_CLOEXEC,
				kinds[i][2]);

		if (fd < 0 && errno != EAFNOSUPPORT)
			return 1;
		if (fd >= 0 && i < 3 &&
		    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) != 0 && i != 2)
			return 2;
		close(fd);
	}
	return 0;
}

static int ask_interfaces(void)
{
	static const unsigned long requests[] = {SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFFLAGS};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = {.ifr_name = "lo"};

	for (unsigned i = 0; i < 3; i++)
		if (ioctl(fd, requests[i], &r) != 0)
			return 1;
	return if_nametoindex("lo") && ioctl(fd, SIOCSIFFLAGS, &r) != 0 && errno == EPERM ? 0 : 2;
}

static int wait_for_a_timer(void)
{
	const struct itimerspec soon = {.it_value = {.tv_nsec = 1000000}};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t n;

	return fd < 0 || timerfd_settime(fd, 0, &soon, NULL) != 0 || read(fd, &n, 8) != 8;
}

static int (*const needed_of_vrrp[])(void) = {make_vrrp_sockets, ask_interfaces,  wait_for_a_timer,
					      make_sockets,      wait_for_things, read_things};

START_TEST(vrrp_may_do_its_work)
{
	/* Without a filter the last call of this one would be carried out. */
	if (geteuid() == 0 && (filtered || needed_of_vrrp[_i] != ask_interfaces))
		ck_assert_int_eq(in_role(ROLE_VRRP, needed_of_vrrp[_i]), 0);
}
END_TEST

static int (*const needed[])(void) = {make_sockets, make_thread, move_bytes, wait_for_things,
				      read_things};

START_TEST(proxy_may_do_its_work)
{
	ck_assert_int_eq(in_role(ROLE_PROXY, needed[_i]), 0);
}
END_TEST

static int abort_now(void)
{
	abort();
}

START_TEST(those_that_are_filtered_may_abort)
{
	ck_assert_int_eq(in_role(ROLE_PROXY, abort_now), -SIGABRT);
	ck_assert_int_eq(in_role(ROLE_ADMIN, abort_now), -SIGABRT);
	if (geteuid() == 0)
		ck_assert_int_eq(in_role(ROLE_VRRP, abort_now), -SIGABRT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("supervisor_rights");
	TCase *t = tcase_create("rights");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, proxy_has_no_rights);
	tcase_add_test(t, loader_stays_who_it_is_but_gains_nothing);
	tcase_add_test(t, vrrp_has_two_rights);
	tcase_add_test(t, vrrp_is_urgent_and_stays_in_memory);
	tcase_add_test(t, vrrp_without_its_rights_says_so);
	tcase_add_test(t, runner_has_no_rights_but_starts_programs);
	tcase_add_loop_test(t, vrrp_must_not, 0, (int)(sizeof(forbidden) / sizeof(forbidden[0])));
	tcase_add_loop_test(t, vrrp_may_do_its_work, 0,
			    (int)(sizeof(needed_of_vrrp) / sizeof(needed_of_vrrp[0])));
	tcase_add_test(t, admin_has_no_rights_and_is_nice);
	tcase_add_loop_test(t, admin_must_not, 0, (int)(sizeof(forbidden) / sizeof(forbidden[0])));
	tcase_add_loop_test(t, proxy_must_not, 0, (int)(sizeof(forbidden) / sizeof(forbidden[0])));
	tcase_add_loop_test(t, proxy_may_do_its_work, 0,
			    (int)(sizeof(needed) / sizeof(needed[0])));
	tcase_add_test(t, those_that_are_filtered_may_abort);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
