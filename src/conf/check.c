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

static void read_http(struct draft *d, const config_setting_t *s, struct conf_check *check)
{
	struct str method, path;
	const char *why;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	why = parse_http(syntax_text(s), &method, &path);
	if (why) {
		draft_fault(d, s, "http = \"%.*s\" %s; write as in \"GET /health\"",
			    STR_ARGS(str_first(syntax_text(s), 60)), why);
		return;
	}
	check->method = draft_str(d, method);
	check->path = draft_str(d, path);
}

static bool parse_code(struct str text, uint16_t *code)
{
	uint64_t v;

	text = str_trim(text);
	if (text.n != 3 || !str_to_u64(text, &v) || v < 100 || v > 599)
		return false;
	*code = (uint16_t)v;
	return true;
}

static bool parse_range(struct str text, struct conf_status_range *range)
{
	ptrdiff_t dash = str_find_char(text, '-');

	if (dash < 0) {
		if (!parse_code(text, &range->from))
			return false;
		range->to = range->from;
		return true;
	}
	return parse_code(str_first(text, (size_t)dash), &range->from) &&
	       parse_code(str_from(text, (size_t)dash + 1), &range->to) &&
	       range->from <= range->to;
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
		if (parse_range(item, &check->expect[check->n_expect++]))
			continue;
		draft_fault(d, s,
			    "expect has \"%.*s\", which is neither a status nor a range; "
			    "write as in \"200-399\" or \"200,204,301-302\"",
			    STR_ARGS(str_first(item, 40)));
		return;
	}
}

static void read_kind(struct draft *d, const config_setting_t *group, bool inherits,
		      struct conf_check *check)
{
	const config_setting_t *http = section_member(group, SECTION_CHECK, "http");
	const config_setting_t *tcp = section_member(group, SECTION_CHECK, "tcp");
	bool wants_tcp = tcp && config_setting_get_bool(tcp);

	if (http && wants_tcp) {
		draft_fault(d, group,
			    "a check has both \"http\" and \"tcp\"; keep one (http opens "
			    "a connection too)");
	} else if (http) {
		check->kind = CONF_CHECK_HTTP;
		read_http(d, http, check);
	} else if (wants_tcp) {
		check->kind = CONF_CHECK_TCP;
	} else if (!config_setting_get_member(group, "http") && (!inherits || tcp)) {
		draft_fault(d, group,
			    "a check needs to know what to ask; add http = \"GET /\"; or "
			    "tcp = true;");
	}
}

/* Settings that mean something to http only. */
static void check_unused(struct draft *d, const config_setting_t *group,
			 const struct conf_check *check)
{
	static const char *const names[] = { "host", "expect" };

	if (check->kind != CONF_CHECK_TCP)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const config_setting_t *s = config_setting_get_member(group, names[i]);

		if (s)
			draft_fault(d, s,
				    "\"%s\" means nothing to a tcp check; remove it, or check "
				    "with http = \"GET /\"; instead",
				    names[i]);
	}
}

void build_check(struct draft *d, const config_setting_t *group,
		 const struct conf_check *inherited, struct conf_check *check)
{
	bool inherits = inherited && inherited->kind != CONF_CHECK_NONE;
	const config_setting_t *expect = section_member(group, SECTION_CHECK, "expect");

	if (inherits)
		*check = *inherited;
	else
		section_defaults(d, SECTION_CHECK, check);
	section_read(d, group, SECTION_CHECK, check);
	read_kind(d, group, inherits, check);
	if (expect)
		read_expect(d, expect, check);
	check_unused(d, group, check);
	if (check->timeout > check->interval)
		draft_warn(d, group,
			   "the check's timeout is longer than its interval, so that checks "
			   "of a server that hangs come later than said; write a timeout of "
			   "at most the interval");
}

void build_check_finish(struct conf_check *check)
{
	if (check->timeout == 0)
		check->timeout = check->interval;
	if (check->kind == CONF_CHECK_HTTP && check->n_expect == 0) {
		check->n_expect = 1;
		check->expect = (struct conf_status_range *)expect_default;
	}
}
