/* What a route does: one of backend, split, redirect, deny and respond. */
#include <string.h>

#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

#define REDIRECT_STATUS 302

/* RFC 9110 15.4: the ones that take a client elsewhere. */
static bool is_redirect(uint64_t code)
{
	return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

/* RFC 9110 6.4.1 and 15.3.6. */
static bool has_no_body(unsigned status)
{
	return status == 204 || status == 205 || status == 304;
}

/* Behind "://"; -1: it has no scheme. */
static ptrdiff_t find_host(struct str to)
{
	ptrdiff_t at = str_find(to, STR("://"));

	return at > 0 ? at + 3 : -1;
}

static bool is_hostless(struct str to)
{
	ptrdiff_t at = find_host(to);

	return at > 0 && ((size_t)at == to.n || strchr("/?#", to.p[at]));
}

/* A bare host would be taken for a file beside the one that was asked for. */
static bool leads_somewhere(struct str to)
{
	return str_begins(to, STR("/")) || str_begins(to, STR("${")) || find_host(to) > 0;
}

static void read_to(struct draft *d, const config_setting_t *s, struct conf_answer *a)
{
	struct str to = syntax_text(s);

	if (str_eq(to, STR("https")))
		to = STR("https://${host}${uri}");
	else if (!leads_somewhere(to))
		draft_fault(d, s,
			    "\"%.*s\" is no address to send a client to; write "
			    "\"https://%.*s\", or a path that begins with \"/\"",
			    SHOWN(to), SHOWN(to));
	else if (is_hostless(to))
		draft_fault(d, s,
			    "\"%.*s\" names no host to send a client to; write it behind \"://\", "
			    "as in \"https://www.example.org${uri}\"",
			    SHOWN(to));
	a->to = draft_str(d, to);
}

static void read_redirect(struct draft *d, const config_setting_t *s, struct conf_answer *a)
{
	a->status = REDIRECT_STATUS;
	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		if (scalar_text_good(s, TYPE_TEXT))
			read_to(d, s, a);
		return;
	}
	section_defaults(d, SECTION_REDIRECT, a);
	section_read(d, s, SECTION_REDIRECT, a);
	if (!is_redirect(a->status))
		draft_fault(d, s,
			    "%u is no redirect; write code = 301 or 308 (for good), 302 or 307 "
			    "(for now), or 303 (with GET)",
			    a->status);
	s = section_member(s, SECTION_REDIRECT, "to");
	if (s && scalar_text_good(s, TYPE_TEXT))
		read_to(d, s, a);
}

static void read_deny(struct draft *d, const config_setting_t *s, struct conf_answer *a)
{
	(void)d;
	a->status = (unsigned)config_setting_get_int(s);
}

static void read_respond(struct draft *d, const config_setting_t *s, struct conf_answer *a)
{
	section_defaults(d, SECTION_RESPOND, a);
	section_read(d, s, SECTION_RESPOND, a);
	if (has_no_body(a->status) && a->body.n)
		draft_fault(d, s, "an answer with status %u has no body; remove body, or write "
				  "another status", a->status);
}

static const struct {
	const char *name;
	enum conf_route_action action;
	void (*read)(struct draft *d, const config_setting_t *s, struct conf_answer *a);
} actions[] = {
	{ "backend", CONF_ROUTE_BACKEND, NULL },
	{ "split", CONF_ROUTE_SPLIT, NULL },
	{ "redirect", CONF_ROUTE_REDIRECT, read_redirect },
	{ "deny", CONF_ROUTE_DENY, read_deny },
	{ "respond", CONF_ROUTE_RESPOND, read_respond },
};

bool build_action(struct draft *d, const config_setting_t *group, bool tcp,
		  struct conf_route *route)
{
	const config_setting_t *first = NULL;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const config_setting_t *s = config_setting_get_member(group, actions[i].name);

		if (!s)
			continue;
		if (first)
			draft_fault(d, s, "a route does one thing, and this one has \"%.*s\" too; "
					  "remove one of them, or write two routes",
				    SHOWN(syntax_name(first)));
		else
			route->action = actions[i].action;
		first = s;
		if (tcp && actions[i].read)
			draft_fault(d, s, "\"%s\" means nothing in mode tcp; remove the route",
				    actions[i].name);
		s = section_member(group, SECTION_ROUTE, actions[i].name);
		if (s && actions[i].read)
			actions[i].read(d, s, &route->answer);
	}
	if (!first)
		draft_fault(d, group,
			    "a route says what happens to its requests; add backend = \"NAME\";, "
			    "or one of split, redirect, deny and respond");
	return first != NULL;
}
