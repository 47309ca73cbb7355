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

/* Where a core of an unprivileged process can be written, when the kernel's core_pattern is a
 * relative name. */
#define CORE_DIRECTORY "/var/lib/hpcbal"
#define CORE_SUBDIRECTORY CORE_DIRECTORY "/cores"

#define FALLBACK_USER "nobody"

/* What each role may do. */
static const struct rights {
	const char *name;
	const char *user;                    /* NULL: stays who it is */
	bool (*filter)(char *why, int size); /* system calls; NULL: all */
} rights[ROLE_COUNT] = {
	/* It reads files that only root may read (private keys), lives for a moment, and
	 * nothing from the network reaches it. */
	[ROLE_LOADER] = {"loader", NULL, NULL},
	[ROLE_PROXY] = {"proxy", HPCBAL_USER, filter_proxy},
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
static void enter_core_directory(const struct passwd *user)
{
	if (mkdir(CORE_DIRECTORY, 0755) != 0 && errno != EEXIST)
		return;
	if (mkdir(CORE_SUBDIRECTORY, 0700) != 0 && errno != EEXIST)
		return;
	if (chown(CORE_SUBDIRECTORY, user->pw_uid, user->pw_gid) != 0 ||
	    chdir(CORE_SUBDIRECTORY) != 0)
		return;
}

static bool change_user(const char *name, char *why, int size)
{
	const struct passwd *user = find_user(name);
	int rc;

	if (!user) {
		snprintf(why, (size_t)size, "there is neither a user %s nor %s; make the first",
			 name, FALLBACK_USER);
		return false;
	}
	enter_core_directory(user);
	capng_clear(CAPNG_SELECT_ALL);
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

static bool drop_capabilities(char *why, int size)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) == 0)
		return true;
	snprintf(why, (size_t)size, "giving up capabilities failed: %s", strerror(errno));
	return false;
}

bool rights_take(enum role r, char *why, int size)
{
	const struct rights *row = &rights[r];

	/* The time zone's file is read now: a filter may not let it be opened later. */
	tzset();
	if (row->user && geteuid() == 0 && !change_user(row->user, why, size))
		return false;
	if (row->user && !drop_capabilities(why, size))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		snprintf(why, (size_t)size, "no_new_privs failed: %s", strerror(errno));
		return false;
	}
	/* Changing the user has forbidden cores; hpcbald wants one to read. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return !row->filter || row->filter(why, size);
}
