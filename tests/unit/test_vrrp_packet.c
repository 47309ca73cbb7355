/* Packets, byte for byte: golden vectors captured from other routers, and a table of bad ones. */
#include "vrrp/packet.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SOURCE_V4 "10.9.0.1"
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static struct vrrp_ip ips[VRRP_ADDRESSES_MAX], peer;
static uint8_t packet[VRRP_IPV4_HEADER + VRRP_MESSAGE_MAX];
static uint8_t *exact; /* the message in memory of its own size */
static struct vrrp_format format;
static struct vrrp_datagram datagram;
static struct vrrp_advert advert;

static size_t from_hex(const char *hex, uint8_t *to)
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

static struct vrrp_ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	uint8_t bytes[4] = { (uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d };

	return vrrp_ip_v4(bytes);
}

static struct vrrp_ip v6(const char *hex)
{
	uint8_t bytes[16];

	ck_assert_uint_eq(from_hex(hex, bytes), 16);
	return vrrp_ip_v6(bytes);
}

#define LL_1 "fe80 0000 0000 0000 0000 0000 0000 0001"
#define LL_100 "fe80 0000 0000 0000 0000 0000 0000 0100"
#define GLOBAL_100 "2001 0db8 0000 0000 0000 0000 0000 0100"

static void use_v2(const char *password)
{
	ips[0] = v4(10, 9, 0, 100);
	format = (struct vrrp_format){ .version = 2, .vrid = 51, .interval = CLOCK_SEC,
				       .addresses = ips, .n_addresses = 1 };
	if (password)
		vrrp_format_set_password(&format, password);
	datagram = (struct vrrp_datagram){ .source = v4(10, 9, 0, 1), .ttl = 255,
					   .destination = *vrrp_group(false) };
}

static void use_v3(void)
{
	use_v2(NULL);
	format.version = 3;
}

static void use_v6(void)
{
	use_v3();
	ips[0] = v6(LL_100);
	ips[1] = v6(GLOBAL_100);
	format.ipv6 = true;
	format.n_addresses = 2;
	datagram.source = v6(LL_1);
	datagram.destination = *vrrp_group(true);
}

static void setup(void)
{
	exact = NULL;
	memset(ips, 0, sizeof(ips));
	use_v2(NULL);
}

static void teardown(void)
{
	free(exact);
}

static enum vrrp_discard parse(const uint8_t *bytes, size_t n)
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

static size_t build(uint8_t priority)
{
	return vrrp_packet_build(&format, priority, &datagram.source, &datagram.destination,
				 packet, sizeof(packet));
}

/* What is in `packet` gets a right checksum again, so that the next check is reached. */
static void seal(size_t n, bool pseudo)
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

static void use_golden(const struct golden *g)
{
	if (g->version == 2)
		use_v2(g->password);
	else if (g->version == 3)
		use_v3();
	else
		use_v6();
	format.plain_checksum = g->plain;
}

START_TEST(golden_built)
{
	const struct golden *g = &golden[_i];
	uint8_t want[256];
	size_t n = from_hex(g->hex, want);

	use_golden(g);
	ck_assert_ptr_null(vrrp_format_error(&format));
	ck_assert_uint_eq(vrrp_packet_size(&format), n);
	ck_assert_msg(build(g->priority) == n && memcmp(packet, want, n) == 0, "%s", g->name);
}
END_TEST

START_TEST(golden_parsed)
{
	const struct golden *g = &golden[_i];
	uint8_t bytes[256];
	size_t n = from_hex(g->hex, bytes);

	use_golden(g);
	taken(bytes, n);
	ck_assert_uint_eq(advert.priority, g->priority);
	ck_assert_uint_eq(advert.interval, CLOCK_SEC);
	ck_assert_uint_eq(advert.odd, 0);
	ck_assert(vrrp_ip_eq(&advert.source, &datagram.source));
	ck_assert_int_eq(advert.checksum, g->version != 2 && !g->plain ? VRRP_CHECKSUM_PSEUDO :
									 VRRP_CHECKSUM_MESSAGE);
}
END_TEST

/* Every single bit that is flipped is noticed. */
START_TEST(golden_bits_flipped)
{
	const struct golden *g = &golden[_i];
	uint8_t bytes[256];
	size_t n = from_hex(g->hex, bytes);

	use_golden(g);
	for (size_t bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(parse(bytes, n) != VRRP_TAKEN, "%s, bit %zu", g->name, bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

START_TEST(golden_cut_and_grown)
{
	const struct golden *g = &golden[_i];
	uint8_t bytes[256] = { 0 };
	size_t n = from_hex(g->hex, bytes);

	use_golden(g);
	for (size_t short_n = 0; short_n < n; short_n++)
		dropped(bytes, short_n, "SHORT");
	for (size_t more = 1; more < 64; more++)
		dropped(bytes, n + more, n + more == 36 && bytes[3] == 7 ? "CARP" : "LONG");
}
END_TEST

/* --- sending --- */

START_TEST(r01_lengths)
{
	for (unsigned n = 1; n <= VRRP_ADDRESSES_MAX; n++) {
		use_v3();
		format.n_addresses = n;
		ck_assert_uint_eq(vrrp_packet_size(&format), 8 + 4 * n);
		format.version = 2;
		ck_assert_uint_eq(vrrp_packet_size(&format), 8 + 4 * n + 8);
		use_v6();
		format.n_addresses = n;
		ck_assert_uint_eq(vrrp_packet_size(&format), 8 + 16 * n);
	}
}
END_TEST

START_TEST(r02_first_byte)
{
	build(100);
	ck_assert_uint_eq(packet[0], 0x21);
	use_v3();
	build(100);
	ck_assert_uint_eq(packet[0], 0x31);
}
END_TEST

START_TEST(r03_r06_ipv4_header)
{
	const char *want = "45 c0 00 28 00 00 00 00 ff 70";
	uint8_t bytes[64], copy[128];
	struct vrrp_datagram d;
	uint32_t sum = 0;
	size_t n = vrrp_packet_build_ipv4(&format, 100, &datagram.source, &datagram.destination,
					  packet, sizeof(packet));

	ck_assert_uint_eq(n, 20 + 20);
	ck_assert_int_eq(memcmp(packet, bytes, from_hex(want, bytes)), 0);
	ck_assert_int_eq(memcmp(packet + 12, "\x0a\x09\x00\x01\xe0\x00\x00\x12", 8), 0);
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)packet[i] << 8 | packet[i + 1];
	ck_assert_uint_eq((sum & 0xffff) + (sum >> 16), 0xffff);

	memcpy(copy, packet, n);
	ck_assert_int_eq(vrrp_datagram_from_ipv4(&d, copy, n), VRRP_TAKEN);
	ck_assert_uint_eq(d.ttl, 255);
	ck_assert_uint_eq(d.n, 20);
	ck_assert(vrrp_ip_eq(&d.source, &datagram.source));
	ck_assert(vrrp_ip_eq(&d.destination, &datagram.destination));
	ck_assert_int_eq(vrrp_datagram_vrid(&d), 51);
	ck_assert_int_eq(vrrp_packet_parse(&format, &d, &advert), VRRP_TAKEN);
}
END_TEST

START_TEST(r05_groups)
{
	char text[VRRP_IP_TEXT];

	ck_assert_str_eq(vrrp_ip_format(vrrp_group(false), text), "224.0.0.18");
	ck_assert_str_eq(vrrp_ip_format(vrrp_group(true), text), "ff02::12");
}
END_TEST

START_TEST(r08_r09_interval)
{
	use_v3();
	for (unsigned cs = 1; cs <= 4095; cs++) {
		format.interval = cs * 10 * CLOCK_MS;
		ck_assert_ptr_null(vrrp_format_error(&format));
		build(100);
		ck_assert_uint_eq(packet[4], cs >> 8);
		ck_assert_uint_eq(packet[5], cs & 0xff);
	}
	use_v2(NULL);
	for (unsigned s = 1; s <= 255; s++) {
		format.interval = s * CLOCK_SEC;
		ck_assert_ptr_null(vrrp_format_error(&format));
		build(100);
		ck_assert_uint_eq(packet[5], s);
	}
}
END_TEST

START_TEST(r11_ipv6_always_has_the_pseudo_header)
{
	uint8_t before[64];
	size_t n;

	use_v6();
	n = build(100);
	memcpy(before, packet, n);
	format.plain_checksum = true;
	ck_assert_uint_eq(build(100), n);
	ck_assert_int_eq(memcmp(before, packet, n), 0);
	seal(n, false);
	dropped(packet, n, "CHECKSUM");
}
END_TEST

START_TEST(r13_no_authentication)
{
	size_t n = build(100);

	ck_assert_uint_eq(packet[4], 0);
	ck_assert_int_eq(memcmp(packet + n - 8, "\0\0\0\0\0\0\0\0", 8), 0);
}
END_TEST

START_TEST(r14_password_is_cut_and_padded)
{
	size_t n;

	ck_assert(!vrrp_format_set_password(&format, "abc"));
	n = build(100);
	ck_assert_uint_eq(packet[4], 1);
	ck_assert_int_eq(memcmp(packet + n - 8, "abc\0\0\0\0\0", 8), 0);
	ck_assert(!vrrp_format_set_password(&format, "12345678"));
	n = build(100);
	ck_assert(vrrp_format_set_password(&format, "123456789"));
	taken(packet, n);
	ck_assert(!vrrp_format_set_password(&format, "1"));
	build(100);
	ck_assert_int_eq(memcmp(packet + n - 8, "1\0\0\0\0\0\0\0", 8), 0);
}
END_TEST

START_TEST(r19_order_of_the_list)
{
	use_v3();
	for (unsigned i = 0; i < VRRP_ADDRESSES_MAX; i++)
		ips[i] = v4(10, 9, 1, (i * 37 + 5) % 256);
	format.n_addresses = VRRP_ADDRESSES_MAX;
	ck_assert_uint_eq(build(100), 8 + 4 * 255);
	for (unsigned i = 0; i < VRRP_ADDRESSES_MAX; i++)
		ck_assert_uint_eq(packet[8 + 4 * i + 3], (i * 37 + 5) % 256);
}
END_TEST

START_TEST(too_little_room)
{
	uint8_t to[64];

	for (size_t size = 0; size < 20; size++)
		ck_assert_uint_eq(vrrp_packet_build(&format, 1, &datagram.source,
						    &datagram.destination, to, size), 0);
	for (size_t size = 0; size < 40; size++)
		ck_assert_uint_eq(vrrp_packet_build_ipv4(&format, 1, &datagram.source,
							 &datagram.destination, to, size), 0);
}
END_TEST

/* --- receive checks --- */

START_TEST(r20_ttl)
{
	size_t n = build(100);

	for (unsigned ttl = 0; ttl < 255; ttl++) {
		datagram.ttl = ttl;
		dropped(packet, n, "TTL");
	}
	use_v6();
	n = build(100);
	datagram.ttl = 64;
	dropped(packet, n, "TTL");
}
END_TEST

START_TEST(r21_version)
{
	size_t n = build(100);

	use_v3();
	dropped(packet, n, "VERSION");
	n = build(100);
	use_v2(NULL);
	dropped(packet, n, "VERSION");
	for (unsigned version = 0; version < 16; version++) {
		n = build(100);
		packet[0] = (uint8_t)(version << 4 | 1);
		seal(n, false);
		dropped(packet, n, version == 2 ? "TAKEN" : "VERSION");
	}
}
END_TEST

START_TEST(r22_type)
{
	for (unsigned type = 0; type < 16; type++) {
		size_t n = build(100);

		packet[0] = (uint8_t)(0x20 | type);
		seal(n, false);
		dropped(packet, n, type == 1 ? "TAKEN" : "TYPE");
	}
}
END_TEST

START_TEST(r23_counts_that_are_no_match)
{
	for (unsigned count = 1; count < 256; count++) {
		size_t n = build(100);

		packet[3] = (uint8_t)count;
		seal(n, false);
		dropped(packet, n, count == 1 ? "TAKEN" : "SHORT");
	}
}
END_TEST

START_TEST(r24_both_checksums_of_v3)
{
	size_t n;

	use_v3();
	n = build(100);
	format.plain_checksum = true;
	taken(packet, n);
	ck_assert_int_eq(advert.checksum, VRRP_CHECKSUM_PSEUDO);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_CHECKSUM);
	n = build(100);
	format.plain_checksum = false;
	taken(packet, n);
	ck_assert_int_eq(advert.checksum, VRRP_CHECKSUM_MESSAGE);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_CHECKSUM);
	packet[7] ^= 1;
	dropped(packet, n, "CHECKSUM");
}
END_TEST

START_TEST(r24_v2_knows_no_pseudo_header)
{
	size_t n = build(100);

	seal(n, true);
	dropped(packet, n, "CHECKSUM");
}
END_TEST

START_TEST(r25_vrid)
{
	size_t n = build(100);

	format.vrid = 52;
	dropped(packet, n, "VRID");
	datagram.n = 2;
	ck_assert_int_eq(vrrp_datagram_vrid(&datagram), 51);
	datagram.n = 1;
	ck_assert_int_eq(vrrp_datagram_vrid(&datagram), -1);
}
END_TEST

START_TEST(r26_authentication)
{
	size_t n = build(100);

	for (unsigned type = 1; type < 256; type++) {
		packet[4] = (uint8_t)type;
		seal(n, false);
		dropped(packet, n, "AUTH_TYPE");
	}
	use_v2("secret12");
	for (unsigned type = 0; type < 256; type++) {
		n = build(100);
		packet[4] = (uint8_t)type;
		seal(n, false);
		dropped(packet, n, type == 1 ? "TAKEN" : "AUTH_TYPE");
	}
	for (unsigned i = 0; i < 8; i++) {
		n = build(100);
		packet[n - 8 + i] ^= 0x20;
		seal(n, false);
		dropped(packet, n, "PASSWORD");
	}
}
END_TEST

START_TEST(r27_authentication_data_without_a_type)
{
	size_t n = build(100);

	memcpy(packet + n - 8, "whatever", 8);
	seal(n, false);
	taken(packet, n);
}
END_TEST

START_TEST(r28_v2_interval)
{
	for (unsigned s = 0; s < 256; s++) {
		size_t n = build(100);

		packet[5] = (uint8_t)s;
		seal(n, false);
		dropped(packet, n, s == 1 ? "TAKEN" : "INTERVAL");
	}
}
END_TEST

START_TEST(r29_v3_interval_is_taken)
{
	size_t n;

	use_v3();
	format.interval = 50 * 10 * CLOCK_MS;
	n = build(100);
	format.interval = CLOCK_SEC;
	taken(packet, n);
	ck_assert_uint_eq(advert.interval, 500 * CLOCK_MS);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_INTERVAL);
}
END_TEST

START_TEST(r30_v3_interval_zero)
{
	size_t n;

	use_v3();
	n = build(100);
	packet[4] = 0xf0; /* the reserved bits do not make it less zero */
	packet[5] = 0;
	seal(n, true);
	dropped(packet, n, "INTERVAL_ZERO");
}
END_TEST

START_TEST(r31_count_zero)
{
	size_t n = build(100);

	packet[3] = 0;
	seal(n, false);
	dropped(packet, n, "NO_ADDRESS");
}
END_TEST

START_TEST(r32_strict_list_of_v2)
{
	size_t n;

	ips[1] = v4(10, 9, 0, 101);
	format.n_addresses = 2;
	n = build(100);
	format.n_addresses = 1;
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_LIST);
	format.strict_list = true;
	dropped(packet, n, "LIST");
	format.n_addresses = 2;
	n = build(VRRP_PRIORITY_OWNER);
	format.n_addresses = 1;
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_LIST);
}
END_TEST

START_TEST(r33_list_of_v3)
{
	size_t n;

	use_v3();
	ips[1] = v4(10, 9, 0, 101);
	n = build(100);
	format.n_addresses = 2;
	format.strict_list = true; /* of version 2 only */
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_LIST);
}
END_TEST

START_TEST(t03_sets)
{
	size_t n;

	ips[0] = v4(10, 9, 0, 101);
	ips[1] = v4(10, 9, 0, 100);
	format.n_addresses = 2;
	n = build(100);
	ips[0] = v4(10, 9, 0, 100); /* the same, in another order */
	ips[1] = v4(10, 9, 0, 101);
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, 0);
	ips[1] = v4(10, 9, 0, 102);
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_LIST);
	ips[0] = v4(10, 9, 0, 103);
	dropped(packet, n, "FOREIGN");
	ck_assert_uint_eq(advert.priority, 100);
	ck_assert_uint_eq(vrrp_packet_address(&datagram, false, 0).bytes[3], 101);
	ck_assert_uint_eq(vrrp_packet_address(&datagram, false, 1).bytes[3], 100);
}
END_TEST

START_TEST(t03_an_address_repeated_is_no_match_for_two)
{
	size_t n;

	ips[0] = ips[1] = v4(10, 9, 0, 100);
	format.n_addresses = 2;
	n = build(100);
	ips[1] = v4(10, 9, 0, 101);
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_LIST);
}
END_TEST

START_TEST(r34_ipv6_first_address)
{
	size_t n;

	use_v6();
	ips[0] = v6(GLOBAL_100);
	ips[1] = v6(LL_100);
	ck_assert_ptr_nonnull(vrrp_format_warning(&format));
	n = build(100);
	taken(packet, n);
	ck_assert_uint_eq(advert.odd, VRRP_ODD_FIRST_ADDRESS);
	use_v6();
	ck_assert_ptr_null(vrrp_format_warning(&format));
}
END_TEST

START_TEST(r36_reserved_bits)
{
	for (unsigned nibble = 0; nibble < 16; nibble++) {
		size_t n;

		use_v3();
		n = build(100);
		packet[4] |= (uint8_t)(nibble << 4);
		seal(n, true);
		taken(packet, n);
		ck_assert_uint_eq(advert.interval, CLOCK_SEC);
	}
}
END_TEST

START_TEST(r37_bytes_behind_the_end)
{
	size_t n = build(100);

	seal(n + 26, false);
	dropped(packet, n + 26, "LONG"); /* what Ethernet would pad to 60 */
}
END_TEST

START_TEST(r38_our_own_address)
{
	size_t n = build(100);

	datagram.own_source = true;
	dropped(packet, n, "OWN_SOURCE");
}
END_TEST

START_TEST(r40_random_bytes)
{
	static uint8_t bytes[65536];
	uint64_t x = 88172645463325252ull;
	unsigned lengths[VRRP_DISCARDS] = { 0 };

	for (unsigned round = 0; round < 20000; round++) {
		size_t n = round < 100 ? 65535 - round : round % 600;

		for (size_t i = 0; i < n; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[i] = (uint8_t)x;
		}
		if (round & 1 && n > 4) /* far enough to reach the later checks */
			memcpy(bytes, round & 2 ? "\x21\x33\x64" : "\x31\x33\x64", 3);
		if (round & 2)
			use_v2(NULL);
		else
			use_v3();
		lengths[parse(bytes, n)]++;
	}
	ck_assert_uint_eq(lengths[VRRP_TAKEN], 0);
	ck_assert_uint_gt(lengths[VRRP_DISCARD_SHORT], 0);
	ck_assert_uint_gt(lengths[VRRP_DISCARD_LONG], 0);
}
END_TEST

/* --- where it comes from and goes to --- */

START_TEST(t10_t11_unicast)
{
	size_t n;

	peer = v4(10, 9, 0, 1);
	format.unicast = true;
	ck_assert_ptr_nonnull(vrrp_format_error(&format));
	format.peers = &peer;
	format.n_peers = 1;
	ck_assert_ptr_null(vrrp_format_error(&format));
	n = build(100);
	dropped(packet, n, "DESTINATION"); /* to the group */
	datagram.destination = v4(10, 9, 0, 2);
	taken(packet, n);
	datagram.ttl = 64;
	taken(packet, n);
	format.min_ttl = 254;
	dropped(packet, n, "TTL");
	datagram.ttl = 254;
	taken(packet, n);
	datagram.source = v4(10, 9, 0, 3);
	dropped(packet, n, "PEER");
}
END_TEST

START_TEST(t02_unicast_checksum_has_the_real_destination)
{
	size_t n;

	use_v3();
	peer = v4(10, 9, 0, 1);
	format.unicast = true;
	format.peers = &peer;
	format.n_peers = 1;
	datagram.destination = v4(10, 9, 0, 2);
	n = build(100);
	taken(packet, n);
	datagram.destination = v4(10, 9, 0, 4);
	dropped(packet, n, "CHECKSUM");
}
END_TEST

START_TEST(multicast_is_not_taken_from_unicast)
{
	size_t n = build(100);

	datagram.destination = v4(10, 9, 0, 2);
	dropped(packet, n, "DESTINATION");
}
END_TEST

START_TEST(t20_carp)
{
	uint8_t carp[36] = { 0x21, 51, 0, 7, 0, 1 };

	dropped(carp, sizeof(carp), "CARP");
	use_v3();
	dropped(carp, sizeof(carp), "CARP");
	format.vrid = 1;
	dropped(carp, sizeof(carp), "VRID");
	/* five addresses and a password are 36 bytes too */
	use_v2("secret12");
	for (unsigned i = 0; i < 5; i++)
		ips[i] = v4(10, 9, 0, 100 + i);
	format.n_addresses = 5;
	ck_assert_uint_eq(build(100), 36);
	taken(packet, 36);
}
END_TEST

struct header_case {
	const char *name;
	unsigned at;
	uint8_t byte;
};

static const struct header_case header_cases[] = {
	{ "IPv6", 0, 0x65 },
	{ "header length 4", 0, 0x41 },
	{ "header longer than the packet", 0, 0x4f },
	{ "total length shorter", 3, 39 },
	{ "total length longer", 3, 41 },
	{ "total length within the header", 3, 19 },
	{ "another protocol", 9, 17 },
};

START_TEST(ipv4_header_malformed)
{
	const struct header_case *c = &header_cases[_i];
	struct vrrp_datagram d;
	size_t n = vrrp_packet_build_ipv4(&format, 100, &datagram.source, &datagram.destination,
					  packet, sizeof(packet));

	packet[c->at] = c->byte;
	ck_assert_msg(vrrp_datagram_from_ipv4(&d, packet, n) == VRRP_DISCARD_IP_HEADER, "%s",
		      c->name);
	for (n = 0; n < 20; n++)
		ck_assert_int_eq(vrrp_datagram_from_ipv4(&d, packet, n), VRRP_DISCARD_IP_HEADER);
}
END_TEST

START_TEST(ipv4_options_are_skipped)
{
	uint8_t bytes[24 + 20] = { 0 };
	struct vrrp_datagram d;

	vrrp_packet_build_ipv4(&format, 100, &datagram.source, &datagram.destination, packet,
			       sizeof(packet));
	memcpy(bytes, packet, 20);
	memcpy(bytes + 24, packet + 20, 20);
	bytes[0] = 0x46;
	bytes[3] = sizeof(bytes);
	ck_assert_int_eq(vrrp_datagram_from_ipv4(&d, bytes, sizeof(bytes)), VRRP_TAKEN);
	ck_assert_int_eq(vrrp_packet_parse(&format, &d, &advert), VRRP_TAKEN);
}
END_TEST

/* --- the format --- */

START_TEST(format_errors)
{
	struct vrrp_format good;

	use_v3();
	good = format;
	ck_assert_ptr_null(vrrp_format_error(&good));
#define is_wrong(change)                                       \
	do {                                                   \
		struct vrrp_format f = good;                   \
		change;                                        \
		ck_assert_ptr_nonnull(vrrp_format_error(&f));  \
	} while (0)
	is_wrong(f.version = 1);
	is_wrong(f.version = 4);
	is_wrong(f.vrid = 0);
	is_wrong(f.n_addresses = 0);
	is_wrong(f.n_addresses = 256);
	is_wrong(f.ipv6 = true);
	is_wrong(f.version = 2; f.ipv6 = true);
	is_wrong(f.has_password = true);
	is_wrong(f.interval = 0);
	is_wrong(f.interval = 15 * CLOCK_MS);
	is_wrong(f.interval = 40960 * CLOCK_MS);
	is_wrong(f.version = 2; f.interval = 1500 * CLOCK_MS);
	is_wrong(f.version = 2; f.interval = 256 * CLOCK_SEC);
	is_wrong(f.version = 2; f.interval = 100 * CLOCK_MS);
	ips[1] = ips[0];
	is_wrong(f.n_addresses = 2);
	peer = *vrrp_group(true);
	is_wrong(f.unicast = true; f.peers = &peer; f.n_peers = 1);
#undef is_wrong
}
END_TEST

START_TEST(addresses)
{
	struct vrrp_ip none = { 0 }, low = v4(9, 255, 255, 255), high = v4(10, 0, 0, 0);
	char text[VRRP_IP_TEXT];

	ck_assert_str_eq(vrrp_ip_format(&none, text), "-");
	ck_assert_str_eq(vrrp_ip_format(&low, text), "9.255.255.255");
	ck_assert_int_lt(vrrp_ip_compare(&low, &high), 0);
	ck_assert_int_gt(vrrp_ip_compare(&high, &low), 0);
	ck_assert_int_eq(vrrp_ip_compare(&low, &low), 0);
	ck_assert(!vrrp_ip_eq(&none, &low));
	low = v6(LL_1);
	high = v6(LL_100);
	ck_assert_int_lt(vrrp_ip_compare(&low, &high), 0);
	ck_assert(vrrp_ip_is_link_local(&low));
	high = v4(169, 254, 0, 1);
	ck_assert(vrrp_ip_is_link_local(&high));
	ck_assert(!vrrp_ip_is_link_local(vrrp_group(false)));
	ck_assert(vrrp_ip_is_multicast(vrrp_group(false)) && vrrp_ip_is_multicast(vrrp_group(true)));
	ck_assert(!vrrp_ip_is_multicast(&low) && !vrrp_ip_is_multicast(&high));
}
END_TEST

START_TEST(every_discard_has_words)
{
	ck_assert_str_eq(vrrp_discard_name(VRRP_TAKEN), "TAKEN");
	for (unsigned i = 0; i < VRRP_DISCARDS; i++) {
		ck_assert_uint_gt(strlen(vrrp_discard_text((enum vrrp_discard)i)), 4);
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(vrrp_discard_name((enum vrrp_discard)i),
					 vrrp_discard_name((enum vrrp_discard)j));
	}
}
END_TEST

static TCase *sending_case(void)
{
	TCase *t = tcase_create("sending");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, golden_built, 0, LEN(golden));
	tcase_add_test(t, r01_lengths);
	tcase_add_test(t, r02_first_byte);
	tcase_add_test(t, r03_r06_ipv4_header);
	tcase_add_test(t, r05_groups);
	tcase_add_test(t, r08_r09_interval);
	tcase_add_test(t, r11_ipv6_always_has_the_pseudo_header);
	tcase_add_test(t, r13_no_authentication);
	tcase_add_test(t, r14_password_is_cut_and_padded);
	tcase_add_test(t, r19_order_of_the_list);
	tcase_add_test(t, too_little_room);
	tcase_add_test(t, format_errors);
	tcase_add_test(t, addresses);
	return t;
}

static TCase *receiving_case(void)
{
	TCase *t = tcase_create("receiving");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, golden_parsed, 0, LEN(golden));
	tcase_add_loop_test(t, golden_bits_flipped, 0, LEN(golden));
	tcase_add_loop_test(t, golden_cut_and_grown, 0, LEN(golden));
	tcase_add_test(t, r20_ttl);
	tcase_add_test(t, r21_version);
	tcase_add_test(t, r22_type);
	tcase_add_test(t, r23_counts_that_are_no_match);
	tcase_add_test(t, r24_both_checksums_of_v3);
	tcase_add_test(t, r24_v2_knows_no_pseudo_header);
	tcase_add_test(t, r25_vrid);
	tcase_add_test(t, r26_authentication);
	tcase_add_test(t, r27_authentication_data_without_a_type);
	tcase_add_test(t, r28_v2_interval);
	tcase_add_test(t, r29_v3_interval_is_taken);
	tcase_add_test(t, r30_v3_interval_zero);
	tcase_add_test(t, r31_count_zero);
	tcase_add_test(t, r32_strict_list_of_v2);
	tcase_add_test(t, r33_list_of_v3);
	tcase_add_test(t, t03_sets);
	tcase_add_test(t, t03_an_address_repeated_is_no_match_for_two);
	tcase_add_test(t, r34_ipv6_first_address);
	tcase_add_test(t, r36_reserved_bits);
	tcase_add_test(t, r37_bytes_behind_the_end);
	tcase_add_test(t, r38_our_own_address);
	tcase_add_test(t, r40_random_bytes);
	tcase_add_test(t, t10_t11_unicast);
	tcase_add_test(t, t02_unicast_checksum_has_the_real_destination);
	tcase_add_test(t, multicast_is_not_taken_from_unicast);
	tcase_add_test(t, t20_carp);
	tcase_add_loop_test(t, ipv4_header_malformed, 0, LEN(header_cases));
	tcase_add_test(t, ipv4_options_are_skipped);
	tcase_add_test(t, every_discard_has_words);
	return t;
}

int main(void)
{
	Suite *s = suite_create("vrrp packet");
	SRunner *runner;
	int failed;

	suite_add_tcase(s, sending_case());
	suite_add_tcase(s, receiving_case());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
