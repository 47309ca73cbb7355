/* The list "vrrp". */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "conf/build.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))
#define INTERVAL_2 CLOCK_SEC
#define INTERVAL_2_MAX (255 * CLOCK_SEC)
#define INTERVAL_3 (100 * CLOCK_MS)
#define INTERVAL_3_MAX (40950 * CLOCK_MS)
#define INTERVAL_3_STEP (10 * CLOCK_MS)
#define PROXY_GRACE (500 * CLOCK_MS)

/* --- priority --- */

/* "lb1", "lb2" */
static void list_nodes(const config_setting_t *group, char *to, size_t size)
{
	size_t n = 0;

	to[0] = '\0';
	for (int i = 0; i < config_setting_length(group) && n < size; i++) {
		const config_setting_t *e = config_setting_get_elem(group, (unsigned)i);

		n += (size_t)snprintf(to + n, size - n, "%s\"%.*s\"", i ? ", " : "",
				      SHOWN(syntax_name(e)));
	}
}

static const config_setting_t *find_node(struct draft *d, const config_setting_t *group)
{
	char nodes[512];

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *e = config_setting_get_elem(group, (unsigned)i);

		if (str_eq(syntax_name(e), d->conf->node))
			return e;
	}
	list_nodes(group, nodes, sizeof(nodes));
	draft_fault(d, group,
		    "\"priority\" has no number for this node, \"%.*s\", but for %s; add one, or "
		    "set \"node\" at the top to the name that is meant",
		    SHOWN(d->conf->node), nodes[0] ? nodes : "nobody");
	return NULL;
}

static void read_priority(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	const struct option *o = option_find(SECTION_VRRP, STR("priority"));
	int64_t number;

	if (config_setting_is_group(s))
		s = find_node(d, s);
	if (s && value_integer(syntax_place(s)->text, &number) && number >= o->min &&
	    number <= o->max)
		v->priority = (unsigned)number;
}

/* --- what depends on the version --- */

static void check_interval(struct draft *d, const config_setting_t *group, struct conf_vrrp *v)
{
	const config_setting_t *s = config_setting_get_member(group, "advertisement_interval");

	if (v->interval == 0) {
		v->interval = v->version == 2 ? INTERVAL_2 : INTERVAL_3;
	} else if (v->version == 2 &&
		   (v->interval % CLOCK_SEC != 0 || v->interval > INTERVAL_2_MAX)) {
		draft_fault(d, s,
			    "version 2 advertises at whole seconds, not every \"%.*s\"; write "
			    "\"1s\" to \"255s\", or version = 3; on all nodes",
			    SHOWN(syntax_text(s)));
	} else if (v->version == 3 &&
		   (v->interval % INTERVAL_3_STEP != 0 || v->interval > INTERVAL_3_MAX)) {
		draft_fault(d, s,
			    "version 3 cannot advertise every \"%.*s\"; write \"10ms\" to "
			    "\"40950ms\" in steps of 10 ms, as in \"100ms\"",
			    SHOWN(syntax_text(s)));
	}
}

static void check_authentication(struct draft *d, const config_setting_t *s,
				 const struct conf_vrrp *v)
{
	if (v->version == 3)
		draft_fault(d, s,
			    "version 3 of the protocol has no authentication; remove it, or write "
			    "version = 2; on all nodes");
	else if (v->password.n > CONF_VRRP_PASSWORD)
		draft_warn(d, s,
			   "the password has %zu bytes, and only the first %d bytes are used; "
			   "shorten it, so that nobody takes it for a longer one",
			   v->password.n, CONF_VRRP_PASSWORD);
}

static void read_authentication(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	const config_setting_t *password;

	section_read(d, s, SECTION_VRRP_AUTH, v);
	v->authenticated = true;
	password = section_member(s, SECTION_VRRP_AUTH, "password");
	check_authentication(d, v->version == 2 && password ? password : s, v);
}

static void check_checksum(struct draft *d, const config_setting_t *group,
			   const struct conf_vrrp *v)
{
	const config_setting_t *s = config_setting_get_member(group, "checksum");

	if (v->checksum && v->version == 2)
		draft_fault(d, s,
			    "\"checksum\" means nothing to version 2, whose checksum covers the "
			    "message alone; remove it");
	else if (v->checksum && v->ipv6)
		draft_fault(d, s,
			    "\"checksum\" means nothing to IPv6, whose checksum always covers the "
			    "pseudo header; remove it");
	s = config_setting_get_member(group, "strict_addresses");
	if (v->strict_addresses && v->version == 3)
		draft_fault(d, s,
			    "\"strict_addresses\" means nothing to version 3, which takes an "
			    "advertisement with other addresses; remove it");
}

/* --- the rest --- */

static void check_accept(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	(void)v;
	if (!config_setting_get_bool(s))
		draft_fault(d, s,
			    "accept = false is not carried out by this version: clients of a load "
			    "balancer connect to the virtual addresses, so that the master has to "
			    "take packets to them; remove it");
}

static void check_preempt_delay(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	if (!v->preempt && v->preempt_delay)
		draft_fault(d, s,
			    "\"preempt_delay\" means nothing with preempt = false; remove one of "
			    "them");
}

static void read_garp(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	section_read(d, s, SECTION_VRRP_GARP, v);
}

static void read_notify(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	(void)d;
	v->notify_line = syntax_line(s);
}

/* "eth0:1" names an address of eth0. */
static void check_interface(struct draft *d, const config_setting_t *s, struct conf_vrrp *v)
{
	ptrdiff_t colon = str_find_char(v->interface, ':');

	if (colon > 0)
		draft_fault(
			d, s,
			"\"%.*s\" is the label of an address, not an interface; write \"%.*s\"",
			STR_ARGS(v->interface), STR_ARGS(str_first(v->interface, (size_t)colon)));
}

static void check_name(struct draft *d, const config_setting_t *group, const struct conf_vrrp *v)
{
	for (const struct conf_vrrp *e = d->conf->vrrp; v->name.n && e < v; e++) {
		if (!str_eq(e->name, v->name))
			continue;
		draft_fault(d, group,
			    "\"%.*s\" is the name of another vrrp instance (%s); choose another",
			    STR_ARGS(v->name), draft_place(d, group, e->line).text);
		return;
	}
}

static void check_identity(struct draft *d, const config_setting_t *group,
			   const struct conf_vrrp *v)
{
	for (const struct conf_vrrp *e = d->conf->vrrp; e < v; e++) {
		if (!v->virtual_router_id || e->virtual_router_id != v->virtual_router_id ||
		    !v->n_addresses || !e->n_addresses || e->ipv6 != v->ipv6 ||
		    !str_eq(e->interface, v->interface))
			continue;
		draft_fault(
			d, group,
			"\"%.*s\" (%s) has the virtual_router_id %u on \"%.*s\" for IPv%d too; "
			"choose another, the same on all nodes, or put the addresses into one "
			"instance",
			STR_ARGS(e->name), draft_place(d, group, e->line).text,
			v->virtual_router_id, STR_ARGS(v->interface), v->ipv6 ? 6 : 4);
		return;
	}
}

/* In this order: what a later one looks at has been read before. */
static const struct {
	const char *name;
	void (*build)(struct draft *d, const config_setting_t *s, struct conf_vrrp *v);
} parts[] = {
	{"interface", check_interface},
	{"priority", read_priority},
	{"authentication", read_authentication},
	{"unicast", build_vrrp_unicast},
	{"garp", read_garp},
	{"accept", check_accept},
	{"preempt_delay", check_preempt_delay},
	{"notify", read_notify},
	{"track", build_vrrp_tracks},
};

static void build_instance(struct draft *d, const config_setting_t *group, struct conf_vrrp *v)
{
	v->line = syntax_line(group);
	v->proxy_grace = PROXY_GRACE;
	section_defaults(d, SECTION_VRRP, v);
	section_defaults(d, SECTION_VRRP_GARP, v);
	section_read(d, group, SECTION_VRRP, v);
	check_interval(d, group, v);
	build_vrrp_addresses(d, group, v);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const config_setting_t *s = section_member(group, SECTION_VRRP, parts[i].name);

		if (s)
			parts[i].build(d, s, v);
	}
	check_checksum(d, group, v);
	check_name(d, group, v);
	check_identity(d, group, v);
}

void build_vrrp(struct draft *d, const config_setting_t *list)
{
	unsigned n = (unsigned)config_setting_length(list);
	struct conf *conf = d->conf;

	if (n > CONF_MAX_VRRP) {
		draft_fault(
			d, list,
			"%u vrrp instances are too many for this version; write %d at most (one "
			"may hold %d addresses)",
			n, CONF_MAX_VRRP, CONF_MAX_VRRP_ADDRESSES);
		return;
	}
	conf->vrrp = draft_array(d, n, sizeof(*conf->vrrp));
	for (unsigned i = 0; conf->vrrp && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_instance(d, e, &conf->vrrp[conf->n_vrrp++]);
	}
}
