/* PROXY protocol headers, by the words of the specification (haproxy.org, proxy-protocol.txt). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/proxy_header.h"

static struct proxy_header header;
static enum reason why;

/* Byte by byte, in memory of its own size: the first verdict that is not MORE. */
static enum proxy_verdict drip(struct str in)
{
	enum proxy_verdict v = PROXY_MORE;

	for (size_t n = 0; v == PROXY_MORE && n <= in.n; n++) {
		char *copy = malloc(n ? n : 1);

		ck_assert_ptr_nonnull(copy);
		if (n)
			memcpy(copy, in.p, n);
		v = proxy_header_parse((struct str){ copy, n }, &header, &why);
		free(copy);
	}
	return v;
}

static enum proxy_verdict parse(struct str in)
{
	enum proxy_verdict v = proxy_header_parse(in, &header, &why);
	enum reason whole = why;
	size_t size = header.size;

	ck_assert_int_eq(drip(in), v);
	ck_assert_int_eq(why, whole);
	if (v == PROXY_OK)
		ck_assert_uint_eq(header.size, size);
	return v;
}

static void refuses(struct str in, enum reason reason)
{
	ck_assert_msg(parse(in) == PROXY_BAD, "taken: %.*s", STR_ARGS(in));
	ck_assert_str_eq(reason_name(why), reason_name(reason));
}

static void is(const struct addr *a, const char *text)
{
	char got[ADDR_TEXT];

	addr_format(a, got, sizeof(got));
	ck_assert_str_eq(got, text);
}

/* The header is taken, and `rest` is not part of it. */
static void takes(struct str in, const char *src, const char *dst, size_t rest)
{
	ck_assert_msg(parse(in) == PROXY_OK, "%s: %.*s", reason_name(why), STR_ARGS(in));
	ck_assert_uint_eq(header.size, in.n - rest);
	ck_assert(!header.local);
	is(&header.src, src);
	is(&header.dst, dst);
}

static void takes_as_local(struct str in, size_t rest)
{
	ck_assert_msg(parse(in) == PROXY_OK, "%s: %.*s", reason_name(why), STR_ARGS(in));
	ck_assert_uint_eq(header.size, in.n - rest);
	ck_assert(header.local);
}

/* ---- version 1 ---- */

START_TEST(h145_v1_names_both_ends)
{
	takes(STR("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), "192.168.0.1:56324",
	      "192.168.0.11:443", 0);
	takes(STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\nGET /"),
	      "255.255.255.255:65535", "255.255.255.255:65535", 5);
	takes(STR("PROXY TCP4 1.2.3.4 5.6.7.8 0 80\r\n"), "1.2.3.4:0", "5.6.7.8:80", 0);
	takes(STR("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), "[2001:db8::1]:1", "[::1]:65535", 0);
	takes(STR("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	      "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	      "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0);
}
END_TEST

START_TEST(h146_v1_unknown_names_nobody)
{
	takes_as_local(STR("PROXY UNKNOWN\r\n"), 0);
	takes_as_local(STR("PROXY UNKNOWN\r\nPROXY"), 5);
	takes_as_local(STR("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), 0);
	takes_as_local(STR("PROXY UNKNOWN \r\n"), 0);
	refuses(STR("PROXY UNKNOWNS\r\n"), REASON_PROXY_LINE);
	refuses(STR("PROXY unknown\r\n"), REASON_PROXY_LINE);
}
END_TEST

START_TEST(h145_v1_malformed_is_refused)
{
	static const char *const lines[] = {
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 443\n",          /* LF alone */
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 443\r\r\n",      /* CR twice */
		"PROXY TCP4 1.2.3.4 5.6.7.8 80\r 443\r\n",      /* CR inside */
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 443 \r\n",       /* a blank behind */
		"PROXY  TCP4 1.2.3.4 5.6.7.8 80 443\r\n",       /* two blanks */
		"PROXY TCP4  1.2.3.4 5.6.7.8 80 443\r\n",
		"PROXY TCP4\t1.2.3.4 5.6.7.8 80 443\r\n",       /* no blank */
		"PROXY TCP4 1.2.3.4 5.6.7.8 80\r\n",            /* too few */
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 443 1\r\n",      /* too many */
		"PROXY TCP4\r\n",
		"PROXY \r\n",
		"PROXY UDP4 1.2.3.4 5.6.7.8 80 443\r\n",
		"PROXY TCP5 1.2.3.4 5.6.7.8 80 443\r\n",
		"PROXY tcp4 1.2.3.4 5.6.7.8 80 443\r\n",
		"PROXY TCP6 1.2.3.4 5.6.7.8 80 443\r\n",        /* not of the family */
		"PROXY TCP4 ::1 ::2 80 443\r\n",
		"PROXY TCP4 1.2.3.4 ::2 80 443\r\n",
		"PROXY TCP4 1.2.3 5.6.7.8 80 443\r\n",
		"PROXY TCP4 1.2.3.256 5.6.7.8 80 443\r\n",
		"PROXY TCP4 1.2.3.04 5.6.7.8 80 443\r\n",       /* heading zeroes */
		"PROXY TCP4 1.2.3.4 5.6.7.8 080 443\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 00\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 65536\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 +80 443\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 80 -1\r\n",
		"PROXY TCP6 [::1] ::2 80 443\r\n",
		"PROXY TCP6 fe80::1%lo ::2 80 443\r\n",
		"PROXY TCP6 ::1::2 ::2 80 443\r\n",
		"PROXY TCP4 host 5.6.7.8 80 443\r\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		refuses(str_of(lines[i]), REASON_PROXY_LINE);
	refuses(STR("PROXY TCP4 1.2.3.4\0 5.6.7.8 80 443\r\n"), REASON_PROXY_LINE);
}
END_TEST

/* "a 108-byte buffer is always enough": 107 with the CRLF. */
START_TEST(h145_v1_ends_within_107_bytes)
{
	char line[200];

	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + 105, "\r\n", 2);
	takes_as_local((struct str){ line, 107 }, 0);
	ck_assert_int_eq(parse((struct str){ line, 106 }), PROXY_MORE);
	memcpy(line + 105, "x\r\n", 3);
	refuses((struct str){ line, 108 }, REASON_PROXY_LINE);
	ck_assert_int_eq(parse((struct str){ line, 106 }), PROXY_MORE);
	refuses((struct str){ line, 107 }, REASON_PROXY_LINE);
}
END_TEST

/* ---- version 2 ---- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x9c\x40\x01\xbb"
#define V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02" \
	   "\x9c\x40\x01\xbb"

static char made[PROXY_HEADER_MAX + 64];

/* Command, family, and what is in the block, whose length may be told wrong by `more`. */
static struct str v2(int command, int family, struct str block, int more)
{
	size_t n = (size_t)((int)block.n + more);

	memcpy(made, SIGNATURE, 12);
	made[12] = (char)command;
	made[13] = (char)family;
	made[14] = (char)(n >> 8);
	made[15] = (char)n;
	if (block.n)
		memcpy(made + 16, block.p, block.n);
	return (struct str){ made, 16 + block.n };
}

static struct str path_pair(const char *src, const char *dst)
{
	static char block[216];

	memset(block, 0, sizeof(block));
	memcpy(block, src, strlen(src));
	memcpy(block + 108, dst, strlen(dst));
	return (struct str){ block, sizeof(block) };
}

START_TEST(h146_v2_names_both_ends)
{
	char path[109], want[ADDR_TEXT];

	takes(v2(0x21, 0x11, STR(V4), 0), "192.0.2.1:40000", "198.51.100.2:443", 0);
	takes(v2(0x21, 0x11, STR(V4 "GET /"), -5), "192.0.2.1:40000", "198.51.100.2:443", 5);
	takes(v2(0x21, 0x21, STR(V6), 0), "[2001:db8::1]:40000", "[2001:db8::2]:443", 0);
	takes(v2(0x21, 0x31, path_pair("/run/a", "/run/b"), 0), "unix:/run/a", "unix:/run/b", 0);
	/* All 108 bytes are allowed to be the path. */
	memset(path, 'p', 108);
	path[0] = '/';
	path[108] = '\0';
	snprintf(want, sizeof(want), "unix:%.107s", path);
	takes(v2(0x21, 0x31, path_pair(path, path), 0), want, want, 0);
}
END_TEST

/* "the receiver must use the real connection endpoints and discard the protocol block
 * including the family which is ignored"; and the length always holds. */
START_TEST(h146_v2_local_names_nobody)
{
	takes_as_local(v2(0x20, 0x00, STR_NONE, 0), 0);
	takes_as_local(v2(0x20, 0x11, STR(V4), 0), 0);
	takes_as_local(v2(0x20, 0xff, STR("anything"), 0), 0);
	takes_as_local(v2(0x20, 0x00, STR("anythingGET /"), -5), 5);
	takes_as_local(v2(0x21, 0x00, STR_NONE, 0), 0);
	takes_as_local(v2(0x21, 0x00, STR("\x01\x02"), 0), 0);
	/* Valid, and not a stream: as unspecified. */
	takes_as_local(v2(0x21, 0x12, STR(V4), 0), 0);
	takes_as_local(v2(0x21, 0x22, STR(V6), 0), 0);
	takes_as_local(v2(0x21, 0x32, path_pair("/a", "/b"), 0), 0);
}
END_TEST

START_TEST(h146_v2_kinds_are_checked)
{
	static const unsigned char versions[] = { 0x00, 0x01, 0x11, 0x31, 0xf1, 0x22, 0x2f };
	static const unsigned char families[] = { 0x01, 0x02, 0x10, 0x13, 0x20, 0x23,
						  0x30, 0x33, 0x41, 0xf1, 0x1f, 0xff };

	for (size_t i = 0; i < sizeof(versions); i++)
		refuses(v2(versions[i], 0x11, STR(V4), 0), REASON_PROXY_KIND);
	for (size_t i = 0; i < sizeof(families); i++)
		refuses(v2(0x21, families[i], STR(V4), 0), REASON_PROXY_KIND);
	/* Before the rest has come. */
	refuses(str_first(v2(0x31, 0x11, STR(V4), 0), 13), REASON_PROXY_KIND);
	refuses(str_first(v2(0x21, 0x41, STR(V4), 0), 14), REASON_PROXY_KIND);
}
END_TEST

START_TEST(h146_v2_lengths_are_checked)
{
	struct str whole;

	refuses(v2(0x21, 0x11, STR(V4), -1), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x11, STR_NONE, 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x21, STR(V6), -1), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x21, STR(V4), 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x31, path_pair("/a", "/b"), -1), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x12, STR(V4), -1), REASON_PROXY_LENGTH);
	ck_assert_int_eq(parse(v2(0x21, 0x11, STR(V4), 1)), PROXY_MORE);
	whole = v2(0x20, 0x00, STR_NONE, PROXY_HEADER_MAX - 16);
	ck_assert_int_eq(parse(whole), PROXY_MORE);
	takes_as_local((struct str){ made, PROXY_HEADER_MAX }, 0);
	refuses(v2(0x20, 0x00, STR_NONE, PROXY_HEADER_MAX - 15), REASON_PROXY_LENGTH);
}
END_TEST

START_TEST(h146_v2_tlvs_are_walked_and_passed_over)
{
	takes(v2(0x21, 0x11, STR(V4 "\x01\0\x02h2"), 0), "192.0.2.1:40000", "198.51.100.2:443", 0);
	takes(v2(0x21, 0x11, STR(V4 "\x04\0\0\x02\0\x0b" "example.org\xee\0\x01x"), 0),
	      "192.0.2.1:40000", "198.51.100.2:443", 0);
	refuses(v2(0x21, 0x11, STR(V4 "\x04"), 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x11, STR(V4 "\x04\0"), 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x11, STR(V4 "\x04\0\x01"), 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x11, STR(V4 "\x04\xff\xff" "abc"), 0), REASON_PROXY_LENGTH);
}
END_TEST

/* The sums were worked out elsewhere, bit by bit. */
#define SUM "\x03\0\x04\x4d\x20\xd6\x09"

START_TEST(h146_v2_checksum_is_checked)
{
	struct str in;

	takes(v2(0x21, 0x11, STR(V4 SUM "GET /"), -5), "192.0.2.1:40000", "198.51.100.2:443", 5);
	for (size_t bit = 16 * 8; bit < (16 + 12) * 8; bit++) { /* of either address */
		in = v2(0x21, 0x11, STR(V4 SUM), 0);
		made[bit / 8] = (char)(made[bit / 8] ^ 1 << bit % 8);
		refuses(in, REASON_PROXY_CHECKSUM);
	}
	for (size_t bit = 31 * 8; bit < 35 * 8; bit++) { /* of the sum */
		in = v2(0x21, 0x11, STR(V4 SUM), 0);
		made[bit / 8] = (char)(made[bit / 8] ^ 1 << bit % 8);
		refuses(in, REASON_PROXY_CHECKSUM);
	}
	refuses(v2(0x21, 0x11, STR(V4 SUM SUM), 0), REASON_PROXY_LENGTH);
	refuses(v2(0x21, 0x11, STR(V4 "\x03\0\x03" "abc"), 0), REASON_PROXY_LENGTH);
	/* Behind it too it is all of the header that counts. */
	refuses(v2(0x21, 0x11, STR(V4 SUM "\x04\0\0"), 0), REASON_PROXY_CHECKSUM);
}
END_TEST

/* ---- neither ---- */

START_TEST(h145_what_is_no_header_is_refused_at_its_first_strange_byte)
{
	refuses(STR("G"), REASON_PROXY_MISSING);
	refuses(STR("PO"), REASON_PROXY_MISSING);
	refuses(STR("PROXYTCP4"), REASON_PROXY_MISSING);
	refuses(STR("PROXY\r\n"), REASON_PROXY_MISSING);
	refuses(STR("proxy TCP4 1.2.3.4 5.6.7.8 80 443\r\n"), REASON_PROXY_MISSING);
	refuses(STR("\r\n\r\nGET / HTTP/1.1\r\n"), REASON_PROXY_MISSING);
	refuses(STR("\r\n\r\n\0\r\nQUIT\r"), REASON_PROXY_MISSING);
	refuses(STR(" PROXY TCP4 1.2.3.4 5.6.7.8 80 443\r\n"), REASON_PROXY_MISSING);
	ck_assert_int_eq(parse(STR("PROXY")), PROXY_MORE);
	ck_assert_int_eq(parse(STR_NONE), PROXY_MORE);
	ck_assert_int_eq(parse(STR("\r\n\r\n\0\r\nQUIT")), PROXY_MORE);
}
END_TEST

START_TEST(h146_a_second_header_is_payload)
{
	takes(STR("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nPROXY TCP4 9.9.9.9 9.9.9.9 9 9\r\n"),
	      "1.2.3.4:1", "5.6.7.8:2", 32);
}
END_TEST

/* ---- building ---- */

static char out[PROXY_HEADER_BUILT];

static struct addr addr_of(const char *text)
{
	struct addr a;

	ck_assert_ptr_null(addr_parse(&a, str_of(text)));
	return a;
}

static struct str build(unsigned version, const char *src, const char *dst)
{
	struct addr a[2];

	a[0] = addr_of(src ? src : "1.2.3.4:5");
	a[1] = addr_of(dst);
	return (struct str){ out, proxy_header_build(version, src ? &a[0] : NULL, &a[1], out) };
}

static void built(unsigned version, const char *src, const char *dst, struct str want)
{
	struct str got = build(version, src, dst);

	ck_assert_uint_eq(got.n, want.n);
	ck_assert_int_eq(memcmp(got.p, want.p, want.n), 0);
}

START_TEST(h147_v1_is_built)
{
	built(1, "192.0.2.1:40000", "198.51.100.2:443",
	      STR("PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n"));
	built(1, "[2001:db8::1]:40000", "[2001:db8::2]:443",
	      STR("PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n"));
	built(1, "192.0.2.1:40000", "[2001:db8::2]:443",
	      STR("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 40000 443\r\n"));
	built(1, NULL, "198.51.100.2:443", STR("PROXY UNKNOWN\r\n"));
	built(1, "unix:/run/a", "unix:/run/b", STR("PROXY UNKNOWN\r\n"));
	built(1, "192.0.2.1:40000", "unix:/run/b", STR("PROXY UNKNOWN\r\n"));
}
END_TEST

START_TEST(h147_v2_is_built)
{
	built(2, "192.0.2.1:40000", "198.51.100.2:443", v2(0x21, 0x11, STR(V4), 0));
	built(2, "[2001:db8::1]:40000", "[2001:db8::2]:443", v2(0x21, 0x21, STR(V6), 0));
	built(2, "[2001:db8::1]:40000", "198.51.100.2:443",
	      v2(0x21, 0x21,
		 STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
		     "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x02\x9c\x40\x01\xbb"),
		 0));
	built(2, "unix:/run/a", "unix:/run/b", v2(0x21, 0x31, path_pair("/run/a", "/run/b"), 0));
	built(2, "192.0.2.1:40000", "unix:/run/b", v2(0x21, 0x00, STR_NONE, 0));
	built(2, NULL, "198.51.100.2:443", v2(0x20, 0x00, STR_NONE, 0));
}
END_TEST

/* A client on a unix socket has no path as a rule, and an address of two bytes. */
START_TEST(h147_v2_of_an_unnamed_socket)
{
	struct addr src, dst = addr_of("unix:/run/b");
	struct str want = v2(0x21, 0x31, path_pair("", "/run/b"), 0);

	memset(&src, 'x', sizeof(src));
	src.u.sa.sa_family = AF_UNIX;
	src.len = sizeof(src.u.sa.sa_family);
	ck_assert_uint_eq(proxy_header_build(2, &src, &dst, out), want.n);
	ck_assert_int_eq(memcmp(out, want.p, want.n), 0);
}
END_TEST

START_TEST(h147_the_largest_fit)
{
	char path[200];
	struct str v6 = build(1, "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
			      "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535");

	ck_assert_uint_le(v6.n, 107);
	ck_assert(str_ends(v6, STR(" 65535 65535\r\n")));
	memset(path, 'p', sizeof(path));
	memcpy(path, "unix:/", 6);
	path[5 + 107] = '\0';
	ck_assert_uint_eq(build(2, path, path).n, PROXY_HEADER_BUILT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("net_proxy_header");
	TCase *t = tcase_create("header");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, h145_v1_names_both_ends);
	tcase_add_test(t, h146_v1_unknown_names_nobody);
	tcase_add_test(t, h145_v1_malformed_is_refused);
	tcase_add_test(t, h145_v1_ends_within_107_bytes);
	tcase_add_test(t, h146_v2_names_both_ends);
	tcase_add_test(t, h146_v2_local_names_nobody);
	tcase_add_test(t, h146_v2_kinds_are_checked);
	tcase_add_test(t, h146_v2_lengths_are_checked);
	tcase_add_test(t, h146_v2_tlvs_are_walked_and_passed_over);
	tcase_add_test(t, h146_v2_checksum_is_checked);
	tcase_add_test(t, h145_what_is_no_header_is_refused_at_its_first_strange_byte);
	tcase_add_test(t, h146_a_second_header_is_payload);
	tcase_add_test(t, h147_v1_is_built);
	tcase_add_test(t, h147_v2_is_built);
	tcase_add_test(t, h147_v2_of_an_unnamed_socket);
	tcase_add_test(t, h147_the_largest_fit);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
