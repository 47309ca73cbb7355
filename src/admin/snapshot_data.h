/* The inside of a snapshot, for the files that print it. Every text here ends with NUL, is
 * valid UTF-8 and has no control characters; every count is within its array. */
#ifndef HPCBAL_ADMIN_SNAPSHOT_DATA_H
#define HPCBAL_ADMIN_SNAPSHOT_DATA_H

#include "admin/snapshot.h"

struct snap_process {
	int32_t pid; /* 0: there is none */
	bool running;
	uint64_t restarts, started_us;
	char last_end[BOARD_TEXT];
};

struct snap_frontend {
	char name[BOARD_NAME];
	char binds[BOARD_BINDS_TEXT]; /* one a line */
	uint32_t order, slot;
	uint64_t connections, requests;
};

struct snap_server {
	char backend[BOARD_NAME], name[BOARD_NAME], address[BOARD_TEXT];
	unsigned backend_index; /* in the snapshot; n_backends: of none that is there */
	uint32_t order, slot;
	bool removed; /* by a reload; it only ends what runs there */
	enum board_server_state state;
	bool backup, checked, check_ok;
	uint32_t weight, check_status;
	uint64_t since_us, check_last_us, check_duration_us; /* instants: the calendar's */
	char check_reason[BOARD_TEXT];
	uint64_t active, requests, errors, retries;
};

struct snap_backend {
	char name[BOARD_NAME], balance[BOARD_NAME];
	uint32_t order, slot;
	/* Its servers stand together; removed ones behind the others. */
	unsigned first, n_servers, n_removed, n_up;
	uint64_t active, requests;
};

struct snapshot {
	uint64_t now_us;

	bool has_supervisor;
	char node[BOARD_NAME], version[32], config_file[1024], config_sha256[65];
	int32_t pid;
	uint64_t started_us, generation, loaded_us;
	struct snap_process process[BOARD_PROCESSES];

	bool has_proxy;
	uint64_t proxy_generation, n_workers, connections;
	uint64_t accept_pauses, log_lines, log_dropped;
	unsigned n_frontends, n_backends, n_servers;
	struct snap_frontend frontends[BOARD_FRONTENDS];
	struct snap_backend backends[BOARD_BACKENDS];
	struct snap_server servers[BOARD_SERVERS];
};

/* NULL, and `why` says so, naming the nearest. */
const struct snap_backend *snapshot_find_backend(const struct snapshot *s, const char *name,
						 char *why, size_t why_size);

#endif
