#include "supervisor/realtime.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/log.h"
#include "config.h"

/* Above whatever else is said to be urgent, below the kernel's own threads that feed it. */
#define PRIORITY 50

static void take_class(void)
{
	const struct sched_param param = {.sched_priority = PRIORITY};

	if (sched_setscheduler(0, SCHED_RR, &param) == 0)
		return;
	log_warn("no real-time priority (%s): on a busy machine advertisements may come late, and "
		 "the other node take over; allow it: CAP_SYS_NICE, LimitRTPRIO=%d, and in "
		 "cgroups with real-time groups cpu.rt_runtime_us",
		 strerror(errno), PRIORITY);
}

#ifdef HPCBAL_SANITIZED

/* What a sanitizer maps for its notes is larger than any memory. */
static bool lock_memory(void)
{
	return true;
}

#else

/* The limit holds as soon as CAP_IPC_LOCK is given up: without this, what is mapped after
 * that would be refused, and the stack not grow. */
static bool lock_memory(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit now;

	if (getrlimit(RLIMIT_MEMLOCK, &now) != 0 ||
	    ((now.rlim_cur != RLIM_INFINITY || now.rlim_max != RLIM_INFINITY) &&
	     setrlimit(RLIMIT_MEMLOCK, &all) != 0))
		return false;
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

#endif

void realtime_take(void)
{
	take_class();
	if (!lock_memory())
		log_warn("memory cannot be locked (%s): when the machine swaps, advertisements "
			 "may come late, and the other node take over; allow it: CAP_IPC_LOCK and "
			 "LimitMEMLOCK=infinity (ulimit -l unlimited)",
			 strerror(errno));
}
