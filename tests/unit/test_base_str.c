/* Spans: compared, searched, split, read as numbers. */
#include <check.h>
#include <stdlib.h>

#include "base/str.h"

/* Bytes in a block of exactly their size, so that a read beyond them is seen. */
static struct str exact(const char *z)
{
	struct str s = { malloc(strlen(z) ? strlen(z) : 1), strlen(z) };

	ck_assert_ptr_nonnull(s.p);
	memcpy((char *)(uintptr_t)s.p, z, s.n);
	return s;
}

static void done(struct str s)
{
	free((char *)(uintptr_t)s.p);
}

static void is(struct str s, const char *z)
{
	ck_assert_msg(str_eq(s, str_of(z)), "is \"%.*s\", not \"%s\"", STR_ARGS(s), z);
}

START_TEST(parts_of_a_span)
{
	struct str s = STR("abcdef");

	is(str_from(s, 0), "abcdef");
	is(str_from(s, 4), "ef");
	is(str_from(s, 6), "");
	ck_assert_ptr_eq(str_from(s, 600).p, s.p + 6);
	ck_assert_uint_eq(str_from(s, 600).n, 0);
	is(str_first(s, 2), "ab");
	is(str_first(s, 0), "");
	is(str_first(s, 600), "abcdef");
	ck_assert_uint_eq(str_of(NULL).n, 0);
}
END_TEST

static const struct compared {
	const char *a, *b;
	bool eq, ieq, begins, ends, ibegins, iends;
} compared[] = {
	{ "", "", true, true, true, true, true, true },
	{ "a", "", false, false, true, true, true, true },
	{ "", "a", false, false, false, false, false, false },
	{ "abc", "abc", true, true, true, true, true, true },
	{ "abc", "ABC", false, true, false, false, true, true },
	{ "abc", "abcd", false, false, false, false, false, false },
	{ "abcd", "abc", false, false, true, false, true, false },
	{ "xabc", "aBc", false, false, false, false, false, true },
	{ "abab", "ab", false, false, true, true, true, true },
	/* The neighbours of the letters do not fold into one another, nor does Latin-1. */
	{ "[", "{", false, false, false, false, false, false },
	{ "@", "`", false, false, false, false, false, false },
	{ "\xc4", "\xe4", false, false, false, false, false, false },
};

START_TEST(spans_compare)
{
	const struct compared *t = &compared[_i];
	struct str a = exact(t->a), b = exact(t->b);

	ck_assert(str_eq(a, b) == t->eq);
	ck_assert(str_ieq(a, b) == t->ieq);
	ck_assert(str_begins(a, b) == t->begins);
	ck_assert(str_ends(a, b) == t->ends);
	ck_assert(str_ibegins(a, b) == t->ibegins);
	ck_assert(str_iends(a, b) == t->iends);
	done(a);
	done(b);
}
END_TEST

START_TEST(every_byte_folds_as_ascii)
{
	for (int c = 0; c < 256; c++) {
		char want = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);

		ck_assert_int_eq(str_lower_char((char)c), want);
	}
}
END_TEST

static ptrdiff_t find_slowly(struct str s, struct str part, bool fold)
{
	for (size_t i = 0; i + part.n <= s.n; i++) {
		struct str here = { s.p + i, part.n };

		if (fold ? str_ieq(here, part) : str_eq(here, part))
			return (ptrdiff_t)i;
	}
	return -1;
}

START_TEST(finding_agrees_with_looking_everywhere)
{
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		char text[16] = "", part[5] = "";
		struct str s, p;

		for (int n = rand() % 15, k = 0; k < n; k++)
			text[k] = "aAbB"[rand() % 4];
		for (int n = rand() % 4, k = 0; k < n; k++)
			part[k] = "aAbB"[rand() % 4];
		s = exact(text);
		p = exact(part);
		ck_assert_int_eq(str_find(s, p), find_slowly(s, p, false));
		ck_assert_int_eq(str_ifind(s, p), find_slowly(s, p, true));
		if (p.n == 1)
			ck_assert_int_eq(str_find_char(s, p.p[0]), find_slowly(s, p, false));
		done(s);
		done(p);
	}
	ck_assert_int_eq(str_find_char(STR_NONE, 'a'), -1);
	ck_assert_int_eq(str_find(STR_NONE, STR("a")), -1);
	ck_assert_int_eq(str_find(STR("a\0b"), STR("\0b")), 1);
}
END_TEST

START_TEST(trim_takes_blanks_only)
{
	is(str_trim(STR(" \t a b\t ")), "a b");
	is(str_trim(STR(" \t ")), "");
	is(str_trim(STR("")), "");
	is(str_trim(STR("\r\na\v\f")), "\r\na\v\f");
	ck_assert_uint_eq(str_trim(STR(" \0 ")).n, 1);
}
END_TEST

static const struct number {
	const char *text;
	bool ok;
	uint64_t value;
} numbers[] = {
	{ "0", true, 0 },
	{ "007", true, 7 },
	{ "4294967296", true, 4294967296 },
	{ "18446744073709551615", true, UINT64_MAX },
	{ "18446744073709551609", true, UINT64_MAX - 6 },
	{ "18446744073709551616", false, 0 },
	{ "18446744073709551620", false, 0 },
	{ "99999999999999999999", false, 0 },
	{ "184467440737095516150", false, 0 },
	{ "", false, 0 },
	{ "+1", false, 0 },
	{ "-1", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "0x1", false, 0 },
	{ "1_0", false, 0 },
	{ "/", false, 0 },
	{ ":", false, 0 },
	{ "\xb1", false, 0 },
};

START_TEST(numbers_are_digits_that_fit)
{
	const struct number *t = &numbers[_i];
	struct str s = exact(t->text);
	uint64_t v = 77;

	ck_assert_msg(str_to_u64(s, &v) == t->ok, "\"%s\"", t->text);
	ck_assert_uint_eq(v, t->ok ? t->value : 77);
	done(s);
}
END_TEST

static const struct split {
	const char *text, *items; /* each behind a bar */
} splits[] = {
	{ "", "" },
	{ "a", "|a" },
	{ "a,b", "|a|b" },
	{ ",a", "||a" },
	{ "a,,b", "|a||b" },
	{ "a,", "|a" },
	{ ",", "|" },
	{ " a , b ", "| a | b " },
};

START_TEST(lists_split_at_the_separator)
{
	struct str text = exact(splits[_i].text), rest = text, item;
	char got[64] = "";

	while (str_split(&rest, ',', &item)) {
		strcat(got, "|");
		strncat(got, item.p, item.n);
	}
	ck_assert_str_eq(got, splits[_i].items);
	ck_assert(item.p == NULL && item.n == 0);
	done(text);
}
END_TEST

START_TEST(a_copy_fits_or_is_empty)
{
	char to[4] = "zzz";

	ck_assert(str_copy(to, sizeof(to), STR("abc")));
	ck_assert_str_eq(to, "abc");
	ck_assert(!str_copy(to, sizeof(to), STR("abcd")));
	ck_assert_str_eq(to, "");
	ck_assert(str_copy(to, 1, STR("")));
	to[0] = 'q';
	ck_assert(!str_copy(to, 0, STR("")));
	ck_assert_int_eq(to[0], 'q');
	ck_assert(str_copy(to, sizeof(to), STR_NONE));
	ck_assert_str_eq(to, "");
}
END_TEST

static unsigned distance_slowly(struct str a, struct str b)
{
	unsigned drop, add, change;

	if (a.n == 0 || b.n == 0)
		return (unsigned)(a.n + b.n);
	drop = distance_slowly(str_from(a, 1), b) + 1;
	add = distance_slowly(a, str_from(b, 1)) + 1;
	change = distance_slowly(str_from(a, 1), str_from(b, 1)) + (a.p[0] != b.p[0]);
	if (drop > add)
		drop = add;
	return drop < change ? drop : change;
}

START_TEST(distance_is_the_edit_distance)
{
	struct str longest, too_long;
	char long_name[65];

	srand(3);
	for (unsigned i = 0; i < 400; i++) {
		char a[7] = "", b[7] = "";

		for (int n = rand() % 7, k = 0; k < n; k++)
			a[k] = "abc"[rand() % 3];
		for (int n = rand() % 7, k = 0; k < n; k++)
			b[k] = "abc"[rand() % 3];
		ck_assert_uint_eq(str_distance(str_of(a), str_of(b)),
				  distance_slowly(str_of(a), str_of(b)));
	}
	memset(long_name, 'n', sizeof(long_name));
	longest = (struct str){ long_name, 63 };
	too_long = (struct str){ long_name, 64 };
	ck_assert_uint_eq(str_distance(longest, longest), 0);
	ck_assert_uint_eq(str_distance(longest, STR("")), 63);
	ck_assert_uint_ge(str_distance(too_long, too_long), 64);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_str");
	TCase *t = tcase_create("str");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, parts_of_a_span);
	tcase_add_loop_test(t, spans_compare, 0, sizeof(compared) / sizeof(compared[0]));
	tcase_add_test(t, every_byte_folds_as_ascii);
	tcase_add_test(t, finding_agrees_with_looking_everywhere);
	tcase_add_test(t, trim_takes_blanks_only);
	tcase_add_loop_test(t, numbers_are_digits_that_fit, 0,
			    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_loop_test(t, lists_split_at_the_separator, 0,
			    sizeof(splits) / sizeof(splits[0]));
	tcase_add_test(t, a_copy_fits_or_is_empty);
	tcase_add_test(t, distance_is_the_edit_distance);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
