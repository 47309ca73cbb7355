/* Addresses and networks as users write them, and the hashes that nodes must agree on. */
#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/hash.h"

static struct str exact(const char *z)
{
	struct str s = { malloc(strlen(z) ? strlen(z) : 1), strlen(z) };

	ck_assert_ptr_nonnull(s.p);
	memcpy((char *)(uintptr_t)s.p, z, s.n);
	return s;
}

static void done(struct str s)
{
	free((char *)(uintptr_t)s.p);
}

static struct addr parsed(const char *text)
{
	struct str s = exact(text);
	struct addr a;
	const char *wrong = addr_parse(&a, s);

	ck_assert_msg(!wrong, "\"%s\": %s", text, wrong);
	done(s);
	return a;
}

static const struct good {
	const char *text, *formatted, *host;
	int family;
	uint16_t port;
} good[] = {
	{ "10.1.2.3:80", "10.1.2.3:80", "10.1.2.3", AF_INET, 80 },
	{ "255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255", AF_INET, 65535 },
	{ "*:1", "0.0.0.0:1", "0.0.0.0", AF_INET, 1 },
	{ "[::]:80", "[::]:80", "::", AF_INET6, 80 },
	{ "[2001:DB8:0:0::1]:443", "[2001:db8::1]:443", "2001:db8::1", AF_INET6, 443 },
	{ "[::ffff:10.1.2.3]:80", "[::ffff:10.1.2.3]:80", "::ffff:10.1.2.3", AF_INET6, 80 },
	{ "unix:/run/app.sock", "unix:/run/app.sock", "unix", AF_UNIX, 0 },
};

START_TEST(good_addresses_are_read_and_written)
{
	const struct good *t = &good[_i];
	struct addr a = parsed(t->text), again;
	char text[ADDR_TEXT];

	ck_assert_int_eq(a.u.sa.sa_family, t->family);
	ck_assert_uint_eq(addr_port(&a), t->port);
	ck_assert_uint_eq(addr_format(&a, text, sizeof(text)), strlen(t->formatted));
	ck_assert_str_eq(text, t->formatted);
	again = parsed(text);
	ck_assert(addr_eq(&a, &again));
	ck_assert_uint_eq(a.len, again.len);
	ck_assert_uint_eq(addr_format_host(&a, text, sizeof(text)), strlen(t->host));
	ck_assert_str_eq(text, t->host);
}
END_TEST

static const struct bad {
	const char *text, *says; /* a part of what is said */
} bad[] = {
	{ "", ":PORT" },
	{ "10.1.2.3", ":PORT" },
	{ "10.1.2.3:", ":PORT" },
	{ "10.1.2.3:0", "1 to 65535" },
	{ "10.1.2.3:65536", "1 to 65535" },
	{ "10.1.2.3:+80", "1 to 65535" },
	{ "10.1.2.3:80 ", "1 to 65535" },
	{ "10.1.2.3:http", "1 to 65535" },
	{ "10.1.2.3:99999999999999999999", "1 to 65535" },
	{ "::1:80", "brackets" },
	{ "2001:db8::1", "brackets" },
	{ "[::1]", ":PORT" },
	{ "[10.1.2.3]:80", "IPv6" },
	{ "[]:80", "IPv6" },
	{ "[::g]:80", "malformed IPv6" },
	{ "[1:2:3:4:5:6:7:8:9]:80", "malformed IPv6" },
	{ "[fe80::1%eth0]:80", "malformed IPv6" },
	{ "unix:", "full path" },
	{ "unix:/", "full path" },
	{ "unix:run/app.sock", "full path" },
};

START_TEST(bad_addresses_are_named)
{
	struct str s = exact(bad[_i].text);
	struct addr a;
	const char *wrong = addr_parse(&a, s);

	ck_assert_msg(wrong && strstr(wrong, bad[_i].says), "\"%s\": %s", bad[_i].text, wrong);
	done(s);
}
END_TEST

static const char *const names[] = { "localhost:80",	"10.1.2:80",	  "10.1.2.3.4:80",
				     "256.1.1.1:80",	"010.1.2.3:80", "app.example.org:80",
				     "10.1.2.3 :80",	" 10.1.2.3:80",	  "0x7f.1:80" };

START_TEST(what_is_no_number_is_a_name)
{
	struct addr a;
	struct str s = exact(names[_i]);

	ck_assert_ptr_eq(addr_parse(&a, s), ADDR_NOT_NUMERIC);
	done(s);
}
END_TEST

START_TEST(a_nul_does_not_end_an_address)
{
	struct addr a;
	struct net n;

	ck_assert_ptr_eq(addr_parse(&a, STR("10.1.2.3\0.example.org:80")), ADDR_NOT_NUMERIC);
	ck_assert_ptr_nonnull(addr_parse(&a, STR("[::1\0junk]:80")));
	ck_assert_ptr_nonnull(addr_parse(&a, STR("unix:/run/a\0b")));
	ck_assert_ptr_nonnull(net_parse(&n, STR("10.0.0.0\0junk")));
}
END_TEST

START_TEST(unix_paths_have_a_longest)
{
	char text[5 + 108 + 1] = "unix:/";
	struct addr a;

	memset(text + 6, 'p', sizeof(text) - 6);
	ck_assert_ptr_null(addr_parse(&a, (struct str){ text, 5 + 107 }));
	ck_assert_uint_eq(strlen(a.u.un.sun_path), 107);
	ck_assert_uint_le(a.len, sizeof(a.u.un));
	ck_assert_ptr_nonnull(addr_parse(&a, (struct str){ text, 5 + 108 }));
}
END_TEST

START_TEST(a_long_host_is_no_address)
{
	struct addr a;
	struct str host = STR("10.1.2.310.1.2.310.1.2.310.1.2.310.1.2.310.1.2.3");

	ck_assert_ptr_eq(addr_parse_host(&a, host, 80), ADDR_NOT_NUMERIC);
	ck_assert_ptr_null(addr_parse_host(
		&a, STR("2001:0db8:1111:2222:3333:4444:255.255.255.255"), 8));
	ck_assert_uint_eq(addr_port(&a), 8);
}
END_TEST

START_TEST(ports_split_and_change)
{
	struct str host = STR_NONE;
	uint16_t port = 0;
	struct addr a;

	ck_assert(addr_split(STR("name:8080"), &host, &port));
	ck_assert(str_eq(host, STR("name")));
	ck_assert_uint_eq(port, 8080);
	ck_assert(addr_split(STR("a:b:1"), &host, &port));
	ck_assert(str_eq(host, STR("a:b")));
	ck_assert(!addr_split(STR("name"), &host, &port));
	ck_assert(!addr_split(STR("name:"), &host, &port));
	a = parsed("10.1.2.3:80");
	addr_set_port(&a, 81);
	ck_assert_uint_eq(addr_port(&a), 81);
	a = parsed("[::1]:80");
	addr_set_port(&a, 65535);
	ck_assert_uint_eq(addr_port(&a), 65535);
	a = parsed("unix:/a");
	addr_set_port(&a, 9);
	ck_assert_uint_eq(addr_port(&a), 0);
	ck_assert_str_eq(a.u.un.sun_path, "/a");
}
END_TEST

START_TEST(short_room_cuts_the_text_and_no_more)
{
	static const char *const all[] = { "10.1.2.3:80", "[2001:db8::1]:443", "unix:/run/app" };

	for (unsigned i = 0; i < 3; i++) {
		struct addr a = parsed(all[i]);

		for (size_t size = 1; size <= strlen(all[i]) + 1; size++) {
			char *to = malloc(size);
			size_t n = addr_format(&a, to, size);

			ck_assert_uint_eq(n, size - 1);
			ck_assert_int_eq(memcmp(to, all[i], n), 0);
			ck_assert_int_eq(to[n], 0);
			memset(to, 'x', size);
			ck_assert_uint_lt(addr_format_host(&a, to, size), size);
			free(to);
		}
	}
}
END_TEST

static const struct equal {
	const char *a, *b;
	bool eq, same_host;
} equal[] = {
	{ "10.1.2.3:80", "10.1.2.3:80", true, true },
	{ "10.1.2.3:80", "10.1.2.3:81", false, true },
	{ "10.1.2.3:80", "10.1.2.4:80", false, false },
	{ "[::1]:80", "[0:0:0:0:0:0:0:1]:80", true, true },
	{ "[::1]:80", "[::2]:80", false, false },
	/* One client, whichever listener it came to: it stays with its server. */
	{ "[::ffff:10.1.2.3]:80", "10.1.2.3:80", false, true },
	{ "unix:/a", "unix:/a", true, true },
	{ "unix:/a", "unix:/ab", false, false },
};

START_TEST(addresses_are_equal_or_not)
{
	struct addr a = parsed(equal[_i].a), b = parsed(equal[_i].b);

	ck_assert(addr_eq(&a, &b) == equal[_i].eq);
	ck_assert(addr_eq(&b, &a) == equal[_i].eq);
	ck_assert((addr_hash_host(&a) == addr_hash_host(&b)) == equal[_i].same_host);
}
END_TEST

/* From the published FNV-1a and MurmurHash3, worked out apart: a change here would move
 * every client of a hashed backend, and split two nodes of different versions. */
START_TEST(hashes_never_change)
{
	struct addr v4 = parsed("192.0.2.7:80"), v6 = parsed("[2001:db8::1]:80"),
		    path = parsed("unix:/run/app.sock");

	ck_assert_uint_eq(hash_bytes(STR("")), 0xefd01f60ba992926);
	ck_assert_uint_eq(hash_bytes(STR("a")), 0x82a2a958a9bece5b);
	ck_assert_uint_eq(hash_bytes(STR("app1")), 0x1c2a39a4215a91b3);
	ck_assert_uint_eq(hash_bytes(STR("\0")), 0xb9034ad37056f5fb);
	ck_assert_uint_eq(hash_bytes(STR("\xff\x80")), 0x0c1fbda391c27e28);
	ck_assert_uint_eq(hash_mix(0), 0);
	ck_assert_uint_eq(hash_mix(1), 0xb456bcfc34c2cb2c);
	ck_assert_uint_eq(hash_mix(UINT64_MAX), 0x64b5720b4b825f21);
	ck_assert_uint_eq(hash_pair(1, 2), 0xf9122d6051144cc9);
	ck_assert_uint_eq(hash_pair(2, 1), 0x4c5ec34062e859d9);
	ck_assert_uint_eq(addr_hash_host(&v4), 0x22ebcd15a5d37b69);
	ck_assert_uint_eq(addr_hash_host(&v6), 0x8dec2b2d0b0e530f);
	ck_assert_uint_eq(addr_hash_host(&path), 0x84f41dc7c4eab31c);
}
END_TEST

/* Neighbouring clients spread: over 16 shares none has twice or half its part. */
START_TEST(hashes_spread)
{
	unsigned share[16] = { 0 };
	struct addr a = parsed("10.0.0.0:80");

	for (uint32_t i = 0; i < 16000; i++) {
		a.u.in.sin_addr.s_addr = htonl(0x0a000000u + i);
		share[addr_hash_host(&a) >> 60]++;
	}
	for (unsigned i = 0; i < 16; i++)
		ck_assert_msg(share[i] > 800 && share[i] < 1200, "share %u: %u", i, share[i]);
}
END_TEST

static const struct contained {
	const char *net, *host;
	bool in;
} contained[] = {
	{ "10.0.0.0/8", "10.255.255.255", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "10.1.2.3/8", "10.9.9.9", true },
	{ "10.1.2.3", "10.1.2.3", true },
	{ "10.1.2.3", "10.1.2.2", false },
	{ "10.1.2.0/23", "10.1.3.255", true },
	{ "10.1.2.0/23", "10.1.4.0", false },
	{ "10.1.2.128/25", "10.1.2.127", false },
	{ "10.1.2.128/25", "10.1.2.128", true },
	{ "0.0.0.0/0", "203.0.113.9", true },
	{ "0.0.0.0/0", "::1", false },
	{ "::/0", "10.1.2.3", false },
	{ "::/0", "2001:db8::1", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "2001:db8::1/128", "2001:db8::1", true },
	{ "2001:db8::1", "2001:db8::2", false },
	{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
	{ "10.0.0.0/8", "::ffff:11.1.2.3", false },
	{ "::ffff:10.1.2.3", "10.1.2.3", true },
	/* A network of mapped addresses counts its bits from the front of all sixteen bytes. */
	{ "::ffff:10.0.0.0/104", "10.200.0.1", true },
	{ "::ffff:10.0.0.0/104", "::ffff:10.200.0.1", true },
	{ "::ffff:10.0.0.0/104", "11.0.0.1", false },
	{ "::ffff:0.0.0.0/96", "203.0.113.9", true },
	{ "::ffff:10.1.2.3/128", "10.1.2.3", true },
	{ "::ffff:10.1.2.3/128", "10.1.2.4", false },
};

START_TEST(networks_contain)
{
	const struct contained *t = &contained[_i];
	struct str text = exact(t->net);
	struct net n;
	struct addr a;
	const char *wrong = net_parse(&n, text);

	ck_assert_msg(!wrong, "%s: %s", t->net, wrong);
	ck_assert_ptr_null(addr_parse_host(&a, str_of(t->host), 80));
	ck_assert_msg(net_contains(&n, &a) == t->in, "%s in %s", t->host, t->net);
	done(text);
}
END_TEST

static const char *const bad_nets[] = { "",	      "10.0.0.0/",     "10.0.0.0/33",
					"10.0.0/8",   "10.0.0.0/-1",   "10.0.0.0/8/8",
					"::/129",     "name/8",	       "/8",
					"10.0.0.0/ 8", "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/95",
					"::ffff:10.0.0.0/24" };

START_TEST(bad_networks_are_refused)
{
	struct str text = exact(bad_nets[_i]);
	struct net n;

	ck_assert_msg(net_parse(&n, text), "\"%s\" was taken", bad_nets[_i]);
	done(text);
}
END_TEST

/* Every prefix length against a comparison bit by bit. */
START_TEST(every_prefix_agrees_with_its_bits)
{
	srand(5);
	for (unsigned i = 0; i < 4000; i++) {
		struct net n = { .family_bytes = i & 1 ? 16 : 4 };
		struct addr a = parsed(i & 1 ? "[2001:db8::]:1" : "10.0.0.0:1");
		uint8_t *host = i & 1 ? a.u.in6.sin6_addr.s6_addr
				      : (uint8_t *)&a.u.in.sin_addr;
		bool in = true;

		n.prefix = (uint8_t)((unsigned)rand() % (n.family_bytes * 8u + 1));
		memcpy(n.bytes, host, n.family_bytes);
		n.bytes[rand() % n.family_bytes] ^= (uint8_t)(1 << rand() % 8);
		for (unsigned bit = 0; bit < n.prefix; bit++)
			if ((n.bytes[bit / 8] ^ host[bit / 8]) >> (7 - bit % 8) & 1)
				in = false;
		ck_assert(net_contains(&n, &a) == in);
	}
}
END_TEST

START_TEST(a_unix_peer_is_in_no_network)
{
	struct addr a = parsed("unix:/run");
	struct net n;

	ck_assert_ptr_null(net_parse(&n, STR("0.0.0.0/0")));
	ck_assert(!net_contains(&n, &a));
}
END_TEST

static const struct {
	const char *addr;
	unsigned prefix4, prefix6;
	const char *net;
} nets_of[] = {
	{ "192.0.2.7:80", 32, 64, "192.0.2.7" },
	{ "192.0.2.7:80", 24, 64, "192.0.2.0/24" },
	{ "192.0.2.255:80", 25, 64, "192.0.2.128/25" },
	{ "192.0.2.7:80", 0, 64, "0.0.0.0/0" },
	{ "192.0.2.7:80", 99, 64, "192.0.2.7" },
	{ "[2001:db8:1:2:3:4:5:6]:80", 32, 64, "2001:db8:1:2::/64" },
	{ "[2001:db8:1:2:3:4:5:6]:80", 32, 61, "2001:db8:1::/61" },
	{ "[2001:db8:1:2:3:4:5:6]:80", 32, 128, "2001:db8:1:2:3:4:5:6" },
	{ "[::ffff:192.0.2.7]:80", 24, 64, "192.0.2.0/24" },
};

START_TEST(an_address_is_in_a_network_of_any_size)
{
	struct addr a = parsed(nets_of[_i].addr), first;
	struct net n, again;
	char text[64];

	ck_assert(net_of(&n, &a, nets_of[_i].prefix4, nets_of[_i].prefix6));
	ck_assert_uint_eq(net_format(&n, text, sizeof(text)), strlen(text));
	ck_assert_str_eq(text, nets_of[_i].net);
	ck_assert(net_contains(&n, &a));
	ck_assert_ptr_null(net_parse(&again, str_of(text)));
	ck_assert_mem_eq(&n, &again, sizeof(n));
	first = net_addr(&n);
	ck_assert(net_contains(&n, &first));
	for (size_t size = 1; size <= strlen(text); size++) {
		char cut[64];

		ck_assert_uint_eq(net_format(&n, cut, size), size - 1);
		ck_assert_uint_eq(strlen(cut), size - 1);
	}
}
END_TEST

START_TEST(a_unix_peer_has_no_network)
{
	struct addr a = parsed("unix:/run");
	struct net n;

	ck_assert(!net_of(&n, &a, 32, 64));
}
END_TEST

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

int main(void)
{
	Suite *s = suite_create("base_addr");
	TCase *t = tcase_create("addr");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, good_addresses_are_read_and_written, 0, ROWS(good));
	tcase_add_loop_test(t, bad_addresses_are_named, 0, ROWS(bad));
	tcase_add_loop_test(t, what_is_no_number_is_a_name, 0, ROWS(names));
	tcase_add_test(t, a_nul_does_not_end_an_address);
	tcase_add_test(t, unix_paths_have_a_longest);
	tcase_add_test(t, a_long_host_is_no_address);
	tcase_add_test(t, ports_split_and_change);
	tcase_add_test(t, short_room_cuts_the_text_and_no_more);
	tcase_add_loop_test(t, addresses_are_equal_or_not, 0, ROWS(equal));
	tcase_add_test(t, hashes_never_change);
	tcase_add_test(t, hashes_spread);
	tcase_add_loop_test(t, networks_contain, 0, ROWS(contained));
	tcase_add_loop_test(t, bad_networks_are_refused, 0, ROWS(bad_nets));
	tcase_add_test(t, every_prefix_agrees_with_its_bits);
	tcase_add_test(t, a_unix_peer_is_in_no_network);
	tcase_add_loop_test(t, an_address_is_in_a_network_of_any_size, 0, ROWS(nets_of));
	tcase_add_test(t, a_unix_peer_has_no_network);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
