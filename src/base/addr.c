#include "base/addr.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>

#include "base/hash.h"

const char ADDR_NOT_NUMERIC[] = "the host is a name, not an address";

static const char *parse_unix(struct addr *a, struct str path)
{
	if (path.n < 2 || path.p[0] != '/')
		return "a unix address is \"unix:/PATH\" with a full path";
	if (str_find_char(path, '\0') >= 0)
		return "the path of a unix address holds a NUL";
	if (path.n >= sizeof(a->u.un.sun_path))
		return "the path of a unix address has at most 107 bytes";
	memset(a, 0, sizeof(*a));
	a->u.un.sun_family = AF_UNIX;
	memcpy(a->u.un.sun_path, path.p, path.n);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
	return NULL;
}

const char *addr_parse_host(struct addr *a, struct str host, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	memset(a, 0, sizeof(*a));
	if (!str_copy(text, sizeof(text), host) || str_find_char(host, '\0') >= 0)
		return ADDR_NOT_NUMERIC;
	if (inet_pton(AF_INET, text, &a->u.in.sin_addr) == 1) {
		a->u.in.sin_family = AF_INET;
		a->u.in.sin_port = htons(port);
		a->len = sizeof(a->u.in);
		return NULL;
	}
	if (inet_pton(AF_INET6, text, &a->u.in6.sin6_addr) == 1) {
		a->u.in6.sin6_family = AF_INET6;
		a->u.in6.sin6_port = htons(port);
		a->len = sizeof(a->u.in6);
		return NULL;
	}
	return ADDR_NOT_NUMERIC;
}

bool addr_split(struct str text, struct str *host, uint16_t *port)
{
	size_t colon = text.n;
	uint64_t value;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !str_to_u64(str_from(text, colon), &value) || value < 1 || value > 65535)
		return false;
	*host = str_first(text, colon - 1);
	*port = (uint16_t)value;
	return true;
}

const char *addr_parse(struct addr *a, struct str text)
{
	struct str host;
	uint16_t port;

	if (str_begins(text, STR("unix:")))
		return parse_unix(a, str_from(text, 5));
	if (!addr_split(text, &host, &port))
		return "an address ends with \":PORT\", a port of 1 to 65535";
	if (str_eq(host, STR("*")))
		return addr_parse_host(a, STR("0.0.0.0"), port);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = (struct str){ host.p + 1, host.n - 2 };
		if (str_find_char(host, ':') < 0)
			return "the brackets are for an IPv6 address";
		return addr_parse_host(a, host, port) ? "malformed IPv6 address" : NULL;
	}
	if (str_find_char(host, ':') >= 0)
		return "an IPv6 address stands in brackets, \"[ADDRESS]:PORT\"";
	return addr_parse_host(a, host, port);
}

size_t addr_format_host(const struct addr *a, char *to, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "unix";
	struct str all;

	if (a->u.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->u.in.sin_addr, text, sizeof(text));
	else if (a->u.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->u.in6.sin6_addr, text, sizeof(text));
	all = str_first(str_of(text), size - 1);
	str_copy(to, size, all);
	return all.n;
}

size_t addr_format(const struct addr *a, char *to, size_t size)
{
	char host[INET6_ADDRSTRLEN];
	int n;

	if (a->u.sa.sa_family == AF_UNIX) {
		n = snprintf(to, size, "unix:%s", a->u.un.sun_path);
	} else {
		addr_format_host(a, host, sizeof(host));
		n = snprintf(to, size, a->u.sa.sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
			     (unsigned)addr_port(a));
	}
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

uint16_t addr_port(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return ntohs(a->u.in.sin_port);
	if (a->u.sa.sa_family == AF_INET6)
		return ntohs(a->u.in6.sin6_port);
	return 0;
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->u.sa.sa_family == AF_INET)
		a->u.in.sin_port = htons(port);
	else if (a->u.sa.sa_family == AF_INET6)
		a->u.in6.sin6_port = htons(port);
}

/* The bytes of the host part: what makes two addresses the same host. */
static struct str host_bytes(const struct addr *a)
{
	const char *p;

	switch (a->u.sa.sa_family) {
	case AF_INET:
		p = (const char *)&a->u.in.sin_addr;
		return (struct str){ p, 4 };
	case AF_INET6:
		p = (const char *)&a->u.in6.sin6_addr;
		return IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr) ? (struct str){ p + 12, 4 }
								 : (struct str){ p, 16 };
	case AF_UNIX:
		return str_of(a->u.un.sun_path);
	default:
		return STR_NONE;
	}
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->u.sa.sa_family == b->u.sa.sa_family && addr_port(a) == addr_port(b) &&
	       str_eq(host_bytes(a), host_bytes(b));
}

uint64_t addr_hash_host(const struct addr *a)
{
	return hash_bytes(host_bytes(a));
}

const char *net_parse(struct net *n, struct str text)
{
	ptrdiff_t slash = str_find_char(text, '/');
	struct addr a;
	struct str host;
	uint64_t prefix, before;

	if (addr_parse_host(&a, slash < 0 ? text : str_first(text, (size_t)slash), 1))
		return "malformed address";
	host = host_bytes(&a);
	/* The bits of a mapped address are counted from the front of all its sixteen bytes. */
	before = a.u.sa.sa_family == AF_INET6 ? 128 - host.n * 8 : 0;
	prefix = before + host.n * 8;
	if (slash >= 0 && !str_to_u64(str_from(text, (size_t)slash + 1), &prefix))
		return "a network is ADDRESS/BITS";
	if (prefix > before + host.n * 8)
		return "the prefix is longer than the address";
	if (prefix < before)
		return "the prefix of a mapped IPv4 address is at least 96";
	memset(n, 0, sizeof(*n));
	memcpy(n->bytes, host.p, host.n);
	n->family_bytes = (uint8_t)host.n;
	n->prefix = (uint8_t)(prefix - before);
	return NULL;
}

bool net_contains(const struct net *n, const struct addr *a)
{
	struct str host = host_bytes(a);
	unsigned whole = n->prefix / 8, bits = n->prefix % 8;

	if (a->u.sa.sa_family == AF_UNIX || host.n != n->family_bytes)
		return false;
	if (whole && memcmp(n->bytes, host.p, whole) != 0)
		return false;
	return bits == 0 ||
	       ((n->bytes[whole] ^ (unsigned char)host.p[whole]) >> (8 - bits)) == 0;
}

bool net_of(struct net *n, const struct addr *a, unsigned prefix4, unsigned prefix6)
{
	struct str host = host_bytes(a);
	unsigned prefix = host.n == 4 ? prefix4 : prefix6;

	if (a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6)
		return false;
	memset(n, 0, sizeof(*n));
	n->family_bytes = (uint8_t)host.n;
	n->prefix = (uint8_t)(prefix < host.n * 8 ? prefix : host.n * 8);
	memcpy(n->bytes, host.p, (n->prefix + 7u) / 8);
	if (n->prefix % 8)
		n->bytes[n->prefix / 8] &= (uint8_t)(0xff << (8 - n->prefix % 8));
	return true;
}

struct addr net_addr(const struct net *n)
{
	struct addr a = { .len = n->family_bytes == 4 ? sizeof(a.u.in) : sizeof(a.u.in6) };

	if (n->family_bytes == 4) {
		a.u.in.sin_family = AF_INET;
		memcpy(&a.u.in.sin_addr, n->bytes, 4);
	} else {
		a.u.in6.sin6_family = AF_INET6;
		memcpy(&a.u.in6.sin6_addr, n->bytes, 16);
	}
	return a;
}

size_t net_format(const struct net *n, char *to, size_t size)
{
	struct addr a = net_addr(n);
	size_t at = addr_format_host(&a, to, size);
	int more;

	if (n->prefix == n->family_bytes * 8)
		return at;
	more = snprintf(to + at, size - at, "/%u", n->prefix);
	return more < 0 ? at : at + (size_t)more < size ? at + (size_t)more : size - 1;
}
