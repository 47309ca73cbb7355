/* Which lines of a growing list are new. */
#include <check.h>

#include "admin/follow.h"

START_TEST(follow_prints_what_is_new)
{
	static const struct {
		const char *before, *now, *fresh;
	} cases[] = {
		{ "", "", "" },
		{ "", "a\nb\n", "a\nb\n" },
		{ "a\nb\n", "a\nb\n", "" },
		{ "a\nb\n", "a\nb\nc\n", "c\n" },
		{ "a\nb\nc\n", "b\nc\nd\n", "d\n" },
		{ "a\na\nb\n", "a\nb\nc\n", "c\n" },
		{ "a\nb\n", "x\ny\n", "x\ny\n" },
		{ "a\nb\n", "", "" },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str fresh = follow_new(str_of(cases[i].before), str_of(cases[i].now));

		ck_assert(str_eq(fresh, str_of(cases[i].fresh)));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin/follow");
	TCase *t = tcase_create("follow");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, follow_prints_what_is_new);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
