/* What the tests of packets share: a format for each version, golden vectors captured from
 * other routers, and a message in memory of its own size, so that a read past it is seen. */
#ifndef HPCBAL_TESTS_UNIT_VRRP_PACKET_TESTING_H
#define HPCBAL_TESTS_UNIT_VRRP_PACKET_TESTING_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "vrrp/packet.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct vrrp_ip ips[VRRP_ADDRESSES_MAX], peer;
static uint8_t packet[VRRP_IPV4_HEADER + VRRP_MESSAGE_MAX];
static uint8_t *exact; /* the message in memory of its own size */
static struct vrrp_format format;
static struct vrrp_datagram datagram;
static struct vrrp_advert advert;

static inline size_t from_hex(const char *hex, uint8_t *to)
{
	size_t n = 0;
	unsigned byte;
	int used;

	while (sscanf(hex, " %2x%n", &byte, &used) == 1) {
		to[n++] = (uint8_t)byte;
		hex += used;
	}
	return n;
}

static inline struct vrrp_ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	uint8_t bytes[4] = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d };

	return vrrp_ip_v4(bytes);
}

static inline struct vrrp_ip v6(const char *hex)
{
	uint8_t bytes[16];

	ck_assert_uint_eq(from_hex(hex, bytes), 16);
	return vrrp_ip_v6(bytes);
}

#define LL_1 "fe80 0000 0000 0000 0000 0000 0000 0001"
#define LL_100 "fe80 0000 0000 0000 0000 0000 0000 0100"
#define GLOBAL_100 "2001 0db8 0000 0000 0000 0000 0000 0100"

static inline void use_v2(const char *password)
{
	ips[0] = v4(10, 9, 0, 100);
	format = (struct vrrp_format){ .version = 2, .vrid = 51, .interval = CLOCK_SEC,
				       .addresses = ips, .n_addresses = 1 };
	if (password)
		vrrp_format_set_password(&format, password);
	datagram = (struct vrrp_datagram){ .source = v4(10, 9, 0, 1), .ttl = 255,
					   .destination = *vrrp_group(false) };
}

static inline void use_v3(void)
{
	use_v2(NULL);
	format.version = 3;
}

static inline void use_v6(void)
{
	use_v3();
	ips[0] = v6(LL_100);
	ips[1] = v6(GLOBAL_100);
	format.ipv6 = true;
	format.n_addresses = 2;
	datagram.source = v6(LL_1);
	datagram.destination = *vrrp_group(true);
}

static inline void setup(void)
{
	exact = NULL;
	memset(ips, 0, sizeof(ips));
	use_v2(NULL);
}

static inline void teardown(void)
{
	free(exact);
}

static inline enum vrrp_discard parse(const uint8_t *bytes, size_t n)
{
	free(exact);
	exact = malloc(n ? n : 1);
	ck_assert_ptr_nonnull(exact);
	if (n)
		memcpy(exact, bytes, n);
	datagram.bytes = exact;
	datagram.n = n;
	return vrrp_packet_parse(&format, &datagram, &advert);
}

static inline size_t build(uint8_t priority)
{
	return vrrp_packet_build(&format, priority, &datagram.source, &datagram.destination,
				 packet, sizeof(packet));
}

/* What is in `packet` gets a right checksum again, so that the next check is reached. */
static inline void seal(size_t n, bool pseudo)
{
	uint32_t sum = 0;

	packet[6] = packet[7] = 0;
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)packet[i] << (i & 1 ? 0 : 8);
	for (unsigned i = 0; pseudo && i < datagram.source.size; i++)
		sum += (uint32_t)(datagram.source.bytes[i] + datagram.destination.bytes[i])
		       << (i & 1 ? 0 : 8);
	sum += pseudo ? VRRP_PROTOCOL + (uint32_t)n : 0;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	packet[6] = (uint8_t)(~sum >> 8);
	packet[7] = (uint8_t)~sum;
}

#define taken(bytes, n) ck_assert_str_eq(vrrp_discard_name(parse(bytes, n)), "TAKEN")
#define dropped(bytes, n, why) ck_assert_str_eq(vrrp_discard_name(parse(bytes, n)), why)

/* --- golden vectors --- */

struct golden {
	const char *name;
	int version;
	const char *password;
	bool plain;
	uint8_t priority;
	const char *hex;
};

static const struct golden golden[] = {
	{ "v2 PASS", 2, "secret12", false, 150,
	  "21 33 96 01 01 01 cf de 0a 09 00 64 73 65 63 72 65 74 31 32" },
	{ "v2 no authentication", 2, NULL, false, 150,
	  "21 33 96 01 00 01 3e 5d 0a 09 00 64 00 00 00 00 00 00 00 00" },
	{ "v3 pseudo-header", 3, NULL, false, 150, "31 33 96 01 00 64 43 61 0a 09 00 64" },
	{ "v3 RFC 9568", 3, NULL, true, 150, "31 33 96 01 00 64 2d fa 0a 09 00 64" },
	{ "v3 priority 0", 3, NULL, false, 0, "31 33 00 01 00 64 d9 61 0a 09 00 64" },
	{ "v3 IPv6", 6, NULL, false, 150,
	  "31 33 96 02 00 64 0b fd" LL_100 GLOBAL_100 },
};

static inline void use_golden(const struct golden *g)
{
	if (g->version == 2)
		use_v2(g->password);
	else if (g->version == 3)
		use_v3();
	else
		use_v6();
	format.plain_checksum = g->plain;
}

#endif
