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

extern const char *const snap_codes[BOARD_CODES]; /* "2xx" … "other" */

struct snap_frontend {
	char name[BOARD_NAME];
	char binds[BOARD_BINDS_TEXT]; /* one a line */
	uint32_t order, slot;
	bool tcp; /* its mode; else http */
	uint64_t connections, requests, bytes_in, bytes_out;
};

struct snap_server {
	char backend[BOARD_NAME], name[BOARD_NAME], address[BOARD_TEXT];
	unsigned backend_index; /* in the snapshot; n_backends: of none that is there */
	uint32_t order, slot;
	bool removed; /* by a reload; it only ends what runs there */
	enum board_server_state state;
	bool backup, checked, check_ok;
	uint32_t weight, check_status;
	bool weight_given;	 /* by hand */
	uint32_t weight_percent; /* of the weight that it has now: less than 100 in slow start */
	uint64_t since_us, check_last_us, check_duration_us; /* instants: the calendar's */
	char check_reason[BOARD_TEXT];
	struct board_history history; /* the newest first */
	uint64_t ejected_until_us; /* of the clock of mono_us; 0: it is not */
	char eject_why[BOARD_TEXT];
	bool asks_drain; /* in answers to its checks */
	bool taken_out; /* drained, or in maintenance, by hand */
	char admin_why[BOARD_TEXT];
	uint64_t admin_since_us;
	uint64_t admin_until_us; /* of the clock of mono_us; 0: until it is ended */
	uint32_t max_connections; /* 0: no limit */
	uint64_t queued;          /* for this server and no other */
	uint64_t active, idle, requests, errors, retries, retries_denied, check_failures,
		ejections, slow_starts, h2_connections, refused_streams;
};

struct snap_backend {
	char name[BOARD_NAME], balance[BOARD_NAME];
	uint32_t order, slot;
	/* Its servers stand together; removed ones behind the others. */
	unsigned first, n_servers, n_removed, n_up;
	unsigned n_taking; /* of those that are up: with a weight above 0 */
	uint64_t active, requests;
	uint64_t queued_for_any, queued; /* for any server, and all of them */
	uint64_t latency[LATENCY_BOUNDS + 1]; /* requests by how long they took, each for itself */
	uint64_t latency_sum_us;
};

/* As struct board_road. */
struct snap_road {
	bool open;
	uint64_t codes[BOARD_CODES]; /* names: snap_codes */
};

/* struct router_stats without atomics. */
struct snap_router_stats {
#define STATS_GAUGE(name, help) uint64_t name;
#define STATS_COUNTER(name, help) uint64_t name;
#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
#undef STATS_GAUGE
#undef STATS_COUNTER
};

struct snap_router {
	struct router_facts facts; /* counts and state in their bounds, texts clean */
	enum board_router_state state;
	/* Another master was heard a moment ago, and we are one. */
	bool both_master;
	struct snap_router_stats stats;
	uint64_t discards[BOARD_ROUTER_DISCARDS];
};

struct snap_limit {
	char frontend[BOARD_NAME], name[BOARD_NAME], by[BOARD_NAME];
	char rate[32]; /* empty: of connections */
	uint64_t id, step_ns, depth_ns, connections, burst;
	uint32_t order, slot;
	bool dry_run;
	uint64_t refused, would_refuse, exempted;
};

/* A key that was refused lately, or that has its connections. */
struct snap_limited {
	unsigned limit; /* in the snapshot */
	char key[BOARD_KEY_TEXT];
	uint64_t since_us, last_us; /* as in router_facts; 0: it was not refused */
	uint64_t until_us;          /* when it is let in again; 0: it would be now */
	uint64_t refused, connections;
	bool exempt;
};

/* HTTP/2 connections closed for more frames of a kind than any client needs. */
struct snap_floods {
	uint64_t reset, continuation, ping, settings, empty, window, priority, other;
};

struct snapshot {
	uint64_t now_us;
	uint64_t mono_us; /* the same instant as now_us, of the clock that router_facts use */

	bool has_supervisor;
	char node[BOARD_NAME], version[32], config_file[1024], config_sha256[65];
	int32_t pid;
	uint64_t started_us, generation, loaded_us;
	uint64_t refused_us; /* when the last reload was refused; 0: it was not */
	bool stopping;
	uint64_t old_proxies, old_connections; /* of upgrades: what ends there */
	char admin_listen[BOARD_TEXT]; /* empty: none */
	struct snap_process process[BOARD_PROCESSES];
	unsigned n_events;
	struct event_line events[BOARD_EVENTS]; /* oldest first */

	bool has_proxy;
	uint64_t proxy_generation, n_workers, connections;
	/* The oldest sign of life of its main thread and its workers, of the clock of mono_us; 0:
	 * they have not begun. */
	uint64_t proxy_beat_us;
	uint64_t accept_pauses, log_lines, log_dropped, h2_connections;
	struct snap_floods h2_floods;
	struct board_certificates certificates;
	unsigned n_frontends, n_backends, n_servers;
	struct snap_frontend frontends[BOARD_FRONTENDS];
	struct snap_backend backends[BOARD_BACKENDS];
	/* By slots; filled for the frontends and backends that are here. */
	struct snap_road roads[BOARD_FRONTENDS][BOARD_BACKENDS + 1];
	struct snap_server servers[BOARD_SERVERS];

	bool has_vrrp;
	bool vrrp_live; /* the process runs and moves: what it wrote is so now */
	uint64_t vrrp_generation, vrrp_beat_us, unknown_vrid;
	unsigned n_discards, n_routers;
	char discard_name[BOARD_ROUTER_DISCARDS][24];
	char discard_text[BOARD_ROUTER_DISCARDS][96];
	struct snap_router routers[BOARD_ROUTERS];

	bool has_limits;
	unsigned n_limits, n_limited, n_exempt;
	uint64_t limits_evicted, limits_untracked;
	struct snap_limit limits[BOARD_LIMITS];
	struct snap_limited *limited; /* owned */
	struct limit_exemption exempt[BOARD_EXEMPTIONS]; /* those that hold */
};

#define TEXT_OUT (BOARD_TEXT + 128)
/* Of one that is taken out: "by hand 5m ago, for 10m more: new kernel". */
const char *text_taken_out(char to[TEXT_OUT], const struct snapshot *s,
			   const struct snap_server *v);
/* Its weight, and what is special about it: "50 (by hand)", "100 (30%)". */
const char *text_weight(char to[TEXT_OUT], const struct snap_server *v);
/* What `servers` says in its column CHECK. */
const char *text_server_check(char to[TEXT_OUT], const struct snapshot *s,
			      const struct snap_server *v);
void snapshot_take_events(struct snapshot *s, const struct board_events *b);
/* Fills the part of the virtual routers; after that of the supervisor. */
void snapshot_take_vrrp(struct snapshot *s, const struct board_vrrp *b);
/* Of an instant in router_facts: the same of the calendar. 0 and UINT64_MAX stay. */
uint64_t snapshot_wall(const struct snapshot *s, uint64_t mono_us);
/* The time since then; 0 for what is yet to come. */
uint64_t snapshot_ago(const struct snapshot *s, uint64_t mono_us);
/* That instant is not longer ago than so. */
bool snapshot_lately(const struct snapshot *s, uint64_t mono_us, uint64_t within_us);
/* What nodes that are configured differently discard of each other; see discard.def. */
bool snapshot_discard_is_mismatch(const struct snapshot *s, unsigned i);

/* Whether it is of that name, or FRONTEND/NAME. */
bool snapshot_limit_is(const struct snap_limit *l, const char *name);
/* False: there is none of that name, and `why` says so, naming the nearest. */
bool snapshot_has_limit(const struct snapshot *s, const char *name, char *why, size_t why_size);
/* NULL, and `why` says so, naming the nearest. */
/* What `servers` was asked for: BACKEND or BACKEND/SERVER, or all (NULL). */
struct snap_place {
	const struct snap_backend *backend; /* NULL: all */
	const char *server;                 /* NULL: all of the backend */
};
/* False: there is none of that name, and `why` says so. */
bool snapshot_find_place(const struct snapshot *s, const char *text, struct snap_place *place,
			 char *why, size_t why_size);
/* Whether it would get requests, but for its breaker. */
bool snapshot_is_ejected(const struct snapshot *s, const struct snap_server *v);
bool snapshot_in_place(const struct snapshot *s, const struct snap_place *place,
		       const struct snap_server *v);
const struct snap_backend *snapshot_find_backend(const struct snapshot *s, const char *name,
						 char *why, size_t why_size);
const struct snap_router *snapshot_find_router(const struct snapshot *s, const char *name,
					       char *why, size_t why_size);

#endif
