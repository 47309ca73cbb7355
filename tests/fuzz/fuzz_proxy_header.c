/* A PROXY protocol header: whole and in pieces it is judged alike; what was read of one and is
 * built again says the same. The first byte says how long the pieces are, and with HOW_SUM a
 * checksum that is there is made right, which no fuzzer would guess. */
#include <stdlib.h>

#include "base/assert.h"
#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOW_SUM 0x80

/* Bit by bit, so that it shares nothing with what it judges. */
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static void sum_put(uint8_t *p, size_t n, size_t at)
{
	uint32_t crc;

	memset(p + at, 0, 4);
	crc = crc32c(p, n);
	for (unsigned i = 0; i < 4; i++)
		p[at + i] = (uint8_t)(crc >> (24 - 8 * i));
}

/* Where a checksum could lie behind the addresses of the family that it has. */
static void sums_mend(uint8_t *p, size_t size)
{
	static const size_t address[] = { 0, 12, 36, 216 };
	size_t n, at;

	if (size < 16)
		return;
	n = 16 + ((size_t)p[14] << 8 | p[15]);
	at = 16 + address[p[13] >> 4 & 3];
	while (n <= size && at + 7 <= n) {
		size_t length = (size_t)p[at + 1] << 8 | p[at + 2];

		if (p[at] == 3 && length == 4)
			sum_put(p, n, at + 3);
		at += 3 + length;
	}
}

static enum proxy_verdict parse(struct str in, size_t step, struct proxy_header *h,
				enum reason *why)
{
	enum proxy_verdict v = PROXY_MORE;

	for (size_t n = 0; v == PROXY_MORE; n += step) {
		v = proxy_header_parse(str_first(in, n), h, why);
		if (n >= in.n)
			break;
	}
	must((v == PROXY_BAD) == (*why != REASON_COMPLETE));
	return v;
}

static bool same(const struct addr *a, const struct addr *b)
{
	if (a->u.sa.sa_family != AF_UNIX)
		return addr_eq(a, b);
	return b->u.sa.sa_family == AF_UNIX &&
	       memcmp(a->u.un.sun_path, b->u.un.sun_path, sizeof(a->u.un.sun_path)) == 0;
}

static void built_says_the_same(const struct proxy_header *h, unsigned version)
{
	char to[PROXY_HEADER_BUILT];
	const struct addr *src = h->local ? NULL : &h->src;
	struct str out = { to, proxy_header_build(version, src, &h->dst, to) };
	struct proxy_header again;
	enum reason why;

	must(out.n > 0 && out.n <= sizeof(to) && (version == 2 || out.n <= 107));
	must(proxy_header_parse(out, &again, &why) == PROXY_OK && again.size == out.n);
	if (h->local || (version == 1 && h->src.u.sa.sa_family == AF_UNIX)) {
		must(again.local);
		return;
	}
	must(!again.local && same(&h->src, &again.src) && same(&h->dst, &again.dst));
}

static void judge(struct str in, const struct proxy_header *h)
{
	char text[ADDR_TEXT];
	struct proxy_header other;
	enum reason why;

	must(h->size >= 15 && h->size <= in.n && h->size <= PROXY_HEADER_MAX);
	must(proxy_header_parse(str_first(in, h->size - 1), &other, &why) == PROXY_MORE);
	must(proxy_header_parse(str_first(in, h->size), &other, &why) == PROXY_OK);
	if (!h->local) {
		must(addr_format(&h->src, text, sizeof(text)) > 0);
		must(addr_format(&h->dst, text, sizeof(text)) > 0);
	}
	built_says_the_same(h, 1);
	built_says_the_same(h, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, slow;
	enum reason why, why_slow;
	enum proxy_verdict v;
	uint8_t *copy;
	struct str in;

	if (size < 1)
		return 0;
	copy = malloc(size - 1 ? size - 1 : 1); /* so that a read past its end is seen */
	must(copy);
	memcpy(copy, data + 1, size - 1);
	if (data[0] & HOW_SUM)
		sums_mend(copy, size - 1);
	in = (struct str){ (const char *)copy, size - 1 };
	v = parse(in, in.n ? in.n : 1, &whole, &why);
	must(parse(in, (data[0] & 0x7f) + 1u, &slow, &why_slow) == v && why == why_slow);
	if (v == PROXY_OK) {
		must(slow.size == whole.size && slow.local == whole.local);
		judge(in, &whole);
	}
	free(copy);
	return 0;
}
