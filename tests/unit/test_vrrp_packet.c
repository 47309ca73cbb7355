/* Packets that come in: every receive check, and what is taken in spite of its oddities. */
#include "vrrp_packet_testing.h"

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

/* It is no peer with a wrong password. */
START_TEST(t03_another_router_whatever_its_password)
{
	size_t n;

	use_v2("secret12");
	n = build(100);
	use_v2("another1");
	dropped(packet, n, "PASSWORD");
	ips[0] = v4(10, 9, 0, 55);
	dropped(packet, n, "FOREIGN");
	use_v2(NULL);
	dropped(packet, n, "AUTH_TYPE");
	ips[0] = v4(10, 9, 0, 55);
	dropped(packet, n, "FOREIGN");
	packet[6] ^= 1;
	dropped(packet, n, "CHECKSUM");
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
	tcase_add_test(t, t03_another_router_whatever_its_password);
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

	suite_add_tcase(s, receiving_case());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
