/* Received VRRP packets against every kind of configuration. What is taken keeps the promises
 * of its configuration, and both a backup and a master can live with it. The first byte says
 * how the rest is to be read. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "vrrp/fsm.h"

#define HOW_V3 1
#define HOW_PASSWORD 2 /* version 2 */
#define HOW_IPV6 2     /* version 3 */
#define HOW_PLAIN 4
#define HOW_STRICT 8
#define HOW_UNICAST 16
#define HOW_SEAL 32 /* the checksum is made right */
#define HOW_HEADER 64 /* an IPv4 header stands in front */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t source_v4[4] = { 10, 9, 0, 1 }, own_v4[4] = { 10, 9, 0, 2 };
static const uint8_t vip_v4[4] = { 10, 9, 0, 100 }, vip2_v4[4] = { 10, 9, 0, 101 };
static const uint8_t source_v6[16] = { 0xfe, 0x80, [15] = 1 };
static const uint8_t vip_v6[16] = { 0xfe, 0x80, [14] = 1 };
static const uint8_t vip2_v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [14] = 1 };

static struct vrrp_ip addresses[2], peer;

static void configure(uint8_t how, struct vrouter_config *c, struct vrrp_datagram *d)
{
	bool v3 = how & HOW_V3, ipv6 = v3 && how & HOW_IPV6;

	addresses[0] = ipv6 ? vrrp_ip_v6(vip_v6) : vrrp_ip_v4(vip_v4);
	addresses[1] = ipv6 ? vrrp_ip_v6(vip2_v6) : vrrp_ip_v4(vip2_v4);
	peer = ipv6 ? vrrp_ip_v6(source_v6) : vrrp_ip_v4(source_v4);
	*c = (struct vrouter_config){
		.format = { .version = v3 ? 3 : 2, .vrid = 51, .ipv6 = ipv6,
			    .plain_checksum = how & HOW_PLAIN, .strict_list = how & HOW_STRICT,
			    .unicast = !ipv6 && how & HOW_UNICAST, .interval = CLOCK_SEC,
			    .addresses = addresses, .n_addresses = 2,
			    .peers = &peer, .n_peers = 1 },
		.priority = 100, .preempt = true, .announce = { .count = 1 },
	};
	if (!v3 && how & HOW_PASSWORD)
		vrrp_format_set_password(&c->format, "secret12");
	must(!vrrp_format_error(&c->format));
	*d = (struct vrrp_datagram){ .source = peer, .ttl = 255 };
	d->destination = c->format.unicast ? vrrp_ip_v4(own_v4) : *vrrp_group(ipv6);
}

/* The sum is built with a message of our own, so that this file knows no second way. */
static void seal(const struct vrrp_format *f, const struct vrrp_datagram *d, uint8_t *bytes)
{
	uint32_t sum = 0;

	bytes[6] = bytes[7] = 0;
	for (size_t i = 0; i < d->n; i++)
		sum += (uint32_t)bytes[i] << (i & 1 ? 0 : 8);
	if (f->version == 3 && !f->plain_checksum) {
		for (unsigned i = 0; i < d->source.size; i++)
			sum += (uint32_t)(d->source.bytes[i] + d->destination.bytes[i])
			       << (i & 1 ? 0 : 8);
		sum += VRRP_PROTOCOL + (uint32_t)d->n;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	bytes[6] = (uint8_t)(~sum >> 8);
	bytes[7] = (uint8_t)~sum;
}

static void live_with(const struct vrouter_config *c, const struct vrrp_advert *a, bool as_master)
{
	struct vrouter_event e = { .what = VROUTER_START };
	struct vrouter_plan plan;
	struct vrouter v;
	uint64_t now = 1000 * CLOCK_SEC;

	vrouter_init(&v, c);
	e.start.adopt = as_master;
	e.start.last_sent = now;
	vrouter_step(&v, c, &e, now, &plan);
	must(v.state == (as_master ? VROUTER_MASTER : VROUTER_BACKUP));
	for (unsigned i = 0; i < 50; i++) {
		e = (struct vrouter_event){ .what = VROUTER_ADVERT, .advert = a };
		vrouter_step(&v, c, &e, now += 100 * CLOCK_MS, &plan);
		must(a->priority <= 100 || v.state == VROUTER_BACKUP);
		e = (struct vrouter_event){ .what = VROUTER_TIMER };
		if (v.armed <= now)
			vrouter_step(&v, c, &e, now, &plan);
		must(v.armed > now && v.armed <= now + 4 * 41 * CLOCK_SEC);
	}
}

static void promises(const struct vrouter_config *c, struct vrrp_datagram d,
		     const struct vrrp_advert *a)
{
	const struct vrrp_format *f = &c->format;
	uint8_t again[VRRP_MESSAGE_MAX];
	struct vrrp_advert b;

	must(a->interval > 0 && a->interval <= 255 * CLOCK_SEC);
	must(f->version == 3 || (a->interval == f->interval && a->odd <= VRRP_ODD_LIST));
	must(vrrp_ip_eq(&a->source, &d.source));
	must(!(f->strict_list && f->version == 2 && a->odd & VRRP_ODD_LIST) ||
	     a->priority == VRRP_PRIORITY_OWNER);
	d.n--;
	must(vrrp_packet_parse(f, &d, &b) == VRRP_DISCARD_SHORT ||
	     vrrp_packet_parse(f, &d, &b) == VRRP_DISCARD_CARP);
	d.n = vrrp_packet_build(f, a->priority, &d.source, &d.destination, again, sizeof(again));
	d.bytes = again;
	must(vrrp_packet_parse(f, &d, &b) == VRRP_TAKEN);
	must(b.priority == a->priority && b.odd == 0);
}

static void receive(const struct vrouter_config *c, struct vrrp_datagram *d)
{
	struct vrrp_advert a;
	enum vrrp_discard why = vrrp_packet_parse(&c->format, d, &a);

	must(vrrp_discard_name(why) && vrrp_discard_text(why));
	if (why == VRRP_DISCARD_FOREIGN)
		vrrp_packet_address(d, c->format.ipv6, d->bytes[3] - 1u);
	if (why != VRRP_TAKEN)
		return;
	must(vrrp_datagram_vrid(d) == c->format.vrid);
	promises(c, *d, &a);
	live_with(c, &a, false);
	live_with(c, &a, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrouter_config c;
	struct vrrp_datagram d, seen;
	uint8_t *bytes; /* of its own size, so that a read past its end is seen */
	size_t n;

	if (size < 1 || size > 65536)
		return 0;
	n = size - 1;
	bytes = malloc(n ? n : 1);
	must(bytes);
	if (n)
		memcpy(bytes, data + 1, n);
	configure(data[0], &c, &d);
	d.bytes = bytes;
	d.n = n;
	if (data[0] & HOW_HEADER && vrrp_datagram_from_ipv4(&seen, bytes, n) == VRRP_TAKEN) {
		must(seen.n <= n && seen.bytes + seen.n == bytes + n);
		receive(&c, &seen);
	} else {
		if (data[0] & HOW_SEAL && n >= 8)
			seal(&c.format, &d, bytes);
		receive(&c, &d);
	}
	free(bytes);
	return 0;
}
