/* The table itself: every row has what the checker, the manual and the messages need. */
#include "conf_rig.h"

#include <libconfig.h>

#include "conf/options.h"

static bool is_group(enum option_type t)
{
	return t == TYPE_GROUP || t == TYPE_GROUPS || t == TYPE_GROUP_OR_FALSE ||
	       t == TYPE_GROUP_OR_TEXT || t == TYPE_BINDS;
}

START_TEST(row_is_complete)
{
	const struct option *o = &options[_i];

	ck_assert_msg(o->help && o->help[0] && o->help[strlen(o->help) - 1] == '.',
		      "%s has no help that is a sentence", o->name);
	ck_assert_msg(option_example(o) || o->dflt, "%s has no example", o->name);
	ck_assert_msg(option_example(o) || (!o->required && o->type != TYPE_INT_BY_NODE),
		      "%s is shown by its example alone", o->name);
	ck_assert_msg(o->status == STATUS_LIVE || o->later || o->section == SECTION_BIND_TLS,
		      "%s does not say what to do instead", o->name);
	ck_assert_msg(is_group(o->type) == (o->sub != SECTION_TOP), "%s: its group", o->name);
	ck_assert_msg((o->type == TYPE_WORD || o->type == TYPE_WORDS) == (o->words != NULL),
		      "%s: its words", o->name);
	ck_assert_msg(o->min <= o->max, "%s: its range", o->name);
	ck_assert_ptr_eq(option_find(o->section, str_of(o->name)), o); /* none twice */
}
END_TEST

/* As the manual shows it, it can be copied. */
START_TEST(example_is_a_setting)
{
	const struct option *o = &options[_i];
	const config_setting_t *s;
	config_t file;
	char text[512];

	ck_assert_msg(option_write_example(o, text, sizeof(text)), "%s: too long", o->name);
	config_init(&file);
	ck_assert_msg(config_read_string(&file, text), "%s: %s", text, config_error_text(&file));
	s = config_root_setting(&file);
	ck_assert_int_eq(config_setting_length(s), 1);
	ck_assert_str_eq(config_setting_name(config_setting_get_elem(s, 0)), o->name);
	ck_assert_msg(!strstr(text, "…") && !strstr(text, "{ }"), "%s", text);
	config_destroy(&file);
}
END_TEST

/* A number, a time or a size without an upper end could overflow what it is stored in. */
START_TEST(row_has_a_range)
{
	const struct option *o = &options[_i];

	switch (o->type) {
	case TYPE_INT:
	case TYPE_INT_BY_NODE:
	case TYPE_DURATION:
	case TYPE_SIZE:
		ck_assert_msg(o->max > 0, "%s has no range", o->name);
		break;
	default:
		break;
	}
	if (o->field.kind == KIND_U16)
		ck_assert_int_le(o->max, UINT16_MAX);
	if (o->field.kind == KIND_UNSIGNED && o->type == TYPE_INT)
		ck_assert_int_le(o->max, UINT32_MAX);
}
END_TEST

START_TEST(section_has_rows_and_texts)
{
	unsigned n = 0;

	for (unsigned i = 0; i < options_count; i++)
		n += options[i].section == (enum option_section)_i;
	ck_assert_uint_gt(n, 0);
	ck_assert_ptr_nonnull(section_place((enum option_section)_i));
	ck_assert_ptr_nonnull(section_path((enum option_section)_i));
}
END_TEST

static const struct {
	enum option_section section;
	const char *name, *near, *elsewhere;
} nears[] = {
	{ SECTION_BACKEND, "ballance", "balance", NULL },
	{ SECTION_BACKEND, "server", "servers", NULL },
	{ SECTION_BACKEND, "bind", NULL, "in a frontend" },
	{ SECTION_FRONTEND, "servers", NULL, "in a backend" },
	{ SECTION_TOP, "threads", NULL, "in \"proxy\"" },
	{ SECTION_TOP, "xyzzy", NULL, NULL },
	{ SECTION_CHECK, "", NULL, NULL },
	{ SECTION_VRRP, "advert_int", "advertisement_interval", NULL }, /* what others call it */
	{ SECTION_VRRP, "virtual_ipaddress", "virtual_addresses", NULL },
	{ SECTION_VRRP_AUTH, "auth_pass", "password", NULL },
};

/* Misspelt, it is one as well: what stands behind it is not shown. */
START_TEST(secrets_are_known_by_name)
{
	ck_assert(option_may_be_secret(STR("password")));
	ck_assert(option_may_be_secret(STR("pasword")));
	ck_assert(option_may_be_secret(STR("auth_pass")));
	ck_assert(!option_may_be_secret(STR("peers")));
	ck_assert(!option_may_be_secret(STR("path")));
	ck_assert(!option_may_be_secret(STR("")));
	for (unsigned i = 0; i < options_count; i++)
		ck_assert_msg(option_may_be_secret(str_of(options[i].name)) == options[i].secret,
			      "%s", options[i].name);
}
END_TEST

START_TEST(unknown_name_finds_its_like)
{
	struct str name = str_of(nears[_i].name);
	unsigned distance;
	const struct option *near = option_nearest(nears[_i].section, name, &distance);
	const struct option *elsewhere = option_elsewhere(nears[_i].section, name, NULL);

	if (nears[_i].near)
		ck_assert_str_eq(near->name, nears[_i].near);
	else
		ck_assert_ptr_null(near);
	if (nears[_i].elsewhere)
		ck_assert_str_eq(section_place(elsewhere->section), nears[_i].elsewhere);
}
END_TEST

START_TEST(words_are_found)
{
	static const char list[] = "roundrobin leastconn source";

	ck_assert_int_eq(words_find(list, STR("roundrobin")), 0);
	ck_assert_int_eq(words_find(list, STR("source")), 2);
	ck_assert_int_eq(words_find(list, STR("round")), -1);
	ck_assert_int_eq(words_find(list, STR("")), -1);
	ck_assert_strs(words_at(list, 1), "leastconn");
	ck_assert_uint_eq(words_at(list, 3).n, 0);
	ck_assert_strs(words_nearest(list, STR("leastcon")), "leastconn");
	ck_assert_uint_eq(words_nearest(list, STR("best")).n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf_options");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, row_is_complete, 0, (int)options_count);
	tcase_add_loop_test(t, example_is_a_setting, 0, (int)options_count);
	tcase_add_loop_test(t, row_has_a_range, 0, (int)options_count);
	tcase_add_loop_test(t, section_has_rows_and_texts, 0, SECTION_COUNT);
	tcase_add_loop_test(t, unknown_name_finds_its_like, 0,
			    (int)(sizeof(nears) / sizeof(nears[0])));
	tcase_add_test(t, secrets_are_known_by_name);
	tcase_add_test(t, words_are_found);
	suite_add_tcase(s, t);
	return rig_run(s);
}
