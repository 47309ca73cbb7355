/* The path of a request target, normalised once (RFC 3986 6.2.2, HTTP.md 37 and 38): what is
 * forwarded is what conditions see, so no spelling of a path goes past a condition. Pure. */
#ifndef HPCBAL_HTTP_PATH_H
#define HPCBAL_HTTP_PATH_H

#include "base/arena.h"
#include "base/reason.h"
#include "base/str.h"

/* `raw` begins with "/" and has no query. Into `path`: escapes of unreserved characters
 * decoded, dot segments removed; other escapes as they came. Into `match`: the same in
 * http_path_plain()'s form, with repeated slashes as one. Both are `raw` itself where nothing
 * changes, else in the arena. REQ_PATH_ESCAPE for an invalid escape, %00, or a
 * dot segment that only some servers would see as one: beside %2F, %5C or "\", or before
 * parameters ("..;"). */
enum reason http_path_normalise(struct str raw, struct arena *arena, struct str *path,
				struct str *match);

/* A path, or a piece of one, as the laxest server may read it: all escapes decoded, so that %2F
 * is a slash, and "\" is one too. Only %3F stays, in capitals: a path has no "?". What is no
 * escape stays as well. Into `to`, which has room for all of `s`. */
struct str http_path_plain(struct str s, char *to);
/* How many bytes at the front of `path` are the whole segments of `plain`, which is in the match
 * form and does not end with a slash, so that "" stands for the root. What follows them is a
 * slash, in whatever spelling, or nothing. -1 when the path is not under it. */
ptrdiff_t http_path_under(struct str path, struct str plain);
/* Without the slashes at its front, in whatever spelling. */
struct str http_path_inside(struct str path);

#endif
