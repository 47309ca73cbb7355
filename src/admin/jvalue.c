#include "admin/jvalue.h"

#include "admin/text.h"
#include "base/clock.h"

json_t *jvalue_number(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *jvalue_text(const char *t)
{
	return *t ? json_string(t) : json_null();
}

json_t *jvalue_instant(uint64_t wall_us)
{
	char t[TEXT_TIME];

	return text_iso_time(t, wall_us) ? json_string(t) : json_null();
}

json_t *jvalue_ms(uint64_t us)
{
	return json_real((double)us / CLOCK_MS);
}

json_t *jvalue_append(json_t *list, json_t *item)
{
	if (list && json_array_append_new(list, item) == 0)
		return list;
	if (!list)
		json_decref(item);
	json_decref(list);
	return NULL;
}

bool jvalue_print(json_t *document, FILE *out)
{
	bool good = document &&
		    json_dumpf(document, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0;

	json_decref(document);
	fputs(good ? "\n" : "", out);
	return good;
}
