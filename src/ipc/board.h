/* Boards: shared memory that the supervisor owns, one writer each, read-only to everybody
 * else. They outlive a child: its successor continues from them, and `hpcbalctl` and the
 * metrics are put together from them even while a child is dead. Fixed layout, versioned;
 * a reader trusts no index or string on a board (the helpers below bound both).
 *
 * Single values are relaxed atomics. What has to be read together (a slot's names) is
 * written before its `used` flag is set with release order, and a slot is never given to
 * another owner while its flag is set. */
#ifndef HPCBAL_IPC_BOARD_H
#define HPCBAL_IPC_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/latency.h"
#include "base/stats.h"
#include "base/str.h"

#define BOARD_MAGIC 0x6862616c626f6172ull
#define BOARD_LAYOUT 12u

#define BOARD_NAME 64
#define BOARD_TEXT 128
#define BOARD_WORKERS 64
#define BOARD_FRONTENDS 64
#define BOARD_BACKENDS 256
#define BOARD_SERVERS 4096

enum board_process { BOARD_PROXY, BOARD_VRRP, BOARD_RUNNER, BOARD_ADMIN, BOARD_PROCESSES };

struct board_head {
	uint64_t magic;
	uint32_t layout;
	uint32_t size;
};

/* The ring of what changed state lately, in the supervisor and its children. */
#define BOARD_EVENTS 256
#define BOARD_EVENT_TEXT 240

/* Plain memory, copied whole under the slot's turn. */
struct event_line {
	uint64_t number; /* the first is 0 */
	uint64_t wall_us;
	char who[16]; /* the role */
	char text[BOARD_EVENT_TEXT];
};

struct board_events {
	_Atomic uint64_t count; /* since the start; the newest is (count - 1) % BOARD_EVENTS */
	struct {
		_Atomic uint32_t turn; /* odd: `line` is being written */
		struct event_line line;
	} slot[BOARD_EVENTS];
};

/* Written by the supervisor. */
struct board_supervisor {
	struct board_head head;
	_Atomic int32_t pid;
	_Atomic uint64_t started_wall_us;
	_Atomic uint64_t generation; /* of configurations; the first is 1 */
	_Atomic uint64_t config_loaded_wall_us;
	_Atomic uint64_t reload_refused_wall_us; /* the last one, if it was; else 0 */
	_Atomic uint32_t stopping; /* 1: it was told to end */
	/* Of upgrades: proxies that end what runs there, and the clients' connections in them. */
	_Atomic uint64_t old_proxies, old_connections;
	/* Written between two increments of `text_turn`: odd means a write is under way. */
	_Atomic uint32_t text_turn;
	char node[BOARD_NAME];
	char version[32];
	char config_file[1024];
	char config_sha256[65];
	char admin_listen[BOARD_TEXT]; /* empty: there is no admin address */
	struct {
		_Atomic int32_t pid; /* 0: not running */
		_Atomic uint32_t running; /* 1 once it said READY */
		_Atomic uint64_t restarts;
		_Atomic uint64_t started_wall_us;
		char last_end[BOARD_TEXT]; /* how the last one ended; under text_turn */
	} process[BOARD_PROCESSES];
	struct board_events events;
};

enum board_server_state {
	BOARD_SERVER_STARTING, /* no check has answered yet */
	BOARD_SERVER_UP,
	BOARD_SERVER_DOWN,
	BOARD_SERVER_DRAIN,
	BOARD_SERVER_MAINT
};

/* Whose slot it is. Readers show BOARD_CURRENT. */
enum board_place {
	BOARD_GONE,    /* nobody's, or something that was removed and still drains */
	BOARD_CURRENT, /* of the running configuration */
	BOARD_PREPARED /* wanted by a configuration that does not run yet */
};

enum board_admin { BOARD_ADMIN_READY, BOARD_ADMIN_DRAIN, BOARD_ADMIN_MAINT };

/* The last results of a server's checks, the newest first. Plain memory, copied whole under
 * `history_turn`. */
#define BOARD_CHECKS 8
#define BOARD_CHECK_TEXT 80
struct board_history {
	uint32_t n; /* of them there are */
	struct board_check {
		uint64_t at_wall_us, duration_us;
		uint32_t status; /* of HTTP; 0: none */
		uint32_t ok;
		char reason[BOARD_CHECK_TEXT]; /* cut when it is longer */
	} checks[BOARD_CHECKS];
};

/* The identity of a server is backend, name and address together. */
struct board_server {
	_Atomic uint32_t used;    /* set with release after the texts were written */
	_Atomic uint32_t current; /* enum board_place */
	char backend[BOARD_NAME];
	char name[BOARD_NAME];
	char address[BOARD_TEXT];
	_Atomic uint32_t weight;
	_Atomic uint32_t backup;
	_Atomic uint32_t health; /* enum board_server_state: STARTING, UP or DOWN */
	_Atomic uint32_t admin;  /* enum board_admin */
	_Atomic uint32_t weight_given; /* 1: `weight` was set by hand */
	_Atomic uint32_t max_connections; /* 0: no limit */
	_Atomic uint64_t slow_start_us; /* its setting; 0: none */
	_Atomic uint64_t back_since_us; /* when it came back; 0: it was there all the time */
	_Atomic uint64_t ejected_until_us; /* by its breaker, of clock_now_us() */
	_Atomic uint32_t eject_turn;       /* odd: eject_why is being written */
	char eject_why[BOARD_TEXT];
	_Atomic uint32_t admin_turn; /* odd: admin_why is being written */
	_Atomic uint64_t admin_since_wall_us; /* of `admin`, when it was set by hand */
	_Atomic uint64_t admin_until_us; /* clock_now_us(); 0: until it is ended */
	char admin_why[BOARD_TEXT];
	_Atomic uint32_t checked; /* 0: it has no check, and is always UP */
	_Atomic uint32_t draining; /* 1: it asks for that itself; check_reason says with what */
	_Atomic uint32_t streak;  /* equal results in a row that contradict `health` */
	_Atomic uint64_t since_wall_us;      /* of `health` and `draining` */
	_Atomic uint64_t check_last_wall_us; /* 0: never */
	_Atomic uint64_t check_duration_us;
	_Atomic uint32_t check_status; /* HTTP status; 0: none */
	_Atomic uint32_t check_ok;
	_Atomic uint32_t check_turn; /* odd: check_reason is being written */
	char check_reason[BOARD_TEXT];
	_Atomic uint32_t history_turn; /* odd: history is being written */
	struct board_history history;
	struct server_stats stats;
};

struct board_backend {
	_Atomic uint32_t used;
	_Atomic uint32_t current;
	char name[BOARD_NAME];
	char balance[BOARD_NAME];
	_Atomic uint32_t order; /* place in the file */
	_Atomic uint64_t queued; /* requests that wait for any of its servers */
	/* Of requests, from the whole head to the response's last byte; of tunnels and in mode
	 * tcp, until the way was open. */
	struct latency latency;
};

/* The requests of one frontend that went to one backend, by the code of their answer. */
enum board_code { BOARD_2XX, BOARD_3XX, BOARD_4XX, BOARD_5XX, BOARD_OTHER, BOARD_CODES };
struct board_road {
	_Atomic uint32_t open; /* 1: the running configuration has this road */
	_Atomic uint64_t codes[BOARD_CODES];
};

/* The road, in place of a backend's slot, of requests that came to none. */
#define BOARD_NOWHERE BOARD_BACKENDS

#define BOARD_BINDS_TEXT 1024
struct board_frontend {
	_Atomic uint32_t used;
	_Atomic uint32_t current;
	char name[BOARD_NAME];
	_Atomic uint32_t bind_turn; /* odd: `binds` is being written */
	char binds[BOARD_BINDS_TEXT]; /* one address a line */
	_Atomic uint32_t order;
	_Atomic uint32_t tcp; /* 1: its mode is tcp; 0: http */
	struct frontend_stats stats;
};

/* Written by the proxy. Servers of one backend stand in file order by `order`. */
#define BOARD_CERTIFICATES 128
#define BOARD_CERTIFICATE_FILE 128

/* The certificates that clients get, in the order of the file; those beyond are left out. Plain
 * memory, written whole. */
struct board_certificates {
	uint32_t n;
	struct {
		int64_t ends;                      /* seconds since 1970 */
		char file[BOARD_CERTIFICATE_FILE]; /* as written; of a longer path its end */
	} list[BOARD_CERTIFICATES];
};

struct board_proxy {
	struct board_head head;
	_Atomic int32_t pid;
	_Atomic uint64_t generation; /* that all workers have taken */
	_Atomic uint32_t n_workers;
	struct {
		/* clock_now_us() of its last turn; 0: not started, or over */
		_Atomic uint64_t beat_us;
		char pad[56];
	} worker[BOARD_WORKERS];
	_Atomic uint64_t main_beat_us, health_beat_us; /* likewise */
	/* How many slots were ever given: the first ones. Who walks them leaves the memory of
	 * the others alone, which otherwise would be there from then on. */
	_Atomic uint32_t n_frontends, n_backends, n_servers;
	struct proxy_stats stats;
	struct board_frontend frontends[BOARD_FRONTENDS];
	struct board_backend backends[BOARD_BACKENDS];
	struct board_server servers[BOARD_SERVERS];
	_Atomic uint32_t server_order[BOARD_SERVERS]; /* place of each slot in the file */
	struct board_road roads[BOARD_FRONTENDS][BOARD_BACKENDS + 1]; /* by slots */
	_Atomic uint32_t certificates_turn;
	struct board_certificates certificates;
};

#define BOARD_ROUTERS 16
#define BOARD_ROUTER_ADDRESSES 32
#define BOARD_ROUTER_PEERS 8
#define BOARD_ROUTER_TRACKS 17 /* the proxy is one */
#define BOARD_ROUTER_DISCARDS 32

enum board_router_state {
	BOARD_ROUTER_INIT,
	BOARD_ROUTER_BACKUP,
	BOARD_ROUTER_MASTER,
	BOARD_ROUTER_FAULT
};

/* What users are told of one virtual router. Plain memory, copied whole under `turn` of
 * struct board_router; instants ending in _us are CLOCK_MONOTONIC, 0: never. Addresses are
 * texts, empty: none. */
struct router_facts {
	char name[BOARD_NAME], interface[16];
	uint32_t version, vrid, ipv6;
	uint32_t state; /* enum board_router_state */
	char why[BOARD_TEXT];      /* of the state */
	uint64_t since_wall_us;    /* of the state */
	char faults[BOARD_TEXT];   /* what makes it unfit, in words; empty: nothing */
	uint32_t priority, effective_priority, advertised_priority;
	uint64_t interval_us;
	uint32_t demoted, demoting; /* demoting: still master, waits for somebody to take over */
	uint64_t demoted_until_us;  /* UINT64_MAX: until promoted */
	char source[48];            /* what we send from */
	char master[48];            /* our own when we are; empty: not known */
	uint32_t master_priority;
	char rival[48];             /* as master: another master that we heard… */
	uint64_t rival_heard_us;    /* …last at this instant */
	char foreign[160];          /* somebody else's router with our id: who, with what */
	uint64_t foreign_heard_us;
	uint32_t foreign_is_host;   /* no router, but a host that has an address of ours */
	uint32_t n_addresses, n_peers, n_tracks;
	struct {
		char text[64];       /* as written */
		uint32_t prefix;     /* as installed */
		uint32_t held, advertised;
	} addresses[BOARD_ROUTER_ADDRESSES];
	struct {
		char address[48];
		uint32_t priority;
		uint64_t interval_us, heard_us, adverts;
	} peers[BOARD_ROUTER_PEERS];
	struct {
		char what[BOARD_TEXT]; /* "script /usr/local/sbin/check", "proxy" … */
		int32_t weight;
		uint32_t up;
		char why[BOARD_TEXT];  /* why it is down; empty: not known */
	} tracks[BOARD_ROUTER_TRACKS];
};

struct board_router {
	_Atomic uint32_t used; /* 1: of the running configuration */
	_Atomic uint32_t turn; /* odd: `facts` is being written */
	struct router_facts facts;
	/* For a successor: what it needs to go on where this one was killed. */
	_Atomic uint64_t last_sent_us; /* as master; 0: it is none */
	_Atomic uint64_t demoted_until_us; /* 0: not demoted; UINT64_MAX: until promoted */
	_Atomic uint32_t left; /* 1: left in order, and `facts` are of that moment */
	_Atomic uint32_t holds_back; /* it lost the addresses by a stall, and does not preempt */
	struct router_stats stats;
	_Atomic uint64_t discards[BOARD_ROUTER_DISCARDS]; /* by enum vrrp_discard */
};

/* Written by the vrrp process. */
struct board_vrrp {
	struct board_head head;
	_Atomic int32_t pid;
	_Atomic uint64_t beat_us;    /* clock_now_us() of its last look; 0: not started */
	_Atomic uint64_t generation; /* that it carries out */
	_Atomic uint32_t n_discards;
	_Atomic uint64_t unknown_vrid; /* packets of routers that are not configured here */
	/* Written once, before `n_discards`: the names and texts of the rows of discard.def. */
	char discard_name[BOARD_ROUTER_DISCARDS][24];
	char discard_text[BOARD_ROUTER_DISCARDS][96];
	struct board_router routers[BOARD_ROUTERS]; /* those in use come first, in file order */
};

/* Written by a process that has no other board of its own: the runner, admin. */
struct board_beat {
	struct board_head head;
	_Atomic uint64_t beat_us; /* clock_now_us() of its last turn; 0: not started, or over */
};

/* Writer's side of a whole block under a turn, and the reader's: false as board_read_text(). */
void board_write_block(_Atomic uint32_t *turn, void *to, const void *from, size_t n);
bool board_read_block(_Atomic uint32_t *turn, void *to, const void *from, size_t n);
/* The number of the oldest event that is kept. */
uint64_t board_events_first(const struct board_events *e);
/* The event of that number. False: it is not there any more, or not yet. */
bool board_event_read(const struct board_events *e, uint64_t number, struct event_line *to);
/* The supervisor, when the vrrp process is dead and before its successor starts. What the
 * successor needs stays. */
void board_vrrp_died(struct board_vrrp *b);
const char *board_router_state_name(enum board_router_state s); /* "MASTER" … */

/* Supervisor: makes a board of `size` bytes (a memfd, mode 0600, that cannot grow or
 * shrink), maps it, writes its head. Returns the descriptor or -1 with errno. */
int board_create(const char *name, size_t size, void **map);
/* A read-only descriptor of the same memory, which cannot be reopened for writing by an
 * unprivileged holder. -1 with errno. */
int board_reader(int fd);
/* A child or hpcbalctl: maps it after checking magic, layout and size. NULL with `why`
 * (a literal) when it is not a board of this layout. */
void *board_map(int fd, size_t size, bool writable, const char **why);

/* A bounded copy of a text that another process wrote; always ends with NUL. */
void board_text(char *to, size_t to_size, const char *from, size_t from_size);

/* Writer's side of the `turn` fields, and the reader's: copies when no write was under way
 * (a few tries; then as it is, which may be two texts mixed: false). */
void board_write_text(_Atomic uint32_t *turn, char *to, size_t to_size, struct str text);
bool board_read_text(_Atomic uint32_t *turn, char *to, size_t to_size, const char *from,
		     size_t from_size);

/* Proxy only, one thread: a result goes in front of the others. */
void board_add_check(struct board_server *b, const struct board_check *c);
/* And none is known any more. */
void board_forget_checks(struct board_server *b);

/* Of the slots, those that may be used: see n_frontends above. */
unsigned board_n_frontends(const struct board_proxy *b);
unsigned board_n_backends(const struct board_proxy *b);
unsigned board_n_servers(const struct board_proxy *b);

/* Proxy only: the slot with this identity, the old one if there is one, else a free one
 * (never used, or used but BOARD_GONE and not in use by its gauges), cleared. A slot that is
 * not current is marked as prepared, so that the next call cannot give it away again. -1: the
 * board is full, or a name is too long for it. */
int board_server_slot(struct board_proxy *b, struct str backend, struct str name,
		      struct str address);
int board_backend_slot(struct board_proxy *b, struct str name);
int board_frontend_slot(struct board_proxy *b, struct str name);
/* Nothing is being prepared any more: those slots are given up. */
void board_forget_prepared(struct board_proxy *b);
/* The supervisor, when the proxy is dead and before its successor starts: heartbeats and
 * gauges (what they counted died with it) go back to zero, texts that it was writing are
 * whole again. */
void board_proxy_died(struct board_proxy *b);
/* What users see: health and admin state together. */
enum board_server_state board_server_state(const struct board_server *s);
const char *board_server_state_name(enum board_server_state s); /* "UP" … */

#endif
