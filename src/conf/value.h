/* What values look like as text. Pure: a text in, a value or the fault out. */
#ifndef HPCBAL_CONF_VALUE_H
#define HPCBAL_CONF_VALUE_H

#include "base/addr.h"
#include "base/str.h"

enum value_result {
	VALUE_OK,
	VALUE_NOT_NUMBER, /* does not begin with a digit */
	VALUE_FRACTION,
	VALUE_NO_UNIT,
	VALUE_BAD_UNIT,
	VALUE_TOO_LARGE
};

struct value_unit {
	const char *name;
	uint64_t factor;
};

/* From the smallest; each table ends with a NULL name. */
extern const struct value_unit value_durations[]; /* ms s m h d; in µs */
extern const struct value_unit value_sizes[];     /* B KiB MiB GiB TiB; in bytes */

enum value_result value_quantity(const struct value_unit *units, struct str text, uint64_t *out);
/* As a person would write it: in the largest unit that needs no fraction. */
void value_format(const struct value_unit *units, uint64_t value, char *to, size_t size);
/* What `text` was meant to be: 5 → 5s, 5000 → 5000ms, 64k → 64KiB, 1.5s → 1500ms. False
 * when that cannot be guessed. */
bool value_suggest(const struct value_unit *units, struct str text, char *to, size_t size);

/* "50/s", "10/m", "100/10s": how many, in how many µs. NULL, or what is wrong with it (a
 * literal). */
const char *value_rate(struct str text, uint64_t *count, uint64_t *period);

/* "404", "500-504": the first and the last status of it, within 100 to 599. */
bool value_statuses(struct str text, uint16_t *from, uint16_t *to);

/* libconfig's own numbers wrap around; this reads what was written. False: it does not fit. */
bool value_integer(struct str text, int64_t *out);

/* Of an object: 1 to CONF_NAME_MAX of A-Z a-z 0-9 _ . : - */
bool value_is_name(struct str text);
/* A name that may be looked up: letters, digits, dots, "-" and "_"; one that is made of
 * digits and dots alone was meant to be an address. */
bool value_is_host(struct str text);
/* A word as in RFC 9110's token. */
bool value_is_token(struct str text);

#endif
