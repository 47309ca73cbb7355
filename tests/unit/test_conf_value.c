#include "conf_rig.h"

#include "conf/value.h"

static const struct {
	const struct value_unit *units;
	const char *text;
	enum value_result result;
	uint64_t value;
	const char *suggested; /* NULL: nothing */
} quantities[] = {
	{ value_durations, "0s", VALUE_OK, 0, "0s" },
	{ value_durations, "500ms", VALUE_OK, 500000, "500ms" },
	{ value_durations, "5s", VALUE_OK, 5000000, "5s" },
	{ value_durations, "1m", VALUE_OK, 60000000, "1m" },
	{ value_durations, "1h", VALUE_OK, 3600000000, "1h" },
	{ value_durations, "1d", VALUE_OK, 86400000000, "1d" },
	{ value_durations, "007s", VALUE_OK, 7000000, "7s" },
	{ value_durations, "5", VALUE_NO_UNIT, 0, "5s" },
	{ value_durations, "999", VALUE_NO_UNIT, 0, "999s" },
	{ value_durations, "5000", VALUE_NO_UNIT, 0, "5000ms" },
	{ value_durations, "5sec", VALUE_BAD_UNIT, 0, "5s" },
	{ value_durations, "5 s", VALUE_BAD_UNIT, 0, "5s" },
	{ value_durations, "5S", VALUE_BAD_UNIT, 0, "5s" },
	{ value_durations, "2MIN", VALUE_BAD_UNIT, 0, "2m" },
	{ value_durations, "5us", VALUE_BAD_UNIT, 0, NULL },
	{ value_durations, "5KiB", VALUE_BAD_UNIT, 0, NULL },
	{ value_durations, "1m30s", VALUE_BAD_UNIT, 0, NULL },
	{ value_durations, "1.5s", VALUE_FRACTION, 0, "1500ms" },
	{ value_durations, "0,5s", VALUE_FRACTION, 0, "500ms" },
	{ value_durations, "1.25s", VALUE_FRACTION, 0, NULL },
	{ value_durations, "1.5", VALUE_FRACTION, 0, NULL },
	{ value_durations, "1.5ms", VALUE_FRACTION, 0, NULL },
	{ value_durations, "", VALUE_NOT_NUMBER, 0, NULL },
	{ value_durations, "s", VALUE_NOT_NUMBER, 0, NULL },
	{ value_durations, "-5s", VALUE_NOT_NUMBER, 0, NULL },
	{ value_durations, "+5s", VALUE_NOT_NUMBER, 0, NULL },
	{ value_durations, " 5s", VALUE_NOT_NUMBER, 0, "5s" },
	{ value_durations, "106751991d", VALUE_OK, 9223372022400000000u, "106751991d" },
	{ value_durations, "106751992d", VALUE_TOO_LARGE, 0, NULL },
	{ value_durations, "99999999999999999999999s", VALUE_TOO_LARGE, 0, NULL },
	{ value_sizes, "0B", VALUE_OK, 0, "0B" },
	{ value_sizes, "1B", VALUE_OK, 1, "1B" },
	{ value_sizes, "64KiB", VALUE_OK, 65536, "64KiB" },
	{ value_sizes, "1MiB", VALUE_OK, 1048576, "1MiB" },
	{ value_sizes, "3GiB", VALUE_OK, 3221225472, "3GiB" },
	{ value_sizes, "1TiB", VALUE_OK, 1099511627776, "1TiB" },
	{ value_sizes, "64k", VALUE_BAD_UNIT, 0, "64KiB" },
	{ value_sizes, "64KB", VALUE_BAD_UNIT, 0, "64KiB" },
	{ value_sizes, "1m", VALUE_BAD_UNIT, 0, "1MiB" },
	{ value_sizes, "65536", VALUE_NO_UNIT, 0, "64KiB" },
	{ value_sizes, "1000", VALUE_NO_UNIT, 0, "1000B" },
	{ value_sizes, "5s", VALUE_BAD_UNIT, 0, NULL },
	{ value_sizes, "unlimited", VALUE_NOT_NUMBER, 0, NULL },
};

START_TEST(quantity_is_read_or_refused)
{
	uint64_t v = 0;

	ck_assert_int_eq(value_quantity(quantities[_i].units, str_of(quantities[_i].text), &v),
			 quantities[_i].result);
	if (quantities[_i].result == VALUE_OK)
		ck_assert_uint_eq(v, quantities[_i].value);
}
END_TEST

START_TEST(quantity_is_guessed)
{
	char hint[64];
	bool guessed = value_suggest(quantities[_i].units, str_of(quantities[_i].text), hint,
				     sizeof(hint));

	/* What is right needs no guess, but what is guessed has to be right. */
	if (quantities[_i].result != VALUE_OK)
		ck_assert_int_eq(guessed, quantities[_i].suggested != NULL);
	if (guessed) {
		uint64_t v;

		ck_assert_int_eq(value_quantity(quantities[_i].units, str_of(hint), &v), VALUE_OK);
		if (quantities[_i].result != VALUE_OK)
			ck_assert_str_eq(hint, quantities[_i].suggested);
	}
}
END_TEST

static const struct {
	const struct value_unit *units;
	uint64_t value;
	const char *text;
} formats[] = {
	{ value_durations, 0, "0s" },
	{ value_durations, 1000, "1ms" },
	{ value_durations, 1500000, "1500ms" },
	{ value_durations, 60000000, "1m" },
	{ value_durations, 90000000, "90s" },
	{ value_durations, 86400000000, "1d" },
	{ value_sizes, 0, "0B" },
	{ value_sizes, 1023, "1023B" },
	{ value_sizes, 1024, "1KiB" },
	{ value_sizes, 61440, "60KiB" },
};

START_TEST(quantity_is_formatted)
{
	char text[64];

	value_format(formats[_i].units, formats[_i].value, text, sizeof(text));
	ck_assert_str_eq(text, formats[_i].text);
}
END_TEST

static const struct {
	const char *text;
	bool good;
	int64_t value;
} integers[] = {
	{ "0", true, 0 },
	{ "+7", true, 7 },
	{ "-7", true, -7 },
	{ "010", true, 10 },
	{ "0x1f", true, 31 },
	{ "0XFF", true, 255 },
	{ "5L", true, 5 },
	{ "5LL", true, 5 },
	{ "9223372036854775807", true, INT64_MAX },
	{ "9223372036854775808", false, 0 },
	{ "0x7fffffffffffffff", true, INT64_MAX },
	{ "0x8000000000000000", false, 0 },
	{ "0x10000000000000000", false, 0 },
	{ "99999999999999999999999", false, 0 },
	{ "", false, 0 },
	{ "-", false, 0 },
};

START_TEST(integer_is_what_was_written)
{
	int64_t v = 0;

	ck_assert_int_eq(value_integer(str_of(integers[_i].text), &v), integers[_i].good);
	ck_assert_int_eq(v, integers[_i].value);
}
END_TEST

#define X31 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *text;
	bool name, host, token;
} words[] = {
	{ "web1", true, true, true },
	{ "web_1.a:b-c", true, false, false },
	{ "1", true, false, true },
	{ "", false, false, false },
	{ "a b", false, false, false },
	{ "a/b", false, false, false },
	{ "a*b", false, false, true },
	{ "\xc3\xa9", false, false, false },
	{ X31 X31 "x", true, true, true },
	{ X31 X31 "xx", false, true, true },
	{ "app.example.org", true, true, true },
	{ "10.0.0.256", true, false, true },
	{ "10.0.0.1a", true, true, true },
	{ ".example", true, false, true },
	{ "-x", true, false, true },
};

START_TEST(word_is_classed)
{
	struct str s = str_of(words[_i].text);

	ck_assert_int_eq(value_is_name(s), words[_i].name);
	ck_assert_int_eq(value_is_host(s), words[_i].host);
	ck_assert_int_eq(value_is_token(s), words[_i].token);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	uint64_t count, period; /* count 0: it is none */
} rates[] = {
	{ "50/s", 50, 1000000 },
	{ "10/m", 10, 60000000 },
	{ "1/h", 1, 3600000000 },
	{ "7/d", 7, 86400000000 },
	{ "100/10s", 100, 10000000 },
	{ "3/250ms", 3, 250000 },
	{ "4294967295/s", 4294967295, 1000000 },
	{ "4294967296/s", 0, 0 },
	{ "0/s", 0, 0 },
	{ "50", 0, 0 },
	{ "/s", 0, 0 },
	{ "50/", 0, 0 },
	{ "50/0s", 0, 0 },
	{ "50 /s", 0, 0 },
	{ "50/ s", 0, 0 },
	{ "-1/s", 0, 0 },
	{ "50/s/s", 0, 0 },
	{ "50/KiB", 0, 0 },
	{ "", 0, 0 },
};

START_TEST(rate_is_read_or_refused)
{
	uint64_t count, period;
	const char *why = value_rate(str_of(rates[_i].text), &count, &period);

	ck_assert_msg(!why == (rates[_i].count != 0), "\"%s\": %s", rates[_i].text, why);
	if (why)
		return;
	ck_assert_uint_eq(count, rates[_i].count);
	ck_assert_uint_eq(period, rates[_i].period);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf_value");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, quantity_is_read_or_refused, 0, COUNT(quantities));
	tcase_add_loop_test(t, quantity_is_guessed, 0, COUNT(quantities));
	tcase_add_loop_test(t, quantity_is_formatted, 0, COUNT(formats));
	tcase_add_loop_test(t, integer_is_what_was_written, 0, COUNT(integers));
	tcase_add_loop_test(t, word_is_classed, 0, COUNT(words));
	tcase_add_loop_test(t, rate_is_read_or_refused, 0, COUNT(rates));
	suite_add_tcase(s, t);
	return rig_run(s);
}
