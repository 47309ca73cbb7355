#include "supervisor/limits.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

uint64_t limits_files_possible(void)
{
	unsigned long long kernel = 1024 * 1024;
	struct rlimit files;
	FILE *f;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return 1024;
	if (geteuid() != 0)
		return files.rlim_max;
	f = fopen("/proc/sys/fs/nr_open", "re");
	if (!f)
		return files.rlim_max;
	if (fscanf(f, "%llu", &kernel) != 1)
		kernel = files.rlim_max;
	fclose(f);
	return kernel > files.rlim_max ? kernel : files.rlim_max;
}
