/* What sessions and kill answer, told by a daemon that may say anything. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/sessions.h"

static struct sessions *list;
static char *out;
static size_t n_out;

static void setup(void)
{
	list = sessions_new();
	ck_assert_ptr_nonnull(list);
	out = NULL;
}

static void teardown(void)
{
	sessions_free(list);
	free(out);
}

static const char *printed(bool json)
{
	FILE *f;

	free(out);
	f = open_memstream(&out, &n_out);
	ck_assert_ptr_nonnull(f);
	ck_assert(sessions_print(list, json, f));
	fclose(f);
	return out;
}

static void tell_two(void)
{
	sessions_tell(list, 'l',
		      STR("0.a\t1500\t20\tREAD_HEAD\t10.0.0.9:4\tfront\t-\t-\t0\t0\t-\t-\n"));
	sessions_tell(list, 'l',
		      STR("1.b\t90061000\t61000\tTUNNEL\t10.0.0.8:1\tfront\tws\tws1\t1536"
			  "\t3435134976\tGET\t/ws?a=b\n"));
}

START_TEST(the_oldest_comes_first)
{
	tell_two();
	ck_assert_str_eq(
		printed(false),
		"ID     AGE  IDLE  STEP       CLIENT      FRONTEND  SERVER    IN   OUT  REQUEST\n"
		"1.b  1d 1h    1m  TUNNEL     10.0.0.8:1  front     ws/ws1  1.5K  3.1G  "
		"GET /ws?a=b\n"
		"0.a     1s  20ms  READ_HEAD  10.0.0.9:4  front     -/-        0     0  - -\n");
}
END_TEST

START_TEST(a_document)
{
	json_t *j, *sessions, *head, *tunnel;

	tell_two();
	j = json_loads(printed(true), 0, NULL);
	sessions = json_object_get(j, "sessions");
	ck_assert_uint_eq(json_array_size(sessions), 2);
	tunnel = json_array_get(sessions, 0);
	head = json_array_get(sessions, 1);
	ck_assert_str_eq(json_string_value(json_object_get(tunnel, "id")), "1.b");
	ck_assert_int_eq(json_integer_value(json_object_get(tunnel, "age_ms")), 90061000);
	ck_assert_int_eq(json_integer_value(json_object_get(tunnel, "idle_ms")), 61000);
	ck_assert_int_eq(json_integer_value(json_object_get(tunnel, "bytes_in")), 1536);
	ck_assert_int_eq(json_integer_value(json_object_get(tunnel, "bytes_out")), 3435134976);
	ck_assert_str_eq(json_string_value(json_object_get(tunnel, "server")), "ws1");
	ck_assert_str_eq(json_string_value(json_object_get(tunnel, "target")), "/ws?a=b");
	ck_assert_str_eq(json_string_value(json_object_get(head, "step")), "READ_HEAD");
	ck_assert(json_is_null(json_object_get(head, "backend")));
	ck_assert(json_is_null(json_object_get(head, "server")));
	ck_assert(json_is_null(json_object_get(head, "method")));
	ck_assert(json_is_null(json_object_get(head, "target")));
	json_decref(j);
}
END_TEST

START_TEST(nothing_is_an_answer)
{
	json_t *j;

	ck_assert_str_eq(printed(false), "no such session runs\n");
	j = json_loads(printed(true), 0, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "sessions")), 0);
	ck_assert(json_is_array(json_object_get(j, "sessions")));
	json_decref(j);
}
END_TEST

START_TEST(what_cannot_be_read_is_dropped)
{
	static const char *const lines[] = {
		"", "\n\n", "\t\n", "0.b\t1500\t20\tTUNNEL\n",
		"0.c\tlong\t20\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\n",
		"0.c\t1\t-20\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\n",
		"0.d\t1\t2\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\tmore\n",
		"0.e\t1\t2\tTUNNEL\t\tf\tb\ts\t1\t2\tGET\t/\n",
		"0.f\t1\t2\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\n",
		"0.f\t1\t2\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		sessions_tell(list, 'l', str_of(lines[i]));
	sessions_tell(list, 'l', STR("0.g\0\t1\t2\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\n"));
	sessions_tell(list, 'l', STR_NONE);
	sessions_tell(list, 'q', STR("0.h\t1\t2\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\n"));
	ck_assert_str_eq(printed(false), "no such session runs\n");
}
END_TEST

START_TEST(no_byte_of_it_moves_the_cursor)
{
	json_t *j;

	sessions_tell(list, 'l',
		      STR("0.a\t1\t2\tTU\rNNEL\tc\x1b[2J\tf\tb\ts\t1\t2\tGET\t/\xff\n"));
	ck_assert_ptr_nonnull(strstr(printed(false), "TU?NNEL  c?[2J"));
	ck_assert_ptr_nonnull(strstr(printed(false), "GET /?\n"));
	j = json_loads(printed(true), 0, NULL);
	ck_assert_ptr_nonnull(j);
	json_decref(j);
}
END_TEST

START_TEST(many)
{
	char line[128];

	for (unsigned i = 0; i < 5000; i++) {
		int n = snprintf(line, sizeof(line),
				 "0.%x\t%u\t0\tTUNNEL\tc\tf\tb\ts\t1\t2\tGET\t/\n", i,
				 i * 7919 % 5000);

		sessions_tell(list, 'l', (struct str){ line, (size_t)n });
	}
	ck_assert_ptr_nonnull(strstr(printed(false), "\n0.3f1 "));
	ck_assert_uint_gt(n_out, 5000 * 30);
}
END_TEST

START_TEST(how_many_were_killed)
{
	FILE *f = open_memstream(&out, &n_out);

	sessions_tell(list, 'n', STR("1"));
	ck_assert(sessions_print_killed(list, false, f));
	sessions_tell(list, 'n', STR("40"));
	sessions_tell(list, 'n', STR("many"));
	ck_assert(sessions_print_killed(list, false, f));
	ck_assert(sessions_print_killed(list, true, f));
	fclose(f);
	ck_assert_str_eq(out, "ended 1 session\nended 40 sessions\n{\n  \"killed\": 40\n}\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin sessions");
	TCase *t = tcase_create("sessions");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_oldest_comes_first);
	tcase_add_test(t, a_document);
	tcase_add_test(t, nothing_is_an_answer);
	tcase_add_test(t, what_cannot_be_read_is_dropped);
	tcase_add_test(t, no_byte_of_it_moves_the_cursor);
	tcase_add_test(t, many);
	tcase_add_test(t, how_many_were_killed);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
