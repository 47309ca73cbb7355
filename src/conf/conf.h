/* The configuration as the program holds it: made whole from text, never changed after,
 * counted. Threads share it without a lock. Every string lives in the configuration's own
 * arena. What a setting means is in its row of conf/options.def. */
#ifndef HPCBAL_CONF_CONF_H
#define HPCBAL_CONF_CONF_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/str.h"
#include "conf/diag.h"

/* Limits of this version; --check says so when one is passed. */
#define CONF_NAME_MAX 63
#define CONF_MAX_FRONTENDS 64
#define CONF_MAX_BACKENDS 256
#define CONF_MAX_SERVERS 4096 /* of all backends together */
#define CONF_MAX_BINDS 128    /* of all frontends together */
#define CONF_MAX_LIMITS 256   /* of all frontends together */
#define CONF_MAX_LIMITS_HERE 16 /* of one frontend */
#define CONF_MAX_HOLDS 4        /* of them, of connections */
#define CONF_MAX_CERTIFICATES 64 /* of one bind */
#define CONF_MAX_VRRP 16
#define CONF_MAX_VRRP_ADDRESSES 32 /* of one instance, with those that are not advertised */
#define CONF_MAX_VRRP_PEERS 16     /* of one instance */
#define CONF_MAX_VRRP_TRACKS 16    /* of one instance, without the proxy */
#define CONF_VRRP_PASSWORD 8       /* so many bytes of it are used */
#define CONF_VRRP_ADDRESS_TEXT 63
#define CONF_PAGE_MAX 65536u /* bytes of an error page */

/* All in microseconds but the rate. Set at the top, overridden in a frontend (request, client,
 * keep_alive, tunnel, fin, proxy_header, tls_handshake, body_min_rate) or a backend (connect,
 * server, tunnel, fin, upstream_idle, queue). */
struct conf_timeouts {
	uint64_t connect, request, client, server, keep_alive, queue, tunnel, fin, upstream_idle;
	uint64_t proxy_header, tls_handshake;
	uint64_t body_min_rate; /* bytes a second; 0: none */
};

enum conf_log_format { CONF_LOG_HAPROXY, CONF_LOG_JSON, CONF_LOG_COMBINED };

enum conf_mode { CONF_MODE_HTTP, CONF_MODE_TCP };

enum conf_tls_profile { CONF_TLS_INTERMEDIATE, CONF_TLS_MODERN };

/* A file that only the proxy gets to read: conf_find_secret() has what is in it. */
struct conf_path {
	struct str path; /* as written */
	unsigned line;
};

/* Certificates of clients. */
enum conf_tls_clients {
	CONF_TLS_CLIENTS_NONE,
	CONF_TLS_CLIENTS_OPTIONAL,
	CONF_TLS_CLIENTS_REQUIRED
};

/* How a bind speaks TLS. */
struct conf_tls {
	bool on;
	enum conf_tls_profile profile;
	unsigned n_certificates, n_keys;
	struct conf_path *certificates, *keys; /* the first certificate is the default */
	struct conf_path ticket_keys;          /* path empty: random ones */
	enum conf_tls_clients clients;
	struct conf_path ca, crl; /* who signs those of clients, and which are revoked */
};

struct conf_bind {
	struct addr addr;
	struct str text; /* as addr_format() writes it: the bind's identity across reloads */
	bool proxy_protocol; /* trusted_proxies begin with a PROXY header */
	bool h2c; /* HTTP/2 by prior knowledge */
	struct conf_tls tls;
	unsigned line;
};

struct conf_acl {
	struct str name, text;
	unsigned line;
};

/* What hpcbal says to a request itself. */
struct conf_answer {
	unsigned status;
	struct str to; /* of a redirect: with ${…}, compiled by route/ */
	struct str body, content_type;
};

struct conf_status_range {
	uint16_t from, to;
};

/* The pages of some statuses, whole; no `p`: another entry's, or the built-in one. */
struct conf_error {
	unsigned n_statuses;
	struct conf_status_range *statuses;
	struct str html, json;             /* route/pages.h judges them, */
	unsigned html_line, json_line;     /* which stand here */
};

struct conf_errors {
	unsigned n;
	struct conf_error *list;
};

/* A backend's part of a route's requests. */
struct conf_split {
	unsigned backend; /* index into conf.backends */
	unsigned weight;  /* 0: none */
};

/* What decides which part a request belongs to. */
enum conf_split_by {
	CONF_SPLIT_TURN, /* nothing: they go in turn */
	CONF_SPLIT_SRC,
	CONF_SPLIT_HEADER,
	CONF_SPLIT_COOKIE
};

enum conf_route_action {
	CONF_ROUTE_BACKEND,
	CONF_ROUTE_SPLIT,
	CONF_ROUTE_REDIRECT,
	CONF_ROUTE_DENY,
	CONF_ROUTE_RESPOND
};

struct conf_route {
	struct str when; /* the condition, compiled by route/ */
	enum conf_route_action action;
	unsigned backend; /* index into conf.backends */
	struct conf_answer answer;
	unsigned n_split;
	struct conf_split *split; /* one of them at least has a weight */
	enum conf_split_by split_by;
	struct str split_text; /* as written */
	struct str split_of; /* the name of the field or cookie */
	/* The server's path has `server` where the client's has `client`; without a slash at the
	 * end, "" is the root. Compiled by route/. */
	bool has_prefix, forwarded_prefix;
	struct str prefix_client, prefix_server;
	unsigned line;
};

#define CONF_MAX_SPLIT 16       /* of one route */
#define CONF_MAX_SPLIT_WEIGHT 1000

enum conf_limit_by { CONF_LIMIT_SRC, CONF_LIMIT_HEADER, CONF_LIMIT_COOKIE, CONF_LIMIT_ROUTE };

/* How many requests, or connections at a time, one key may have. */
struct conf_limit {
	struct str name, when; /* when empty: always */
	struct str by_text, rate_text; /* as written */
	enum conf_limit_by by;
	struct str of; /* the name of the field or cookie */
	bool secret;   /* what it says is a credential */
	unsigned prefix4, prefix6; /* of networks that are one source */
	uint64_t rate, period; /* so many requests in so many µs; rate 0: of connections */
	uint64_t burst;        /* that may come at once */
	uint64_t connections;  /* 0: of requests */
	bool dry_run;
	unsigned line;
};

enum conf_header_kind { CONF_HEADER_SET, CONF_HEADER_ADD, CONF_HEADER_DELETE };

/* A change to the fields of a head, compiled by route/. */
struct conf_header {
	enum conf_header_kind kind;
	struct str name, value; /* value: with ${…} */
	struct str when;        /* empty: always */
	unsigned line;
};

#define CONF_MAX_HEADERS 64
struct conf_headers {
	unsigned n;
	struct conf_header *list;
};

/* A request, and where it has to go; --check looks (route/expect.h). */
struct conf_expect {
	struct str request, from; /* from: an address; empty: not known */
	struct str *headers;
	unsigned n_headers;
	int backend;     /* -1: an answer of our own, with `status` */
	unsigned status;
	unsigned line;
};

/* The field that tells others the id of a request (http/request_id.h). */
struct conf_request_id {
	bool on;        /* servers are told */
	bool to_client; /* and clients, in every response */
	bool keep;      /* what any client says is believed, not trusted_proxies alone */
	struct str header;
	unsigned line;
};

struct conf_frontend {
	struct str name;
	unsigned line;
	enum conf_mode mode; /* that of all its backends too */
	unsigned n_binds, n_acls, n_routes, n_trusted, n_limits, n_expects;
	struct conf_bind *binds;
	struct conf_acl *acls;
	struct conf_route *routes;
	struct conf_limit *limits;
	struct conf_expect *expects;
	struct conf_headers request_headers, response_headers;
	struct net *trusted_proxies;
	int default_backend; /* -1: none, such a request gets 503 */
	struct conf_request_id request_id;
	struct conf_errors errors;
	bool forwarded_for, forwarded, via, abort_on_close, relax_bare_lf;
	uint64_t via_limit;
	uint64_t hsts; /* µs; 0: none */
	struct str subject_header; /* tells of the client's certificate; empty: none */
	uint64_t max_connections; /* 0: only the global limit */
	uint64_t max_header_size, max_headers, max_streams;
	uint64_t max_body_size; /* UINT64_MAX: unlimited */
	struct conf_timeouts timeouts;
};

enum conf_check_kind {
	CONF_CHECK_NONE,
	CONF_CHECK_TCP,
	CONF_CHECK_HTTP,
	CONF_CHECK_WEBSOCKET,
	CONF_CHECK_EXTERNAL
};

struct conf_check {
	enum conf_check_kind kind;
	struct str external; /* the path of a program that checks */
	unsigned external_line;
	/* Of http and websocket; host may be empty: the server's address. */
	struct str method, path, host;
	unsigned n_expect;
	struct conf_status_range *expect; /* 200-399 when left out */
	struct str fields; /* of its own: lines with CRLF */
	struct str body;   /* of http: what the answer's body has to hold; empty: anything */
	/* With what an answer asks for a drain; 0 and empty: with nothing. The field is "Name" or
	 * "Name: value". */
	unsigned drain_status;
	struct str drain_header;
	/* fast_interval: from one check to the next while results contradict the state */
	uint64_t interval, fast_interval, timeout;
	unsigned rise, fall;
	uint16_t port; /* 0: the server's */
	unsigned send_proxy; /* version of the PROXY header that it begins with; 0: none */
	bool tls;            /* as the server's own tls says */
	bool http2;          /* http and websocket: spoken as in a backend with http2 */
};

/* How a server is spoken to over TLS. */
struct conf_server_tls {
	bool on;
	bool verify;
	struct conf_path ca, certificate; /* path empty: none */
	struct str sni; /* the name that is asked for and verified; empty: the address is */
	unsigned line;
};

/* Without a check a server is always UP, as in HAProxy. */
struct conf_server {
	struct str name;
	struct str address_text; /* as written */
	struct addr addr;        /* resolved */
	unsigned weight;         /* 0..256; 0 takes no new work */
	bool backup;
	uint64_t max_connections; /* requests and tunnels at a time; 0: no limit */
	uint64_t slow_start;     /* 0: its whole weight at once */
	unsigned send_proxy;     /* version of the PROXY header of each connection; 0: none */
	struct conf_server_tls tls;
	struct conf_check check; /* the backend's unless the server says otherwise */
	unsigned line;
};

enum conf_balance {
	CONF_BALANCE_ROUNDROBIN,
	CONF_BALANCE_LEASTCONN,
	CONF_BALANCE_SOURCE,
	CONF_BALANCE_URI,
	CONF_BALANCE_HDR,
	CONF_BALANCE_QUERY,
	CONF_BALANCE_COOKIE,
	CONF_BALANCE_RANDOM,
	CONF_BALANCE_FIRST
};

/* When a server is ejected for what requests meet with there. */
struct conf_breaker {
	bool on;
	bool fail_open; /* ejected ones are used when there is no other */
	unsigned consecutive; /* errors in a row; 0: any number */
	/* percent of the requests of a window, of at least so many; 0: any */
	unsigned rate, minimum;
	unsigned min_servers; /* so many others stay */
	uint64_t window, ejection, max_ejection;
};

/* The cookie that binds a client to a server. */
struct conf_sticky {
	struct str cookie; /* its name; empty: there is none */
	bool secure, http_only;
	int same_site; /* enum conf_same_site */
};

enum conf_same_site { CONF_SAME_SITE_LAX, CONF_SAME_SITE_STRICT, CONF_SAME_SITE_NONE };

struct conf_backend {
	struct str name;
	unsigned line;
	enum conf_mode mode;
	enum conf_balance balance;
	struct str balance_text; /* as written */
	struct str balance_of;   /* the name of the field, parameter or cookie */
	unsigned n_servers;
	struct conf_server *servers;
	struct conf_headers request_headers, response_headers;
	struct conf_errors errors;
	unsigned retries;
	unsigned retry_budget; /* percent of its requests */
	bool redispatch;
	bool all_backups; /* else the first one */
	struct conf_breaker breaker;
	unsigned max_queue; /* so many requests may wait for its servers */
	struct conf_sticky sticky;
	bool http2;
	bool sends_proxy; /* some server of it has send_proxy */
	bool speaks_tls;  /* or tls */
	struct conf_timeouts timeouts;
	/* Of everything in this block as it was read: equal in two configurations when the
	 * backend did not change. Names a file or a resolved address by its content. */
	uint64_t fingerprint;
};

struct conf_vrrp_address {
	struct net net; /* all bytes of the address, and its prefix */
	struct str text; /* as written */
	bool advertised;
	unsigned line;
};

enum conf_track_kind { CONF_TRACK_INTERFACE, CONF_TRACK_SCRIPT, CONF_TRACK_BACKEND };

/* The proxy is tracked without an entry: conf_vrrp.proxy_grace. */
struct conf_track {
	enum conf_track_kind kind;
	struct str name; /* of the interface or backend, or the script's path */
	int weight;      /* 0: unfit while down; never of a backend */
	uint64_t interval, timeout; /* of a script */
	unsigned rise, fall;        /* of a script; else 1 */
	uint64_t hold;              /* of a backend: its longest check interval */
	unsigned line;
};

/* One virtual router. What is said of version 2 or 3 holds when it was parsed. */
struct conf_vrrp {
	struct str name, interface;
	unsigned line;
	unsigned version, virtual_router_id;
	unsigned priority; /* this node's: 2 to 254; 255: owner */
	bool ipv6;
	uint64_t interval;
	bool preempt, strict_addresses;
	uint64_t preempt_delay;
	int on_conflict; /* 1: give the addresses up; 0: hold them */
	int checksum; /* 1: over the message alone; 0: with the pseudo header */
	bool authenticated;
	struct str password; /* whole, as written; blotted out in the proxy */
	unsigned garp_count;
	uint64_t garp_interval, garp_refresh; /* refresh 0: never */
	uint64_t proxy_grace;
	struct str notify; /* empty: none */
	unsigned notify_line;
	bool unicast;
	struct net source; /* family_bytes 0: the interface's own address */
	unsigned n_addresses, n_peers, n_tracks;
	struct conf_vrrp_address *addresses; /* those that are advertised first */
	struct net *peers;
	struct conf_track *tracks;
};

struct conf {
	struct str node;
	struct str file; /* the path it was read from */
	uint64_t threads; /* resolved: at least 1 */
	uint64_t max_connections;
	uint64_t grace; /* µs a clean stop waits for running requests */
	uint64_t drain; /* µs until what a reload removed is cut */
	bool certificate_reload; /* by itself, when a file of them changes */
	struct str log_target;
	unsigned log_line;
	int log_facility; /* LOG_LOCAL0 … */
	enum conf_log_format log_format;
	struct str control_socket;
	struct str admin_listen; /* as written; empty: none */
	struct conf_errors errors; /* of all frontends */
	unsigned n_frontends, n_backends, n_vrrp;
	struct conf_frontend *frontends;
	struct conf_backend *backends;
	struct conf_vrrp *vrrp;

	/* private to conf/ */
	struct arena arena;
	struct conf_source *source; /* borrowed */
	_Atomic unsigned references;
};

/* Where the text came from, and what it names. The loader fills one from the disk; a child
 * fills one from its bundle. Both then call conf_parse(), so that they cannot differ. */
struct conf_line { /* flattened line i + 1 is line `line` of file `file` */
	unsigned file, line;
};

struct conf_file { /* an error page, or a value file that a condition names with -f; whole */
	struct str path, content;
	uint64_t stamp; /* of a secret, what it was when it was read; stays in the loader */
	bool exposed;   /* anybody on this machine may read it; the same */
};

struct conf_name { /* a host name, as resolved when the file was loaded; port 0 */
	struct str host;
	struct addr addr; /* len 0: it was not resolved, `why` says why */
	const char *why;  /* stays in the loader */
};

struct conf_source {
	struct str path; /* of the main file */
	struct str text; /* with all @include flattened; NUL behind it */
	unsigned n_paths, n_lines, n_files, n_names;
	struct str *paths; /* what conf_line.file counts; 0 is the main file */
	struct conf_line *lines;
	struct conf_file *files;
	struct conf_name *names;
	unsigned n_secrets;
	struct conf_file *secrets; /* certificates and keys; not in conf_source_encode() */
	struct str host_name; /* first label, for `node` */
	unsigned cpus;        /* for `threads = 0` */
};

/* NULL when there was any error; `diags` has them all (and the warnings either way).
 * Names that `source` does not resolve are an error. The source must outlive the result. */
struct conf *conf_parse(struct conf_source *source, struct diags *diags);
/* What could be read in spite of errors, so that route/ can add its mistakes in the same run;
 * nothing may be served with it. NULL: a syntax error, or no memory. */
struct conf *conf_parse_leniently(struct conf_source *source, struct diags *diags);
struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf *conf);

/* The file that a condition names, or NULL. */
const struct conf_file *conf_find_file(const struct conf_source *source, struct str path);
/* The page of the first entry that has one for this status; no `p`: there is none. */
struct str conf_error_page(const struct conf_errors *errors, unsigned status, bool json);
/* The same of a certificate or key. */
static inline const struct conf_file *conf_find_secret(const struct conf_source *source,
							 struct str path)
{
	for (unsigned i = 0; i < source->n_secrets; i++)
		if (str_eq(source->secrets[i].path, path))
			return &source->secrets[i];
	return NULL;
}
/* -1 when there is none. */
int conf_find_backend(const struct conf *conf, struct str name);

#endif
