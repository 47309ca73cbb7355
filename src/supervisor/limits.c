#include "supervisor/limits.h"

#include <cap-ng.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>

/* Root alone is not enough where a unit or a container leaves it few capabilities. */
static bool may_raise_limits(void)
{
	capng_get_caps_process();
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_RESOURCE);
}

uint64_t limits_files_possible(void)
{
	unsigned long long kernel = 1024 * 1024;
	struct rlimit files;
	FILE *f;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return 1024;
	if (!may_raise_limits())
		return files.rlim_max;
	f = fopen("/proc/sys/fs/nr_open", "re");
	if (!f)
		return files.rlim_max;
	if (fscanf(f, "%llu", &kernel) != 1)
		kernel = files.rlim_max;
	fclose(f);
	return kernel > files.rlim_max ? kernel : files.rlim_max;
}
