#include "http/prefix.h"

#include "http/authority.h"
#include "http/chars.h"
#include "http/path.h"

/* From one prefix to another. */
struct move {
	struct str from; /* plain */
	struct str to;   /* as it is written */
};

static bool path_move(const struct move *m, struct str path, struct arena *arena, struct str *out)
{
	ptrdiff_t at = http_path_under(path, m->from);
	struct str rest;

	if (at < 0)
		return false;
	rest = str_from(path, (size_t)at);
	if (m->to.n)
		*out = arena_printf(arena, "%.*s%.*s", STR_ARGS(m->to), STR_ARGS(rest));
	else
		*out = arena_printf(arena, "/%.*s", STR_ARGS(http_path_inside(rest)));
	return out->p != NULL;
}

bool http_prefix_to_server(const struct http_prefix *p, struct str path, struct arena *arena,
			   struct str *out)
{
	const struct move m = { p->client_plain, p->server };

	return path_move(&m, path, arena, out);
}

/* A server that knows of the prefix has said it already. */
static bool is_clients(const struct http_prefix *p, struct str path)
{
	return p->told && http_path_under(path, p->client_plain) >= 0 &&
	       (p->server_plain.n == 0 || http_path_under(path, p->server_plain) < 0);
}

static bool path_to_client(const struct http_prefix *p, struct str path, struct arena *arena,
			   struct str *out)
{
	const struct move m = { p->server_plain, p->client };

	return !is_clients(p, path) && path_move(&m, path, arena, out);
}

/* ---- addresses ---- */

/* The bytes until one of `ends`. */
static size_t size_until(struct str s, const char *ends)
{
	size_t n = 0;

	while (n < s.n && !strchr(ends, s.p[n]))
		n++;
	return n;
}

static bool same_place(struct str a, struct str b, uint16_t port)
{
	struct http_authority of_a, of_b;

	return http_authority_parse(a, &of_a) && http_authority_parse(b, &of_b) &&
	       http_authority_same(&of_a, &of_b, port);
}

/* An address in its parts: "https:" "//www.example.org" "/x" "?y#z", of which all may be empty. */
struct address {
	struct str scheme, authority, path, rest;
	uint16_t port; /* of the scheme */
};

static bool address_split(struct str s, struct address *a)
{
	size_t scheme = 0;

	*a = (struct address){ .port = 80 };
	if (str_ibegins(s, STR("http://"))) {
		scheme = 5;
	} else if (str_ibegins(s, STR("https://"))) {
		scheme = 6;
		a->port = 443;
	}
	a->scheme = str_first(s, scheme);
	s = str_from(s, scheme);
	if (str_begins(s, STR("//"))) {
		size_t n = size_until(str_from(s, 2), "/?#\\");

		a->authority = str_first(s, 2 + n);
		s = str_from(s, 2 + n);
		if (s.n && s.p[0] == '\\')
			return false;
	} else if (!s.n || s.p[0] != '/') {
		return false; /* relative, or of another scheme */
	}
	a->path = str_first(s, size_until(s, "?#"));
	a->rest = str_from(s, a->path.n);
	if (a->path.n == 0)
		a->path = STR("/");
	return true;
}

static bool address_to_client(const struct http_prefix *p, const struct http_prefix_names *names,
			      struct str address, struct arena *arena, struct str *out)
{
	struct str host, path;
	struct address a;
	bool own = false;

	if (!address_split(address, &a))
		return false;
	host = str_from(a.authority, 2);
	for (unsigned i = 0; i < 2; i++)
		own |= a.authority.n && same_place(host, names->own[i], a.port);
	if (a.authority.n && !own && !same_place(host, names->host, a.port))
		return false;
	if (!path_to_client(p, a.path, arena, &path))
		return false;
	if (own)
		a.scheme = a.authority = STR("");
	*out = arena_printf(arena, "%.*s%.*s%.*s%.*s", STR_ARGS(a.scheme), STR_ARGS(a.authority),
			    STR_ARGS(path), STR_ARGS(a.rest));
	return out->p != NULL;
}

/* ---- what stands in a field besides the address ---- */

/* The part of the value that is the address, or path; STR_NONE: none. */
static struct str refresh_address(struct str value)
{
	size_t at = size_until(value, ";,");
	struct str s = str_trim(str_from(value, at + 1));
	ptrdiff_t quote;

	if (!str_ibegins(s, STR("url")))
		return STR_NONE;
	s = str_trim(str_from(s, 3));
	if (!str_begins(s, STR("=")))
		return STR_NONE;
	s = str_trim(str_from(s, 1));
	if (!s.n || (s.p[0] != '"' && s.p[0] != '\''))
		return s;
	quote = str_find_char(str_from(s, 1), s.p[0]);
	return quote < 0 ? str_from(s, 1) : str_first(str_from(s, 1), (size_t)quote);
}

/* Of several the last counts (RFC 6265 5.3). */
static struct str cookie_path(struct str value)
{
	struct str rest = str_from(value, size_until(value, ";")), path = STR_NONE, part;

	while (str_split(&rest, ';', &part)) {
		ptrdiff_t equals = str_find_char(part, '=');

		if (equals > 0 && str_ieq(str_trim(str_first(part, (size_t)equals)), STR("path")))
			path = str_trim(str_from(part, (size_t)equals + 1));
	}
	return path;
}

/* A cookie for all of a server is for all of the prefix, with or without a slash behind it; but a
 * "__Host-" one is for the whole host or for nothing (RFC 6265bis 4.1.3.2). */
static bool cookie_to_client(const struct http_prefix *p, struct str value, struct str path,
			     struct arena *arena, struct str *out)
{
	if (!path.n || path.p[0] != '/' || str_ibegins(value, STR("__Host-")) ||
	    !path_to_client(p, path, arena, out))
		return false;
	if (out->n > 1 && path.n == 1 && out->p[out->n - 1] == '/')
		out->n--;
	return true;
}

/* The field says `to` instead of `part`, a part of its value. */
static bool field_replace(struct http_field *f, struct str part, struct str to,
			  struct arena *arena)
{
	size_t at = (size_t)(part.p - f->value.p);
	struct str line = arena_printf(arena, "%.*s: %.*s%.*s%.*s\r\n", STR_ARGS(f->name),
				       (int)at, f->value.p, STR_ARGS(to),
				       STR_ARGS(str_from(f->value, at + part.n)));

	if (!line.p)
		return false;
	f->line = line;
	f->value = str_trim((struct str){ line.p + f->name.n + 2, line.n - f->name.n - 4 });
	return true;
}

static bool field_mend(const struct http_prefix *p, const struct http_prefix_names *names,
		       struct http_field *f, struct arena *arena)
{
	struct str part, to = STR_NONE;

	if (str_ieq(f->name, STR("Set-Cookie"))) {
		part = cookie_path(f->value);
		return cookie_to_client(p, f->value, part, arena, &to) &&
		       field_replace(f, part, to, arena);
	}
	if (str_ieq(f->name, STR("Location")) || str_ieq(f->name, STR("Content-Location")))
		part = f->value;
	else if (str_ieq(f->name, STR("Refresh")))
		part = refresh_address(f->value);
	else
		return false;
	return address_to_client(p, names, part, arena, &to) && field_replace(f, part, to, arena);
}

bool http_prefix_mend(const struct http_prefix *p, const struct http_prefix_names *names,
		      struct http_fields *fields, struct arena *arena)
{
	for (unsigned i = 0; i < fields->count; i++)
		if (!fields->list[i].drop && field_mend(p, names, &fields->list[i], arena))
			fields->untidy = true;
	return !arena_failed(arena);
}
