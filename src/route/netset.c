#include "route/netset.h"

#include <stdlib.h>

/* The family first, so that one order holds both. */
struct key {
	uint8_t bytes[17];
};

struct range {
	struct key from, to;
};

struct netset {
	unsigned n;
	struct range ranges[]; /* sorted, and none touches another's inside */
};

static int key_compare(const struct key *a, const struct key *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static struct key key_of(const uint8_t *bytes, unsigned n)
{
	struct key k = { { (uint8_t)n } };

	memcpy(k.bytes + 1, bytes, n);
	return k;
}

static struct range range_of(const struct net *n)
{
	struct range r;
	unsigned bits = n->family_bytes * 8u;

	r.from = r.to = key_of(n->bytes, n->family_bytes);
	for (unsigned i = n->prefix; i < bits; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		r.from.bytes[1 + i / 8] &= (uint8_t)~bit;
		r.to.bytes[1 + i / 8] |= bit;
	}
	return r;
}

static int range_compare(const void *a, const void *b)
{
	return key_compare(&((const struct range *)a)->from, &((const struct range *)b)->from);
}

/* Networks overlap only by one being inside the other; of these the outer one stays. */
static void ranges_join(struct netset *s)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->n; i++) {
		struct range *last = kept ? &s->ranges[kept - 1] : NULL;

		if (!last || key_compare(&s->ranges[i].from, &last->to) > 0)
			s->ranges[kept++] = s->ranges[i];
		else if (key_compare(&s->ranges[i].to, &last->to) > 0)
			last->to = s->ranges[i].to;
	}
	s->n = kept;
}

struct netset *netset_new(struct arena *a, const struct net *nets, unsigned n)
{
	struct netset *s = arena_alloc(a, sizeof(*s) + n * sizeof(s->ranges[0]));

	if (!s)
		return NULL;
	s->n = n;
	for (unsigned i = 0; i < n; i++)
		s->ranges[i] = range_of(&nets[i]);
	qsort(s->ranges, n, sizeof(s->ranges[0]), range_compare);
	ranges_join(s);
	return s;
}

/* False: a unix socket, which is in no network. */
static bool key_of_addr(const struct addr *a, struct key *k)
{
	const uint8_t *v6 = a->u.in6.sin6_addr.s6_addr;

	if (a->u.sa.sa_family == AF_INET)
		*k = key_of((const uint8_t *)&a->u.in.sin_addr, 4);
	else if (a->u.sa.sa_family != AF_INET6)
		return false;
	else if (IN6_IS_ADDR_V4MAPPED(&a->u.in6.sin6_addr))
		*k = key_of(v6 + 12, 4);
	else
		*k = key_of(v6, 16);
	return true;
}

bool netset_has(const struct netset *s, const struct addr *a)
{
	unsigned low = 0, high = s->n; /* the answer is in [low, high) */
	struct key k;

	if (!key_of_addr(a, &k))
		return false;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct range *r = &s->ranges[middle];

		if (key_compare(&k, &r->from) < 0)
			high = middle;
		else if (key_compare(&k, &r->to) > 0)
			low = middle + 1;
		else
			return true;
	}
	return false;
}
