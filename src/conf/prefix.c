/* How the path changes on the way to a server: strip_prefix and replace_prefix of a route. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* An escape that is no other spelling of a slash or a dot. */
static bool is_escape(struct str s)
{
	static const char *const others[] = { "00", "2e", "2f", "5c" };
	struct str digits = str_first(str_from(s, 1), 2);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_ieq(digits, str_of(others[i])))
			return false;
	return digits.n == 2 && is_hex(digits.p[0]) && is_hex(digits.p[1]);
}

/* What may stand in a path as it is written (RFC 3986 3.3). */
static bool stands_in_path(struct str s, size_t i)
{
	if (s.p[i] == '%')
		return is_escape(str_from(s, i));
	return s.p[i] > ' ' && s.p[i] < 0x7f && !strchr("\"#<>?[\\]^`{|}", s.p[i]);
}

/* Segments that no request has when it is compared: empty ones, "." and "..". */
static bool has_odd_segment(struct str path)
{
	struct str rest = str_from(path, 1), segment;

	while (str_split(&rest, '/', &segment))
		if (!segment.n || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
	return false;
}

static const char *fault_of(struct str path)
{
	if (!str_begins(path, STR("/")))
		return "does not begin with a slash";
	for (size_t i = 0; i < path.n; i++)
		if (!stands_in_path(path, i))
			return "holds what cannot stand in one; write an escape of it, as in "
			       "\"/a%20b\", but slashes and dots as they are";
	if (path.n > 1 && path.p[path.n - 1] == '/')
		return "ends with a slash; leave that out, for whole segments are compared";
	if (path.n > 1 && has_odd_segment(path))
		return "has an empty segment, or one of dots, which no path has when it is "
		       "compared";
	return NULL;
}

/* Without a slash at the end; false: it is no prefix. */
static bool read_prefix(struct draft *d, const config_setting_t *s, struct str *to)
{
	struct str path;
	const char *fault;

	if (!s || !scalar_text_good(s, TYPE_TEXT))
		return false;
	path = syntax_text(s);
	fault = fault_of(path);
	if (fault)
		draft_fault(d, s, "%.*s = \"%.*s\" is no prefix of a path: it %s",
			    SHOWN(syntax_name(s)), SHOWN(path), fault);
	*to = draft_str(d, path.n == 1 ? STR("") : path);
	return !fault;
}

static void read_strip(struct draft *d, const config_setting_t *s, struct conf_route *route)
{
	route->has_prefix = read_prefix(d, s, &route->prefix_client);
	route->prefix_server = STR("");
	if (route->has_prefix && route->prefix_client.n == 0)
		draft_fault(d, s, "strip_prefix = \"/\" takes nothing away; remove it, or write "
				  "the prefix, as in \"/api\"");
}

static void read_replace(struct draft *d, const config_setting_t *s, struct conf_route *route)
{
	bool good;

	section_read(d, s, SECTION_REPLACE_PREFIX, NULL);
	good = read_prefix(d, section_member(s, SECTION_REPLACE_PREFIX, "from"),
			   &route->prefix_client);
	good &= read_prefix(d, section_member(s, SECTION_REPLACE_PREFIX, "to"),
			    &route->prefix_server);
	route->has_prefix = good;
	if (good && str_eq(route->prefix_client, route->prefix_server))
		draft_fault(d, s, "from and to are the same, so that nothing is replaced; remove "
				  "replace_prefix, or write another");
}

void build_prefix(struct draft *d, const config_setting_t *group, struct conf_route *route)
{
	const config_setting_t *strip = section_member(group, SECTION_ROUTE, "strip_prefix");
	const config_setting_t *replace = section_member(group, SECTION_ROUTE, "replace_prefix");
	const config_setting_t *told = section_member(group, SECTION_ROUTE, "forwarded_prefix");
	const config_setting_t *any = strip ? strip : replace;

	if (strip)
		read_strip(d, strip, route);
	if (strip && replace)
		draft_fault(d, replace, "a path has its prefix stripped or replaced, and this "
					"route says both; remove one of them");
	else if (replace)
		read_replace(d, replace, route);
	if (any && route->action != CONF_ROUTE_BACKEND && route->action != CONF_ROUTE_SPLIT)
		draft_fault(d, any, "\"%.*s\" changes what a server is asked for, and this route "
				    "asks none; remove it, or name a backend",
			    SHOWN(syntax_name(any)));
	if (told && !any)
		draft_warn(d, told, "forwarded_prefix has no effect without strip_prefix or "
				    "replace_prefix; add one of them, or remove it");
	if (!told)
		route->forwarded_prefix = strip != NULL;
}
