/* The block "check" of a backend or a server. */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

static const struct conf_status_range expect_default[] = { { 200, 399 } };

/* "GET /health" */
static const char *parse_http(struct str text, struct str *method, struct str *path)
{
	ptrdiff_t blank = str_find_char(text, ' ');

	if (text.p[0] == '/' || blank < 0)
		return "is not a method and a path";
	*method = str_first(text, (size_t)blank);
	*path = str_from(text, (size_t)blank + 1);
	if (!value_is_token(*method))
		return "does not begin with a method";
	if (path->n == 0 || path->p[0] != '/')
		return "has a path that does not begin with \"/\"";
	if (str_find_char(*path, ' ') >= 0 || str_find_char(*path, '#') >= 0)
		return "has a blank or a \"#\" in its path";
	return NULL;
}

static bool has_small_letter(struct str method)
{
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] >= 'a' && method.p[i] <= 'z')
			return true;
	return false;
}

static void read_request(struct draft *d, const config_setting_t *s, struct conf_check *check)
{
	struct str method, path;
	const char *why;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	why = parse_http(syntax_text(s), &method, &path);
	if (!why && check->kind == CONF_CHECK_WEBSOCKET && !str_eq(method, STR("GET")))
		why = "opens no WebSocket, which takes GET";
	if (why) {
		draft_fault(d, s, "%.*s = \"%.*s\" %s; write as in \"GET /health\"",
			    STR_ARGS(syntax_name(s)), STR_ARGS(str_first(syntax_text(s), 60)),
			    why);
		return;
	}
	if (has_small_letter(method))
		draft_warn(d, s,
			   "the method \"%.*s\" is none that servers know, for they are in "
			   "capitals; write as in \"GET /health\"",
			   STR_ARGS(str_first(method, 60)));
	check->method = draft_str(d, method);
	check->path = draft_str(d, path);
}

static void read_expect(struct draft *d, const config_setting_t *s, struct conf_check *check)
{
	struct str rest = syntax_text(s), item;
	unsigned n = 1;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ',';
	check->expect = draft_array(d, n, sizeof(*check->expect));
	if (!check->expect)
		return;
	check->n_expect = 0;
	while (str_split(&rest, ',', &item)) {
		struct conf_status_range *range = &check->expect[check->n_expect++];

		if (value_statuses(item, &range->from, &range->to))
			continue;
		draft_fault(d, s,
			    "expect has \"%.*s\", which is neither a status nor a range; "
			    "write as in \"200-399\" or \"200,204,301-302\"",
			    STR_ARGS(str_first(item, 40)));
		return;
	}
}

/* Fields that say how the message is read, or that have a setting. */
static const char *field_is_ours(struct str name)
{
	static const char *const ours[] = { "Connection", "Content-Length", "Expect",
					    "Keep-Alive", "TE", "Trailer", "Transfer-Encoding",
					    "Upgrade",
					    "Sec-WebSocket-Key", "Sec-WebSocket-Version",
					    "Sec-WebSocket-Extensions" };

	if (str_ieq(name, STR("Host")))
		return "has a setting of its own; write host = \"…\";";
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (str_ieq(name, str_of(ours[i])))
			return "is hpcbal's to write; remove it";
	return NULL;
}

/* One line with CRLF, or nothing and a fault. */
static struct str read_field(struct draft *d, const config_setting_t *s)
{
	struct str text = syntax_text(s), name;
	ptrdiff_t colon = str_find_char(text, ':');
	const char *why;

	name = str_first(text, colon < 0 ? 0 : (size_t)colon);
	if (!value_is_token(name)) {
		draft_fault(d, s, "headers has \"%.*s\", which is no field; write as in "
			    "\"X-Check: yes\"", STR_ARGS(str_first(text, 60)));
		return STR_NONE;
	}
	why = field_is_ours(name);
	if (why) {
		draft_fault(d, s, "headers has %.*s, which %s", STR_ARGS(name), why);
		return STR_NONE;
	}
	return arena_printf(&d->conf->arena, "%.*s: %.*s\r\n", STR_ARGS(name),
			    STR_ARGS(str_trim(str_from(text, (size_t)colon + 1))));
}

static void read_fields(struct draft *d, const config_setting_t *list, struct conf_check *check)
{
	check->fields = STR_NONE;
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);
		struct str line;

		if (config_setting_type(e) != CONFIG_TYPE_STRING ||
		    !scalar_text_good(e, TYPE_TEXT))
			continue;
		line = read_field(d, e);
		check->fields = arena_printf(&d->conf->arena, "%.*s%.*s",
					     STR_ARGS(check->fields), STR_ARGS(line));
	}
}

static void report_two_kinds(struct draft *d, const config_setting_t *group, bool http,
			     bool websocket, bool external)
{
	const char *first = http ? "http" : websocket ? "websocket" : "tcp";
	const char *second = external ? "external" : http && websocket ? "websocket" : "tcp";
	const char *hint = external	       ? "a program can ask all that the other does"
			   : http && websocket ? "websocket sends a request too"
			   : http	       ? "http opens a connection too"
					       : "websocket opens a connection too";

	draft_fault(d, group, "a check has both \"%s\" and \"%s\"; keep one (%s)", first, second,
		    hint);
}

static void read_kind(struct draft *d, const config_setting_t *group, bool inherits,
		      struct conf_check *check)
{
	const config_setting_t *http = section_member(group, SECTION_CHECK, "http");
	const config_setting_t *websocket = section_member(group, SECTION_CHECK, "websocket");
	const config_setting_t *tcp = section_member(group, SECTION_CHECK, "tcp");
	const config_setting_t *external = section_member(group, SECTION_CHECK, "external");
	bool wants_tcp = tcp && config_setting_get_bool(tcp);

	if (!!http + !!websocket + wants_tcp + !!external > 1) {
		report_two_kinds(d, group, http, websocket, external);
	} else if (http || websocket) {
		check->kind = http ? CONF_CHECK_HTTP : CONF_CHECK_WEBSOCKET;
		read_request(d, http ? http : websocket, check);
	} else if (wants_tcp) {
		check->kind = CONF_CHECK_TCP;
	} else if (external) {
		check->kind = CONF_CHECK_EXTERNAL;
		check->external_line = syntax_line(external);
	} else if (!config_setting_get_member(group, "http") &&
		   !config_setting_get_member(group, "websocket") &&
		   !config_setting_get_member(group, "external") && (!inherits || tcp)) {
		draft_fault(d, group,
			    "a check needs to know what to ask; add http = \"GET /\"; or "
			    "tcp = true;");
	}
}

/* Settings that mean nothing to this kind. */
static void check_unused(struct draft *d, const config_setting_t *group,
			 const struct conf_check *check)
{
	static const char *const places[] = { [CONF_CHECK_TCP] = "a tcp",
					      [CONF_CHECK_WEBSOCKET] = "a websocket",
					      [CONF_CHECK_EXTERNAL] = "an external" };
	static const struct {
		const char *name;
		bool websocket;
	} asking[] = { { "host", true },
		       { "headers", true },
		       { "expect", false },
		       { "body", false },
		       { "drain_status", true },
		       { "drain_header", true } };

	if (check->kind == CONF_CHECK_HTTP || check->kind == CONF_CHECK_NONE)
		return;
	for (size_t i = 0; i < sizeof(asking) / sizeof(asking[0]); i++) {
		const config_setting_t *s = config_setting_get_member(group, asking[i].name);

		if (s && !(asking[i].websocket && check->kind == CONF_CHECK_WEBSOCKET))
			draft_fault(d, s,
				    "\"%s\" means nothing to %s check; remove it, or check "
				    "with http = \"GET /\"; instead",
				    asking[i].name, places[check->kind]);
	}
}

static void check_drain_header(struct draft *d, const config_setting_t *group)
{
	const config_setting_t *s = section_member(group, SECTION_CHECK, "drain_header");
	struct str text = s ? syntax_text(s) : STR_NONE, rest = text, name;

	if (!text.n)
		return;
	str_split(&rest, ':', &name);
	if (!value_is_token(name))
		draft_fault(d, s,
			    "drain_header = \"%.*s\" is no field; write as in \"X-Drain\" "
			    "or \"X-Drain: yes\"",
			    STR_ARGS(str_first(text, 60)));
}

static void check_sense(struct draft *d, const config_setting_t *group,
			const struct conf_check *check)
{
	if (check->timeout > check->interval)
		draft_warn(d, group,
			   "the check's timeout is longer than its interval, so that checks "
			   "of a server that hangs come later than said; write a timeout of "
			   "at most the interval");
	if (check->fast_interval > check->interval)
		draft_fault(d, group, "the check's fast_interval is longer than its interval; "
			    "write at most that, or leave it out");
	if (check->kind == CONF_CHECK_HTTP && check->body.n &&
	    str_eq(check->method, STR("HEAD")))
		draft_fault(d, group, "an answer to HEAD has no body to look for body in; "
			    "check with GET, or remove body");
}

void build_check(struct draft *d, const config_setting_t *group,
		 const struct conf_check *inherited, struct conf_check *check)
{
	bool inherits = inherited && inherited->kind != CONF_CHECK_NONE;
	const config_setting_t *expect = section_member(group, SECTION_CHECK, "expect");
	const config_setting_t *headers = section_member(group, SECTION_CHECK, "headers");

	if (inherits)
		*check = *inherited;
	else
		section_defaults(d, SECTION_CHECK, check);
	section_read(d, group, SECTION_CHECK, check);
	read_kind(d, group, inherits, check);
	if (expect)
		read_expect(d, expect, check);
	if (headers)
		read_fields(d, headers, check);
	check_drain_header(d, group);
	check_unused(d, group, check);
	check_sense(d, group, check);
}

void build_check_finish(struct conf_check *check)
{
	if (check->timeout == 0)
		check->timeout = check->interval;
	if (check->fast_interval == 0)
		check->fast_interval = check->interval;
	if (check->kind == CONF_CHECK_HTTP && check->n_expect == 0) {
		check->n_expect = 1;
		check->expect = (struct conf_status_range *)expect_default;
	}
}
