#include "supervisor/limits.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_BESIDE 256
#define FILES_MOST (UINT64_MAX / 4)

uint64_t limits_files_needed(uint64_t max_connections)
{
	if (max_connections > FILES_MOST)
		max_connections = FILES_MOST;
	return 2 * max_connections + FILES_BESIDE;
}

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
