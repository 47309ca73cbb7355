#include "supervisor/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What every role may call. By name: what this kernel or architecture does not have is left
 * out. */
static const char *const common[] = {
	/* bytes in and out */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "lseek",
	"close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "splice", "tee",
	"vmsplice", "sendfile", "sendfile64", "pipe", "pipe2", "memfd_create", "ftruncate",
	"ftruncate64", "fsync", "fdatasync",
	/* sockets; socket() itself is below */
	"recvfrom", "recvmsg", "recvmmsg", "recv", "sendto", "sendmsg", "sendmmsg", "send",
	"accept", "accept4", "bind", "listen", "connect", "shutdown", "getsockname", "getpeername",
	"getsockopt", "setsockopt", "socketpair",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"poll", "ppoll", "select", "pselect6", "_newselect", "eventfd", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "timerfd_settime64",
	"timerfd_gettime64", "signalfd", "signalfd4",
	/* memory */
	"mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "brk", "mlock", "munlock",
	/* threads; clone() itself is below */
	"futex", "futex_time64", "futex_waitv", "set_robust_list", "get_robust_list", "rseq",
	"set_tid_address", "membarrier", "sched_yield", "sched_getaffinity", "sched_setaffinity",
	"sched_getparam", "sched_getscheduler", "gettid", "exit", "exit_group", "arch_prctl",
	"prctl", "getcpu",
	/* signals: to its own threads only, for abort() */
	"tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigsuspend", "rt_sigpending",
	"sigaltstack", "restart_syscall",
	/* time and facts */
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
	"clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time",
	"getrandom", "getrusage", "getrlimit", "ugetrlimit", "prlimit64", "sysinfo", "uname",
	"times", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32",
	"geteuid32", "getgid32", "getegid32", "getresuid", "getresgid", "getpgrp", "fstat",
	"fstat64", "fstatfs", "stat", "stat64", "lstat", "lstat64", "newfstatat", "fstatat64",
	"statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd",
	"fadvise64",
};

#define N(list) (sizeof(list) / sizeof((list)[0]))

/* What sets the roles apart. */
struct filter {
	const int *families;
	size_t n_families;
	const unsigned long *requests; /* of ioctl() */
	size_t n_requests;
};

static const int proxy_families[] = {AF_INET, AF_INET6, AF_UNIX};
static const unsigned long proxy_requests[] = {FIONREAD, FIONBIO, TIOCOUTQ, TCGETS};
static const struct filter proxy_filter = {proxy_families, N(proxy_families), proxy_requests,
					   N(proxy_requests)};

/* Advertisements, ARP and neighbour discovery, routes and addresses. */
static const int vrrp_families[] = {AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK};
static const unsigned long vrrp_requests[] = {FIONREAD,     FIONBIO,     TCGETS,
					      SIOCGIFINDEX, SIOCGIFNAME, SIOCGIFHWADDR,
					      SIOCGIFFLAGS, SIOCGIFADDR, SIOCGIFMTU};
static const struct filter vrrp_filter = {vrrp_families, N(vrrp_families), vrrp_requests,
					  N(vrrp_requests)};

/* It is given its listening socket, and makes none. */
static const unsigned long admin_requests[] = {FIONREAD, FIONBIO, TIOCOUTQ, TCGETS};
static const struct filter admin_filter = {NULL, 0, admin_requests, N(admin_requests)};

static int allow_names(scmp_filter_ctx f)
{
	for (size_t i = 0; i < N(common); i++) {
		int call = seccomp_syscall_resolve_name(common[i]), rc;

		if (call == __NR_SCMP_ERROR)
			continue;
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 0);
		/* A call of other architectures only. */
		if (rc != 0 && rc != -EDOM)
			return rc;
	}
	return 0;
}

/* open() for reading only. */
static int allow_open(scmp_filter_ctx f)
{
	const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
	int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				  SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));

	return rc ? rc
		  : seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
}

static int allow_families(scmp_filter_ctx f, const struct filter *role)
{
	int rc = 0;

	for (size_t i = 0; i < role->n_families && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)role->families[i], 0));
	for (size_t i = 0; i < role->n_requests && !rc; i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)role->requests[i], 0));
	return rc;
}

/* Threads, no processes. The flags of clone3() lie in memory, where no filter can see them:
 * without it glibc takes clone(). */
static int allow_threads(scmp_filter_ctx f)
{
	const scmp_datum_t thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
	int rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				  SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));

	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static bool load(const struct filter *role, char *why, int size)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (!f) {
		snprintf(why, (size_t)size, "no memory for the system call filter");
		return false;
	}
	/* Where the kernel's audit takes such lines; elsewhere this is not known, and no harm. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);
	/* No foreign code runs in here that the costly mitigations would have to hold back. */
	seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = allow_names(f);
	rc = rc ? rc : allow_open(f);
	rc = rc ? rc : allow_families(f, role);
	rc = rc ? rc : allow_threads(f);
	rc = rc ? rc : seccomp_load(f);
	seccomp_release(f);
	if (rc == 0)
		return true;
	snprintf(why, (size_t)size,
		 "the system call filter cannot be loaded: %s; the kernel needs "
		 "CONFIG_SECCOMP_FILTER",
		 strerror(-rc));
	return false;
}

bool filter_proxy(char *why, int size)
{
	return load(&proxy_filter, why, size);
}

bool filter_vrrp(char *why, int size)
{
	return load(&vrrp_filter, why, size);
}

bool filter_admin(char *why, int size)
{
	return load(&admin_filter, why, size);
}
