/* The reader of words beside libconfig: same tree, and the places that libconfig lacks. */
#include "conf_rig.h"

#include "conf/scan.h"
#include "conf/syntax.h"
#include "conf/wants.h"

static const char *const kind_names[] = { "end",  "name", "bool",    "int", "float",
					  "text", "mark", "include", "bad" };

/* "kind:text kind:text …" */
static void scan_all(const char *text, char *to, size_t size)
{
	struct scan s;
	struct token t;
	size_t n = 0;

	scan_init(&s, str_of(text));
	to[0] = '\0';
	do {
		scan_next(&s, &t);
		n += (size_t)snprintf(to + n, size - n, "%s%s@%u:%.*s", n ? " " : "",
				      kind_names[t.kind], t.line,
				      t.kind == SCAN_BAD ? 0 : (int)t.text.n, t.text.p);
	} while (t.kind != SCAN_END && t.kind != SCAN_BAD);
}

static const struct {
	const char *text, *tokens;
} scans[] = {
	{ "", "end@1:" },
	{ "a=1;", "name@1:a mark@1:= int@1:1 mark@1:; end@1:" },
	{ "# x\n// y\n/* z\n */ a", "name@4:a end@4:" },
	{ "TRUE False trues", "bool@1:TRUE bool@1:False name@1:trues end@1:" },
	{ "-5 +5 0x1F 5LL 0xffL", "int@1:-5 int@1:+5 int@1:0x1F int@1:5LL int@1:0xffL end@1:" },
	{ "1.5 .5 1. -1.5e3", "float@1:1.5 float@1:.5 float@1:1. float@1:-1.5e3 end@1:" },
	{ "5s", "int@1:5 name@1:s end@1:" },
	{ "\"a\\\"b\" \"c # d\"", "text@1:\"a\\\"b\" text@1:\"c # d\" end@1:" },
	{ "\"a\\\\\" b", "text@1:\"a\\\\\" name@1:b end@1:" },
	{ "\"a\nb\"", "bad@1:" },
	{ "\"a\\\nb\"", "bad@1:" },
	{ "\"a\\x00b\"", "bad@1:" },
	{ "\"a", "bad@1:" },
	{ "\"a\\", "bad@1:" },
	{ "a\n/* b", "name@1:a bad@2:" },
	{ "/*/ a", "bad@1:" },
	{ "a.b", "name@1:a bad@1:" },
	{ "@include \"x\"", "include@1:@include text@1:\"x\" end@1:" },
	{ "a\n \t@include \"x\"", "name@1:a include@2:@include text@2:\"x\" end@2:" },
	{ "a @include \"x\"", "name@1:a bad@1:" },
	{ "/* */ @include \"x\"", "bad@1:" },
	{ "@includes", "bad@1:" },
	{ "a\r\nb\f", "name@1:a name@2:b end@2:" },
	{ "{}()[],:;=", "mark@1:{ mark@1:} mark@1:( mark@1:) mark@1:[ mark@1:] mark@1:, "
			"mark@1:: mark@1:; mark@1:= end@1:" },
};

START_TEST(words_are_told_apart)
{
	char got[1024];

	scan_all(scans[_i].text, got, sizeof(got));
	ck_assert_str_eq(got, scans[_i].tokens);
}
END_TEST

/* libconfig says the line of the word behind a text. */
START_TEST(every_setting_knows_its_line)
{
	struct conf_source source = { .path = STR("t.conf") };
	struct syntax y;
	struct diags diags;
	config_setting_t *list;

	source.text =
		str_of("a = 1;\nlist = (\n \"x\"\n,\n { b = \"p\"\n \"q\"; },\n [ 1,\n 2 ]\n);\n");
	diags_init(&diags);
	ck_assert(syntax_read(&y, &source, &diags));
	list = config_lookup(&y.config, "list");
	ck_assert_uint_eq(syntax_line(list), 2);
	ck_assert_uint_eq(syntax_line(config_setting_get_elem(list, 0)), 3);
	ck_assert_uint_eq(syntax_line(config_lookup(&y.config, "list.[1].b")), 5);
	ck_assert_strs(syntax_text(config_lookup(&y.config, "list.[1].b")), "pq");
	ck_assert_uint_eq(syntax_line(config_lookup(&y.config, "list.[2].[1]")), 8);
	ck_assert_strs(syntax_name(config_lookup(&y.config, "a")), "a");
	ck_assert_uint_eq(syntax_name(config_setting_get_elem(list, 0)).n, 0);
	syntax_free(&y);
	diags_free(&diags);
}
END_TEST

/* A child parses text that came from elsewhere; it must never open a file. */
START_TEST(an_include_is_refused)
{
	struct rig r = { 0 };

	rig_parse(&r, "@include \"/etc/hostname\"\n" RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_ptr_nonnull(strstr(r.said, "t.conf:1: an @include was left"));
	rig_free(&r);
}
END_TEST

START_TEST(a_byte_of_zero_is_refused)
{
	static const char text[] = RIG_FRONTENDS RIG_BACKENDS "\0node = 5;";
	struct conf_source source = { .path = STR("t.conf"), .text = STR(text) };
	struct diags diags;

	diags_init(&diags);
	ck_assert_ptr_null(conf_parse(&source, &diags));
	ck_assert_uint_eq(diags.errors, 1);
	diags_free(&diags);
}
END_TEST

struct asked {
	struct wants wants;
	char said[512];
};

static void ask(struct asked *a, const char *what, struct str s, unsigned line)
{
	size_t n = strlen(a->said);

	snprintf(a->said + n, sizeof(a->said) - n, "%s:%.*s@%u ", what, STR_ARGS(s), line);
}

static void ask_host(struct wants *w, struct str host, unsigned line)
{
	ask((struct asked *)w, "host", host, line);
}

static void ask_file(struct wants *w, struct str path, unsigned line)
{
	ask((struct asked *)w, "file", path, line);
}

static void ask_page(struct wants *w, struct str path, unsigned line)
{
	ask((struct asked *)w, "page", path, line);
}

static void ask_secret(struct wants *w, struct str path, unsigned line)
{
	ask((struct asked *)w, "secret", path, line);
}

START_TEST(wants_are_found)
{
	struct conf_source source = { .path = STR("t.conf") };
	struct asked a = { { ask_host, ask_file, ask_page, ask_secret }, "" };

	source.text = STR("frontends = ( {\n"
			  " acls: { a = \"path -i -f /etc/a  or hdr(X) -f b.txt\"; };\n"
			  " routes = ( { when = \"path_beg -f\"; },"
			  " { when = \"src -f c path\\t-f 'd e' -f\"; } );\n"
			  " name = \"-f d\"; } );\n"
			  "servers = ( { address = \"app.example.org:80\"; },\n"
			  " { address = \"10.0.0.1:80\"; }, { address = \"10.0.0.1.5:80\"; },\n"
			  " { address = \"noport\"; } );\n"
			  "errors = ( { html = \"e.html\"; json = \"e.json\"; },"
			  " { html = \"\"; } );\n"
			  "html = \"no\"; other = ( { html = \"no\"; } ); errors2 = \"no\";\n");
	ck_assert(wants_read(&a.wants, &source));
	ck_assert_str_eq(a.said, "file:/etc/a@2 file:b.txt@2 file:c@3 file:d e@3 "
				 "host:app.example.org@5 page:e.html@8 page:e.json@8 ");
	a.said[0] = '\0';
	source.text = STR("f = ( { bind = ( { tls: { certificates = ( \"a.pem\", \"b\" );\n"
			  " keys = [ \"c\" ]; ticket_keys = \"t\"; profile = \"p\"; }; } ); } );\n"
			  "keys = ( \"no\" ); certificates = ( { tls = \"no\"; } );\n");
	ck_assert(wants_read(&a.wants, &source));
	ck_assert_str_eq(a.said, "secret:a.pem@1 secret:b@1 secret:c@2 secret:t@2 ");
	source.text = STR("a = ;");
	ck_assert(!wants_read(&a.wants, &source));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf_syntax");
	TCase *t = tcase_create("syntax");

	tcase_add_loop_test(t, words_are_told_apart, 0, (int)(sizeof(scans) / sizeof(scans[0])));
	tcase_add_test(t, every_setting_knows_its_line);
	tcase_add_test(t, an_include_is_refused);
	tcase_add_test(t, a_byte_of_zero_is_refused);
	tcase_add_test(t, wants_are_found);
	suite_add_tcase(s, t);
	return rig_run(s);
}
