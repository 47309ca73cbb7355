#include "loader/routers.h"

#include <inttypes.h>

#include "base/clock.h"
#include "loader/programs.h"
#include "vrrp/times.h"

_Static_assert(CONF_MAX_VRRP <= BRIEF_ROUTERS && CONF_MAX_VRRP_ADDRESSES <= BRIEF_ADDRESSES &&
		       CONF_MAX_VRRP_PEERS <= BRIEF_PEERS &&
		       CONF_MAX_VRRP_TRACKS <= BRIEF_TRACKS && CONF_NAME_MAX < BRIEF_NAME &&
		       CONF_VRRP_PASSWORD <= BRIEF_PASSWORD,
	       "everything of a configuration has a place in the brief");

/* --- the brief --- */

static struct brief_ip ip_of(const struct net *n)
{
	struct brief_ip ip = {.size = n->family_bytes};

	memcpy(ip.bytes, n->bytes, n->family_bytes);
	return ip;
}

static void fill_addresses(const struct conf_vrrp *v, struct brief_router *r)
{
	r->n_addresses = v->n_addresses;
	for (unsigned i = 0; i < v->n_addresses; i++) {
		const struct conf_vrrp_address *from = &v->addresses[i];
		struct brief_address *to = &r->addresses[i];

		to->ip = ip_of(&from->net);
		to->prefix = from->net.prefix;
		to->advertised = from->advertised;
		str_copy(to->text, sizeof(to->text), from->text);
	}
}

static void fill_peers(const struct conf_vrrp *v, struct brief_router *r)
{
	r->unicast = v->unicast;
	if (v->source.family_bytes)
		r->unicast_source = ip_of(&v->source);
	r->n_peers = v->n_peers;
	for (unsigned i = 0; i < v->n_peers; i++)
		r->peers[i] = ip_of(&v->peers[i]);
}

static uint32_t add_script(struct programs_list *f, const struct conf_track *t)
{
	struct manifest_program p = {
		.kind = MANIFEST_SCRIPT, .interval_us = t->interval, .timeout_us = t->timeout};

	return programs_add(f, &p, t->name, t->line);
}

static void fill_tracks(struct programs_list *f, const struct conf_vrrp *v, struct brief_router *r)
{
	static const uint32_t kinds[] = {
		[CONF_TRACK_INTERFACE] = BRIEF_TRACK_INTERFACE,
		[CONF_TRACK_SCRIPT] = BRIEF_TRACK_SCRIPT,
		[CONF_TRACK_BACKEND] = BRIEF_TRACK_BACKEND,
	};

	for (unsigned i = 0; i < v->n_tracks && i < BRIEF_TRACKS; i++) {
		const struct conf_track *from = &v->tracks[i];
		struct brief_track *to = &r->tracks[r->n_tracks++];

		to->kind = kinds[from->kind];
		to->weight = from->weight;
		to->program = from->kind == CONF_TRACK_SCRIPT ? add_script(f, from) : BRIEF_NONE;
		to->rise = from->rise;
		to->fall = from->fall;
		to->hold_us = from->hold;
		str_copy(to->name, sizeof(to->name), str_first(from->name, sizeof(to->name) - 1));
	}
}

static uint32_t add_notify(struct programs_list *f, const struct conf_vrrp *v)
{
	struct manifest_program p = {.kind = MANIFEST_NOTIFY,
				     .timeout_us = ROUTERS_NOTIFY_TIMEOUT_US};

	return v->notify.n ? programs_add(f, &p, v->notify, v->notify_line) : PROGRAMS_NONE;
}

static void fill_protocol(const struct conf_vrrp *v, struct brief_router *r)
{
	struct str password = str_first(v->password, CONF_VRRP_PASSWORD);

	r->version = (uint8_t)v->version;
	r->vrid = (uint8_t)v->virtual_router_id;
	r->ipv6 = v->ipv6;
	r->priority = (uint8_t)v->priority;
	r->preempt = v->preempt;
	r->accept = 1;
	r->has_password = v->authenticated;
	if (password.n)
		memcpy(r->password, password.p, password.n);
	r->plain_checksum = v->checksum == 1;
	r->strict_list = v->strict_addresses;
	r->leave_conflicts = v->on_conflict == 1;
	r->garp_count = (uint8_t)v->garp_count;
	r->interval_us = v->interval;
	r->preempt_delay_us = v->preempt_delay;
	r->settle_us = ROUTERS_SETTLE_US;
	r->garp_interval_us = v->garp_interval;
	r->garp_refresh_us = v->garp_refresh;
	r->proxy_grace_us = v->proxy_grace;
}

void routers_fill(const struct conf *conf, struct programs_list *programs, struct brief *b)
{
	for (unsigned i = 0; i < conf->n_vrrp; i++) {
		const struct conf_vrrp *v = &conf->vrrp[i];
		struct brief_router *r = &b->routers[i];

		str_copy(r->name, sizeof(r->name), v->name);
		str_copy(r->interface, sizeof(r->interface), v->interface);
		fill_protocol(v, r);
		fill_addresses(v, r);
		fill_peers(v, r);
		fill_tracks(programs, v, r);
		r->notify = add_notify(programs, v);
	}
	b->n_routers = conf->n_vrrp;
	programs->m->n_routers = conf->n_vrrp;
}

bool routers_have_address(const struct conf *conf, const struct addr *a)
{
	for (unsigned i = 0; i < conf->n_vrrp; i++)
		for (unsigned j = 0; j < conf->vrrp[i].n_addresses; j++) {
			struct net one = conf->vrrp[i].addresses[j].net;

			one.prefix = (uint8_t)(one.family_bytes * 8);
			if (net_contains(&one, a))
				return true;
		}
	return false;
}

/* --- leases --- */

/* "300 ms", "2.3 s"; rounded up or down to what is shown. */
static void print_time(FILE *out, uint64_t us, bool up)
{
	bool fine = us + (up ? CLOCK_MS - 1 : 0) < CLOCK_SEC;
	uint64_t unit = fine ? CLOCK_MS : CLOCK_SEC / 10;
	uint64_t n = (us + (up ? unit - 1 : 0)) / unit;

	if (fine)
		fprintf(out, "%" PRIu64 " ms", n);
	else
		fprintf(out, "%" PRIu64 ".%" PRIu64 " s", n / 10, n % 10);
}

static bool one_beat(const struct conf *conf)
{
	for (unsigned i = 1; i < conf->n_vrrp; i++)
		if (conf->vrrp[i].interval != conf->vrrp[0].interval)
			return false;
	return true;
}

static void print_lease(const struct conf_vrrp *v, bool beat, FILE *out)
{
	struct times_lease_bound b = times_lease_bound((uint8_t)v->version, v->interval, beat);
	bool one = v->n_addresses == 1;

	fprintf(out, "%.*s: ", STR_ARGS(v->name));
	fputs(one ? "the address goes by itself at most "
		  : "the addresses go by themselves at most ",
	      out);
	print_time(out, b.gone_by, true);
	fprintf(out, " after the last advertisement; a backup claims %s after ",
		one ? "it" : "them");
	print_time(out, b.claim_at, false);
	fputs(" at the earliest: ", out);
	if (b.exclusive) {
		fputs("never two at once\n", out);
		return;
	}
	fputs("when a node dies without a word two may answer for up to ", out);
	print_time(out, b.overlap, true);
	if (!beat && times_lease_bound((uint8_t)v->version, v->interval, true).exclusive)
		fputs("; never, were the advertisement_interval of all instances the same", out);
	fputs("\n", out);
}

void routers_print_leases(const struct conf *conf, FILE *out)
{
	bool beat = one_beat(conf);

	for (unsigned i = 0; i < conf->n_vrrp; i++)
		print_lease(&conf->vrrp[i], beat, out);
}
