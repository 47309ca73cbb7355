#include "vrrp/packet.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"

#define HEADER 8u
#define TYPE_ADVERTISEMENT 1u
#define AUTH_NONE 0u
#define AUTH_PASS 1u
#define CENTISECOND (10 * CLOCK_MS)
#define V3_INTERVAL_MAX 4095u

/* A CARP advertisement has version and type of VRRPv2 in its first byte, 36 bytes in all, and
 * the number of 32-bit words of its counter and digest where VRRP counts addresses. */
#define CARP_SIZE 36u
#define CARP_AUTH_WORDS 7u

static const struct vrrp_ip group_v4 = { 4, { 224, 0, 0, 18 } };
static const struct vrrp_ip group_v6 = { 16, { 0xff, 0x02, [15] = 0x12 } };

static const struct {
	const char *name, *text;
} discards[VRRP_DISCARDS] = {
	{ "TAKEN", "taken" },
#define DISCARD(name, text) { #name, text },
#include "vrrp/discard.def"
#undef DISCARD
};

const char *vrrp_discard_name(enum vrrp_discard d)
{
	must((unsigned)d < VRRP_DISCARDS);
	return discards[d].name;
}

const char *vrrp_discard_text(enum vrrp_discard d)
{
	must((unsigned)d < VRRP_DISCARDS);
	return discards[d].text;
}

/* --- addresses --- */

static struct vrrp_ip ip_of(const void *bytes, uint8_t size)
{
	struct vrrp_ip ip = { .size = size };

	memcpy(ip.bytes, bytes, size);
	return ip;
}

struct vrrp_ip vrrp_ip_v4(const void *bytes)
{
	return ip_of(bytes, 4);
}

struct vrrp_ip vrrp_ip_v6(const void *bytes)
{
	return ip_of(bytes, 16);
}

bool vrrp_ip_eq(const struct vrrp_ip *a, const struct vrrp_ip *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

int vrrp_ip_compare(const struct vrrp_ip *a, const struct vrrp_ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool vrrp_ip_is_multicast(const struct vrrp_ip *ip)
{
	return ip->size == 4 ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff;
}

bool vrrp_ip_is_link_local(const struct vrrp_ip *ip)
{
	if (ip->size == 4)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

const char *vrrp_ip_format(const struct vrrp_ip *ip, char to[VRRP_IP_TEXT])
{
	if (ip->size == 0 ||
	    !inet_ntop(ip->size == 4 ? AF_INET : AF_INET6, ip->bytes, to, VRRP_IP_TEXT))
		memcpy(to, "-", 2);
	return to;
}

const struct vrrp_ip *vrrp_group(bool ipv6)
{
	return ipv6 ? &group_v6 : &group_v4;
}

static bool ip_in_list(const struct vrrp_ip *list, unsigned n, const struct vrrp_ip *ip)
{
	for (unsigned i = 0; i < n; i++)
		if (vrrp_ip_eq(&list[i], ip))
			return true;
	return false;
}

/* --- the format --- */

static unsigned ip_size(const struct vrrp_format *f)
{
	return f->ipv6 ? 16 : 4;
}

static const char *interval_error(const struct vrrp_format *f)
{
	if (f->version == 2)
		return f->interval % CLOCK_SEC || f->interval < CLOCK_SEC ||
				       f->interval > 255 * CLOCK_SEC
			       ? "version 2 advertises every 1 to 255 whole seconds"
			       : NULL;
	return f->interval % CENTISECOND || f->interval < CENTISECOND ||
			       f->interval > V3_INTERVAL_MAX * CENTISECOND
		       ? "version 3 advertises every 10ms to 40950ms, in steps of 10ms"
		       : NULL;
}

static const char *list_error(const struct vrrp_format *f)
{
	if (f->n_addresses < 1 || f->n_addresses > VRRP_ADDRESSES_MAX)
		return "an instance advertises 1 to 255 addresses";
	for (unsigned i = 0; i < f->n_addresses; i++) {
		if (f->addresses[i].size != ip_size(f))
			return "IPv4 and IPv6 addresses need instances of their own";
		if (ip_in_list(f->addresses, i, &f->addresses[i]))
			return "the same address stands twice in the list";
	}
	for (unsigned i = 0; i < f->n_peers; i++)
		if (f->peers[i].size != ip_size(f))
			return "a unicast peer has another address family than the instance";
	return f->unicast && f->n_peers == 0 ? "unicast needs at least one peer" : NULL;
}

const char *vrrp_format_error(const struct vrrp_format *f)
{
	if (f->version != 2 && f->version != 3)
		return "the version of VRRP is 2 or 3";
	if (f->vrid == 0)
		return "a virtual router id is 1 to 255";
	if (f->version == 2 && f->ipv6)
		return "IPv6 needs version 3";
	if (f->version == 3 && f->has_password)
		return "version 3 has no authentication; leave it out, or use version 2";
	if (interval_error(f))
		return interval_error(f);
	return list_error(f);
}

const char *vrrp_format_warning(const struct vrrp_format *f)
{
	if (f->ipv6 && !vrrp_ip_is_link_local(&f->addresses[0]))
		return "RFC 9568 wants a link-local address in front of the IPv6 list; some "
		       "routers ignore the instance without (it must be the same on all nodes)";
	return NULL;
}

bool vrrp_format_set_password(struct vrrp_format *f, const char *password)
{
	size_t n = strlen(password);

	f->has_password = true;
	memset(f->password, 0, sizeof(f->password));
	memcpy(f->password, password, n < VRRP_PASSWORD ? n : VRRP_PASSWORD);
	return n > VRRP_PASSWORD;
}

/* --- the checksum --- */

static uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (n & 1)
		sum += (uint32_t)bytes[n - 1] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The same sum for both families: protocol and length are small numbers in network order,
 * whatever the width of their fields. */
static uint32_t sum_pseudo(const struct vrrp_ip *source, const struct vrrp_ip *destination,
			   size_t n)
{
	uint32_t sum = sum_add(0, source->bytes, source->size);

	return sum_add(sum, destination->bytes, destination->size) + VRRP_PROTOCOL + (uint32_t)n;
}

static void put_u16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static unsigned get_u16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

/* --- sending --- */

size_t vrrp_packet_size(const struct vrrp_format *f)
{
	return HEADER + (size_t)ip_size(f) * f->n_addresses +
	       (f->version == 2 ? VRRP_PASSWORD : 0);
}

static void put_timing(const struct vrrp_format *f, uint8_t *to)
{
	if (f->version == 3) {
		put_u16(to + 4, (unsigned)(f->interval / CENTISECOND));
		return;
	}
	to[4] = f->has_password ? AUTH_PASS : AUTH_NONE;
	to[5] = (uint8_t)(f->interval / CLOCK_SEC);
}

size_t vrrp_packet_build(const struct vrrp_format *f, uint8_t priority,
			 const struct vrrp_ip *source, const struct vrrp_ip *destination,
			 uint8_t *to, size_t size)
{
	size_t n = vrrp_packet_size(f), each = ip_size(f);
	uint32_t sum = 0;

	must(f->n_addresses >= 1 && f->n_addresses <= VRRP_ADDRESSES_MAX);
	if (n > size)
		return 0;
	memset(to, 0, n);
	to[0] = (uint8_t)((unsigned)f->version << 4 | TYPE_ADVERTISEMENT);
	to[1] = f->vrid;
	to[2] = priority;
	to[3] = (uint8_t)f->n_addresses;
	put_timing(f, to);
	for (unsigned i = 0; i < f->n_addresses; i++)
		memcpy(to + HEADER + i * each, f->addresses[i].bytes, each);
	if (f->version == 2 && f->has_password)
		memcpy(to + n - VRRP_PASSWORD, f->password, VRRP_PASSWORD);
	if (f->version == 3 && (f->ipv6 || !f->plain_checksum))
		sum = sum_pseudo(source, destination, n);
	put_u16(to + 6, (uint16_t)~sum_fold(sum_add(sum, to, n)));
	return n;
}

size_t vrrp_packet_build_ipv4(const struct vrrp_format *f, uint8_t priority,
			      const struct vrrp_ip *source, const struct vrrp_ip *destination,
			      uint8_t *to, size_t size)
{
	size_t n;

	must(!f->ipv6 && source->size == 4 && destination->size == 4);
	if (size < VRRP_IPV4_HEADER)
		return 0;
	n = vrrp_packet_build(f, priority, source, destination, to + VRRP_IPV4_HEADER,
			      size - VRRP_IPV4_HEADER);
	if (n == 0)
		return 0;
	memset(to, 0, VRRP_IPV4_HEADER);
	to[0] = 0x45;
	to[1] = VRRP_TOS;
	put_u16(to + 2, (unsigned)(VRRP_IPV4_HEADER + n));
	to[8] = VRRP_TTL;
	to[9] = VRRP_PROTOCOL;
	memcpy(to + 12, source->bytes, 4);
	memcpy(to + 16, destination->bytes, 4);
	put_u16(to + 10, (uint16_t)~sum_fold(sum_add(0, to, VRRP_IPV4_HEADER)));
	return VRRP_IPV4_HEADER + n;
}

/* --- receiving --- */

enum vrrp_discard vrrp_datagram_from_ipv4(struct vrrp_datagram *d, const uint8_t *bytes, size_t n)
{
	size_t header, total;

	if (n < VRRP_IPV4_HEADER)
		return VRRP_DISCARD_IP_HEADER;
	header = (size_t)(bytes[0] & 0x0f) * 4;
	total = get_u16(bytes + 2);
	if (bytes[0] >> 4 != 4 || header < VRRP_IPV4_HEADER || total < header || total != n ||
	    bytes[9] != VRRP_PROTOCOL)
		return VRRP_DISCARD_IP_HEADER;
	*d = (struct vrrp_datagram){
		.source = vrrp_ip_v4(bytes + 12), .destination = vrrp_ip_v4(bytes + 16),
		.ttl = bytes[8], .bytes = bytes + header, .n = total - header,
	};
	return VRRP_TAKEN;
}

int vrrp_datagram_vrid(const struct vrrp_datagram *d)
{
	return d->n < 2 ? -1 : d->bytes[1];
}

struct vrrp_ip vrrp_packet_address(const struct vrrp_datagram *d, bool ipv6, unsigned i)
{
	size_t each = ipv6 ? 16 : 4, at = HEADER + i * each;

	must(at + each <= d->n);
	return ip_of(d->bytes + at, (uint8_t)each);
}

static enum vrrp_discard check_carrier(const struct vrrp_format *f, const struct vrrp_datagram *d)
{
	if (d->own_source)
		return VRRP_DISCARD_OWN_SOURCE;
	if (f->unicast) {
		if (vrrp_ip_is_multicast(&d->destination))
			return VRRP_DISCARD_DESTINATION;
		if (!ip_in_list(f->peers, f->n_peers, &d->source))
			return VRRP_DISCARD_PEER;
		return d->ttl < f->min_ttl ? VRRP_DISCARD_TTL : VRRP_TAKEN;
	}
	if (!vrrp_ip_eq(&d->destination, vrrp_group(f->ipv6)))
		return VRRP_DISCARD_DESTINATION;
	return d->ttl != VRRP_TTL ? VRRP_DISCARD_TTL : VRRP_TAKEN;
}

static bool looks_like_carp(const struct vrrp_datagram *d)
{
	return d->n == CARP_SIZE && d->bytes[0] == 0x21 && d->bytes[3] == CARP_AUTH_WORDS;
}

static enum vrrp_discard check_shape(const struct vrrp_format *f, const struct vrrp_datagram *d)
{
	size_t wants;

	if (d->n < HEADER)
		return VRRP_DISCARD_SHORT;
	if (d->bytes[1] != f->vrid)
		return VRRP_DISCARD_VRID;
	if (looks_like_carp(d))
		return VRRP_DISCARD_CARP;
	if (d->bytes[0] >> 4 != f->version)
		return VRRP_DISCARD_VERSION;
	if ((d->bytes[0] & 0x0f) != TYPE_ADVERTISEMENT)
		return VRRP_DISCARD_TYPE;
	if (d->bytes[3] == 0)
		return VRRP_DISCARD_NO_ADDRESS;
	wants = HEADER + (size_t)d->bytes[3] * ip_size(f) + (f->version == 2 ? VRRP_PASSWORD : 0);
	if (d->n != wants)
		return d->n < wants ? VRRP_DISCARD_SHORT : VRRP_DISCARD_LONG;
	return VRRP_TAKEN;
}

/* A right checksum makes the sum over everything all ones. */
static bool checksum_is_right(const struct vrrp_format *f, const struct vrrp_datagram *d,
			      enum vrrp_checksum *form)
{
	uint32_t sum = sum_add(0, d->bytes, d->n);

	*form = VRRP_CHECKSUM_MESSAGE;
	if (f->version == 2)
		return sum_fold(sum) == 0xffff;
	if (sum_fold(sum + sum_pseudo(&d->source, &d->destination, d->n)) == 0xffff) {
		*form = VRRP_CHECKSUM_PSEUDO;
		return true;
	}
	return !f->ipv6 && sum_fold(sum) == 0xffff;
}

/* Every byte is looked at whatever the first ones say, so that the time tells nothing. */
static bool password_is_right(const struct vrrp_format *f, const uint8_t *sent)
{
	unsigned differs = 0;

	for (unsigned i = 0; i < VRRP_PASSWORD; i++)
		differs |= (unsigned)(f->password[i] ^ sent[i]);
	return differs == 0;
}

static enum vrrp_discard check_v2(const struct vrrp_format *f, const struct vrrp_datagram *d,
				  struct vrrp_advert *out)
{
	if (d->bytes[4] != (f->has_password ? AUTH_PASS : AUTH_NONE))
		return VRRP_DISCARD_AUTH_TYPE;
	if (f->has_password && !password_is_right(f, d->bytes + d->n - VRRP_PASSWORD))
		return VRRP_DISCARD_PASSWORD;
	out->interval = d->bytes[5] * CLOCK_SEC;
	return out->interval != f->interval ? VRRP_DISCARD_INTERVAL : VRRP_TAKEN;
}

static enum vrrp_discard check_v3(const struct vrrp_format *f, const struct vrrp_datagram *d,
				  struct vrrp_advert *out)
{
	enum vrrp_checksum ours = f->plain_checksum ? VRRP_CHECKSUM_MESSAGE : VRRP_CHECKSUM_PSEUDO;

	out->interval = (get_u16(d->bytes + 4) & 0x0fff) * CENTISECOND;
	if (out->interval == 0)
		return VRRP_DISCARD_INTERVAL_ZERO;
	if (out->interval != f->interval)
		out->odd |= VRRP_ODD_INTERVAL;
	if (!f->ipv6 && out->checksum != ours)
		out->odd |= VRRP_ODD_CHECKSUM;
	return VRRP_TAKEN;
}

static bool list_has_all_of_ours(const struct vrrp_format *f, const struct vrrp_datagram *d)
{
	for (unsigned i = 0; i < f->n_addresses; i++) {
		unsigned at = 0;

		while (at < d->bytes[3]) {
			struct vrrp_ip ip = vrrp_packet_address(d, f->ipv6, at);

			if (vrrp_ip_eq(&ip, &f->addresses[i]))
				break;
			at++;
		}
		if (at == d->bytes[3])
			return false;
	}
	return true;
}

/* Equal sets are well; sets that overlap are a neighbour of another mind, whom to ignore would
 * make two masters; sets without a common address are another router, whom to obey would give
 * our addresses away. */
static enum vrrp_discard check_list(const struct vrrp_format *f, const struct vrrp_datagram *d,
				    struct vrrp_advert *out)
{
	unsigned known = 0;

	for (unsigned i = 0; i < d->bytes[3]; i++) {
		struct vrrp_ip ip = vrrp_packet_address(d, f->ipv6, i);

		known += ip_in_list(f->addresses, f->n_addresses, &ip);
		if (i == 0 && f->ipv6 && !vrrp_ip_is_link_local(&ip))
			out->odd |= VRRP_ODD_FIRST_ADDRESS;
	}
	if (known == 0)
		return VRRP_DISCARD_FOREIGN;
	if (known == d->bytes[3] && list_has_all_of_ours(f, d))
		return VRRP_TAKEN;
	if (f->version == 2 && f->strict_list && out->priority != VRRP_PRIORITY_OWNER)
		return VRRP_DISCARD_LIST;
	out->odd |= VRRP_ODD_LIST;
	return VRRP_TAKEN;
}

enum vrrp_discard vrrp_packet_parse(const struct vrrp_format *f, const struct vrrp_datagram *d,
				    struct vrrp_advert *out)
{
	enum vrrp_discard why = check_carrier(f, d), list;

	*out = (struct vrrp_advert){ .source = d->source };
	if (why == VRRP_TAKEN)
		why = check_shape(f, d);
	if (why != VRRP_TAKEN)
		return why;
	out->priority = d->bytes[2];
	if (!checksum_is_right(f, d, &out->checksum))
		return VRRP_DISCARD_CHECKSUM;
	why = f->version == 2 ? check_v2(f, d, out) : check_v3(f, d, out);
	list = check_list(f, d, out);
	/* Another router is that whatever its password, and told with its address. */
	return why == VRRP_TAKEN || list == VRRP_DISCARD_FOREIGN ? list : why;
}
