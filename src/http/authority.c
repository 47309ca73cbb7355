#include "http/authority.h"

#include <arpa/inet.h>

#include "http/chars.h"

static bool port_parse(struct str text, uint16_t *port)
{
	uint64_t v;

	if (text.n > 5 || !str_to_u64(text, &v) || v == 0 || v > UINT16_MAX)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* The bytes of a name; an IPv4 address is one too. RFC 3986 allows escapes in it, but a name
 * that is asked of DNS has none, and one server would decode what another compares raw. */
static size_t name_size(struct str s)
{
	size_t i = 0;

	while (i < s.n && http_char_is(s.p[i], CHAR_HOST))
		i++;
	return i;
}

/* "[…]" with its brackets, or 0. */
static size_t ip_literal_size(struct str s)
{
	ptrdiff_t end = str_find_char(s, ']');
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (end < 0 || !str_copy(text, sizeof(text), (struct str){ s.p + 1, (size_t)end - 1 }))
		return 0;
	/* A NUL inside would cut the text: the copy must be read to its end. */
	if (strlen(text) != (size_t)end - 1 || inet_pton(AF_INET6, text, &in6) != 1)
		return 0;
	return (size_t)end + 1;
}

bool http_authority_parse(struct str text, struct http_authority *a)
{
	size_t n = text.n && text.p[0] == '[' ? ip_literal_size(text) : name_size(text);

	a->host = str_first(text, n);
	a->port = 0;
	if (n == 0)
		return false;
	if (n == text.n)
		return true;
	return text.p[n] == ':' && port_parse(str_from(text, n + 1), &a->port);
}

bool http_authority_same(const struct http_authority *a, const struct http_authority *b,
			 uint16_t default_port)
{
	uint16_t port_a = a->port ? a->port : default_port;
	uint16_t port_b = b->port ? b->port : default_port;

	return port_a == port_b && str_ieq(a->host, b->host);
}
