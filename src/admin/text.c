#include "admin/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

static bool is_utf8(const char *text)
{
	json_t *j = json_string(text);
	bool good = j != NULL;

	json_decref(j);
	return good;
}

/* U+0080 to U+009F are controls for a terminal as well. */
static bool is_c1(const unsigned char *p)
{
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
}

void text_clean(char *text, bool lines)
{
	bool utf8 = is_utf8(text);

	for (char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (lines && c == '\n')
			continue;
		if (c < 0x20 || c == 0x7f || (c > 0x7f && !utf8)) {
			*p = '?';
		} else if (is_c1((unsigned char *)p)) {
			p[0] = p[1] = '?';
		}
	}
}

static uint64_t seconds_between(uint64_t from_us, uint64_t now_us)
{
	return now_us > from_us ? (now_us - from_us) / CLOCK_SEC : 0;
}

static const struct {
	uint64_t seconds;
	char letter;
} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

#define LAST_UNIT 3

static unsigned unit_of(uint64_t seconds)
{
	unsigned i = 0;

	while (i < LAST_UNIT && seconds < units[i].seconds)
		i++;
	return i;
}

const char *text_age(char to[TEXT_TIME], uint64_t from_us, uint64_t now_us)
{
	uint64_t s = seconds_between(from_us, now_us);
	unsigned i = unit_of(s);

	snprintf(to, TEXT_TIME, "%llu%c", (unsigned long long)(s / units[i].seconds),
		 units[i].letter);
	return to;
}

const char *text_uptime(char to[TEXT_TIME], uint64_t from_us, uint64_t now_us)
{
	uint64_t s = seconds_between(from_us, now_us);
	unsigned i = unit_of(s);

	if (i == LAST_UNIT)
		return text_age(to, from_us, now_us);
	snprintf(to, TEXT_TIME, "%llu%c %llu%c", (unsigned long long)(s / units[i].seconds),
		 units[i].letter,
		 (unsigned long long)(s % units[i].seconds / units[i + 1].seconds),
		 units[i + 1].letter);
	return to;
}

const char *text_lapse(char to[TEXT_TIME], uint64_t us)
{
	if (us < 10 * CLOCK_MS)
		snprintf(to, TEXT_TIME, "%.1fms", (double)us / CLOCK_MS);
	else if (us < CLOCK_SEC)
		snprintf(to, TEXT_TIME, "%llums", (unsigned long long)(us / CLOCK_MS));
	else if (us < 10 * CLOCK_SEC)
		snprintf(to, TEXT_TIME, "%llu.%llus", (unsigned long long)(us / CLOCK_SEC),
			 (unsigned long long)(us % CLOCK_SEC / (CLOCK_SEC / 10)));
	else
		text_age(to, 0, us);
	return to;
}

const char *text_interval(char to[TEXT_TIME], uint64_t us)
{
	if (us && us % CLOCK_SEC == 0)
		snprintf(to, TEXT_TIME, "%llus", (unsigned long long)(us / CLOCK_SEC));
	else
		snprintf(to, TEXT_TIME, "%llums", (unsigned long long)(us / CLOCK_MS));
	return to;
}

bool text_iso_time(char to[TEXT_TIME], uint64_t wall_us)
{
	time_t t = (time_t)(wall_us / CLOCK_SEC);
	struct tm tm;
	size_t n;

	if (!wall_us || !gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900)
		return false;
	n = strftime(to, TEXT_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(to + n, TEXT_TIME - n, ".%03uZ", (unsigned)(wall_us / CLOCK_MS % 1000));
	return true;
}

const char *text_local_time(char to[TEXT_TIME], uint64_t wall_us)
{
	time_t t = (time_t)(wall_us / CLOCK_SEC);
	struct tm tm;

	if (!wall_us)
		return "never";
	if (!localtime_r(&t, &tm) || tm.tm_year > 9999 - 1900)
		return "at no time";
	strftime(to, TEXT_TIME, "%Y-%m-%d %H:%M:%S", &tm);
	return to;
}

const char *text_bytes(char to[TEXT_BYTES], uint64_t n)
{
	static const char letters[] = "KMGTPE";
	unsigned unit = 0;

	if (n < 1024) {
		snprintf(to, TEXT_BYTES, "%u", (unsigned)n);
		return to;
	}
	for (; n >= 1024 * 1024; n /= 1024)
		unit++;
	if (n < 10 * 1024)
		snprintf(to, TEXT_BYTES, "%u.%u%c", (unsigned)(n / 1024),
			 (unsigned)(n % 1024 * 10 / 1024), letters[unit]);
	else
		snprintf(to, TEXT_BYTES, "%u%c", (unsigned)(n / 1024), letters[unit]);
	return to;
}

const char *text_or_dash(const char *text)
{
	return *text ? text : "-";
}

const char *text_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}
