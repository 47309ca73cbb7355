/* A checked configuration on its way from the loader to the supervisor and its children:
 * one sealed memfd. In front the manifest, all that the supervisor needs and fixed binary;
 * behind it the sections that only conf/ understands (text, line map, files, names).
 * Private keys travel in a memfd of their own (an issue to come), and so do the virtual
 * routers with their passwords (ipc/brief.h); in the text passwords are blotted out. */
#ifndef HPCBAL_IPC_BUNDLE_H
#define HPCBAL_IPC_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/stat.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/str.h"

#define BUNDLE_MAGIC 0x6862616c62756e64ull
#define BUNDLE_LAYOUT 7u
#define MANIFEST_LISTENERS 130
#define MANIFEST_TEXT 256
#define MANIFEST_PROGRAMS 64
#define MANIFEST_CHECKS 4096
#define MANIFEST_FILES 128
/* So many of them run at the same time; the others wait. */
#define MANIFEST_CHECKS_AT_ONCE 64

struct manifest_listener {
	struct addr addr;
	char text[MANIFEST_TEXT]; /* the bind's identity: equal text, same socket */
	uint32_t frontend;        /* index */
	char frontend_name[64];   /* for messages about it; empty: it is the admin address */
	uint32_t backlog;
	uint32_t freebind; /* a virtual address: it may be on another node now */
};

/* What the runner may run, and nothing else. */
enum manifest_program_kind { MANIFEST_SCRIPT, MANIFEST_NOTIFY, MANIFEST_CHECK };

struct manifest_program {
	uint32_t kind;        /* enum manifest_program_kind */
	char path[1024];      /* absolute, without arguments */
	uint64_t interval_us; /* of a script: from start to start */
	uint64_t timeout_us;  /* then it is killed, with all that it started */
};

/* The external check of one server, which is named by its place among all of them in the order
 * of the file: what the program is told comes from here. */
struct manifest_check {
	uint32_t program; /* index */
	uint32_t port;    /* 0: a unix socket has none */
	uint64_t max_connections; /* of the server; 0: no limit */
	char backend[64], server[64];
	char address[128]; /* without the port and without brackets, or a path */
};

/* A file of a certificate or key, and what it was when it was read. */
struct manifest_file {
	char path[512];
	uint64_t stamp; /* manifest_stamp() */
};

struct manifest {
	uint64_t magic;
	uint32_t layout;
	uint32_t threads;
	char node[64];
	char config_file[1024];
	char config_sha256[65];
	char control_socket[MANIFEST_TEXT];
	char log_target[MANIFEST_TEXT]; /* "/dev/log", "stderr", "file:/PATH", "none" */
	int32_t log_facility;
	uint64_t max_connections;
	uint64_t servers; /* in all backends together */
	uint64_t grace_us;
	uint64_t drain_us;
	uint64_t prepare_us; /* how long a child may take to answer PREPARE */
	uint32_t n_listeners; /* of frontends */
	uint32_t has_admin;   /* 1: behind them stands the admin address */
	struct manifest_listener listeners[MANIFEST_LISTENERS + 1];
	uint32_t n_routers; /* of the brief; 0: no vrrp process */
	uint32_t n_programs; /* 0: no runner */
	struct manifest_program programs[MANIFEST_PROGRAMS];
	uint32_t n_files; /* whose change is a reason to reload */
	struct manifest_file files[MANIFEST_FILES];
	uint32_t n_checks;
	uint64_t checks_at; /* struct manifest_check[] */
	uint64_t sections_at, sections_size; /* opaque to the supervisor */
};

/* Another one for whatever was written or put in its place. */
static inline uint64_t manifest_stamp(const struct stat *st)
{
	uint64_t h = hash_pair((uint64_t)st->st_ino, (uint64_t)st->st_size);

	return hash_pair(hash_pair(h, (uint64_t)st->st_mtim.tv_sec),
			 (uint64_t)st->st_mtim.tv_nsec);
}

static inline uint32_t manifest_sockets(const struct manifest *m)
{
	return m->n_listeners + m->has_admin;
}

/* Loader: writes manifest, its n_checks checks and the sections into a new memfd, seals it. -1
 * with errno. */
int bundle_write(const struct manifest *m, const struct manifest_check *checks,
		 struct str sections);
/* Checks size, seals, magic, layout, every count and every string's end; the map is
 * read-only. NULL with `why` (a literal). */
const struct manifest *bundle_map(int fd, size_t *size, const char **why);
void bundle_unmap(const struct manifest *m, size_t size);
const struct manifest_check *bundle_checks(const struct manifest *m);
struct str bundle_sections(const struct manifest *m);

#endif
