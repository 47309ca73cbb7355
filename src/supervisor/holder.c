#include "supervisor/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TCP_LISTENING 0x0a

/* The inode of the socket that listens on this port, 0 when none does. The address is not
 * compared: any address of the port is in the way of "*", and "*" of any. */
static unsigned long find_inode(const char *table, uint16_t port)
{
	FILE *f = fopen(table, "re");
	unsigned long inode = 0;
	char line[512];

	while (f && !inode && fgets(line, sizeof(line), f)) {
		unsigned long found;
		unsigned local, state;

		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
			   &local, &state, &found) == 3 &&
		    state == TCP_LISTENING && local == port)
			inode = found;
	}
	if (f)
		fclose(f);
	return inode;
}

static unsigned long find_unix_inode(const char *path)
{
	FILE *f = fopen("/proc/net/unix", "re");
	unsigned long inode = 0;
	char line[512];

	while (f && !inode && fgets(line, sizeof(line), f)) {
		char found_path[256] = "";
		unsigned long found;

		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %255[^\n]", &found, found_path) ==
			    2 &&
		    strcmp(found_path, path) == 0)
			inode = found;
	}
	if (f)
		fclose(f);
	return inode;
}

static bool process_has(const char *pid, const char *link)
{
	char path[300], target[64];
	struct dirent *d;
	bool has = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !has && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);

		if (n > 0) {
			target[n] = '\0';
			has = strcmp(target, link) == 0;
		}
	}
	if (dir)
		closedir(dir);
	return has;
}

/* The first process that holds the inode, 0: none that we may look into. */
static long find_process(unsigned long inode)
{
	struct dirent *d;
	long pid = 0;
	char link[64];
	DIR *dir;

	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	dir = opendir("/proc");
	while (dir && !pid && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]) && process_has(d->d_name, link))
			pid = strtol(d->d_name, NULL, 10);
	if (dir)
		closedir(dir);
	return pid;
}

static void name_of(long pid, char *to, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	snprintf(to, size, "a program");
	f = fopen(path, "re");
	if (f && fgets(to, (int)size, f))
		to[strcspn(to, "\n")] = '\0';
	if (f)
		fclose(f);
}

static unsigned long inode_of(const struct addr *a)
{
	const char *first = "/proc/net/tcp", *second = "/proc/net/tcp6";
	unsigned long inode;

	if (a->u.sa.sa_family == AF_UNIX)
		return find_unix_inode(a->u.un.sun_path);
	if (a->u.sa.sa_family == AF_INET6) {
		first = "/proc/net/tcp6";
		second = "/proc/net/tcp";
	}
	inode = find_inode(first, addr_port(a));
	return inode ? inode : find_inode(second, addr_port(a));
}

void holder_describe(const struct addr *a, char *to, size_t size)
{
	unsigned long inode = inode_of(a);
	long pid = inode ? find_process(inode) : 0;
	char name[64];

	if (!pid) {
		snprintf(to, size,
			 "; another program listens there (\"ss -lp\" shows it to root): stop it, "
			 "or take another address");
	} else if (pid == (long)getpid()) {
		snprintf(to, size,
			 "; this hpcbald itself holds it for another bind: remove that "
			 "one by a reload of its own first");
	} else {
		name_of(pid, name, sizeof(name));
		snprintf(to, size,
			 "; %s (pid %ld) listens there: stop it, or take another address", name,
			 pid);
	}
}
