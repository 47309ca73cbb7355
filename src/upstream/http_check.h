/* What an http or websocket check asks, and how its answer is judged: memory in, words out.
 * Pure. */
#ifndef HPCBAL_UPSTREAM_HTTP_CHECK_H
#define HPCBAL_UPSTREAM_HTTP_CHECK_H

#include "conf/conf.h"
#include "http/h1_chunk.h"
#include "net/digest.h"
#include "upstream/probe.h"

/* So much of an answer is looked at, its head and the body behind it. */
#define HTTP_CHECK_IN 16384

/* One answer. What is pointed to is the caller's and stays. */
struct http_check {
	const struct conf_check *check;
	struct arena *arena;
	char key[DIGEST_KEY]; /* of a WebSocket */
	struct h1_parser parser; /* of the head under way, which begins at in + head_at */
	struct http_response response;
	size_t head_at;
	bool has_head; /* the final one; its status is good, and the body decides */
	struct h1_chunks chunks;
	uint64_t body_seen; /* bytes behind the head that were looked at */
	char *text;         /* of the body, without its chunks: HTTP_CHECK_IN bytes, or NULL */
	size_t n_text;
};

/* `random` makes the key of a WebSocket. */
void http_check_init(struct http_check *h, const struct conf_check *check, struct arena *arena,
		     const unsigned char random[16]);
/* The request, in the arena; `addr` is named when the check names no host. */
struct str http_check_request(const struct http_check *h, const struct addr *addr);
/* `in` is all that has come, always from the same address; `ended`: no more will come, or it is
 * HTTP_CHECK_IN bytes. False: more is needed. True: ok, status and reason are filled;
 * `elapsed_us` is for the words. */
bool http_check_judge(struct http_check *h, struct str in, bool ended, uint64_t elapsed_us,
		      struct probe_result *result);
/* Of a websocket check that was good: what came behind the 101. */
struct str http_check_rest(const struct http_check *h, struct str in);

#endif
