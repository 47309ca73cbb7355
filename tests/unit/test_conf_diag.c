/* The list of mistakes, and a source on its way through a bundle. */
#include "conf_rig.h"

#include "conf/sections.h"

static struct str paths[] = { { "main.conf", 9 }, { "inc.conf", 8 } };
/* main 1, inc 1, inc 2, main 3 */
static struct conf_line lines[] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { 0, 3 } };
static struct conf_file files[] = {
	{ .path = { "a.txt", 5 }, .content = { "x\ny\n", 4 } },
	{ .path = { "e", 1 }, .content = { "", 0 } },
};
static struct conf_name names[1];
static const struct conf_source source = { .path = { "main.conf", 9 },
					   .text = { "1\n2\n3\n4\n", 8 },
					   .n_paths = 2,
					   .paths = paths,
					   .n_lines = 4,
					   .lines = lines,
					   .n_files = 2,
					   .files = files,
					   .n_names = 1,
					   .names = names,
					   .host_name = { "lb1", 3 },
					   .cpus = 5 };

START_TEST(lines_are_mapped_and_sorted)
{
	struct diags d;
	char *text;

	diags_init(&d);
	diag_add(&d, &source, DIAG_ERROR, 3, "inc %d", 2);
	diag_add(&d, &source, DIAG_ERROR, 4, "last");
	diag_add(&d, &source, DIAG_WARNING, 1, "first");
	diag_add(&d, &source, DIAG_ERROR, 4, "last, again");
	diag_add(&d, &source, DIAG_ERROR, 0, "whole");
	diag_add(&d, &source, DIAG_ERROR, 99, "behind the end");
	diag_add(&d, NULL, DIAG_ERROR, 0, "nowhere");
	diags_sort(&d);
	text = diags_text(&d);
	ck_assert_str_eq(text, "main.conf: whole\n"
			       "nowhere\n"
			       "main.conf:1: warning: first\n"
			       "main.conf:3: last\n"
			       "main.conf:3: last, again\n"
			       "main.conf:3: behind the end\n"
			       "inc.conf:2: inc 2\n");
	ck_assert_uint_eq(d.errors, 6);
	ck_assert_uint_eq(d.warnings, 1);
	free(text);
	diags_free(&d);
	ck_assert_uint_eq(d.count, 0);
}
END_TEST

START_TEST(many_stay_in_order)
{
	struct diags d;

	diags_init(&d);
	for (unsigned i = 0; i < 1000; i++)
		diag_add(&d, &source, DIAG_ERROR, 1 + (i * 7) % 4, "%u", i);
	diags_sort(&d);
	for (size_t i = 1; i < d.count; i++) {
		const struct diag *a = &d.list[i - 1], *b = &d.list[i];

		ck_assert(a->order < b->order || (a->order == b->order && a->line <= b->line));
		if (a->order == b->order && a->line == b->line)
			ck_assert_int_lt(atoi(a->text), atoi(b->text));
	}
	diags_free(&d);
}
END_TEST

START_TEST(another_line_is_named_as_seen_from_here)
{
	ck_assert_str_eq(diag_place(&source, 4, 1).text, "in line 1");
	ck_assert_str_eq(diag_place(&source, 2, 3).text, "in line 2");
	ck_assert_str_eq(diag_place(&source, 1, 3).text, "in inc.conf:2");
}
END_TEST

/* A terminal must not obey what a file says. */
START_TEST(control_characters_are_not_printed)
{
	struct diags d;

	diags_init(&d);
	diag_add(&d, &source, DIAG_ERROR, 1, "a\033[2Jb\nc");
	ck_assert_str_eq(d.list[0].text, "a?[2Jb?c");
	diags_free(&d);
}
END_TEST

static void check_same(const struct conf_source *s)
{
	ck_assert_strs(s->path, "main.conf");
	ck_assert(str_eq(s->text, source.text));
	ck_assert_int_eq(s->text.p[s->text.n], '\0');
	ck_assert_strs(s->host_name, "lb1");
	ck_assert_uint_eq(s->cpus, 5);
	ck_assert_uint_eq(s->n_paths, 2);
	ck_assert_strs(s->paths[1], "inc.conf");
	ck_assert_uint_eq(s->n_lines, 4);
	ck_assert_mem_eq(s->lines, lines, sizeof(lines));
	ck_assert_uint_eq(s->n_files, 2);
	ck_assert_strs(conf_find_file(s, STR("a.txt"))->content, "x\ny\n");
	ck_assert_ptr_null(conf_find_file(s, STR("a")));
	ck_assert_uint_eq(s->n_names, 1);
	ck_assert_strs(s->names[0].host, "app.example");
	ck_assert(addr_eq(&s->names[0].addr, &names[0].addr));
}

static struct str encode(struct arena *arena)
{
	arena_init(arena, 4096, 0);
	names[0].host = STR("app.example");
	ck_assert_ptr_null(addr_parse_host(&names[0].addr, STR("192.0.2.1"), 0));
	return conf_source_encode(&source, arena);
}

START_TEST(source_travels)
{
	struct conf_source got;
	struct arena arena;
	struct str bytes = encode(&arena);

	ck_assert_ptr_nonnull(bytes.p);
	ck_assert(conf_source_decode(bytes, &arena, &got));
	check_same(&got);
	arena_free(&arena);
}
END_TEST

START_TEST(cut_bytes_are_refused)
{
	struct conf_source got;
	struct arena arena;
	struct str bytes = encode(&arena);

	for (size_t n = 0; n < bytes.n; n++) {
		char *cut = malloc(n ? n : 1); /* so that a read past the end is seen */

		memcpy(cut, bytes.p, n);
		ck_assert(!conf_source_decode((struct str){ cut, n }, &arena, &got));
		free(cut);
	}
	arena_free(&arena);
}
END_TEST

/* Every byte turned: refused, or read without a step outside. */
START_TEST(damaged_bytes_do_no_harm)
{
	struct conf_source got;
	struct arena arena, scratch;
	struct str bytes = encode(&arena);
	unsigned refused = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		char *bad = malloc(bytes.n);

		memcpy(bad, bytes.p, bytes.n);
		bad[i] = (char)~bad[i];
		arena_init(&scratch, 4096, 1 << 20);
		refused += !conf_source_decode((struct str){ bad, bytes.n }, &scratch, &got);
		arena_free(&scratch);
		free(bad);
	}
	ck_assert_uint_gt(refused, 100);
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf_diag");
	TCase *t = tcase_create("diags");

	tcase_add_test(t, lines_are_mapped_and_sorted);
	tcase_add_test(t, many_stay_in_order);
	tcase_add_test(t, another_line_is_named_as_seen_from_here);
	tcase_add_test(t, control_characters_are_not_printed);
	suite_add_tcase(s, t);
	t = tcase_create("sections");
	tcase_add_test(t, source_travels);
	tcase_add_test(t, cut_bytes_are_refused);
	tcase_add_test(t, damaged_bytes_do_no_harm);
	suite_add_tcase(s, t);
	return rig_run(s);
}
