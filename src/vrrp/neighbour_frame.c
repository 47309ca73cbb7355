/* The frames of vrrp/neighbour.h. */
#include <string.h>

#include "base/assert.h"
#include "vrrp/neighbour.h"

#define ETHERNET 14
#define ARP 28
#define IPV6 40
#define NA 24 /* and a solicitation: header, flags, target */
#define OPTION 8

#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ICMPV6 58
#define TYPE_NS 135
#define TYPE_NA 136
#define FLAG_ROUTER 0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE 0x20
#define OPTION_SOURCE 1
#define OPTION_TARGET 2

static const uint8_t all_ones[NEIGHBOUR_MAC] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t nothing[16];
static const uint8_t all_nodes[16] = { 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

static uint8_t *put(uint8_t *to, const void *bytes, size_t n)
{
	memcpy(to, bytes, n);
	return to + n;
}

static uint8_t *put_u16(uint8_t *to, unsigned v)
{
	*to++ = (uint8_t)(v >> 8);
	*to++ = (uint8_t)v;
	return to;
}

static uint8_t *put_ethernet(uint8_t *to, const uint8_t *destination, const uint8_t *source,
			     unsigned type)
{
	to = put(to, destination, NEIGHBOUR_MAC);
	to = put(to, source, NEIGHBOUR_MAC);
	return put_u16(to, type);
}

/* ---- ARP ---- */

struct arp {
	unsigned operation;
	const uint8_t *sender_mac, *sender_ip, *target_mac, *target_ip;
};

static void build_arp(struct neighbour_frame *f, const struct arp *a)
{
	static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, 6, 4 };
	uint8_t *p = put_ethernet(f->bytes, all_ones, a->sender_mac, 0x0806);

	p = put(p, ethernet_ipv4, sizeof(ethernet_ipv4));
	p = put_u16(p, a->operation);
	p = put(p, a->sender_mac, NEIGHBOUR_MAC);
	p = put(p, a->sender_ip, 4);
	p = put(p, a->target_mac, NEIGHBOUR_MAC);
	p = put(p, a->target_ip, 4);
	f->n = (uint16_t)(p - f->bytes);
}

void neighbour_build_garp(struct neighbour_frame *f, enum neighbour_form form,
			  const uint8_t mac[NEIGHBOUR_MAC], const struct vrrp_ip *ip)
{
	struct arp a = { ARP_REQUEST, mac, ip->bytes, all_ones, ip->bytes };

	must(ip->size == 4);
	if (form == NEIGHBOUR_REPLY) {
		a.operation = ARP_REPLY;
		a.target_mac = mac;
	}
	build_arp(f, &a);
}

/* ---- neighbour discovery ---- */

static uint16_t checksum(const uint8_t *source, const uint8_t *destination,
			 const uint8_t *message, size_t n)
{
	uint32_t sum = (uint32_t)n + ICMPV6;
	size_t i;

	for (i = 0; i < 16; i += 2)
		sum += (uint32_t)(source[i] << 8 | source[i + 1]) +
		       (uint32_t)(destination[i] << 8 | destination[i + 1]);
	for (i = 0; i < n; i += 2)
		sum += (uint32_t)(message[i] << 8 | message[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct discovery {
	uint8_t type, flags, option; /* 0: no option */
	const uint8_t *mac, *source, *destination, *target;
};

/* The group's last four bytes make its MAC (RFC 2464). The messages have an even length. */
static void build_discovery(struct neighbour_frame *f, const struct discovery *d)
{
	size_t n = NA + (d->option ? OPTION : 0);
	uint8_t to[NEIGHBOUR_MAC] = { 0x33, 0x33 };
	const uint8_t head[] = { 0x60, 0, 0, 0, 0, (uint8_t)n, ICMPV6, 255 };
	const uint8_t icmp[] = { d->type, 0, 0, 0, d->flags, 0, 0, 0 };
	const uint8_t option[] = { d->option, 1 };
	uint8_t *p, *message;

	memcpy(to + 2, d->destination + 12, 4);
	p = put_ethernet(f->bytes, to, d->mac, 0x86dd);
	p = put(p, head, sizeof(head));
	p = put(p, d->source, 16);
	message = p = put(p, d->destination, 16);
	p = put(p, icmp, sizeof(icmp));
	p = put(p, d->target, 16);
	if (d->option) {
		p = put(p, option, sizeof(option));
		p = put(p, d->mac, NEIGHBOUR_MAC);
	}
	put_u16(message + 2, checksum(d->source, d->destination, message, n));
	f->n = (uint16_t)(p - f->bytes);
}

void neighbour_build_na(struct neighbour_frame *f, const uint8_t mac[NEIGHBOUR_MAC],
			const struct vrrp_ip *ip, bool router)
{
	struct discovery d = {
		.type = TYPE_NA, .flags = FLAG_OVERRIDE, .option = OPTION_TARGET, .mac = mac,
		.source = ip->bytes, .destination = all_nodes, .target = ip->bytes,
	};

	must(ip->size == 16);
	if (router)
		d.flags |= FLAG_ROUTER;
	build_discovery(f, &d);
}

void neighbour_build_announcement(struct neighbour_frame *f, enum neighbour_form form,
				  const uint8_t mac[NEIGHBOUR_MAC], const struct vrrp_ip *ip,
				  bool router)
{
	if (ip->size == 16)
		neighbour_build_na(f, mac, ip, router);
	else
		neighbour_build_garp(f, form, mac, ip);
}

/* A question without a sender must not carry its MAC (RFC 4861, 4.3). */
static void build_solicitation(struct neighbour_frame *f, const uint8_t *mac,
			       const uint8_t *sender, const uint8_t *target)
{
	uint8_t group[16] = { 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff };
	const struct discovery d = {
		.type = TYPE_NS, .option = sender ? OPTION_SOURCE : 0, .mac = mac,
		.source = sender ? sender : nothing, .destination = group, .target = target,
	};

	memcpy(group + 13, target + 13, 3);
	build_discovery(f, &d);
}

void neighbour_build_question(struct neighbour_frame *f, const uint8_t mac[NEIGHBOUR_MAC],
			      const struct vrrp_ip *sender, const struct vrrp_ip *target)
{
	const uint8_t *from = sender && sender->size ? sender->bytes : NULL;
	const struct arp a = { ARP_REQUEST, mac, from ? from : nothing, nothing, target->bytes };

	must(!from || sender->size == target->size);
	if (target->size == 16)
		build_solicitation(f, mac, from, target->bytes);
	else
		build_arp(f, &a);
}

/* ---- what others say ---- */

bool neighbour_parse_arp(const uint8_t *frame, size_t n, struct vrrp_ip *ip,
			 uint8_t mac[NEIGHBOUR_MAC])
{
	static const uint8_t ethernet_ipv4[] = { 8, 6, 0, 1, 8, 0, 6, 4, 0 };
	const uint8_t *sender = frame + ETHERNET + 8;

	if (n < ETHERNET + ARP || memcmp(frame + 12, ethernet_ipv4, sizeof(ethernet_ipv4)) != 0)
		return false;
	if (frame[ETHERNET + 7] != ARP_REQUEST && frame[ETHERNET + 7] != ARP_REPLY)
		return false;
	memcpy(mac, sender, NEIGHBOUR_MAC);
	*ip = vrrp_ip_v4(sender + NEIGHBOUR_MAC);
	return memcmp(ip->bytes, nothing, 4) != 0;
}

bool neighbour_parse_na(const uint8_t *message, size_t n, struct vrrp_ip *ip,
			uint8_t mac[NEIGHBOUR_MAC])
{
	size_t at, length;

	memset(mac, 0, NEIGHBOUR_MAC);
	if (n < NA || message[0] != TYPE_NA || message[1] != 0)
		return false;
	*ip = vrrp_ip_v6(message + 8);
	for (at = NA; at + OPTION <= n; at += length) {
		length = (size_t)message[at + 1] * 8;
		if (length == 0 || at + length > n)
			return false;
		if (message[at] == OPTION_TARGET)
			memcpy(mac, message + at + 2, NEIGHBOUR_MAC);
	}
	return !vrrp_ip_is_multicast(ip);
}
