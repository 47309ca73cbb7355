/* What a virtual router tracks. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

struct entry {
	struct draft *d;
	const config_setting_t *group, *name; /* name: of what is tracked */
	struct conf_vrrp *v;
	struct conf_track *track; /* the next free one */
};

/* False: it is not to be kept. */
static bool track_interface(struct entry *e)
{
	if (str_eq(e->track->name, e->v->interface))
		draft_warn(
			e->d, e->name,
			"the instance's own interface, \"%.*s\", is always tracked: while it is "
			"down the instance is in FAULT; remove this entry",
			STR_ARGS(e->track->name));
	return true;
}

static bool track_script(struct entry *e)
{
	if (e->track->timeout == 0)
		e->track->timeout = e->track->interval;
	if (e->track->timeout > e->track->interval)
		draft_fault(e->d, e->group,
			    "the script's timeout is longer than its interval; write a timeout of "
			    "at most the interval, or a longer interval");
	return true;
}

static uint64_t longest_interval(const struct conf_backend *b)
{
	uint64_t longest = 0;

	for (unsigned i = 0; i < b->n_servers; i++) {
		const struct conf_check *c = &b->servers[i].check;

		if (c->kind != CONF_CHECK_NONE && c->interval > longest)
			longest = c->interval;
	}
	return longest;
}

static bool track_backend(struct entry *e)
{
	int meant, index = build_find_backend(e->d, e->name, &meant);

	if (e->track->weight == 0)
		draft_fault(e->d, e->group,
			    "a backend changes the priority and never makes an instance unfit, or "
			    "no node would hold the addresses when its servers are down for all; "
			    "add a weight, as in weight = -30;");
	if (index < 0)
		return false;
	e->track->hold = longest_interval(&e->d->conf->backends[index]);
	if (e->track->hold == 0)
		draft_warn(
			e->d, e->name,
			"the servers of the backend \"%.*s\" have no check, so that it is never "
			"down; give it one, as in check: { tcp = true; };",
			SHOWN(e->track->name));
	return true;
}

static bool track_proxy(struct entry *e)
{
	const config_setting_t *grace = section_member(e->group, SECTION_VRRP_TRACK, "grace");
	uint64_t time;

	if (!config_setting_get_bool(e->name))
		draft_fault(e->d, e->name,
			    "the proxy is always tracked: addresses never stay where nobody "
			    "serves; remove proxy = false");
	if (grace && value_quantity(value_durations, syntax_text(grace), &time) == VALUE_OK)
		e->v->proxy_grace = time;
	return false; /* it is no entry of its own */
}

static const struct kind {
	const char *name, *place;
	const char *settings; /* that mean something to it */
	bool (*track)(struct entry *e);
} kinds[] = {
	[CONF_TRACK_INTERFACE] = {"interface", "an interface", "weight", track_interface},
	[CONF_TRACK_SCRIPT] = {"script", "a script", "weight interval timeout rise fall",
			       track_script},
	[CONF_TRACK_BACKEND] = {"backend", "a backend", "weight", track_backend},
	{"proxy", "the proxy", "grace", track_proxy},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* A kind that was misspelt is missing too, but one message is enough. */
static bool has_unknown(const config_setting_t *group)
{
	for (int i = 0; i < config_setting_length(group); i++)
		if (!option_find(SECTION_VRRP_TRACK,
				 syntax_name(config_setting_get_elem(group, (unsigned)i))))
			return true;
	return false;
}

/* The one kind that the entry has, or NULL. */
static const struct kind *kind_of(struct draft *d, const config_setting_t *group)
{
	const struct kind *found = NULL;

	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		if (!config_setting_get_member(group, k->name))
			continue;
		if (found) {
			draft_fault(d, group,
				    "this entry tracks both %s and %s; write an entry for each",
				    found->place, k->place);
			return NULL;
		}
		found = k;
	}
	if (!found && !has_unknown(group))
		draft_fault(
			d, group,
			"this entry does not say what it tracks; add one of interface, script, "
			"backend and proxy, as in interface = \"eth1\";");
	return found;
}

static void check_settings(struct draft *d, const config_setting_t *group, const struct kind *k)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		struct str name = syntax_name(s);

		if (str_eq(name, str_of(k->name)) || words_find(k->settings, name) >= 0 ||
		    !option_find(SECTION_VRRP_TRACK, name))
			continue;
		draft_fault(d, s, "\"%.*s\" means nothing to %s; remove it", SHOWN(name),
			    k->place);
	}
}

static bool is_twice(struct draft *d, const config_setting_t *s, const struct conf_vrrp *v,
		     const struct conf_track *t)
{
	for (unsigned i = 0; i < v->n_tracks; i++) {
		if (v->tracks[i].kind != t->kind || !str_eq(v->tracks[i].name, t->name))
			continue;
		draft_fault(d, s, "\"%.*s\" is tracked a second time (first %s); remove one",
			    SHOWN(t->name), draft_place(d, s, v->tracks[i].line).text);
		return true;
	}
	return false;
}

static void build_track(struct draft *d, const config_setting_t *group, struct conf_vrrp *v,
			bool *proxy)
{
	struct conf_track *t = &v->tracks[v->n_tracks];
	struct entry e = {d, group, NULL, v, t};
	const struct kind *k;
	bool is_proxy;

	section_defaults(d, SECTION_VRRP_TRACK, t);
	section_read(d, group, SECTION_VRRP_TRACK, t);
	k = kind_of(d, group);
	if (!k)
		return;
	check_settings(d, group, k);
	is_proxy = k->track == track_proxy;
	if (is_proxy && *proxy)
		draft_fault(d, group, "the proxy is tracked a second time; remove one entry");
	*proxy = *proxy || is_proxy;
	e.name = section_member(group, SECTION_VRRP_TRACK, k->name);
	t->line = syntax_line(group);
	t->kind = (enum conf_track_kind)(k - kinds);
	t->name = is_proxy ? STR_NONE : section_text(d, group, SECTION_VRRP_TRACK, k->name);
	if (!e.name || (!is_proxy && !t->name.n))
		return;
	if (k->track(&e) && !is_twice(d, group, v, t))
		v->n_tracks++;
}

void build_vrrp_tracks(struct draft *d, const config_setting_t *list, struct conf_vrrp *v)
{
	unsigned n = (unsigned)config_setting_length(list);
	bool proxy = false;

	if (n > CONF_MAX_VRRP_TRACKS + 1) {
		draft_fault(d, list,
			    "%u things to track are too many for this version; write %d at most, "
			    "beside the proxy",
			    n, CONF_MAX_VRRP_TRACKS);
		return;
	}
	v->tracks = draft_array(d, n, sizeof(*v->tracks));
	for (unsigned i = 0; v->tracks && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_track(d, e, v, &proxy);
	}
	if (v->n_tracks > CONF_MAX_VRRP_TRACKS)
		draft_fault(d, list,
			    "%u things to track are too many for this version; write %d at most, "
			    "beside the proxy",
			    v->n_tracks, CONF_MAX_VRRP_TRACKS);
}
