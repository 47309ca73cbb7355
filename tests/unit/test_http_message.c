/* Names, lists, dates, phrases. */
#include "http_testing.h"

#include <time.h>

#include "http/connection.h"
#include "http/fields.h"

START_TEST(every_known_field_is_classified)
{
	static const struct {
		struct str name;
		enum http_field_id id;
	} rows[] = {
#define FIELD(id, name, flags) { { (name), sizeof(name) - 1 }, FIELD_##id },
#include "http/fields.def"
#undef FIELD
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		ck_assert_msg(http_field_classify(rows[i].name) == rows[i].id, "%.*s",
			      STR_ARGS(rows[i].name));
		ck_assert(str_copy(text, sizeof(text), rows[i].name));
		for (size_t j = 0; j < rows[i].name.n; j++)
			text[j] = (char)(j % 2 ? str_lower_char(text[j]) :
						 (text[j] >= 'a' && text[j] <= 'z' ?
							  text[j] - 0x20 : text[j]));
		ck_assert_int_eq(http_field_classify(str_of(text)), rows[i].id);
		text[rows[i].name.n - 1] ^= 1;
		ck_assert_int_ne(http_field_classify(str_of(text)), rows[i].id);
		ck_assert_int_eq(http_field_classify(str_first(rows[i].name, rows[i].name.n - 1)),
				 FIELD_OTHER);
	}
	ck_assert_int_eq(http_field_classify(STR("")), FIELD_OTHER);
	ck_assert_int_eq(http_field_classify(STR("X-Forwarded-For-Very-Long-Indeed")),
			 FIELD_OTHER);
}
END_TEST

START_TEST(flags_of_fields)
{
	ck_assert_uint_eq(http_field_flags(FIELD_OTHER), 0);
	ck_assert_uint_eq(http_field_flags(FIELD_CONNECTION), FIELD_IS_HOP);
	ck_assert_uint_eq(http_field_flags(FIELD_TRANSFER_ENCODING),
			  FIELD_IS_HOP | FIELD_IS_KEPT | FIELD_IS_FRAMING);
	ck_assert_uint_eq(http_field_flags(FIELD_X_REAL_IP), FIELD_IS_FORGED | FIELD_IS_KEPT);
}
END_TEST

START_TEST(lists_give_their_elements)
{
	struct str rest = STR(" , a ,,\tb b\t, c"), item;

	ck_assert(http_list_next(&rest, &item));
	str_is(item, "a");
	ck_assert(http_list_next(&rest, &item));
	str_is(item, "b b");
	ck_assert(http_list_next(&rest, &item));
	str_is(item, "c");
	ck_assert(!http_list_next(&rest, &item));
	rest = STR(" , ,");
	ck_assert(!http_list_next(&rest, &item));
	rest = STR_NONE;
	ck_assert(!http_list_next(&rest, &item));
}
END_TEST

START_TEST(h90_which_methods_are_idempotent)
{
	ck_assert(http_method_idempotent(METHOD_GET) && http_method_idempotent(METHOD_HEAD));
	ck_assert(http_method_idempotent(METHOD_PUT) && http_method_idempotent(METHOD_DELETE));
	ck_assert(http_method_idempotent(METHOD_OPTIONS) && http_method_idempotent(METHOD_TRACE));
	ck_assert(!http_method_idempotent(METHOD_POST) && !http_method_idempotent(METHOD_PATCH));
	ck_assert(!http_method_idempotent(METHOD_OTHER) &&
		  !http_method_idempotent(METHOD_CONNECT));
}
END_TEST

START_TEST(h63_dates_are_as_the_library_writes_them)
{
	static const uint64_t some[] = { 0, 784111777, 951782400, 951868799, 4102444800,
					 1709164800, 2147483648, 253402300799, 4107542400 };
	char mine[30], theirs[64];

	http_date(784111777, mine);
	ck_assert_str_eq(mine, "Sun, 06 Nov 1994 08:49:37 GMT");
	for (uint64_t i = 0; i < 40000; i++) {
		uint64_t at = i < 9 ? some[i] : i * 86400 + i * 7;
		time_t t = (time_t)at;
		struct tm tm;

		http_date(at, mine);
		strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
		ck_assert_str_eq(mine, theirs);
	}
}
END_TEST

START_TEST(phrases_of_status_codes)
{
	str_is(http_status_phrase(404), "Not Found");
	str_is(http_status_phrase(100), "Continue");
	str_is(http_status_phrase(299), "");
	str_is(http_status_phrase(0), "");
}
END_TEST

START_TEST(h97_what_a_server_announces_of_its_idle_time)
{
	static const struct {
		const char *value;
		bool said;
		uint64_t seconds;
	} cases[] = {
		{ "timeout=5", true, 5 },
		{ "timeout=5, max=100", true, 5 },
		{ "max=100 , Timeout = 60", true, 60 },
		{ "timeout=0", true, 0 },
		{ "timeout=18446744073709551615", true, UINT64_MAX },
		{ "", false, 0 },
		{ "timeout", false, 0 },
		{ "timeout=", false, 0 },
		{ "timeout=-1", false, 0 },
		{ "timeout=5s", false, 0 },
		{ "timeout=\"5\"", false, 0 },
		{ "timeout=18446744073709551616", false, 0 },
		{ "xtimeout=5", false, 0 },
		{ "300", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t seconds = 0;

		ck_assert_msg(http_keep_alive_timeout(str_of(cases[i].value), &seconds) ==
				      cases[i].said, "%s", cases[i].value);
		ck_assert_uint_eq(seconds, cases[i].seconds);
	}
}
END_TEST

START_TEST(h95_what_authenticates_a_connection)
{
	static const char *const does[] = { "NTLM", "ntlm TlRMTVNTUAAB", "Negotiate",
					    "NEGOTIATE YII=", "Basic realm=\"x\", Negotiate",
					    "Basic realm=\"a b\",NTLM , Digest x=y" };
	static const char *const does_not[] = { "", "Basic dXNlcjpw", "Bearer NTLM", "NTLMv2 x",
						"Negotiated", "Digest realm=\"NTLM\"" };

	for (size_t i = 0; i < sizeof(does) / sizeof(does[0]); i++)
		ck_assert_msg(http_auth_is_of_connection(str_of(does[i])), "%s", does[i]);
	for (size_t i = 0; i < sizeof(does_not) / sizeof(does_not[0]); i++)
		ck_assert_msg(!http_auth_is_of_connection(str_of(does_not[i])), "%s", does_not[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http message");
	TCase *t = tcase_create("message");

	tcase_add_checked_fixture(t, http_setup, http_teardown);
	suite_add_tcase(s, t);
	tcase_add_test(t, every_known_field_is_classified);
	tcase_add_test(t, flags_of_fields);
	tcase_add_test(t, lists_give_their_elements);
	tcase_add_test(t, h90_which_methods_are_idempotent);
	tcase_add_test(t, h63_dates_are_as_the_library_writes_them);
	tcase_add_test(t, phrases_of_status_codes);
	tcase_add_test(t, h97_what_a_server_announces_of_its_idle_time);
	tcase_add_test(t, h95_what_authenticates_a_connection);
	return http_run(s);
}
