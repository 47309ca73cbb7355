/* The group "sticky" of a backend. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

static bool wants_tls(struct str name)
{
	return str_ibegins(name, STR("__Host-")) || str_ibegins(name, STR("__Secure-"));
}

static void check_name(struct draft *d, const config_setting_t *s, const struct conf_sticky *c)
{
	if (!value_is_token(c->cookie))
		draft_fault(d, s,
			    "\"%.*s\" cannot be the name of a cookie; write letters, digits, - "
			    "and _",
			    SHOWN(c->cookie));
	else if (wants_tls(c->cookie) && !c->secure)
		draft_fault(d, s,
			    "clients refuse a cookie \"%.*s\" that is not secure; write secure = "
			    "true, or another name",
			    SHOWN(c->cookie));
}

void build_sticky(struct draft *d, const config_setting_t *group, struct conf_sticky *sticky)
{
	const config_setting_t *name, *site;

	section_defaults(d, SECTION_STICKY, sticky);
	section_read(d, group, SECTION_STICKY, sticky);
	name = section_member(group, SECTION_STICKY, "cookie");
	site = section_member(group, SECTION_STICKY, "same_site");
	if (name && scalar_text_good(name, TYPE_TEXT) && sticky->cookie.n)
		check_name(d, name, sticky);
	if (site && sticky->same_site == CONF_SAME_SITE_NONE && !sticky->secure)
		draft_fault(d, site,
			    "clients refuse a cookie with same_site = \"none\" that is not "
			    "secure; write secure = true, or \"lax\"");
}
