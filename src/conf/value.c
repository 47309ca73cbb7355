#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "conf/conf.h"

const struct value_unit value_durations[] = {
	{ "ms", CLOCK_MS },        { "s", CLOCK_SEC },         { "m", 60 * CLOCK_SEC },
	{ "h", 3600 * CLOCK_SEC }, { "d", 86400 * CLOCK_SEC }, { NULL, 0 },
};

const struct value_unit value_sizes[] = {
	{ "B", 1 },
	{ "KiB", 1ull << 10 },
	{ "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 },
	{ "TiB", 1ull << 40 },
	{ NULL, 0 },
};

/* What people write elsewhere. */
static const struct {
	const char *written, *meant;
} unit_aliases[] = {
	{ "msec", "ms" },  { "millis", "ms" }, { "sec", "s" },   { "secs", "s" },
	{ "second", "s" }, { "seconds", "s" }, { "min", "m" },   { "mins", "m" },
	{ "minute", "m" }, { "minutes", "m" }, { "hour", "h" },  { "hours", "h" },
	{ "hr", "h" },     { "day", "d" },     { "days", "d" },  { "byte", "B" },
	{ "bytes", "B" },  { "k", "KiB" },     { "kb", "KiB" },  { "kib", "KiB" },
	{ "m", "MiB" },    { "mb", "MiB" },    { "mib", "MiB" }, { "g", "GiB" },
	{ "gb", "GiB" },   { "gib", "GiB" },   { "t", "TiB" },   { "tb", "TiB" },
	{ "tib", "TiB" },  { "b", "B" },       { "s", "s" },     { "h", "h" },
	{ "d", "d" },      { "ms", "ms" },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits in front; the rest is the unit. */
static struct str split_digits(struct str *text)
{
	size_t n = 0;

	while (n < text->n && is_digit(text->p[n]))
		n++;
	struct str digits = str_first(*text, n);
	*text = str_from(*text, n);
	return digits;
}

static const struct value_unit *unit_find(const struct value_unit *units, struct str name)
{
	for (; units->name; units++)
		if (str_eq(str_of(units->name), name))
			return units;
	return NULL;
}

static const struct value_unit *unit_guess(const struct value_unit *units, struct str name)
{
	size_t n = sizeof(unit_aliases) / sizeof(unit_aliases[0]);

	for (size_t i = 0; i < n; i++) {
		const struct value_unit *u;

		if (!str_ieq(str_of(unit_aliases[i].written), name))
			continue;
		u = unit_find(units, str_of(unit_aliases[i].meant));
		if (u)
			return u;
	}
	return unit_find(units, name);
}

enum value_result value_quantity(const struct value_unit *units, struct str text, uint64_t *out)
{
	struct str digits = split_digits(&text);
	const struct value_unit *unit;
	uint64_t n;

	if (digits.n == 0)
		return VALUE_NOT_NUMBER;
	if (text.n == 0)
		return VALUE_NO_UNIT;
	if (text.p[0] == '.' || text.p[0] == ',')
		return VALUE_FRACTION;
	unit = unit_find(units, text);
	if (!unit)
		return VALUE_BAD_UNIT;
	if (!str_to_u64(digits, &n) || n > INT64_MAX / unit->factor)
		return VALUE_TOO_LARGE;
	*out = n * unit->factor;
	return VALUE_OK;
}

void value_format(const struct value_unit *units, uint64_t value, char *to, size_t size)
{
	const struct value_unit *best = units == value_durations && value == 0 ? units + 1 : units;

	for (const struct value_unit *u = units; u->name; u++)
		if (value && value % u->factor == 0)
			best = u;
	snprintf(to, size, "%" PRIu64 "%s", value / best->factor, best->name);
}

/* A number alone: seconds, unless it looks like HAProxy's milliseconds; bytes. */
static const struct value_unit *unit_default(const struct value_unit *units, uint64_t n)
{
	return units == value_durations && n < 1000 ? units + 1 : units;
}

/* "1.5s": one digit behind the point is enough to be guessed. */
static bool suggest_fraction(const struct value_unit *units, uint64_t n, struct str rest, char *to,
			     size_t size)
{
	const struct value_unit *unit;

	if (rest.n < 3 || !is_digit(rest.p[1]))
		return false;
	unit = unit_guess(units, str_from(rest, 2));
	if (!unit || n > 100000 || unit == units)
		return false;
	value_format(units, (n * 10 + (uint64_t)(rest.p[1] - '0')) * unit->factor / 10, to, size);
	return true;
}

bool value_suggest(const struct value_unit *units, struct str text, char *to, size_t size)
{
	const struct value_unit *unit;
	struct str digits;
	uint64_t n;

	text = str_trim(text);
	digits = split_digits(&text);
	if (!str_to_u64(digits, &n) || n > INT64_MAX / 1024)
		return false;
	if (text.n && (text.p[0] == '.' || text.p[0] == ','))
		return suggest_fraction(units, n, text, to, size);
	text = str_trim(text);
	unit = text.n ? unit_guess(units, text) : unit_default(units, n);
	if (!unit || n > INT64_MAX / unit->factor)
		return false;
	if (text.n == 0 && units == value_sizes)
		value_format(units, n, to, size);
	else
		snprintf(to, size, "%" PRIu64 "%s", n, unit->name);
	return true;
}

static bool parse_hex(struct str digits, uint64_t *out)
{
	uint64_t v = 0;

	if (digits.n == 0 || digits.n > 16)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		char c = str_lower_char(digits.p[i]);

		v = v << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*out = v;
	return true;
}

bool value_integer(struct str text, int64_t *out)
{
	bool minus = text.n && text.p[0] == '-';
	uint64_t v;
	bool good;

	if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
		text = str_from(text, 1);
	while (text.n && text.p[text.n - 1] == 'L')
		text.n--;
	if (str_ibegins(text, STR("0x")))
		good = parse_hex(str_from(text, 2), &v);
	else
		good = str_to_u64(text, &v);
	if (!good || v > INT64_MAX)
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

bool value_is_name(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.:-";

	for (size_t i = 0; i < text.n; i++)
		if (!memchr(allowed, text.p[i], sizeof(allowed) - 1))
			return false;
	return text.n > 0 && text.n <= CONF_NAME_MAX;
}

bool value_is_host(struct str text)
{
	bool letter = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = str_lower_char(text.p[i]);

		if (c >= 'a' && c <= 'z')
			letter = true;
		else if (!is_digit(c) && c != '.' && c != '-' && c != '_')
			return false;
	}
	return letter && text.n <= 253 && text.p[0] != '-' && text.p[0] != '.';
}

bool value_is_token(struct str text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < text.n; i++) {
		char c = str_lower_char(text.p[i]);

		if (!is_digit(c) && (c < 'a' || c > 'z') && !memchr(marks, c, sizeof(marks) - 1))
			return false;
	}
	return text.n > 0;
}

/* "s" is one of them, "10s" ten. */
static bool read_period(struct str text, uint64_t *period)
{
	const struct value_unit *unit = unit_find(value_durations, text);

	if (!unit)
		return value_quantity(value_durations, text, period) == VALUE_OK && *period;
	*period = unit->factor;
	return true;
}

const char *value_rate(struct str text, uint64_t *count, uint64_t *period)
{
	ptrdiff_t slash = str_find_char(text, '/');

	if (slash < 0)
		return "it does not say in what time";
	if (!str_to_u64(str_first(text, (size_t)slash), count) || *count == 0 ||
	    *count > UINT32_MAX)
		return "in front of the slash stands no number of requests";
	if (!read_period(str_from(text, (size_t)slash + 1), period))
		return "behind the slash stands no time";
	return NULL;
}

static bool status_code(struct str text, uint16_t *code)
{
	uint64_t v;

	text = str_trim(text);
	if (text.n != 3 || !str_to_u64(text, &v) || v < 100 || v > 599)
		return false;
	*code = (uint16_t)v;
	return true;
}

bool value_statuses(struct str text, uint16_t *from, uint16_t *to)
{
	ptrdiff_t dash = str_find_char(text, '-');

	if (dash >= 0)
		return status_code(str_first(text, (size_t)dash), from) &&
		       status_code(str_from(text, (size_t)dash + 1), to) && *from <= *to;
	if (!status_code(text, from))
		return false;
	*to = *from;
	return true;
}
