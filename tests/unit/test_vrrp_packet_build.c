/* Packets that go out, byte for byte. */
#include "vrrp_packet_testing.h"

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
	ck_assert(vrrp_ip_is_multicast(vrrp_group(false)));
	ck_assert(vrrp_ip_is_multicast(vrrp_group(true)));
	ck_assert(!vrrp_ip_is_multicast(&low) && !vrrp_ip_is_multicast(&high));
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

int main(void)
{
	Suite *s = suite_create("vrrp packet, building");
	SRunner *runner;
	int failed;

	suite_add_tcase(s, sending_case());
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
