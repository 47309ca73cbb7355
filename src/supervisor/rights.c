#include "supervisor/rights.h"

#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "supervisor/filter.h"
#include "supervisor/realtime.h"

/* Where a core of an unprivileged process can be written, when the kernel's core_pattern is a
 * relative name. */
#define CORE_DIRECTORY "/var/lib/hpcbal"

#define FALLBACK_USER "nobody"

#define CAPABILITIES 2

/* What each role may do. */
static const struct rights {
	const char *name;
	const char *user;                    /* NULL: stays who it is */
	const char *cores;                   /* its core directory; NULL: none */
	unsigned capability[CAPABILITIES];   /* the first n_capabilities of them */
	unsigned n_capabilities;
	bool real_time;
	int nice;                            /* added to its priority for the CPU */
	int oom_score;                       /* when memory is out the highest is ended first */
	bool (*filter)(char *why, int size); /* system calls; NULL: all */
} rights[ROLE_COUNT] = {
	/* It reads files that only root may read (private keys), lives for a moment, and
	 * nothing from the network reaches it. */
	[ROLE_LOADER] = {.name = "loader"},
	[ROLE_PROXY] = {
		.name = "proxy",
		.user = HPCBAL_USER,
		.cores = CORE_DIRECTORY "/cores",
		.oom_score = -500,
		.filter = filter_proxy,
	},
	[ROLE_VRRP] = {
		.name = "vrrp",
		.user = HPCBAL_VRRP_USER,
		.cores = CORE_DIRECTORY "/cores-vrrp",
		.capability = {CAP_NET_ADMIN, CAP_NET_RAW},
		.n_capabilities = 2,
		.real_time = true,
		.oom_score = -1000,
		.filter = filter_vrrp,
	},
	/* It looks at memory of the supervisor's, answers, and ends. */
	[ROLE_TRIAL] = {.name = "trial"},
	/* It starts programs of others, which may make any call that their user may. */
	[ROLE_RUNNER] = {.name = "runner", .user = HPCBAL_RUNNER_USER},
	/* Anybody may ask it anything: it has nothing but the boards to read, and never the CPU
	 * that a worker wants. */
	[ROLE_ADMIN] = {
		.name = "admin",
		.user = HPCBAL_ADMIN_USER,
		.cores = CORE_DIRECTORY "/cores-admin",
		.nice = 10,
		.filter = filter_admin,
	},
};

const char *role_name(enum role r)
{
	return rights[r].name;
}

static const struct passwd *find_user(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user)
		return user;
	log_warn("there is no user %s: running as %s, which other programs share; "
		 "make it: useradd --system --no-create-home --shell /usr/sbin/nologin %s",
		 name, FALLBACK_USER, name);
	return getpwnam(FALLBACK_USER);
}

/* The directory is for the dead only: that it cannot be had is no reason not to live. */
static void enter_core_directory(const char *name, const struct passwd *user)
{
	if (!name || (mkdir(CORE_DIRECTORY, 0755) != 0 && errno != EEXIST))
		return;
	if (mkdir(name, 0700) != 0 && errno != EEXIST)
		return;
	if (chown(name, user->pw_uid, user->pw_gid) != 0 || chdir(name) != 0)
		return;
}

/* What it may keep, and nothing else. libcap-ng before 0.8 does not know of ambient ones. */
static void select_capabilities(const struct rights *row)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned i = 0; i < row->n_capabilities; i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, row->capability[i]);
}

static bool change_user(const struct rights *row, char *why, int size)
{
	const struct passwd *user = find_user(row->user);
	int rc;

	if (!user) {
		snprintf(why, (size_t)size, "there is neither a user %s nor %s; make the first",
			 row->user, FALLBACK_USER);
		return false;
	}
	enter_core_directory(row->cores, user);
	select_capabilities(row);
	rc = capng_change_id((int)user->pw_uid, (int)user->pw_gid,
			     CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (rc == 0)
		return true;
	snprintf(why, (size_t)size,
		 "changing to user %s failed (libcap-ng says %d: %s); start hpcbald as root with "
		 "CAP_SETUID, CAP_SETGID and CAP_SETPCAP",
		 user->pw_name, rc, strerror(errno));
	return false;
}

static bool drop_capabilities(const struct rights *row, char *why, int size)
{
	select_capabilities(row);
	if (capng_apply(CAPNG_SELECT_CAPS) == 0)
		return true;
	snprintf(why, (size_t)size, "giving up capabilities failed: %s", strerror(errno));
	return false;
}

/* Asked first: what is missing would be found out only by a socket that cannot be had. */
static bool has_capabilities(const struct rights *row, char *why, int size)
{
	capng_get_caps_process();
	for (unsigned i = 0; i < row->n_capabilities; i++) {
		if (capng_have_capability(CAPNG_PERMITTED, row->capability[i]))
			continue;
		snprintf(why, (size_t)size,
			 "the %s process needs the capability %s, which hpcbald does not have; "
			 "start it as root, or allow it (CapabilityBoundingSet= in the unit, "
			 "--cap-add of a container)",
			 row->name, capng_capability_to_name(row->capability[i]));
		return false;
	}
	return true;
}

/* The supervisor may be the last that the kernel would end. Its children are not worth so
 * much, and to say so of oneself is allowed to anybody. */
static void take_oom_score(int score)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "r+e");
	int now;

	if (!f)
		return;
	if (fscanf(f, "%d", &now) == 1 && now < score) {
		rewind(f);
		fprintf(f, "%d", score);
	}
	fclose(f);
}

bool rights_take(enum role r, char *why, int size)
{
	const struct rights *row = &rights[r];

	/* The time zone's file is read now: a filter may not let it be opened later. */
	tzset();
	take_oom_score(row->oom_score);
	if (!has_capabilities(row, why, size))
		return false;
	if (row->real_time)
		realtime_take();
	/* Anybody may become nicer. */
	if (row->nice && nice(row->nice) == -1)
		errno = 0;
	if (row->user && geteuid() == 0 && !change_user(row, why, size))
		return false;
	if (row->user && !drop_capabilities(row, why, size))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, (size_t)size, "no_new_privs failed: %s", strerror(errno));
		return false;
	}
	/* Changing the user has forbidden cores; hpcbald wants one to read. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return !row->filter || row->filter(why, size);
}
