#include "http/h1_target.h"

#include "http/authority.h"
#include "http/chars.h"
#include "http/path.h"

static const char http_prefix[] = "http://", https_prefix[] = "https://";

/* The bytes of the scheme with its "://", or 0 when there is none that is served here. */
static size_t scheme_size(struct str target)
{
	if (str_ibegins(target, (struct str){ http_prefix, sizeof(http_prefix) - 1 }))
		return sizeof(http_prefix) - 1;
	if (str_ibegins(target, (struct str){ https_prefix, sizeof(https_prefix) - 1 }))
		return sizeof(https_prefix) - 1;
	return 0;
}

static bool target_bytes_valid(struct str target)
{
	unsigned kinds = CHAR_TARGET;

	for (size_t i = 0; i < target.n; i++)
		kinds &= http_chars[(unsigned char)target.p[i]];
	return target.n && kinds;
}

static enum reason origin_parse(struct http_request *req, struct str origin,
				struct arena *arena)
{
	ptrdiff_t mark = str_find_char(origin, '?');
	struct str raw = mark < 0 ? origin : str_first(origin, (size_t)mark);

	req->query = str_from(origin, raw.n);
	return http_path_normalise(raw, arena, &req->path, &req->match_path);
}

static void path_set(struct http_request *req, struct str path)
{
	req->path = req->match_path = path;
}

/* RFC 9112 3.2.4: OPTIONS for a whole server becomes "*" behind the last proxy. */
static void path_set_empty(struct http_request *req)
{
	bool whole_server = req->method == METHOD_OPTIONS && req->query.n == 0;

	path_set(req, whole_server ? STR("*") : STR("/"));
}

static enum reason absolute_parse(struct http_request *req, size_t scheme, struct arena *arena)
{
	struct str rest = str_from(req->target, scheme);
	struct http_authority a;
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	req->authority = str_first(rest, n);
	if (!http_authority_parse(req->authority, &a))
		return REASON_REQ_TARGET;
	rest = str_from(rest, n);
	if (rest.n && rest.p[0] == '/')
		return origin_parse(req, rest, arena);
	req->query = rest;
	path_set_empty(req);
	return REASON_COMPLETE;
}

enum reason h1_target_parse(struct http_request *req, struct arena *arena)
{
	struct str target = req->target;
	size_t scheme;

	if (!target_bytes_valid(target))
		return REASON_REQ_TARGET;
	if (target.p[0] == '/')
		return origin_parse(req, target, arena);
	if (req->method == METHOD_CONNECT) {
		path_set(req, target);
		return REASON_COMPLETE;
	}
	if (req->method == METHOD_OPTIONS && str_eq(target, STR("*"))) {
		path_set(req, target);
		return REASON_COMPLETE;
	}
	scheme = scheme_size(target);
	return scheme ? absolute_parse(req, scheme, arena) : REASON_REQ_TARGET;
}

enum reason h1_target_judge_host(struct http_request *req, unsigned hosts, struct str host)
{
	bool https = scheme_size(req->target) == sizeof(https_prefix) - 1;
	struct http_authority of_host, of_target;

	if (hosts == 0)
		return req->minor > 0 ? REASON_REQ_HOST_MISSING : REASON_COMPLETE;
	if (hosts > 1 || !http_authority_parse(host, &of_host))
		return REASON_REQ_HOST;
	if (req->authority.n == 0) {
		req->authority = host;
		return REASON_COMPLETE;
	}
	if (!http_authority_parse(req->authority, &of_target) ||
	    !http_authority_same(&of_host, &of_target, https ? 443 : 80))
		return REASON_REQ_HOST;
	return REASON_COMPLETE;
}
