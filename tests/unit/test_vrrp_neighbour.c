/* The frames by which neighbours are told and asked, byte by byte. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vrrp/neighbour.h"

static const uint8_t mac[NEIGHBOUR_MAC] = { 0x02, 0, 0, 0xaa, 0xbb, 0x01 };

static struct vrrp_ip ip_of(const char *text)
{
	uint8_t bytes[16];

	if (strchr(text, ':')) {
		ck_assert_int_eq(inet_pton(AF_INET6, text, bytes), 1);
		return vrrp_ip_v6(bytes);
	}
	ck_assert_int_eq(inet_pton(AF_INET, text, bytes), 1);
	return vrrp_ip_v4(bytes);
}

static size_t from_hex(const char *hex, uint8_t *to)
{
	size_t n = 0;
	unsigned v;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		ck_assert_int_eq(sscanf(hex, "%2x", &v), 1);
		to[n++] = (uint8_t)v;
		hex++;
	}
	return n;
}

static void expect(const struct neighbour_frame *f, const char *hex)
{
	uint8_t bytes[256];
	size_t n = from_hex(hex, bytes);

	ck_assert_uint_eq(f->n, n);
	ck_assert_mem_eq(f->bytes, bytes, n);
}

START_TEST(gratuitous_arp_as_a_request)
{
	struct vrrp_ip vip = ip_of("10.9.0.100");
	struct neighbour_frame f;

	neighbour_build_garp(&f, NEIGHBOUR_REQUEST, mac, &vip);
	expect(&f, "ffffffffffff 020000aabb01 0806 0001 0800 06 04 0001"
		   "020000aabb01 0a090064 ffffffffffff 0a090064");
}
END_TEST

START_TEST(gratuitous_arp_as_a_reply_has_its_sender_as_target)
{
	struct vrrp_ip vip = ip_of("10.9.0.100");
	struct neighbour_frame f;

	neighbour_build_garp(&f, NEIGHBOUR_REPLY, mac, &vip);
	expect(&f, "ffffffffffff 020000aabb01 0806 0001 0800 06 04 0002"
		   "020000aabb01 0a090064 020000aabb01 0a090064");
}
END_TEST

/* The checksums were computed apart from this program. */
START_TEST(unsolicited_neighbour_advertisement)
{
	struct vrrp_ip vip = ip_of("2001:db8::100");
	struct neighbour_frame f;

	neighbour_build_na(&f, mac, &vip, false);
	expect(&f, "333300000001 020000aabb01 86dd 60000000 0020 3a ff"
		   "20010db8000000000000000000000100 ff020000000000000000000000000001"
		   "88 00 3b82 20000000 20010db8000000000000000000000100 02 01 020000aabb01");
	neighbour_build_na(&f, mac, &vip, true);
	expect(&f, "333300000001 020000aabb01 86dd 60000000 0020 3a ff"
		   "20010db8000000000000000000000100 ff020000000000000000000000000001"
		   "88 00 bb81 a0000000 20010db8000000000000000000000100 02 01 020000aabb01");
}
END_TEST

START_TEST(the_family_chooses_the_announcement)
{
	struct vrrp_ip v4 = ip_of("10.9.0.100"), v6 = ip_of("fe80::100");
	struct neighbour_frame f, g;

	neighbour_build_announcement(&f, NEIGHBOUR_REPLY, mac, &v4, true);
	neighbour_build_garp(&g, NEIGHBOUR_REPLY, mac, &v4);
	ck_assert_uint_eq(f.n, g.n);
	ck_assert_mem_eq(f.bytes, g.bytes, f.n);
	neighbour_build_announcement(&f, NEIGHBOUR_REPLY, mac, &v6, true);
	neighbour_build_na(&g, mac, &v6, true);
	ck_assert_uint_eq(f.n, g.n);
	ck_assert_mem_eq(f.bytes, g.bytes, f.n);
}
END_TEST

START_TEST(arp_probe_without_and_with_a_sender)
{
	struct vrrp_ip target = ip_of("10.9.0.100"), own = ip_of("10.9.0.1");
	struct neighbour_frame f;

	neighbour_build_question(&f, mac, NULL, &target);
	expect(&f, "ffffffffffff 020000aabb01 0806 0001 0800 06 04 0001"
		   "020000aabb01 00000000 000000000000 0a090064");
	neighbour_build_question(&f, mac, &own, &target);
	expect(&f, "ffffffffffff 020000aabb01 0806 0001 0800 06 04 0001"
		   "020000aabb01 0a090001 000000000000 0a090064");
}
END_TEST

START_TEST(neighbour_solicitation_without_and_with_a_sender)
{
	struct vrrp_ip target = ip_of("2001:db8::12:3456"), own = ip_of("fe80::1"), none = { 0 };
	struct neighbour_frame f;

	neighbour_build_question(&f, mac, &none, &target);
	expect(&f, "3333ff123456 020000aabb01 86dd 60000000 0018 3a ff"
		   "00000000000000000000000000000000 ff0200000000000000000001ff123456"
		   "87 00 e41e 00000000 20010db8000000000000000000123456");
	neighbour_build_question(&f, mac, &own, &target);
	expect(&f, "3333ff123456 020000aabb01 86dd 60000000 0020 3a ff"
		   "fe800000000000000000000000000001 ff0200000000000000000001ff123456"
		   "87 00 26e8 00000000 20010db8000000000000000000123456 01 01 020000aabb01");
}
END_TEST

struct said {
	const char *hex;
	const char *ip; /* NULL: says nothing */
	const char *mac;
};

#define ARP "ffffffffffff 020000000002 0806 "

static const struct said arps[] = {
	{ ARP "0001 0800 06 04 0001 020000000002 0a090064 000000000000 0a090001",
	  "10.9.0.100", "020000000002" },
	{ ARP "0001 0800 06 04 0002 020000000002 0a090064 020000000001 0a090001",
	  "10.9.0.100", "020000000002" },
	/* the sender of the ARP counts, not that of the frame; padding is nothing */
	{ ARP "0001 0800 06 04 0002 020000000003 0a090064 020000000001 0a090001 0000",
	  "10.9.0.100", "020000000003" },
	{ ARP "0001 0800 06 04 0001 020000000002 00000000 000000000000 0a090064", NULL, NULL },
	{ ARP "0001 0800 06 04 0003 020000000002 0a090064 000000000000 0a090001", NULL, NULL },
	{ ARP "0001 0800 06 04 0102 020000000002 0a090064 000000000000 0a090001", NULL, NULL },
	{ ARP "0001 86dd 06 04 0001 020000000002 0a090064 000000000000 0a090001", NULL, NULL },
	{ ARP "0020 0800 06 04 0001 020000000002 0a090064 000000000000 0a090001", NULL, NULL },
	{ ARP "0001 0800 06 10 0001 020000000002 0a090064 000000000000 0a090001", NULL, NULL },
	{ ARP "0001 0800 06 04 0001 020000000002 0a090064 000000000000 0a0900", NULL, NULL },
	{ ARP, NULL, NULL },
	{ "", NULL, NULL },
};

#define NA "88 00 0000 60000000 20010db8000000000000000000000100 "

static const struct said advertisements[] = {
	{ NA "02 01 020000000002", "2001:db8::100", "020000000002" },
	{ NA "0e 01 000000000000 02 01 020000000002", "2001:db8::100", "020000000002" },
	{ NA, "2001:db8::100", "000000000000" },
	{ NA "01 01 020000000002", "2001:db8::100", "000000000000" },
	{ NA "02 00 020000000002", NULL, NULL },
	{ NA "02 02 020000000002", NULL, NULL },
	{ "87 00 0000 60000000 20010db8000000000000000000000100", NULL, NULL },
	{ "88 01 0000 60000000 20010db8000000000000000000000100", NULL, NULL },
	{ "88 00 0000 60000000 ff020000000000000000000000000100", NULL, NULL },
	{ "88 00 0000 60000000 20010db80000000000000000000001", NULL, NULL },
	{ "", NULL, NULL },
};

static void check_said(const struct said *s,
		       bool (*parse)(const uint8_t *bytes, size_t n, struct vrrp_ip *ip,
				     uint8_t *who))
{
	uint8_t *exact, bytes[256], who[NEIGHBOUR_MAC], wanted[NEIGHBOUR_MAC];
	size_t n = from_hex(s->hex, bytes);
	struct vrrp_ip ip, want;

	/* on the heap, so that a sanitizer sees a step too far */
	exact = malloc(n ? n : 1);
	memcpy(exact, bytes, n);
	ck_assert_msg(parse(exact, n, &ip, who) == (s->ip != NULL), "%s", s->hex);
	if (s->ip) {
		want = ip_of(s->ip);
		from_hex(s->mac, wanted);
		ck_assert(vrrp_ip_eq(&ip, &want));
		ck_assert_mem_eq(who, wanted, sizeof(wanted));
	}
	free(exact);
}

START_TEST(what_an_arp_packet_says)
{
	check_said(&arps[_i], neighbour_parse_arp);
}
END_TEST

START_TEST(what_a_neighbour_advertisement_says)
{
	check_said(&advertisements[_i], neighbour_parse_na);
}
END_TEST

START_TEST(what_we_announce_is_understood)
{
	struct vrrp_ip v4 = ip_of("10.9.0.100"), v6 = ip_of("2001:db8::100"), ip;
	uint8_t who[NEIGHBOUR_MAC];
	struct neighbour_frame f;

	neighbour_build_garp(&f, NEIGHBOUR_REQUEST, mac, &v4);
	ck_assert(neighbour_parse_arp(f.bytes, f.n, &ip, who) && vrrp_ip_eq(&ip, &v4));
	ck_assert_mem_eq(who, mac, sizeof(who));
	neighbour_build_na(&f, mac, &v6, false);
	ck_assert(neighbour_parse_na(f.bytes + 54, f.n - 54u, &ip, who) && vrrp_ip_eq(&ip, &v6));
	ck_assert_mem_eq(who, mac, sizeof(who));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp neighbour");
	TCase *t = tcase_create("frames");
	SRunner *r;
	int failed;

	tcase_add_test(t, gratuitous_arp_as_a_request);
	tcase_add_test(t, gratuitous_arp_as_a_reply_has_its_sender_as_target);
	tcase_add_test(t, unsolicited_neighbour_advertisement);
	tcase_add_test(t, the_family_chooses_the_announcement);
	tcase_add_test(t, arp_probe_without_and_with_a_sender);
	tcase_add_test(t, neighbour_solicitation_without_and_with_a_sender);
	tcase_add_loop_test(t, what_an_arp_packet_says, 0, (int)(sizeof(arps) / sizeof(*arps)));
	tcase_add_loop_test(t, what_a_neighbour_advertisement_says, 0,
			    (int)(sizeof(advertisements) / sizeof(*advertisements)));
	tcase_add_test(t, what_we_announce_is_understood);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
