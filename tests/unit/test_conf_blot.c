/* What the proxy gets to read: the same configuration without its passwords. */
#include "conf_rig.h"

#include <stdio.h>

#include "conf/blot.h"

#define BEGIN RIG_FRONTENDS RIG_BACKENDS "vrrp = ( "
#define ONE                                                                                       \
	"{ name = \"V1\"; interface = \"eth0\"; virtual_router_id = 51; priority = 250; "         \
	"version = 2; virtual_addresses = ( \"192.0.2.1/24\" ); "
#define END "} );\n"

/* The password of each is "zyxwvq", and its pieces are zy, xw, vq. */
static const char *const forms[] = {
	"authentication: { type = \"pass\"; password = \"zyxwvq\"; };",
	"authentication: { password: \"zyxwvq\" type: \"pass\" };",
	"authentication = { password=\"zyxwvq\",type=\"pass\" };",
	"authentication: { type = \"pass\"; password = \"zy\" \"xwvq\"; };",
	"authentication: { type = \"pass\"; password = \"zy\"\"xw\"\"vq\"; };",
	"authentication: { type = \"pass\"; password =\n\n\"zy\"\n\"xw\"\n\n\"vq\"\n; };",
	"authentication: { type = \"pass\"; password = \"\" \"zyxwvq\" \"\"; };",
	"authentication: { type = \"pass\"; password = \"\\x7ay\\x78wvq\"; };",
	"authentication: { type = \"pass\"; password = \"zy\" /* \"xw\" */ \"xwvq\"; };",
	"authentication: { type = \"pass\"; password = \"zy\" # \"xw\" zyxwvq\n \"xwvq\"; };",
	"authentication: { type = \"pass\"; password = \"zy\" // zyxwvq \"\n \"xwvq\"; };",
	"# password = \"zyxwvq\"\nauthentication: { type = \"pass\"; password = \"zyxwvq\"; };",
	"/* password = \"zyxwvq\";\nzyxwvq */ authentication: { type = \"pass\"; password = "
	"\"zyxwvq\"; };",
	"authentication: { # zyxwvq\n type = \"pass\"; /**/ password /* zyxwvq */ = // zyxwvq\n"
	"\"zyxwvq\" /* zyxwvq */ ; // zyxwvq\n } /* zyxwvq */ ; # zyxwvq\n",
	"authentication: { type = \"pass\"; password = \"zyxwvq\"; }; # zyxwvq \" zyxwvq\n",
	"authentication: { type = \"pass\"; password = \"zyxwvq\"; };\t/* zyxwvq\r\n * zyxwvq */",
};

static struct conf *parse(struct conf_source *source, struct diags *diags)
{
	struct conf *conf;

	diags_init(diags);
	conf = conf_parse(source, diags);
	ck_assert_msg(conf != NULL, "%s", diags_text(diags));
	return conf;
}

static void check_lines(struct str a, struct str b)
{
	ck_assert_uint_eq(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		ck_assert_int_eq(a.p[i] == '\n', b.p[i] == '\n');
}

START_TEST(password_leaves_and_all_else_stays)
{
	static const char *const parts[] = {"zy", "yx", "xw", "wv", "vq", "\\x7"};
	struct conf_source source = {.path = STR("t.conf"), .host_name = STR("h"), .cpus = 1};
	struct conf_source other;
	struct conf *before, *after;
	struct diags diags;
	struct arena arena;
	char text[2048];

	snprintf(text, sizeof(text), BEGIN ONE "%s" END, forms[_i]);
	arena_init(&arena, 4096, 0);
	source.text = str_of(text);
	before = parse(&source, &diags);
	ck_assert_strs(before->vrrp[0].password, "zyxwvq");
	other = source;
	other.text = conf_blot(&source, &arena);
	ck_assert_ptr_nonnull(other.text.p);
	check_lines(source.text, other.text);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_msg(str_find(other.text, str_of(parts[i])) < 0, "%s in: %s", parts[i],
			      other.text.p);
	diags_free(&diags);
	after = parse(&other, &diags);
	ck_assert(after->vrrp[0].authenticated);
	ck_assert_uint_gt(after->vrrp[0].password.n, 0);
	ck_assert_uint_eq(after->vrrp[0].line, before->vrrp[0].line);
	ck_assert_uint_eq(after->backends[0].fingerprint, before->backends[0].fingerprint);
	diags_free(&diags);
	conf_unref(before);
	conf_unref(after);
	arena_free(&arena);
}
END_TEST

static struct str blot(const char *text, struct arena *arena)
{
	struct conf_source source = {.path = STR("t.conf"), .text = str_of(text)};

	return conf_blot(&source, arena);
}

/* A backslash makes a text longer than it is: a star for each byte would be too many for
 * what a password may have. */
START_TEST(the_longest_password_travels)
{
	struct conf_source source = {.path = STR("t.conf"), .host_name = STR("h"), .cpus = 1};
	char text[4096], password[255 * 4 + 1];
	struct diags diags;
	struct arena arena;
	struct conf *conf;

	for (int i = 0; i < 255; i++)
		memcpy(password + i * 4, "\\x41", 5);
	snprintf(text, sizeof(text),
		 BEGIN ONE "authentication: { type = \"pass\"; password = \"%s\"; };" END,
		 password);
	arena_init(&arena, 4096, 0);
	source.text = str_of(text);
	conf = parse(&source, &diags);
	ck_assert_uint_eq(conf->vrrp[0].password.n, 255);
	conf_unref(conf);
	diags_free(&diags);
	source.text = conf_blot(&source, &arena);
	conf = parse(&source, &diags);
	ck_assert_strs(conf->vrrp[0].password, "*");
	conf_unref(conf);
	diags_free(&diags);
	arena_free(&arena);
}
END_TEST

/* An acl may be called so, and a text may look so. */
START_TEST(what_is_no_password_stays)
{
	static const char text[] =
		"log: { target = \"file:/password = 'x'\"; };\n"
		"frontends = ( { name = \"password\"; acls: { password = \"path_beg /pw # \\\" "
		"x\"; };\n"
		" authentication: { password = \"path\"; }; } );\npassword = \"top\";\n";
	struct arena arena;

	arena_init(&arena, 4096, 0);
	ck_assert_strs(blot(text, &arena), text);
	arena_free(&arena);
}
END_TEST

START_TEST(comments_become_blanks)
{
	struct arena arena;

	arena_init(&arena, 4096, 0);
	ck_assert_strs(blot("# a\n\ta = 1; // b\r\n/* c\n d */ b = \"#\"; # e\n", &arena),
		       "   \n\ta = 1;     \r\n    \n      b = \"#\";    \n");
	ck_assert_strs(blot("", &arena), "");
	arena_free(&arena);
}
END_TEST

START_TEST(what_cannot_be_read_is_not_given_away)
{
	struct arena arena;

	arena_init(&arena, 4096, 0);
	ck_assert_ptr_null(blot("vrrp = ( { authentication: { password = \"hidden\" ", &arena).p);
	ck_assert_ptr_null(blot("a = \"hidden", &arena).p);
	ck_assert_ptr_null(blot("a = 1; /* hidden", &arena).p);
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf blot");
	TCase *t = tcase_create("blot");

	tcase_add_loop_test(t, password_leaves_and_all_else_stays, 0,
			    sizeof(forms) / sizeof(forms[0]));
	tcase_add_test(t, the_longest_password_travels);
	tcase_add_test(t, what_is_no_password_stays);
	tcase_add_test(t, comments_become_blanks);
	tcase_add_test(t, what_cannot_be_read_is_not_given_away);
	suite_add_tcase(s, t);
	return rig_run(s);
}
