/* Paths (HTTP.md 37, 38) and authorities. */
#include "http_testing.h"

#include "http/authority.h"
#include "http/path.h"

static const struct {
	const char *raw, *path, *match; /* match NULL: as path */
} good[] = {
	{ "/", "/", NULL },
	{ "/a/b.c", "/a/b.c", NULL },
	{ "/%61%7E%2d%5F%2E", "/a~-_.", NULL },
	{ "/a/./b", "/a/b", NULL },
	{ "/a/../b", "/b", NULL },
	{ "/a/..", "/", NULL },
	{ "/a/.", "/a/", NULL },
	{ "/.", "/", NULL },
	{ "/..", "/", NULL },
	{ "/../../a", "/a", NULL },
	{ "/a/b/../../c", "/c", NULL },
	{ "/a/%2e%2E/b", "/b", NULL },
	{ "/a/.%2e/b", "/b", NULL },
	{ "/%2e/a", "/a", NULL },
	{ "/a//b", "/a//b", "/a/b" },
	{ "//a", "//a", "/a" },
	{ "///", "///", "/" },
	{ "/a//../b", "/a/b", NULL },
	{ "/.//a", "//a", "/a" },
	{ "/a%2Fb", "/a%2Fb", "/a/b" },
	{ "/a%2fb", "/a%2fb", "/a/b" },
	{ "/a%5cb", "/a%5cb", "/a/b" },
	{ "/a%2F%2fb//c", "/a%2F%2fb//c", "/a/b/c" },
	{ "/%2Fa", "/%2Fa", "/a" },
	{ "/%5c/\\a\\", "/%5c/\\a\\", "/a/" },
	{ "/a%252e%252e/b", "/a%252e%252e/b", "/a%2e%2e/b" },
	{ "/...", "/...", NULL },
	{ "/.a/..b", "/.a/..b", NULL },
	{ "/a.%2Fb", "/a.%2Fb", "/a./b" },
	{ "/a;b/..c;d", "/a;b/..c;d", NULL },
	{ "/caf%C3%A9", "/caf%C3%A9", "/caf\xc3\xa9" },
	{ "/%41%2f%42/%20", "/A%2fB/%20", "/A/B/ " },
	{ "/a\\b", "/a\\b", "/a/b" },
	{ "/a%3fb%3F", "/a%3fb%3F", "/a%3Fb%3F" },
	{ "/a%3a%2b%3B%0a", "/a%3a%2b%3B%0a", "/a:+;\n" },
	{ "/%25", "/%25", "/%" },
};

static const char *const bad[] = {
	"/%zz", "/%0", "/%", "/a%", "/%2", "/%g0", "/%00", "/a%00b", "/%-1", "/% 1",
	"/a/..%2fb", "/a/..%2Fb", "/a%2f..", "/a%2F../b", "/a%5c..%5cb", "/..%5C", "/.%2fa",
	"/a%2f.%2fb", "/a/%2e%2e%2fb", "/a\\..\\b", "/..\\a", "/a/..;x/b", "/a/.;/b",
	"/a%2f..;x", "/a/..%3Bx/b", "/..%3b", "/%2e%2e;/a", "/static/..%2fapi//x/../y",
};

START_TEST(h37_the_path_is_normalised_once)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *match = good[i].match ? good[i].match : good[i].path;
		struct str path, matched, again;

		ck_assert_int_eq(http_path_normalise(exact_copy(str_of(good[i].raw)), &arena,
						     &path, &matched), REASON_COMPLETE);
		str_is(path, good[i].path);
		str_is(matched, match);
		ck_assert_int_eq(http_path_normalise(path, &arena, &again, &matched),
				 REASON_COMPLETE);
		str_is(again, good[i].path);
		str_is(matched, match);
	}
}
END_TEST

START_TEST(h37_h38_paths_that_hide_something_are_refused)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str path, match;

		ck_assert_msg(http_path_normalise(exact_copy(str_of(bad[i])), &arena, &path,
						  &match) == REASON_REQ_PATH_ESCAPE, "%s", bad[i]);
	}
}
END_TEST

START_TEST(a_path_that_is_normal_is_not_copied)
{
	struct str raw = exact_copy(STR("/a/b.c/~d")), path, match;

	ck_assert_int_eq(http_path_normalise(raw, &arena, &path, &match), REASON_COMPLETE);
	ck_assert_ptr_eq(path.p, raw.p);
	ck_assert_ptr_eq(match.p, raw.p);
	raw = exact_copy(STR("/a//b%2F"));
	ck_assert_int_eq(http_path_normalise(raw, &arena, &path, &match), REASON_COMPLETE);
	ck_assert_ptr_eq(path.p, raw.p);
}
END_TEST

START_TEST(an_arena_that_failed_is_told)
{
	struct str path, match;

	arena.limit = 1;
	ck_assert_int_eq(http_path_normalise(STR("/a/../b"), &arena, &path, &match),
			 REASON_NO_MEMORY);
}
END_TEST

START_TEST(h21_an_address_is_not_cut_at_nul)
{
	struct http_authority a;

	ck_assert(!http_authority_parse(STR("[::1\0]"), &a));
	ck_assert(!http_authority_parse(STR("[::1\0junk]:80"), &a));
	ck_assert(http_authority_parse(STR("[::1]:80"), &a));
	str_is(a.host, "[::1]");
	ck_assert_uint_eq(a.port, 80);
}
END_TEST

START_TEST(h22_authorities_are_compared_with_their_default_port)
{
	static const struct {
		const char *a, *b;
		uint16_t port;
		bool same;
	} cases[] = {
		{ "a", "A", 80, true },        { "a:80", "a", 80, true },
		{ "a", "a:080", 80, true },    { "a:80", "a", 443, false },
		{ "a", "b", 80, false },       { "a:1", "a:2", 80, false },
		{ "[::1]", "[::1]:80", 80, true }, { "a.", "a", 80, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_authority a, b;

		ck_assert(http_authority_parse(str_of(cases[i].a), &a));
		ck_assert(http_authority_parse(str_of(cases[i].b), &b));
		ck_assert(http_authority_same(&a, &b, cases[i].port) == cases[i].same);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http path");
	TCase *t = tcase_create("path");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, h37_the_path_is_normalised_once);
	tcase_add_test(t, h37_h38_paths_that_hide_something_are_refused);
	tcase_add_test(t, a_path_that_is_normal_is_not_copied);
	tcase_add_test(t, an_arena_that_failed_is_told);
	tcase_add_test(t, h21_an_address_is_not_cut_at_nul);
	tcase_add_test(t, h22_authorities_are_compared_with_their_default_port);
	return http_run(s);
}
