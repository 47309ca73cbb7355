#include "limit/key.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"

#define DIGEST_TEXT 17 /* "#" and sixteen digits */

uint64_t limit_digest(const struct board_limits *b, struct str value)
{
	return hash_keyed(b->key, value);
}

/* Each limit hashes with a key of its own, so that equal values of two limits lie apart. */
static uint64_t owner_of(const struct board_limits *b, const struct limit *l, struct str bytes)
{
	const uint64_t key[2] = { b->key[0] ^ l->id, b->key[1] + l->conf->by };
	uint64_t owner = hash_keyed(key, bytes);

	return owner ? owner : 1;
}

static uint64_t owner_of_src(const struct board_limits *b, const struct limit *l,
			     const struct addr *src)
{
	struct net net;

	/* All that come over a unix socket are one. */
	if (!net_of(&net, src, l->conf->prefix4, l->conf->prefix6))
		return owner_of(b, l, STR_NONE);
	return owner_of(b, l, (struct str){ (const char *)net.bytes, net.family_bytes });
}

struct limit_key limit_key_make(const struct board_limits *b, const struct limit *l,
				const struct addr *src, struct str value)
{
	struct limit_key k = { .limit = l };

	switch (l->conf->by) {
	case CONF_LIMIT_SRC:
		k.src = src;
		k.owner = owner_of_src(b, l, src);
		break;
	case CONF_LIMIT_HEADER:
	case CONF_LIMIT_COOKIE:
		k.value = value;
		k.owner = owner_of(b, l, value);
		break;
	case CONF_LIMIT_ROUTE:
		k.value = STR("all");
		k.owner = owner_of(b, l, k.value);
		break;
	}
	return k;
}

static size_t src_text(const struct limit_key *k, char to[BOARD_KEY_TEXT])
{
	const struct conf_limit *c = k->limit->conf;
	struct net net;

	if (net_of(&net, k->src, c->prefix4, c->prefix6))
		return net_format(&net, to, BOARD_KEY_TEXT);
	return addr_format_host(k->src, to, BOARD_KEY_TEXT);
}

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~';
}

/* Whether the value itself is its text: so no two values have the same one. */
static bool is_own_text(struct str value)
{
	if (value.n >= BOARD_KEY_TEXT || value.n == 0)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!is_plain(value.p[i]) || value.p[i] == '#')
			return false;
	return true;
}

static size_t value_text(const struct board_limits *b, const struct limit_key *k,
			 char to[BOARD_KEY_TEXT])
{
	struct str v = k->value;
	size_t n = 0;

	if (!k->limit->conf->secret && is_own_text(v)) {
		str_copy(to, BOARD_KEY_TEXT, v);
		return v.n;
	}
	for (; !k->limit->conf->secret && n < v.n && n < BOARD_KEY_TEXT - 1 - DIGEST_TEXT; n++)
		to[n] = is_plain(v.p[n]) && v.p[n] != '#' ? v.p[n] : '?';
	snprintf(to + n, BOARD_KEY_TEXT - n, "#%016" PRIx64, limit_digest(b, v));
	return n + DIGEST_TEXT;
}

size_t limit_key_text(const struct board_limits *b, const struct limit_key *k,
		      char to[BOARD_KEY_TEXT])
{
	return k->src ? src_text(k, to) : value_text(b, k, to);
}

bool limit_read_digest(struct str text, uint64_t *digest)
{
	ptrdiff_t at = str_find_char(text, '#');

	if (at < 0 || text.n - (size_t)at != DIGEST_TEXT)
		return false;
	*digest = 0;
	for (size_t i = (size_t)at + 1; i < text.n; i++) {
		char c = str_lower_char(text.p[i]);
		bool digit = c >= '0' && c <= '9';

		if (!digit && (c < 'a' || c > 'f'))
			return false;
		*digest = *digest << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	return true;
}
