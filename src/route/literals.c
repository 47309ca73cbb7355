#include "route/literals.h"

struct literal_node {
	const char *bytes; /* behind the byte by which the parent leads here */
	uint32_t n;
	uint32_t exact, prefix; /* ranks of what ends behind `bytes` */
	uint16_t n_children, room;
	char *firsts; /* one byte a child */
	struct literal_node **children;
};

struct literals {
	struct arena *arena;
	struct literal_node root;
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
	l->arena = a;
	node_init(&l->root, STR_NONE);
	return l;
}

static struct literal_node *child_of(const struct literal_node *n, char first)
{
	const char *at = n->n_children ? memchr(n->firsts, first, n->n_children) : NULL;

	return at ? n->children[at - n->firsts] : NULL;
}

static bool children_grow(struct arena *a, struct literal_node *n)
{
	unsigned room = n->room ? n->room * 2u : 2;
	char *firsts = arena_alloc(a, room);
	struct literal_node **children = arena_alloc(a, room * sizeof(*children));

	if (!firsts || !children)
		return false;
	if (n->n_children) {
		memcpy(firsts, n->firsts, n->n_children);
		memcpy(children, n->children, n->n_children * sizeof(*children));
	}
	n->firsts = firsts;
	n->children = children;
	n->room = (uint16_t)room;
	return true;
}

static struct literal_node *child_add(struct arena *a, struct literal_node *n, char first,
				      struct str bytes)
{
	struct literal_node *child = arena_alloc(a, sizeof(*child));

	if (!child || (n->n_children == n->room && !children_grow(a, n)))
		return NULL;
	node_init(child, bytes);
	n->firsts[n->n_children] = first;
	n->children[n->n_children++] = child;
	return child;
}

/* Cuts the node's bytes at `at`: what was behind it becomes its only child. */
static bool node_split(struct arena *a, struct literal_node *n, size_t at)
{
	struct literal_node *rest = arena_alloc(a, sizeof(*rest));
	char first = n->bytes[at];

	if (!rest)
		return false;
	*rest = *n;
	rest->bytes += at + 1;
	rest->n -= (uint32_t)at + 1;
	node_init(n, (struct str){ n->bytes, at });
	if (!children_grow(a, n))
		return false;
	n->firsts[0] = first;
	n->children[0] = rest;
	n->n_children = 1;
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
	struct literal_node *n = &l->root, *child;

	for (;;) {
		size_t common = common_length(n, text);

		if (common < n->n && !node_split(l->arena, n, common))
			return NULL;
		text = str_from(text, common);
		if (text.n == 0)
			return n;
		child = child_of(n, text.p[0]);
		if (!child)
			return child_add(l->arena, n, text.p[0], str_from(text, 1));
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

/* The walk stands behind all of the node's bytes: what is a prefix counts from here. */
static inline void arrive(struct literal_walk *w)
{
	if (w->at == w->node->n && w->node->prefix < w->rank)
		w->rank = w->node->prefix;
}

void literal_walk_start(const struct literals *l, struct literal_walk *w)
{
	*w = (struct literal_walk){ .node = &l->root, .rank = RANK_NONE };
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

void literal_walk_feed(struct literal_walk *w, struct str part)
{
	for (size_t i = 0; i < part.n && w->node; i++)
		step(w, part.p[i]);
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
