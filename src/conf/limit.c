/* The list "limits" of a frontend. */
#include "base/clock.h"
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

/* What a bucket counts in is finer than this; more than so many limit nothing. */
#define RATE_MOST 1000000u /* a second */
#define PERIOD_MOST (30 * 86400 * CLOCK_SEC)

#define PREFIX4 32
#define PREFIX6 64

/* Words in names of fields that say: who has this value, may come in. */
static const char *const secret_words[] = {
	"auth", "cookie", "token", "key", "secret", "session", "passw", "signature",
};

static bool is_secret(struct str field)
{
	for (size_t i = 0; i < sizeof(secret_words) / sizeof(secret_words[0]); i++)
		if (str_ifind(field, str_of(secret_words[i])) >= 0)
			return true;
	return false;
}

/* "/24", "/24/56" */
static bool read_prefixes(struct str text, struct conf_limit *l)
{
	uint64_t prefix4, prefix6 = l->prefix6;
	struct str part;

	text = str_from(text, 1);
	str_split(&text, '/', &part);
	if (!str_to_u64(part, &prefix4) || prefix4 > 32)
		return false;
	if (str_split(&text, '/', &part) && (!str_to_u64(part, &prefix6) || prefix6 > 128))
		return false;
	l->prefix4 = (unsigned)prefix4;
	l->prefix6 = (unsigned)prefix6;
	return text.n == 0;
}

/* "hdr(NAME)" */
static bool read_of(struct str text, struct str word, struct str *of)
{
	if (!str_begins(text, word) || !str_ends(text, STR(")")))
		return false;
	*of = (struct str){ text.p + word.n, text.n - word.n - 1 };
	return value_is_token(*of);
}

static bool read_by(struct conf_limit *l)
{
	struct str text = l->by_text;

	if (str_eq(text, STR("src")))
		return true;
	if (str_begins(text, STR("src/")))
		return read_prefixes(str_from(text, 3), l);
	if (str_eq(text, STR("route"))) {
		l->by = CONF_LIMIT_ROUTE;
		return true;
	}
	if (read_of(text, STR("hdr("), &l->of)) {
		l->by = CONF_LIMIT_HEADER;
		l->secret = is_secret(l->of);
		return true;
	}
	l->by = CONF_LIMIT_COOKIE;
	l->secret = true;
	return read_of(text, STR("cookie("), &l->of);
}

static void check_by(struct draft *d, const config_setting_t *group,
		     const struct conf_frontend *f, struct conf_limit *l)
{
	const config_setting_t *s = section_member(group, SECTION_LIMIT, "by");
	bool good = read_by(l);
	bool by_field = l->by == CONF_LIMIT_HEADER || l->by == CONF_LIMIT_COOKIE;

	if (!s || l->by_text.n == 0)
		return;
	if (!good)
		draft_fault(d, s,
			    "by = \"%.*s\" is nothing to count by; write \"src\", \"src/24\" or "
			    "\"src/24/56\", \"hdr(NAME)\", \"cookie(NAME)\", or \"route\"",
			    SHOWN(l->by_text));
	else if (f->mode == CONF_MODE_TCP && by_field)
		draft_fault(d, s,
			    "in mode \"tcp\" nobody sees fields or cookies, so nothing is counted "
			    "by \"%.*s\"; write \"src\" or \"route\"",
			    SHOWN(l->by_text));
	else if (l->connections && by_field)
		draft_fault(d, s,
			    "a connection is counted before it has sent anything, so not by "
			    "\"%.*s\"; write \"src\" or \"route\", or a rate",
			    SHOWN(l->by_text));
}

static void check_speed(struct draft *d, const config_setting_t *s, const struct conf_limit *l)
{
	if (l->rate * CLOCK_SEC / l->period > RATE_MOST)
		draft_fault(d, s,
			    "rate = \"%.*s\" is more than %u requests a second; write less, or "
			    "leave the limit out",
			    SHOWN(l->rate_text), RATE_MOST);
	else if (l->period > PERIOD_MOST)
		draft_fault(d, s,
			    "rate = \"%.*s\" counts over more than 30d; write a shorter time",
			    SHOWN(l->rate_text));
	else if (l->period / l->rate > PERIOD_MOST / l->burst)
		draft_fault(d, s,
			    "with rate = \"%.*s\" it takes more than 30d until %llu requests "
			    "may come at once again; write a higher rate, or a smaller burst",
			    SHOWN(l->rate_text), (unsigned long long)l->burst);
}

static void check_rate(struct draft *d, const config_setting_t *group, struct conf_limit *l)
{
	const config_setting_t *s = section_member(group, SECTION_LIMIT, "rate");
	const char *why;

	if (!s || l->rate_text.n == 0)
		return;
	why = value_rate(l->rate_text, &l->rate, &l->period);
	if (why) {
		draft_fault(d, s,
			    "rate = \"%.*s\" is no rate: %s; write one as in \"50/s\", \"10/m\" "
			    "or \"100/10s\"",
			    SHOWN(l->rate_text), why);
		l->rate = 0;
		return;
	}
	if (!l->burst)
		l->burst = l->rate;
	check_speed(d, s, l);
}

/* A limit is of requests or of connections. */
static void check_kind(struct draft *d, const config_setting_t *group)
{
	bool rate = config_setting_get_member(group, "rate");
	bool connections = config_setting_get_member(group, "connections");

	if (rate && connections)
		draft_fault(d, group,
			    "a limit has a rate or connections; write two limits, each with a "
			    "name of its own");
	else if (!rate && !connections)
		draft_fault(d, group,
			    "a limit says how many; add rate = \"50/s\"; or connections = 100;");
	else if (connections && config_setting_get_member(group, "burst"))
		draft_fault(d, group, "burst goes with a rate; leave it out beside connections");
}

static void check_name(struct draft *d, const config_setting_t *group,
		       const struct conf_frontend *f, const struct conf_limit *l)
{
	for (const struct conf_limit *e = f->limits; l->name.n && e < l; e++) {
		if (!str_eq(e->name, l->name))
			continue;
		draft_fault(d, group,
			    "\"%.*s\" is the name of another limit (%s); choose another",
			    STR_ARGS(l->name), draft_place(d, group, e->line).text);
		return;
	}
}

static void build_limit(struct draft *d, const config_setting_t *group, struct conf_frontend *f)
{
	struct conf_limit *l = &f->limits[f->n_limits++];

	l->line = syntax_line(group);
	l->prefix4 = PREFIX4;
	l->prefix6 = PREFIX6;
	section_defaults(d, SECTION_LIMIT, l);
	section_read(d, group, SECTION_LIMIT, l);
	l->when = section_text(d, group, SECTION_LIMIT, "when");
	check_by(d, group, f, l);
	check_rate(d, group, l);
	check_kind(d, group);
	check_name(d, group, f, l);
}

static void check_holds(struct draft *d, const config_setting_t *list,
			const struct conf_frontend *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_limits; i++)
		n += f->limits[i].connections != 0;
	if (n > CONF_MAX_HOLDS)
		draft_fault(d, list,
			    "%u limits of connections are too many for one frontend; write %d at "
			    "most",
			    n, CONF_MAX_HOLDS);
}

void build_limits(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(list);

	if (n > CONF_MAX_LIMITS_HERE || n > CONF_MAX_LIMITS - d->n_limits) {
		draft_fault(d, list,
			    "%u limits are too many for this version; write %d at most in a "
			    "frontend, and %d in all of them",
			    n, CONF_MAX_LIMITS_HERE, CONF_MAX_LIMITS);
		return;
	}
	d->n_limits += n;
	f->limits = draft_array(d, n, sizeof(*f->limits));
	for (unsigned i = 0; f->limits && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_limit(d, e, f);
	}
	check_holds(d, list, f);
}
