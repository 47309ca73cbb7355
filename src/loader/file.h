/* Whole files into memory, for a loader that runs as root: only plain ones, of bounded
 * size, and never waiting for one. */
#ifndef HPCBAL_LOADER_FILE_H
#define HPCBAL_LOADER_FILE_H

#include <sys/types.h>

#include "base/arena.h"
#include "ipc/bundle.h"

#define FILE_SIZE_MAX (16u << 20)
#define FILE_WHY 256

struct file_id {
	dev_t dev;
	ino_t ino;
	uint64_t stamp; /* manifest_stamp() */
	bool exposed;   /* anybody may read it */
};

/* `path` is NUL-terminated. False: `why` says what is wrong and what to do. `id` may be
 * NULL. The content has a NUL behind it. */
bool file_read(const char *path, struct arena *arena, struct str *content, struct file_id *id,
	       char why[FILE_WHY]);

#endif
