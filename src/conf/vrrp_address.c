/* The addresses of a virtual router, and those of its peers. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

/* --- what an address may be --- */

static unsigned bits_of(const struct net *n)
{
	return n->family_bytes * 8u;
}

/* Whether all bits from `from` on are 0, or all are 1. */
static bool bits_are(const struct net *n, unsigned from, bool ones)
{
	for (unsigned i = from; i < bits_of(n); i++)
		if ((n->bytes[i / 8] >> (7 - i % 8) & 1) != ones)
			return false;
	return true;
}

static bool is_ipv6_loopback(const struct net *n)
{
	struct net one = *n;

	one.bytes[15] ^= 1;
	return bits_are(&one, 0, false);
}

/* What is no address of one host at all. */
static const char *class_fault(const struct net *n)
{
	bool ipv6 = n->family_bytes == 16;

	if (bits_are(n, 0, false))
		return "it means every address";
	if (ipv6 ? n->bytes[0] == 0xff : n->bytes[0] >> 4 == 0xe)
		return "it is a multicast address";
	if (!ipv6 && bits_are(n, 0, true))
		return "it is the broadcast address";
	if (!ipv6 && n->bytes[0] == 0)
		return "an address cannot begin with 0";
	return NULL;
}

static const char *virtual_fault(const struct net *n)
{
	bool ipv6 = n->family_bytes == 16;

	if (class_fault(n))
		return class_fault(n);
	if (ipv6 ? is_ipv6_loopback(n) : n->bytes[0] == 127)
		return "it is a loopback address, which no other host can reach";
	if (n->prefix == 0)
		return "a prefix of 0 would be every address";
	if (n->prefix + 2u <= bits_of(n) && bits_are(n, n->prefix, false))
		return "it is the address of the network itself";
	if (!ipv6 && n->prefix + 2u <= bits_of(n) && bits_are(n, n->prefix, true))
		return "it is the broadcast address of its network";
	return NULL;
}

static const char *parse_virtual(struct net *n, struct str text)
{
	const char *why;

	if (text.n > CONF_VRRP_ADDRESS_TEXT || str_find_char(text, ' ') >= 0)
		return "an address and its prefix is all that may stand here";
	why = net_parse(n, text);
	if (why)
		return why;
	if (n->family_bytes == 4 && str_find_char(text, ':') >= 0)
		return "it is an IPv4 address inside an IPv6 one";
	return virtual_fault(n);
}

/* --- the lists --- */

static bool same_address(const struct net *a, const struct net *b)
{
	return a->family_bytes == b->family_bytes &&
	       memcmp(a->bytes, b->bytes, a->family_bytes) == 0;
}

static const struct conf_vrrp_address *find_address(const struct conf_vrrp *v, const struct net *n)
{
	for (unsigned i = 0; i < v->n_addresses; i++)
		if (same_address(&v->addresses[i].net, n))
			return &v->addresses[i];
	return NULL;
}

/* Where the address stands already, on the same interface. */
static bool fail_twice(struct draft *d, const config_setting_t *s, const struct conf_vrrp *v,
		       const struct net *n)
{
	for (const struct conf_vrrp *e = d->conf->vrrp; e <= v; e++) {
		const struct conf_vrrp_address *a = find_address(e, n);

		if (!a || (e < v && !(v->interface.n && str_eq(e->interface, v->interface))))
			continue;
		draft_fault(d, s,
			    "the virtual address \"%.*s\" stands a second time on this interface "
			    "(first %s); remove one",
			    SHOWN(syntax_text(s)), draft_place(d, s, a->line).text);
		return true;
	}
	return false;
}

static bool fail_family(struct draft *d, const config_setting_t *s, const struct conf_vrrp *v,
			const struct net *n)
{
	const struct conf_vrrp_address *first = v->addresses;

	if (v->n_addresses == 0 || first->net.family_bytes == n->family_bytes)
		return false;
	draft_fault(
		d, s,
		"\"%.*s\" is IPv%d and \"%.*s\" (%s) is not; write an instance for each family",
		SHOWN(syntax_text(s)), n->family_bytes == 16 ? 6 : 4, STR_ARGS(first->text),
		draft_place(d, s, first->line).text);
	return true;
}

static void add_address(struct draft *d, const config_setting_t *s, bool advertised,
			struct conf_vrrp *v)
{
	struct conf_vrrp_address *a = &v->addresses[v->n_addresses];
	const char *why;
	struct net n;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	why = parse_virtual(&n, syntax_text(s));
	if (why) {
		draft_fault(d, s,
			    "\"%.*s\" cannot be a virtual address: %s; write one as in "
			    "\"110.15.177.120/26\"",
			    SHOWN(syntax_text(s)), why);
		return;
	}
	if (fail_family(d, s, v, &n) || fail_twice(d, s, v, &n))
		return;
	*a = (struct conf_vrrp_address){n, draft_str(d, syntax_text(s)), advertised,
					syntax_line(s)};
	v->n_addresses++;
}

static void add_addresses(struct draft *d, const config_setting_t *list, bool advertised,
			  struct conf_vrrp *v)
{
	for (int i = 0; list && i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);

		if (config_setting_type(e) == CONFIG_TYPE_STRING)
			add_address(d, e, advertised, v);
	}
}

static void check_family(struct draft *d, const config_setting_t *list, const struct conf_vrrp *v)
{
	const struct net *first = &v->addresses[0].net;

	if (!v->ipv6)
		return;
	if (v->version == 2)
		draft_fault(d, list,
			    "version 2 of the protocol is for IPv4 alone; write version = 3; on "
			    "all nodes");
	if (first->bytes[0] != 0xfe || (first->bytes[1] & 0xc0) != 0x80)
		draft_warn(
			d, list,
			"the first address of an IPv6 instance has to be link-local (RFC 9568), "
			"and some routers drop its advertisements otherwise; put one first, as "
			"in \"fe80::100/64\", on all nodes");
}

static unsigned length(const config_setting_t *list)
{
	return list ? (unsigned)config_setting_length(list) : 0;
}

void build_vrrp_addresses(struct draft *d, const config_setting_t *group, struct conf_vrrp *v)
{
	const config_setting_t *list = section_member(group, SECTION_VRRP, "virtual_addresses");
	const config_setting_t *excluded =
		section_member(group, SECTION_VRRP, "virtual_addresses_excluded");
	unsigned n = length(list) + length(excluded);

	if (!list) /* said already */
		return;
	if (length(list) == 0)
		draft_fault(d, list,
			    "an instance without an address moves nothing; write one, as in "
			    "virtual_addresses = ( \"110.15.177.120/26\" );");
	if (n > CONF_MAX_VRRP_ADDRESSES) {
		draft_fault(d, list,
			    "%u addresses in one instance are too many; write %d at most, and "
			    "others in a further instance",
			    n, CONF_MAX_VRRP_ADDRESSES);
		return;
	}
	v->addresses = draft_array(d, n, sizeof(*v->addresses));
	if (!v->addresses)
		return;
	add_addresses(d, list, true, v);
	if (v->n_addresses == 0)
		return;
	v->ipv6 = v->addresses[0].net.family_bytes == 16;
	add_addresses(d, excluded, false, v);
	check_family(d, list, v);
}

/* --- unicast --- */

static const char *parse_node(struct net *n, struct str text)
{
	const char *why;

	if (str_find_char(text, '/') >= 0)
		return "an address without a prefix is meant";
	why = net_parse(n, text);
	if (why)
		return why;
	if (str_find_char(text, ':') >= 0)
		return "it is IPv6";
	return class_fault(n);
}

static bool read_node(struct draft *d, const config_setting_t *s, const struct conf_vrrp *v,
		      struct net *n)
{
	const char *why;

	if (!scalar_text_good(s, TYPE_TEXT))
		return false;
	why = parse_node(n, syntax_text(s));
	if (!why && find_address(v, n))
		why = "it is one of the virtual addresses";
	if (!why)
		return true;
	draft_fault(d, s,
		    "\"%.*s\" cannot be the address of a node: %s; write one as in "
		    "\"110.15.177.122\"",
		    SHOWN(syntax_text(s)), why);
	return false;
}

static void add_peer(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	struct net n;

	if (!read_node(d, s, v, &n))
		return;
	if (same_address(&n, &v->source)) {
		draft_fault(
			d, s,
			"\"%.*s\" is the source, this node itself, and no peer of it; remove it",
			SHOWN(syntax_text(s)));
		return;
	}
	for (unsigned i = 0; i < v->n_peers; i++)
		if (same_address(&n, &v->peers[i])) {
			draft_fault(d, s, "the peer \"%.*s\" is there twice; remove one",
				    SHOWN(syntax_text(s)));
			return;
		}
	v->peers[v->n_peers++] = n;
}

static void build_peers(struct draft *d, const config_setting_t *list, struct conf_vrrp *v)
{
	unsigned n = length(list);

	if (n == 0)
		draft_fault(d, list,
			    "unicast without a peer reaches nobody; write peers = ( "
			    "\"110.15.177.122\" ); or remove unicast");
	if (n > CONF_MAX_VRRP_PEERS) {
		draft_fault(d, list, "%u peers are too many for this version; write %d at most", n,
			    CONF_MAX_VRRP_PEERS);
		return;
	}
	v->peers = draft_array(d, n, sizeof(*v->peers));
	for (unsigned i = 0; v->peers && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_type(e) == CONFIG_TYPE_STRING)
			add_peer(d, e, v);
	}
}

void build_vrrp_unicast(struct draft *d, const config_setting_t *group, struct conf_vrrp *v)
{
	const config_setting_t *source = section_member(group, SECTION_VRRP_UNICAST, "source");
	const config_setting_t *peers = section_member(group, SECTION_VRRP_UNICAST, "peers");

	v->unicast = true;
	section_read(d, group, SECTION_VRRP_UNICAST, NULL);
	if (v->ipv6) {
		draft_fault(d, group,
			    "unicast over IPv6 is not carried out by this version; remove it, and "
			    "the instance uses multicast");
		return;
	}
	if (source && !read_node(d, source, v, &v->source))
		v->source.family_bytes = 0;
	if (peers)
		build_peers(d, peers, v);
}
