/* External checks on their way from the configuration to the manifest. */
#include <stdio.h>

#include "conf_rig.h"
#include "loader/checks.h"

#define SETTINGS                                                                              \
	"frontends = ( { name = \"f\"; bind = ( \"127.0.0.1:81\" ); default_backend = \"one\";" \
	" routes = ( { when = \"path /\"; backend = \"two\"; } ); } );\n"

static struct manifest manifest;
static struct manifest_check checks[8];

static void fill(struct rig *r, const char *text)
{
	struct programs_list programs = { &r->source, &r->diags, &manifest, false };

	memset(&manifest, 0, sizeof(manifest));
	memset(checks, 0, sizeof(checks));
	rig_good(r, text);
	checks_fill(r->conf, &programs, checks);
	ck_assert_uint_eq(r->diags.errors, 0);
	ck_assert_uint_eq(manifest.n_checks, checks_count(r->conf));
}

static void check_is(unsigned i, const char *backend, const char *server, const char *address,
		     unsigned port, unsigned program)
{
	ck_assert_str_eq(checks[i].backend, backend);
	ck_assert_str_eq(checks[i].server, server);
	ck_assert_str_eq(checks[i].address, address);
	ck_assert_uint_eq(checks[i].port, port);
	ck_assert_uint_eq(checks[i].program, program);
}

static void program_is(unsigned i, uint64_t timeout_us)
{
	ck_assert_uint_eq(manifest.programs[i].kind, MANIFEST_CHECK);
	ck_assert_str_eq(manifest.programs[i].path, "/bin/sh");
	ck_assert_uint_eq(manifest.programs[i].timeout_us, timeout_us);
}

/* In the order of the file, whatever lies between; equal ones share a program. */
START_TEST(checks_stand_in_order)
{
	struct rig r = { 0 };

	fill(&r, SETTINGS
	     "backends = ( { name = \"one\";"
	     " check: { external = \"/bin/sh\"; timeout = \"1s\"; };"
	     " servers = ( { name = \"a\"; address = \"127.0.0.1:1\"; max_connections = 5; },"
	     " { name = \"b\"; address = \"127.0.0.1:2\"; check: { tcp = true; }; },"
	     " { name = \"c\"; address = \"[::1]:3\"; check: { port = 4; }; } ); },\n"
	     " { name = \"two\"; servers = ( { name = \"d\"; address = \"unix:/run/d.sock\";"
	     " check: { external = \"/bin/sh\"; interval = \"7s\";"
	     " timeout = \"3s\"; }; } ); } );\n");
	ck_assert_uint_eq(manifest.n_programs, 2);
	program_is(0, 1000000);
	program_is(1, 3000000);
	ck_assert_uint_eq(manifest.n_checks, 3);
	check_is(0, "one", "a", "127.0.0.1", 1, 0);
	check_is(1, "one", "c", "::1", 4, 0);
	check_is(2, "two", "d", "/run/d.sock", 0, 1);
	ck_assert_uint_eq(checks[0].max_connections, 5);
	ck_assert_uint_eq(checks[1].max_connections, 0);
	rig_free(&r);
}
END_TEST

START_TEST(without_external_checks_there_is_nothing)
{
	struct rig r = { 0 };

	fill(&r, RIG_FRONTENDS RIG_BACKENDS);
	ck_assert_uint_eq(manifest.n_programs, 0);
	ck_assert_uint_eq(manifest.n_checks, 0);
	ck_assert_uint_eq(checks_first_round(r.conf), 0);
	rig_free(&r);
}
END_TEST

/* One more than run at a time is a second round. */
START_TEST(first_round_has_time_for_all)
{
	static char text[65536];
	size_t n = (size_t)sprintf(text, RIG_FRONTENDS
				   "backends = ( { name = \"app\";"
				   " check: { external = \"/bin/sh\"; interval = \"3s\"; };"
				   " servers = ( ");
	struct rig r = { 0 };

	for (unsigned i = 0; i <= MANIFEST_CHECKS_AT_ONCE; i++)
		n += (size_t)sprintf(text + n,
				     "%s{ name = \"s%u\"; address = \"10.0.0.1:%u\"; }",
				     i ? ", " : "", i, i + 1);
	strcpy(text + n, " ); } );\n");
	rig_good(&r, text);
	ck_assert_uint_eq(checks_count(r.conf), MANIFEST_CHECKS_AT_ONCE + 1);
	ck_assert_uint_eq(checks_first_round(r.conf), 2 * 3000000);
	rig_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loader_checks");
	TCase *t = tcase_create("checks");

	tcase_add_test(t, checks_stand_in_order);
	tcase_add_test(t, without_external_checks_there_is_nothing);
	tcase_add_test(t, first_round_has_time_for_all);
	suite_add_tcase(s, t);
	return rig_run(s);
}
