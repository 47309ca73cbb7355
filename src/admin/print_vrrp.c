#include "admin/print_vrrp.h"

#include <inttypes.h>

#include "admin/snapshot_data.h"
#include "admin/table.h"
#include "admin/text.h"

/* The table of `status`. */

static void add_state(struct table *t, const struct snapshot *s, const struct snap_router *r)
{
	char age[TEXT_TIME];
	const struct router_facts *f = &r->facts;

	table_add(t, "%s%s%s", r->both_master ? "BOTH " : "", board_router_state_name(r->state),
		  f->demoted || f->demoting ? " (demoted)" : "");
	table_add(t, "%s", f->since_wall_us ? text_age(age, f->since_wall_us, s->now_us) : "-");
	table_add(t, "%" PRIu32 "/%" PRIu32, f->priority, f->effective_priority);
	table_add(t, "%s", text_or_dash(f->master));
}

/* Addresses stand below each other in their column, the rest beside the first. */
static void add_router(struct table *t, const struct snapshot *s, const struct snap_router *r)
{
	const struct router_facts *f = &r->facts;

	table_add(t, "%s", f->name);
	add_state(t, s, r);
	table_add(t, "%s", f->n_addresses ? f->addresses[0].text : "-");
	for (unsigned i = 1; i < f->n_addresses; i++) {
		for (unsigned k = 0; k < 5; k++)
			table_add(t, "%s", "");
		table_add(t, "%s", f->addresses[i].text);
	}
}

bool print_vrrp_table(const struct snapshot *s, FILE *out)
{
	struct table t;

	if (!s->n_routers)
		return true;
	table_init(&t, "llrlll");
	table_head(&t, "INSTANCE|STATE|FOR|PRIORITY|MASTER|ADDRESSES");
	for (unsigned i = 0; i < s->n_routers; i++)
		add_router(&t, s, &s->routers[i]);
	fputc('\n', out);
	return table_print(&t, out);
}

/* The blocks of `vrrp`. */

static void print_block_state(const struct snapshot *s, const struct snap_router *r, FILE *out)
{
	const struct router_facts *f = &r->facts;
	char since[TEXT_TIME], age[TEXT_TIME];

	fprintf(out, "%s on %s: %s", f->name, text_or_dash(f->interface),
		board_router_state_name(r->state));
	if (f->since_wall_us)
		fprintf(out, " since %s (%s ago)", text_local_time(since, f->since_wall_us),
			text_age(age, f->since_wall_us, s->now_us));
	fprintf(out, "%s%s", *f->why ? ": " : "", f->why);
	if (!s->vrrp_live)
		fprintf(out, "; the vrrp process %s, this is the last known",
			s->process[BOARD_VRRP].running ? "stands still" : "does not run");
	putc('\n', out);
	if (*f->faults)
		fprintf(out, "  unfit       %s\n", f->faults);
	if (r->both_master)
		fprintf(out, "  BOTH MASTER %s advertises too, last heard %s ago\n", f->rival,
			text_lapse(age, snapshot_ago(s, f->rival_heard_us)));
	if (*f->foreign)
		fprintf(out, "  foreign     %s, last heard %s ago\n", f->foreign,
			text_lapse(age, snapshot_ago(s, f->foreign_heard_us)));
}

static void print_demotion(const struct snapshot *s, const struct router_facts *f, FILE *out)
{
	char until[TEXT_TIME];

	if (!f->demoted && !f->demoting) {
		fputs("no\n", out);
		return;
	}
	fputs(f->demoting ? "yes, waits for another node to take over; " : "yes; ", out);
	if (f->demoted_until_us == UINT64_MAX || !f->demoted_until_us)
		fputs("until promoted\n", out);
	else
		fprintf(out, "until %s\n",
			text_local_time(until, snapshot_wall(s, f->demoted_until_us)));
}

static void print_block_facts(const struct snapshot *s, const struct router_facts *f, FILE *out)
{
	char interval[TEXT_TIME];

	fprintf(out,
		"  router      id %" PRIu32 ", version %" PRIu32 ", IPv%c, every %s, from %s\n",
		f->vrid, f->version, f->ipv6 ? '6' : '4', text_interval(interval, f->interval_us),
		text_or_dash(f->source));
	fprintf(out, "  priority    %" PRIu32 ", effective %" PRIu32 ", advertised %" PRIu32 "\n",
		f->priority, f->effective_priority, f->advertised_priority);
	fprintf(out, "  master      %s", *f->master ? f->master : "not known");
	if (*f->master)
		fprintf(out, ", priority %" PRIu32, f->master_priority);
	fputs("\n  demoted     ", out);
	print_demotion(s, f, out);
}

/* Tables stand indented, below the word that names them: their first column is empty. */

static bool print_addresses(const struct router_facts *f, FILE *out)
{
	struct table t;

	table_init(&t, "llll");
	table_head(&t, "|ADDRESS|HELD|ADVERTISED");
	for (unsigned i = 0; i < f->n_addresses; i++) {
		table_add(&t, "%s", "");
		table_add(&t, "%s", f->addresses[i].text);
		if (f->addresses[i].held)
			table_add(&t, "as /%" PRIu32, f->addresses[i].prefix);
		else
			table_add(&t, "no");
		table_add(&t, "%s", f->addresses[i].advertised ? "yes" : "no");
	}
	return table_print(&t, out);
}

static bool print_peers(const struct snapshot *s, const struct router_facts *f, FILE *out)
{
	char interval[TEXT_TIME], age[TEXT_TIME];
	struct table t;

	if (!f->n_peers)
		return true;
	table_init(&t, "llrrrr");
	table_head(&t, "|PEER|PRIORITY|EVERY|HEARD|ADVERTISEMENTS");
	for (unsigned i = 0; i < f->n_peers; i++) {
		table_add(&t, "%s", "");
		table_add(&t, "%s", text_or_dash(f->peers[i].address));
		table_add(&t, "%" PRIu32, f->peers[i].priority);
		table_add(&t, "%s", text_interval(interval, f->peers[i].interval_us));
		table_add(&t, "%s ago", text_lapse(age, snapshot_ago(s, f->peers[i].heard_us)));
		table_add(&t, "%" PRIu64, f->peers[i].adverts);
	}
	return table_print(&t, out);
}

static bool print_tracks(const struct router_facts *f, FILE *out)
{
	struct table t;

	if (!f->n_tracks)
		return true;
	table_init(&t, "lllrl");
	table_head(&t, "|TRACKER|STATE|WEIGHT|WHY");
	for (unsigned i = 0; i < f->n_tracks; i++) {
		table_add(&t, "%s", "");
		table_add(&t, "%s", f->tracks[i].what);
		table_add(&t, "%s", f->tracks[i].up ? "up" : "down");
		if (f->tracks[i].weight)
			table_add(&t, "%+" PRId32, f->tracks[i].weight);
		else
			table_add(&t, "fault");
		table_add(&t, "%s", text_or_dash(f->tracks[i].why));
	}
	return table_print(&t, out);
}

static void add_counter(struct table *t, const char *name, uint64_t value, const char *help)
{
	table_add(t, "%s", "");
	table_add(t, "%s", name);
	table_add(t, "%" PRIu64, value);
	table_add(t, "%s", help);
}

#define STATS_GAUGE(name, help) add_counter(&t, #name, r->stats.name, help);
#define STATS_COUNTER(name, help) add_counter(&t, #name, r->stats.name, help);

static bool print_counters(const struct snap_router *r, FILE *out)
{
	struct table t;

	table_init(&t, "llrl");
	table_head(&t, "|COUNTER|VALUE|MEANING");
#define STATS_ROUTER
#include "base/stats.def"
#undef STATS_ROUTER
	return table_print(&t, out);
}

static bool print_discards(const struct snapshot *s, const struct snap_router *r, FILE *out)
{
	struct table t;
	bool any = false;

	table_init(&t, "llrl");
	table_head(&t, "|DISCARDED|PACKETS|WHY");
	for (unsigned i = 0; i < s->n_discards; i++) {
		if (!r->discards[i])
			continue;
		add_counter(&t, s->discard_name[i], r->discards[i], s->discard_text[i]);
		any = true;
	}
	if (any)
		return table_print(&t, out);
	table_free(&t);
	fputs("  nothing was discarded\n", out);
	return true;
}

static bool print_block(const struct snapshot *s, const struct snap_router *r, FILE *out)
{
	print_block_state(s, r, out);
	print_block_facts(s, &r->facts, out);
	return print_addresses(&r->facts, out) && print_peers(s, &r->facts, out) &&
	       print_tracks(&r->facts, out) && print_counters(r, out) && print_discards(s, r, out);
}

bool snapshot_print_vrrp(const struct snapshot *s, const char *instance, FILE *out, char *why,
			 size_t why_size)
{
	const struct snap_router *only = NULL;
	bool good = true;

	if (instance) {
		only = snapshot_find_router(s, instance, why, why_size);
		if (!only)
			return false;
	}
	if (!s->n_routers)
		fputs("no virtual router is configured\n", out);
	for (unsigned i = 0; i < s->n_routers && good; i++) {
		if (only && only != &s->routers[i])
			continue;
		fputs(i && !only ? "\n" : "", out);
		good = print_block(s, &s->routers[i], out);
	}
	if (!instance && s->unknown_vrid)
		fprintf(out,
			"\n%" PRIu64 " packet%s of virtual routers that are not configured here\n",
			s->unknown_vrid, text_plural(s->unknown_vrid));
	if (!good)
		snprintf(why, why_size, "out of memory");
	return good;
}
