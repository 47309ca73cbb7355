/* When a file counts as changed: whatever was put there, once it stays as it is, and once. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/filewatch.h"

static char folder[64];
static struct manifest m;
static struct filewatch w;
static uint64_t now;

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_folder(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void point(const char *name, const char *to)
{
	char other[128];

	snprintf(other, sizeof(other), "%s", in_folder("new"));
	ck_assert_int_eq(symlink(to, other), 0);
	ck_assert_int_eq(rename(other, in_folder(name)), 0);
}

/* As the loader does it. */
static void list(const char *name)
{
	struct manifest_file *f = &m.files[m.n_files++];
	struct stat st;

	snprintf(f->path, sizeof(f->path), "%s", in_folder(name));
	ck_assert_int_eq(stat(f->path, &st), 0);
	f->stamp = manifest_stamp(&st);
}

static const char *look(void)
{
	now += FILEWATCH_US;
	return filewatch_look(&w, &m, now);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_filewatch.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	put("one", "a");
	put("two", "bc");
	point("link", "one");
	list("two");
	list("link");
	ck_assert_ptr_null(look());
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(told_once_and_when_it_stays)
{
	put("two", "other");
	ck_assert_ptr_null(filewatch_look(&w, &m, now + FILEWATCH_US - 1));
	ck_assert_ptr_null(look());
	put("two", "and more");
	ck_assert_ptr_null(look());
	ck_assert_str_eq(look(), in_folder("two"));
	ck_assert_ptr_null(look());
	put("two", "and again");
	ck_assert_ptr_null(look());
	ck_assert_str_eq(look(), in_folder("two"));
	ck_assert_ptr_null(look());
}
END_TEST

START_TEST(a_link)
{
	put("next", "the one that it points to now");
	point("link", "next");
	ck_assert_ptr_null(look());
	ck_assert_str_eq(look(), in_folder("link"));
}
END_TEST

START_TEST(away_for_a_while)
{
	ck_assert_int_eq(unlink(in_folder("two")), 0);
	ck_assert_ptr_null(look());
	ck_assert_ptr_null(look());
	put("two", "here again");
	ck_assert_ptr_null(look());
	ck_assert_str_eq(look(), in_folder("two"));
}
END_TEST

START_TEST(taken)
{
	put("two", "taken");
	ck_assert_ptr_null(look());
	ck_assert_ptr_nonnull(look());
	m.n_files = 0;
	list("two");
	list("link");
	ck_assert_ptr_null(look());
	ck_assert_ptr_null(look());
	m.n_files = 0;
	put("two", "nobody watches");
	ck_assert_ptr_null(look());
	ck_assert_ptr_null(look());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("supervisor/filewatch");
	TCase *t = tcase_create("filewatch");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, told_once_and_when_it_stays);
	tcase_add_test(t, a_link);
	tcase_add_test(t, away_for_a_while);
	tcase_add_test(t, taken);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
