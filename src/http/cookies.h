/* A cookie that is hpcbal's own affair: out of requests on their way, and out of what servers
 * set. Pure. */
#ifndef HPCBAL_HTTP_COOKIES_H
#define HPCBAL_HTTP_COOKIES_H

#include "http/fields.h"

/* Drops each Cookie field that has the cookie, and writes the field without it into `lines`, if
 * anything of it is left; other fields stay byte for byte. False: the arena failed. */
bool http_cookie_take_out(struct http_fields *fields, struct str name, struct arena *arena,
			  struct str *lines);
/* Drops each Set-Cookie field that sets the cookie. */
void http_cookie_refuse(struct http_fields *fields, struct str name);
/* Whether Cache-Control says already that no shared cache keeps the response. */
bool http_cookie_is_uncached(const struct http_fields *fields);

#endif
