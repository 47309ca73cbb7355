/* One line an exchange, in one of the formats. Pure: a record in, a line out. */
#ifndef HPCBAL_PROXY_ACCESSLOG_H
#define HPCBAL_PROXY_ACCESSLOG_H

#include "base/addr.h"
#include "base/reason.h"
#include "conf/conf.h"

#define ACCESSLOG_LINE 8192

/* A try that failed, of which there can be more than a line has room for. */
#define ACCESSLOG_TRIED 4
struct access_attempt {
	struct str server;
	enum reason why;
};

/* What a limit did to a request, or by dry_run would have done. */
struct access_limit {
	struct str name;
	struct str key; /* as it may be shown */
	bool dry_run;
};

struct access_record {
	struct str node;
	bool tcp; /* a connection of mode tcp: there was no request */
	struct str frontend, backend, server; /* empty: "<NOSRV>" as HAProxy writes it */
	struct addr client;
	uint64_t start_wall_us; /* when the request's first byte came */
	/* Milliseconds in the line, µs here; -1: that stage was not reached (HAProxy's TR, Tw,
	 * Tc, Tr, Ta). */
	int64_t request_us, queue_us, connect_us, response_us, total_us;
	unsigned status; /* that the client got; 0: none ("-1" in HAProxy's format) */
	uint64_t bytes_to_client, bytes_from_client;
	enum reason reason;
	uint64_t limit, size; /* when that is about a limit: it, and what came; else 0 */
	const char *detail; /* in words, about the reason; NULL or empty: nothing */
	const char *letters; /* two, from the reason's row or a finer stage */
	uint64_t process_connections, frontend_connections, backend_active, server_active;
	uint64_t server_queue, backend_queue; /* how many were before it there */
	unsigned retries;
	bool redispatched;
	unsigned n_tried;
	const struct access_attempt *tried; /* before the last one */
	const struct access_limit *limited; /* by a limit of the frontend; NULL: not */
	struct str request_id; /* empty: not known */
	/* Raw from the client: escaped here. */
	struct str method, target, version, authority, user_agent, referer;
};

/* Without a line end. Returns the length. What clients sent is cut (never in the middle of an
 * escape) so that a line of its format ends within ACCESSLOG_LINE; a smaller `size` cuts
 * anywhere. Control characters, quotes, DEL and bytes above 0x7e never pass raw. Calls
 * localtime_r(): tzset() must have been called while the zone's file could be read. */
size_t accesslog_format(enum conf_log_format format, const struct access_record *r, char *to,
			size_t size);

#endif
