#include "loader/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who beside root may write to it, or NULL. In a sticky directory nobody can replace what is
 * not his. */
static const char *writer_of(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "its owner";
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX))
		return NULL;
	if (st->st_mode & S_IWOTH)
		return "everybody";
	return (st->st_mode & S_IWGRP) && st->st_gid != 0 ? "its group" : NULL;
}

/* The file and every directory on the way to it, but the root. */
static enum program_verdict judge_writers(const char *path, char why[PROGRAM_WHY])
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return PROGRAM_GOOD;
	memcpy(part, path, n + 1);
	for (;;) {
		const char *who = NULL;
		struct stat st;

		if (stat(part, &st) == 0)
			who = writer_of(&st);
		if (who) {
			snprintf(
				why, PROGRAM_WHY,
				"%s, who is not root, may change \"%s\", and so what is run; give "
				"it to root, and run chmod go-w \"%s\"",
				who, part, part);
			return PROGRAM_DOUBTFUL;
		}
		while (n > 1 && part[n - 1] != '/')
			n--;
		if (n <= 1)
			return PROGRAM_GOOD;
		part[--n] = '\0';
	}
}

static enum program_verdict judge_mode(const char *path, const struct stat *st,
				       char why[PROGRAM_WHY])
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(why, PROGRAM_WHY, "it is %s; name the program itself",
			 S_ISDIR(st->st_mode) ? "a directory" : "no plain file");
		return PROGRAM_BAD;
	}
	if (!(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) {
		snprintf(why, PROGRAM_WHY, "it is not executable; run chmod 755 \"%s\"", path);
		return PROGRAM_BAD;
	}
	if (!(st->st_mode & S_IXOTH)) {
		snprintf(why, PROGRAM_WHY,
			 "the user nobody, as whom it is run, may not do so; run chmod 755 \"%s\"",
			 path);
		return PROGRAM_DOUBTFUL;
	}
	return PROGRAM_GOOD;
}

enum program_verdict program_judge(const char *path, char why[PROGRAM_WHY])
{
	enum program_verdict verdict;
	char real[PATH_MAX];
	struct stat st;

	if (stat(path, &st) != 0) {
		snprintf(why, PROGRAM_WHY, "%s; %s", strerror(errno),
			 errno == ENOENT || errno == ENOTDIR
				 ? "check the path; it is the program alone, without arguments"
				 : "make it reachable, or run this as root");
		return PROGRAM_BAD;
	}
	verdict = judge_mode(path, &st, why);
	if (verdict == PROGRAM_GOOD)
		verdict = judge_writers(path, why);
	if (verdict == PROGRAM_GOOD && realpath(path, real))
		verdict = judge_writers(real, why);
	return verdict;
}
