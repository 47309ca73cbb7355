#include "route/literals.h"

/* What a walk costs is the lines of the cache that it touches, most of which are cold when there
 * are many literals. So a node is small, and once all are there, literals_pack() puts behind each
 * node its children, their first bytes and its own, and brothers beside each other. */
struct literal_node {
	const char *bytes; /* behind the byte by which the parent leads here */
	struct literal_node **children; /* `room` of them; behind them their first bytes */
	uint32_t n;
	uint32_t exact, prefix; /* ranks of what ends behind `bytes` */
	uint16_t n_children, room;
};

struct literals {
	struct arena *arena;
	struct literal_node *root;
	size_t n_nodes, n_bytes; /* of all nodes */
};

static void node_init(struct literal_node *n, struct str bytes)
{
	*n = (struct literal_node){
		.bytes = bytes.p, .n = (uint32_t)bytes.n, .exact = RANK_NONE, .prefix = RANK_NONE
	};
}

struct literals *literals_new(struct arena *a)
{
	struct literals *l = arena_alloc(a, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct literals){ .arena = a, .root = arena_alloc(a, sizeof(*l->root)),
				.n_nodes = 1 };
	if (!l->root)
		return NULL;
	node_init(l->root, STR_NONE);
	return l;
}

static char *firsts_of(const struct literal_node *n)
{
	return (char *)(n->children + n->room);
}

static struct literal_node *child_of(const struct literal_node *n, char first)
{
	const char *firsts;

	if (!n->n_children)
		return NULL;
	firsts = firsts_of(n);
	for (unsigned i = 0; i < n->n_children; i++) /* they are few: less than a call costs */
		if (firsts[i] == first)
			return n->children[i];
	return NULL;
}

static bool children_grow(struct arena *a, struct literal_node *n)
{
	unsigned room = n->room ? n->room * 2u : 2;
	struct literal_node **children = arena_alloc(a, room * (sizeof(*children) + 1));

	if (!children)
		return false;
	if (n->n_children) {
		memcpy(children, n->children, n->n_children * sizeof(*children));
		memcpy(children + room, firsts_of(n), n->n_children);
	}
	n->children = children;
	n->room = (uint16_t)room;
	return true;
}

static void child_put(struct literal_node *n, char first, struct literal_node *child)
{
	firsts_of(n)[n->n_children] = first;
	n->children[n->n_children++] = child;
}

static struct literal_node *child_add(struct literals *l, struct literal_node *n, char first,
				      struct str bytes)
{
	struct literal_node *child = arena_alloc(l->arena, sizeof(*child));

	if (!child || (n->n_children == n->room && !children_grow(l->arena, n)))
		return NULL;
	node_init(child, bytes);
	child_put(n, first, child);
	l->n_nodes++;
	l->n_bytes += bytes.n;
	return child;
}

/* Cuts the node's bytes at `at`: what was behind it becomes its only child. */
static bool node_split(struct literals *l, struct literal_node *n, size_t at)
{
	struct literal_node *rest = arena_alloc(l->arena, sizeof(*rest));
	char first = n->bytes[at];

	if (!rest)
		return false;
	*rest = *n;
	rest->bytes += at + 1;
	rest->n -= (uint32_t)at + 1;
	node_init(n, (struct str){ n->bytes, at });
	if (!children_grow(l->arena, n))
		return false;
	child_put(n, first, rest);
	l->n_nodes++;
	l->n_bytes--;
	return true;
}

static size_t common_length(const struct literal_node *n, struct str s)
{
	size_t i = 0;

	while (i < n->n && i < s.n && n->bytes[i] == s.p[i])
		i++;
	return i;
}

/* The node at which `text` ends, made when there is none. */
static struct literal_node *node_for(struct literals *l, struct str text)
{
	struct literal_node *n = l->root, *child;

	for (;;) {
		size_t common = common_length(n, text);

		if (common < n->n && !node_split(l, n, common))
			return NULL;
		text = str_from(text, common);
		if (text.n == 0)
			return n;
		child = child_of(n, text.p[0]);
		if (!child)
			return child_add(l, n, text.p[0], str_from(text, 1));
		n = child;
		text = str_from(text, 1);
	}
}

void literals_add(struct literals *l, struct str text, enum literal_kind kind, uint32_t rank)
{
	struct str kept = arena_str(l->arena, text);
	struct literal_node *n = kept.p ? node_for(l, kept) : NULL;
	uint32_t *at;

	if (!n)
		return;
	at = kind == LITERAL_PREFIX ? &n->prefix : &n->exact;
	if (rank < *at)
		*at = rank;
}

/* ---- packed ---- */

static size_t node_size(const struct literal_node *n)
{
	size_t size = sizeof(*n) + n->n_children * (sizeof(n->children[0]) + 1) + n->n;

	return (size + _Alignof(struct literal_node) - 1) & ~(_Alignof(struct literal_node) - 1);
}

/* Its children are still those of the other set. */
static struct literal_node *node_copy(const struct literal_node *from, char *to)
{
	struct literal_node *n = (struct literal_node *)(void *)to;
	char *firsts;

	*n = *from;
	n->room = n->n_children;
	n->children = (struct literal_node **)(void *)(n + 1);
	firsts = firsts_of(n);
	n->bytes = firsts + n->n_children;
	if (n->n_children) {
		memcpy(n->children, from->children, n->n_children * sizeof(n->children[0]));
		memcpy(firsts, firsts_of(from), n->n_children);
	}
	if (n->n)
		memcpy(firsts + n->n_children, from->bytes, n->n);
	return n;
}

/* Every node but the first is a child, and rounding up costs each less than its alignment. */
static size_t size_of_all(const struct literals *l)
{
	return l->n_nodes * (sizeof(struct literal_node) + sizeof(struct literal_node *) + 1 +
			     _Alignof(struct literal_node)) +
	       l->n_bytes;
}

struct literals *literals_pack(const struct literals *from, struct arena *a)
{
	struct literals *l = arena_alloc(a, sizeof(*l));
	char *scan = arena_alloc(a, size_of_all(from)), *end = scan;

	if (!l || !scan || arena_failed(from->arena)) {
		a->failed = true;
		return NULL;
	}
	*l = *from;
	l->arena = a;
	l->root = node_copy(from->root, end);
	end += node_size(l->root);
	while (scan < end) { /* what lies between the two has its children still elsewhere */
		struct literal_node *n = (struct literal_node *)(void *)scan;

		for (unsigned i = 0; i < n->n_children; i++) {
			n->children[i] = node_copy(n->children[i], end);
			end += node_size(n->children[i]);
		}
		scan += node_size(n);
	}
	return l;
}

/* ---- walks ---- */

/* The walk stands behind all of the node's bytes: what is a prefix counts from here. */
static inline void arrive(struct literal_walk *w)
{
	if (w->at == w->node->n && w->node->prefix < w->rank)
		w->rank = w->node->prefix;
}

void literal_walk_start(const struct literals *l, struct literal_walk *w)
{
	*w = (struct literal_walk){ .node = l->root, .rank = RANK_NONE };
	arrive(w);
}

static inline void step(struct literal_walk *w, char c)
{
	const struct literal_node *n = w->node;

	if (w->at < n->n) {
		if (n->bytes[w->at] != c) {
			w->node = NULL;
			return;
		}
		w->at++;
	} else {
		w->node = child_of(n, c);
		w->at = 0;
		if (!w->node)
			return;
	}
	arrive(w);
}

/* As many bytes of the node's own as there are to compare. */
static inline size_t run(struct literal_walk *w, struct str part)
{
	const struct literal_node *n = w->node;
	size_t most = n->n - w->at < part.n ? n->n - w->at : part.n, i = 0;

	while (i < most && n->bytes[w->at + i] == part.p[i])
		i++;
	w->at += i;
	if (i < most)
		w->node = NULL;
	else
		arrive(w);
	return i;
}

void literal_walk_feed(struct literal_walk *w, struct str part)
{
	while (part.n && w->node) {
		if (w->at < w->node->n) {
			part = str_from(part, run(w, part));
			continue;
		}
		step(w, part.p[0]);
		part = str_from(part, 1);
	}
}

void literal_walk_feed_folded(struct literal_walk *w, struct str part)
{
	for (size_t i = 0; i < part.n && w->node; i++)
		step(w, str_lower_char(part.p[i]));
}

void literal_walk_feed_reversed(struct literal_walk *w, struct str part, bool fold)
{
	for (size_t i = part.n; i > 0 && w->node; i--)
		step(w, fold ? str_lower_char(part.p[i - 1]) : part.p[i - 1]);
}

void literal_walk_end(struct literal_walk *w)
{
	if (w->node && w->at == w->node->n && w->node->exact < w->rank)
		w->rank = w->node->exact;
}
