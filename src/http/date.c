#include "http/h1_write.h"

#define DAY 86400u

struct civil {
	uint64_t year;
	unsigned month, day; /* from 1 */
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so
 * that the leap day is the last of them. */
static struct civil civil_of(uint64_t days)
{
	uint64_t from_0000 = days + 719468, era = from_0000 / 146097;
	unsigned day_of_era = (unsigned)(from_0000 % 146097);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
					     year_of_era / 100);
	unsigned march_month = (5 * day_of_year + 2) / 153;
	struct civil c = { .year = era * 400 + year_of_era };

	c.day = day_of_year - (153 * march_month + 2) / 5 + 1;
	c.month = march_month < 10 ? march_month + 3 : march_month - 9;
	c.year += c.month <= 2;
	return c;
}

static char *put_text(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

static char *put_digits(char *to, unsigned v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + digits;
}

void http_date(uint64_t wall_seconds, char to[30])
{
	static const char weekdays[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t days = wall_seconds / DAY;
	unsigned second = (unsigned)(wall_seconds % DAY);
	struct civil c = civil_of(days);

	to = put_text(to, weekdays + 3 * (days % 7), 3);
	to = put_text(to, ", ", 2);
	to = put_digits(to, c.day, 2);
	*to++ = ' ';
	to = put_text(to, months + 3 * (c.month - 1), 3);
	*to++ = ' ';
	to = put_digits(to, (unsigned)(c.year % 10000), 4);
	*to++ = ' ';
	to = put_digits(to, second / 3600, 2);
	*to++ = ':';
	to = put_digits(to, second / 60 % 60, 2);
	*to++ = ':';
	to = put_digits(to, second % 60, 2);
	put_text(to, " GMT", 5);
}
