/* The target of a request line (RFC 9112 3.2): its form, path, query and authority. Pure. */
#ifndef HPCBAL_HTTP_H1_TARGET_H
#define HPCBAL_HTTP_H1_TARGET_H

#include "http/message.h"

/* From method and target fills path, match_path, query, and authority when the target has
 * one. REASON_COMPLETE or the REQ_… fault. CONNECT's authority form is taken as a path-less
 * target: the method is refused later, when the head is whole. */
enum reason h1_target_parse(struct http_request *req, struct arena *arena);

/* The Host that came (fields counted in `hosts`, the last one's value in `host`) against the
 * target; afterwards req->authority is what conditions and servers see (HTTP.md 20 to 23). */
enum reason h1_target_judge_host(struct http_request *req, unsigned hosts, struct str host);

#endif
