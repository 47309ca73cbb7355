#include "proxy/affinity.h"

#include "base/hash.h"

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
