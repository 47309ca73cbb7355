/* The open files of the proxy, shared out. */
#include <check.h>
#include <stdlib.h>

#include "base/files.h"

START_TEST(what_is_needed_is_enough)
{
	static const uint64_t clients[] = { 1, 2, 100, 4096, 1000000 };
	static const uint64_t servers[] = { 0, 1, 300, 4096 };

	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 4; k++) {
			uint64_t files = files_needed(clients[i], servers[k]);
			uint64_t fit = files_for_clients(files, servers[k]);

			ck_assert_uint_ge(files, 2 * clients[i] + servers[k] + 256);
			if (clients[i] > 256 + servers[k])
				ck_assert_uint_eq(fit, clients[i]);
			ck_assert_uint_ge(files_for_servers(files, servers[k], clients[i]),
					  clients[i]);
		}
}
END_TEST

/* Whatever is allowed: clients, as many connections to servers and the checks fit into it. */
START_TEST(no_more_clients_than_can_be_served)
{
	for (uint64_t servers = 0; servers < 5000; servers = 3 * servers + 1)
		for (uint64_t files = 4; files < 20000; files += 1 + files / 7) {
			uint64_t clients = files_for_clients(files, servers);

			ck_assert_uint_ge(clients, 1);
			ck_assert_uint_le(2 * clients, files);
			if (files > 2 * (256 + servers))
				ck_assert_uint_le(2 * clients + servers + 256, files);
			ck_assert_uint_ge(files_for_servers(files, servers, clients), clients);
		}
	ck_assert_uint_eq(files_for_clients(100, 1), 25);
	ck_assert_uint_eq(files_for_clients(0, 0), 1);
}
END_TEST

START_TEST(what_is_left_is_the_servers)
{
	ck_assert_uint_eq(files_for_servers(10000, 44, 1000), 10000 - 256 - 44 - 1000);
	ck_assert_uint_eq(files_for_servers(300, 1, 75), 75);
	ck_assert_uint_gt(files_for_servers(UINT64_MAX, 1, 1000), 1ull << 60);
	ck_assert_uint_gt(files_for_clients(UINT64_MAX, 1), 1ull << 60);
	ck_assert_uint_gt(files_needed(UINT64_MAX, 1), 1ull << 60);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base files");
	TCase *t = tcase_create("base files");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, what_is_needed_is_enough);
	tcase_add_test(t, no_more_clients_than_can_be_served);
	tcase_add_test(t, what_is_left_is_the_servers);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
