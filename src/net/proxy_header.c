#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>

/* ---- version 1 ---- */

#define V1_PREFIX STR("PROXY ")
#define V1_MAX 107 /* with its CRLF */

/* "heading zeroes are not permitted" */
static bool parse_port(struct str text, uint16_t *port)
{
	uint64_t v;

	if (!str_to_u64(text, &v) || v > 65535 || (text.n > 1 && text.p[0] == '0'))
		return false;
	*port = (uint16_t)v;
	return true;
}

static bool parse_endpoint(struct addr *a, struct str host, struct str port, sa_family_t family)
{
	uint16_t number;

	return parse_port(port, &number) && !addr_parse_host(a, host, number) &&
	       a->u.sa.sa_family == family;
}

/* The line without its prefix and its end. */
static bool parse_v1_words(struct str line, struct proxy_header *h)
{
	struct str word[5];
	sa_family_t family;
	unsigned n = 0;

	h->local = str_eq(line, STR("UNKNOWN")) || str_begins(line, STR("UNKNOWN "));
	if (h->local) /* whatever else it says */
		return true;
	while (n < 4 && str_split(&line, ' ', &word[n]))
		n++;
	word[4] = line;
	if (n < 4)
		return false;
	if (str_eq(word[0], STR("TCP4")))
		family = AF_INET;
	else if (str_eq(word[0], STR("TCP6")))
		family = AF_INET6;
	else
		return false;
	return parse_endpoint(&h->src, word[1], word[3], family) &&
	       parse_endpoint(&h->dst, word[2], word[4], family);
}

static enum proxy_verdict parse_v1(struct str in, struct proxy_header *h, enum reason *why)
{
	ptrdiff_t lf = str_find_char(str_first(in, V1_MAX), '\n');
	struct str line;

	if (lf < 0 && in.n < V1_MAX)
		return PROXY_MORE;
	*why = REASON_PROXY_LINE;
	if (lf < 0)
		return PROXY_BAD;
	h->size = (size_t)lf + 1;
	line = str_first(in, h->size);
	if (!str_ends(line, STR("\r\n")))
		return PROXY_BAD;
	line = str_from(str_first(line, line.n - 2), V1_PREFIX.n);
	if (!parse_v1_words(line, h))
		return PROXY_BAD;
	*why = REASON_COMPLETE;
	return PROXY_OK;
}

/* ---- version 2 ---- */

#define V2_SIGNATURE STR("\r\n\r\n\0\r\nQUIT\n")
#define V2_FIXED 16u
#define V2_PATH 108u

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_UNIX = 0x31 };
enum { TLV_CRC32C = 0x03 };

static uint16_t get16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

static uint32_t get32(const char *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* RFC 4960 Appendix B (the polynomial 0x1EDC6F41, reflected), half a byte at a time. */
static uint32_t crc32c(uint32_t crc, struct str s)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint8_t)s.p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

/* Over the whole header, the four bytes of the sum itself taken for zero. The sum goes out as
 * its user reads it, the highest byte first. */
static bool checksum_holds(struct str header, size_t at)
{
	uint32_t crc = crc32c(UINT32_MAX, str_first(header, at));

	crc = crc32c(crc, STR("\0\0\0\0"));
	crc = crc32c(crc, str_from(header, at + 4));
	return ~crc == get32(header.p + at);
}

/* What is behind the addresses: of all the kinds there only a checksum means something here. */
static bool walk_tlvs(struct str header, size_t at, enum reason *why)
{
	size_t checksum = 0;

	*why = REASON_PROXY_LENGTH;
	while (at < header.n) {
		size_t n;

		if (header.n - at < 3)
			return false;
		n = get16(header.p + at + 1);
		if (n > header.n - at - 3)
			return false;
		if (header.p[at] == TLV_CRC32C) {
			if (n != 4 || checksum)
				return false;
			checksum = at + 3;
		}
		at += 3 + n;
	}
	*why = REASON_PROXY_CHECKSUM;
	return !checksum || checksum_holds(header, checksum);
}

static void take_v4(struct addr *a, const char *host, const char *port)
{
	a->u.in.sin_family = AF_INET;
	memcpy(&a->u.in.sin_addr, host, 4);
	memcpy(&a->u.in.sin_port, port, 2);
	a->len = sizeof(a->u.in);
}

static void take_v6(struct addr *a, const char *host, const char *port)
{
	a->u.in6.sin6_family = AF_INET6;
	memcpy(&a->u.in6.sin6_addr, host, 16);
	memcpy(&a->u.in6.sin6_port, port, 2);
	a->len = sizeof(a->u.in6);
}

/* A path that fills its place has no NUL behind it, which all the world expects of one: its
 * last byte goes, since it is there for people only. */
static void take_unix(struct addr *a, const char *path)
{
	a->u.un.sun_family = AF_UNIX;
	memcpy(a->u.un.sun_path, path, V2_PATH - 1);
	a->len = sizeof(a->u.un);
}

static void take_addresses(struct proxy_header *h, uint8_t family, const char *p)
{
	switch (family) {
	case V2_TCP4:
		take_v4(&h->src, p, p + 8);
		take_v4(&h->dst, p + 4, p + 10);
		break;
	case V2_TCP6:
		take_v6(&h->src, p, p + 32);
		take_v6(&h->dst, p + 16, p + 34);
		break;
	case V2_UNIX:
		take_unix(&h->src, p);
		take_unix(&h->dst, p + V2_PATH);
		break;
	default: /* of datagrams: valid, and not what we serve */
		h->local = true;
	}
}

/* Bytes of both addresses; false when this is no family of the specification. */
static bool addresses_size(uint8_t family, size_t *size)
{
	static const uint8_t sizes[] = { 0, 12, 36, 2 * V2_PATH };
	unsigned kind = family >> 4, transport = family & 15;

	if (kind > 3 || transport > 2 || (kind == 0) != (transport == 0))
		return false;
	*size = sizes[kind];
	return true;
}

static bool take_block(struct proxy_header *h, struct str header, enum reason *why)
{
	uint8_t family = (uint8_t)header.p[13];
	size_t size = 0;

	/* "discard the protocol block including the family": it may hold anything. */
	h->local = header.p[12] == V2_LOCAL || family == V2_UNSPEC;
	if (h->local)
		return true;
	*why = REASON_PROXY_LENGTH;
	if (!addresses_size(family, &size) || header.n - V2_FIXED < size ||
	    !walk_tlvs(header, V2_FIXED + size, why))
		return false;
	take_addresses(h, family, header.p + V2_FIXED);
	return true;
}

/* The bytes 13 and 14, which say what it is; later ones are not looked at before. */
static bool is_known_kind(struct str in)
{
	size_t size;

	if (in.n > 12 && in.p[12] != V2_LOCAL && in.p[12] != V2_PROXY)
		return false;
	return in.n <= 13 || in.p[12] == V2_LOCAL || addresses_size((uint8_t)in.p[13], &size);
}

static enum proxy_verdict parse_v2(struct str in, struct proxy_header *h, enum reason *why)
{
	*why = REASON_PROXY_KIND;
	if (!is_known_kind(in))
		return PROXY_BAD;
	*why = REASON_COMPLETE;
	if (in.n < V2_FIXED)
		return PROXY_MORE;
	h->size = V2_FIXED + get16(in.p + 14);
	if (h->size > PROXY_HEADER_MAX) {
		*why = REASON_PROXY_LENGTH;
		return PROXY_BAD;
	}
	if (in.n < h->size)
		return PROXY_MORE;
	if (!take_block(h, str_first(in, h->size), why))
		return PROXY_BAD;
	*why = REASON_COMPLETE;
	return PROXY_OK;
}

/* ---- both ---- */

static bool may_become(struct str in, struct str prefix)
{
	return str_begins(str_first(prefix, in.n), str_first(in, prefix.n));
}

enum proxy_verdict proxy_header_parse(struct str in, struct proxy_header *h, enum reason *why)
{
	*h = (struct proxy_header){ .local = false };
	*why = REASON_COMPLETE;
	if (str_begins(in, V1_PREFIX))
		return parse_v1(in, h, why);
	if (str_begins(in, V2_SIGNATURE))
		return parse_v2(in, h, why);
	if (may_become(in, V1_PREFIX) || may_become(in, V2_SIGNATURE))
		return PROXY_MORE;
	*why = REASON_PROXY_MISSING;
	return PROXY_BAD;
}

/* ---- building ---- */

static void as_v6(const struct addr *a, struct addr *to)
{
	*to = *a;
	if (a->u.sa.sa_family != AF_INET)
		return;
	*to = (struct addr){ .len = sizeof(to->u.in6) };
	to->u.in6.sin6_family = AF_INET6;
	to->u.in6.sin6_port = a->u.in.sin_port;
	memset(to->u.in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(to->u.in6.sin6_addr.s6_addr + 12, &a->u.in.sin_addr, 4);
}

/* The family of both; AF_UNSPEC when they have none in common. */
static sa_family_t make_alike(const struct addr *src, const struct addr *dst, struct addr to[2])
{
	to[0] = *src;
	to[1] = *dst;
	if (src->u.sa.sa_family == dst->u.sa.sa_family)
		return src->u.sa.sa_family;
	if (src->u.sa.sa_family == AF_UNIX || dst->u.sa.sa_family == AF_UNIX)
		return AF_UNSPEC;
	as_v6(src, &to[0]);
	as_v6(dst, &to[1]);
	return AF_INET6;
}

static size_t build_v1(sa_family_t family, const struct addr a[2], char *to)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int n;

	if (family != AF_INET && family != AF_INET6) {
		n = snprintf(to, PROXY_HEADER_BUILT, "PROXY UNKNOWN\r\n");
	} else {
		addr_format_host(&a[0], src, sizeof(src));
		addr_format_host(&a[1], dst, sizeof(dst));
		n = snprintf(to, PROXY_HEADER_BUILT, "PROXY TCP%c %s %s %u %u\r\n",
			     family == AF_INET ? '4' : '6', src, dst, (unsigned)addr_port(&a[0]),
			     (unsigned)addr_port(&a[1]));
	}
	return n < 0 ? 0 : (size_t)n;
}

static char *put(char *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

/* An unnamed socket's address is shorter than its structure. */
static char *put_path(char *to, const struct addr *a)
{
	size_t before = offsetof(struct sockaddr_un, sun_path);
	size_t n = a->len > before ? a->len - before : 0;

	memset(to, 0, V2_PATH);
	memcpy(to, a->u.un.sun_path, n < V2_PATH ? n : V2_PATH - 1);
	return to + V2_PATH;
}

static char *put_addresses(char *to, sa_family_t family, const struct addr a[2])
{
	switch (family) {
	case AF_INET:
		to = put(put(to, &a[0].u.in.sin_addr, 4), &a[1].u.in.sin_addr, 4);
		return put(put(to, &a[0].u.in.sin_port, 2), &a[1].u.in.sin_port, 2);
	case AF_INET6:
		to = put(put(to, &a[0].u.in6.sin6_addr, 16), &a[1].u.in6.sin6_addr, 16);
		return put(put(to, &a[0].u.in6.sin6_port, 2), &a[1].u.in6.sin6_port, 2);
	case AF_UNIX:
		return put_path(put_path(to, &a[0]), &a[1]);
	default:
		return to;
	}
}

static size_t build_v2(bool local, sa_family_t family, const struct addr a[2], char *to)
{
	char *end = put_addresses(to + V2_FIXED, family, a);
	size_t n = (size_t)(end - to) - V2_FIXED;

	put(to, V2_SIGNATURE.p, V2_SIGNATURE.n);
	to[12] = local ? V2_LOCAL : V2_PROXY;
	to[13] = family == AF_INET    ? V2_TCP4
		 : family == AF_INET6 ? V2_TCP6
		 : family == AF_UNIX  ? V2_UNIX
				      : V2_UNSPEC;
	to[14] = 0;
	to[15] = (char)n;
	return V2_FIXED + n;
}

size_t proxy_header_build(unsigned version, const struct addr *src, const struct addr *dst,
			  char *to)
{
	struct addr a[2];
	sa_family_t family = src ? make_alike(src, dst, a) : AF_UNSPEC;

	return version == 1 ? build_v1(family, a, to) : build_v2(!src, family, a, to);
}
