#include "proxy/affinity.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "http/cookies.h"
#include "http/text.h"

struct http_named affinity_named(const struct conf_backend *c)
{
	switch (c->balance) {
	case CONF_BALANCE_HDR:
		return http_named(HTTP_NAMED_FIELD, c->balance_of);
	case CONF_BALANCE_QUERY:
		return http_named(HTTP_NAMED_QUERY, c->balance_of);
	case CONF_BALANCE_COOKIE:
		return http_named(HTTP_NAMED_COOKIE, c->balance_of);
	default:
		return (struct http_named){ .name = STR_NONE };
	}
}

void affinity_find(const struct backend *b, const struct addr *client,
		   const struct http_request *req, struct pool_key *key)
{
	struct str value;

	switch (b->conf->balance) {
	case CONF_BALANCE_SOURCE:
		key->hash = addr_hash_host(client);
		key->has_hash = true;
		return;
	case CONF_BALANCE_URI:
		value = req->path;
		break;
	case CONF_BALANCE_HDR:
	case CONF_BALANCE_QUERY:
	case CONF_BALANCE_COOKIE:
		http_named_first(&b->key, req, &value);
		break;
	default:
		return;
	}
	key->has_hash = value.n > 0;
	key->hash = hash_bytes(value);
}

/* ---- the sticky cookie ---- */

/* Of all nodes, in this and each later version. */
static const uint64_t sticky_key[2] = { 0x5f1c8e7a93d2b604ull, 0xa76d0b3f2c94e851ull };

static void make_value(const struct server *s, char to[STICKY_VALUE + 1])
{
	char both[2 * CONF_NAME_MAX + 2];
	int n = snprintf(both, sizeof(both), "%s/%s", s->backend, s->name);

	snprintf(to, STICKY_VALUE + 1, "%016llx",
		 (unsigned long long)hash_keyed(sticky_key, (struct str){ both, (size_t)n }));
}

bool affinity_make_values(struct backend *b, struct arena *arena)
{
	unsigned n = b->conf->n_servers;
	char(*values)[STICKY_VALUE + 1];

	b->sticky = http_named(HTTP_NAMED_COOKIE, b->conf->sticky.cookie);
	if (!b->sticky.name.n)
		return true;
	values = arena_zalloc(arena, n * sizeof(*values));
	for (unsigned i = 0; values && i < n; i++)
		make_value(b->servers[i], values[i]);
	b->sticky_value = (const char(*)[STICKY_VALUE + 1])values;
	return values != NULL;
}

static struct server *server_of(const struct backend *b, struct str value)
{
	for (unsigned i = 0; value.n == STICKY_VALUE && i < b->conf->n_servers; i++)
		if (memcmp(b->sticky_value[i], value.p, STICKY_VALUE) == 0)
			return b->servers[i];
	return NULL;
}

/* There may be others of that name, which an application has set for a path. */
struct server *affinity_bound(const struct backend *b, const struct http_request *req)
{
	struct http_named_walk w;
	struct server *s = NULL;
	struct str value;

	http_named_start(&w, &b->sticky, req);
	while (!s && http_named_next(&w, &value))
		s = server_of(b, value);
	return s;
}

static bool append(struct str *to, struct str more, struct arena *arena)
{
	struct http_text t;

	if (!more.n)
		return true;
	if (!http_text_init(&t, arena, to->n + more.n))
		return false;
	http_text_add(&t, *to);
	http_text_add(&t, more);
	*to = http_text_since(&t, 0);
	return true;
}

bool affinity_hide(const struct backend *b, struct http_request *req, struct arena *arena,
		   struct http_edited *edited)
{
	struct str lines;

	return http_cookie_take_out(&req->fields, b->sticky.name, arena, &lines) &&
	       append(&edited->added, lines, arena);
}

static const char *value_of(const struct backend *b, const struct server *s)
{
	for (unsigned i = 0; i < b->conf->n_servers; i++)
		if (b->servers[i] == s)
			return b->sticky_value[i];
	wrong("a server that its backend does not have");
}

/* A shared cache would give this client's cookie, and so its server, to all. */
static struct str cookie_lines(const struct backend *b, const struct server *s, bool cached,
			       struct arena *arena)
{
	static const char *const sites[] = { [CONF_SAME_SITE_LAX] = "Lax",
					     [CONF_SAME_SITE_STRICT] = "Strict",
					     [CONF_SAME_SITE_NONE] = "None" };
	const struct conf_sticky *c = &b->conf->sticky;

	return arena_printf(arena, "Set-Cookie: %.*s=%s; Path=/; SameSite=%s%s%s\r\n%s",
			    STR_ARGS(c->cookie), value_of(b, s), sites[c->same_site],
			    c->secure ? "; Secure" : "", c->http_only ? "; HttpOnly" : "",
			    cached ? "Cache-Control: private\r\n" : "");
}

bool affinity_tell(const struct backend *b, const struct server *s, const struct server *bound,
		   struct http_response *res, struct arena *arena, struct str *added)
{
	http_cookie_refuse(&res->fields, b->sticky.name);
	if (s == bound)
		return true;
	return append(added,
		      cookie_lines(b, s, !http_cookie_is_uncached(&res->fields), arena), arena) &&
	       !arena_failed(arena);
}
