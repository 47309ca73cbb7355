#include "limit/exempt.h"

bool limit_is_exempt(const struct board_limits *b, const struct limit_key *k, uint64_t now_us)
{
	struct limit_exemption e;
	uint64_t digest;

	if (!stats_get(b->n_exempt))
		return false;
	digest = k->src ? 0 : limit_digest(b, k->value);
	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++)
		if (board_exemption_read(b, i, now_us, &e) &&
		    board_exempts(&e, k->limit->on, digest, k->src))
			return true;
	return false;
}

static bool is_same_key(const struct limit_exemption *a, const struct limit_exemption *b)
{
	if (a->net.family_bytes != b->net.family_bytes)
		return false;
	if (!a->net.family_bytes)
		return a->digest == b->digest;
	return a->net.prefix == b->net.prefix &&
	       memcmp(a->net.bytes, b->net.bytes, sizeof(a->net.bytes)) == 0;
}

/* Where it stands, else a free slot, else -1. */
static int find_slot(const struct board_limits *b, const struct limit_exemption *e,
		     uint64_t now_us)
{
	struct limit_exemption other;
	int unused = -1;

	for (int i = 0; i < BOARD_EXEMPTIONS; i++) {
		if (!board_exemption_read(b, (unsigned)i, now_us, &other))
			unused = unused < 0 ? i : unused;
		else if (is_same_key(&other, e) && other.limits == e->limits)
			return i;
	}
	return unused;
}

static void count_used(struct board_limits *b)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++)
		n += stats_get(b->exempt[i].used);
	stats_set(b->n_exempt, n);
}

bool limit_exempt(struct board_limits *b, const struct limit_exemption *e, uint64_t now_us)
{
	int at = find_slot(b, e, now_us);

	if (at < 0)
		return false;
	board_write_block(&b->exempt[at].turn, &b->exempt[at].is, e, sizeof(*e));
	atomic_store_explicit(&b->exempt[at].used, 1, memory_order_release);
	count_used(b);
	return true;
}

unsigned limit_enforce(struct board_limits *b, const struct limit_exemption *e, uint64_t now_us)
{
	struct limit_exemption other;
	unsigned n = 0;

	for (unsigned i = 0; i < BOARD_EXEMPTIONS; i++) {
		if (!board_exemption_read(b, i, now_us, &other) || !is_same_key(&other, e) ||
		    (e->limits && other.limits != e->limits))
			continue;
		atomic_store_explicit(&b->exempt[i].used, 0, memory_order_release);
		n++;
	}
	count_used(b);
	return n;
}
