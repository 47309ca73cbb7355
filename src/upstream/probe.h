/* One health check of one server: connect, ask, judge, within a time. Runs in the loop it
 * is given; opens a connection of its own and always closes it. */
#ifndef HPCBAL_UPSTREAM_PROBE_H
#define HPCBAL_UPSTREAM_PROBE_H

#include "conf/conf.h"
#include "net/tls.h"

#define PROBE_REASON 128

struct probe_result {
	bool ok;
	bool drain; /* ok, and the server asks to be drained */
	/* This side could not ask (no descriptor, port or memory was left): it says nothing
	 * about the server. */
	bool unasked;
	unsigned status; /* HTTP status, 0 when there was none */
	uint64_t duration_us;
	/* In words: "200 in 3 ms", "connection refused", "no answer within 2s",
	 * "503, expected 200-399", "answer is not HTTP: malformed status line". */
	char reason[PROBE_REASON];
};

struct probe;

/* The seam of checks: a kind is what is sent and how the answer is judged. One row in
 * probe.c for each kind of struct conf_check. */
struct probe_kind {
	const char *name;
	/* The request to send once connected; empty: being connected is the answer. It stays
	 * until the probe ends. */
	struct str (*request)(struct probe *p);
	/* Looks at what has come so far, always from the same address; `ended`: no more will
	 * come. False: wait for more. True: ok, status and reason of `result` are filled. */
	bool (*judge)(struct probe *p, struct str in, bool ended, struct probe_result *result);
	/* A good answer has opened a WebSocket, which has to be closed in its own words before
	 * the connection is. */
	bool closes_websocket;
};

/* `tls` (NULL: plain) says how, where the check is over TLS. `check` and `addr` must stay until
 * `done` or probe_cancel(). `done` is called exactly once, never from inside probe_start().
 * NULL: out of memory. */
struct probe *probe_start(struct loop *l, const struct conf_check *check, const struct addr *addr,
			  struct tls_client *tls,
			  void (*done)(void *arg, const struct probe_result *r), void *arg);
void probe_cancel(struct probe *p);

#endif
